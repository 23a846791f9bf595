//! Strings: decoding, comparing, escaping.

use super::value::{Json, Kind};
use super::{cost, scan};
use std::borrow::Cow;
use std::fmt;

impl<'a> Json<'a> {
    /// Returns a string's decoded text, borrowed if it has no escapes. A lone surrogate becomes U+FFFD.
    pub fn string(self) -> Option<Cow<'a, str>> {
        if self.kind() != Kind::String {
            return None;
        }
        let inner = &self.text[1..self.text.len() - 1];
        if !self.is_escaped() {
            return Some(Cow::Borrowed(inner));
        }
        let mut out = String::with_capacity(inner.len());
        self.pieces().for_each(|piece| out.push_str(piece.as_str()));
        Some(Cow::Owned(out))
    }

    /// Returns a string's decoded text piece by piece, without allocating; nothing for another kind of value.
    pub fn pieces(self) -> Pieces<'a> {
        Pieces { rest: if self.kind() == Kind::String { &self.text[1..self.text.len() - 1] } else { "" } }
    }

    /// Returns whether this is a string whose decoded text is `text`.
    pub fn is(self, text: &str) -> bool {
        self.kind() == Kind::String && are_equal(self.pieces(), text)
    }
}

/// A part of a decoded string: a run of text without escapes, or a character that was escaped.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'a> {
    Run(&'a str),
    Escaped { utf8: [u8; 4], len: u8 },
}

impl Piece<'_> {
    pub fn as_str(&self) -> &str {
        match self {
            Piece::Run(run) => run,
            Piece::Escaped { utf8, len } => {
                std::str::from_utf8(&utf8[..usize::from(*len)]).expect("a character that was just encoded")
            }
        }
    }

    fn escaped(decoded: char) -> Self {
        let mut utf8 = [0; 4];
        let len = decoded.encode_utf8(&mut utf8).len() as u8;
        Piece::Escaped { utf8, len }
    }
}

/// An iterator over the pieces of a decoded string.
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let run = self.rest.find('\\').unwrap_or(self.rest.len());
        if run > 0 {
            let (run, rest) = self.rest.split_at(run);
            self.rest = rest;
            return Some(Piece::Run(run));
        }
        let escape = *self.rest.as_bytes().get(1)?;
        let (decoded, len) = match escape {
            b'b' => ('\u{8}', 2),
            b'f' => ('\u{c}', 2),
            b'n' => ('\n', 2),
            b'r' => ('\r', 2),
            b't' => ('\t', 2),
            b'u' => self.unicode_escape(),
            other => (char::from(other), 2),
        };
        self.rest = &self.rest[len..];
        Some(Piece::escaped(decoded))
    }
}

impl Pieces<'_> {
    fn unicode_escape(&self) -> (char, usize) {
        let first = hex4(self.rest, 2);
        if (0xd800..0xdc00).contains(&first) && self.rest[6..].starts_with("\\u") {
            let second = hex4(self.rest, 8);
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
            }
        }
        (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
    }
}

fn hex4(text: &str, at: usize) -> u32 {
    u32::from_str_radix(&text[at..at + 4], 16).expect("checked to be four hexadecimal digits")
}

/// Returns whether the joined pieces of a string are `text`.
fn are_equal(mut pieces: Pieces<'_>, text: &str) -> bool {
    let mut rest = text;
    let mut next = |piece: Piece<'_>| rest.strip_prefix(piece.as_str()).inspect(|after| rest = after).is_some();
    pieces.all(&mut next) && rest.is_empty()
}

/// Writes `text` as a JSON string, with quotes.
pub fn quote(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    escape(out, text)?;
    out.write_char('"')
}

/// Returns the escape of a byte and its length. Returns None if the byte needs no escape.
fn escaped(byte: u8) -> Option<([u8; 6], usize)> {
    let short = |escape| Some(([b'\\', escape, 0, 0, 0, 0], 2));
    match byte {
        b'"' | b'\\' => short(byte),
        b'\n' => short(b'n'),
        b'\r' => short(b'r'),
        b'\t' => short(b't'),
        0..0x20 => {
            let hex = |digit: u8| b"0123456789abcdef"[usize::from(digit)];
            Some(([b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte & 15)], 6))
        }
        _ => None,
    }
}

/// Escapes a large `text` in its own memory, and puts `before`, which is not escaped, before it.
pub fn escape_in_place(text: String, before: &str) -> String {
    let mut bytes = text.into_bytes();
    let mut from = bytes.len();
    let longer: usize = bytes.iter().filter_map(|byte| escaped(*byte)).map(|(_, length)| length - 1).sum();
    // Leaves room for the text that the caller appends next.
    bytes.reserve_exact(before.len() + longer + SLACK);
    bytes.resize(from + before.len() + longer, 0);
    // Begins at the end, because every byte moves towards it.
    let mut to = bytes.len();
    while from > 0 {
        from -= 1;
        match escaped(bytes[from]) {
            None => {
                to -= 1;
                bytes[to] = bytes[from];
            }
            Some((escape, length)) => {
                to -= length;
                bytes[to..to + length].copy_from_slice(&escape[..length]);
            }
        }
    }
    bytes[..to].copy_from_slice(before.as_bytes());
    String::from_utf8(bytes).expect("escapes of UTF-8 are UTF-8")
}

/// The room behind a text that was escaped in place.
const SLACK: usize = 4 << 10;

/// Writes `text` as a JSON string, without the quotes.
pub fn escape(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    cost::read(text.len());
    let bytes = text.as_bytes();
    let mut written = 0;
    loop {
        let at = scan::skip_plain(bytes, written);
        out.write_str(&text[written..at])?;
        match bytes.get(at) {
            None => return Ok(()),
            Some(&special) => {
                let (escape, length) = escaped(special).expect("a plain run ends at a byte that needs an escape");
                out.write_str(std::str::from_utf8(&escape[..length]).expect("ASCII"))?;
            }
        }
        written = at + 1;
    }
}

/// A text that is displayed as a JSON string.
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        quote(f, self.0)
    }
}

/// Returns `text` as a JSON string, with quotes.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    quote(&mut out, text).expect("writing to a String cannot fail");
    out
}
