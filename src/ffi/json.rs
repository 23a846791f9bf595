//! JSON, for programs that have no JSON library
//!
//! These functions read a JSON text in place: no handles, no allocation, any thread. pointer is a JSON pointer (RFC 6901): ""
//! is the whole, "/a/0/b" a member of an element of a member. Where nothing is there, or json is not JSON, or the kind is
//! another, the answer is type NONE, count 0, raw NULL, the fallback, or BEDROCK_STRLEN as the length of a string.

use super::guard::entry;
use super::status::BEDROCK_STRLEN;
use super::text::{self, put};
use crate::json::{self, Json};
use std::ffi::c_char;
use std::fmt;
use std::ptr::null;

/// Nothing is there.
pub const BEDROCK_JSON_NONE: i32 = 0;
pub const BEDROCK_JSON_NULL: i32 = 1;
pub const BEDROCK_JSON_FALSE: i32 = 2;
pub const BEDROCK_JSON_TRUE: i32 = 3;
pub const BEDROCK_JSON_NUMBER: i32 = 4;
pub const BEDROCK_JSON_STRING: i32 = 5;
pub const BEDROCK_JSON_ARRAY: i32 = 6;
pub const BEDROCK_JSON_OBJECT: i32 = 7;

/// What kind of value is there: BEDROCK_JSON_...
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_json_type(json: *const c_char, len: usize, pointer: *const c_char) -> i32 {
    entry!(none BEDROCK_JSON_NONE => Some(match unsafe { find(json, len, pointer) }?.kind() {
        json::Kind::Null => BEDROCK_JSON_NULL,
        json::Kind::False => BEDROCK_JSON_FALSE,
        json::Kind::True => BEDROCK_JSON_TRUE,
        json::Kind::Number => BEDROCK_JSON_NUMBER,
        json::Kind::String => BEDROCK_JSON_STRING,
        json::Kind::Array => BEDROCK_JSON_ARRAY,
        json::Kind::Object => BEDROCK_JSON_OBJECT,
    }))
}

/// How many elements an array has, or members an object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_json_count(json: *const c_char, len: usize, pointer: *const c_char) -> usize {
    entry!(none 0 => {
        let value = unsafe { find(json, len, pointer) }?;
        Some(value.elements().count() + value.members().count())
    })
}

/// A number, as C's strtod would read it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_json_number(
    json: *const c_char,
    len: usize,
    pointer: *const c_char,
    fallback: f64,
) -> f64 {
    entry!(none fallback => Some(unsafe { find(json, len, pointer) }?.f64().unwrap_or(fallback)))
}

/// A whole number that fits: 3 and 3.0, but neither 3.5 nor 2^63.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_json_integer(
    json: *const c_char,
    len: usize,
    pointer: *const c_char,
    fallback: i64,
) -> i64 {
    entry!(none fallback => Some(unsafe { find(json, len, pointer) }?.i64().unwrap_or(fallback)))
}

/// The value as it is written, a string with its quotes. It points into json, so that no NUL ends it: *raw_len is its length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_json_raw(
    json: *const c_char,
    len: usize,
    pointer: *const c_char,
    raw_len: *mut usize,
) -> *const c_char {
    unsafe { put(raw_len, 0) };
    entry!(none null() => {
        let raw = unsafe { find(json, len, pointer) }?.text();
        unsafe { put(raw_len, raw.len()) };
        Some(raw.as_ptr().cast())
    })
}

/// Decodes a string into buffer, as snprintf would: writes at most size bytes, cut at a whole character and always with a NUL,
/// and returns the length of the whole. So "r < size" is the one test for: there, a string, and not cut. Where there is no
/// string, buffer becomes "". buffer may be NULL where size is 0; it must not overlap
/// json.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_json_string(
    json: *const c_char,
    len: usize,
    pointer: *const c_char,
    buffer: *mut c_char,
    size: usize,
) -> usize {
    let mut out = unsafe { Buffer::new(buffer, size) };
    entry!(none BEDROCK_STRLEN => {
        let value = unsafe { find(json, len, pointer) }?;
        if value.kind() != json::Kind::String {
            return None;
        }
        value.pieces().for_each(|piece| out.push(piece.as_str()));
        Some(out.length)
    })
}

/// Writes text as a JSON string, its quotes included, as bedrock_json_string writes. BEDROCK_STRLEN where text is not UTF-8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_json_quote(
    text: *const c_char,
    len: usize,
    buffer: *mut c_char,
    size: usize,
) -> usize {
    let mut out = unsafe { Buffer::new(buffer, size) };
    entry!(none BEDROCK_STRLEN => {
        let text = unsafe { text::text_or_none(text, len) }?;
        json::quote(&mut out, text).ok()?;
        Some(out.length)
    })
}

unsafe fn find<'a>(json: *const c_char, len: usize, pointer: *const c_char) -> Option<Json<'a>> {
    let json = unsafe { text::text_or_none(json, len) }?;
    let pointer = unsafe { text::text_or_none(pointer, BEDROCK_STRLEN) }?;
    Json::parse(json).ok()?.pointer(pointer)
}

/// A buffer of the program's that is filled as snprintf fills one.
struct Buffer {
    data: *mut u8,
    /// Bytes that may still be written, one kept for the NUL.
    room: usize,
    /// Of the whole text.
    length: usize,
}

impl Buffer {
    /// # Safety
    /// `data` is writable for `size` bytes.
    unsafe fn new(data: *mut c_char, size: usize) -> Self {
        let data = data.cast::<u8>();
        let size = if data.is_null() { 0 } else { size };
        if size > 0 {
            unsafe { data.write(0) };
        }
        Buffer { data, room: size.saturating_sub(1), length: 0 }
    }

    fn push(&mut self, text: &str) {
        self.length += text.len();
        let fits = text.floor_char_boundary(self.room);
        if self.room > 0 && fits > 0 {
            unsafe {
                std::ptr::copy_nonoverlapping(text.as_ptr(), self.data, fits);
                self.data = self.data.add(fits);
                self.data.write(0);
            }
        }
        // What follows a character that did not fit is not written either.
        self.room = if fits == text.len() { self.room - fits } else { 0 };
    }
}

impl fmt::Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}
