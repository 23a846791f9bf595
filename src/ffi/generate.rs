//! Generate
//!
//! These functions block the calling thread until the call has ended. Callbacks run on that thread. Each call ends
//! within its timers: no wait is without a limit.

use super::cancel::bedrock_cancel;
use super::model::bedrock_model;
use super::request::bedrock_request;
use super::response::bedrock_response;
use super::status::{BEDROCK_OK, BEDROCK_STOPPED, bedrock_error, bedrock_status};
use super::support::arguments::CallArguments;
use super::support::guard::{Visit, entry};
use super::support::handle;
use super::support::on_event::{ListedCall, end_left, here};
use super::support::out::{put, required};
use crate::call::Readiness;
use crate::error::{Error, Kind, Result};
use crate::model::Ended;
use crate::protocol::event::Event;
use crate::protocol::operation::Operation;
use crate::runtime::panic_hook::silently;
use crate::runtime::per_process::PerProcess;
use std::ffi::{c_char, c_void};
use std::ops::ControlFlow;
use std::ptr::null_mut;

/// One event of a stream. It is borrowed until the callback returns, or until the next bedrock_stream_next or
/// bedrock_stream_free on its stream. Its texts are NUL-terminated and never NULL. Newer library versions may append
/// members: check size before you read a member that your minimum version does not have.
#[repr(C)]
pub struct bedrock_event {
    /// sizeof(bedrock_event) in the library.
    pub size: u32,
    /// One of BEDROCK_EVENT_... Ignore types that you do not know.
    pub r#type: i32,
    /// The index of the content block (contentBlockIndex), or -1. Blocks may interleave.
    pub block: i32,
    /// In BLOCK_STOP of a tool call: 1 if text is a JSON object, and 0 if the model wrote an input that is
    /// not one. In TOOL_CALL 1. Otherwise 0.
    pub input_valid: i32,
    /// The decoded text. BEDROCK_EVENT_... describes it for each type. A character that the service splits over two
    /// deltas arrives with the second.
    pub text: *const c_char,
    pub text_len: usize,
    /// The id of a tool call, in BLOCK_START, BLOCK_STOP and TOOL_CALL. Otherwise "".
    pub tool_id: *const c_char,
    pub tool_id_len: usize,
    /// The name of a tool, in BLOCK_START, BLOCK_STOP and TOOL_CALL. Otherwise "".
    pub tool_name: *const c_char,
    pub tool_name_len: usize,
    /// The payload of the event, verbatim. "" if the payload of an OTHER event is not JSON.
    pub json: *const c_char,
    pub json_len: usize,
    /// The payload of the event, verbatim, JSON or not: the same bytes as json if json is not "". Never NULL.
    pub payload: *const c_void,
    pub payload_len: usize,
    /// The round of a run, from 1. 0 in the events of a stream.
    pub round: i32,
}

/// The message begins. text: its role. (messageStart)
pub const BEDROCK_EVENT_MESSAGE_START: i32 = 1;
/// A tool call or a tool result begins. Text and reasoning begin with their first delta instead. (contentBlockStart)
pub const BEDROCK_EVENT_BLOCK_START: i32 = 2;
/// A piece of text. text: the piece. (contentBlockDelta: text)
pub const BEDROCK_EVENT_TEXT: i32 = 3;
/// A piece of the model's reasoning. text: the piece. (contentBlockDelta: reasoningContent.text)
pub const BEDROCK_EVENT_REASONING: i32 = 4;
/// A fragment of a tool call's input. text: the fragment, which is a part of JSON. (contentBlockDelta: toolUse.input)
pub const BEDROCK_EVENT_TOOL_INPUT: i32 = 5;
/// Any other delta: a signature, redacted reasoning, a citation, an image, and deltas that this version does not know.
/// json holds it. (contentBlockDelta)
pub const BEDROCK_EVENT_BLOCK_DELTA: i32 = 6;
/// A block is complete. For a tool call text is its complete input as JSON, or "{}" if it was empty: look at the stop
/// reason before you run a tool with "{}", because a model that is cut off leaves it too. If input_valid is 0, text is
/// what the model wrote, which is not a JSON object. (contentBlockStop)
pub const BEDROCK_EVENT_BLOCK_STOP: i32 = 7;
/// The message is complete. text: the stop reason. METADATA may follow, then BEDROCK_DONE. (messageStop)
pub const BEDROCK_EVENT_MESSAGE_STOP: i32 = 8;
/// Usage, metrics and trace, in json. (metadata)
pub const BEDROCK_EVENT_METADATA: i32 = 9;
/// An event that this version does not know. text: its name. json or payload: its content.
pub const BEDROCK_EVENT_OTHER: i32 = 10;
/// A chunk of an InvokeModelWithResponseStream. text: the output of the model in its own form, which is JSON. (chunk)
pub const BEDROCK_EVENT_CHUNK: i32 = 11;
/// A tool call to do, in a run alone. text: its input, a JSON object. The events of the message come before it.
pub const BEDROCK_EVENT_TOOL_CALL: i32 = 12;

/// Receives an event, on the thread that made the call. event is borrowed until the function returns. user is the
/// pointer that was passed to the call. Return 0 to go on. Return another value to stop and to close the connection.
/// The function may call every function of this library except bedrock_shutdown. It must not throw, longjmp or end the
/// thread: "Exceptions" in the rules at the top of this header states the consequences.
pub type bedrock_event_fn = Option<unsafe extern "C-unwind" fn(event: *const bedrock_event, user: *mut c_void) -> i32>;

/// Sends the request and waits for the complete response.
///
/// The timer is the one of "timeout" and "total" that the config gives, or the shorter one if it gives both. If it
/// gives neither, the timer is 5 minutes.
///
/// Returns: BEDROCK_OK, or the failure of the call.
/// Ownership: *out is owned by the caller. It is NULL after a failure. Free it with bedrock_response_free.
/// Threads: Blocks until the call ends. Thread-safe.
/// Since: 0.1
/// AWS: Converse
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_generate(
    model: *const bedrock_model,
    request: *const bedrock_request,
    cancel: *mut bedrock_cancel,
    out: *mut *mut bedrock_response,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: the pointers are good, as the header demands.
    unsafe { generate(|| Ok(Operation::Converse), model, request, cancel, out, err) }
}

/// Calls an operation: the body of bedrock_generate and of bedrock_call.
///
/// # Safety
/// As for those: `out` and `err` are NULL or writable.
// A part of its export: see `cancelling::without`.
#[inline(always)]
pub(super) unsafe fn generate(
    operation: impl FnOnce() -> Result<Operation>,
    model: *const bedrock_model,
    request: *const bedrock_request,
    cancel: *mut bedrock_cancel,
    out: *mut *mut bedrock_response,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: `out` is NULL or writable.
    unsafe { put(out, null_mut()) };
    entry!(waits err => {
        required("out", out)?;
        let operation = operation()?;
        let ended = CallArguments::of(model, request, cancel)?.call(operation);
        // SAFETY: as above.
        unsafe { put_response(out, ended) }?;
        Ok(BEDROCK_OK)
    })
}

/// Sends the request and calls on_event for every event, in the order in which the events arrive.
///
/// The timers are "first_event", "idle" and "total". The time that on_event takes counts for "total" alone.
///
/// on_event: Must not be NULL.
/// out: May be NULL. After BEDROCK_OK *out is the response that bedrock_generate would have returned. After
///   BEDROCK_STOPPED and after a failure it holds the events that on_event received, and bedrock_response_complete
///   returns 0. If the call failed before the first event, *out is NULL. If the model's keep_answer is false, the
///   response has the stop reason and the usage, and no content.
/// Returns: BEDROCK_OK if the response is complete, BEDROCK_STOPPED if on_event asked to stop, BEDROCK_E_TRUNCATED if
///   the connection ended before the message did, or another failure of the call.
/// Ownership: *out is owned by the caller. Free it with bedrock_response_free, also after a failure.
/// Threads: Blocks until the call ends. Thread-safe. on_event runs on the calling thread.
/// Since: 0.1
/// AWS: ConverseStream
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_generate_stream(
    model: *const bedrock_model,
    request: *const bedrock_request,
    cancel: *mut bedrock_cancel,
    on_event: bedrock_event_fn,
    user: *mut c_void,
    out: *mut *mut bedrock_response,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(out, null_mut()) };
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(err, null_mut()) };
    let here = here!();
    // SAFETY: the pointers are good, as the header demands, and `here` is in this frame.
    let shown = silently(|| unsafe { show(here, model, request, cancel, on_event, user, out) });
    entry!(err => Ok(if shown?.is_break() { BEDROCK_STOPPED } else { BEDROCK_OK }))
}

/// Shows each event to the program, until the end or until it breaks, and gives it the response.
///
/// # Safety
/// As for the export, whose frame `here` is in.
// Not inlined, so that its frame is below the frame of the export. If longjmp leaves `on_event`, the frame of a later
// call by the same function is above it, which shows that this function was left.
#[inline(never)]
unsafe fn show(
    here: usize,
    model: *const bedrock_model,
    request: *const bedrock_request,
    cancel: *mut bedrock_cancel,
    on_event: bedrock_event_fn,
    user: *mut c_void,
    out: *mut *mut bedrock_response,
) -> Result<ControlFlow<()>> {
    let frame = here!();
    let (visit, (on_event, mut call)) = Visit::begin(|| {
        end_left(here);
        let on_event = on_event.ok_or_else(|| Error::new(Kind::InvalidArgument, "on_event is NULL"))?;
        let arguments = CallArguments::of(model, request, cancel)?;
        let mut stream = arguments.open(Operation::ConverseStream)?;
        if out.is_null() {
            stream.keep_nothing();
        }
        let remote = stream.remote();
        let listed = ListedCall::begin(frame, move || remote.cancel(), arguments);
        // On the heap, because threads with small stacks call this.
        Ok((on_event, PerProcess::new(Box::new((stream, Some(listed))))))
    })?;
    // The program may fork inside on_event, and return from it in the child. The call is its parent's.
    let result = loop {
        let Some((stream, _)) = call.get_mut().map(Box::as_mut) else { break Err(forked()) };
        // The events that have arrived are shown in one visit, so that no cancellation point is between two events.
        let shown = visit.call(|| {
            loop {
                // The event points into the stream's memory, until the next event.
                match visit.step(|| Ok(stream.ready().as_ref().map(bedrock_event::of_stream))) {
                    // SAFETY: the program has promised that its function may be called with its pointer.
                    Ok(Some(event)) if unsafe { on_event(&event, user) } == 0 => {}
                    Ok(Some(_)) => break Ok(ControlFlow::Break(())),
                    Ok(None) => break Ok(ControlFlow::Continue(())),
                    Err(error) => break Err(error),
                }
            }
        });
        match shown {
            Ok(ControlFlow::Continue(())) => {}
            end => break end,
        }
        let Some((stream, _)) = call.get_mut().map(Box::as_mut) else { break Err(forked()) };
        match visit.step(|| stream.wait(None)) {
            Ok(Readiness::Ready | Readiness::Again) => {}
            Ok(Readiness::Done) => break Ok(ControlFlow::Continue(())),
            Err(error) => break Err(error),
        }
    };
    visit.step(|| {
        let mut call = call.take().ok_or_else(forked)?;
        let (stream, listed) = call.as_mut();
        *listed = None;
        let response = if out.is_null() { None } else { stream.finish() };
        drop(call);
        // SAFETY: `out` is NULL or writable, as the caller promises.
        unsafe { put_response(out, Ended { result, response }) }
    })
}

pub(super) fn forked() -> Error {
    Error::new(Kind::Forked, "the call was begun before fork(); begin a new one in the child")
}

/// Writes the response of a call, or the part of it that had arrived, to `out`. Returns the result of the call.
///
/// # Safety
/// `out` is NULL or writable.
pub(super) unsafe fn put_response<T>(out: *mut *mut bedrock_response, ended: Ended<T>) -> Result<T> {
    let Ended { result, response } = ended;
    let handle = response.map_or(Ok(null_mut()), handle::insert);
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(out, *handle.as_ref().unwrap_or(&null_mut())) };
    // If both have failed, the program gets the failure of the call.
    let result = result?;
    handle.map(|_| result)
}

impl bedrock_event {
    /// Returns an event of a stream as C sees it, for as long as `event` lives.
    pub(super) fn of_stream(event: &Event<'_>) -> Self {
        Self::of_round(event, 0)
    }

    /// Returns an event of a round as C sees it, for as long as `event` lives.
    pub(super) fn of_round(event: &Event<'_>, round: i32) -> Self {
        let Event { kind, block, text, tool_id, tool_name, json, payload, input_valid, more: _ } = event;
        bedrock_event {
            size: size_of::<bedrock_event>() as u32,
            r#type: *kind as i32,
            block: *block,
            input_valid: (*input_valid).into(),
            text: text.as_ptr().cast(),
            text_len: text.len(),
            tool_id: tool_id.as_ptr().cast(),
            tool_id_len: tool_id.len(),
            tool_name: tool_name.as_ptr().cast(),
            tool_name_len: tool_name.len(),
            json: json.as_ptr().cast(),
            json_len: json.len(),
            payload: payload.as_ptr().cast(),
            payload_len: payload.len(),
            round,
        }
    }
}
