//! A delta of text, which is nearly every event of nearly every answer, recognised by its bytes.
//!
//! What is recognised here is never parsed as JSON; what is not, however little it differs, is left to the parser.

use super::halves::ends_in_half;
use crate::json::Json;

/// What the service writes before the block's index.
const INDEX: &str = "{\"contentBlockIndex\":";
/// Between the index and the text.
const TEXT: &str = ",\"delta\":{\"text\":\"";
/// Between the text and the padding.
const PADDING: &str = "\"},\"p\":\"";
/// At the end, behind the padding; and where there is none.
const END: &str = "\"}";
const END_WITHOUT_PADDING: &str = "\"}}";
/// No answer has so many blocks that more digits are needed.
const MOST_DIGITS: usize = 6;

/// A text of a [`TextDelta`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written<'a> {
    /// As it stands.
    Plain(&'a str),
    /// With escapes, still to be decoded.
    Escaped(Json<'a>),
}

/// The block and the text of a delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextDelta<'a> {
    pub block: i32,
    pub text: Written<'a>,
}

impl<'a> TextDelta<'a> {
    /// Recognises a delta that has exactly the members the service writes, in its order: the index, the text and
    /// perhaps the padding `p`.
    pub fn recognise(payload: &'a str) -> Option<Self> {
        let rest = payload.strip_prefix(INDEX)?;
        let (mut block, mut digits) = (0, 0);
        while let Some(digit) = rest.as_bytes().get(digits).filter(|byte| byte.is_ascii_digit()) {
            block = block * 10 + i32::from(digit - b'0');
            digits += 1;
            if digits > MOST_DIGITS {
                return None;
            }
        }
        if digits == 0 || digits > 1 && rest.starts_with('0') {
            return None;
        }
        let rest = rest[digits..].strip_prefix(TEXT)?;
        let plain = plain_run(rest.as_bytes());
        let (text, rest) = match rest.as_bytes().get(plain) {
            Some(b'"') => (Written::Plain(&rest[..plain]), &rest[plain..]),
            Some(b'\\') => {
                // The quotation mark before it is the last of what was recognised.
                let quoted = &payload[payload.len() - rest.len() - 1..];
                let (text, after) = Json::leading_string(quoted)?;
                (Written::Escaped(text), &quoted[quoted.len() - after.len() - 1..])
            }
            _ => return None,
        };
        let whole = match rest.strip_prefix(PADDING) {
            Some(padding) => &padding[plain_run(padding.as_bytes())..] == END,
            None => rest == END_WITHOUT_PADDING,
        };
        whole.then_some(TextDelta { block, text })
    }

    /// Whether the text ends between the halves of a character.
    pub fn ends_in_half(&self) -> bool {
        matches!(self.text, Written::Escaped(text) if ends_in_half(text))
    }
}

/// How many bytes a JSON string goes on with before a quotation mark, a backslash or a control character: eight at a time.
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
        // The last eight bytes without those that were looked at: zeros stand in their place, behind the others, and end the run.
        Some(last) => at + first(special(u64::from_le_bytes(*last) >> (8 * (8 - rest.len())))),
        None => at + rest.iter().position(is_special).unwrap_or(rest.len()),
    }
}

/// A word whose lowest bit that is set stands in the lowest byte of `word` that ends a plain run; 0 where none does.
#[inline]
fn special(word: u64) -> u64 {
    const LOW: u64 = u64::MAX / 255;
    const HIGH: u64 = LOW << 7;
    // The lowest byte in which a subtraction borrows is below the limit, if it has no high bit of its own; what lies above may be
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
    fn a_text_delta_is_recognised_only_where_it_is_valid_json_of_the_known_shape() {
        let accepted = [
            r#"{"contentBlockIndex":0,"delta":{"text":"Hello"},"p":"abcXYZ019"}"#,
            r#"{"contentBlockIndex":12,"delta":{"text":""}}"#,
            r#"{"contentBlockIndex":3,"delta":{"text":"a\n\"\u00e9\""},"p":""}"#,
            r#"{"contentBlockIndex":999999,"delta":{"text":"über\\ längere Strecken hinweg: 日本語のテキスト"}}"#,
            r#"{"contentBlockIndex":0,"delta":{"text":"\\"},"p":"ü}"}"#,
        ];
        for payload in accepted {
            let delta = TextDelta::recognise(payload).unwrap_or_else(|| panic!("not recognised: {payload}"));
            let whole = Json::parse(payload).expect("valid JSON");
            assert_eq!(whole.get("contentBlockIndex").and_then(Json::i64), Some(i64::from(delta.block)));
            let text = whole.pointer("/delta/text").expect("a text");
            match delta.text {
                Written::Plain(plain) => assert_eq!(format!("\"{plain}\""), text.text()),
                Written::Escaped(escaped) => assert_eq!(escaped, text),
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
            assert!(TextDelta::recognise(payload).is_none(), "{payload}");
        }
    }

    #[test]
    fn a_plain_run_ends_at_the_first_byte_that_a_json_string_may_not_hold_as_it_is() {
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
