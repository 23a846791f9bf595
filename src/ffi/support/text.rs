//! Strings from C and to C.

use super::out::put;
use crate::error::{Error, Kind, Result};
use crate::json::{Checked, Outline};
use crate::text::Text;
use std::ffi::{CStr, c_char};

/// A length that means "up to the NUL".
pub const STRLEN: usize = usize::MAX;

/// Whether the length of a text means "up to the NUL". No text is so long that the top bit of its length is set, and some
/// languages turn -1 into another number of that kind: LuaJIT's ffi.cast("size_t", -1) is 2^63.
pub fn is_strlen(len: usize) -> bool {
    isize::try_from(len).is_err()
}

fn invalid(name: &str, what: &str) -> Error {
    Error::new(Kind::InvalidArgument, format_args!("{name} {what}"))
}

/// `len` bytes.
///
/// # Safety
/// `data` is NULL or readable for `len` bytes.
pub unsafe fn bytes<'a>(name: &str, data: *const u8, len: usize) -> Result<&'a [u8]> {
    match len {
        0 => Ok(&[]),
        _ if data.is_null() => Err(invalid(name, "is NULL")),
        _ if isize::try_from(len).is_err() => Err(invalid(name, "has an impossible length")),
        _ => Ok(unsafe { std::slice::from_raw_parts(data, len) }),
    }
}

/// Text of a given length, or up to its NUL.
///
/// # Safety
/// `data` is NULL, or readable for `len` bytes, or ends in NUL where `len` [is one that says so](is_strlen).
pub unsafe fn text<'a>(name: &str, data: *const c_char, len: usize) -> Result<&'a str> {
    utf8(name, unsafe { text_bytes(name, data, len) }?)
}

/// JSON of a given length, or up to its NUL. One pass checks both that it is UTF-8, which is an error here, and that
/// it is JSON.
///
/// # Safety
/// As [`text`].
pub unsafe fn json<'a>(name: &str, data: *const c_char, len: usize) -> Result<Checked<'a>> {
    let bytes = unsafe { text_bytes(name, data, len) }?;
    let outline = Outline::of(bytes);
    let text = match outline {
        Ok(_) => unsafe { checked(bytes) },
        Err(_) => utf8(name, bytes)?,
    };
    Ok(Checked::new(text, outline))
}

unsafe fn text_bytes<'a>(name: &str, data: *const c_char, len: usize) -> Result<&'a [u8]> {
    match len {
        _ if data.is_null() => Err(invalid(name, "is NULL")),
        len if is_strlen(len) => Ok(unsafe { CStr::from_ptr(data) }.to_bytes()),
        len => unsafe { bytes(name, data.cast(), len) },
    }
}

fn utf8<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a str> {
    std::str::from_utf8(bytes)
        .map_err(|error| invalid(name, &format!("is not UTF-8: the byte at offset {} is wrong", error.valid_up_to())))
}

/// Bytes of JSON as text.
///
/// # Safety The bytes are, or lie between the ends of values in, a text that a scan of `crate::json` has accepted:
/// then they are UTF-8.
pub unsafe fn checked(bytes: &[u8]) -> &str {
    debug_assert!(std::str::from_utf8(bytes).is_ok());
    unsafe { std::str::from_utf8_unchecked(bytes) }
}

/// As [`text`], without a word about what is wrong.
///
/// # Safety
/// As [`text`].
pub unsafe fn text_or_none<'a>(data: *const c_char, len: usize) -> Option<&'a str> {
    std::str::from_utf8(unsafe { bytes_or_none(data, len) }?).ok()
}

/// As [`text_or_none`], of any bytes.
///
/// # Safety
/// As [`text`].
pub unsafe fn bytes_or_none<'a>(data: *const c_char, len: usize) -> Option<&'a [u8]> {
    match len {
        _ if data.is_null() => None,
        len if is_strlen(len) => Some(unsafe { CStr::from_ptr(data) }.to_bytes()),
        len => Some(unsafe { std::slice::from_raw_parts(data.cast(), len) }),
    }
}

/// A short name that ends in NUL.
///
/// # Safety
/// As [`text`] with [`STRLEN`].
pub unsafe fn name<'a>(name: &str, data: *const c_char) -> Result<&'a str> {
    unsafe { text(name, data, STRLEN) }
}

/// A short name that may be left out.
///
/// # Safety
/// As [`name`].
pub unsafe fn name_or_none<'a>(name: &str, data: *const c_char) -> Result<Option<&'a str>> {
    if data.is_null() { Ok(None) } else { unsafe { self::name(name, data) }.map(Some) }
}

/// Hands out text that lives on in its object.
///
/// # Safety
/// `len` is NULL or writable.
pub unsafe fn lend(text: &Text, len: *mut usize) -> *const c_char {
    unsafe { put(len, text.len()) };
    text.with_nul().as_ptr().cast()
}

/// What a getter that lends text gives where it has none.
pub const EMPTY: *const c_char = c"".as_ptr();
