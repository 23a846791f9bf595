//! What each operation takes of a request: its path, its headers and its body.
//!
//! Operations read the request's members under the names of the AWS API. Converse and ConverseStream send all of them;
//! CountTokens counts what they would send. The others take their own: of a model's defaults only those that they know,
//! of a request all, so that what the service learns later can be sent today.

use super::attachment::Attachments;
use super::beside::{
    self, Beside, GUARDRAIL_CONFIG, OF_APPLY_GUARDRAIL, OF_GET_ASYNC_INVOKE, OF_INVOKE_MODEL, OF_LIST_ASYNC_INVOKES,
    Said,
};
use super::document::Piece;
use crate::config::{check_header, check_segment};
use crate::error::{Error, Kind, Result, quote};
use crate::json::{self, Json};
use crate::protocol::operation::Operation;
use crate::request::{Document, Wiped, WipedBytes, dialect, lint};
use bytes::Bytes;
use std::fmt::Write as _;

/// What an operation is given.
#[derive(Clone, Debug)]
pub struct Input {
    /// What the call is about, for people: a model, a guardrail, an invocation; "" where it is about none.
    pub subject: String,
    /// From the endpoint, with the query, escaped.
    pub path: String,
    /// Besides those that every request has.
    pub headers: Vec<(&'static str, String)>,
    /// None: the operation only looks, with GET.
    pub body: Option<Bytes>,
}

/// What is needed to make the input of any operation.
pub struct Given<'a> {
    pub operation: Operation,
    pub model_id: String,
    pub request: Document,
    pub defaults: &'a Document,
    pub attachments: &'a Attachments,
    /// Whether to check a conversation before it is sent.
    pub lint: bool,
}

impl Given<'_> {
    pub fn input(self) -> Result<Input> {
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

    fn of_model(self, operation: &str, headers: Vec<(&'static str, String)>, body: Bytes) -> Input {
        let path = format!("/model/{}/{operation}", escaped(&self.model_id));
        Input { subject: self.model_id, path, headers, body: Some(body) }
    }

    /// The conversation with the defaults under it, checked.
    fn settle(&mut self) -> Result<()> {
        if let Err(error) = dialect::settle(&mut self.request, self.defaults) {
            return Err(self.request.blame(error));
        }
        if !self.lint {
            return Ok(());
        }
        if let Some(name) = self.request.names().find(|name| dialect::is_foreign(name)) {
            let what = format!("{} belongs to another operation, and Converse has no such member", quote(name));
            return Err(self.refuse(name, &what));
        }
        // To count, a system prompt alone is something.
        if self.operation == Operation::CountTokens && !self.request.has("messages") {
            return Ok(());
        }
        let answered = self.operation != Operation::CountTokens;
        lint::check(&self.request, self.attachments, &self.model_id, answered)
            .map_err(|error| self.request.blame(error))
    }

    /// The body, with the attachments in their places.
    fn write(&self) -> Result<Wiped> {
        self.request.write(self.attachments).map_err(|error| self.request.blame(error))
    }

    fn converse(mut self, operation: &str) -> Result<Input> {
        self.settle()?;
        let body = self.write()?;
        Ok(self.of_model(operation, Vec::new(), body.into_bytes()))
    }

    /// A conversation, a model's own request as "body", or the operation's own "input".
    fn count_tokens(mut self) -> Result<Input> {
        const COUNTED: [&str; 4] = ["messages", "system", "toolConfig", "additionalModelRequestFields"];
        let body = if self.given("input").is_some() {
            self.only(&["input"], &[])?;
            self.write()?
        } else if let Some(body) = self.model_body()? {
            self.only(&["body"], &OF_INVOKE_MODEL)?;
            let [before, after] = [r#"{"input":{"invokeModel":{"body":""#, r#""}}}"#];
            let base64 = base64_simd::STANDARD.encoded_length(body.len());
            let mut text = Wiped::with_room("writing the request", before.len() + base64 + after.len())?;
            text.push_str(before);
            text.push_base64(&body);
            text.push_str(after);
            text
        } else {
            self.settle()?;
            self.request.keep(|name| COUNTED.contains(&name));
            self.request.wrap(r#"{"input":{"converse":"#, "}}");
            self.write()?
        };
        Ok(self.of_model("count-tokens", Vec::new(), body.into_bytes()))
    }

    fn invoke_model(self, operation: &str) -> Result<Input> {
        let body = self.model_body()?.ok_or_else(|| {
            self.refuse(
                "body",
                "it needs body, the request in the model's own form, for example {\"body\": {\"inputText\": \"Hello\"}}",
            )
        })?;
        self.only(&["body"], &OF_INVOKE_MODEL)?;
        let mut headers = Vec::new();
        for beside in &OF_INVOKE_MODEL {
            let Some(Said { text, at }) = self.said(beside)? else { continue };
            check_header(&text)
                .map_err(|what| beside::refuse(self.operation, &at, &format!("{} {what}", beside.name)))?;
            // Of a stream "accept" is about what stands in its chunks.
            let of_chunks = self.operation.streams() && beside.name == "accept";
            headers.push((if of_chunks { "x-amzn-bedrock-accept" } else { beside.header }, text));
        }
        self.check_guardrail(headers.iter().any(|(name, _)| *name == OF_INVOKE_MODEL[2].header))?;
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            headers.push(("content-type", "application/json".to_owned()));
        }
        Ok(self.of_model(operation, headers, body))
    }

    fn apply_guardrail(mut self) -> Result<Input> {
        self.check_guardrail(self.said(&OF_APPLY_GUARDRAIL[0])?.is_some())?;
        let [identifier, version] = [&OF_APPLY_GUARDRAIL[0], &OF_APPLY_GUARDRAIL[1]].map(|beside| self.needed(beside));
        let (identifier, version) = (identifier?, version?);
        beside::inherit(&mut self.request, self.defaults, &["source", "content", "outputScope"]);
        let path = format!("/guardrail/{}/version/{}/apply", escaped(&identifier), escaped(&version));
        self.request
            .keep(|name| name != GUARDRAIL_CONFIG && !OF_APPLY_GUARDRAIL.iter().any(|beside| beside.name == name));
        let body = self.write()?;
        Ok(Input { subject: identifier, path, headers: Vec::new(), body: Some(body.into_bytes()) })
    }

    /// Given as JSON, its messages are as they were written. What was added one by one has Converse's system prompt,
    /// which comes first.
    fn invoke_guardrail_checks(mut self) -> Result<Input> {
        beside::inherit(&mut self.request, self.defaults, &["checks"]);
        let system: Vec<_> = self.request.items("system").iter().map(|block| block.text().to_owned()).collect();
        if !system.is_empty() {
            let message = format!("{{\"role\":\"system\",\"content\":[{}]}}", system.join(","));
            let mut messages = vec![Piece::value(&message)?];
            if let Some(list) = self.request.list_mut("messages") {
                messages.extend(list.take_items());
                messages.into_iter().for_each(|message| list.push(message));
                self.request.remove("system");
            }
        }
        let body = self.write()?;
        let path = "/guardrail-checks/invoke".to_owned();
        Ok(Input { subject: String::new(), path, headers: Vec::new(), body: Some(body.into_bytes()) })
    }

    fn start_async_invoke(mut self) -> Result<Input> {
        beside::inherit(&mut self.request, self.defaults, &["modelInput", "outputDataConfig", "tags"]);
        self.request.add("modelId", &json::quoted(&self.model_id));
        if self.given("clientRequestToken").is_none() {
            self.request.remove("clientRequestToken");
            // Without it a request that is sent again would be a second job.
            self.request.add("clientRequestToken", &format!("\"{}\"", token()?));
        }
        let body = self.write()?;
        Ok(Input {
            subject: self.model_id,
            path: "/async-invoke".to_owned(),
            headers: Vec::new(),
            body: Some(body.into_bytes()),
        })
    }

    fn get_async_invoke(self) -> Result<Input> {
        self.only(&[], &OF_GET_ASYNC_INVOKE)?;
        let invocation = self.needed(&OF_GET_ASYNC_INVOKE[0])?;
        let path = format!("/async-invoke/{}", escaped(&invocation));
        Ok(Input { subject: invocation, path, headers: Vec::new(), body: None })
    }

    fn list_async_invokes(self) -> Result<Input> {
        self.only(&[], &OF_LIST_ASYNC_INVOKES)?;
        let mut path = "/async-invoke".to_owned();
        let mut separator = '?';
        for beside in &OF_LIST_ASYNC_INVOKES {
            if let Some(Said { text, .. }) = beside.said(self.operation, &self.request, &Document::default())? {
                write!(path, "{separator}{}={}", beside.name, escaped(&text)).expect("a String takes all");
                separator = '&';
            }
        }
        Ok(Input { subject: String::new(), path, headers: Vec::new(), body: None })
    }

    /// That the request holds nothing which has no place in the operation.
    fn only(&self, members: &[&str], beside: &[Beside]) -> Result<()> {
        beside::only(self.operation, &self.request, members, beside)
    }

    /// What goes beside the body, of the request or of the model's defaults.
    fn said(&self, beside: &Beside) -> Result<Option<Said>> {
        beside.said(self.operation, &self.request, self.defaults)
    }

    /// A member of the path.
    fn needed(&self, beside: &Beside) -> Result<String> {
        let missing = || self.refuse(beside.name, &format!("it needs {}", beside.name));
        let Said { text, at } = self.said(beside)?.ok_or_else(missing)?;
        match check_segment(&text) {
            Ok(()) => Ok(text),
            Err(what) => Err(beside::refuse(self.operation, &at, &format!("{} {what}", beside.name))),
        }
    }

    /// That no guardrail is meant which is not there. It would be left out without a word.
    fn check_guardrail(&self, there: bool) -> Result<()> {
        let meant = |document: &Document| {
            document.value(GUARDRAIL_CONFIG).is_some_and(|config| config.kind() != json::Kind::Null)
        };
        if !there && (meant(&self.request) || meant(self.defaults)) {
            return Err(self.refuse(GUARDRAIL_CONFIG, "guardrailConfig needs guardrailIdentifier"));
        }
        Ok(())
    }

    /// A member that is there and not null.
    fn given(&self, name: &str) -> Option<Json<'_>> {
        self.request.value(name).filter(|value| value.kind() != json::Kind::Null)
    }

    /// The request in the model's own form: JSON as it was given, or an attachment as it is.
    fn model_body(&self) -> Result<Option<Bytes>> {
        let Some(body) = self.given("body") else { return Ok(None) };
        match self.attachments.named_by(body) {
            // A copy, because the worker may be the last to let go of it, and must not call the program.
            Some(bytes) => Ok(Some(Bytes::from_owner(WipedBytes::copy("writing the request", bytes)?))),
            None => Ok(self.request.write_value("body", self.attachments)?.map(Wiped::into_bytes)),
        }
    }

    fn refuse(&self, member: &str, what: &str) -> Error {
        beside::refuse(self.operation, &format!("/{}", json::pointer_token(member)), what)
    }
}

/// A text that no other job has. From the system: the state of a generator of ours would be a forked child's too.
fn token() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(Kind::Resource, format_args!("making clientRequestToken: the system has no random numbers: {error}"))
    })?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// A text as a segment of a path, or as a value of a query.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            _ => write!(out, "%{byte:02X}").expect("a String takes all"),
        }
    }
    out
}
