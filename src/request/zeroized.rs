//! Text and bytes of a prompt, zeroed when they are freed.
//!
//! Memory that a text outgrows is zeroed too.

use crate::error::Result;
use crate::json::cost;
use crate::runtime::memory;
use bytes::Bytes;
use std::fmt::{self, Write as _};
use std::ops::Deref;
use zeroize::Zeroize;

/// The number of bytes that are zeroed at a time. For more bytes, the C library uses one repeated instruction. That
/// takes about as long, but instruction counters count it once per byte, and the counts of the rest would be lost in
/// it.
const STRIDE: usize = 1 << 10;

/// Text that may contain a prompt.
#[derive(Default)]
pub struct ZeroizedText(String);

/// Bytes that may contain a prompt, of fixed length.
#[derive(Default)]
pub struct ZeroizedBytes(Vec<u8>);

impl ZeroizedText {
    pub fn with_capacity(bytes: usize) -> Self {
        ZeroizedText(String::with_capacity(bytes))
    }

    /// Does the same as [`ZeroizedText::with_capacity`], and returns an error if the system has no memory left.
    pub fn try_with_capacity(doing: &str, bytes: usize) -> Result<Self> {
        Ok(ZeroizedText(String::from_utf8(memory::room(doing, bytes)?).expect("no bytes are valid UTF-8")))
    }

    /// Returns the formatted text. `bytes` is its estimated length.
    pub fn format(bytes: usize, text: fmt::Arguments<'_>) -> Self {
        let mut formatted = ZeroizedText::with_capacity(bytes);
        formatted.write_fmt(text).expect("writing to a text cannot fail");
        formatted
    }

    /// Returns the texts with commas between them.
    pub fn join(texts: &[&str]) -> Self {
        let mut joined = ZeroizedText::with_capacity(texts.iter().map(|text| text.len() + 1).sum());
        for (index, text) in texts.iter().enumerate() {
            joined.push_str(if index > 0 { "," } else { "" });
            joined.push_str(text);
        }
        joined
    }

    pub fn push_str(&mut self, text: &str) {
        self.insert_str(self.0.len(), text);
    }

    /// Inserts `text` at the byte offset `at`. The amortized cost is the length of `text` and of the text behind it.
    pub fn insert_str(&mut self, at: usize, text: &str) {
        self.reserve(text.len());
        cost::copy(text.len() + self.0.len() - at);
        self.0.insert_str(at, text);
    }

    pub fn push_base64(&mut self, bytes: &[u8]) {
        self.reserve(base64_simd::STANDARD.encoded_length(bytes.len()));
        base64_simd::STANDARD.encode_append(bytes, &mut self.0);
    }

    /// Removes white space of this length from the end. It is not zeroed: white space is no prompt.
    pub fn truncate_white_space(&mut self, bytes: usize) {
        self.0.truncate(self.0.len() - bytes);
    }

    /// Grows the text. A `String` would free its old memory without zeroing it.
    fn reserve(&mut self, more: usize) {
        let needed = self.0.len() + more;
        if needed > self.0.capacity() {
            let mut grown = String::with_capacity(needed.max(2 * self.0.capacity()));
            cost::copy(self.0.len());
            grown.push_str(&self.0);
            drop(ZeroizedText(std::mem::replace(&mut self.0, grown)));
        }
    }

    /// Returns the text as shared bytes, which are zeroed when the last owner frees them.
    pub fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl ZeroizedBytes {
    /// Copies the bytes, and returns an error if the system has no memory left.
    pub fn copy(doing: &str, bytes: &[u8]) -> Result<Self> {
        let mut copy = memory::room(doing, bytes.len())?;
        copy.extend_from_slice(bytes);
        Ok(ZeroizedBytes(copy))
    }
}

impl AsRef<[u8]> for ZeroizedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for ZeroizedBytes {
    /// Zeroes slices: zeroize zeroes a vector byte by byte, which would take longer than everything else that is done
    /// with an image.
    fn drop(&mut self) {
        self.0.chunks_mut(STRIDE).for_each(Zeroize::zeroize);
    }
}

impl Drop for ZeroizedText {
    fn drop(&mut self) {
        drop(ZeroizedBytes(std::mem::take(&mut self.0).into_bytes()));
    }
}

impl fmt::Write for ZeroizedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text);
        Ok(())
    }
}

impl Clone for ZeroizedText {
    fn clone(&self) -> Self {
        self.0.as_str().into()
    }
}

impl Deref for ZeroizedText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<[u8]> for ZeroizedText {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl From<String> for ZeroizedText {
    fn from(text: String) -> Self {
        ZeroizedText(text)
    }
}

impl From<&str> for ZeroizedText {
    fn from(text: &str) -> Self {
        cost::copy(text.len());
        ZeroizedText(text.to_owned())
    }
}
