//! Request
//!
//! A request is the JSON of the Converse operation: messages, system, inferenceConfig, toolConfig, guardrailConfig,
//! additionalModelRequestFields and every other member, now or later. It is sent byte for byte as you wrote it, merged with
//! the model's defaults; "modelId" or "model" names the model for this request alone and is not sent.
//!
//! The shape of chat completions works as well, message by message and member by member: plain strings as content,
//! typed parts, the roles user (human), assistant (ai), system (developer) and tool, tool_calls, tools, tool_choice,
//! temperature, top_p, max_tokens, stop, response_format. It becomes Converse's: see bedrock_request_body. What
//! Converse has no place for is an error that says where it can go. Dropped are blank texts, and standard values that
//! ask for what happens anyway ("n": 1). docs/dialects.md has all members.
//!
//! Three kinds of top-level members are BEDROCK_E_REQUEST with a hint: keys of the model's config (region, timeout,
//! ...), names of credentials (api_key, password, ...), and names that nearly are those of known members
//! ("temperatur", "maxTokens"). Other members that the library does not know are sent.
//!
//! Structured output is response_format in the shape of chat completions, with the JSON schema as an object. In
//! Converse's own shape the schema is JSON text inside a string:
//!
//!   {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {
//!      "name": "answer", "schema": "{\"type\": \"object\"}"}}}}}
//!
//! A call uses the request as it is at that moment and does not change it. While it runs, from inside on_event as well, the
//! request may be changed, used for other calls or freed. Any number of threads may use one request at once:
//! their calls take turns, and none holds it while it waits for the network.

use super::guard::entry;
use super::handle::{self, Noun};
use super::model::bedrock_model;
use super::status::{BEDROCK_OK, bedrock_error, bedrock_status};
use super::text::{self, put, required};
use crate::error::{Error, Kind, Result};
use crate::model::Model;
use crate::request::Request;
use crate::text::Text;
use crate::wire::operation::Operation;
use std::ffi::c_char;
use std::ptr::{null, null_mut};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A request as it grows.
pub struct bedrock_request;

pub(super) struct SharedRequest {
    request: Mutex<Request>,
    /// What bedrock_request_body lent last.
    body: Mutex<Text>,
    /// What bedrock_request_json lent last.
    json: Mutex<Text>,
}

impl Noun for SharedRequest {
    type C = bedrock_request;
    const TYPE: u64 = 3;
    const NAME: &'static str = "request";
}

impl SharedRequest {
    fn new(request: Request) -> Self {
        SharedRequest { request: Mutex::new(request), body: Mutex::default(), json: Mutex::default() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Request> {
        self.request.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The request as it is now.
    pub(super) fn snapshot(&self) -> Request {
        self.lock().clone()
    }
}

/// Changes the request behind a handle.
pub(super) fn change(
    request: *mut bedrock_request,
    err: *mut *mut bedrock_error,
    change: impl FnOnce(&mut Request) -> Result<()>,
) -> bedrock_status {
    entry!(err => {
        let request = handle::get::<SharedRequest>(request)?;
        change(&mut request.lock())?;
        Ok(BEDROCK_OK)
    })
}

/// The same by something that may take blocks out: the bytes that came with them are given back.
pub(super) fn shorten(
    request: *mut bedrock_request,
    err: *mut *mut bedrock_error,
    shorten: impl FnOnce(&mut Request) -> Result<()>,
) -> bedrock_status {
    let mut unused = Vec::new();
    // They are dropped when no lock is held, for the program's release may call us.
    change(request, err, |request| {
        shorten(request)?;
        unused = request.take_unused();
        Ok(())
    })
}

/// Makes a request from JSON; json NULL: an empty one. BEDROCK_E_REQUEST: broken JSON (the message says where), more than 512
/// levels of nesting, a member given twice, or in the shape of chat completions what is unknown or has no place in Converse.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_request_new(
    json: *const c_char,
    len: usize,
    out: *mut *mut bedrock_request,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    unsafe { put(out, null_mut()) };
    entry!(err => {
        required("out", out)?;
        let request = if json.is_null() {
            Request::default()
        } else {
            Request::parse(unsafe { text::json("json", json, len) }?)?
        };
        unsafe { put(out, handle::insert(SharedRequest::new(request))?) };
        Ok(BEDROCK_OK)
    })
}

/// An independent copy. Cheap: text and attachments are shared. Keep one to take a failed turn back, or to branch.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_request_clone(
    request: *const bedrock_request,
    out: *mut *mut bedrock_request,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    unsafe { put(out, null_mut()) };
    entry!(err => {
        required("out", out)?;
        let copy = handle::get::<SharedRequest>(request)?.snapshot();
        unsafe { put(out, handle::insert(SharedRequest::new(copy))?) };
        Ok(BEDROCK_OK)
    })
}

/// Replaces top-level members by those of a JSON object, and adds those that were not there. null removes a member, as
/// bedrock_request_remove does. Changes nothing where it fails. BEDROCK_E_REQUEST: as bedrock_request_new.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_request_set(
    request: *mut bedrock_request,
    json: *const c_char,
    len: usize,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    shorten(request, err, |request| request.set(unsafe { text::json("json", json, len) }?))
}

/// Removes a top-level member, such as "system" or "toolConfig", and what means the same in the shape of chat
/// completions. "inferenceConfig" removes temperature, max_tokens and so on as well, and "toolConfig" removes tools
/// and tool_choice. "modelId" removes the model that the request names. Where there is no such member, nothing
/// changes and BEDROCK_OK is returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_request_remove(
    request: *mut bedrock_request,
    member: *const c_char,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    shorten(request, err, |request| request.remove(unsafe { text::name("member", member) }?))
}

/// Attachments are in the JSON as base64.
pub const BEDROCK_ATTACHMENTS_INLINE: i32 = 0;
/// Attachments are in the JSON as "@name"; attach them again where the JSON is read.
pub const BEDROCK_ATTACHMENTS_BY_NAME: i32 = 1;

/// Returns the request itself as JSON, to be saved. bedrock_request_new makes the same request of it, which is sent
/// with the same bytes, so that the service still finds it in its prompt cache. It holds modelId, and none of the
/// model's defaults. It is not checked: an empty conversation can be saved too. attachments:
/// BEDROCK_ATTACHMENTS_INLINE or BEDROCK_ATTACHMENTS_BY_NAME. To read single messages, use bedrock_json_... on it.
/// Returns NULL, with *err set, where it cannot be made, for example because an attachment to be inlined is not
/// there. Borrowed until the next bedrock_request_json on this request, from any thread, or until its free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_request_json(
    request: *mut bedrock_request,
    attachments: i32,
    len: *mut usize,
    err: *mut *mut bedrock_error,
) -> *const c_char {
    unsafe { put(len, 0) };
    let mut json = null();
    entry!(err => {
        let request = handle::get::<SharedRequest>(request)?;
        let inline = match attachments {
            BEDROCK_ATTACHMENTS_INLINE => true,
            BEDROCK_ATTACHMENTS_BY_NAME => false,
            other => {
                let what = format_args!("attachments is {other}, which is none of BEDROCK_ATTACHMENTS_...");
                return Err(Error::new(Kind::InvalidArgument, what));
            }
        };
        let text = request.snapshot().to_json(inline)?;
        let mut lent = request.json.lock().unwrap_or_else(PoisonError::into_inner);
        *lent = text.into();
        json = unsafe { text::lend(&lent, len) };
        Ok(BEDROCK_OK)
    });
    json
}

/// The exact body that bedrock_generate or a stream with this model would send, for tests and for the curious; to
/// keep a conversation use bedrock_request_json, which has no defaults of the model's in it. NULL, with *err set,
/// where it cannot be made. Lent until the next bedrock_request_body on this request, from any thread, or until its
/// free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_request_body(
    request: *mut bedrock_request,
    model: *const bedrock_model,
    len: *mut usize,
    err: *mut *mut bedrock_error,
) -> *const c_char {
    unsafe { put(len, 0) };
    let mut body = null();
    entry!(err => {
        let request = handle::get::<SharedRequest>(request)?;
        let model = handle::get::<Model>(model)?;
        let input = model.input(Operation::Converse, &request.snapshot())?;
        let mut lent = request.body.lock().unwrap_or_else(PoisonError::into_inner);
        *lent = String::from_utf8_lossy(&input.body.unwrap_or_default()).into_owned().into();
        body = unsafe { text::lend(&lent, len) };
        Ok(BEDROCK_OK)
    });
    body
}

/// Frees a request. Calls in flight keep what they need. NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_request_free(request: *mut bedrock_request) {
    entry!(else () => {
        handle::remove::<SharedRequest>(request);
        Ok(())
    })
}
