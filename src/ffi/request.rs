//! Request: a conversation that can grow
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
//! A call uses the request as it is at that moment and does not change it. While it runs, from inside on_event as well, the
//! request may be changed, used for other calls or freed. Any number of threads may use one request at once:
//! their calls take turns, and none holds it while it waits for the network.

use super::guard::entry;
use super::handle::{self, Noun};
use super::model::bedrock_model;
use super::response::bedrock_response;
use super::status::{BEDROCK_OK, bedrock_error, bedrock_status};
use super::text::{self, put, required};
use crate::error::Result;
use crate::model::Model;
use crate::request::Request;
use crate::request::attachment::Data;
use crate::response::Response;
use crate::text::Text;
use crate::wire::operation::Operation;
use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A request as it grows.
pub struct bedrock_request;

/// Gives back what was lent to the library: it is called exactly once, whatever the call it was given to returned, on a
/// thread of yours that is inside a call.
pub type bedrock_release_fn = Option<unsafe extern "C" fn(user: *mut c_void)>;

pub(super) struct SharedRequest {
    request: Mutex<Request>,
    /// What bedrock_request_body lent last.
    body: Mutex<Text>,
}

impl Noun for SharedRequest {
    type C = bedrock_request;
    const TYPE: u64 = 3;
    const NAME: &'static str = "request";
}

impl SharedRequest {
    fn new(request: Request) -> Self {
        SharedRequest { request: Mutex::new(request), body: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Request> {
        self.request.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The request as it is now.
    pub(super) fn snapshot(&self) -> Request {
        self.lock().clone()
    }
}

/// Changes the request behind a handle.
fn change(
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

/// Replaces top-level members by those of a JSON object, and adds those that were not there. null removes a member, in
/// whichever dialect it was given: {"toolConfig": null} also removes tools. Changes nothing where it fails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_request_set(
    request: *mut bedrock_request,
    json: *const c_char,
    len: usize,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    change(request, err, |request| request.set(unsafe { text::json("json", json, len) }?))
}

/// Adds text to the conversation. Roles: "user" ("human"), "assistant" ("ai"), "system" ("developer"), which adds to the system
/// prompt. Where the last message is of the same role the text joins it: the service wants roles to take turns.
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

/// Adds a message given as JSON: {"role": "user", "content": [...]}, with content blocks as Converse has them, which is added
/// as it stands; or a message in the shape of chat completions, which joins the last message where that is of its role.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_request_add_message(
    request: *mut bedrock_request,
    json: *const c_char,
    len: usize,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    change(request, err, |request| request.add_message(unsafe { text::json("json", json, len) }?))
}

/// Adds the assistant's message as it came: text, reasoning with its signature, tool calls, all. BEDROCK_E_REQUEST, and
/// nothing added, where it is empty or stops inside a tool call.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_request_add_response(
    request: *mut bedrock_request,
    response: *const bedrock_response,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    change(request, err, |request| request.add_response(&*handle::get::<Response>(response)?))
}

/// Adds what a tool gave, under the id of its call (bedrock_tool_call.id). content is text and is never read as JSON; for
/// JSON, images and documents use bedrock_request_add_message. is_error: nonzero tells the model that the tool failed.
/// Results added one after the other share one message, as the service demands for parallel calls. (ToolResultBlock.)
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

/// Bytes of the program, with the way to give them back.
struct Lent {
    data: *const u8,
    len: usize,
    release: bedrock_release_fn,
    user: *mut c_void,
}

// The program has promised that the bytes stay as they are, and that any of its threads may give them back.
unsafe impl Send for Lent {}
unsafe impl Sync for Lent {}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        if self.len == 0 { &[] } else { unsafe { std::slice::from_raw_parts(self.data, self.len) } }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            unsafe { release(self.user) };
        }
    }
}

/// Gives the request bytes by pointer: an image, a document, audio, video. JSON refers to them as "@name" wherever it would
/// hold base64 ({"image": {"format": "png", "source": {"bytes": "@name"}}}); the name is looked up when a call is made.
/// release NULL: the bytes are copied now. release given: they are not copied and must stay as they are until release(user)
/// runs, when the request and its clones are freed, or INSIDE THIS CALL where it fails: never free them yourself after it.
/// free is a fine release function. A name can be given once (BEDROCK_E_REQUEST).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_request_attach(
    request: *mut bedrock_request,
    name: *const c_char,
    data: *const c_void,
    len: usize,
    release: bedrock_release_fn,
    user: *mut c_void,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // Whatever fails from here on, dropping this releases: at this function's end, when no lock is held, for release may call us.
    let mut lent = Some(Lent { data: data.cast(), len, release, user });
    change(request, err, |request| {
        let name = unsafe { text::name("name", name) }?;
        let bytes = unsafe { text::bytes("data", data.cast(), len) }?;
        request.check_attachment_name(name)?;
        let data: Data = match lent.take_if(|lent| lent.release.is_some()) {
            Some(lent) => Arc::new(lent),
            None => Arc::new(bytes.to_vec()),
        };
        request.attach(name, data)
    })
}

/// The exact body that bedrock_generate or a stream with this model would send, for tests and for the curious. NULL, with *err set, where it cannot
/// be made. Lent until the next bedrock_request_body on this request, from any thread, or until its free.
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
