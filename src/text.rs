//! Text that every door can hand out as it is.
//!
//! A C program wants its strings to end in NUL, a Rust program wants a `&str`. [`Text`] is both: it is made once, when an
//! answer or an error is made, and borrowed ever after, so that no getter allocates.

use crate::json;
use std::fmt;

/// To have less than this twice for a moment costs less than to save it.
const LARGE: usize = 256 << 10;

/// Immutable UTF-8 text, stored with a NUL behind its end. It may hold NULs of its own: those who can should use the length.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Text(Box<str>);

impl Text {
    /// The text, without the NUL behind it.
    pub fn as_str(&self) -> &str {
        self.0.strip_suffix('\0').unwrap_or("")
    }

    /// The text with the NUL behind it, at a stable address for as long as `self` lives where it is.
    pub fn with_nul(&self) -> &str {
        if self.0.is_empty() { "\0" } else { &self.0 }
    }

    pub fn len(&self) -> usize {
        self.as_str().len()
    }

    pub fn is_empty(&self) -> bool {
        self.as_str().is_empty()
    }
}

/// Text that grows to be an answer. Where it needs memory it takes an eighth more than it has, and not as much again:
/// memory that is large grows by its pages and is not copied.
#[derive(Clone, Debug, Default)]
pub struct Growing(String);

impl Growing {
    pub fn push_str(&mut self, text: &str) {
        let length = self.0.len();
        if self.0.capacity() - length < text.len() {
            self.0.reserve_exact(text.len().max(length / 8));
        }
        self.0.push_str(text);
    }

    /// Appends what stands between the quotes of `text` as a JSON string. Of a text that is large and longer than what
    /// stands here the memory is taken, so that it is not held twice.
    pub fn push_escaped(&mut self, text: String) {
        if text.len() < LARGE || text.len() < self.0.len() {
            json::escape(self, &text).expect("a text takes all");
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

impl fmt::Write for Growing {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text);
        Ok(())
    }
}

impl From<Growing> for String {
    fn from(text: Growing) -> Self {
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
    use super::Text;

    #[test]
    fn text_comes_back_as_given_and_always_has_a_nul_behind_it() {
        for given in ["", "a", "with \0 inside", "ends in NUL\0"] {
            let text = Text::from(given);
            assert_eq!(text.as_str(), given);
            assert_eq!(text.len(), given.len());
            assert_eq!(text.with_nul(), format!("{given}\0"));
        }
    }
}
