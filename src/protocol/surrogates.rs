//! Surrogate pairs that are split over two deltas.
//!
//! JSON escapes a character beyond U+FFFF as a surrogate pair, and a delta may end between the two surrogates. The
//! first one is then kept for the next delta of its content block, so that no text ever holds half a character.

use crate::json::Json;
use std::collections::BTreeMap;

/// The length of an escape: `\ud83d`.
const ESCAPE: usize = 6;

/// The size of a pending surrogate in memory, at most.
const SIZE: usize = 64;

/// The first surrogates of split pairs, by content block.
#[derive(Default)]
pub struct PendingSurrogates(BTreeMap<i32, u16>);

impl PendingSurrogates {
    /// Returns whether no surrogate is pending.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the memory that the pending surrogates take, in bytes.
    pub fn size(&self) -> usize {
        self.0.len() * SIZE
    }

    /// Returns the JSON string with the block's pending surrogate in front. A first surrogate at its end is taken off
    /// and becomes pending.
    pub fn join(&mut self, block: i32, string: Json<'_>) -> String {
        let mut text = without_quotes(string);
        let pending = self.0.remove(&block);
        let ends_with = first_surrogate_at_end(text);
        if ends_with.is_some() {
            text = &text[..text.len() - ESCAPE];
        }
        match pending {
            // No text has come that could hold the second surrogate.
            Some(pending) if text.is_empty() && ends_with.is_none() => {
                self.0.insert(block, pending);
                "\"\"".to_owned()
            }
            _ => {
                self.0.extend(ends_with.map(|surrogate| (block, surrogate)));
                let before = pending.map(|surrogate| format!("\\u{surrogate:04x}")).unwrap_or_default();
                format!("\"{before}{text}\"")
            }
        }
    }

    /// Drops the surrogate that is pending in a block that has ended.
    pub fn end_block(&mut self, block: i32) {
        if !self.0.is_empty() {
            self.0.remove(&block);
        }
    }
}

/// Returns whether a string ends with the first surrogate of a pair.
pub fn ends_in_surrogate(string: Json<'_>) -> bool {
    first_surrogate_at_end(without_quotes(string)).is_some()
}

/// Returns a JSON string without its quotes.
fn without_quotes(string: Json<'_>) -> &str {
    let text = string.text();
    &text[1..text.len() - 1]
}

/// Returns the first surrogate of a pair with which a string ends.
fn first_surrogate_at_end(text: &str) -> Option<u16> {
    let start = text.len().checked_sub(ESCAPE)?;
    let (before, escape) = text.as_bytes().split_at(start);
    if escape[..2] != *b"\\u" {
        return None;
    }
    // An escaped backslash does not start an escape.
    let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
    let code = std::str::from_utf8(&escape[2..]).ok().and_then(|digits| u16::from_str_radix(digits, 16).ok())?;
    (backslashes % 2 == 0 && (0xd800..0xdc00).contains(&code)).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_escape_at_the_end_of_a_text_is_a_first_surrogate() {
        for (text, surrogate) in [
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
            assert_eq!(first_surrogate_at_end(text), surrogate, "{text}");
        }
    }

    #[test]
    fn surrogates_of_different_blocks_are_not_joined() {
        let mut surrogates = PendingSurrogates::default();
        let mut join = |block, text: &str| surrogates.join(block, Json::parse(text).unwrap());
        assert_eq!(join(0, r#""a\ud83d""#), r#""a""#);
        assert_eq!(join(1, r#""\ude00""#), r#""\ude00""#);
        assert_eq!(join(0, r#""""#), r#""""#);
        assert_eq!(join(0, r#""\ude00\ud83d""#), r#""\ud83d\ude00""#);
        surrogates.end_block(0);
        assert!(surrogates.is_empty());
    }
}
