//! Response
//!
//! A response is immutable and thread-safe. Its texts are borrowed: they live until bedrock_response_free. The
//! functions of this chapter treat a response of bedrock_generate and one that is assembled from a stream alike. For
//! NULL or an invalid handle, bedrock_response_tool_call and bedrock_response_server_tool_call return a status below 0,
//! whose name bedrock_status_name gives; bedrock_response_structured returns NULL with *err set; the other functions
//! return "", 0 or -1.

use super::status::{BEDROCK_OK, bedrock_error, bedrock_status};
use super::support::guard::entry;
use super::support::handle::{self, HandleObject, HandleType};
use super::support::out::{fill, put, required};
use super::support::text::{self, EMPTY};
use crate::error::{Error, Kind};
use crate::response::{Response, ToolCall, ToolRunner};
use crate::text::Text;
use std::ffi::c_char;

/// A response.
pub struct bedrock_response;

impl HandleObject for Response {
    type C = bedrock_response;
    const TYPE: HandleType = HandleType::Response;
}

/// The program runs the tool, and has to add its result.
pub const BEDROCK_TOOL_CALL_CLIENT: i32 = 0;
/// The service runs the tool itself, for example nova_grounding. The result is in the response; do not add one.
pub const BEDROCK_TOOL_CALL_SERVER: i32 = 1;

/// A tool call of the model. Its texts are borrowed until the response is freed. (ToolUseBlock)
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bedrock_tool_call {
    /// The id of the call. Pass it to bedrock_request_add_tool_result. If the model has repeated an id in its message,
    /// this is another one, which the library has made from it: no other call of the response has it.
    pub id: *const c_char,
    pub name: *const c_char,
    /// The input as JSON. The bedrock_json_... functions read it.
    pub input_json: *const c_char,
    pub input_json_len: usize,
    /// 0 if input_json is not a JSON object, because the model was cut off or wrote something else, or if it is {}
    /// because the model was cut off before it wrote more. Then do not run the tool. bedrock_request_add_response
    /// adds such a call too; reply to it with an error result, for example "The input was cut off.".
    pub input_valid: i32,
    /// One of BEDROCK_TOOL_CALL_..., for who runs the tool.
    pub kind: i32,
}

/// Gets all text blocks of the response, joined.
///
/// Returns: The text, or "" if there is none.
/// Ownership: Borrowed until the response is freed.
/// Since: 0.1
/// AWS: output.message.content[].text
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_response_text(
    response: *const bedrock_response,
    len: *mut usize,
) -> *const c_char {
    let (text, length) = borrow_text(response, Response::text);
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(len, length) };
    text
}

/// Gets the one JSON value of the response.
///
/// If the request has response_format or outputConfig.textFormat, it is the text. If the request forced the call of a
/// tool, it is the input of the one call. White space around it is left out. The function compares it with no schema:
/// the service does that while the model writes.
///
/// Returns: The JSON. NULL, with *err set, if there is none; bedrock_error_code is then the stop reason.
///   BEDROCK_E_TRUNCATED if the response was cut off, at maxTokens or because a stream was stopped or failed.
///   BEDROCK_E_MODEL if a guardrail intervened, if the model refused, if the text is not JSON, or if there are several
///   values or calls. BEDROCK_E_INVALID_ARGUMENT if the response has no content because the model's keep_answer is
///   false.
/// Ownership: Borrowed until the response is freed.
/// Since: 0.1
/// AWS: output.message.content[].text, ToolUseBlock.input
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_response_structured(
    response: *const bedrock_response,
    len: *mut usize,
    err: *mut *mut bedrock_error,
) -> *const c_char {
    entry!(text len, err => {
        let response = handle::get::<Response>(response)?;
        let json = response.structured()?;
        Ok((json.with_nul().as_ptr().cast(), json.len()))
    })
}

/// Gets all the reasoning that the model showed, joined.
///
/// Returns: The text, or "" if there is none.
/// Ownership: Borrowed until the response is freed.
/// Since: 0.1
/// AWS: output.message.content[].reasoningContent
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_response_reasoning(
    response: *const bedrock_response,
    len: *mut usize,
) -> *const c_char {
    let (text, length) = borrow_text(response, Response::reasoning);
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(len, length) };
    text
}

/// Gets why the model stopped, in the service's word.
///
/// Returns: "end_turn", "tool_use", "max_tokens", "stop_sequence" or another word; "" if none arrived.
/// Ownership: Borrowed until the response is freed.
/// Since: 0.1
/// AWS: stopReason
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_response_stop_reason(response: *const bedrock_response) -> *const c_char {
    borrow_text(response, Response::stop_reason).0
}

/// Gets why the model stopped, in the words of chat completions.
///
/// Returns: "stop", "tool_calls", "length" or "content_filter". If they have no word for it, the service's word, such
///   as "stop_sequence".
/// Ownership: Borrowed until the response is freed.
/// Since: 0.1
/// AWS: stopReason
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_response_finish_reason(response: *const bedrock_response) -> *const c_char {
    borrow_text(response, Response::finish_reason).0
}

/// Gets whether the response is complete.
///
/// Returns: 1 if it is complete, 0 if it is the part that had arrived when a stream was stopped or failed.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_response_complete(response: *const bedrock_response) -> i32 {
    entry!(else 0 => handle::get::<Response>(response).map(|response| response.is_complete().into()))
}

/// Gets how many tool calls the program has to reply to.
///
/// Calls of tools that the service runs itself are not counted.
///
/// Returns: The number of calls.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_response_tool_call_count(response: *const bedrock_response) -> usize {
    entry!(else 0 => handle::get::<Response>(response).map(|response| response.tool_calls().len()))
}

/// Fills *out with a tool call that the program has to reply to.
///
/// index: From 0 to bedrock_response_tool_call_count - 1.
/// Returns: BEDROCK_OK, or BEDROCK_E_INVALID_ARGUMENT if there is no such call; the members of *out are then "" and 0.
/// Ownership: The texts in *out are borrowed until the response is freed.
/// Since: 0.1
/// AWS: ToolUseBlock
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_response_tool_call(
    response: *const bedrock_response,
    index: usize,
    out: *mut bedrock_tool_call,
    size: usize,
) -> bedrock_status {
    // SAFETY: `out` is NULL or writable for `size` bytes, as the header demands.
    unsafe { fill_call(response, Response::tool_calls, index, out, size) }
}

/// Fills *out with a call of a tool that the service ran itself.
///
/// There is no count: call it with index 0, 1, 2, ... while it returns BEDROCK_OK. The results are in
/// bedrock_response_message, as toolResult blocks.
///
/// index: From 0.
/// Returns: BEDROCK_OK, or BEDROCK_E_INVALID_ARGUMENT if there is no such call; the members of *out are then "" and 0.
/// Ownership: The texts in *out are borrowed until the response is freed.
/// Since: 0.1
/// AWS: ToolUseBlock of type server_tool_use
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_response_server_tool_call(
    response: *const bedrock_response,
    index: usize,
    out: *mut bedrock_tool_call,
    size: usize,
) -> bedrock_status {
    // SAFETY: `out` is NULL or writable for `size` bytes, as the header demands.
    unsafe { fill_call(response, Response::server_tool_calls, index, out, size) }
}

/// # Safety
/// `out` is NULL or writable for `size` bytes.
unsafe fn fill_call(
    response: *const bedrock_response,
    calls: fn(&Response) -> &[ToolCall],
    index: usize,
    out: *mut bedrock_tool_call,
    size: usize,
) -> bedrock_status {
    let mut call =
        bedrock_tool_call { id: EMPTY, name: EMPTY, input_json: EMPTY, input_json_len: 0, input_valid: 0, kind: 0 };
    let status = entry!(std::ptr::null_mut() => {
        required("out", out)?;
        let response = handle::get::<Response>(response)?;
        let found = calls(&response).get(index).ok_or_else(|| {
            Error::new(Kind::InvalidArgument, format_args!("there is no tool call {index}"))
        })?;
        // SAFETY: NULL takes no length.
        call.id = unsafe { text::borrow(&found.id, std::ptr::null_mut()) };
        // SAFETY: NULL takes no length.
        call.name = unsafe { text::borrow(&found.name, std::ptr::null_mut()) };
        // SAFETY: `len` is NULL or writable, as the header demands.
        call.input_json = unsafe { text::borrow(&found.input, &mut call.input_json_len) };
        call.input_valid = found.input_valid.into();
        call.kind = match found.runner {
            ToolRunner::Client => BEDROCK_TOOL_CALL_CLIENT,
            ToolRunner::Server => BEDROCK_TOOL_CALL_SERVER,
        };
        Ok(BEDROCK_OK)
    });
    // SAFETY: `out` is NULL or writable for `size` bytes, as the header demands.
    unsafe { fill(out, size, call, 0) };
    status
}

/// Gets the assistant's message as Converse JSON, as it came.
///
/// bedrock_request_add_response adds it in the form in which the service accepts it.
///
/// Returns: The JSON, or "" if there is none.
/// Ownership: Borrowed until the response is freed.
/// Since: 0.1
/// AWS: output.message
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_response_message(
    response: *const bedrock_response,
    len: *mut usize,
) -> *const c_char {
    let (text, length) = borrow_text(response, Response::message);
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(len, length) };
    text
}

/// Gets the response as JSON: the whole response, or the part that has arrived.
///
/// For bedrock_generate it is verbatim what the service sent. For a stream it is assembled from the events.
///
/// Returns: The JSON, or "" if there is none.
/// Ownership: Borrowed until the response is freed.
/// Since: 0.1
/// AWS: The body of the response.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_response_json(
    response: *const bedrock_response,
    len: *mut usize,
) -> *const c_char {
    let (text, length) = borrow_text(response, Response::json);
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(len, length) };
    text
}

/// Gets the service's id of the request, which AWS support asks for.
///
/// Returns: The id, or "" if there is none.
/// Ownership: Borrowed until the response is freed.
/// Since: 0.1
/// AWS: x-amzn-requestid
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_response_request_id(response: *const bedrock_response) -> *const c_char {
    borrow_text(response, Response::request_id).0
}

/// Gets the model that answered: the one of the call, or that of one of the config's fallbacks.
///
/// Returns: The model id, inference profile or ARN, as the request named it; "" if the operation has no model, or if
///   no response has come.
/// Ownership: Borrowed until the response is freed.
/// Since: 0.1
/// AWS: The modelId of the request.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_response_model(response: *const bedrock_response) -> *const c_char {
    borrow_text(response, Response::model).0
}

/// Gets the service tier that served the call, which decides the price.
///
/// Returns: The tier, such as "default", "priority" or "flex"; "" if the service states none.
/// Ownership: Borrowed until the response is freed.
/// Since: 0.1
/// AWS: serviceTier, X-Amzn-Bedrock-Service-Tier
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_response_service_tier(response: *const bedrock_response) -> *const c_char {
    borrow_text(response, Response::service_tier).0
}

/// Gets how many attempts the call made, retries included (see bedrock_error_attempts).
///
/// Returns: The number of attempts.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_response_attempts(response: *const bedrock_response) -> i32 {
    entry!(else 0 => handle::get::<Response>(response).map(|response| response.attempts() as i32))
}

/// Frees a response.
///
/// response: NULL does nothing.
/// Ownership: Ends the handle and the texts borrowed from it.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_response_free(response: *mut bedrock_response) {
    entry!(else () => {
        handle::remove::<Response>(response);
        Ok(())
    })
}

/// Returns a text that the program borrows from the response, and its length.
fn borrow_text(response: *const bedrock_response, text: fn(&Response) -> &Text) -> (*const c_char, usize) {
    entry!(else (EMPTY, 0) => {
        let response = handle::get::<Response>(response)?;
        let text = text(&response);
        Ok((text.with_nul().as_ptr().cast(), text.len()))
    })
}
