//! Conversation: messages that are added, counted and removed
//!
//! These functions write the messages of a request, so that a program never has to build JSON for
//! texts that vary. The service refuses blank text (empty, or white space alone). So it is left out,
//! except from native messages and from results of tools. If nothing is left to add, the call
//! returns BEDROCK_OK and changes nothing.
//!
//! A program with tools repeats these steps: it calls bedrock_generate and
//! bedrock_request_add_response, and then bedrock_request_add_tool_result for each of the
//! bedrock_response_tool_call_count calls. The loop ends when there are no calls.
//!
//! To save a conversation, write the result of bedrock_request_json to a file. To load it, pass the
//! file's content to bedrock_request_new. To shorten it, use bedrock_request_trim. The service then
//! writes its prompt cache again.

use super::request::{bedrock_request, change, shorten};
use super::response::bedrock_response;
use super::status::{bedrock_error, bedrock_status};
use super::support::guard::entry;
use super::support::handle;
use super::support::request::SharedRequest;
use super::support::text;
use crate::response::Response;
use std::ffi::c_char;

/// Adds text to the conversation. role is "user" (or "human"), "assistant" (or "ai"), or "system" (or "developer"),
/// which adds to the system prompt. If the last message has the same role, the text joins it, because the service
/// wants roles to take turns. If text is blank, nothing is added and BEDROCK_OK is returned. Returns
/// BEDROCK_E_REQUEST if the role is unknown.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_request_add_text(
    request: *mut bedrock_request,
    role: *const c_char,
    text: *const c_char,
    len: usize,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    change(request, err, |request| {
        request.add_text(unsafe { text::name("role", role) }?, unsafe { text::text("text", text, len) }?)
    })
}

/// Adds a message that is given as JSON. A message with content blocks as Converse has them ({"role": "user",
/// "content": [...]}) is added as it is. A message in the shape of chat completions joins the last message if that
/// has the same role, and its blank texts are left out.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_request_add_message(
    request: *mut bedrock_request,
    json: *const c_char,
    len: usize,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    change(request, err, |request| request.add_message(unsafe { text::json("json", json, len) }?))
}

/// Adds the assistant's message of a response, in the form in which the service accepts it. Every response that was
/// kept can be added, also one that is not complete (bedrock_response_complete). Blocks keep their bytes, with these
/// exceptions. Blank texts are left out. If the input of a tool call is not a JSON object
/// (bedrock_tool_call.input_valid is 0), {} replaces it: add an error result for the call. A tool call without id
/// or name is left out. Reasoning is left out if no text or call follows it, or if the answer was cut off before
/// its signature came. Calls of tools that the service runs itself stay, with their results; if the answer was cut
/// off before the result came, the call is left out. If nothing remains, nothing is added and BEDROCK_OK is
/// returned; the next text of the user then joins the user's last message. Returns BEDROCK_E_INVALID_ARGUMENT, and
/// adds nothing, if the response has no content because the model's keep_answer is false.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_request_add_response(
    request: *mut bedrock_request,
    response: *const bedrock_response,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    change(request, err, |request| request.add_response(&*handle::get::<Response>(response)?))
}

/// Adds the result of a tool. tool_use_id is the id of its call (bedrock_tool_call.id). content is text and is
/// never read as JSON; for JSON, images and documents use bedrock_request_add_message. If is_error is not 0, the
/// result informs the model that the tool failed. Results that are added one after the other share one message, as
/// the service demands for parallel calls. (ToolResultBlock)
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_request_add_tool_result(
    request: *mut bedrock_request,
    tool_use_id: *const c_char,
    content: *const c_char,
    len: usize,
    is_error: i32,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    change(request, err, |request| {
        let id = unsafe { text::name("tool_use_id", tool_use_id) }?;
        request.add_tool_result(id, unsafe { text::text("content", content, len) }?, is_error != 0)
    })
}

/// Returns how many messages the conversation has. The system prompt is not one of them. Returns 0 for NULL and for
/// an invalid handle.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_request_message_count(request: *const bedrock_request) -> usize {
    entry!(else 0 => Ok(handle::get::<SharedRequest>(request)?.lock().message_count()))
}

/// Removes count messages, beginning with the one at index first. The oldest message has index 0. Remove a tool
/// call and its result together: they are in two messages, and with one of them alone the next call returns
/// BEDROCK_E_REQUEST, because the service refuses it. The bytes that bedrock_request_add_image and
/// bedrock_request_add_document added are released with the last message that holds them. Returns
/// BEDROCK_E_INVALID_ARGUMENT, and removes nothing, if there are fewer messages.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_request_remove_messages(
    request: *mut bedrock_request,
    first: usize,
    count: usize,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    shorten(request, err, |request| request.remove_messages(first, count))
}

/// Shortens the conversation to at most max_messages messages. If it is not longer, nothing changes. After
/// BEDROCK_E_CONTEXT_OVERFLOW, pass half of bedrock_request_message_count. Whole turns are removed, the oldest
/// first, so that the rest begins with a message of the user, and no tool result loses its call. If the last turn
/// alone is longer, because the model called many tools in it, the user's message that began it stays, and its
/// oldest rounds of calls and results are removed. That message and the last round always stay, even if they are
/// more than max_messages. The system prompt is not changed. Bytes are released as by
/// bedrock_request_remove_messages.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_request_trim(
    request: *mut bedrock_request,
    max_messages: usize,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    shorten(request, err, |request| {
        request.trim(max_messages);
        Ok(())
    })
}
