//! Local checks: what the service is sure to refuse is refused here, with a pointer to it, before anything is sent.
//!
//! None may refuse what the service would accept, which is more than its documentation says: recorded traffic has it take a
//! conversation that begins with the assistant, consecutive messages of one role, texts of a space, names of documents with an
//! underscore, and a video whose format is a MIME type. What differs from model to model, such as how large an image may be, is
//! not checked either. The config's `lint` turns all of them off.

use super::attachment::Attachments;
use super::dialect::Medium;
use super::dialect::media::beginning;
use super::dialect::members::{check_max_tokens, check_stop};
use super::dialect::names::{self, MAX_NAME};
use super::document::{Document, Piece};
use crate::error::{Error, Kind, Result, quote};
use crate::json::{self, Json};
use std::collections::HashSet;
use std::fmt;

const MAX_CACHE_POINTS: usize = 4;
const MAX_TOOL_NAME: usize = 64;
const ROLES: [&str; 3] = ["user", "assistant", "system"];
/// The content blocks of this day. A block is one of them, or one that comes later.
const BLOCKS: [&str; 12] = [
    "text",
    "image",
    "document",
    "video",
    "audio",
    "toolUse",
    "toolResult",
    "guardContent",
    "cachePoint",
    "reasoningContent",
    "citationsContent",
    "searchResult",
];

/// `answered`: whether a model is to answer the conversation. To count its tokens it may end anywhere.
pub fn check(document: &Document, attachments: &Attachments, model_id: &str, answered: bool) -> Result<()> {
    // A stored prompt brings messages and tools of its own, which are not seen here.
    let stored = model_id.contains(":prompt/") || document.names().any(|name| name == "promptVariables");
    if !stored {
        check_present(document)?;
    }
    check_inference(document)?;
    let mut cache_points = CachePoints::default();
    let mut turns = Turns::default();
    for (index, message) in items(document, "messages").enumerate() {
        check_message(message, &format!("/messages/{index}"))?;
        let path = format!("/messages/{index}/content");
        turns.begin(message, stored)?;
        let content = message.get("content").into_iter().flat_map(Json::elements);
        for (index, block) in content.enumerate() {
            let path = format!("{path}/{index}");
            check_block(block, &path)?;
            check_text(block, &path)?;
            check_media(block, attachments, &path)?;
            cache_points.count(block, &path)?;
            turns.count(block, &path, stored)?;
        }
    }
    turns.check_documents()?;
    if answered && !stored {
        turns.settle()?;
    }
    check_system(document, &mut cache_points)?;
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
    document.items(list).iter().map(Piece::json)
}

fn check_message(message: Json<'_>, path: &str) -> Result<()> {
    if message.kind() != json::Kind::Object {
        return Err(refuse(path, format_args!("expected a message, which is an object, found {}", message.kind())));
    }
    let known = "known are user, assistant and system";
    match message.get("role").map(|role| (role, role.string())) {
        Some((_, Some(role))) if ROLES.contains(&&*role) => {}
        Some((_, Some(role))) => {
            return Err(refuse(format!("{path}/role"), format_args!("the role {} is unknown; {known}", quote(&role))));
        }
        Some((other, None)) if other.kind() != json::Kind::Null => {
            return Err(refuse(format!("{path}/role"), format_args!("role is {}, not a string", other.kind())));
        }
        _ => return Err(refuse(format!("{path}/role"), format_args!("role is missing; {known}"))),
    }
    let path = format!("{path}/content");
    match message.get("content") {
        None => Err(refuse(path, "content is missing; it is an array of blocks, or a text")),
        Some(content) if content.kind() != json::Kind::Array => {
            Err(refuse(path, format_args!("content is {}, not an array of blocks", content.kind())))
        }
        Some(content) if content.elements().next().is_none() => {
            Err(refuse(path, "content is empty, which the service refuses; leave the message out or add a block"))
        }
        Some(content) => check_ids(content, &path),
    }
}

/// That no two calls of a message have one id.
fn check_ids(content: Json<'_>, path: &str) -> Result<()> {
    let mut seen = HashSet::new();
    for (index, block) in content.elements().enumerate() {
        let id = block.pointer("/toolUse/toolUseId").and_then(Json::string);
        if let Some(id) = id.filter(|id| !seen.insert(id.to_string())) {
            let what = format_args!("the id {} is that of another tool call in this message", quote(&id));
            return Err(refuse(format!("{path}/{index}/toolUse/toolUseId"), what));
        }
    }
    Ok(())
}

/// That a block is one thing.
fn check_block(block: Json<'_>, path: &str) -> Result<()> {
    if block.kind() != json::Kind::Object {
        let what = format_args!("expected a content block, which is an object, found {}", block.kind());
        return Err(refuse(path, what));
    }
    let mut members = block.members().filter(|member| member.value.kind() != json::Kind::Null).peekable();
    if members.peek().is_none() {
        return Err(refuse(path, "the content block is empty; leave it out or fill it"));
    }
    let known: Vec<_> =
        members.filter_map(|member| BLOCKS.iter().copied().find(|known| member.key.is(known))).collect();
    if let [one, other, ..] = known.as_slice() {
        return Err(refuse(path, format_args!("a content block is one thing, and this one is {one} and {other}")));
    }
    match block.get("text") {
        Some(text) if !matches!(text.kind(), json::Kind::String | json::Kind::Null) => {
            Err(refuse(format!("{path}/text"), format_args!("text is {}, not a string", text.kind())))
        }
        _ => match block.pointer("/toolUse/name").and_then(Json::string) {
            Some(name) => check_tool_name(&name, &format!("{path}/toolUse/name")),
            None => Ok(()),
        },
    }
}

fn check_system(document: &Document, cache_points: &mut CachePoints) -> Result<()> {
    if let Some(other) = document.value("system").filter(|system| system.kind() != json::Kind::Null) {
        return Err(refuse("/system", format_args!("system is {}, not an array of blocks", other.kind())));
    }
    for (index, block) in items(document, "system").enumerate() {
        let path = format!("/system/{index}");
        check_block(block, &path)?;
        check_text(block, &path)?;
        cache_points.count(block, &path)?;
    }
    Ok(())
}

fn check_inference(document: &Document) -> Result<()> {
    let Some(config) = document.value("inferenceConfig") else { return Ok(()) };
    let checking =
        |error: Error| refuse(error.path().as_str(), error.message().as_str().trim_start_matches("bedrock: "));
    let limit = config.get("maxTokens").filter(|limit| limit.kind() == json::Kind::Number);
    if let Some(limit) = limit {
        check_max_tokens(limit, "/inferenceConfig/maxTokens").map_err(checking)?;
    }
    let stops = config.get("stopSequences").into_iter().flat_map(Json::elements).enumerate();
    for (index, stop) in stops {
        check_stop(stop, &format!("/inferenceConfig/stopSequences/{index}")).map_err(checking)?;
    }
    Ok(())
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
        if !medium.takes(&label) {
            let what = format_args!("{} is no spelling that the service takes; write {format}", quote(&label));
            return Err(refuse(path, what));
        }
        let bytes = held.pointer("/source/bytes");
        if let Some(attached) = bytes.and_then(|bytes| attachments.named_by(bytes)) {
            if let Some(found) = medium.mislabelled(format, attached) {
                return Err(refuse(path, format_args!("it is labelled {format}, and the attached bytes are {found}")));
            }
        } else if let Some(bytes) = bytes.and_then(Json::string)
            && let Some(found) = medium.mislabelled(format, &beginning(&bytes))
        {
            return Err(refuse(path, format_args!("it is labelled {format}, and the bytes are {found}")));
        }
    }
    if held.pointer("/source/bytes").and_then(|bytes| attachments.named_by(bytes)).is_some_and(<[u8]>::is_empty) {
        return Err(refuse(format!("{path}/source/bytes"), "there are no bytes; what is attached is empty"));
    }
    if let Some(base64) = held.pointer("/source/bytes")
        && let Some(bytes) = base64.string()
    {
        let path = format!("{path}/source/bytes");
        if bytes.is_empty() {
            return Err(refuse(path, "there are no bytes"));
        }
        // "@name" stands for bytes that are attached.
        if !bytes.starts_with('@') && !base64.is_base64() {
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
        // A tool that the service runs itself has a type, and its result is the service's.
        let ours = |name| block.get(name).filter(|held| held.get("type").is_none());
        let id = |held: Json<'_>| held.get("toolUseId").and_then(Json::string).map(|id| id.into_owned());
        if let (Some(call), false) = (ours("toolUse"), self.users) {
            self.with_tools.get_or_insert_with(|| format!("{path}/toolUse"));
            self.called.extend(id(call).map(|id| (id, format!("{path}/toolUse"))));
        }
        if let (Some(result), true) = (ours("toolResult"), self.users) {
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
            let what =
                format_args!("the tool call {} has no result in the user's message after it; add one", quote(id));
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
    if config.kind() != json::Kind::Object {
        return Err(refuse("/toolConfig", format_args!("toolConfig is {}, not an object", config.kind())));
    }
    match config.get("tools").filter(|tools| tools.kind() != json::Kind::Null) {
        None => return Err(refuse("/toolConfig", "toolConfig has no tools; give tools or leave it out")),
        Some(tools) if tools.kind() != json::Kind::Array => {
            return Err(refuse("/toolConfig/tools", format_args!("tools is {}, not an array", tools.kind())));
        }
        Some(tools) if tools.elements().next().is_none() => {
            return Err(refuse("/toolConfig/tools", "tools is empty, which the service refuses; leave toolConfig out"));
        }
        Some(_) => {}
    }
    for (index, tool) in config.get("tools").into_iter().flat_map(Json::elements).enumerate() {
        let path = format!("/toolConfig/tools/{index}");
        cache_points.count(tool, &path)?;
        let Some(name) = tool.pointer("/toolSpec/name").and_then(Json::string) else { continue };
        check_tool_name(&name, &format!("{path}/toolSpec/name"))?;
    }
    Ok(())
}

fn check_tool_name(name: &str, path: &str) -> Result<()> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.len() <= MAX_TOOL_NAME && name.chars().all(good) {
        return Ok(());
    }
    let name = quote(name);
    let rule = format_args!("it takes 1 to {MAX_TOOL_NAME} letters, digits, hyphens and underscores");
    Err(refuse(path, format_args!("{name} is no name for a tool; {rule}")))
}
