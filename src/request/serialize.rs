//! The serialized request of each operation: its path, headers and body.
//!
//! Members have the names of the AWS API. Converse and ConverseStream send all members of the request and the model's
//! defaults; CountTokens sends those that it counts. The other operations send all members of the request, so that a
//! member that the service learns later can be used today. From the defaults they send only the members that are listed
//! for the operation.

use super::attachments::Attachments;
use super::cache_points;
use super::defaults;
use super::dialect::translate_members::translate_members;
use super::document::{Document, pointer_to};
use super::http_binding::{Bindings, BoundValue, check_members, request_error};
use super::lint;
use super::model_caching::ModelCaching;
use super::operation_members::{
    ACCEPT, ACCEPT_OF_CHUNKS, CONTENT_TYPE, GUARDRAIL_CONFIG, GUARDRAIL_IN_HEADERS, GUARDRAIL_IN_PATH, HttpBinding,
    INVOCATION_ARN, OperationMembers, is_for_another_operation,
};
use super::segment::Segment;
use super::tool_declarations::ToolDeclarations;
use super::url_path::escape;
use super::zeroized::{ZeroizedBytes, ZeroizedText};
use crate::config::{Cache, check_header, check_segment};
use crate::error::{Error, Kind, Result, quote};
use crate::json;
use crate::protocol::operation::Operation;
use bytes::Bytes;
use std::fmt::Write as _;

/// A request in the form in which an operation sends it.
#[derive(Clone, Debug)]
pub struct SerializedRequest {
    /// The model, guardrail or invocation that the call is about, for errors and logs. "" if there is none.
    pub subject: String,
    /// The path behind the endpoint, with the query, percent-encoded.
    pub path: String,
    /// Headers besides those that every request has.
    pub headers: Vec<(&'static str, String)>,
    /// None for a GET.
    pub body: Option<Bytes>,
}

impl SerializedRequest {
    /// Returns the model that the request names, or "".
    pub fn model(&self) -> &str {
        if self.path.starts_with(MODEL_PATH) { &self.subject } else { "" }
    }
}

/// The beginning of the path of a request to a model.
pub const MODEL_PATH: &str = "/model/";

/// Serializes a request for an operation.
pub struct Serializer<'a> {
    pub operation: Operation,
    pub model_id: String,
    pub request: Document,
    pub defaults: &'a Document,
    pub cache: &'a Cache,
    pub attachments: &'a Attachments,
    /// Tools that are sent with a conversation and are not part of the request.
    pub tools: &'a ToolDeclarations,
    /// Whether a conversation is checked.
    pub lint: bool,
}

impl Serializer<'_> {
    /// Returns the serialized request, or an error about a member of the request.
    pub fn serialize(self) -> Result<SerializedRequest> {
        match self.operation {
            Operation::Converse => self.converse("converse"),
            Operation::ConverseStream => self.converse("converse-stream"),
            Operation::CountTokens => self.count_tokens(),
            Operation::InvokeModel => self.invoke_model("invoke"),
            Operation::InvokeModelWithResponseStream => self.invoke_model("invoke-with-response-stream"),
            Operation::ApplyGuardrail => self.apply_guardrail(),
            Operation::InvokeGuardrailChecks => self.invoke_guardrail_checks(),
            Operation::StartAsyncInvoke => self.start_async_invoke(),
            Operation::GetAsyncInvoke => self.get_async_invoke(),
            Operation::ListAsyncInvokes => self.list_async_invokes(),
        }
    }

    /// Returns a request with the model in its path.
    fn for_model(self, action: &str, headers: Vec<(&'static str, String)>, body: Bytes) -> SerializedRequest {
        let path = format!("{MODEL_PATH}{}/{action}", escape(&self.model_id));
        SerializedRequest { subject: self.model_id, path, headers, body: Some(body) }
    }

    /// Adds the defaults to a conversation, translates it to Converse, and checks it.
    fn complete_conversation(&mut self) -> Result<()> {
        defaults::fill_conversation(&mut self.request, self.defaults);
        if let Err(error) = translate_members(&mut self.request) {
            return Err(self.request.with_given_pointer(error));
        }
        self.tools.add_to(&mut self.request)?;
        if !self.lint {
            return Ok(());
        }
        if let Some(name) = self.request.names().find(|name| is_for_another_operation(name)) {
            let message = format!("{} belongs to another operation, and Converse has no such member", quote(name));
            return Err(self.error_at(name, &message));
        }
        let is_counted = self.operation == Operation::CountTokens;
        // A system prompt alone can be counted.
        if is_counted && !self.request.contains("messages") {
            return Ok(());
        }
        lint::check(&self.request, self.attachments, &self.model_id, !is_counted)
            .map_err(|error| self.request.with_given_pointer(error))
    }

    /// Writes the request, with attachments instead of references.
    fn write(&self) -> Result<ZeroizedText> {
        self.request.write(self.attachments).map_err(|error| self.request.with_given_pointer(error))
    }

    fn converse(mut self, action: &str) -> Result<SerializedRequest> {
        self.complete_conversation()?;
        // The checks look at what the program gave, so they come first.
        cache_points::add(&mut self.request, self.cache, ModelCaching::of(&self.model_id))?;
        let body = self.write()?;
        Ok(self.for_model(action, Vec::new(), body.into_bytes()))
    }

    /// Counts a conversation, a request in the model's own form (`body`), or the `input` of the operation itself.
    fn count_tokens(mut self) -> Result<SerializedRequest> {
        const COUNTED: [&str; 4] = ["messages", "system", "toolConfig", "additionalModelRequestFields"];
        let body = if self.request.given("input").is_some() {
            check_members(self.operation, &self.request, &["input"], &[])?;
            self.write()?
        } else if let Some(body) = self.model_body()? {
            let bindings = OperationMembers::of(Operation::InvokeModel).bindings;
            check_members(self.operation, &self.request, &["body"], bindings)?;
            let [before, after] = [r#"{"input":{"invokeModel":{"body":""#, r#""}}}"#];
            let base64 = base64_simd::STANDARD.encoded_length(body.len());
            let length = before.len() + base64 + after.len();
            let mut text = ZeroizedText::try_with_capacity("writing the request", length)?;
            text.push_str(before);
            text.push_base64(&body);
            text.push_str(after);
            text
        } else {
            self.complete_conversation()?;
            self.request.retain(|name| COUNTED.contains(&name));
            self.request.wrap(r#"{"input":{"converse":"#, "}}");
            self.write()?
        };
        Ok(self.for_model("count-tokens", Vec::new(), body.into_bytes()))
    }

    fn invoke_model(self, action: &str) -> Result<SerializedRequest> {
        let body = self.model_body()?.ok_or_else(|| {
            let example = r#"{"body": {"inputText": "Hello"}}"#;
            let message = format!("it needs body, the request in the model's own form, for example {example}");
            self.error_at("body", &message)
        })?;
        let bindings = OperationMembers::of(self.operation).bindings;
        check_members(self.operation, &self.request, &["body"], bindings)?;
        let mut headers = Vec::new();
        for binding in bindings {
            let Some(BoundValue { text, pointer }) = self.bindings().value(binding)? else { continue };
            check_header(&text)
                .map_err(|reason| request_error(self.operation, &pointer, &format!("{} {reason}", binding.name)))?;
            let is_of_chunks = self.operation.streams() && binding.name == ACCEPT.name;
            headers.push((if is_of_chunks { ACCEPT_OF_CHUNKS } else { binding.header }, text));
        }
        let has = |header: &str| headers.iter().any(|(name, _)| *name == header);
        self.bindings().check_guardrail(has(GUARDRAIL_IN_HEADERS.identifier.header))?;
        if !has(CONTENT_TYPE.header) {
            headers.push((CONTENT_TYPE.header, "application/json".to_owned()));
        }
        Ok(self.for_model(action, headers, body))
    }

    fn apply_guardrail(mut self) -> Result<SerializedRequest> {
        self.bindings().check_guardrail(self.bindings().value(&GUARDRAIL_IN_PATH.identifier)?.is_some())?;
        let identifier = self.path_segment(&GUARDRAIL_IN_PATH.identifier)?;
        let version = self.path_segment(&GUARDRAIL_IN_PATH.version)?;
        defaults::fill_body(&mut self.request, self.defaults, self.operation);
        let path = format!("/guardrail/{}/version/{}/apply", escape(&identifier), escape(&version));
        let in_path = [GUARDRAIL_CONFIG, GUARDRAIL_IN_PATH.identifier.name, GUARDRAIL_IN_PATH.version.name];
        self.request.retain(|name| !in_path.contains(&name));
        let body = self.write()?;
        Ok(SerializedRequest { subject: identifier, path, headers: Vec::new(), body: Some(body.into_bytes()) })
    }

    /// Makes the system prompt of a conversation its first message, because the operation has no system prompt.
    fn invoke_guardrail_checks(mut self) -> Result<SerializedRequest> {
        defaults::fill_body(&mut self.request, self.defaults, self.operation);
        let system: Vec<_> = self.request.items("system").iter().map(|block| block.text().to_owned()).collect();
        if !system.is_empty() {
            let message = format!("{{\"role\":\"system\",\"content\":[{}]}}", system.join(","));
            let mut messages = vec![Segment::element(&message)?];
            if let Some(list) = self.request.list_mut("messages") {
                messages.extend(list.take_items());
                messages.into_iter().for_each(|message| list.push(message));
                self.request.remove("system");
            }
        }
        let body = self.write()?;
        let path = "/guardrail-checks/invoke".to_owned();
        Ok(SerializedRequest { subject: String::new(), path, headers: Vec::new(), body: Some(body.into_bytes()) })
    }

    fn start_async_invoke(mut self) -> Result<SerializedRequest> {
        defaults::fill_body(&mut self.request, self.defaults, self.operation);
        self.request.add("modelId", &json::quoted(&self.model_id));
        if self.request.given("clientRequestToken").is_none() {
            self.request.remove("clientRequestToken");
            self.request.add("clientRequestToken", &format!("\"{}\"", idempotency_token()?));
        }
        let body = self.write()?;
        let path = "/async-invoke".to_owned();
        Ok(SerializedRequest { subject: self.model_id, path, headers: Vec::new(), body: Some(body.into_bytes()) })
    }

    fn get_async_invoke(self) -> Result<SerializedRequest> {
        check_members(self.operation, &self.request, &[], OperationMembers::of(self.operation).bindings)?;
        let invocation = self.path_segment(&INVOCATION_ARN)?;
        let path = format!("/async-invoke/{}", escape(&invocation));
        Ok(SerializedRequest { subject: invocation, path, headers: Vec::new(), body: None })
    }

    fn list_async_invokes(self) -> Result<SerializedRequest> {
        let bindings = OperationMembers::of(self.operation).bindings;
        check_members(self.operation, &self.request, &[], bindings)?;
        let no_defaults = Document::default();
        let members = Bindings { operation: self.operation, request: &self.request, defaults: &no_defaults };
        let mut path = "/async-invoke".to_owned();
        let mut separator = '?';
        for binding in bindings {
            if let Some(BoundValue { text, .. }) = members.value(binding)? {
                write!(path, "{separator}{}={}", binding.name, escape(&text)).expect("writing to a String cannot fail");
                separator = '&';
            }
        }
        Ok(SerializedRequest { subject: String::new(), path, headers: Vec::new(), body: None })
    }

    fn bindings(&self) -> Bindings<'_> {
        Bindings { operation: self.operation, request: &self.request, defaults: self.defaults }
    }

    /// Returns a member that is a segment of the path, and must be given.
    fn path_segment(&self, binding: &HttpBinding) -> Result<String> {
        let missing = || self.error_at(binding.name, &format!("it needs {}", binding.name));
        let BoundValue { text, pointer } = self.bindings().value(binding)?.ok_or_else(missing)?;
        match check_segment(&text) {
            Ok(()) => Ok(text),
            Err(reason) => Err(request_error(self.operation, &pointer, &format!("{} {reason}", binding.name))),
        }
    }

    /// Returns the request in the model's own form: JSON as it was given, or the bytes of an attachment.
    fn model_body(&self) -> Result<Option<Bytes>> {
        let Some(body) = self.request.given("body") else { return Ok(None) };
        match self.attachments.referred_to_by(body) {
            // It is copied because the worker may free it last, and must not call the program's release function.
            Some(bytes) => Ok(Some(Bytes::from_owner(ZeroizedBytes::copy("writing the request", bytes)?))),
            None => Ok(self.request.write_value("body", self.attachments)?.map(ZeroizedText::into_bytes)),
        }
    }

    fn error_at(&self, member: &str, message: &str) -> Error {
        request_error(self.operation, &pointer_to(member), message)
    }
}

/// Returns a random token, without which a retried request would start a second job. The random numbers are the
/// system's: a generator in the process would repeat them in a forked child.
fn idempotency_token() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(Kind::Resource, format_args!("making clientRequestToken: the system has no random numbers: {error}"))
    })?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}
