//! Images, documents, audio and video
//!
//! Bytes are passed by pointer and need no base64. bedrock_request_add_image and bedrock_request_add_document add a
//! content block and need no JSON. bedrock_request_attach gives bytes a name, by which your own JSON refers to them.
//!
//! Ownership of the bytes, for all three functions. If release is NULL, the bytes are copied now and stay owned by the
//! caller. If not, they are not copied and must not change until release(user) runs. If the function fails,
//! release(user) runs INSIDE THAT FUNCTION: do not free the bytes again. Otherwise it runs when the last user of the
//! bytes ends. The request and its clones are users, and so is each blocking call with them, until it ends. A stream is
//! not a user: it copies the bytes when it is opened. If a running call is the last user, release(user) runs on the
//! thread of that call, before bedrock_generate, bedrock_generate_stream or bedrock_call returns. For bytes from
//! malloc, pass free as release and data as user.

use super::request::{bedrock_request, change};
use super::status::{bedrock_error, bedrock_status};
use super::support::release::User;
use super::support::text;
use crate::error::Result;
use crate::request::attachments::AttachmentBytes;
use crate::request::media_block::MediaBlock;
use crate::request::{Medium, Request, ZeroizedBytes};
use std::ffi::{c_char, c_void};
use std::sync::Arc;

/// Releases the bytes or the pointer that were passed together with it. user is the pointer that was passed with it.
/// "Release" in the rules at the top of this header states when and where it runs, and which functions it may call. It
/// must not throw.
pub type bedrock_release_fn = Option<unsafe extern "C" fn(user: *mut c_void)>;

/// The bytes that a function receives. Dropping them releases them.
struct Bytes {
    data: *const c_void,
    len: usize,
    user: User,
}

// SAFETY: the program has promised that the bytes do not change before they are released, and that any of its threads
// may release them.
unsafe impl Send for Bytes {}
// SAFETY: as above.
unsafe impl Sync for Bytes {}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: `with_bytes` has checked that they are not NULL, and the program has promised that they are readable.
        unsafe { std::slice::from_raw_parts(self.data.cast(), self.len) }
    }
}

/// Changes a request by a function that needs bytes. `with` receives the bytes, and a function that keeps them. It
/// calls that function once nothing can fail any more.
///
/// # Safety
/// The bytes are readable, until they are released if they have a release function.
unsafe fn with_bytes(
    request: *mut bedrock_request,
    bytes: Bytes,
    err: *mut *mut bedrock_error,
    with: impl FnOnce(&mut Request, &[u8], &mut dyn FnMut() -> AttachmentBytes) -> Result<()>,
) -> bedrock_status {
    // If anything fails, dropping this releases the bytes at the end of this function. No lock is held then, because
    // the program's release may call the library.
    let mut passed = Some(bytes);
    change(request, err, |request| {
        let bytes = passed.as_ref().expect("nothing has taken the bytes");
        let is_shared = bytes.user.has_release();
        // SAFETY: they are readable, as the caller promises.
        let bytes = unsafe { text::bytes("data", bytes.data.cast(), bytes.len) }?;
        let mut copy =
            if is_shared { ZeroizedBytes::default() } else { ZeroizedBytes::copy("attaching bytes", bytes)? };
        let mut keep = || -> AttachmentBytes {
            match passed.take_if(|_| is_shared) {
                Some(bytes) => Arc::new(bytes),
                None => Arc::new(std::mem::take(&mut copy)),
            }
        };
        with(request, bytes, &mut keep)
    })
}

/// Adds an image to the conversation.
///
/// It is a block of the message to which bedrock_request_add_text with this role would add. The bytes are attached
/// under the first free name of "image-1", "image-2" and so on.
///
/// role: "user" or "assistant".
/// format: "png", "jpeg", "gif", "webp" or a MIME type, or NULL if the bytes show it.
/// data: The bytes of the image.
/// Returns: BEDROCK_OK. BEDROCK_E_REQUEST, and nothing is added, if there are no bytes, if the format is unknown, or if
///   the bytes are of another format.
/// Ownership: If release is not NULL, the bytes are owned by the library until release(user) runs, also if this
///   function fails.
/// Since: 0.1
/// AWS: ImageBlock
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_request_add_image(
    request: *mut bedrock_request,
    role: *const c_char,
    format: *const c_char,
    data: *const c_void,
    len: usize,
    release: bedrock_release_fn,
    user: *mut c_void,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: the texts and the bytes are NULL or readable, as the header demands.
    unsafe {
        with_bytes(request, Bytes { data, len, user: User::new(user, release) }, err, |request, bytes, keep| {
            let (role, format) = (text::name("role", role)?, text::name_or_none("format", format)?);
            request.add_media(&MediaBlock { medium: Medium::Image, role, format, name: None, bytes }, keep)
        })
    }
}

/// Adds a document to the conversation.
///
/// It is a block of the message to which bedrock_request_add_text with this role would add. The bytes are attached as
/// "document-1" and so on. The service wants a text in the same message that asks for something about the document.
///
/// role: "user" or "assistant".
/// format: "pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md" or a MIME type, or NULL if the bytes or the
///   ending of name show it.
/// name: The name by which the model knows the document, or the name of a file; NULL means "document". The service
///   accepts only letters, digits, single spaces and _ - ( ) [ ] in a name, and each name once in a conversation: other
///   characters become spaces, and a name that is in use gets a number.
/// data: The bytes of the document.
/// Returns: BEDROCK_OK, or BEDROCK_E_REQUEST as bedrock_request_add_image.
/// Ownership: If release is not NULL, the bytes are owned by the library until release(user) runs, also if this
///   function fails.
/// Since: 0.1
/// AWS: DocumentBlock
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_request_add_document(
    request: *mut bedrock_request,
    role: *const c_char,
    format: *const c_char,
    name: *const c_char,
    data: *const c_void,
    len: usize,
    release: bedrock_release_fn,
    user: *mut c_void,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: the texts and the bytes are NULL or readable, as the header demands.
    unsafe {
        with_bytes(request, Bytes { data, len, user: User::new(user, release) }, err, |request, bytes, keep| {
            let (role, format) = (text::name("role", role)?, text::name_or_none("format", format)?);
            let name = text::name_or_none("name", name)?;
            request.add_media(&MediaBlock { medium: Medium::Document, role, format, name, bytes }, keep)
        })
    }
}

/// Passes bytes to the request by pointer: an image, a document, audio, video.
///
/// JSON refers to them as "@name" wherever it would hold base64 ({"image": {"format": "png", "source": {"bytes":
/// "@name"}}}). The name is looked up when a call is made.
///
/// name: A name that the request does not use yet, without the "@".
/// data: The bytes.
/// Returns: BEDROCK_OK, or BEDROCK_E_REQUEST if the name is in use or empty.
/// Ownership: If release is not NULL, the bytes are owned by the library until release(user) runs, also if this
///   function fails.
/// Since: 0.1
/// AWS: source.bytes
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_request_attach(
    request: *mut bedrock_request,
    name: *const c_char,
    data: *const c_void,
    len: usize,
    release: bedrock_release_fn,
    user: *mut c_void,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: the texts and the bytes are NULL or readable, as the header demands.
    unsafe {
        with_bytes(request, Bytes { data, len, user: User::new(user, release) }, err, |request, _, keep| {
            let name = text::name("name", name)?;
            request.check_attachment_name(name)?;
            request.attach(name, keep())
        })
    }
}
