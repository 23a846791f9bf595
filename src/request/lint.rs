//! Local checks: what the service is sure to refuse is refused here, with a pointer to it, before anything is sent.
//!
//! None may refuse what the service would accept, which is more than its documentation says: recorded traffic has it take a
//! conversation that begins with the assistant, consecutive messages of one role, texts of a space, names of documents with an
//! underscore, and a video whose format is a MIME type. What differs from model to model, such as how large an image may be, is
//! not checked either. The config's `lint` turns all of them off.

use super::attachment::Attachments;
use super::dialect::Medium;
use super::dialect::names::{self, MAX_NAME};
use super::document::Document;
use crate::error::{Error, Kind, Result, quote};
use crate::json::{self, Json};
use crate::response::is_of_service;
use std::collections::HashSet;
use std::fmt;

const MAX_CACHE_POINTS: usize = 4;
const MAX_TOOL_NAME: usize = 64;

pub fn check(document: &Document, attachments: &Attachments, model_id: &str) -> Result<()> {
    // A stored prompt brings messages and tools of its own, which are not seen here.
    let stored = model_id.contains(":prompt/") || document.names().any(|name| name == "promptVariables");
    if !stored {
        check_present(document)?;
    }
    let mut cache_points = CachePoints::default();
    let mut turns = Turns::default();
    for (index, message) in items(document, "messages").enumerate() {
        let path = format!("/messages/{index}/content");
        turns.begin(message, stored)?;
        let content = message.get("content").into_iter().flat_map(Json::elements);
        for (index, block) in content.enumerate() {
            let path = format!("{path}/{index}");
            check_text(block, &path)?;
            check_media(block, attachments, &path)?;
            cache_points.count(block, &path)?;
            turns.count(block, &path, stored)?;
        }
    }
    turns.check_documents()?;
    for (index, block) in items(document, "system").enumerate() {
        cache_points.count(block, &format!("/system/{index}"))?;
    }
    check_tools(document, &mut cache_points, turns.with_tools.filter(|_| !stored))
}

fn refuse(path: impl Into<String>, what: impl fmt::Display) -> Error {
    Error::new(Kind::Request, format_args!("checking the request: {what}")).at(path)
}

/// There has to be a message.
fn check_present(document: &Document) -> Result<()> {
    let nothing = "add at least one of the user's";
    match (document.list("messages"), document.value("messages")) {
        (Some(list), _) if list.items().is_empty() => {
            Err(refuse("/messages", format_args!("messages is empty; {nothing}")))
        }
        (Some(_), _) => Ok(()),
        (None, None) => Err(refuse("/messages", format_args!("it has no messages; {nothing}"))),
        (None, Some(other)) => Err(refuse("/messages", format_args!("messages is {}, not an array", other.kind()))),
    }
}

/// What a list of the document's holds.
fn items<'a>(document: &'a Document, list: &str) -> impl Iterator<Item = Json<'a>> {
    document.items(list).iter().filter_map(|item| Json::parse(item.text()).ok())
}

/// In a tool's result the service takes an empty text.
fn check_text(block: Json<'_>, path: &str) -> Result<()> {
    let text = block.get("text").filter(|text| text.kind() == json::Kind::String && block.members().count() == 1);
    match text {
        Some(text) if text.pieces().all(|piece| piece.as_str().is_empty()) => {
            let what = "a text block is empty, which the service refuses; leave it out or fill it";
            Err(refuse(format!("{path}/text"), what))
        }
        _ => Ok(()),
    }
}

fn check_media(block: Json<'_>, attachments: &Attachments, path: &str) -> Result<()> {
    for medium in Medium::ALL {
        if let Some(held) = block.get(medium.name()) {
            check_medium(medium, held, attachments, &format!("{path}/{}", medium.name()))?;
        }
    }
    let inner = block.pointer("/toolResult/content").into_iter().flat_map(Json::elements);
    inner
        .enumerate()
        .try_for_each(|(index, block)| check_media(block, attachments, &format!("{path}/toolResult/content/{index}")))
}

fn check_medium(medium: Medium, held: Json<'_>, attachments: &Attachments, path: &str) -> Result<()> {
    if let Some(label) = held.get("format").and_then(Json::string) {
        let path = format!("{path}/format");
        let format = medium.known_format(&label, &path)?;
        let attached = held.pointer("/source/bytes").and_then(|bytes| attachments.named_by(bytes));
        if let Some(found) = attached.and_then(|bytes| medium.mislabelled(format, bytes)) {
            return Err(refuse(path, format_args!("it is labelled {format}, and the attached bytes are {found}")));
        }
    }
    if let Some(bytes) = held.pointer("/source/bytes").and_then(Json::string) {
        let path = format!("{path}/source/bytes");
        if bytes.is_empty() {
            return Err(refuse(path, "there are no bytes"));
        }
        // "@name" stands for bytes that are attached.
        if !bytes.starts_with('@') && base64_simd::forgiving_decode_to_vec(bytes.as_bytes()).is_err() {
            return Err(refuse(
                path,
                "this is not base64; for bytes by pointer it has to be \"@\" and the attachment's name",
            ));
        }
    }
    match held.get("name").and_then(Json::string).filter(|_| medium == Medium::Document) {
        Some(name) => check_document_name(&name, &format!("{path}/name")),
        None => Ok(()),
    }
}

/// What letters beyond ASCII are to the service is its own affair.
fn check_document_name(name: &str, path: &str) -> Result<()> {
    let strange = |c: &char| c.is_ascii() && !c.is_ascii_whitespace() && !names::is_allowed(*c);
    let what = match name.chars().find(strange) {
        Some(c) => format!("a document's name cannot have {}", quote(&c.to_string())),
        None if name.is_empty() => "a document's name is empty".to_owned(),
        None if name.chars().count() > MAX_NAME => format!("a document's name is longer than {MAX_NAME} characters"),
        None if name.contains("  ") => "a document's name cannot have two spaces in a row".to_owned(),
        None => return Ok(()),
    };
    Err(refuse(
        path,
        format_args!("{what}; it takes letters, digits, single spaces, hyphens, underscores, parentheses and brackets"),
    ))
}

#[derive(Default)]
struct CachePoints(usize);

impl CachePoints {
    fn count(&mut self, block: Json<'_>, path: &str) -> Result<()> {
        self.0 += usize::from(block.get("cachePoint").is_some());
        if self.0 > MAX_CACHE_POINTS {
            return Err(refuse(
                path,
                format_args!("a request can have {MAX_CACHE_POINTS} cache points, and this is one more"),
            ));
        }
        Ok(())
    }
}

/// Who owes whom a tool's result, and a document its text. Messages of one role that follow each other are one turn, which what
/// comes from the system does not end.
#[derive(Default)]
struct Turns {
    users: bool,
    /// The calls of the assistant's turn before this one, and where they stand.
    called: Vec<(String, String)>,
    answered: HashSet<String>,
    with_tools: Option<String>,
    /// The first document of this turn, and whether there is a text beside it.
    document: Option<String>,
    text: bool,
}

impl Turns {
    fn begin(&mut self, message: Json<'_>, stored: bool) -> Result<()> {
        let users = match message.get("role") {
            Some(role) if role.is("user") => true,
            Some(role) if role.is("assistant") => false,
            _ => return Ok(()),
        };
        if users != self.users {
            self.check_documents()?;
            if !users && !stored {
                self.settle()?;
            }
        }
        self.users = users;
        Ok(())
    }

    fn check_documents(&mut self) -> Result<()> {
        let (document, text) = (self.document.take(), std::mem::take(&mut self.text));
        match document.filter(|_| !text) {
            Some(path) => {
                Err(refuse(path, "a message with a document needs a text block too, which says what to do with it"))
            }
            None => Ok(()),
        }
    }

    fn count(&mut self, block: Json<'_>, path: &str, stored: bool) -> Result<()> {
        self.text |= block.get("text").is_some() || block.get("guardContent").is_some();
        if self.document.is_none() && block.get("document").is_some() {
            self.document = Some(format!("{path}/document"));
        }
        // The result of a tool that the service runs itself has a type, and is the service's.
        let call = block.get("toolUse").filter(|call| !is_of_service(*call));
        let result = block.get("toolResult").filter(|result| result.get("type").is_none());
        let id = |held: Json<'_>| held.get("toolUseId").and_then(Json::string).map(|id| id.into_owned());
        if let (Some(call), false) = (call, self.users) {
            self.with_tools.get_or_insert_with(|| format!("{path}/toolUse"));
            self.called.extend(id(call).map(|id| (id, format!("{path}/toolUse"))));
        }
        if let (Some(result), true) = (result, self.users) {
            self.with_tools.get_or_insert_with(|| format!("{path}/toolResult"));
            let Some(id) = id(result) else { return Ok(()) };
            if !stored && !self.called.iter().any(|(called, _)| *called == id) {
                let what = format_args!("no tool call {} of the assistant's is just before this result", quote(&id));
                return Err(refuse(format!("{path}/toolResult/toolUseId"), what));
            }
            self.answered.insert(id);
        }
        Ok(())
    }

    /// At the end of the user's turn every call of the assistant's turn before it has to be answered.
    fn settle(&mut self) -> Result<()> {
        let unanswered = self.called.iter().find(|(id, _)| !self.answered.contains(id));
        if let Some((id, path)) = unanswered {
            let what = format_args!("the tool call {} has no result in the user's message after it", quote(id));
            return Err(refuse(path, what));
        }
        self.called.clear();
        self.answered.clear();
        Ok(())
    }
}

fn check_tools(document: &Document, cache_points: &mut CachePoints, with_tools: Option<String>) -> Result<()> {
    let Some(config) = document.value("toolConfig").filter(|config| config.kind() != json::Kind::Null) else {
        return match with_tools {
            Some(path) => {
                let what = "there are tool calls or results, and no toolConfig; the service wants to see the tools";
                Err(refuse(path, what))
            }
            None => Ok(()),
        };
    };
    for (index, tool) in config.get("tools").into_iter().flat_map(Json::elements).enumerate() {
        let path = format!("/toolConfig/tools/{index}");
        cache_points.count(tool, &path)?;
        let Some(name) = tool.pointer("/toolSpec/name").and_then(Json::string) else { continue };
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > MAX_TOOL_NAME || !name.chars().all(good) {
            let what = format_args!(
                "{} is no name for a tool; it takes 1 to {MAX_TOOL_NAME} letters, digits, hyphens and underscores",
                quote(&name)
            );
            return Err(refuse(format!("{path}/toolSpec/name"), what));
        }
    }
    Ok(())
}
