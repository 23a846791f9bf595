//! Request
//!
//! A request is the JSON of the Converse operation: messages, system, inferenceConfig, toolConfig, guardrailConfig,
//! additionalModelRequestFields and every other member, now or later. The library sends it byte for byte as you wrote
//! it, and adds the members of the model's defaults that it lacks. "modelId" or "model" names the model for this
//! request alone; it is not part of the body.
//!
//! The chat-completions dialect works as well, message by message and member by member: plain strings as content, typed
//! parts, the roles user (human), assistant (ai), system (developer) and tool, tool_calls, tools, tool_choice,
//! temperature, top_p, max_tokens, stop, response_format. The library translates it to Converse; bedrock_request_body
//! shows the result. A member that Converse does not have is an error that names the member to use. Blank texts are
//! left out, and so are standard values that ask for the default ("n": 1). docs/dialects.md lists all members.
//!
//! Three kinds of top-level members are BEDROCK_E_REQUEST with a hint: keys of the model's config (region, timeout,
//! ...), names of credentials (api_key, password, ...), and names that nearly are those of known members ("temperatur",
//! "maxTokens"). Other members that the library does not know are sent.
//!
//! Structured output is response_format in the chat-completions dialect, with the JSON schema as an object. In
//! Converse's own form the schema is JSON text inside a string:
//!
//!   {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {
//!      "name": "result", "schema": "{\"type\": \"object\"}"}}}}}
//!
//! A call takes a copy of the request when it begins, and does not change the request. While the call runs, the request
//! may be changed, used for other calls or freed, also inside on_event. A request is thread-safe: functions that use
//! it are serialized, and its lock is never held during I/O.

use super::model::bedrock_model;
use super::status::{BEDROCK_OK, bedrock_error, bedrock_status};
use super::support::guard::entry;
use super::support::handle::{self, HandleObject, HandleType};
use super::support::out::{put, required};
use super::support::request::SharedRequest;
use super::support::text;
use crate::error::{Error, Kind, Result};
use crate::model::Model;
use crate::protocol::operation::Operation;
use crate::protocol::traceparent::Traceparent;
use crate::request::{Request, ZeroizedText, describe_difference};
use std::ffi::c_char;
use std::ptr::null_mut;

/// A request, with its conversation.
pub struct bedrock_request;

impl HandleObject for SharedRequest {
    type C = bedrock_request;
    const TYPE: HandleType = HandleType::Request;
}

/// Changes the request behind a handle.
// A part of its export: see `cancelling::without`.
#[inline(always)]
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

/// Changes the request behind a handle by a function that may remove blocks, and releases the bytes of removed blocks.
#[inline(always)]
pub(super) fn shorten(
    request: *mut bedrock_request,
    err: *mut *mut bedrock_error,
    shorten: impl FnOnce(&mut Request) -> Result<()>,
) -> bedrock_status {
    let mut unused = Vec::new();
    // The bytes are released when no lock is held, because the program's release may call the library.
    change(request, err, |request| {
        shorten(request)?;
        unused = request.remove_unused_attachments();
        Ok(())
    })
}

/// Makes a request from JSON.
///
/// json: NULL makes an empty request.
/// Returns: BEDROCK_OK. BEDROCK_E_REQUEST if the JSON is not valid (the message names the position), nests deeper than
///   512 levels or gives a member twice, or if a member in the chat-completions dialect is unknown or has no equivalent
///   in Converse.
/// Ownership: *out is owned by the caller. Free it with bedrock_request_free.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_request_new(
    json: *const c_char,
    len: usize,
    out: *mut *mut bedrock_request,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(out, null_mut()) };
    entry!(err => {
        required("out", out)?;
        let request = if json.is_null() {
            Request::default()
        } else {
            // SAFETY: NULL or readable, as the header demands.
            Request::parse(unsafe { text::json("json", json, len) }?)?
        };
        // SAFETY: NULL or writable, as the header demands.
        unsafe { put(out, handle::insert(SharedRequest::new(request))?) };
        Ok(BEDROCK_OK)
    })
}

/// Makes an independent copy of a request.
///
/// The function is cheap: text and attachments are shared. Keep a copy to undo a failed turn, or to branch.
///
/// Returns: BEDROCK_OK, or BEDROCK_E_RESOURCE.
/// Ownership: *out is owned by the caller. Free it with bedrock_request_free, before or after the original.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_request_clone(
    request: *const bedrock_request,
    out: *mut *mut bedrock_request,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(out, null_mut()) };
    entry!(err => {
        required("out", out)?;
        let copy = handle::get::<SharedRequest>(request)?.snapshot();
        // SAFETY: NULL or writable, as the header demands.
        unsafe { put(out, handle::insert(SharedRequest::new(copy))?) };
        Ok(BEDROCK_OK)
    })
}

/// Replaces top-level members by those of a JSON object, and adds those that the request lacks.
///
/// json: A JSON object. null removes a member, as bedrock_request_remove does, in either dialect.
/// Returns: BEDROCK_OK, or BEDROCK_E_REQUEST for the reasons of bedrock_request_new; the request is then unchanged.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_request_set(
    request: *mut bedrock_request,
    json: *const c_char,
    len: usize,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: NULL or readable, as the header demands.
    shorten(request, err, |request| request.set(unsafe { text::json("json", json, len) }?))
}

/// Removes a top-level member, and the members of the chat-completions dialect with the same meaning.
///
/// "inferenceConfig" also removes temperature, max_tokens and so on; "toolConfig" also removes tools and tool_choice.
/// "modelId" removes the model that the request names.
///
/// member: The name of the member, such as "system" or "toolConfig". If there is no such member, nothing changes.
/// Returns: BEDROCK_OK, also if there is no such member.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_request_remove(
    request: *mut bedrock_request,
    member: *const c_char,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: NULL or readable, as the header demands.
    shorten(request, err, |request| request.remove(unsafe { text::name("member", member) }?))
}

/// Sets the span of your program in which the request is sent, for distributed tracing (W3C Trace Context).
///
/// Calls with the request send the header traceparent, which is not part of the body and not signed: a proxy may
/// replace it. The records of the calls name the trace. If there is an observer or a feed of records, the call is a
/// span of its own below yours, and the header names that span. Otherwise the header is sent as given.
///
/// traceparent: The text of the header, such as "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01". NULL removes
///   it.
/// Returns: BEDROCK_OK. BEDROCK_E_INVALID_ARGUMENT if it has another form; the request is then unchanged.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_request_set_traceparent(
    request: *mut bedrock_request,
    traceparent: *const c_char,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    change(request, err, |request| {
        // SAFETY: NULL or readable, as the header demands.
        let given = unsafe { text::name_or_none("traceparent", traceparent) }?;
        let wrong = |reason| Error::new(Kind::InvalidArgument, format_args!("traceparent {reason}"));
        request.set_traceparent(given.map(Traceparent::parse).transpose().map_err(wrong)?);
        Ok(())
    })
}

/// Attachments are in the JSON as base64.
pub const BEDROCK_ATTACHMENTS_INLINE: i32 = 0;
/// Attachments are in the JSON as "@name". Attach them again after bedrock_request_new has read it.
pub const BEDROCK_ATTACHMENTS_BY_NAME: i32 = 1;

/// Gets the request itself as JSON, to be saved.
///
/// bedrock_request_new makes the same request of it, which is sent with the same bytes, so that the service still finds
/// it in its prompt cache. The JSON holds modelId, and none of the model's defaults. It is not checked: an empty
/// conversation can be saved too. To read single messages, use the bedrock_json_... functions.
///
/// attachments: BEDROCK_ATTACHMENTS_INLINE or BEDROCK_ATTACHMENTS_BY_NAME.
/// Returns: The JSON. NULL, with *err set, if it cannot be made, for example because an attachment is missing that has
///   to be inlined.
/// Ownership: Borrowed until the next bedrock_request_json on this request, from any thread, or until
///   bedrock_request_free.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_request_json(
    request: *mut bedrock_request,
    attachments: i32,
    len: *mut usize,
    err: *mut *mut bedrock_error,
) -> *const c_char {
    entry!(text len, err => {
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
        Ok(request.keep_json(text))
    })
}

/// Gets the exact body that bedrock_generate or a stream would send with this model, for tests and for debugging.
///
/// The model's defaults are in it: to save a conversation, use bedrock_request_json. The tools of a run are not:
/// declare them in the request or the model.
///
/// Returns: The body. NULL, with *err set, if it cannot be made.
/// Ownership: Borrowed until the next bedrock_request_body on this request, from any thread, or until
///   bedrock_request_free.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_request_body(
    request: *mut bedrock_request,
    model: *const bedrock_model,
    len: *mut usize,
    err: *mut *mut bedrock_error,
) -> *const c_char {
    entry!(text len, err => {
        let request = handle::get::<SharedRequest>(request)?;
        let model = handle::get::<Model>(model)?;
        let input = model.serialize(Operation::Converse, &request.snapshot())?;
        let text = ZeroizedText::from(&*String::from_utf8_lossy(&input.body.unwrap_or_default()));
        Ok(request.keep_body(text))
    })
}

/// Finds the first place where the bodies differ that two requests would send with this model.
///
/// A prompt cache is found by the bytes of the body. If the service read nothing from its cache, this function shows
/// why: compare the request with the one before it (bedrock_request_clone). Every byte counts: the order of members,
/// white space, the notation of a number. Parts that two requests share cost nothing but time.
///
/// The result is a JSON object. "pointer" is the JSON pointer to the place, "offset" the number of bytes that both
/// bodies begin with. "a" and "b" are texts that show what each body has there: JSON, or a part of it with "..." where
/// it was cut. "a" or "b" is missing if that body has no such member or element. If members stand in another order, or
/// if only white space differs, both show the bodies around the offset.
///
///   {"pointer": "/system/0/text", "offset": 48, "a": "\"It is Monday.\"", "b": "\"It is Tuesday.\""}
///
/// The conversations are not checked, so they may be at any stage: also those of a run, whose tools are not in them.
///
/// a: A request. The result is kept with it.
/// b: Another request, or the same one.
/// Returns: The JSON, or "" if the bodies are equal. NULL, with *err set, if one of the bodies cannot be made; the
///   message begins with "a" or "b".
/// Ownership: Borrowed until the next bedrock_request_diff with this a, from any thread, or until bedrock_request_free.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_request_diff(
    a: *mut bedrock_request,
    b: *const bedrock_request,
    model: *const bedrock_model,
    len: *mut usize,
    err: *mut *mut bedrock_error,
) -> *const c_char {
    entry!(text len, err => {
        let (a, b) = (handle::get::<SharedRequest>(a)?, handle::get::<SharedRequest>(b)?);
        let model = handle::get::<Model>(model)?;
        let [one, other] = [("a", &a), ("b", &b)].map(|(name, request)| {
            let input = model.serialize_unchecked(Operation::Converse, &request.snapshot());
            input.map(|input| input.body.unwrap_or_default()).map_err(|error| error.while_doing(name))
        });
        let (one, other) = (one?, other?);
        let [one, other] = [&one, &other].map(|body| std::str::from_utf8(body).expect("JSON is UTF-8"));
        Ok(a.keep_difference(describe_difference(one, other).unwrap_or_default()))
    })
}

/// Frees a request.
///
/// Running calls keep what they need.
///
/// request: NULL does nothing.
/// Ownership: Ends the handle and the texts borrowed from it. Attachments are released, unless a clone or a running
///   call uses them.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_request_free(request: *mut bedrock_request) {
    entry!(else () => {
        handle::remove::<SharedRequest>(request);
        Ok(())
    })
}
