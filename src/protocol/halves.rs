//! Characters that come in halves.
//!
//! JSON writes a character beyond U+FFFF as two escapes, a surrogate pair, and a delta may end between the two. The
//! first half then waits for the next delta of its content block, so that no text ever holds half a character.

use crate::json::Json;
use std::collections::BTreeMap;

/// How long an escape is: `\ud83d`.
const ESCAPE: usize = 6;

/// The halves that wait, by content block.
#[derive(Default)]
pub struct Halves(BTreeMap<i32, u16>);

impl Halves {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many wait.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The string with the half that waits for it in front, and without the half that it ends with, which waits. It is
    /// JSON.
    pub fn join(&mut self, block: i32, string: Json<'_>) -> String {
        let mut text = inner(string);
        let waiting = self.0.remove(&block);
        let ends_with = first_half_at_end(text);
        if ends_with.is_some() {
            text = &text[..text.len() - ESCAPE];
        }
        match waiting {
            // Nothing that could be its other half has come.
            Some(waiting) if text.is_empty() && ends_with.is_none() => {
                self.0.insert(block, waiting);
                "\"\"".to_owned()
            }
            _ => {
                self.0.extend(ends_with.map(|half| (block, half)));
                let before = waiting.map(|half| format!("\\u{half:04x}")).unwrap_or_default();
                format!("\"{before}{text}\"")
            }
        }
    }

    /// The block has ended. A half that still waits is no character.
    pub fn end(&mut self, block: i32) {
        if !self.0.is_empty() {
            self.0.remove(&block);
        }
    }
}

/// Whether a string ends between the halves of a character.
pub fn ends_in_half(string: Json<'_>) -> bool {
    first_half_at_end(inner(string)).is_some()
}

/// A string without its quotes.
fn inner(string: Json<'_>) -> &str {
    let text = string.text();
    &text[1..text.len() - 1]
}

/// The first half of a surrogate pair with which a string ends.
fn first_half_at_end(text: &str) -> Option<u16> {
    let start = text.len().checked_sub(ESCAPE)?;
    let (before, escape) = text.as_bytes().split_at(start);
    if escape[..2] != *b"\\u" {
        return None;
    }
    // A backslash that is itself escaped begins no escape.
    let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
    let code = std::str::from_utf8(&escape[2..]).ok().and_then(|digits| u16::from_str_radix(digits, 16).ok())?;
    (backslashes % 2 == 0 && (0xd800..0xdc00).contains(&code)).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_half_is_one_only_at_the_end_and_where_its_backslash_begins_an_escape() {
        for (text, half) in [
            (r"\ud83d", Some(0xd83d)),
            (r"a\uDBFF", Some(0xdbff)),
            (r"\\\ud83d", Some(0xd83d)),
            (r"\\ud83d", None),
            (r"\ud83d\ude00", None),
            (r"\ude00", None),
            (r"\ud83da", None),
            ("é\\u0041", None),
            ("ééé", None),
            ("", None),
        ] {
            assert_eq!(first_half_at_end(text), half, "{text}");
        }
    }

    #[test]
    fn halves_of_different_blocks_do_not_meet() {
        let mut halves = Halves::default();
        let mut join = |block, text: &str| halves.join(block, Json::parse(text).unwrap());
        assert_eq!(join(0, r#""a\ud83d""#), r#""a""#);
        assert_eq!(join(1, r#""\ude00""#), r#""\ude00""#);
        assert_eq!(join(0, r#""""#), r#""""#);
        assert_eq!(join(0, r#""\ude00\ud83d""#), r#""\ud83d\ude00""#);
        halves.end(0);
        assert!(halves.is_empty());
    }
}
