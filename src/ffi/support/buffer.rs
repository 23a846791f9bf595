//! A buffer of the program, which a text is written into.

use std::ffi::c_char;
use std::fmt;

/// A buffer of the program, filled as by snprintf.
pub struct Buffer {
    data: *mut u8,
    /// The bytes that may still be written, besides the NUL.
    room: usize,
    /// The length of the complete text.
    pub length: usize,
}

impl Buffer {
    /// # Safety
    /// `data` is NULL or writable for `size` bytes.
    pub unsafe fn new(data: *mut c_char, size: usize) -> Self {
        let data = data.cast::<u8>();
        let size = if data.is_null() { 0 } else { size };
        if size > 0 {
            // SAFETY: it is writable for `size` bytes, which is not 0.
            unsafe { data.write(0) };
        }
        Buffer { data, room: size.saturating_sub(1), length: 0 }
    }

    pub fn push(&mut self, text: &str) {
        self.length += text.len();
        let fits = text.floor_char_boundary(self.room);
        if self.room > 0 && fits > 0 {
            // SAFETY: `room` bytes and one for the NUL are left at `data`, and `fits` is at most `room`.
            unsafe {
                std::ptr::copy_nonoverlapping(text.as_ptr(), self.data, fits);
                self.data = self.data.add(fits);
                self.data.write(0);
            }
        }
        // After a character that did not fit, nothing more is written.
        self.room = if fits == text.len() { self.room - fits } else { 0 };
    }
}

impl fmt::Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}
