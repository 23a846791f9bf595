//! Conversation: messages that are added, counted and removed
//!
//! These functions write the messages of a request, so that a program never has to build JSON for what varies. Blank
//! text (empty, or white space alone) is not added, because the service refuses it: the call returns BEDROCK_OK and
//! changes nothing.
//!
//! A program with tools does this in a loop: it calls bedrock_generate and bedrock_request_add_response, and then,
//! for each of the bedrock_response_tool_call_count calls, bedrock_request_add_tool_result. The loop ends when there
//! are no calls.
//!
//! To save a conversation, write what bedrock_request_json returns to a file. To load it, give that to
//! bedrock_request_new. To shorten a conversation, use bedrock_request_trim. The service then writes its prompt cache
//! anew.

use super::guard::entry;
use super::handle;
use super::request::{SharedRequest, bedrock_request, change, shorten};
use super::response::bedrock_response;
use super::status::{bedrock_error, bedrock_status};
use super::text;
use crate::response::Response;
use std::ffi::c_char;

/// Adds text to the conversation. Roles: "user" ("human"), "assistant" ("ai"), "system" ("developer"), which adds to
/// the system prompt. Where the last message is of the same role the text joins it: the service wants roles to take
/// turns. Where text is blank, nothing is added and BEDROCK_OK is returned. BEDROCK_E_REQUEST: the role is unknown.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_request_add_text(
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

/// Adds a message given as JSON: {"role": "user", "content": [...]}, with content blocks as Converse has them, which
/// is added as it stands; or a message in the shape of chat completions, which joins the last message where that is
/// of its role, and whose blank texts are left out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_request_add_message(
    request: *mut bedrock_request,
    json: *const c_char,
    len: usize,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    change(request, err, |request| request.add_message(unsafe { text::json("json", json, len) }?))
}

/// Adds the assistant's message, in the form in which the service takes it back. Every answer can be added, also one
/// that is not complete (bedrock_response_complete). Blocks stay as they came, to the byte, except for these. Blank
/// texts are left out. Where the input of a tool call is not a JSON object (bedrock_tool_call.input_valid is 0), {}
/// takes its place: add an error result for the call. Reasoning is left out where no text or call follows it, and
/// where the answer was cut off before the signature came. Calls of tools that the service runs itself stay, with
/// their results. Where nothing is left, nothing is added and BEDROCK_OK is returned; the next text of the user's
/// then joins the user's last message.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_request_add_response(
    request: *mut bedrock_request,
    response: *const bedrock_response,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    change(request, err, |request| request.add_response(&*handle::get::<Response>(response)?))
}

/// Adds what a tool gave, under the id of its call (bedrock_tool_call.id). content is text and is never read as JSON;
/// for JSON, images and documents use bedrock_request_add_message. is_error: nonzero tells the model that the tool
/// failed. Results added one after the other share one message, as the service demands for parallel calls.
/// (ToolResultBlock.)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_request_add_tool_result(
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

/// Returns how many messages the conversation has. The system prompt is none of them. For anything but a request: 0.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_request_message_count(request: *const bedrock_request) -> usize {
    entry!(else 0 => Ok(handle::get::<SharedRequest>(request)?.lock().message_count()))
}

/// Removes count messages from index first on. The oldest message has index 0. Remove a tool call and its result
/// together: they stand in two messages, and the service refuses one without the other. The next call then returns
/// BEDROCK_E_REQUEST. The bytes that bedrock_request_add_image and bedrock_request_add_document added are released
/// with the last message that holds them. BEDROCK_E_INVALID_ARGUMENT, and nothing removed: there are fewer messages.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_request_remove_messages(
    request: *mut bedrock_request,
    first: usize,
    count: usize,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    shorten(request, err, |request| request.remove_messages(first, count))
}

/// Shortens the conversation to at most max_messages messages. After BEDROCK_E_CONTEXT_OVERFLOW, give half of
/// bedrock_request_message_count. What is left begins with a message of the user's, and no tool result loses its
/// call: whole turns are removed, the oldest first. Where the last turn alone is longer, because the model called
/// many tools in it, the user's message that began it stays, and its oldest rounds of calls and results are removed.
/// That message and the last round always stay, also where they are more than max_messages. The system prompt is not
/// changed. Bytes are released as bedrock_request_remove_messages releases them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_request_trim(
    request: *mut bedrock_request,
    max_messages: usize,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    shorten(request, err, |request| {
        request.trim(max_messages);
        Ok(())
    })
}
