//! The calls: each function of the header that takes or returns a handle, with random arguments.

use std::ffi::{CStr, c_char, c_void};
use std::ptr::{dangling, null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering};

use bedrock::ffi::attachment::*;
use bedrock::ffi::call::*;
use bedrock::ffi::cancel::*;
use bedrock::ffi::conversation::*;
use bedrock::ffi::feed::*;
use bedrock::ffi::generate::*;
use bedrock::ffi::model::*;
use bedrock::ffi::process::*;
use bedrock::ffi::request::*;
use bedrock::ffi::response::*;
use bedrock::ffi::run::*;
use bedrock::ffi::stream::*;
use bedrock::ffi::usage::*;
use bedrock::ffi::waitset::*;

use super::caller::{Caller, Gave, TOTAL};
use super::handles::Kind;
use crate::support::capi::*;

pub struct Call {
    pub name: &'static str,
    /// The frequency of the call, relative to the others.
    pub weight: usize,
    /// Whether the call may wait for the network, until a timer of the model ends it.
    pub waits: bool,
    pub make: fn(&mut Caller) -> Gave,
}

/// How much more often the other functions are called than bedrock_shutdown, which ends their calls.
const OFTEN: usize = 5;

const fn call(name: &'static str, weight: usize, make: fn(&mut Caller) -> Gave) -> Call {
    Call { name, weight: OFTEN * weight, waits: false, make }
}

const fn waits(name: &'static str, weight: usize, make: fn(&mut Caller) -> Gave) -> Call {
    Call { name, weight: OFTEN * weight, waits: true, make }
}

const CONFIGS: [&str; 7] = [
    r#"{"model": "m", "transport": {"replies": ["Hello", {"text": "Hello", "stop_reason": "end_turn"}], "repeat": true}}"#,
    r#"{"model": "m", "transport": {"replies": [{"message": {"role": "assistant", "content": [
        {"toolUse": {"toolUseId": "t-1", "name": "tool", "input": {}}}]}}, "Hello"], "repeat": true}}"#,
    r#"{"model": "m", "region": "us-east-1", "base_url": "{url}", "api_key": "A", "secret_key": "S", "http_version": "1.1",
        "timeouts": {"connect": "100ms", "first_event": "100ms", "idle": "100ms", "total": "150ms"}}"#,
    r#"{"model": "m", "region": "us-east-1", "base_url": "{url2}", "api_key": "A", "secret_key": "S", "http_version": "2",
        "timeouts": {"connect": "100ms", "first_event": "100ms", "idle": "100ms", "total": "150ms"}, "keep_answer": false}"#,
    r#"{"model": "m", "region": "us-east-1", "base_url": "{url}", "api_key": "A", "secret_key": "S", "max_concurrency": 2,
        "timeouts": {"total": "150ms", "queue": "50ms"}, "retry": {"max_attempts": 1}, "read_ahead": "16KiB"}"#,
    r#"{"model": "m", "transport": {"replies": []}, "typo": 1}"#,
    r#"{"model": "#,
];

const CREDENTIALS: [&str; 5] = [
    "{}",
    r#"{"api_key":"a","secret_key":"b"}"#,
    r#"{"bearer_token":"a"}"#,
    r#"{"profile":"no such profile"}"#,
    r#"{"api_key":"a"}"#,
];
const DEFAULTS: [&str; 6] = [
    r#"{"inferenceConfig": {"maxTokens": 10}}"#,
    r#"{"timeouts": {"total": "50ms"}, "keep_answer": true}"#,
    r#"{"model": "other", "read_ahead": "32KiB"}"#,
    r#"{"retry": {"max_attempts": 2, "max_backoff": "1ms"}}"#,
    r#"{"timout": "1s"}"#,
    r#"[]"#,
];

const REQUESTS: [&str; 7] = [
    r#"{"messages": [{"role": "user", "content": [{"text": "Hello?"}]}]}"#,
    r#"{"messages": [{"role": "user", "content": "Hello?"}], "temperature": 0.5}"#,
    r#"{"messages": [{"role": "user", "content": [{"text": "What?"}, {"image": {"format": "png", "source": {"bytes": "@a"}}}]}]}"#,
    r#"{"body": {"inputText": "Hello"}}"#,
    r#"{"messages": [{"role": "nobody", "content": []}]}"#,
    r#"{"messages": 7}"#,
    r#"{"#,
];

const MESSAGES: [&str; 6] = [
    r#"{"role": "user", "content": [{"text": "Hello?"}]}"#,
    r#"{"role": "assistant", "content": [{"text": "Hello."}]}"#,
    r#"{"role": "assistant", "content": [{"toolUse": {"toolUseId": "t-1", "name": "n", "input": {}}}]}"#,
    r#"{"role": "tool", "tool_call_id": "t-1", "content": "7"}"#,
    r#"{"role": 1}"#,
    "hello",
];

const TRACEPARENTS: [&str; 2] = ["00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01", "00-0"];
const FEEDS: [&str; 5] =
    [r#"{"records": true}"#, r#"{"log": "debug", "capacity": 3}"#, r#"{"capacity": 2}"#, "{}", r#"{"log": 1}"#];

const ROLES: [&str; 6] = ["user", "assistant", "system", "human", "nobody", ""];
const WORDS: [&str; 4] = ["Hello", "", " ", "ä€😀"];
const NAMES: [&str; 4] = ["a", "b", "system", ""];
const FORMATS: [&str; 4] = ["png", "pdf", "image/jpeg", "nothing"];
const OPERATIONS: [&str; 6] =
    ["Converse", "ConverseStream", "InvokeModel", "CountTokens", "InvokeModelWithResponseStream", "Nothing"];

/// Options for bedrock_run_tools, which no timer ends while it waits for results.
const TOTALS: [&CStr; 3] =
    [c"{\"total\": \"150ms\"}", c"{\"total\": \"50ms\", \"max_rounds\": 2}", c"{\"total\": \"150ms\", \"x\": 1}"];

const OPTIONS: [&str; 4] = [
    r#"{"tools": [{"name": "tool", "input_schema": {"type": "object"}}]}"#,
    r#"{"total": "100ms"}"#,
    r#"{"max_rounds": 2, "total": "1s"}"#,
    r#"{"max_round": 2}"#,
];

const RESULTS: [&str; 4] = ["Hello", r#"{"a": 1}"#, r#"[{"text": "a"}]"#, "{"];

/// What a run is added to a waiting set with.
static A_RUN: u8 = 0;

/// How often a callback could call a function that callbacks must not call.
pub static LET: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C-unwind" fn on_event(event: *const bedrock_event, user: *mut c_void) -> i32 {
    let caller = unsafe { &mut *user.cast::<Caller>() };
    if event.is_null() {
        caller.report("an event that is NULL".to_owned());
    }
    if bedrock_shutdown(0) != BEDROCK_E_BUSY {
        caller.report("bedrock_shutdown ran inside a callback".to_owned());
    }
    caller.inside();
    i32::from(caller.random.percent(5))
}

unsafe extern "C-unwind" fn tool(run: *mut bedrock_run, call: *const bedrock_tool_call, user: *mut c_void) -> i32 {
    let caller = unsafe { &mut *user.cast::<Caller>() };
    if run.is_null() || call.is_null() {
        caller.report("a tool without a run or a call".to_owned());
        return BEDROCK_TOOL_STOP;
    }
    caller.keep(Kind::Run, run);
    caller.inside();
    if caller.random.percent(70) {
        let (text, kind) = (caller.text(&RESULTS), caller.random.below(5) as i32);
        unsafe { bedrock_run_result(run, (*call).id, text.pointer, text.len, kind, null_mut()) };
    }
    *caller.random.one_of(&[BEDROCK_TOOL_DONE, BEDROCK_TOOL_DONE, BEDROCK_TOOL_LATER, BEDROCK_TOOL_STOP, 77])
}

unsafe extern "C-unwind" fn wakeup(_: *mut c_void) {
    let mut out = null_mut();
    let status = unsafe { bedrock_request_new(null(), 0, &mut out, null_mut()) };
    if status != BEDROCK_E_BUSY || bedrock_shutdown(0) != BEDROCK_E_BUSY {
        LET.fetch_add(1, Ordering::Relaxed);
    }
}

unsafe extern "C-unwind" fn log(_: i32, _: *const c_char, _: *const c_char, _: usize, _: *mut c_void) {
    if bedrock_shutdown(0) != BEDROCK_E_BUSY {
        LET.fetch_add(1, Ordering::Relaxed);
    }
}

unsafe extern "C-unwind" fn observe(_: *const c_char, _: usize, _: i64, _: *mut c_void) {
    if bedrock_shutdown(0) != BEDROCK_E_BUSY {
        LET.fetch_add(1, Ordering::Relaxed);
    }
}

/// A wait in milliseconds.
fn patience(caller: &mut Caller) -> i32 {
    *caller.random.one_of(&[0, 0, 0, 1, 10, -1])
}

/// The same for waits that no timer ends: never without a limit.
fn bounded(caller: &mut Caller) -> i32 {
    *caller.random.one_of(&[0, 0, 1, 10, 50])
}

/// A borrowed text of a function. It is not read, because another thread may free its handle.
fn borrowed(caller: &mut Caller, text: *const c_char) -> Gave {
    if text.is_null() {
        caller.report("a text that is NULL".to_owned());
    }
    Gave::Nothing
}

/// A borrowed text of a function, or NULL and an error.
fn lent_or(caller: &mut Caller, lend: impl FnOnce(&mut Caller, *mut *mut bedrock_error) -> *const c_char) -> Gave {
    caller.with_err(|caller, err| {
        let mut own = null_mut();
        let text = lend(caller, &mut own);
        let status = if own.is_null() { BEDROCK_OK } else { bedrock_error_status(own) };
        if text.is_null() == own.is_null() {
            caller.report("a text and an error, or neither".to_owned());
        }
        if err.is_null() {
            bedrock_error_free(own);
        } else {
            unsafe { *err = own };
        }
        status
    })
}

fn attachment(caller: &mut Caller) -> (Vec<u8>, usize) {
    let bytes = caller.random.one_of(&[&b"\x89PNG\r\n\x1a\n"[..], b"%PDF-1.7", b"hello", b""]).to_vec();
    let len = if caller.random.percent(5) { usize::MAX } else { bytes.len() };
    (bytes, len)
}

/// Static bytes, because the library does not copy bytes that are passed with a release function.
fn lasting(bytes: Vec<u8>) -> *const c_void {
    let known: [&'static [u8]; 4] = [b"\x89PNG\r\n\x1a\n", b"%PDF-1.7", b"hello", b""];
    known.iter().find(|known| **known == bytes).map_or(null(), |known| known.as_ptr().cast())
}

macro_rules! getter {
    ($name:ident, $kind:ident) => {
        call(stringify!($name), 1, |caller| {
            let _ = $name(caller.handle_to_read(Kind::$kind));
            Gave::Nothing
        })
    };
}

macro_rules! text_getter {
    ($name:ident, $kind:ident) => {
        call(stringify!($name), 1, |caller| {
            let text = $name(caller.handle_to_read(Kind::$kind));
            borrowed(caller, text)
        })
    };
}

macro_rules! sized_getter {
    ($name:ident, $kind:ident) => {
        call(stringify!($name), 1, |caller| {
            let handle = caller.handle_to_read(Kind::$kind);
            let mut len = usize::MAX;
            let text = unsafe { $name(handle, if caller.random.percent(20) { null_mut() } else { &mut len }) };
            borrowed(caller, text)
        })
    };
}

macro_rules! freer {
    ($name:ident, $kind:ident, $weight:expr) => {
        call(stringify!($name), $weight, |caller| {
            caller.free(Kind::$kind, |handle| $name(handle));
            Gave::Nothing
        })
    };
}

pub const CALLS: &[Call] = &[
    // Errors.
    getter!(bedrock_error_status, Error),
    text_getter!(bedrock_error_message, Error),
    text_getter!(bedrock_error_code, Error),
    text_getter!(bedrock_error_path, Error),
    text_getter!(bedrock_error_request_id, Error),
    getter!(bedrock_error_http_status, Error),
    getter!(bedrock_error_retryable, Error),
    getter!(bedrock_error_retry_after, Error),
    sized_getter!(bedrock_error_json, Error),
    getter!(bedrock_error_attempts, Error),
    freer!(bedrock_error_free, Error, 2),
    // Models.
    call("bedrock_model_new", 8, |caller| {
        let text = caller.text(&CONFIGS);
        caller.made(Kind::Model, |_, out, err| unsafe { bedrock_model_new(text.pointer, text.len, out, err) })
    }),
    waits("bedrock_model_connect", 2, |caller| {
        let (model, cancel) = (caller.handle(Kind::Model), caller.cancel());
        let wait = patience(caller);
        caller.with_err(|_, err| unsafe { bedrock_model_connect(model, cancel, wait, err) })
    }),
    call("bedrock_model_with", 4, |caller| {
        let (model, text) = (caller.handle(Kind::Model), caller.text(&DEFAULTS));
        caller.made(Kind::Model, |_, out, err| unsafe { bedrock_model_with(model, text.pointer, text.len, out, err) })
    }),
    call("bedrock_model_set_credentials", 2, |caller| {
        let (model, text) = (caller.handle(Kind::Model), caller.text(&CREDENTIALS));
        caller.with_err(|_, err| unsafe { bedrock_model_set_credentials(model, text.pointer, text.len, err) })
    }),
    waits("bedrock_model_api_key", 2, |caller| {
        let (model, cancel) = (caller.handle(Kind::Model), caller.cancel());
        let (seconds, mut len, mut buffer) = (*caller.random.one_of(&[-1, 0, 1, 43200, 43201]), 0, [0; 700]);
        let (text, size) = (buffer.as_mut_ptr(), caller.random.below(buffer.len()));
        caller
            .with_err(|_, err| unsafe { bedrock_model_api_key(model, seconds, cancel, text, size, &raw mut len, err) })
    }),
    sized_getter!(bedrock_model_id, Model),
    call("bedrock_model_settings", 1, |caller| {
        let model = caller.handle_to_read(Kind::Model);
        lent_or(caller, |_, err| unsafe { bedrock_model_settings(model, null_mut(), err) })
    }),
    freer!(bedrock_model_free, Model, 1),
    // Requests.
    call("bedrock_request_new", 10, |caller| {
        let text = caller.text(&REQUESTS);
        caller.made(Kind::Request, |_, out, err| unsafe { bedrock_request_new(text.pointer, text.len, out, err) })
    }),
    call("bedrock_request_clone", 4, |caller| {
        let request = caller.handle(Kind::Request);
        caller.made(Kind::Request, |_, out, err| unsafe { bedrock_request_clone(request, out, err) })
    }),
    call("bedrock_request_set", 3, |caller| {
        let (request, text) = (caller.handle(Kind::Request), caller.text(&REQUESTS));
        caller.with_err(|_, err| unsafe { bedrock_request_set(request, text.pointer, text.len, err) })
    }),
    call("bedrock_request_remove", 2, |caller| {
        let (request, name) = (caller.handle(Kind::Request), caller.text(&NAMES));
        caller.with_err(|_, err| unsafe { bedrock_request_remove(request, name.whole(), err) })
    }),
    call("bedrock_request_set_traceparent", 1, |caller| {
        let (request, text) = (caller.handle(Kind::Request), caller.text(&TRACEPARENTS));
        caller.with_err(|_, err| unsafe { bedrock_request_set_traceparent(request, text.whole(), err) })
    }),
    call("bedrock_request_json", 2, |caller| {
        let (request, form) = (caller.handle(Kind::Request), caller.random.below(3) as i32);
        lent_or(caller, |_, err| unsafe { bedrock_request_json(request, form, null_mut(), err) })
    }),
    call("bedrock_request_body", 3, |caller| {
        let (request, model) = (caller.handle(Kind::Request), caller.handle_to_read(Kind::Model));
        lent_or(caller, |_, err| unsafe { bedrock_request_body(request, model, null_mut(), err) })
    }),
    call("bedrock_request_diff", 2, |caller| {
        let (a, b) = (caller.handle(Kind::Request), caller.handle_to_read(Kind::Request));
        let model = caller.handle_to_read(Kind::Model);
        lent_or(caller, |_, err| unsafe { bedrock_request_diff(a, b, model, null_mut(), err) })
    }),
    freer!(bedrock_request_free, Request, 3),
    // Conversations.
    call("bedrock_request_add_text", 5, |caller| {
        let (request, role, text) = (caller.handle(Kind::Request), caller.text(&ROLES), caller.text(&WORDS));
        caller
            .with_err(|_, err| unsafe { bedrock_request_add_text(request, role.whole(), text.pointer, text.len, err) })
    }),
    call("bedrock_request_add_message", 4, |caller| {
        let (request, text) = (caller.handle(Kind::Request), caller.text(&MESSAGES));
        caller.with_err(|_, err| unsafe { bedrock_request_add_message(request, text.pointer, text.len, err) })
    }),
    call("bedrock_request_add_response", 4, |caller| {
        let (request, response) = (caller.handle(Kind::Request), caller.handle_to_read(Kind::Response));
        caller.with_err(|_, err| bedrock_request_add_response(request, response, err))
    }),
    call("bedrock_request_add_tool_result", 2, |caller| {
        let (request, id, text) = (caller.handle(Kind::Request), caller.text(&NAMES), caller.text(&WORDS));
        caller.with_err(|_, err| unsafe {
            bedrock_request_add_tool_result(request, id.whole(), text.pointer, text.len, 0, err)
        })
    }),
    getter!(bedrock_request_message_count, Request),
    call("bedrock_request_remove_messages", 2, |caller| {
        let request = caller.handle(Kind::Request);
        let (first, count) = (caller.random.below(4), *caller.random.one_of(&[0, 1, 2, usize::MAX]));
        caller.with_err(|_, err| unsafe { bedrock_request_remove_messages(request, first, count, err) })
    }),
    call("bedrock_request_trim", 2, |caller| {
        let (request, most) = (caller.handle(Kind::Request), caller.random.below(5));
        caller.with_err(|_, err| unsafe {
            let mut removed = null_mut();
            let status = bedrock_request_trim(request, most, &mut removed, err);
            bedrock_request_free(removed);
            status
        })
    }),
    // Attachments.
    call("bedrock_request_add_image", 2, |caller| {
        let (request, role, format) = (caller.handle(Kind::Request), caller.text(&ROLES), caller.text(&FORMATS));
        let (bytes, len) = attachment(caller);
        let (data, release) = (lasting(bytes), caller.release());
        caller.with_err(|_, err| unsafe {
            bedrock_request_add_image(request, role.whole(), format.whole(), data, len, release, null_mut(), err)
        })
    }),
    call("bedrock_request_add_document", 2, |caller| {
        let (request, role, format) = (caller.handle(Kind::Request), caller.text(&ROLES), caller.text(&FORMATS));
        let (name, (bytes, len)) = (caller.text(&NAMES), attachment(caller));
        let (data, release) = (lasting(bytes), caller.release());
        caller.with_err(|_, err| unsafe {
            let (role, format) = (role.whole(), format.whole());
            bedrock_request_add_document(request, role, format, name.whole(), data, len, release, null_mut(), err)
        })
    }),
    call("bedrock_request_attach", 3, |caller| {
        let (request, name, (bytes, len)) = (caller.handle(Kind::Request), caller.text(&NAMES), attachment(caller));
        let (data, release) = (lasting(bytes), caller.release());
        caller.with_err(|_, err| unsafe {
            bedrock_request_attach(request, name.whole(), data, len, release, null_mut(), err)
        })
    }),
    // Cancels.
    call("bedrock_cancel_new", 3, |caller| {
        let cancel = bedrock_cancel_new();
        caller.keep(Kind::Cancel, cancel);
        Gave::Nothing
    }),
    call("bedrock_cancel_fire", 2, |caller| {
        bedrock_cancel_fire(caller.handle(Kind::Cancel));
        Gave::Nothing
    }),
    freer!(bedrock_cancel_free, Cancel, 1),
    // Calls that wait.
    waits("bedrock_generate", 6, |caller| {
        let (model, request) = (caller.handle_to_read(Kind::Model), caller.handle_to_read(Kind::Request));
        let cancel = caller.cancel();
        caller.made(Kind::Response, |_, out, err| unsafe { bedrock_generate(model, request, cancel, out, err) })
    }),
    waits("bedrock_generate_stream", 6, |caller| {
        let (model, request) = (caller.handle_to_read(Kind::Model), caller.handle_to_read(Kind::Request));
        let cancel = caller.cancel();
        let function: bedrock_event_fn = if caller.random.percent(3) { None } else { Some(on_event) };
        caller.made(Kind::Response, |caller, out, err| unsafe {
            bedrock_generate_stream(model, request, cancel, function, (&raw mut *caller).cast(), out, err)
        })
    }),
    waits("bedrock_call", 4, |caller| {
        let (model, request) = (caller.handle_to_read(Kind::Model), caller.handle_to_read(Kind::Request));
        let (operation, cancel) = (caller.text(&OPERATIONS), caller.cancel());
        caller.made(Kind::Response, |_, out, err| unsafe {
            bedrock_call(model, operation.whole(), request, cancel, out, err)
        })
    }),
    // Streams.
    call("bedrock_stream_open", 10, |caller| {
        let (model, request) = (caller.handle_to_read(Kind::Model), caller.handle_to_read(Kind::Request));
        let cancel = caller.cancel();
        caller.made(Kind::Stream, |_, out, err| unsafe { bedrock_stream_open(model, request, cancel, out, err) })
    }),
    call("bedrock_call_open", 4, |caller| {
        let (model, request) = (caller.handle_to_read(Kind::Model), caller.handle_to_read(Kind::Request));
        let (operation, cancel) = (caller.text(&OPERATIONS), caller.cancel());
        caller.made(Kind::Stream, |_, out, err| unsafe {
            bedrock_call_open(model, operation.whole(), request, cancel, out, err)
        })
    }),
    waits("bedrock_stream_next", 30, |caller| {
        let (stream, wait) = (caller.handle(Kind::Stream), patience(caller));
        caller.with_err(|caller, err| {
            let mut event = dangling();
            let status = unsafe { bedrock_stream_next(stream, wait, &mut event, err) };
            if event == dangling() || event.is_null() != (status != BEDROCK_OK) {
                caller.report(format!("bedrock_stream_next: {} with *event {event:?}", name(status)));
            }
            status
        })
    }),
    call("bedrock_stream_fd", 3, |caller| {
        let fd = bedrock_stream_fd(caller.handle(Kind::Stream));
        if fd < -1 {
            caller.report(format!("a descriptor of {fd}"));
        }
        Gave::Nothing
    }),
    call("bedrock_stream_set_wakeup", 4, |caller| {
        let (stream, release) = (caller.handle(Kind::Stream), caller.release());
        let function: bedrock_wakeup_fn = if caller.random.percent(30) { None } else { Some(wakeup) };
        Gave::Status(bedrock_stream_set_wakeup(stream, function, null_mut(), release))
    }),
    call("bedrock_stream_response", 4, |caller| {
        let stream = caller.handle(Kind::Stream);
        caller.made(Kind::Response, |_, out, err| unsafe { bedrock_stream_response(stream, out, err) })
    }),
    call("bedrock_stream_cancel", 2, |caller| {
        bedrock_stream_cancel(caller.handle(Kind::Stream));
        Gave::Nothing
    }),
    freer!(bedrock_stream_free, Stream, 3),
    // Runs.
    waits("bedrock_run_tools", 5, |caller| {
        let (model, request) = (caller.handle_to_read(Kind::Model), caller.handle(Kind::Request));
        let (options, cancel) = (*caller.random.one_of(&TOTALS), caller.cancel());
        let function: bedrock_event_fn = if caller.random.percent(50) { None } else { Some(on_event) };
        let known = caller.random.percent(80);
        caller.made(Kind::Response, |caller, out, err| unsafe {
            let user = (&raw mut *caller).cast();
            let name = if known { c"tool" } else { c"other" };
            let schema = c"{\"type\": \"object\"}";
            let tool = bedrock_tool {
                name: name.as_ptr(),
                description: null(),
                input_schema_json: schema.as_ptr(),
                call: Some(tool),
                user,
            };
            let (size, options) = (size_of::<bedrock_tool>(), options.as_ptr());
            bedrock_run_tools(model, request, &tool, 1, size, options, BEDROCK_STRLEN, cancel, function, user, out, err)
        })
    }),
    call("bedrock_run_open", 8, |caller| {
        let (model, request) = (caller.handle_to_read(Kind::Model), caller.handle(Kind::Request));
        let (options, cancel) = (caller.text(&OPTIONS), caller.cancel());
        caller.made(Kind::Run, |_, out, err| unsafe {
            bedrock_run_open(model, request, options.pointer, options.len, cancel, out, err)
        })
    }),
    waits("bedrock_run_next", 20, |caller| {
        // A run that waits for results has no timer of its own.
        let (run, wait) = (caller.handle(Kind::Run), bounded(caller));
        caller.with_err(|caller, err| {
            let mut event = dangling();
            let status = unsafe { bedrock_run_next(run, wait, &mut event, err) };
            if event == dangling() || event.is_null() != (status != BEDROCK_OK) {
                caller.report(format!("bedrock_run_next: {} with *event {event:?}", name(status)));
            }
            status
        })
    }),
    call("bedrock_run_result", 6, |caller| {
        let (run, text, kind) = (caller.handle(Kind::Run), caller.text(&RESULTS), caller.random.below(5) as i32);
        let id = *caller.random.one_of(&[c"t-1", c"t-2"]);
        caller.with_err(|_, err| unsafe { bedrock_run_result(run, id.as_ptr(), text.pointer, text.len, kind, err) })
    }),
    call("bedrock_run_fd", 2, |caller| {
        let fd = bedrock_run_fd(caller.handle(Kind::Run));
        if fd < -1 {
            caller.report(format!("a descriptor of {fd}"));
        }
        Gave::Nothing
    }),
    call("bedrock_run_set_wakeup", 3, |caller| {
        let (run, release) = (caller.handle(Kind::Run), caller.release());
        let function: bedrock_wakeup_fn = if caller.random.percent(30) { None } else { Some(wakeup) };
        Gave::Status(bedrock_run_set_wakeup(run, function, null_mut(), release))
    }),
    call("bedrock_run_response", 2, |caller| {
        let run = caller.handle(Kind::Run);
        caller.made(Kind::Response, |_, out, err| unsafe { bedrock_run_response(run, out, err) })
    }),
    call("bedrock_run_cancel", 2, |caller| {
        bedrock_run_cancel(caller.handle(Kind::Run));
        Gave::Nothing
    }),
    freer!(bedrock_run_free, Run, 3),
    // Waiting sets.
    call("bedrock_waitset_new", 2, |caller| {
        let set = bedrock_waitset_new();
        caller.keep(Kind::Waitset, set);
        Gave::Nothing
    }),
    call("bedrock_waitset_add", 6, |caller| {
        let (set, stream) = (caller.handle(Kind::Waitset), caller.handle(Kind::Stream));
        Gave::Status(bedrock_waitset_add(set, stream, null_mut()))
    }),
    call("bedrock_waitset_add_run", 4, |caller| {
        let (set, run) = (caller.handle(Kind::Waitset), caller.handle(Kind::Run));
        Gave::Status(bedrock_waitset_add_run(set, run, (&raw const A_RUN).cast_mut().cast()))
    }),
    waits("bedrock_waitset_wait", 6, |caller| {
        let (set, wait) = (caller.handle(Kind::Waitset), bounded(caller));
        let (mut stream, mut user) = (null_mut(), null_mut());
        let status = unsafe { bedrock_waitset_wait(set, wait, &mut stream, &mut user) };
        let is_run = user == (&raw const A_RUN).cast_mut().cast();
        if stream.is_null() != (status != BEDROCK_OK || is_run) {
            caller.report(format!("bedrock_waitset_wait: {} with *stream {stream:?}, *user {user:?}", name(status)));
        }
        Gave::Status(status)
    }),
    call("bedrock_waitset_fd", 1, |caller| {
        let _ = bedrock_waitset_fd(caller.handle(Kind::Waitset));
        Gave::Nothing
    }),
    freer!(bedrock_waitset_free, Waitset, 1),
    // Responses.
    sized_getter!(bedrock_response_text, Response),
    sized_getter!(bedrock_response_reasoning, Response),
    call("bedrock_response_structured", 1, |caller| {
        let response = caller.handle_to_read(Kind::Response);
        lent_or(caller, |_, err| unsafe { bedrock_response_structured(response, null_mut(), err) })
    }),
    text_getter!(bedrock_response_stop_reason, Response),
    text_getter!(bedrock_response_model, Response),
    text_getter!(bedrock_response_service_tier, Response),
    text_getter!(bedrock_response_finish_reason, Response),
    getter!(bedrock_response_complete, Response),
    getter!(bedrock_response_tool_call_count, Response),
    call("bedrock_response_tool_call", 1, |caller| {
        let (response, index) = (caller.handle_to_read(Kind::Response), caller.random.below(3));
        let mut call = std::mem::MaybeUninit::<bedrock_tool_call>::zeroed();
        let size = *caller.random.one_of(&[size_of::<bedrock_tool_call>(), 0, 8]);
        Gave::Status(unsafe { bedrock_response_tool_call(response, index, call.as_mut_ptr(), size) })
    }),
    call("bedrock_response_server_tool_call", 1, |caller| {
        let (response, index) = (caller.handle_to_read(Kind::Response), caller.random.below(3));
        let mut call = std::mem::MaybeUninit::<bedrock_tool_call>::zeroed();
        let size = size_of::<bedrock_tool_call>();
        Gave::Status(unsafe { bedrock_response_server_tool_call(response, index, call.as_mut_ptr(), size) })
    }),
    sized_getter!(bedrock_response_message, Response),
    sized_getter!(bedrock_response_json, Response),
    text_getter!(bedrock_response_request_id, Response),
    getter!(bedrock_response_attempts, Response),
    freer!(bedrock_response_free, Response, 2),
    // Usage.
    call("bedrock_response_usage", 1, |caller| {
        let response = caller.handle_to_read(Kind::Response);
        let mut usage = std::mem::MaybeUninit::<bedrock_usage>::zeroed();
        Gave::Status(unsafe { bedrock_response_usage(response, usage.as_mut_ptr(), size_of::<bedrock_usage>()) })
    }),
    call("bedrock_model_usage", 1, |caller| {
        let model = caller.handle_to_read(Kind::Model);
        let mut usage = std::mem::MaybeUninit::<bedrock_usage>::zeroed();
        let size = *caller.random.one_of(&[size_of::<bedrock_usage>(), 0, 8]);
        Gave::Status(unsafe { bedrock_model_usage(model, usage.as_mut_ptr(), size) })
    }),
    call("bedrock_model_stats", 1, |caller| {
        let model = caller.handle_to_read(Kind::Model);
        let mut stats = std::mem::MaybeUninit::<bedrock_stats>::zeroed();
        let size = *caller.random.one_of(&[size_of::<bedrock_stats>(), 0, 8]);
        Gave::Status(unsafe { bedrock_model_stats(model, stats.as_mut_ptr(), size) })
    }),
    // Records and the log.
    call("bedrock_set_observer", 1, |caller| {
        let (text, release) = (caller.text(&FEEDS), caller.release());
        let function: bedrock_record_fn = if caller.random.percent(30) { None } else { Some(observe) };
        caller.with_err(|_, err| unsafe {
            bedrock_set_observer(text.pointer, text.len, function, null_mut(), release, err)
        })
    }),
    call("bedrock_feed_new", 2, |caller| {
        let text = caller.text(&FEEDS);
        caller.made(Kind::Feed, |_, out, err| unsafe { bedrock_feed_new(text.pointer, text.len, out, err) })
    }),
    waits("bedrock_feed_next", 6, |caller| {
        let (feed, wait) = (caller.handle(Kind::Feed), bounded(caller));
        caller.with_err(|caller, err| {
            let mut item = dangling();
            let status = unsafe { bedrock_feed_next(feed, wait, &mut item, err) };
            if item.is_null() != (status != BEDROCK_OK) {
                caller.report(format!("bedrock_feed_next: {} with *item {item:?}", name(status)));
            }
            status
        })
    }),
    call("bedrock_feed_fd", 1, |caller| {
        let _ = bedrock_feed_fd(caller.handle(Kind::Feed));
        Gave::Nothing
    }),
    freer!(bedrock_feed_free, Feed, 1),
    // The process.
    call("bedrock_set_log", 1, |caller| {
        let (level, release) = (caller.random.below(7) as i32 - 1, caller.release());
        let function: bedrock_log_fn = if caller.random.percent(30) { None } else { Some(log) };
        Gave::Status(bedrock_set_log(level, function, null_mut(), release))
    }),
    Call {
        name: "bedrock_shutdown",
        weight: 1,
        waits: true,
        make: |caller| {
            let wait = bounded(caller).min(TOTAL.as_millis() as i32);
            Gave::Status(bedrock_shutdown(wait))
        },
    },
    call("bedrock_live_handles", 1, |_| {
        let _ = bedrock_live_handles();
        Gave::Nothing
    }),
];
