//! JSON, for programs that have no JSON library
//!
//! These functions read a JSON text in place. They make no handles, allocate nothing and are thread-safe. If an object
//! has a key twice, the last one counts. Their parameters:
//!
//!   json, len     the text, and its length or BEDROCK_STRLEN
//!   pointer       a JSON pointer (RFC 6901): "" is the complete text, "/a/0/b" is a member of an
//!                 element of a member
//!   fallback      the result if there is no such value
//!   buffer, size  where to write, and how many bytes it has. buffer may be NULL if size is 0. It
//!                 must not overlap the input
//!
//! If nothing is at pointer, if it is of another kind, or if json is not valid JSON, a function returns
//! BEDROCK_JSON_NONE, 0, NULL, fallback or BEDROCK_JSON_NOT_FOUND. Every callback may call these functions. Each checks
//! the complete json, also after the value that it returns.
//!
//! Cost. Each call reads the complete json once. Its time is proportional to len, and does not depend on how deep
//! pointer leads. A loop that reads an array with "/items/0", "/items/1" and so on is therefore quadratic.
//! bedrock_json_next reads an array or an object in linear time, and bedrock_json_numbers reads an array of numbers at
//! once:
//!
//!   bedrock_json_item item = {0};
//!   while (bedrock_json_next(json, len, "/items", &item, sizeof item) != BEDROCK_JSON_NONE)
//!     total += bedrock_json_number(item.value, item.value_len, "/price", 0);
//!
//! A string of unknown length takes two calls:
//!
//!   size_t size = bedrock_json_string(json, len, "/name", NULL, 0);
//!   char *name = size == BEDROCK_JSON_NOT_FOUND ? NULL : malloc(size + 1);
//!   if (name != NULL)
//!     bedrock_json_string(json, len, "/name", name, size + 1);

use super::support::buffer::Buffer;
use super::support::guard::entry;
use super::support::out::{fill, put};
use super::support::text;
use crate::json::cursor::{Cursor, Found};
use crate::json::{self, Json};
use base64_simd::{AsOut, STANDARD};
use std::ffi::{c_char, c_void};
use std::ops::Range;
use std::ptr::null;
use std::str::FromStr;

/// There is no value.
pub const BEDROCK_JSON_NONE: i32 = 0;
pub const BEDROCK_JSON_NULL: i32 = 1;
pub const BEDROCK_JSON_FALSE: i32 = 2;
pub const BEDROCK_JSON_TRUE: i32 = 3;
pub const BEDROCK_JSON_NUMBER: i32 = 4;
pub const BEDROCK_JSON_STRING: i32 = 5;
pub const BEDROCK_JSON_ARRAY: i32 = 6;
pub const BEDROCK_JSON_OBJECT: i32 = 7;

/// The length or count if there is no value. It is greater than every other.
pub const BEDROCK_JSON_NOT_FOUND: usize = -1isize as usize;

/// An element of an array, or a member of an object. Its texts are borrowed from json: they point into it, so no NUL
/// ends them.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct bedrock_json_item {
    /// The member's key as it is written, a string with its quotes. NULL in an array.
    pub key: *const c_char,
    pub key_len: usize,
    /// The value as it is written, a string with its quotes.
    pub value: *const c_char,
    pub value_len: usize,
    /// How many elements or members come before it.
    pub index: usize,
    /// The position of the loop, owned by the library. Set it to 0 before the loop, and do not change it.
    pub state: [usize; 3],
}

const NO_ITEM: bedrock_json_item =
    bedrock_json_item { key: null(), key_len: 0, value: null(), value_len: 0, index: 0, state: [0; 3] };

fn type_of(kind: json::Kind) -> i32 {
    match kind {
        json::Kind::Null => BEDROCK_JSON_NULL,
        json::Kind::False => BEDROCK_JSON_FALSE,
        json::Kind::True => BEDROCK_JSON_TRUE,
        json::Kind::Number => BEDROCK_JSON_NUMBER,
        json::Kind::String => BEDROCK_JSON_STRING,
        json::Kind::Array => BEDROCK_JSON_ARRAY,
        json::Kind::Object => BEDROCK_JSON_OBJECT,
    }
}

/// Gets the kind of the value at pointer.
///
/// Returns: One of BEDROCK_JSON_NULL to BEDROCK_JSON_OBJECT, or BEDROCK_JSON_NONE.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_json_type(json: *const c_char, len: usize, pointer: *const c_char) -> i32 {
    // SAFETY: the text and the pointer are readable, as the header demands.
    entry!(pure BEDROCK_JSON_NONE => Some(type_of(unsafe { find(json, len, pointer) }?.kind())))
}

/// Gets how many elements an array has, or members an object.
///
/// Returns: The number, or 0.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_json_count(json: *const c_char, len: usize, pointer: *const c_char) -> usize {
    // SAFETY: the text and the pointer are readable, as the header demands.
    entry!(pure 0 => Some(unsafe { find(json, len, pointer) }?.parts().count()))
}

/// Steps to the next element of an array, or member of an object.
///
/// The first step checks json and finds the array or object. Each later step reads only what it steps over, and ignores
/// pointer. json must stay at its address, unchanged, during the loop.
///
/// item: Read and then filled with the element. Set all of it to 0 before the first step. After the last element all of
/// it is 0.
/// Returns: The kind of the value, BEDROCK_JSON_NULL to BEDROCK_JSON_OBJECT. BEDROCK_JSON_NONE after the last one, and
///   if *item was filled for another text or was changed.
/// Ownership: The texts in *item point into json, and live as long as it.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_json_next(
    json: *const c_char,
    len: usize,
    pointer: *const c_char,
    item: *mut bedrock_json_item,
    size: usize,
) -> i32 {
    if item.is_null() || size < size_of::<bedrock_json_item>() {
        return BEDROCK_JSON_NONE;
    }
    let mut next = NO_ITEM;
    let kind = entry!(pure BEDROCK_JSON_NONE => {
        // SAFETY: it is not NULL and has the size, and its pointers are not followed.
        let last = unsafe { item.read() };
        let (bytes, mut cursor, index) = if last.state == [0; 3] {
            // SAFETY: NULL or readable, as the header demands.
            let bytes = unsafe { text::bytes_or_none(json, len) }?;
            // SAFETY: NULL or readable, as the header demands.
            let pointer = unsafe { text::text_or_none(pointer, text::STRLEN) }?;
            (bytes, Cursor::at(bytes, pointer)?, 0)
        } else {
            let [at, end, seal] = last.state;
            let cursor = Cursor::of_numbers([at, end]);
            if json.is_null() || end > len || seal != sealed(json, cursor, last.index) {
                return None;
            }
            // No search for the NUL, which would make each step as long as the text: the first step has found the end.
            // SAFETY: `json` is not NULL, `end` is at most its length, and it is readable, as the header demands.
            (unsafe { std::slice::from_raw_parts(json.cast(), end) }, cursor, last.index + 1)
        };
        let Found { key, value } = cursor.step(bytes)?;
        let kind = json::Kind::of(*bytes.get(value.start)?);
        let part = |range: Range<usize>| (bytes[range.clone()].as_ptr().cast::<c_char>(), range.len());
        (next.value, next.value_len) = part(value);
        (next.key, next.key_len) = key.map_or((null(), 0), part);
        next.index = index;
        let [at, end] = cursor.numbers();
        next.state = [at, end, sealed(json, cursor, index)];
        Some(type_of(kind))
    });
    // SAFETY: `out` is NULL or writable for `size` bytes, as the header demands.
    unsafe { fill(item, size, next, 0) };
    kind
}

/// Returns a checksum that shows that a cursor belongs to this text and was made by this library.
fn sealed(json: *const c_char, cursor: Cursor, index: usize) -> usize {
    let [at, end] = cursor.numbers();
    let mix = |seal: usize, part: usize| (seal.rotate_left(13) ^ part).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as usize);
    [json.addr(), at, end, index].into_iter().fold(0x6265_6472, mix) | 1
}

/// Gets a number, rounded to the nearest double.
///
/// The locale does not matter. A number that is too large for a double is infinite.
///
/// Returns: The number, or fallback.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_json_number(
    json: *const c_char,
    len: usize,
    pointer: *const c_char,
    fallback: f64,
) -> f64 {
    // SAFETY: the text and the pointer are readable, as the header demands.
    entry!(pure fallback => Some(unsafe { find(json, len, pointer) }?.f64().unwrap_or(fallback)))
}

/// Reads an array of numbers, for example an embedding.
///
/// Each number is read as by bedrock_json_number.
///
/// out: Receives the first max numbers. May be NULL if max is 0.
/// max: How many numbers *out has room for.
/// Returns: How many numbers the array has, which may be more than max. BEDROCK_JSON_NOT_FOUND if there is no array or
///   it holds anything but numbers; nothing is written then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_json_numbers(
    json: *const c_char,
    len: usize,
    pointer: *const c_char,
    out: *mut f64,
    max: usize,
) -> usize {
    // SAFETY: `out` is NULL or has room for `max` numbers, as the header demands.
    unsafe { numbers(json, len, pointer, out, max) }
}

/// Reads an array of numbers, each rounded to the nearest float.
///
/// out: Receives the first max numbers. May be NULL if max is 0.
/// max: How many numbers *out has room for.
/// Returns: The same as bedrock_json_numbers.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_json_floats(
    json: *const c_char,
    len: usize,
    pointer: *const c_char,
    out: *mut f32,
    max: usize,
) -> usize {
    // SAFETY: `out` is NULL or has room for `max` numbers, as the header demands.
    unsafe { numbers(json, len, pointer, out, max) }
}

/// # Safety
/// The text and the pointer are NULL or readable, and `out` is NULL or has room for `max` numbers.
unsafe fn numbers<T: FromStr>(
    json: *const c_char,
    len: usize,
    pointer: *const c_char,
    out: *mut T,
    max: usize,
) -> usize {
    entry!(pure BEDROCK_JSON_NOT_FOUND => {
        // SAFETY: the text and the pointer are readable, as the header demands.
        let numbers = unsafe { find(json, len, pointer) }?.numbers()?;
        let max = if out.is_null() { 0 } else { max };
        // SAFETY: `index` is below `max`, and `out` has room for `max` numbers.
        numbers.values().take(max).enumerate().for_each(|(index, number)| unsafe { out.add(index).write(number) });
        Some(numbers.count())
    })
}

/// Gets a whole number that fits into 64 bits.
///
/// 3 and 3.0 are such numbers, but neither 3.5 nor 2^63.
///
/// Returns: The number, or fallback.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_json_integer(
    json: *const c_char,
    len: usize,
    pointer: *const c_char,
    fallback: i64,
) -> i64 {
    // SAFETY: the text and the pointer are readable, as the header demands.
    entry!(pure fallback => Some(unsafe { find(json, len, pointer) }?.i64().unwrap_or(fallback)))
}

/// Gets the value as it is written, a string with its quotes.
///
/// raw_len: *raw_len receives the length. May be NULL. No NUL ends the value.
/// Returns: The beginning of the value inside json, or NULL.
/// Ownership: Points into json, and lives as long as it.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_json_raw(
    json: *const c_char,
    len: usize,
    pointer: *const c_char,
    raw_len: *mut usize,
) -> *const c_char {
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(raw_len, 0) };
    entry!(pure null() => {
        // SAFETY: the text and the pointer are readable, as the header demands.
        let raw = unsafe { find(json, len, pointer) }?.text();
        // SAFETY: NULL or writable, as the header demands.
        unsafe { put(raw_len, raw.len()) };
        Some(raw.as_ptr().cast())
    })
}

/// Decodes a string into buffer, as snprintf would.
///
/// Writes at most size bytes, cut at a complete character and always with a NUL.
///
/// Returns: The length of the complete string, without a NUL. It is below size exactly if there is a string and all of
///   it was written. BEDROCK_JSON_NOT_FOUND if there is no string; buffer is then "".
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_json_string(
    json: *const c_char,
    len: usize,
    pointer: *const c_char,
    buffer: *mut c_char,
    size: usize,
) -> usize {
    // SAFETY: `buffer` is NULL or writable for `size` bytes, as the header demands.
    let mut out = unsafe { Buffer::new(buffer, size) };
    entry!(pure BEDROCK_JSON_NOT_FOUND => {
        // SAFETY: the text and the pointer are readable, as the header demands.
        let value = unsafe { find(json, len, pointer) }?;
        if value.kind() != json::Kind::String {
            return None;
        }
        value.pieces().for_each(|piece| out.push(piece.as_str()));
        Some(out.length)
    })
}

/// Decodes a string of base64, for example an image, into buffer.
///
/// Writes the first size bytes, without a NUL. White space in base64 is skipped, and padding is optional.
///
/// Returns: How many bytes the string encodes, which may be more than size. BEDROCK_JSON_NOT_FOUND if there is no
///   string or it is not base64; the content of buffer is then undefined.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_json_bytes(
    json: *const c_char,
    len: usize,
    pointer: *const c_char,
    buffer: *mut c_void,
    size: usize,
) -> usize {
    entry!(pure BEDROCK_JSON_NOT_FOUND => {
        let mut room = if buffer.is_null() { 0 } else { size };
        let mut to = buffer.cast::<u8>();
        // SAFETY: the text and the pointer are readable, as the header demands.
        unsafe { find(json, len, pointer) }?.decode_base64(|bytes| {
            let fits = bytes.len().min(room);
            // SAFETY: `to` has `room` more bytes, and `fits` is at most that.
            unsafe {
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, fits);
                to = to.add(fits);
            }
            room -= fits;
        })
    })
}

/// Writes text as a JSON string, with its quotes, into buffer.
///
/// text: Any text. It may hold every character.
/// Returns: The length of the string, as bedrock_json_string. BEDROCK_JSON_NOT_FOUND if text is NULL or not UTF-8; see
///   bedrock_utf8_length.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_json_quote(
    text: *const c_char,
    len: usize,
    buffer: *mut c_char,
    size: usize,
) -> usize {
    // SAFETY: `buffer` is NULL or writable for `size` bytes, as the header demands.
    let mut out = unsafe { Buffer::new(buffer, size) };
    entry!(pure BEDROCK_JSON_NOT_FOUND => {
        // SAFETY: NULL or readable, as the header demands.
        let text = unsafe { text::text_or_none(text, len) }?;
        json::quote(&mut out, text).ok()?;
        Some(out.length)
    })
}

/// Writes bytes as a JSON string of base64, with its quotes, into buffer.
///
/// data: The bytes. May be NULL if len is 0. len is their number, and cannot be BEDROCK_STRLEN.
/// Returns: The length of the string, as bedrock_json_string. BEDROCK_JSON_NOT_FOUND if data is NULL and len is not 0,
///   or if len is BEDROCK_STRLEN.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_json_quote_bytes(
    data: *const c_void,
    len: usize,
    buffer: *mut c_char,
    size: usize,
) -> usize {
    // SAFETY: `buffer` is NULL or writable for `size` bytes, as the header demands.
    let mut out = unsafe { Buffer::new(buffer, size) };
    entry!(pure BEDROCK_JSON_NOT_FOUND => {
        let data = match len {
            0 => &[],
            len if text::is_strlen(len) => return None,
            // SAFETY: NULL or readable, as the header demands.
            len => unsafe { text::bytes_or_none(data.cast(), len) }?,
        };
        out.push("\"");
        let mut base64 = [0; 1024];
        for bytes in data.chunks(base64.len() / 4 * 3) {
            out.push(STANDARD.encode_as_str(bytes, base64.as_mut_slice().as_out()));
        }
        out.push("\"");
        Some(out.length)
    })
}

/// Gets how many bytes at the beginning of text are complete UTF-8 characters.
///
/// To cut a text to at most 1,000 bytes, pass 1,000 as len and take as many bytes as the function returns.
///
/// text: Any bytes.
/// Returns: The number of bytes. It is the length of text exactly if text is UTF-8. 0 for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_utf8_length(text: *const c_char, len: usize) -> usize {
    entry!(pure 0 => {
        // SAFETY: NULL or readable, as the header demands.
        let bytes = unsafe { text::bytes_or_none(text, len) }?;
        Some(std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len))
    })
}

/// Returns the value at a JSON pointer.
///
/// # Safety
/// The text and the pointer are NULL or readable.
unsafe fn find<'a>(json: *const c_char, len: usize, pointer: *const c_char) -> Option<Json<'a>> {
    // SAFETY: NULL or readable, as the header demands.
    let bytes = unsafe { text::bytes_or_none(json, len) }?;
    // SAFETY: NULL or readable, as the header demands.
    let pointer = unsafe { text::text_or_none(pointer, text::STRLEN) }?;
    let range = json::pointer::find(bytes, pointer)?;
    // SAFETY: the scan of `find` has accepted the text, and it returns the ends of a value.
    Some(Json::trusted(unsafe { text::checked(&bytes[range]) }))
}
