//! Generate
//!
//! These calls block the calling thread until the answer is there, and callbacks run on that thread. Each ends within its
//! timers: no wait is without a limit. cancel may be NULL.

use super::cancel::bedrock_cancel;
use super::guard::{self, entry};
use super::handle;
use super::model::bedrock_model;
use super::request::{SharedRequest, bedrock_request};
use super::response::bedrock_response;
use super::status::{BEDROCK_OK, BEDROCK_STOPPED, bedrock_error, bedrock_status};
use super::text::{put, required};
use crate::cancel::Cancel;
use crate::error::{Error, Kind, Result};
use crate::model::Model;
use crate::wire::event::Event;
use crate::wire::operation::Operation;
use std::ffi::{c_char, c_void};
use std::ops::ControlFlow;
use std::ptr::null_mut;
use std::sync::Arc;

/// One event of a stream, lent until the callback returns, or until the next bedrock_stream_next. Texts end in NUL and are never NULL. The struct grows only at its
/// end: where a member is newer than the library your program met before, look at size.
#[repr(C)]
pub struct bedrock_event {
    /// sizeof(bedrock_event) of the library.
    pub size: u32,
    /// BEDROCK_EVENT_...; pass over those you do not know.
    pub r#type: i32,
    /// The content block's index (contentBlockIndex), -1 where there is none. Blocks may interleave.
    pub block: i32,
    pub reserved: i32,
    /// Decoded text; each type says which.
    pub text: *const c_char,
    pub text_len: usize,
    /// Of a tool call, in BLOCK_START and BLOCK_STOP; else "".
    pub tool_id: *const c_char,
    pub tool_id_len: usize,
    /// Of a tool call, in BLOCK_START and BLOCK_STOP; else "".
    pub tool_name: *const c_char,
    pub tool_name_len: usize,
    /// The event's payload, verbatim, always.
    pub json: *const c_char,
    pub json_len: usize,
}

/// The message begins. text: its role. (messageStart)
pub const BEDROCK_EVENT_MESSAGE_START: i32 = 1;
/// A tool call or tool result begins; text and reasoning begin with their first delta. (contentBlockStart)
pub const BEDROCK_EVENT_BLOCK_START: i32 = 2;
/// text: a piece of the answer. (contentBlockDelta: text)
pub const BEDROCK_EVENT_TEXT: i32 = 3;
/// text: a piece of the model's reasoning. (contentBlockDelta: reasoningContent.text)
pub const BEDROCK_EVENT_REASONING: i32 = 4;
/// text: a fragment of the JSON of a tool call's input. (contentBlockDelta: toolUse.input)
pub const BEDROCK_EVENT_TOOL_INPUT: i32 = 5;
/// Any other delta: a signature, redacted reasoning, a citation, an image, what comes next. See json. (contentBlockDelta)
pub const BEDROCK_EVENT_BLOCK_DELTA: i32 = 6;
/// A block is complete. Of a tool call, text: the whole input as JSON, "{}" where it was empty. (contentBlockStop)
pub const BEDROCK_EVENT_BLOCK_STOP: i32 = 7;
/// The message is complete. text: the stop reason. METADATA may follow, then BEDROCK_DONE. (messageStop)
pub const BEDROCK_EVENT_MESSAGE_STOP: i32 = 8;
/// Usage, metrics and trace, in json. (metadata)
pub const BEDROCK_EVENT_METADATA: i32 = 9;
/// An event that this version does not know. text: its name.
pub const BEDROCK_EVENT_OTHER: i32 = 10;
/// Of an InvokeModelWithResponseStream. text: what the model wrote, in its own form, which is JSON. (chunk)
pub const BEDROCK_EVENT_CHUNK: i32 = 11;

/// Receives an event on the calling thread. user is what the call was given. Nonzero: stop, and close the connection. It may
/// call anything of this library but bedrock_shutdown; it must not throw, longjmp or end the thread.
pub type bedrock_event_fn = Option<unsafe extern "C" fn(event: *const bedrock_event, user: *mut c_void) -> i32>;

/// Sends the request and waits for the whole answer. (Converse) *out is yours to free; *err on failure. The timer is "timeout",
/// 5 minutes where it is not set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_generate(
    model: *const bedrock_model,
    request: *const bedrock_request,
    cancel: *mut bedrock_cancel,
    out: *mut *mut bedrock_response,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    unsafe { put(out, null_mut()) };
    entry!(err => {
        required("out", out)?;
        let Call { model, request, cancel } = Call::of(model, request, cancel)?;
        let response = model.call(Operation::Converse, &request.snapshot(), cancel.as_deref())?;
        unsafe { put(out, handle::insert(response)?) };
        Ok(BEDROCK_OK)
    })
}

/// Sends the request and shows every event to on_event as it comes, in the order of the wire. (ConverseStream)
/// BEDROCK_OK: the answer is complete. BEDROCK_STOPPED: on_event asked to stop; the connection is closed. Both give *out the
/// assembled response, which equals what bedrock_generate would have given; after STOPPED it is what had arrived. out may be NULL:
/// then nothing is kept of an event once on_event has returned.
/// A failure gives no response: for what had arrived before it, use a stream by pull. BEDROCK_E_TRUNCATED: the connection ended
/// before the message did. The timers are "first_event", "idle" and "total"; the time that on_event takes is not counted as idle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_generate_stream(
    model: *const bedrock_model,
    request: *const bedrock_request,
    cancel: *mut bedrock_cancel,
    on_event: bedrock_event_fn,
    user: *mut c_void,
    out: *mut *mut bedrock_response,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    unsafe { put(out, null_mut()) };
    entry!(err => {
        let on_event = on_event.ok_or_else(|| Error::new(Kind::InvalidArgument, "on_event is NULL"))?;
        let Call { model, request, cancel } = Call::of(model, request, cancel)?;
        let show = |event: &Event<'_>| {
            let event = bedrock_event::lend(event);
            match guard::in_event(|| unsafe { on_event(&event, user) }) {
                0 => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        };
        let (flow, stream) = model.generate_stream(&request.snapshot(), cancel.as_deref(), !out.is_null(), show)?;
        if !out.is_null() {
            unsafe { put(out, handle::insert(stream.response())?) };
        }
        Ok(if flow.is_break() { BEDROCK_STOPPED } else { BEDROCK_OK })
    })
}

/// The parts of a call, kept alive while it runs.
pub(super) struct Call {
    pub(super) model: Arc<Model>,
    pub(super) request: Arc<SharedRequest>,
    pub(super) cancel: Option<Arc<Cancel>>,
}

impl Call {
    pub(super) fn of(
        model: *const bedrock_model,
        request: *const bedrock_request,
        cancel: *mut bedrock_cancel,
    ) -> Result<Self> {
        Ok(Call {
            model: handle::get(model)?,
            request: handle::get(request)?,
            cancel: if cancel.is_null() { None } else { Some(handle::get(cancel)?) },
        })
    }
}

impl bedrock_event {
    /// The event as C sees it, for as long as `event` lives. A NUL stands behind each text of an [`Event`].
    pub(super) fn lend(event: &Event<'_>) -> Self {
        let Event { kind, block, text, tool_id, tool_name, json } = event;
        bedrock_event {
            size: size_of::<bedrock_event>() as u32,
            r#type: *kind as i32,
            block: *block,
            reserved: 0,
            text: text.as_ptr().cast(),
            text_len: text.len(),
            tool_id: tool_id.as_ptr().cast(),
            tool_id_len: tool_id.len(),
            tool_name: tool_name.as_ptr().cast(),
            tool_name_len: tool_name.len(),
            json: json.as_ptr().cast(),
            json_len: json.len(),
        }
    }
}
