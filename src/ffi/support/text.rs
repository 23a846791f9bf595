//! Texts from C and to C.

use super::out::put;
use crate::error::{Error, Kind, Result};
use crate::json::{Checked, Outline};
use crate::text::Text;
use std::ffi::{CStr, c_char};

/// The length that means "up to the NUL".
pub const STRLEN: usize = usize::MAX;

/// Returns whether a length means "up to the NUL". No text is so long that the top bit of its length is set, and some
/// languages convert -1 to another number of that kind: LuaJIT's ffi.cast("size_t", -1) is 2^63.
pub fn is_strlen(len: usize) -> bool {
    isize::try_from(len).is_err()
}

fn invalid(name: &str, what: &str) -> Error {
    Error::new(Kind::InvalidArgument, format_args!("{name} {what}"))
}

/// Returns `len` bytes.
///
/// # Safety
/// `data` is NULL or readable for `len` bytes.
pub unsafe fn bytes<'a>(name: &str, data: *const u8, len: usize) -> Result<&'a [u8]> {
    match len {
        0 => Ok(&[]),
        _ if data.is_null() => Err(invalid(name, "is NULL")),
        _ if isize::try_from(len).is_err() => Err(invalid(name, "has an impossible length")),
        // SAFETY: it is not NULL, so that the caller guarantees `len` readable bytes, and `len` is a possible length.
        _ => Ok(unsafe { std::slice::from_raw_parts(data, len) }),
    }
}

/// Returns a text of a given length, or up to its NUL.
///
/// # Safety
/// `data` is NULL, or readable for `len` bytes, or NUL-terminated if `len` [means that](is_strlen).
pub unsafe fn text<'a>(name: &str, data: *const c_char, len: usize) -> Result<&'a str> {
    // SAFETY: the caller guarantees the same.
    utf8(name, unsafe { text_bytes(name, data, len) }?)
}

/// Returns JSON of a given length, or up to its NUL. One pass checks that it is UTF-8, which is an error here, and that
/// it is JSON.
///
/// # Safety
/// As [`text`].
pub unsafe fn json<'a>(name: &str, data: *const c_char, len: usize) -> Result<Checked<'a>> {
    // SAFETY: the caller guarantees the same.
    let bytes = unsafe { text_bytes(name, data, len) }?;
    let outline = Outline::of(bytes);
    let text = match outline {
        // SAFETY: the scan has accepted these bytes.
        Ok(_) => unsafe { checked(bytes) },
        Err(_) => utf8(name, bytes)?,
    };
    Ok(Checked::new(text, outline))
}

/// # Safety
/// As [`text`].
unsafe fn text_bytes<'a>(name: &str, data: *const c_char, len: usize) -> Result<&'a [u8]> {
    match len {
        _ if data.is_null() => Err(invalid(name, "is NULL")),
        // SAFETY: it is not NULL, and the caller guarantees a NUL behind it.
        len if is_strlen(len) => Ok(unsafe { CStr::from_ptr(data) }.to_bytes()),
        // SAFETY: the caller guarantees `len` readable bytes.
        len => unsafe { bytes(name, data.cast(), len) },
    }
}

fn utf8<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a str> {
    std::str::from_utf8(bytes)
        .map_err(|error| invalid(name, &format!("is not UTF-8: the byte at offset {} is wrong", error.valid_up_to())))
}

/// Returns bytes of JSON as text.
///
/// # Safety
/// A scan of `crate::json` has accepted the bytes, or a text of which they are a part that begins and ends with a
/// value. Then they are UTF-8.
pub unsafe fn checked(bytes: &[u8]) -> &str {
    debug_assert!(std::str::from_utf8(bytes).is_ok());
    // SAFETY: the caller guarantees that a scan has accepted the bytes, which includes that they are UTF-8.
    unsafe { std::str::from_utf8_unchecked(bytes) }
}

/// Does the same as [`text`], and returns None for an invalid text.
///
/// # Safety
/// As [`text`].
pub unsafe fn text_or_none<'a>(data: *const c_char, len: usize) -> Option<&'a str> {
    // SAFETY: the caller guarantees the same.
    std::str::from_utf8(unsafe { bytes_or_none(data, len) }?).ok()
}

/// Does the same as [`text_or_none`] for bytes of any encoding.
///
/// # Safety
/// As [`text`].
pub unsafe fn bytes_or_none<'a>(data: *const c_char, len: usize) -> Option<&'a [u8]> {
    match len {
        _ if data.is_null() => None,
        // SAFETY: it is not NULL, and the caller guarantees a NUL behind it.
        len if is_strlen(len) => Some(unsafe { CStr::from_ptr(data) }.to_bytes()),
        // SAFETY: it is not NULL, so that the caller guarantees `len` readable bytes, and `len` is a possible length.
        len => Some(unsafe { std::slice::from_raw_parts(data.cast(), len) }),
    }
}

/// Returns a NUL-terminated name.
///
/// # Safety
/// As [`text`] with [`STRLEN`].
pub unsafe fn name<'a>(name: &str, data: *const c_char) -> Result<&'a str> {
    // SAFETY: the caller guarantees a NUL behind it.
    unsafe { text(name, data, STRLEN) }
}

/// Returns a NUL-terminated name, or None for NULL.
///
/// # Safety
/// As [`name`].
pub unsafe fn name_or_none<'a>(name: &str, data: *const c_char) -> Result<Option<&'a str>> {
    // SAFETY: the caller guarantees the same.
    if data.is_null() { Ok(None) } else { unsafe { self::name(name, data) }.map(Some) }
}

/// Returns a text that is borrowed from its object, and writes its length to `len`.
///
/// # Safety
/// `len` is NULL or writable.
pub unsafe fn borrow(text: &Text, len: *mut usize) -> *const c_char {
    let (text, length) = borrowed(text);
    // SAFETY: the caller guarantees the same.
    unsafe { put(len, length) };
    text
}

/// Returns a text that is borrowed from its object, and its length.
pub fn borrowed(text: &Text) -> (*const c_char, usize) {
    (text.with_nul().as_ptr().cast(), text.len())
}

/// The result of a getter that has no text.
pub const EMPTY: *const c_char = c"".as_ptr();
