//! Images, documents, audio and video
//!
//! Bytes are given by pointer and need no base64. bedrock_request_add_image and bedrock_request_add_document add a
//! content block and need no JSON. bedrock_request_attach gives bytes a name, to which JSON of your own refers.

use super::request::{bedrock_request, change};
use super::status::{bedrock_error, bedrock_status};
use super::text;
use crate::error::Result;
use crate::request::attachment::Data;
use crate::request::media::Media;
use crate::request::{Medium, Request};
use std::ffi::{c_char, c_void};
use std::sync::Arc;

/// Gives back what was lent to the library: it is called exactly once, whatever the call it was given to returned, on a
/// thread of yours that is inside a call.
pub type bedrock_release_fn = Option<unsafe extern "C" fn(user: *mut c_void)>;

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

/// Bytes as a function is given them.
struct Bytes {
    data: *const c_void,
    len: usize,
    release: bedrock_release_fn,
    user: *mut c_void,
}

/// Changes a request by something that has bytes. `with` is given the bytes, and a way to keep them that it takes when
/// nothing can fail any more.
unsafe fn with_bytes(
    request: *mut bedrock_request,
    bytes: Bytes,
    err: *mut *mut bedrock_error,
    with: impl FnOnce(&mut Request, &[u8], &mut dyn FnMut() -> Data) -> Result<()>,
) -> bedrock_status {
    let Bytes { data, len, release, user } = bytes;
    // Whatever fails from here on, dropping this releases: at this function's end, when no lock is held, for release
    // may call us.
    let mut lent = Some(Lent { data: data.cast(), len, release, user });
    change(request, err, |request| {
        let bytes = unsafe { text::bytes("data", data.cast(), len) }?;
        let mut keep = || -> Data {
            match lent.take_if(|lent| lent.release.is_some()) {
                Some(lent) => Arc::new(lent),
                None => Arc::new(bytes.to_vec()),
            }
        };
        with(request, bytes, &mut keep)
    })
}

/// Adds an image to the conversation, as a block of the message that bedrock_request_add_text with this role would
/// add to. role: "user" or "assistant". format: "png", "jpeg", "gif" or "webp", or a MIME type; NULL where the bytes
/// tell it. The bytes are attached under the first free name of "image-1", "image-2" and so on. release and user are
/// those of bedrock_request_attach. BEDROCK_E_REQUEST, and nothing added: there are no bytes, the format is unknown,
/// or the bytes are of another. (ImageBlock)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_request_add_image(
    request: *mut bedrock_request,
    role: *const c_char,
    format: *const c_char,
    data: *const c_void,
    len: usize,
    release: bedrock_release_fn,
    user: *mut c_void,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    unsafe {
        with_bytes(request, Bytes { data, len, release, user }, err, |request, bytes, keep| {
            let (role, format) = (text::name("role", role)?, text::name_or_none("format", format)?);
            request.add_media(&Media { medium: Medium::Image, role, format, name: None, bytes }, keep)
        })
    }
}

/// Adds a document to the conversation, as bedrock_request_add_image adds an image. format: "pdf", "csv", "doc",
/// "docx", "xls", "xlsx", "html", "txt" or "md", or a MIME type; NULL where the ending of name, or the bytes, tell
/// it. name: what the model calls it, or the name of a file. Of a name the service takes letters, digits, single
/// spaces and _ - ( ) [ ] alone, and once in a conversation: other characters become spaces, and a name that is taken
/// gets a number. NULL: "document". The bytes are attached as "document-1" and so on. The service wants a text in the
/// same message, which says what to do with the document. (DocumentBlock)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_request_add_document(
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
    unsafe {
        with_bytes(request, Bytes { data, len, release, user }, err, |request, bytes, keep| {
            let (role, format) = (text::name("role", role)?, text::name_or_none("format", format)?);
            let name = text::name_or_none("name", name)?;
            request.add_media(&Media { medium: Medium::Document, role, format, name, bytes }, keep)
        })
    }
}

/// Gives the request bytes by pointer: an image, a document, audio, video. JSON refers to them as "@name" wherever it
/// would hold base64 ({"image": {"format": "png", "source": {"bytes": "@name"}}}); the name is looked up when a call
/// is made. release NULL: the bytes are copied now. release given: they are not copied and must stay as they are
/// until release(user) runs, when the request and its clones are freed, or INSIDE THIS CALL where it fails: never
/// free them yourself after it. free is a fine release function. A name can be given once (BEDROCK_E_REQUEST).
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
    unsafe {
        with_bytes(request, Bytes { data, len, release, user }, err, |request, _, keep| {
            let name = text::name("name", name)?;
            request.check_attachment_name(name)?;
            request.attach(name, keep())
        })
    }
}
