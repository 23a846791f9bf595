//! The portable dialect, made Converse: the shape of chat completions, under the role names people bring from elsewhere.
//!
//! Messages are translated as they are given ([`message`], [`part`]), so that what stands in a request is Converse and appending
//! leaves every byte before it alone. Members wait under their portable names until a call is made ([`members`]): only then is it
//! known what the model's defaults add. What is native already stays as it is, to the byte. Nothing is dropped silently: what
//! Converse has no place for is an error that says where it can go. Blank texts alone are left out; the service refuses them.

mod media;
pub mod members;
mod message;
pub mod names;
mod part;
mod tools;

pub use media::Medium;
pub use message::{Role, Translated, role, unknown_role};

use super::document::{Document, Piece};
use crate::error::{Error, Kind, Result, quote};
use crate::json::{self, Json};
use names::Names;
use std::borrow::Cow;
use std::fmt;

/// Members by which a request is known to be for another operation than Converse.
const FOREIGN: [&str; 6] = ["body", "checks", "content", "input", "invocationArn", "modelInput"];

pub fn is_foreign(member: &str) -> bool {
    FOREIGN.contains(&member)
}

/// Makes the document's messages Converse's, and checks its portable members. What is for another operation stays as it is.
pub fn translate(document: &mut Document) -> Result<()> {
    if document.names().any(is_foreign) {
        return Ok(());
    }
    members::check(document)?;
    if document.list("messages").is_none() {
        return Ok(());
    }
    let given = document.list_mut("messages").map(|list| list.take_items()).unwrap_or_default();
    let mut names = Names::default();
    let mut run = Run::default();
    for (index, item) in given.into_iter().enumerate() {
        let at = |error| within(error, &format!("/messages/{index}"));
        let message = Json::parse(item.text()).map_err(|invalid| refuse("", format_args!("broken JSON: {invalid}")))?;
        names.see(document.items("messages"));
        match message::translate(message, &mut names).map_err(at)? {
            Some(translated) => run.add(document, translated).map_err(at)?,
            None => {
                run.end(document).map_err(at)?;
                push(document, "messages", item)?;
            }
        }
    }
    run.end(document)
}

/// Messages of one role that follow each other, to be written as one.
#[derive(Default)]
struct Run(Option<Translated>);

impl Run {
    /// A system prompt has a place of its own.
    fn add(&mut self, document: &mut Document, message: Translated) -> Result<()> {
        match &mut self.0 {
            _ if message.role == Role::System => add(document, message),
            _ if message.blocks.is_empty() => Ok(()),
            Some(run) if run.role.to_string() == message.role.to_string() => {
                run.blocks.extend(message.blocks);
                Ok(())
            }
            _ => {
                self.end(document)?;
                self.0 = Some(message);
                Ok(())
            }
        }
    }

    fn end(&mut self, document: &mut Document) -> Result<()> {
        self.0.take().map_or(Ok(()), |run| add(document, run))
    }
}

/// Adds a message. Consecutive ones of one role share one, as the service demands; a system prompt has a place of its
/// own. One of blank text alone has no blocks, and adds nothing.
pub fn add(document: &mut Document, message: Translated) -> Result<()> {
    let Translated { role, blocks } = message;
    if blocks.is_empty() {
        return Ok(());
    }
    if role == Role::System {
        return blocks.iter().try_for_each(|block| push(document, "system", Piece::value(block)?));
    }
    let blocks = blocks.join(",");
    let last = document.list_mut("messages").and_then(|list| list.last_mut());
    if let Some(last) = last
        && let Some(longer) = with_blocks(last.text(), role, &blocks)
    {
        *last = Piece::value(&longer)?;
        return Ok(());
    }
    push(document, "messages", Piece::value(&format!("{{\"role\":\"{role}\",\"content\":[{blocks}]}}"))?)
}

/// The message with more blocks at the end of its content; None where it is another's. What it holds stays as it was written.
fn with_blocks(message: &str, role: Role, blocks: &str) -> Option<String> {
    let json = Json::parse(message).ok()?;
    let content = json.get("content").filter(|content| content.kind() == json::Kind::Array)?;
    if !json.get("role")?.is(&role.to_string()) {
        return None;
    }
    let end = json::offset(message, content.text()) + content.text().len() - 1;
    let comma = if content.elements().next().is_some() { "," } else { "" };
    Some(format!("{}{comma}{blocks}{}", &message[..end], &message[end..]))
}

/// Appends to one of the document's lists.
pub fn push(document: &mut Document, list: &str, item: Piece) -> Result<()> {
    let list = document.list_mut(list).ok_or_else(|| {
        refuse(format!("/{list}"), format_args!("adding to the request: its member {list:?} is not an array"))
    })?;
    list.push(item);
    Ok(())
}

/// A message in either dialect, as one of Converse after the messages of `document`. None where it is native already.
pub fn message(message: Json<'_>, document: &Document) -> Result<Option<Translated>> {
    let mut names = Names::default();
    names.see(document.items("messages"));
    message::translate(message, &mut names)
}

/// What is wrong with a member of what was given.
fn refuse(path: impl Into<String>, what: impl fmt::Display) -> Error {
    Error::new(Kind::Request, format_args!("{what}")).at(path)
}

/// Puts `before` in front of an error's pointer.
fn within(error: Error, before: &str) -> Error {
    let path = format!("{before}{}", error.path());
    error.at(path)
}

/// That `object`, which is `what`, has no members but those known. Null is as good as nothing.
fn only(object: Json<'_>, what: &str, known: &[&str]) -> Result<()> {
    let unknown = |member: &json::Member<'_>| {
        member.value.kind() != json::Kind::Null && !known.iter().any(|known| member.key.is(known))
    };
    match object.members().find(unknown) {
        None => Ok(()),
        Some(member) => {
            let key = member.key.string().unwrap_or_default();
            let path = format!("/{}", json::pointer_token(&key));
            Err(refuse(path, format_args!("{what} has no member {}; it has {}", quote(&key), known.join(", "))))
        }
    }
}

/// A member that is there and not null.
fn given<'a>(object: Json<'a>, key: &str) -> Option<Json<'a>> {
    object.get(key).filter(|value| value.kind() != json::Kind::Null)
}

/// A string that has to be there.
fn text<'a>(object: Json<'a>, key: &str, what: &str) -> Result<Cow<'a, str>> {
    let value = given(object, key).ok_or_else(|| refuse(format!("/{key}"), format_args!("{what} needs {key}")))?;
    value.string().ok_or_else(|| mistyped(key, "a string", value))
}

fn mistyped(key: &str, expected: &str, found: Json<'_>) -> Error {
    refuse(format!("/{key}"), format_args!("expected {expected}, found {}", found.kind()))
}
