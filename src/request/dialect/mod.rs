//! The portable dialect, made Converse: the shape of chat completions, under the role names people bring from
//! elsewhere.
//!
//! Messages are translated as they are given ([`message`], [`part`]), so that what stands in a request is Converse and
//! appending leaves every byte before it alone. Members wait under their portable names until a call is made
//! ([`members`]): only then is it known what the model's defaults add. What is native already stays as it is, to the
//! byte. Nothing is dropped silently: what Converse has no place for is an error that says where it can go. Left out
//! are blank texts, which the service refuses, and standard values that ask for what happens anyway ([`standard`]).

mod attached;
mod cache;
pub mod media;
pub mod members;
mod message;
pub mod names;
mod object;
mod part;
mod settle;
mod speakers;
mod standard;
mod thought;
mod tools;
pub mod values;

pub use media::Medium;
pub use message::{Role, Translated, role, unknown_role};
pub use settle::settle;
pub use speakers::Speakers;

use super::document::{Document, List, Piece};
use super::places::{Block, Origin};
use super::wiped::Wiped;
use crate::error::{Error, Kind, Result};
use crate::json::{self, Json};
use message::Made;
use names::Taken;
use part::Content;
use std::fmt;

/// Members by which a request is known to be for another operation than Converse.
const FOREIGN: [&str; 6] = ["body", "checks", "content", "input", "invocationArn", "modelInput"];

pub fn is_foreign(member: &str) -> bool {
    FOREIGN.contains(&member)
}

/// Makes the document's messages and its system prompt Converse's, and checks its portable members. What is for another
/// operation stays as it is.
pub fn translate(document: &mut Document) -> Result<()> {
    if document.names().any(is_foreign) {
        return Ok(());
    }
    members::check(document)?;
    system(document)?;
    if document.list("messages").is_none() {
        return Ok(());
    }
    let given = document.list_mut("messages").map(|list| list.take_items()).unwrap_or_default();
    let mut speakers = Speakers::default();
    let mut run = Run::default();
    for (index, item) in given.into_iter().enumerate() {
        let place = format!("/messages/{index}");
        let at = |error| within(error, &place);
        let mut names = document.document_names();
        let made = message::translate(item.json(), &mut names, &mut speakers).map_err(at)?;
        take(document, names.into_own());
        match made {
            Some(made) => run.add(document, made.within(&place)).map_err(at)?,
            None => {
                run.end(document).map_err(at)?;
                push(document, "messages", item)?;
                note(document, "messages", Origin::same(place));
            }
        }
    }
    run.end(document)?;
    document.speakers = speakers;
    Ok(())
}

/// A system prompt that is a text, or holds text parts, becomes blocks.
fn system(document: &mut Document) -> Result<()> {
    const SYSTEM: &str = "system";
    let typed = |item: &Piece| Json::parse(item.text()).is_ok_and(|block| block.get("type").is_some());
    let made = match document.value(SYSTEM) {
        Some(prompt) if prompt.kind() == json::Kind::String => message::prompt(&Content::Text(prompt), "").map(Some),
        None if document.items(SYSTEM).iter().any(typed) => {
            let blocks: Vec<_> = document.items(SYSTEM).iter().map(Piece::text).collect();
            let blocks = format!("[{}]", &*Wiped::joined(&blocks));
            let blocks = Json::parse(&blocks).map_err(|invalid| refuse("", format_args!("broken JSON: {invalid}")))?;
            message::prompt(&Content::of(Some(blocks)), "").map(Some)
        }
        _ => Ok(None),
    };
    let Some(blocks) = made.map_err(|error| within(error, "/system"))? else { return Ok(()) };
    if blocks.is_empty() {
        document.remove(SYSTEM);
        return Ok(());
    }
    document.replace_with_list(SYSTEM, Vec::new());
    blocks.into_iter().try_for_each(|block| push_block(document, SYSTEM, block.within("/system")))
}

/// Takes note of where the last of a list came from.
fn note(document: &mut Document, list: &str, origin: Origin) {
    let last = document.items(list).len().saturating_sub(1);
    if let Some(places) = document.places_mut(list) {
        places.put(format!("/{last}"), origin);
    }
}

/// Appends a block to one of the document's lists.
fn push_block(document: &mut Document, list: &str, block: Block) -> Result<()> {
    push(document, list, Piece::value(&*block.json)?)?;
    let last = document.items(list).len() - 1;
    if let Some(places) = document.places_mut(list) {
        places.put_block(&format!("/{last}"), block.places);
    }
    Ok(())
}

/// Messages of one role that follow each other, to be written as one.
#[derive(Default)]
struct Run(Option<Made>);

impl Run {
    /// A system prompt has a place of its own.
    fn add(&mut self, document: &mut Document, made: Made) -> Result<()> {
        match &mut self.0 {
            _ if made.role == Role::System => {
                made.blocks.into_iter().try_for_each(|block| push_block(document, "system", block))
            }
            _ if made.blocks.is_empty() => Ok(()),
            Some(run) if run.role.to_string() == made.role.to_string() => {
                run.blocks.extend(made.blocks);
                Ok(())
            }
            _ => {
                self.end(document)?;
                self.0 = Some(made);
                Ok(())
            }
        }
    }

    fn end(&mut self, document: &mut Document) -> Result<()> {
        let Some(Made { role, blocks }) = self.0.take() else { return Ok(()) };
        let (json, places): (Vec<_>, Vec<_>) = blocks.into_iter().map(|block| (block.json, block.places)).unzip();
        let name = role.to_string();
        let before = document.items("messages").last().and_then(|last| last.content_of(&name));
        let first = before.map_or(0, |content| content.elements().count());
        add(document, Translated { role, blocks: json, names: Taken::default() })?;
        let last = document.items("messages").len() - 1;
        if let Some(known) = document.places_mut("messages") {
            for (index, places) in places.into_iter().enumerate() {
                known.put_block(&format!("/{last}/content/{}", first + index), places);
            }
        }
        Ok(())
    }
}

/// Adds a message. Consecutive ones of one role share one, as the service demands; a system prompt has a place of its
/// own. One of blank text alone has no blocks, and adds nothing.
pub fn add(document: &mut Document, message: Translated) -> Result<()> {
    let Translated { role, blocks, names } = message;
    if blocks.is_empty() {
        return Ok(());
    }
    if role == Role::System {
        return blocks.iter().try_for_each(|block| push(document, "system", Piece::value(&**block)?));
    }
    let blocks: Vec<_> = blocks.iter().map(|block| &**block).collect();
    let blocks = Wiped::joined(&blocks);
    let message = format_args!("{{\"role\":\"{role}\",\"content\":[{}]}}", &*blocks);
    let message = Piece::value(&*Wiped::of(blocks.len() + 64, message))?;
    list_of(document, "messages")?.join(&role.to_string(), message);
    take(document, names);
    Ok(())
}

/// Takes note of names that are in the messages, or come into them.
fn take(document: &mut Document, names: Taken) {
    if !names.is_empty()
        && let Some(messages) = document.list_mut("messages")
    {
        messages.take(names);
    }
}

/// Appends to one of the document's lists.
pub fn push(document: &mut Document, list: &str, item: Piece) -> Result<()> {
    list_of(document, list)?.push(item);
    Ok(())
}

fn list_of<'a>(document: &'a mut Document, list: &str) -> Result<&'a mut List> {
    document.list_mut(list).ok_or_else(|| {
        refuse(format!("/{list}"), format_args!("adding to the request: its member {list:?} is not an array"))
    })
}

/// A message in either dialect, as one of Converse after the messages of `document`. None where it is native already.
pub fn message(message: Json<'_>, document: &mut Document) -> Result<Option<Translated>> {
    let mut names = document.document_names();
    let mut speakers = document.speakers.clone();
    let made = message::translate(message, &mut names, &mut speakers)?;
    document.speakers = speakers;
    Ok(made.map(|Made { role, blocks }| {
        let blocks = blocks.into_iter().map(|block| block.json).collect();
        Translated { role, blocks, names: names.into_own() }
    }))
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

fn mistyped(key: &str, expected: &str, found: Json<'_>) -> Error {
    refuse(format!("/{key}"), format_args!("expected {expected}, found {}", found.kind()))
}

/// An object with a member set to a value; what else it holds stays as it was written.
fn with_member(object: Json<'_>, key: &str, json: &str) -> String {
    let text = object.text();
    if let Some(old) = object.get(key) {
        let start = json::offset(text, old.text());
        return format!("{}{json}{}", &text[..start], &text[start + old.text().len()..]);
    }
    let comma = if object.members().next().is_some() { "," } else { "" };
    let inside = text.strip_suffix('}').unwrap_or(text).trim_end();
    format!("{inside}{comma}\"{key}\":{json}}}")
}
