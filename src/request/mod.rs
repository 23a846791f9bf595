//! A request: Converse JSON, and a conversation that can grow.

pub mod attachment;
mod beside;
mod dialect;
mod document;
mod input;
mod lint;
pub mod media;
#[cfg(test)]
mod passes;
mod places;
mod reply;
mod stray;
mod window;
mod wiped;

use crate::config::{call_settings, check_model_id};
use crate::error::{Error, Kind, Result};
use crate::json::{self, Checked, OwnedJson};
use crate::protocol::operation::Operation;
use crate::response::Response;
use crate::runtime::memory;
use attachment::{Attachments, Data};
pub use dialect::Medium;
use dialect::names::Taken;
use dialect::{Role, Translated};
pub use document::Document;
use document::Piece;
use input::Given;
pub use input::Input;
use media::Media;
use std::collections::BTreeMap;
pub use stray::Place;
pub use wiped::{Wiped, WipedBytes};

/// A request as it grows. Cloning shares text and attachments.
#[derive(Clone, Default)]
pub struct Request {
    document: Document,
    /// The model that `modelId` or `model` names for this request.
    model_id: Option<String>,
    attachments: Attachments,
    /// From which number on a name for an image or a document may be free, by the kind of name.
    free: BTreeMap<&'static str, usize>,
}

impl Request {
    /// An object of Converse members. Messages may use the portable dialect.
    pub fn parse<'a>(text: impl Into<Checked<'a>>) -> Result<Self> {
        let text = text.into();
        memory::ahead(Place::Request.doing(), COPIES * text.text().len())?;
        let mut document = Document::parse(text, Place::Request.doing())?;
        stray::check(&document, Place::Request)?;
        let model_id = take_model_id(&mut document)?;
        dialect::translate(&mut document)?;
        Ok(Request { document, model_id, ..Request::default() })
    }

    /// Replaces top-level members; null removes one. Changes nothing where it fails.
    pub fn set<'a>(&mut self, text: impl Into<Checked<'a>>) -> Result<()> {
        let text = text.into();
        memory::ahead(Place::Request.doing(), COPIES * text.text().len())?;
        let mut newer = Document::parse(text, Place::Request.doing())?;
        stray::check(&newer, Place::Request)?;
        let removed = newer.take_nulls(&[]);
        let model_id = take_model_id(&mut newer)?;
        dialect::translate(&mut newer)?;
        let mut document = self.document.clone();
        for name in &removed {
            dialect::members::remove(&mut document, name)?;
        }
        if document.names().next().is_none() {
            document = newer;
        } else {
            dialect::members::replace(&mut document, newer);
        }
        self.document = document;
        self.free.clear();
        if model_id.is_some() || removed.iter().any(|name| MODEL_ID.contains(&name.as_str())) {
            self.model_id = model_id;
        }
        Ok(())
    }

    /// Takes out a top-level member, and what means the same in the other dialect. Nothing where there is none.
    pub fn remove(&mut self, name: &str) -> Result<()> {
        self.free.clear();
        if matches!(name, "modelId" | "model") {
            self.model_id = None;
        }
        dialect::members::remove(&mut self.document, name)
    }

    /// How many messages there are.
    pub fn message_count(&self) -> usize {
        self.document.items("messages").len()
    }

    /// Takes out `count` messages from `first` on.
    pub fn remove_messages(&mut self, first: usize, count: usize) -> Result<()> {
        let there = self.message_count();
        let end = first.checked_add(count).filter(|end| *end <= there).ok_or_else(|| {
            let what =
                format_args!("removing messages: there are {there}, and not {count} from the one of index {first} on");
            Error::new(Kind::InvalidArgument, what)
        })?;
        self.keep_messages(|index| !(first..end).contains(&index));
        Ok(())
    }

    /// Takes out the oldest messages; see [`window::kept`].
    pub fn trim(&mut self, most: usize) {
        let kept = window::kept(self.document.items("messages"), most);
        self.keep_messages(kept);
    }

    fn keep_messages(&mut self, kept: impl Fn(usize) -> bool) {
        self.free.clear();
        let there = self.document.list("messages").is_some();
        // Asked for, the list would be made.
        if let Some(messages) = there.then(|| self.document.list_mut("messages")).flatten() {
            messages.keep(kept);
        }
        self.document.forget_places();
    }

    /// The request itself, without a model's defaults and unchecked. [`Request::parse`] makes the same request of it.
    /// Attachments stand in it as base64, or by their names.
    pub fn to_json(&self, inline: bool) -> Result<Wiped> {
        let mut document = self.document.clone();
        if let Some(model_id) = &self.model_id {
            document.add("modelId", &json::quoted(model_id));
        }
        if !inline {
            return document.write(None);
        }
        if document.value("body").is_some_and(|body| self.attachments.named_by(body).is_some()) {
            let what =
                "writing the request: body is the bytes of an attachment, which JSON cannot hold; write it by name";
            return Err(Error::new(Kind::Request, what).at("/body"));
        }
        document.write(&self.attachments)
    }

    /// Adds text to the conversation. Role system adds to the system prompt. Blank text adds nothing: the service
    /// refuses it.
    pub fn add_text(&mut self, role: &str, text: &str) -> Result<()> {
        let role = dialect::role(role).ok_or_else(|| dialect::unknown_role(role))?;
        if role == Role::Tool {
            let what = "adding a text: what a tool gave is no text; use bedrock_request_add_tool_result";
            return Err(Error::new(Kind::Request, what));
        }
        self.ahead("adding a text", text.len())?;
        let blank = text.trim().is_empty();
        let blocks = if blank { Vec::new() } else { vec![text_block(text)] };
        self.add(Translated { role, blocks, names: Taken::default() })
    }

    /// Adds a message in either dialect.
    pub fn add_message<'a>(&mut self, text: impl Into<Checked<'a>>) -> Result<()> {
        let refuse = |what: String| Error::new(Kind::Request, format_args!("adding a message: {what}"));
        let text = text.into().trimmed();
        self.ahead("adding a message", text.text().len())?;
        let message = text.json().map_err(|invalid| refuse(format!("the JSON is broken: {invalid}")))?;
        if message.kind() != json::Kind::Object {
            return Err(refuse(format!("expected a JSON object, found {}", message.kind())));
        }
        match dialect::message(message, &mut self.document)? {
            Some(translated) => self.add(translated),
            None => self.push(Piece::value(text)?),
        }
    }

    /// That there is memory to add a text of so many bytes, to the last message too.
    fn ahead(&self, doing: &str, bytes: usize) -> Result<()> {
        if bytes < memory::LARGE {
            return Ok(());
        }
        let last = self.document.items("messages").last().map_or(0, |last| last.text().len());
        memory::ahead(doing, COPIES * bytes + 2 * last)
    }

    /// Adds to the conversation.
    fn add(&mut self, message: Translated) -> Result<()> {
        dialect::add(&mut self.document, message)?;
        self.document.forget_places();
        Ok(())
    }

    /// Adds a message as it is.
    fn push(&mut self, message: Piece) -> Result<()> {
        dialect::push(&mut self.document, "messages", message)?;
        self.document.forget_places();
        Ok(())
    }

    /// Adds the assistant's message as the service takes it back; see [`reply::message`].
    pub fn add_response(&mut self, response: &Response) -> Result<()> {
        if response.is_outline() {
            let what = "adding a response: its content was not kept, because the model's keep_answer is false";
            return Err(Error::new(Kind::InvalidArgument, what));
        }
        match reply::message(response) {
            Some(message) => self.push(Piece::value(&*message)?),
            None => Ok(()),
        }
    }

    /// Adds an image or a document. `keep` is asked for the bytes once nothing can fail any more.
    pub fn add_media(&mut self, media: &Media<'_>, keep: impl FnOnce() -> Data) -> Result<()> {
        let free = self.free.get(media.medium.name()).copied().unwrap_or(1);
        let (name, number) = media::free_name(media.medium, free, &mut self.document, &self.attachments);
        let message = media.message(&mut self.document, &name)?;
        self.add(message)?;
        self.attachments.add_of_block(&name, keep());
        self.free.insert(media.medium.name(), number + 1);
        Ok(())
    }

    /// Takes out the bytes of images and documents whose blocks are gone. To drop them may call the program.
    #[must_use]
    pub fn take_unused(&mut self) -> Vec<Data> {
        self.free.clear();
        self.attachments.take_unused(self.document.references())
    }

    /// Adds what a tool gave. Results added one after the other share a message, as the service demands for parallel
    /// calls.
    pub fn add_tool_result(&mut self, tool_use_id: &str, content: &str, is_error: bool) -> Result<()> {
        self.ahead("adding a result", content.len())?;
        let content = text_block(content);
        let status = if is_error { ",\"status\":\"error\"" } else { "" };
        let (text, id) = (&*content, json::Quoted(tool_use_id));
        let block = format_args!("{{\"toolResult\":{{\"toolUseId\":{id},\"content\":[{text}]{status}}}}}");
        let block = Wiped::of(text.len() + tool_use_id.len() + 80, block);
        self.add(Translated { role: Role::Tool, blocks: vec![block], names: Taken::default() })
    }

    /// See [`Attachments::check_name`].
    pub fn check_attachment_name(&self, name: &str) -> Result<()> {
        self.attachments.check_name(name)
    }

    /// Bytes to which the JSON refers as `"@name"` wherever it would hold base64.
    pub fn attach(&mut self, name: &str, data: Data) -> Result<()> {
        self.attachments.add(name, data)
    }

    /// What an operation is sent: this request's members, and those of `defaults` that it lacks.
    pub fn input(&self, operation: Operation, model_id: &str, defaults: &Document, lint: bool) -> Result<Input> {
        let model_id = self.model_id.as_deref().unwrap_or(model_id).to_owned();
        let request = self.document.clone();
        Given { operation, model_id, request, defaults, attachments: &self.attachments, lint }.input()
    }
}

/// How often a text is in memory, at most, while it becomes part of a request.
const COPIES: usize = 4;

fn text_block(text: &str) -> Wiped {
    // Quoted, it is a little longer than it is.
    Wiped::of(text.len() + text.len() / 8 + 16, format_args!("{{\"text\":{}}}", json::Quoted(text)))
}

/// Reads the config's `defaults`: the members for every request of a model, and the model id, if they name one.
pub fn parse_defaults(defaults: &OwnedJson) -> Result<(Document, Option<String>)> {
    let read = || {
        let mut document = Document::parse(defaults, Place::Defaults.doing())?;
        stray::check(&document, Place::Defaults)?;
        dialect::translate(&mut document)?;
        let model_id = take_model_id(&mut document)?;
        Ok((document, model_id))
    };
    let (mut document, model_id) = read().map_err(|error: Error| error.in_config("/defaults"))?;
    document.move_under("/defaults");
    Ok((document, model_id))
}

/// Members to be put over those of a model.
pub struct Changes {
    pub given: Document,
    /// Those that were null.
    removed: Vec<String>,
}

/// Reads members that are to be put over those of a model. Call settings are kept among them, also
/// if they are null.
pub fn parse_changes(text: &str) -> Result<Changes> {
    let place = Place::Derived;
    let mut given = Document::parse(text, place.doing())?;
    stray::check(&given, place)?;
    let kept: Vec<_> = call_settings().chain(MODEL_ID).collect();
    let removed = given.take_nulls(&kept);
    dialect::translate(&mut given)?;
    Ok(Changes { given, removed })
}

/// Puts members over those of a model; null removes one.
pub fn replace_defaults(defaults: &mut Document, newer: Changes) -> Result<()> {
    let Changes { given, removed } = newer;
    removed.iter().try_for_each(|name| dialect::members::remove(defaults, name))?;
    beside::supersede(defaults, &given);
    dialect::members::replace(defaults, given);
    Ok(())
}

/// The members that name the model.
const MODEL_ID: [&str; 2] = ["modelId", "model"];

/// Takes the members that name the model out of the body.
pub fn take_model_id(document: &mut Document) -> Result<Option<String>> {
    let mut named = None;
    for name in MODEL_ID {
        let Some(value) = document.value(name) else { continue };
        let refuse = |what: String| {
            Error::new(Kind::Request, format_args!("reading the request: {name}: {what}")).at(format!("/{name}"))
        };
        let id = value.string().ok_or_else(|| refuse(format!("expected a string, found {}", value.kind())))?;
        check_model_id(&id).map_err(refuse)?;
        if named.is_some() {
            return Err(refuse("modelId and model are both given; they mean the same".to_owned()));
        }
        named = Some(id.into_owned());
        document.remove(name);
    }
    Ok(named)
}
