//! A request: Converse JSON, and a conversation that can grow.

pub mod attachment;
mod beside;
mod dialect;
mod document;
mod input;
mod lint;
#[cfg(test)]
mod passes;
mod places;

use crate::config::check_model_id;
use crate::error::{Error, Kind, Result};
use crate::json::{self, Checked};
use crate::response::Response;
use crate::wire::call::Input;
use crate::wire::operation::Operation;
use attachment::{Attachments, Data};
use dialect::{Role, Translated};
pub use document::Document;
use document::Piece;
use input::Given;

/// A request as it grows. Cloning shares text and attachments.
#[derive(Clone, Default)]
pub struct Request {
    document: Document,
    /// The model that `modelId` or `model` names for this request.
    model_id: Option<String>,
    attachments: Attachments,
}

impl Request {
    /// An object of Converse members. Messages may use the portable dialect.
    pub fn parse<'a>(text: impl Into<Checked<'a>>) -> Result<Self> {
        let mut document = Document::parse(text, "reading the request")?;
        let model_id = take_model_id(&mut document)?;
        dialect::translate(&mut document)?;
        Ok(Request { document, model_id, attachments: Attachments::default() })
    }

    /// Replaces top-level members; null removes one. Changes nothing where it fails.
    pub fn set<'a>(&mut self, text: impl Into<Checked<'a>>) -> Result<()> {
        let mut newer = Document::parse(text, "reading the request")?;
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
        if model_id.is_some() || removed.iter().any(|name| MODEL_ID.contains(&name.as_str())) {
            self.model_id = model_id;
        }
        Ok(())
    }

    /// Adds text to the conversation. Role system adds to the system prompt.
    pub fn add_text(&mut self, role: &str, text: &str) -> Result<()> {
        let known = dialect::role(role).filter(|role| *role != Role::Tool);
        let role = known.ok_or_else(|| dialect::unknown_role(role))?;
        let blocks = vec![format!("{{\"text\":{}}}", json::quoted(text))];
        self.add(Translated { role, blocks })
    }

    /// Adds a message in either dialect.
    pub fn add_message<'a>(&mut self, text: impl Into<Checked<'a>>) -> Result<()> {
        let refuse = |what: String| Error::new(Kind::Request, format_args!("adding a message: {what}"));
        let text = text.into().trimmed();
        let message = text.json().map_err(|invalid| refuse(format!("the JSON is broken: {invalid}")))?;
        if message.kind() != json::Kind::Object {
            return Err(refuse(format!("expected a JSON object, found {}", message.kind())));
        }
        match dialect::message(message, &mut self.document)? {
            Some(translated) => self.add(translated),
            None => self.push(Piece::value(text)?),
        }
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

    /// Adds the assistant's message as it came. Nothing is added where it is empty or stops inside a tool call.
    pub fn add_response(&mut self, response: &Response) -> Result<()> {
        if let Some(reason) = response.unfit_to_send_back() {
            return Err(Error::new(Kind::Request, format_args!("adding the answer to the conversation: {reason}")));
        }
        self.push(Piece::value(response.message().as_str())?)
    }

    /// Adds what a tool gave. Results added one after the other share a message, as the service demands for parallel
    /// calls.
    pub fn add_tool_result(&mut self, tool_use_id: &str, content: &str, is_error: bool) -> Result<()> {
        let content = format!("{{\"text\":{}}}", json::quoted(content));
        let status = if is_error { ",\"status\":\"error\"" } else { "" };
        let id = json::quoted(tool_use_id);
        let block = format!("{{\"toolResult\":{{\"toolUseId\":{id},\"content\":[{content}]{status}}}}}");
        self.add(Translated { role: Role::Tool, blocks: vec![block] })
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

/// The members that stand under every request of a model, in either dialect.
pub fn parse_defaults(text: &str, doing: &str) -> Result<Document> {
    let mut defaults = Document::parse(text, doing)?;
    dialect::translate(&mut defaults)?;
    Ok(defaults)
}

/// Members to be put over those of a model.
pub struct Changes {
    pub given: Document,
    /// Those that were null.
    removed: Vec<String>,
}

/// Reads members that are to be put over those of a model. Those `kept` have meanings of their own.
pub fn parse_changes(text: &str, doing: &str, kept: &[&str]) -> Result<Changes> {
    let mut given = Document::parse(text, doing)?;
    let kept: Vec<_> = kept.iter().chain(&MODEL_ID).copied().collect();
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
