//! Strings from C and to C.

use crate::error::{Error, Kind, Result};
use crate::text::Text;
use std::ffi::{CStr, c_char};

/// A length that means "up to the NUL".
pub const STRLEN: usize = usize::MAX;

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
/// `data` is NULL, or readable for `len` bytes, or ends in NUL where `len` is [`STRLEN`].
pub unsafe fn text<'a>(name: &str, data: *const c_char, len: usize) -> Result<&'a str> {
    if data.is_null() {
        return Err(invalid(name, "is NULL"));
    }
    let bytes = match len {
        STRLEN => unsafe { CStr::from_ptr(data) }.to_bytes(),
        len => unsafe { bytes(name, data.cast(), len) }?,
    };
    std::str::from_utf8(bytes)
        .map_err(|error| invalid(name, &format!("is not UTF-8: the byte at offset {} is wrong", error.valid_up_to())))
}

/// As [`text`], without a word about what is wrong.
///
/// # Safety
/// As [`text`].
pub unsafe fn text_or_none<'a>(data: *const c_char, len: usize) -> Option<&'a str> {
    let bytes = match len {
        _ if data.is_null() => return None,
        STRLEN => unsafe { CStr::from_ptr(data) }.to_bytes(),
        len if isize::try_from(len).is_err() => return None,
        len => unsafe { std::slice::from_raw_parts(data.cast(), len) },
    };
    std::str::from_utf8(bytes).ok()
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

/// Writes to an out parameter, where there is one.
///
/// # Safety
/// `out` is NULL or writable.
pub unsafe fn put<T>(out: *mut T, value: T) {
    if !out.is_null() {
        unsafe { out.write(value) };
    }
}

/// An out parameter that the caller cannot do without.
pub fn required<T>(name: &str, out: *mut T) -> Result<()> {
    if out.is_null() { Err(invalid(name, "is NULL")) } else { Ok(()) }
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
