//! Out parameters: where a function of the C API writes its results.

use crate::error::{Error, Kind, Result};

/// Writes to an out parameter, unless it is NULL.
///
/// # Safety
/// `out` is NULL or writable.
pub unsafe fn put<T>(out: *mut T, value: T) {
    if !out.is_null() {
        // SAFETY: the caller guarantees that it is writable.
        unsafe { out.write(value) };
    }
}

/// Returns an error if the out parameter `name` is NULL.
pub fn required<T>(name: &str, out: *mut T) -> Result<()> {
    if out.is_null() { Err(Error::new(Kind::InvalidArgument, format_args!("{name} is NULL"))) } else { Ok(()) }
}

/// Writes a struct to the program's copy of it, which has `size` bytes: fewer if the program is older than the library,
/// more if it is newer. Sets bytes that the library does not know to `rest`.
///
/// # Safety
/// `out` is NULL or writable for `size` bytes.
pub unsafe fn fill<T: Copy>(out: *mut T, size: usize, value: T, rest: u8) {
    if out.is_null() {
        return;
    }
    let known = size.min(size_of::<T>());
    // SAFETY: `out` is writable for `size` bytes, and `known` is at most that and at most the size of `value`.
    unsafe {
        std::ptr::copy_nonoverlapping((&raw const value).cast::<u8>(), out.cast(), known);
        std::ptr::write_bytes(out.cast::<u8>().add(known), rest, size - known);
    }
}
