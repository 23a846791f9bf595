//! The C API, called from Rust as a C program calls it: only through the functions of `bedrock.h`.
//!
//! ```ignore
//! let bedrock = LocalBedrock::start();
//! bedrock.push(Reply::stream().text_stream(&["Hel", "lo"], "end_turn"));
//! let streamed = Model::at(&bedrock).stream(&Request::say("Hello?"));
//! assert_eq!(streamed.outcome.response().text, "Hello");
//! ```
//!
//! A call returns an [`Outcome`]: a copy of its error or response, whose handles are freed. Every call also checks the
//! promises of the header for all calls: out parameters are always written, there is an error if and only if the status
//! is negative, texts end in NUL.

use std::ffi::{CStr, CString, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::{dangling_mut, null_mut};
use std::time::{Duration, Instant};

use bedrock::ffi::attachment::*;
use bedrock::ffi::call::*;
use bedrock::ffi::cancel::*;
use bedrock::ffi::conversation::*;
use bedrock::ffi::generate::*;
use bedrock::ffi::model::*;
use bedrock::ffi::request::*;
use bedrock::ffi::response::*;
pub use bedrock::ffi::status::*;
use bedrock::ffi::usage::*;
use serde_json::{Value, json};

use super::server::LocalBedrock;

/// The credentials, region and model id of [`Model::at`].
pub const ACCESS_KEY: &str = "AKIDEXAMPLE";
pub const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
pub const REGION: &str = "us-east-1";
pub const MODEL_ID: &str = "amazon.nova-micro-v1:0";

/// Returns the config of [`Model::at`]: static credentials, and retries without long pauses.
pub fn config(bedrock: &LocalBedrock) -> Value {
    json!({
        "model": MODEL_ID,
        "region": REGION,
        "base_url": bedrock.url(),
        "api_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
        "retry": {"max_backoff": "1ms"},
    })
}

/// Returns `base` with these members. A null removes one.
pub fn with(mut base: Value, members: Value) -> Value {
    let (Some(object), Value::Object(members)) = (base.as_object_mut(), members) else { panic!("two JSON objects") };
    for (key, value) in members {
        match value {
            Value::Null => drop(object.remove(&key)),
            value => drop(object.insert(key, value)),
        }
    }
    base
}

/// Makes a type that frees its handle when it is dropped.
macro_rules! owned {
    ($name:ident, $c:ty, $free:path) => {
        impl Drop for $name {
            fn drop(&mut self) {
                $free(self.handle());
            }
        }
        // A handle is a number, and any thread may use it.
        unsafe impl Send for $name {}
        unsafe impl Sync for $name {}
        impl $name {
            /// Returns the handle.
            pub fn handle(&self) -> *mut $c {
                self.0
            }
        }
    };
}

/// A `bedrock_model`.
pub struct Model(*mut bedrock_model);
owned!(Model, bedrock_model, bedrock_model_free);

impl Model {
    /// Makes a model of the local Bedrock with [`config`].
    #[track_caller]
    pub fn at(bedrock: &LocalBedrock) -> Model {
        Model::new(&config(bedrock))
    }

    /// Makes a model of the local Bedrock with [`config`] and these members.
    #[track_caller]
    pub fn at_with(bedrock: &LocalBedrock, members: Value) -> Model {
        Model::new(&with(config(bedrock), members))
    }

    /// Makes a model that calls `url` with one attempt, and with these members.
    #[track_caller]
    pub fn once_at(url: &str, members: Value) -> Model {
        let base = json!({
            "model": MODEL_ID,
            "region": REGION,
            "base_url": url,
            "api_key": ACCESS_KEY,
            "secret_key": SECRET_KEY,
            "retry": {"max_attempts": 1},
            "timeout": "15s",
            // On a busy machine a connection attempt may be so slow that a second one would start.
            "timeouts": {"connect": "30s"},
        });
        Model::new(&with(base, members))
    }

    /// Makes a model of a config, which must be valid.
    #[track_caller]
    pub fn new(config: &Value) -> Model {
        Model::try_new(&config.to_string()).unwrap_or_else(|failure| panic!("no model: {failure:?}"))
    }

    pub fn try_new(config: &str) -> Result<Model, Failure> {
        made(|out, err| unsafe { bedrock_model_new(config.as_ptr().cast(), config.len(), out, err) }).map(Model)
    }

    /// Derives a model.
    #[track_caller]
    pub fn with(&self, defaults: Value) -> Model {
        self.try_with(&defaults.to_string()).unwrap_or_else(|failure| panic!("no derived model: {failure:?}"))
    }

    pub fn try_with(&self, defaults: &str) -> Result<Model, Failure> {
        let (text, length) = (defaults.as_ptr().cast(), defaults.len());
        made(|out, err| unsafe { bedrock_model_with(self.0, text, length, out, err) }).map(Model)
    }

    /// Calls `bedrock_model_set_credentials`.
    pub fn set_credentials(&self, json: &str) -> Result<(), Failure> {
        changed(|err| unsafe { bedrock_model_set_credentials(self.0, json.as_ptr().cast(), json.len(), err) })
    }

    /// Calls `bedrock_model_api_key` with a buffer of this size. Returns what is in the buffer, and the length.
    pub fn api_key(&self, seconds: i32, size: usize) -> Result<(String, usize), Failure> {
        let (mut buffer, mut length) = (vec![b'x'; size], usize::MAX);
        let (text, len) = (buffer.as_mut_ptr().cast(), &raw mut length);
        let made = changed(|err| unsafe { bedrock_model_api_key(self.0, seconds, null_mut(), text, size, len, err) });
        let written = CStr::from_bytes_until_nul(&buffer).map_or("", |text| text.to_str().expect("ASCII")).to_owned();
        if made.is_err() {
            assert_eq!((written.as_str(), length), ("", 0));
        }
        made.map(|()| (written, length))
    }

    /// Calls `bedrock_model_usage`.
    #[track_caller]
    pub fn usage(&self) -> Usage {
        Usage::read(|out, size| unsafe { bedrock_model_usage(self.0, out, size) })
    }

    /// Returns its `bedrock_stats`.
    pub fn stats(&self) -> bedrock_stats {
        let mut stats: bedrock_stats = unsafe { std::mem::zeroed() };
        let status = unsafe { bedrock_model_stats(self.0, &mut stats, size_of::<bedrock_stats>()) };
        assert_eq!(name(status), "BEDROCK_OK");
        stats
    }

    pub fn id(&self) -> String {
        text_of(|len| unsafe { bedrock_model_id(self.0, len) })
    }

    /// Calls `bedrock_model_settings`.
    pub fn settings(&self) -> Result<Value, Failure> {
        let (mut len, mut error) = (usize::MAX, null_mut());
        let text = unsafe { bedrock_model_settings(self.0, &mut len, &mut error) };
        if text.is_null() {
            assert_eq!(len, 0);
            let status = bedrock_error_status(error);
            return Err(Failure::take(status, error).expect("an error"));
        }
        let text = unsafe { CStr::from_ptr(text) }.to_str().expect("UTF-8");
        assert_eq!(len, text.len());
        Ok(serde_json::from_str(text).expect("JSON"))
    }

    /// Calls `bedrock_model_connect`.
    pub fn connect(&self) -> Result<(), Failure> {
        self.connect_with(null_mut(), -1)
    }

    /// Calls `bedrock_model_connect` with a cancel handle and a limit in milliseconds.
    pub fn connect_with(&self, cancel: *mut bedrock_cancel, timeout_ms: i32) -> Result<(), Failure> {
        changed(|err| unsafe { bedrock_model_connect(self.0, cancel, timeout_ms, err) })
    }

    /// Calls `bedrock_generate`.
    pub fn generate(&self, request: &Request) -> Outcome {
        self.generate_with(request, null_mut())
    }

    /// Calls `bedrock_generate` with a cancel handle.
    pub fn generate_with(&self, request: &Request, cancel: *mut bedrock_cancel) -> Outcome {
        Outcome::of(|out, err| unsafe { bedrock_generate(self.0, request.0, cancel, out, err) })
    }

    /// Calls `bedrock_call`.
    pub fn call(&self, operation: &str, request: &Request) -> Outcome {
        let operation = CString::new(operation).expect("a name without NUL");
        Outcome::of(|out, err| unsafe { bedrock_call(self.0, operation.as_ptr(), request.0, null_mut(), out, err) })
    }

    /// Calls `bedrock_generate_stream` with a callback that keeps every event.
    pub fn stream(&self, request: &Request) -> Streamed {
        self.stream_with(request, null_mut(), |_| 0)
    }

    /// Calls `bedrock_generate_stream` with a cancel handle and `on_event` as the callback. A panic in it stops the
    /// stream and is resumed after the call.
    pub fn stream_with(
        &self,
        request: &Request,
        cancel: *mut bedrock_cancel,
        on_event: impl FnMut(&Event) -> i32,
    ) -> Streamed {
        let mut sink = Sink { events: Vec::new(), on_event, panic: None };
        let user = (&raw mut sink).cast();
        let callback = Some(sink.callback());
        let outcome = Outcome::of(|out, err| unsafe {
            bedrock_generate_stream(self.0, request.0, cancel, callback, user, out, err)
        });
        if let Some(panic) = sink.panic {
            resume_unwind(panic);
        }
        Streamed { events: sink.events, outcome }
    }
}

/// The events of a callback.
struct Sink<F> {
    events: Vec<Event>,
    on_event: F,
    panic: Option<Box<dyn std::any::Any + Send>>,
}

impl<F: FnMut(&Event) -> i32> Sink<F> {
    fn callback(&self) -> unsafe extern "C-unwind" fn(*const bedrock_event, *mut c_void) -> i32 {
        unsafe extern "C-unwind" fn show<F: FnMut(&Event) -> i32>(
            event: *const bedrock_event,
            user: *mut c_void,
        ) -> i32 {
            let sink = unsafe { &mut *user.cast::<Sink<F>>() };
            // No panic may cross into the library.
            let result = catch_unwind(AssertUnwindSafe(|| {
                assert!(sink.panic.is_none(), "an event after the callback had asked to stop");
                sink.events.push(Event::of(unsafe { &*event }));
                (sink.on_event)(sink.events.last().expect("just pushed"))
            }));
            result.unwrap_or_else(|panic| {
                sink.panic = Some(panic);
                1
            })
        }
        show::<F>
    }
}

/// A `bedrock_request`.
pub struct Request(*mut bedrock_request);
owned!(Request, bedrock_request, bedrock_request_free);

impl Request {
    /// Makes a request with one message of the user.
    #[track_caller]
    pub fn say(text: &str) -> Request {
        Request::json(&json!({"messages": [{"role": "user", "content": [{"text": text}]}]}).to_string())
    }

    /// Makes a request of JSON, which must be valid.
    #[track_caller]
    pub fn json(json: &str) -> Request {
        Request::try_json(json).unwrap_or_else(|failure| panic!("no request: {failure:?}"))
    }

    pub fn try_json(json: &str) -> Result<Request, Failure> {
        made(|out, err| unsafe { bedrock_request_new(json.as_ptr().cast(), json.len(), out, err) }).map(Request)
    }

    pub fn add(&self, message: &str) -> Result<(), Failure> {
        changed(|err| unsafe { bedrock_request_add_message(self.0, message.as_ptr().cast(), message.len(), err) })
    }

    pub fn add_text(&self, role: &str, text: &str) -> Result<(), Failure> {
        let role = CString::new(role).expect("a role without NUL");
        changed(|err| unsafe { bedrock_request_add_text(self.0, role.as_ptr(), text.as_ptr().cast(), text.len(), err) })
    }

    /// Calls `bedrock_request_add_response`.
    pub fn add_response(&self, response: *const bedrock_response) -> Result<(), Failure> {
        changed(|err| bedrock_request_add_response(self.0, response, err))
    }

    pub fn set(&self, members: &str) -> Result<(), Failure> {
        changed(|err| unsafe { bedrock_request_set(self.0, members.as_ptr().cast(), members.len(), err) })
    }

    /// Attaches a copy of the data.
    #[track_caller]
    pub fn attach(&self, name: &str, data: &[u8]) {
        let name = CString::new(name).expect("a name without NUL");
        let attached = changed(|err| unsafe {
            bedrock_request_attach(self.0, name.as_ptr(), data.as_ptr().cast(), data.len(), None, null_mut(), err)
        });
        attached.unwrap_or_else(|failure| panic!("not attached: {failure:?}"));
    }

    /// Adds a copy of an image. The data determines the format if `format` is None.
    pub fn add_image(&self, format: Option<&str>, data: &[u8]) -> Result<(), Failure> {
        let format = format.map(|format| CString::new(format).expect("a format without NUL"));
        let format = format.as_ref().map_or(std::ptr::null(), |format| format.as_ptr());
        let (role, bytes, len) = (c"user".as_ptr(), data.as_ptr().cast(), data.len());
        changed(|err| unsafe { bedrock_request_add_image(self.0, role, format, bytes, len, None, null_mut(), err) })
    }

    /// Adds a copy of a document.
    pub fn add_document(&self, format: Option<&str>, name: Option<&str>, data: &[u8]) -> Result<(), Failure> {
        let [format, name] = [format, name].map(|text| text.map(|text| CString::new(text).expect("no NUL")));
        let [format, name] = [&format, &name].map(|text| text.as_ref().map_or(std::ptr::null(), |text| text.as_ptr()));
        let (role, bytes, len) = (c"user".as_ptr(), data.as_ptr().cast(), data.len());
        changed(|err| unsafe {
            bedrock_request_add_document(self.0, role, format, name, bytes, len, None, null_mut(), err)
        })
    }

    pub fn remove(&self, member: &str) -> Result<(), Failure> {
        let member = CString::new(member).expect("a name without NUL");
        changed(|err| unsafe { bedrock_request_remove(self.0, member.as_ptr(), err) })
    }

    pub fn message_count(&self) -> usize {
        bedrock_request_message_count(self.0)
    }

    pub fn remove_messages(&self, first: usize, count: usize) -> Result<(), Failure> {
        changed(|err| unsafe { bedrock_request_remove_messages(self.0, first, count, err) })
    }

    /// Returns the messages that were removed, or None if none were.
    pub fn trim(&self, max_messages: usize) -> Option<Request> {
        let mut removed = dangling_mut();
        let trimmed = changed(|err| unsafe { bedrock_request_trim(self.0, max_messages, &mut removed, err) });
        trimmed.unwrap_or_else(|failure| panic!("not trimmed: {failure:?}"));
        (!removed.is_null()).then(|| Request(removed))
    }

    /// Returns the request as JSON that can be saved.
    pub fn to_json(&self, attachments: i32) -> Result<String, Failure> {
        let (mut len, mut err) = (0, dangling_mut());
        let json = unsafe { bedrock_request_json(self.0, attachments, &mut len, &mut err) };
        borrowed(json, len, err)
    }

    /// Returns the body that this model would send.
    pub fn body(&self, model: &Model) -> Result<String, Failure> {
        let (mut len, mut err) = (0, dangling_mut());
        let body = unsafe { bedrock_request_body(self.0, model.handle(), &mut len, &mut err) };
        borrowed(body, len, err)
    }

    /// Returns the first difference between the bodies of two requests, or "".
    pub fn diff(&self, other: &Request, model: &Model) -> Result<String, Failure> {
        let (mut len, mut err) = (0, dangling_mut());
        let found = unsafe { bedrock_request_diff(self.0, other.0, model.handle(), &mut len, &mut err) };
        borrowed(found, len, err)
    }
}

/// A `bedrock_cancel`.
pub struct Cancel(*mut bedrock_cancel);
owned!(Cancel, bedrock_cancel, bedrock_cancel_free);

impl Cancel {
    pub fn new() -> Cancel {
        let cancel = bedrock_cancel_new();
        assert!(!cancel.is_null(), "no cancel");
        Cancel(cancel)
    }

    pub fn fire(&self) {
        bedrock_cancel_fire(self.0);
    }
}

/// The result of a call.
#[derive(Debug)]
pub struct Outcome {
    pub status: bedrock_status,
    /// Present if and only if the status is negative.
    pub failure: Option<Failure>,
    pub response: Option<Response>,
    /// The duration of the call.
    pub took: Duration,
}

/// The result of a stream: its events in order, and its end.
#[derive(Debug)]
pub struct Streamed {
    pub events: Vec<Event>,
    pub outcome: Outcome,
}

impl Outcome {
    #[track_caller]
    fn of(call: impl FnOnce(*mut *mut bedrock_response, *mut *mut bedrock_error) -> bedrock_status) -> Outcome {
        // Both hold something before the call: it writes them whatever happens.
        let (mut out, mut err) = (dangling_mut(), dangling_mut());
        let began = Instant::now();
        let status = call(&mut out, &mut err);
        let took = began.elapsed();
        assert_ne!(out, dangling_mut(), "*out was not written ({status})");
        let failure = Failure::take(status, err);
        let response = (!out.is_null()).then(|| Response::take(out));
        assert!(status < 0 || response.is_some(), "a response goes with success ({status})");
        let whole = response.as_ref().is_some_and(|response| response.complete);
        assert!(status >= 0 || !whole, "a failure gives what had arrived, and no more ({failure:?})");
        Outcome { status, failure, response, took }
    }

    /// Returns the error of a call, which must have failed with `status`.
    #[track_caller]
    pub fn failed(&self, status: bedrock_status) -> &Failure {
        assert_eq!(name(self.status), name(status), "{self:?}");
        self.failure.as_ref().expect("checked when it was made")
    }

    /// Returns the response of a call, which must have succeeded with a complete response.
    #[track_caller]
    pub fn response(&self) -> &Response {
        assert_eq!(name(self.status), "BEDROCK_OK", "{self:?}");
        let response = self.response.as_ref().expect("checked when it was made");
        assert!(response.complete, "BEDROCK_OK with an incomplete response: {self:?}");
        response
    }

    /// Returns the partial response of a call, which must have failed with `status`.
    #[track_caller]
    pub fn arrived(&self, status: bedrock_status) -> &Response {
        self.failed(status);
        self.response.as_ref().expect("what had arrived")
    }

    /// Returns the partial response of a call that the callback stopped.
    #[track_caller]
    pub fn stopped(&self) -> &Response {
        assert_eq!(name(self.status), "BEDROCK_STOPPED", "{self:?}");
        self.response.as_ref().expect("checked when it was made")
    }
}

impl Streamed {
    /// Returns the text of all text deltas.
    pub fn text(&self) -> String {
        self.events.iter().filter(|event| event.kind == BEDROCK_EVENT_TEXT).map(|event| event.text.as_str()).collect()
    }
}

/// A copy of a `bedrock_error`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub status: bedrock_status,
    pub message: String,
    pub code: String,
    pub path: String,
    pub request_id: String,
    pub http_status: i32,
    pub retryable: bool,
    pub attempts: i32,
    pub more: Box<More>,
}

/// Further members, which few tests check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct More {
    /// Milliseconds, or -1.
    pub retry_after: i64,
    pub json: String,
}

impl Failure {
    /// Copies and frees the error that a call returned in *err.
    #[track_caller]
    pub(super) fn take(status: bedrock_status, err: *mut bedrock_error) -> Option<Failure> {
        assert_ne!(err, dangling_mut(), "*err was not written ({status})");
        assert_eq!(err.is_null(), status >= 0, "an error goes with a status below 0 and with no other ({status})");
        if err.is_null() {
            return None;
        }
        let failure = Failure {
            status: bedrock_error_status(err),
            message: text(bedrock_error_message(err)),
            code: text(bedrock_error_code(err)),
            path: text(bedrock_error_path(err)),
            request_id: text(bedrock_error_request_id(err)),
            http_status: bedrock_error_http_status(err),
            more: Box::new(More {
                retry_after: bedrock_error_retry_after(err),
                json: text_of(|len| unsafe { bedrock_error_json(err, len) }),
            }),
            retryable: bedrock_error_retryable(err) != 0,
            attempts: bedrock_error_attempts(err),
        };
        bedrock_error_free(err);
        assert_eq!(failure.status, status, "the error has the call's status: {failure:?}");
        let line = failure.message.as_str();
        assert!(line.starts_with("bedrock: ") && !line.contains(char::is_control), "not one line for people: {line:?}");
        Some(failure)
    }

    /// Returns the failure, whose status must be `status`.
    #[track_caller]
    pub fn is(&self, status: bedrock_status) -> &Failure {
        assert_eq!(name(self.status), name(status), "{self:?}");
        self
    }

    /// Asserts that the message contains each of these texts.
    #[track_caller]
    pub fn says(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.message.contains(part), "the message does not say {part:?}: {:?}", self.message);
        }
    }
}

/// A copy of a `bedrock_response`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub text: String,
    pub reasoning: String,
    pub stop_reason: String,
    pub finish_reason: String,
    pub complete: bool,
    pub tool_calls: Vec<ToolCall>,
    pub usage: Usage,
    /// The message of the assistant, as JSON.
    pub message: String,
    /// The whole response, as JSON.
    pub json: String,
    pub request_id: String,
    pub model: String,
    pub attempts: i32,
}

/// A copy of a `bedrock_tool_call`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    pub input: String,
    pub input_valid: bool,
    /// BEDROCK_TOOL_CALL_...
    pub kind: i32,
}

/// A copy of a `bedrock_usage`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub total_tokens: i64,
    pub cache_read_tokens: i64,
    pub cache_write_tokens: i64,
    pub latency_ms: i64,
    pub cache_write_5m_tokens: i64,
    pub cache_write_1h_tokens: i64,
}

impl Response {
    /// Returns the tool calls of a response.
    pub fn calls_of(response: *const bedrock_response) -> Vec<ToolCall> {
        (0..bedrock_response_tool_call_count(response)).map(|index| ToolCall::of(response, index)).collect()
    }

    /// Copies and frees the response that a call returned in *out.
    #[track_caller]
    pub(super) fn take(response: *mut bedrock_response) -> Response {
        let copy = Response {
            text: text_of(|len| unsafe { bedrock_response_text(response, len) }),
            reasoning: text_of(|len| unsafe { bedrock_response_reasoning(response, len) }),
            stop_reason: text(bedrock_response_stop_reason(response)),
            finish_reason: text(bedrock_response_finish_reason(response)),
            complete: bedrock_response_complete(response) != 0,
            tool_calls: Response::calls_of(response),
            usage: Usage::of(response),
            message: text_of(|len| unsafe { bedrock_response_message(response, len) }),
            json: text_of(|len| unsafe { bedrock_response_json(response, len) }),
            request_id: text(bedrock_response_request_id(response)),
            model: text(bedrock_response_model(response)),
            attempts: bedrock_response_attempts(response),
        };
        bedrock_response_free(response);
        copy
    }
}

impl ToolCall {
    #[track_caller]
    fn of(response: *const bedrock_response, index: usize) -> ToolCall {
        let nothing = std::ptr::null();
        let mut call = bedrock_tool_call {
            id: nothing,
            name: nothing,
            input_json: nothing,
            input_json_len: 0,
            input_valid: 0,
            kind: 0,
        };
        let status = unsafe { bedrock_response_tool_call(response, index, &mut call, size_of_val(&call)) };
        assert_eq!(name(status), "BEDROCK_OK");
        ToolCall {
            id: text(call.id),
            name: text(call.name),
            input: sized(call.input_json, call.input_json_len),
            input_valid: call.input_valid != 0,
            kind: call.kind,
        }
    }
}

impl Usage {
    #[track_caller]
    fn of(response: *const bedrock_response) -> Usage {
        Usage::read(|out, size| unsafe { bedrock_response_usage(response, out, size) })
    }

    #[track_caller]
    fn read(getter: impl FnOnce(*mut bedrock_usage, usize) -> bedrock_status) -> Usage {
        let mut usage: bedrock_usage = unsafe { std::mem::zeroed() };
        let status = getter(&mut usage, size_of::<bedrock_usage>());
        assert_eq!(name(status), "BEDROCK_OK");
        Usage {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            total_tokens: usage.total_tokens,
            cache_read_tokens: usage.cache_read_tokens,
            cache_write_tokens: usage.cache_write_tokens,
            latency_ms: usage.latency_ms,
            cache_write_5m_tokens: usage.cache_write_5m_tokens,
            cache_write_1h_tokens: usage.cache_write_1h_tokens,
        }
    }
}

/// A copy of a `bedrock_event`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// BEDROCK_EVENT_...
    pub kind: i32,
    pub block: i32,
    pub text: String,
    pub tool_id: String,
    pub tool_name: String,
    pub json: String,
    pub payload: Vec<u8>,
    pub input_valid: bool,
}

impl Event {
    #[track_caller]
    pub(super) fn of(event: &bedrock_event) -> Event {
        assert_eq!(event.size as usize, size_of::<bedrock_event>());
        Event {
            kind: event.r#type,
            block: event.block,
            text: sized(event.text, event.text_len),
            tool_id: sized(event.tool_id, event.tool_id_len),
            tool_name: sized(event.tool_name, event.tool_name_len),
            json: sized(event.json, event.json_len),
            payload: payload(event),
            input_valid: event.input_valid != 0,
        }
    }
}

/// Returns the payload of an event. Its JSON, if it has any, must be the same text.
#[track_caller]
fn payload(event: &bedrock_event) -> Vec<u8> {
    assert!(!event.payload.is_null(), "a payload is never NULL");
    let payload = unsafe { std::slice::from_raw_parts(event.payload.cast::<u8>(), event.payload_len) };
    if event.json_len > 0 {
        assert_eq!(payload, sized(event.json, event.json_len).as_bytes());
    }
    payload.to_vec()
}

pub use bedrock::ffi::generate::{
    BEDROCK_EVENT_BLOCK_DELTA, BEDROCK_EVENT_BLOCK_START, BEDROCK_EVENT_BLOCK_STOP, BEDROCK_EVENT_MESSAGE_START,
    BEDROCK_EVENT_MESSAGE_STOP, BEDROCK_EVENT_METADATA, BEDROCK_EVENT_OTHER, BEDROCK_EVENT_REASONING,
    BEDROCK_EVENT_TEXT, BEDROCK_EVENT_TOOL_INPUT,
};

/// Returns the name of a status, such as "BEDROCK_E_THROTTLED", for readable assertions.
pub fn name(status: bedrock_status) -> String {
    let name = text(bedrock_status_name(status));
    if name.is_empty() { format!("no status: {status}") } else { name }
}

/// Returns a copy of the text that a function returns, or the error.
fn borrowed(text: *const c_char, len: usize, err: *mut bedrock_error) -> Result<String, Failure> {
    if text.is_null() {
        let status = bedrock_error_status(err);
        return Err(Failure::take(status, err).expect("an error where there is no text"));
    }
    assert!(err.is_null(), "a text and an error");
    let text = unsafe { std::slice::from_raw_parts(text.cast(), len) };
    Ok(String::from_utf8(text.to_vec()).expect("a text is UTF-8"))
}

/// Returns the result of a function that changes an object.
fn changed(change: impl FnOnce(*mut *mut bedrock_error) -> bedrock_status) -> Result<(), Failure> {
    let mut err = dangling_mut();
    let status = change(&mut err);
    Failure::take(status, err).map_or(Ok(()), Err)
}

/// Returns the handle that a function makes, or the error.
#[track_caller]
pub(super) fn made<C>(
    make: impl FnOnce(*mut *mut C, *mut *mut bedrock_error) -> bedrock_status,
) -> Result<*mut C, Failure> {
    let (mut out, mut err) = (dangling_mut(), dangling_mut());
    let status = make(&mut out, &mut err);
    match Failure::take(status, err) {
        None => {
            assert!(!out.is_null() && out != dangling_mut(), "*out was not written ({status})");
            Ok(out)
        }
        Some(failure) => {
            assert!(out.is_null(), "*out is NULL where there is nothing to give: {failure:?}");
            Err(failure)
        }
    }
}

#[track_caller]
fn text(text: *const c_char) -> String {
    assert!(!text.is_null(), "a text is never NULL");
    unsafe { CStr::from_ptr(text) }.to_str().expect("texts are UTF-8").to_owned()
}

/// Returns a text by its pointer and length, and checks the NUL behind it.
#[track_caller]
fn sized(text: *const c_char, len: usize) -> String {
    assert!(!text.is_null(), "a text is never NULL");
    let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), len + 1) };
    let (end, text) = bytes.split_last().expect("it holds the NUL");
    assert_eq!(*end, 0, "a text ends in NUL");
    std::str::from_utf8(text).expect("texts are UTF-8").to_owned()
}

#[track_caller]
fn text_of(getter: impl FnOnce(*mut usize) -> *const c_char) -> String {
    let mut len = usize::MAX;
    let text = getter(&mut len);
    sized(text, len)
}
