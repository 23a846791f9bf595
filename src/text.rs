//! Text for C and for Rust.
//!
//! A C program expects NUL-terminated strings, a Rust program expects a `&str`. A [`Text`] is both. It is made once,
//! with a response or an error, and borrowed afterwards, so that no getter allocates. A [`CText`] is the borrowed form.

use crate::json;
use std::fmt;
use std::ops::{Deref, Range};

/// A smaller text is copied, because avoiding the copy would cost more.
const LARGE: usize = 256 << 10;

/// Immutable UTF-8 text, stored with a NUL behind its end. It may contain NULs of its own.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Text(Box<str>);

impl Text {
    /// Returns the text, without the NUL behind it.
    pub fn as_str(&self) -> &str {
        self.0.strip_suffix('\0').unwrap_or("")
    }

    /// Returns the text with the NUL behind it. Its address is stable: moving `self` does not change it.
    pub fn with_nul(&self) -> &str {
        if self.0.is_empty() { "\0" } else { &self.0 }
    }

    pub fn as_c(&self) -> CText<'_> {
        CText::within(self.with_nul(), 0..self.len())
    }

    /// Returns the length in bytes, without the NUL behind the text.
    pub fn len(&self) -> usize {
        self.as_str().len()
    }

    pub fn is_empty(&self) -> bool {
        self.as_str().is_empty()
    }
}

/// Borrowed UTF-8 text with a NUL behind its end in memory, so that C may read it. It may contain NULs of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CText<'a>(&'a str);

impl<'a> CText<'a> {
    /// The empty text.
    pub const EMPTY: CText<'static> = CText("\0".split_at(0).0);

    /// Returns the part of `text` in `range`. A NUL must follow it. If none does, the part counts as empty.
    #[inline]
    pub fn within(text: &'a str, range: Range<usize>) -> Self {
        let nul = text.as_bytes().get(range.end);
        debug_assert_eq!(nul, Some(&0));
        if nul == Some(&0) { CText(&text[range]) } else { CText::EMPTY }
    }

    /// Returns the text, without the NUL behind it.
    #[inline]
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// Returns a copy of `text` that is never freed.
    #[cfg(test)]
    pub fn leaked(text: &str) -> CText<'static> {
        CText::within(Box::leak(format!("{text}\0").into_boxed_str()), 0..text.len())
    }
}

impl Deref for CText<'_> {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.0
    }
}

impl PartialEq<&str> for CText<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl fmt::Debug for CText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for CText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The text of a response while it grows. It grows by at least an eighth and does not double, because the system moves
/// the pages of a large allocation and does not copy them.
#[derive(Clone, Debug, Default)]
pub struct TextBuilder(String);

impl TextBuilder {
    pub fn push_str(&mut self, text: &str) {
        let length = self.0.len();
        if self.0.capacity() - length < text.len() {
            self.0.reserve_exact(text.len().max(length / 8));
        }
        self.0.push_str(text);
    }

    /// Appends `text`, escaped as in a JSON string. If it is large and longer than the present text, its memory is
    /// reused, so that there are no two copies.
    pub fn push_escaped(&mut self, text: String) {
        if text.len() < LARGE || text.len() < self.0.len() {
            json::escape(self, &text).expect("a String accepts every text");
        } else {
            self.0 = json::escape_in_place(text, &self.0);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl fmt::Write for TextBuilder {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text);
        Ok(())
    }
}

impl From<TextBuilder> for String {
    fn from(text: TextBuilder) -> Self {
        text.0
    }
}

impl From<String> for Text {
    fn from(mut text: String) -> Self {
        if text.is_empty() {
            return Text::default();
        }
        text.reserve_exact(1);
        text.push('\0');
        Text(text.into_boxed_str())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        let mut owned = String::with_capacity(text.len() + 1);
        owned.push_str(text);
        owned.into()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::{CText, Text};

    #[test]
    fn a_text_is_returned_unchanged_and_always_has_a_nul_behind_it() {
        for given in ["", "a", "with \0 inside", "ends in NUL\0"] {
            let text = Text::from(given);
            assert_eq!(text.as_str(), given);
            assert_eq!(text.len(), given.len());
            assert_eq!(text.with_nul(), format!("{given}\0"));
        }
    }

    #[test]
    fn a_borrowed_text_has_a_nul_behind_it() {
        assert_eq!(CText::within("a\0b\0", 0..3).as_str(), "a\0b");
        let memory = "abc\0rest";
        let text = CText::within(memory, 0..3);
        assert_eq!((text, memory.as_bytes()[text.len()]), (CText::leaked("abc"), 0));
        assert!(CText::EMPTY.is_empty() && CText::within("\0", 0..0).is_empty());
    }
}
