//! A request: the JSON that the program gives, and a conversation that grows in it.
//!
//! The files, from the bottom to the top:
//!
//! - [`errors`], [`role`], [`participants`], [`medium`], [`timestamp`], [`url_path`] and [`zeroized`] are used by the
//!   others.
//! - [`segment`], [`list`] and [`document`] hold the JSON so that no byte changes without need. [`source_map`] leads
//!   from a translated value to the JSON that the program gave. [`attachments`] and [`reference`] are bytes to which
//!   the JSON refers. [`document_names`] makes the names of documents unique.
//! - [`operation_members`] lists the members of each operation; [`model_id`] reads those that name the model.
//! - [`dialect`] translates the portable dialect to Converse; [`conversation`] adds messages in Converse's form.
//!   [`media_block`] makes blocks of bytes, [`response_message`] takes the message of a response, [`shorten`] shortens
//!   a conversation. [`tool_result`] is the result of a tool, [`tool_declarations`] the tools of a run;
//!   [`tool_name`] has the rule for their names.
//! - [`unknown_members`] finds misspelled members, [`defaults`] merges the model's defaults, [`lint`] checks a
//!   conversation; [`inference_config`] has limits that both dialects share.
//! - [`serialize`] makes the path, headers and body of each operation, with [`http_binding`] for members that are not
//!   in the body, and [`cache_points`] for those that the model adds, where [`model_caching`] permits. [`for_target`]
//!   makes the request for a fallback from it, with [`fitted_cache_points`]. [`body_difference`] compares two bodies.
//!   [`parameters`] reads what a record of the call has.
//! - `fuzzing` leads fuzz targets to what is private.

pub mod attachments;
mod body_difference;
mod cache_points;
mod conversation;
mod defaults;
mod dialect;
mod document;
mod document_names;
#[cfg(test)]
mod effort_tests;
mod errors;
mod fitted_cache_points;
mod for_target;
#[cfg(fuzzing)]
pub mod fuzzing;
mod http_binding;
mod inference_config;
mod lint;
mod list;
pub mod media_block;
mod medium;
mod model_caching;
mod model_id;
mod operation_members;
mod parameters;
mod participants;
mod reference;
mod response_message;
mod role;
mod segment;
mod serialize;
mod shorten;
mod source_map;
mod timestamp;
mod tool_declarations;
mod tool_name;
mod tool_result;
mod unknown_members;
mod url_path;
mod zeroized;

pub use body_difference::describe as describe_difference;
pub use defaults::{DefaultsChange, apply_change, parse_change, parse_defaults, parse_fallback_request};
pub use document::Document;
pub use medium::Medium;
pub use model_id::take_model_id;
pub use parameters::Parameters;
pub use serialize::SerializedRequest;
pub use tool_declarations::ToolDeclarations;
pub use tool_result::{ResultKind, ToolResult};
pub use unknown_members::MembersOf;
pub use zeroized::{ZeroizedBytes, ZeroizedText};

use crate::config::Cache;
use crate::error::{Error, Kind, Result};
use crate::json::{self, Checked};
use crate::protocol::operation::Operation;
use crate::protocol::traceparent::Traceparent;
use crate::response::Response;
use crate::runtime::memory;
use attachments::{AttachmentBytes, Attachments};
use conversation::{ConverseMessage, push, text_block, tool_result_block};
use dialect::{equivalents, messages};
use document_names::UsedNames;
use media_block::{MediaBlock, free_name};
use model_id::MODEL_ID_MEMBERS;
use role::Role;
use segment::Segment;
use serialize::Serializer;
use std::collections::BTreeMap;

/// A request, which can be changed. Clones share text and attachments.
#[derive(Clone, Default)]
pub struct Request {
    document: Document,
    /// The model that `modelId` or `model` names for this request.
    model_id: Option<String>,
    attachments: Attachments,
    /// Tools that are sent with the request and are not part of it.
    tools: ToolDeclarations,
    /// The span of the program in which the request is sent.
    traceparent: Option<Traceparent>,
    /// The numbers at which the search for a free attachment name begins, by the kind of name.
    next_numbers: BTreeMap<&'static str, usize>,
}

/// The largest number of copies of a text in memory, while it becomes part of a request.
const COPIES: usize = 4;

impl Request {
    /// Reads an object with the members of an operation. Its members may be of either dialect.
    pub fn parse<'a>(text: impl Into<Checked<'a>>) -> Result<Self> {
        let (mut document, _) = Request::read_members(text, false)?;
        let model_id = take_model_id(&mut document)?;
        dialect::translate(&mut document)?;
        Ok(Request { document, model_id, ..Request::default() })
    }

    /// Replaces members; null removes a member. If it fails, it changes nothing.
    pub fn set<'a>(&mut self, text: impl Into<Checked<'a>>) -> Result<()> {
        let (mut newer, removed) = Request::read_members(text, true)?;
        let model_id = take_model_id(&mut newer)?;
        dialect::translate(&mut newer)?;
        let mut document = self.document.clone();
        for name in &removed {
            equivalents::remove(&mut document, name)?;
        }
        if document.is_empty() {
            document = newer;
        } else {
            equivalents::replace(&mut document, newer);
        }
        self.document = document;
        self.next_numbers.clear();
        if model_id.is_some() || removed.iter().any(|name| MODEL_ID_MEMBERS.contains(&name.as_str())) {
            self.model_id = model_id;
        }
        Ok(())
    }

    /// Reads members of a request. If `null_removes`, members that are null are left out, and their names are returned.
    fn read_members<'a>(text: impl Into<Checked<'a>>, null_removes: bool) -> Result<(Document, Vec<String>)> {
        let text = text.into();
        let given = MembersOf::Request;
        memory::ahead(given.doing(), COPIES * text.text().len())?;
        let mut document = Document::parse(text, given.doing())?;
        unknown_members::check(&document, given)?;
        let removed = if null_removes { document.remove_nulls(&[]) } else { Vec::new() };
        Ok((document, removed))
    }

    /// Removes a member, and the member of the other dialect with the same meaning.
    pub fn remove(&mut self, name: &str) -> Result<()> {
        self.next_numbers.clear();
        if MODEL_ID_MEMBERS.contains(&name) {
            self.model_id = None;
        }
        equivalents::remove(&mut self.document, name)
    }

    /// Sets the span of the program in which the request is sent; None removes it.
    pub fn set_traceparent(&mut self, traceparent: Option<Traceparent>) {
        self.traceparent = traceparent;
    }

    pub fn traceparent(&self) -> Option<Traceparent> {
        self.traceparent
    }

    /// Adds text to the conversation. The role system adds to the system prompt. Blank text adds nothing, because the
    /// service refuses it.
    pub fn add_text(&mut self, role: &str, text: &str) -> Result<()> {
        let role = Role::named(role).ok_or_else(|| Role::unknown(role))?;
        if role == Role::Tool {
            let message = "adding a text: the role tool has results; use bedrock_request_add_tool_result";
            return Err(Error::new(Kind::Request, message));
        }
        self.check_memory("adding a text", text.len())?;
        let is_blank = text.trim().is_empty();
        let blocks = if is_blank { Vec::new() } else { vec![text_block(text)] };
        self.add(ConverseMessage { role, blocks, document_names: UsedNames::default() })
    }

    /// Adds a message in either dialect.
    pub fn add_message<'a>(&mut self, text: impl Into<Checked<'a>>) -> Result<()> {
        let invalid = |what: String| Error::new(Kind::Request, format_args!("adding a message: {what}"));
        let text = text.into().trimmed();
        self.check_memory("adding a message", text.text().len())?;
        let message = text.json().map_err(|error| invalid(format!("the JSON is not valid: {error}")))?;
        if message.kind() != json::Kind::Object {
            return Err(invalid(format!("expected a JSON object, found {}", message.kind())));
        }
        match messages::translate_message(message, &mut self.document)? {
            Some(translated) => self.add(translated),
            None => self.push_message(Segment::element(text)?),
        }
    }

    /// Adds the assistant's message of a response, changed so that the service accepts it.
    pub fn add_response(&mut self, response: &Response) -> Result<()> {
        if response.lacks_content() {
            let message = "adding a response: its content was not kept, because the model's keep_answer is false";
            return Err(Error::new(Kind::InvalidArgument, message));
        }
        match response_message::message_to_add(response) {
            Some(message) => self.push_message(Segment::element(&*message)?),
            None => Ok(()),
        }
    }

    /// Adds an image or a document. `take_bytes` is called once nothing can fail any more.
    pub fn add_media(&mut self, block: &MediaBlock<'_>, take_bytes: impl FnOnce() -> AttachmentBytes) -> Result<()> {
        let kind = block.medium.name();
        let first = self.next_numbers.get(kind).copied().unwrap_or(1);
        let (name, number) = free_name(block.medium, first, &mut self.document, &self.attachments);
        let message = block.message(&mut self.document, &name)?;
        self.add(message)?;
        self.attachments.add_of_block(&name, take_bytes());
        self.next_numbers.insert(kind, number + 1);
        Ok(())
    }

    /// Adds the result of a tool. Results that follow each other share a message, as the service demands for parallel
    /// calls.
    pub fn add_tool_result(&mut self, tool_use_id: &str, content: &str, is_error: bool) -> Result<()> {
        self.check_memory("adding a result", content.len())?;
        let block = tool_result_block(tool_use_id, &text_block(content), is_error);
        self.add(ConverseMessage { role: Role::Tool, blocks: vec![block], document_names: UsedNames::default() })
    }

    /// Adds a round of a conversation with tools: the message of a response, and the results of its calls. If it fails,
    /// it changes nothing.
    pub fn add_round(&mut self, response: &Response, results: &[ToolResult]) -> Result<()> {
        self.check_memory("adding the results of tools", results.iter().map(|result| result.block.len()).sum())?;
        let mut changed = self.clone();
        changed.add_response(response)?;
        let blocks = results.iter().map(|result| result.block.clone()).collect();
        changed.add(ConverseMessage { role: Role::Tool, blocks, document_names: UsedNames::default() })?;
        *self = changed;
        Ok(())
    }

    /// Declares tools that are sent with the request, and that are not part of it.
    pub fn declaring(mut self, tools: &ToolDeclarations) -> Self {
        self.tools = tools.clone();
        self
    }

    /// Checks that there is memory to add a text of this length, also to the last message.
    fn check_memory(&self, doing: &str, bytes: usize) -> Result<()> {
        if bytes < memory::LARGE {
            return Ok(());
        }
        let last = self.document.items("messages").last().map_or(0, |last| last.text().len());
        memory::ahead(doing, COPIES * bytes + 2 * last)
    }

    fn add(&mut self, message: ConverseMessage) -> Result<()> {
        conversation::add_message(&mut self.document, message)?;
        self.document.forget_source_of_lists();
        Ok(())
    }

    /// Adds a message as it is.
    fn push_message(&mut self, message: Segment) -> Result<()> {
        push(&mut self.document, "messages", message)?;
        self.document.forget_source_of_lists();
        Ok(())
    }

    /// Returns the number of messages.
    pub fn message_count(&self) -> usize {
        self.document.items("messages").len()
    }

    /// Removes `count` messages. `first` is the index of the first one.
    pub fn remove_messages(&mut self, first: usize, count: usize) -> Result<()> {
        let length = self.message_count();
        let end = first.checked_add(count).filter(|end| *end <= length).ok_or_else(|| {
            let message = format_args!(
                "removing messages: there are {length}, so {count} cannot be removed from index {first} on"
            );
            Error::new(Kind::InvalidArgument, message)
        })?;
        self.retain_messages(|index| !(first..end).contains(&index));
        Ok(())
    }

    /// Removes the oldest messages, so that at most `max_messages` are left if possible. Returns a copy of the request
    /// with the removed messages alone, or None if none were removed.
    pub fn trim(&mut self, max_messages: usize) -> Option<Request> {
        let keep = shorten::messages_to_keep(self.document.items("messages"), max_messages);
        if (0..self.message_count()).all(&keep) {
            return None;
        }
        let mut removed = self.clone();
        removed.retain_messages(|index| !keep(index));
        // The request itself still has all bytes, so that none are released here.
        drop(removed.remove_unused_attachments());
        self.retain_messages(keep);
        Some(removed)
    }

    fn retain_messages(&mut self, keep: impl Fn(usize) -> bool) {
        self.next_numbers.clear();
        // `list_mut` would create the list.
        let exists = self.document.list("messages").is_some();
        if let Some(messages) = exists.then(|| self.document.list_mut("messages")).flatten() {
            messages.retain(keep);
        }
        self.document.forget_source_of_lists();
    }

    /// Returns an error if an attachment cannot have the name.
    pub fn check_attachment_name(&self, name: &str) -> Result<()> {
        self.attachments.check_name(name)
    }

    /// Adds bytes to which the JSON refers as `"@name"` instead of base64.
    pub fn attach(&mut self, name: &str, bytes: AttachmentBytes) -> Result<()> {
        self.attachments.add(name, bytes)
    }

    /// Removes and returns the bytes of images and documents whose blocks are gone. Dropping them may call the
    /// program's release function.
    #[must_use]
    pub fn remove_unused_attachments(&mut self) -> Vec<AttachmentBytes> {
        self.next_numbers.clear();
        self.attachments.remove_unused(self.document.references())
    }

    /// Writes the request without a model's defaults, and without checks. [`Request::parse`] reads the same request
    /// from it. If `inline`, base64 replaces the references to attachments.
    pub fn to_json(&self, inline: bool) -> Result<ZeroizedText> {
        let mut document = self.document.clone();
        if let Some(model_id) = &self.model_id {
            document.add("modelId", &json::quoted(model_id));
        }
        if !inline {
            return document.write(None);
        }
        if document.value("body").is_some_and(|body| self.attachments.referred_to_by(body).is_some()) {
            let message =
                "writing the request: body is an attachment, whose bytes JSON cannot hold; write attachments by name";
            return Err(Error::new(Kind::Request, message).at("/body"));
        }
        document.write(&self.attachments)
    }

    /// Serializes the request for an operation, with the members of `defaults` that it lacks, and the cache points of
    /// `cache`.
    pub fn serialize(
        &self,
        operation: Operation,
        model_id: &str,
        defaults: &Document,
        cache: &Cache,
        lint: bool,
    ) -> Result<SerializedRequest> {
        let model_id = self.model_id.as_deref().unwrap_or(model_id).to_owned();
        let request = self.document.clone();
        let (attachments, tools) = (&self.attachments, &self.tools);
        Serializer { operation, model_id, request, defaults, cache, attachments, tools, lint }.serialize()
    }
}
