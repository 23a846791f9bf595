//! Conversation: messages that are added, counted and removed
//!
//! These functions write the messages of a request, so that a program never has to build JSON for texts that vary. The
//! service refuses blank text (empty, or white space alone). So it is left out, except from native messages and from
//! results of tools. If nothing is left to add, the function returns BEDROCK_OK and changes nothing.
//!
//! A program with tools repeats these steps: it calls bedrock_generate and bedrock_request_add_response, and then
//! bedrock_request_add_tool_result for each of the bedrock_response_tool_call_count calls. The loop ends when there are
//! no calls.
//!
//! To save a conversation, write the result of bedrock_request_json to a file. To load it, pass the file's content to
//! bedrock_request_new. To shorten it, use bedrock_request_trim, which returns the messages that it removed. The
//! service then writes its prompt cache again.

use super::request::{bedrock_request, change, shorten};
use super::response::bedrock_response;
use super::status::{bedrock_error, bedrock_status};
use super::support::guard::entry;
use super::support::handle;
use super::support::out::put;
use super::support::request::SharedRequest;
use super::support::text;
use crate::response::Response;
use std::ffi::c_char;
use std::ptr::null_mut;

/// Adds text to the conversation.
///
/// If the last message has the same role, the text joins it, because the service wants roles to alternate.
///
/// role: "user" (or "human"), "assistant" (or "ai"), or "system" (or "developer"), which adds to the system prompt.
/// text: Any text. Blank text is not added.
/// Returns: BEDROCK_OK, also for blank text. BEDROCK_E_REQUEST if the role is unknown.
/// Since: 0.1
/// AWS: messages, system
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_request_add_text(
    request: *mut bedrock_request,
    role: *const c_char,
    text: *const c_char,
    len: usize,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    change(request, err, |request| {
        // SAFETY: NULL or readable, as the header demands.
        request.add_text(unsafe { text::name("role", role) }?, unsafe { text::text("text", text, len) }?)
    })
}

/// Adds a message that is given as JSON.
///
/// json: A message with content blocks as Converse has them ({"role": "user", "content": [...]}) is added as it is. A
///   message in the chat-completions dialect joins the last message if that has the same role, and its blank texts are
///   left out.
/// Returns: BEDROCK_OK, or BEDROCK_E_REQUEST for the reasons of bedrock_request_new.
/// Since: 0.1
/// AWS: messages
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_request_add_message(
    request: *mut bedrock_request,
    json: *const c_char,
    len: usize,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: NULL or readable, as the header demands.
    change(request, err, |request| request.add_message(unsafe { text::json("json", json, len) }?))
}

/// Adds the assistant's message of a response, in the form in which the service accepts it.
///
/// Every response that has its content can be added, also one that is not complete (bedrock_response_complete). Blocks
/// keep their bytes, with these exceptions. Blank texts are left out. If the input of a tool call is not a JSON object
/// (bedrock_tool_call.input_valid is 0), {} replaces it: add an error result for the call. In the name of a tool, _
/// replaces each character that a name cannot have, because models invent names. A tool call without id or name is left
/// out. Reasoning is left out if no text or call follows it, or if the response was cut off before its
/// signature came. Calls of tools that the service runs itself stay, with their results; if the response was cut off
/// before the result came, the call is left out. If nothing remains, nothing is added; the next text of the user then
/// joins the user's last message.
///
/// Returns: BEDROCK_OK, also if nothing remains. BEDROCK_E_INVALID_ARGUMENT if the response has no content because the
///   model's keep_answer is false; nothing is added then.
/// Ownership: The response stays owned by the caller, and may be freed at once.
/// Since: 0.1
/// AWS: messages
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_request_add_response(
    request: *mut bedrock_request,
    response: *const bedrock_response,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    change(request, err, |request| request.add_response(&*handle::get::<Response>(response)?))
}

/// Adds the result of a tool.
///
/// Results that are added one after the other share one message, as the service demands for parallel calls. The
/// function does not check the id. If the message before has no tool call with it, the next call to the service returns
/// BEDROCK_E_REQUEST, unless the model's lint is "off" or the model is a stored prompt.
///
/// tool_use_id: The id of the call (bedrock_tool_call.id).
/// content: Text, which is never read as JSON. For JSON, images and documents use bedrock_request_add_message.
/// is_error: If it is not 0, the result informs the model that the tool failed.
/// Returns: BEDROCK_OK, or BEDROCK_E_RESOURCE if there is no memory for content.
/// Since: 0.1
/// AWS: ToolResultBlock
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
        // SAFETY: NULL or readable, as the header demands.
        let id = unsafe { text::name("tool_use_id", tool_use_id) }?;
        // SAFETY: NULL or readable, as the header demands.
        request.add_tool_result(id, unsafe { text::text("content", content, len) }?, is_error != 0)
    })
}

/// Gets how many messages the conversation has.
///
/// The system prompt is not one of them.
///
/// Returns: The number of messages. 0 for NULL and for an invalid handle.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_request_message_count(request: *const bedrock_request) -> usize {
    entry!(else 0 => Ok(handle::get::<SharedRequest>(request)?.lock().message_count()))
}

/// Removes messages.
///
/// Remove a tool call and its result together. They are in two messages. With one of them alone the next call returns
/// BEDROCK_E_REQUEST, because the service refuses it.
///
/// first: The index of the first message to remove. The oldest message has index 0.
/// count: How many messages to remove.
/// Returns: BEDROCK_OK, or BEDROCK_E_INVALID_ARGUMENT if there are fewer messages; nothing is removed then.
/// Ownership: Bytes that bedrock_request_add_image and bedrock_request_add_document added are released with the last
///   message that holds them.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_request_remove_messages(
    request: *mut bedrock_request,
    first: usize,
    count: usize,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    shorten(request, err, |request| request.remove_messages(first, count))
}

/// Shortens the conversation to at most max_messages messages.
///
/// Whole turns are removed, the oldest first, so that the rest begins with a message of the user, and no tool result
/// loses its call. Messages of the user that follow each other are one. If the last turn alone is longer, because the
/// model called many tools in it, the user's message that began it stays, and its oldest rounds of calls and results
/// are removed. That message and the last round always stay, even if they are more than max_messages. The system prompt
/// is not changed.
///
/// The removed messages become a request of their own, *removed: a copy of this one that has them in place of those
/// that stay. Its bedrock_request_message_count is how many were removed, and its bedrock_request_json shows them. To
/// keep what they say, add a text to it that asks for a summary, and pass it to bedrock_generate. If they are messages
/// of a run, the tools must be declared in the request or the model.
///
/// max_messages: After BEDROCK_E_CONTEXT_OVERFLOW, pass half of bedrock_request_message_count.
/// removed: Receives the removed messages, or NULL if none were removed. It may be NULL.
/// Returns: BEDROCK_OK, also if the conversation is not longer. BEDROCK_E_RESOURCE if there is no handle left for
///   *removed; nothing is removed then.
/// Ownership: *removed is owned by the caller. Free it with bedrock_request_free. Bytes are released as by
///   bedrock_request_remove_messages, or with *removed if that is later.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_request_trim(
    request: *mut bedrock_request,
    max_messages: usize,
    removed: *mut *mut bedrock_request,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(removed, null_mut()) };
    shorten(request, err, |request| {
        let mut shorter = request.clone();
        let Some(gone) = shorter.trim(max_messages) else { return Ok(()) };
        if !removed.is_null() {
            // SAFETY: NULL or writable, as the header demands.
            unsafe { put(removed, handle::insert(SharedRequest::new(gone))?) };
        }
        *request = shorter;
        Ok(())
    })
}
