//! What a prompt is of, text and bytes: zeroed when it is freed, also where it only moved to memory that is larger.

use crate::error::Result;
use crate::json::cost;
use crate::runtime::memory;
use bytes::Bytes;
use std::fmt::{self, Write as _};
use std::ops::Deref;
use zeroize::Zeroize;

/// So many bytes are zeroed at a time. For more, the C library has the processor repeat one instruction, which takes about as
/// long, and which instruction counts take for one instruction a byte: they would not show any more what else is done.
const STRIDE: usize = 1 << 10;

/// Text that may hold a prompt.
#[derive(Default)]
pub struct Wiped(String);

/// Bytes that may hold a prompt. They do not grow.
#[derive(Default)]
pub struct WipedBytes(Vec<u8>);

impl Wiped {
    pub fn with_capacity(bytes: usize) -> Self {
        Wiped(String::with_capacity(bytes))
    }

    /// As [`Wiped::with_capacity`], of as much as the system gives.
    pub fn with_room(doing: &str, bytes: usize) -> Result<Self> {
        Ok(Wiped(String::from_utf8(memory::room(doing, bytes)?).expect("nothing is text")))
    }

    /// Text as it is formatted, of about `bytes` bytes.
    pub fn of(bytes: usize, text: fmt::Arguments<'_>) -> Self {
        let mut wiped = Wiped::with_capacity(bytes);
        wiped.write_fmt(text).expect("a text takes all that is written to it");
        wiped
    }

    /// The texts with commas between them.
    pub fn joined(texts: &[&str]) -> Self {
        let mut joined = Wiped::with_capacity(texts.iter().map(|text| text.len() + 1).sum());
        for (index, text) in texts.iter().enumerate() {
            joined.push_str(if index > 0 { "," } else { "" });
            joined.push_str(text);
        }
        joined
    }

    pub fn push_str(&mut self, text: &str) {
        self.insert_str(self.0.len(), text);
    }

    /// Puts `text` in before the byte at `at`. Of many calls each costs what it puts in and what stands behind it.
    pub fn insert_str(&mut self, at: usize, text: &str) {
        self.reserve(text.len());
        cost::copy(text.len() + self.0.len() - at);
        self.0.insert_str(at, text);
    }

    pub fn push_base64(&mut self, bytes: &[u8]) {
        self.reserve(base64_simd::STANDARD.encoded_length(bytes.len()));
        base64_simd::STANDARD.encode_append(bytes, &mut self.0);
    }

    /// Cuts so much white space off the end. It is not zeroed: only what is text in the end is.
    pub fn cut_space(&mut self, bytes: usize) {
        self.0.truncate(self.0.len() - bytes);
    }

    /// A String would free what it grows out of as it is.
    fn reserve(&mut self, more: usize) {
        let needed = self.0.len() + more;
        if needed > self.0.capacity() {
            let mut grown = String::with_capacity(needed.max(2 * self.0.capacity()));
            cost::copy(self.0.len());
            grown.push_str(&self.0);
            drop(Wiped(std::mem::replace(&mut self.0, grown)));
        }
    }

    /// The bytes, shared by who sends them and zeroed after the last.
    pub fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl WipedBytes {
    /// A copy, where the system gives the memory for it.
    pub fn copy(doing: &str, bytes: &[u8]) -> Result<Self> {
        let mut copy = memory::room(doing, bytes.len())?;
        copy.extend_from_slice(bytes);
        Ok(WipedBytes(copy))
    }
}

impl AsRef<[u8]> for WipedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for WipedBytes {
    /// As slices: a vector is zeroed byte by byte, which takes longer than all else that is done with an image.
    fn drop(&mut self) {
        self.0.chunks_mut(STRIDE).for_each(Zeroize::zeroize);
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        drop(WipedBytes(std::mem::take(&mut self.0).into_bytes()));
    }
}

impl fmt::Write for Wiped {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text);
        Ok(())
    }
}

impl Clone for Wiped {
    fn clone(&self) -> Self {
        self.0.as_str().into()
    }
}

impl Deref for Wiped {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl From<String> for Wiped {
    fn from(text: String) -> Self {
        Wiped(text)
    }
}

impl From<&str> for Wiped {
    fn from(text: &str) -> Self {
        cost::copy(text.len());
        Wiped(text.to_owned())
    }
}
