//! The fast path for text deltas, which are nearly all events of nearly all responses: recognized by their bytes.
//!
//! A recognized delta is never parsed as JSON. A payload that differs in any way is left to the parser.

use super::surrogates;
use crate::json::Json;

/// The bytes before the block's index, as the service writes them.
const INDEX: &str = "{\"contentBlockIndex\":";
/// The bytes between the index and the text.
const TEXT: &str = ",\"delta\":{\"text\":\"";
/// The bytes between the text and the padding.
const PADDING: &str = "\"},\"p\":\"";
/// The bytes after the padding.
const END: &str = "\"}";
/// The bytes after the text if there is no padding.
const END_WITHOUT_PADDING: &str = "\"}}";
/// The maximum number of digits of an index: no response has more blocks.
const MAX_DIGITS: usize = 6;

/// The text of a [`TextDelta`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeltaText<'a> {
    /// A text without escapes.
    Plain(&'a str),
    /// A JSON string with escapes, to be decoded.
    Escaped(Json<'a>),
}

/// A text delta: the index of its content block, and its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextDelta<'a> {
    pub block: i32,
    pub text: DeltaText<'a>,
}

impl<'a> TextDelta<'a> {
    /// Recognizes a delta that has exactly the members that the service writes, in the service's order: the index, the
    /// text and possibly the padding `p`.
    pub fn recognize(payload: &'a str) -> Option<Self> {
        let rest = payload.strip_prefix(INDEX)?;
        let (mut block, mut digits) = (0, 0);
        while let Some(digit) = rest.as_bytes().get(digits).filter(|byte| byte.is_ascii_digit()) {
            block = block * 10 + i32::from(digit - b'0');
            digits += 1;
            if digits > MAX_DIGITS {
                return None;
            }
        }
        if digits == 0 || digits > 1 && rest.starts_with('0') {
            return None;
        }
        let rest = rest[digits..].strip_prefix(TEXT)?;
        let plain = plain_run(rest.as_bytes());
        let (text, rest) = match rest.as_bytes().get(plain) {
            Some(b'"') => (DeltaText::Plain(&rest[..plain]), &rest[plain..]),
            Some(b'\\') => {
                // The opening quotation mark is the last byte of `TEXT`.
                let quoted = &payload[payload.len() - rest.len() - 1..];
                let (text, after) = Json::leading_string(quoted)?;
                (DeltaText::Escaped(text), &quoted[quoted.len() - after.len() - 1..])
            }
            _ => return None,
        };
        let ends_as_known = match rest.strip_prefix(PADDING) {
            Some(padding) => &padding[plain_run(padding.as_bytes())..] == END,
            None => rest == END_WITHOUT_PADDING,
        };
        ends_as_known.then_some(TextDelta { block, text })
    }

    /// Returns whether the text ends with the first surrogate of a pair.
    pub fn ends_in_surrogate(&self) -> bool {
        matches!(self.text, DeltaText::Escaped(text) if surrogates::ends_in_surrogate(text))
    }
}

/// Returns the number of bytes before the first quotation mark, backslash or control character. Reads eight bytes at a
/// time.
fn plain_run(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks();
    let first = |special: u64| special.trailing_zeros() as usize / 8;
    let mut at = 0;
    for word in words {
        let special = special(u64::from_le_bytes(*word));
        if special != 0 {
            return at + first(special);
        }
        at += 8;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\') || *byte < 0x20;
    match bytes.last_chunk() {
        _ if rest.is_empty() => at,
        // The last eight bytes, without those that were read before: zeros follow in their place and end the run.
        Some(last) => at + first(special(u64::from_le_bytes(*last) >> (8 * (8 - rest.len())))),
        None => at + rest.iter().position(is_special).unwrap_or(rest.len()),
    }
}

/// Returns a word whose lowest set bit is in the lowest byte of `word` that ends a plain run, 0 if no byte does.
#[inline]
fn special(word: u64) -> u64 {
    const LOW: u64 = u64::MAX / 255;
    const HIGH: u64 = LOW << 7;
    // The lowest byte whose subtraction borrows is below the limit if its own high bit is clear. Higher bytes may be
    // wrong.
    let below = |word: u64, limit: u64| word.wrapping_sub(limit) & !word & HIGH;
    let quote = below(word ^ (LOW * u64::from(b'"')), LOW);
    let backslash = below(word ^ (LOW * u64::from(b'\\')), LOW);
    quote | backslash | below(word, LOW * 0x20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_delta_is_recognized_only_where_it_is_valid_json_of_the_known_shape() {
        let accepted = [
            r#"{"contentBlockIndex":0,"delta":{"text":"Hello"},"p":"abcXYZ019"}"#,
            r#"{"contentBlockIndex":12,"delta":{"text":""}}"#,
            r#"{"contentBlockIndex":3,"delta":{"text":"a\n\"\u00e9\""},"p":""}"#,
            r#"{"contentBlockIndex":999999,"delta":{"text":"über\\ längere Strecken hinweg: 日本語のテキスト"}}"#,
            r#"{"contentBlockIndex":0,"delta":{"text":"\\"},"p":"ü}"}"#,
        ];
        for payload in accepted {
            let delta = TextDelta::recognize(payload).unwrap_or_else(|| panic!("not recognized: {payload}"));
            let json = Json::parse(payload).expect("valid JSON");
            assert_eq!(json.get("contentBlockIndex").and_then(Json::i64), Some(i64::from(delta.block)));
            let text = json.pointer("/delta/text").expect("a text");
            match delta.text {
                DeltaText::Plain(plain) => assert_eq!(format!("\"{plain}\""), text.text()),
                DeltaText::Escaped(escaped) => assert_eq!(escaped, text),
            }
        }
        let left_to_the_parser = [
            r#"{"contentBlockIndex":0,"delta":{"text":"Hello","more":1}}"#,
            r#"{"contentBlockIndex":0,"delta":{"text":"Hello"},"p":"a","q":1}"#,
            r#"{"contentBlockIndex":0,"delta":{"text":"Hello"},"p":"a\n"}"#,
            r#"{"contentBlockIndex":0,"delta":{"text":"Hello"},"p":"a""#,
            r#"{"contentBlockIndex":0,"delta":{"text":"Hello"}} "#,
            r#"{"contentBlockIndex":0,"delta":{"text":"Hello"}"#,
            r#"{"contentBlockIndex":,"delta":{"text":"Hello"}}"#,
            r#"{"contentBlockIndex":00,"delta":{"text":"Hello"}}"#,
            r#"{"contentBlockIndex":-1,"delta":{"text":"Hello"}}"#,
            r#"{"contentBlockIndex":0,"delta":{"text":"Hel"lo"}}"#,
            r#"{"contentBlockIndex":0,"delta":{"text":"Hel\xlo"}}"#,
            r#"{"contentBlockIndex":0,"delta":{"text":"Hello"#,
            r#"{"contentBlockIndex":0,"delta":{"text":"Hello\"#,
            r#"{"contentBlockIndex":99999999999,"delta":{"text":"Hello"}}"#,
            r#"{"contentBlockIndex":0,"delta":{"toolUse":{"input":""}}}"#,
            "{\"contentBlockIndex\":0,\"delta\":{\"text\":\"Hel\nlo\"}}",
        ];
        for payload in left_to_the_parser {
            assert!(TextDelta::recognize(payload).is_none(), "{payload}");
        }
    }

    #[test]
    fn a_plain_run_ends_at_the_first_byte_that_a_json_string_must_escape() {
        for length in 0..40 {
            let run = "a!#[]~\u{7f}ß\u{3042}\u{10ffff}".bytes().cycle().take(length);
            for end in 0..=u8::MAX {
                let text: Vec<u8> = run.clone().chain([end]).chain(*b"\"\\").collect();
                let ends = end < 0x20 || end == b'"' || end == b'\\';
                assert_eq!(plain_run(&text), if ends { length } else { length + 1 }, "{length} {end:#x}");
            }
            let run: Vec<u8> = run.collect();
            assert_eq!(plain_run(&run), length);
        }
    }
}
