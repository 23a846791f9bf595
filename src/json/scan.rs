//! The grammar of JSON: one pass that checks a text and reports to a [`Visitor`].
//!
//! It never recurses and never allocates. A text that passes is UTF-8, even if its encoding was not known before.

use super::cost;
use std::fmt;
use std::ops::Range;

/// The deepest nesting of arrays and objects that is accepted.
pub const MAX_DEPTH: usize = 512;

/// The reason why a text is not JSON, and the position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    what: &'static str,
    line: usize,
    column: usize,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {}, column {}", self.what, self.line, self.column)
    }
}

/// Receives the parts of a text, in their order.
pub trait Visitor {
    /// Receives a key of the innermost object, with its quotes.
    fn key(&mut self, _key: &StringToken) {}

    /// Receives the start `at` of a value. `parent` is the array or object that contains it, if any.
    fn begin_value(&mut self, _at: usize, _parent: Option<Container>) {}

    /// Receives a string value, before its [`Visitor::end_value`].
    fn string(&mut self, _string: &StringToken) {}

    /// Receives the kind of an array or object that begins, after its [`Visitor::begin_value`].
    fn begin_container(&mut self, _container: Container) {}

    /// Receives the end `at` of an array or object. Its [`Visitor::end_value`] follows.
    fn end_container(&mut self, _at: usize) {}

    /// Receives the end `at` of the innermost value.
    fn end_value(&mut self, _at: usize) {}
}

/// Ignores the parts of a text.
impl Visitor for () {}

/// Counts how deep arrays and objects nest.
#[derive(Default)]
pub struct Depth {
    now: usize,
    pub deepest: usize,
}

impl Visitor for Depth {
    fn begin_container(&mut self, _container: Container) {
        self.now += 1;
        self.deepest = self.deepest.max(self.now);
    }

    fn end_container(&mut self, _at: usize) {
        self.now -= 1;
    }
}

/// A value that contains others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    Array,
    Object,
}

/// A string or a key of the text.
pub struct StringToken {
    /// The position, quotes included.
    pub range: Range<usize>,
    pub escaped: bool,
    /// Whether the string is known to be base64. Only long strings are checked.
    pub base64: bool,
}

/// The encoding of a text before it is scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    Unknown,
}

/// Checks that `bytes` are one value, perhaps with white space around it. Returns the position of the value.
pub fn scan(bytes: &[u8], encoding: Encoding, visitor: &mut impl Visitor) -> Result<Range<usize>, Invalid> {
    let start = skip_space(bytes, 0);
    let scanner = Scanner { bytes, encoding };
    let end = scanner.value(start, visitor).and_then(|end| match skip_space(bytes, end) {
        rest if rest == bytes.len() => Ok(end),
        rest => Err(Fault { at: rest, what: "unexpected text after the JSON value" }),
    });
    cost::read(*end.as_ref().unwrap_or(&bytes.len()));
    end.map(|end| start..end).map_err(|fault| fault.locate(bytes))
}

/// Returns the end of the string that `text` begins with.
pub fn leading_string(text: &str) -> Option<usize> {
    let scanner = Scanner { bytes: text.as_bytes(), encoding: Encoding::Utf8 };
    let string = text.starts_with('"').then(|| scanner.string(0).ok()).flatten()?;
    Some(string.range.end)
}

/// Returns the position of the first byte from `at` on that is no white space.
pub fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// Returns the position of the first byte from `at` on that a string must escape, or the end of the text.
pub fn skip_plain(bytes: &[u8], at: usize) -> usize {
    plain_until(bytes, at, bytes.len(), 0)
}

struct Fault {
    at: usize,
    what: &'static str,
}

impl Fault {
    fn locate(self, bytes: &[u8]) -> Invalid {
        let before = &bytes[..self.at.min(bytes.len())];
        let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
        Invalid {
            what: self.what,
            line: before.iter().filter(|&&byte| byte == b'\n').count() + 1,
            column: before.len() - line_start + 1,
        }
    }
}

/// The open arrays and objects around a position, as one bit for each.
struct Nesting {
    depth: usize,
    objects: [u64; MAX_DEPTH / 64],
}

impl Nesting {
    fn open(&mut self, container: Container, at: usize) -> Result<(), Fault> {
        if self.depth == MAX_DEPTH {
            return Err(Fault { at, what: "arrays and objects nest more than 512 levels deep" });
        }
        let (word, bit) = (self.depth / 64, 1 << (self.depth % 64));
        match container {
            Container::Object => self.objects[word] |= bit,
            Container::Array => self.objects[word] &= !bit,
        }
        self.depth += 1;
        Ok(())
    }

    fn innermost(&self) -> Option<Container> {
        let innermost = self.depth.checked_sub(1)?;
        let object = self.objects[innermost / 64] & (1 << (innermost % 64)) != 0;
        Some(if object { Container::Object } else { Container::Array })
    }
}

type Scan = Result<usize, Fault>;

struct Scanner<'a> {
    bytes: &'a [u8],
    encoding: Encoding,
}

impl Scanner<'_> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    /// Returns the end of the value that begins at `at`.
    fn value(&self, mut at: usize, visitor: &mut impl Visitor) -> Scan {
        let bytes = self.bytes;
        let mut nesting = Nesting { depth: 0, objects: [0; MAX_DEPTH / 64] };
        loop {
            at = skip_space(bytes, at);
            let parent = nesting.innermost();
            visitor.begin_value(at, parent);
            match self.byte(at) {
                Some(b'{') => {
                    nesting.open(Container::Object, at)?;
                    visitor.begin_container(Container::Object);
                    at = skip_space(bytes, at + 1);
                    if self.byte(at) != Some(b'}') {
                        at = self.key(at, visitor)?;
                        continue;
                    }
                }
                Some(b'[') => {
                    nesting.open(Container::Array, at)?;
                    visitor.begin_container(Container::Array);
                    at = skip_space(bytes, at + 1);
                    if self.byte(at) != Some(b']') {
                        continue;
                    }
                }
                first => {
                    at = match first {
                        Some(b'"') => {
                            let string = self.string(at)?;
                            visitor.string(&string);
                            string.range.end
                        }
                        Some(b'-' | b'0'..=b'9') => self.number(at)?,
                        Some(b't') => self.literal(at, b"true")?,
                        Some(b'f') => self.literal(at, b"false")?,
                        Some(b'n') => self.literal(at, b"null")?,
                        Some(_) => return Err(Fault { at, what: "expected a JSON value" }),
                        None => return Err(Fault { at, what: "the JSON text ends where a value is expected" }),
                    };
                    visitor.end_value(at);
                }
            }
            loop {
                let Some(container) = nesting.innermost() else { return Ok(at) };
                at = skip_space(bytes, at);
                match (self.byte(at), container) {
                    (Some(b','), Container::Object) => {
                        at = self.key(skip_space(bytes, at + 1), visitor)?;
                        break;
                    }
                    (Some(b','), Container::Array) => {
                        at += 1;
                        break;
                    }
                    (Some(b'}'), Container::Object) | (Some(b']'), Container::Array) => {
                        at += 1;
                        nesting.depth -= 1;
                        visitor.end_container(at);
                        visitor.end_value(at);
                    }
                    (Some(_), Container::Object) => {
                        return Err(Fault { at, what: "expected ',' or '}' in an object" });
                    }
                    (Some(_), Container::Array) => return Err(Fault { at, what: "expected ',' or ']' in an array" }),
                    (None, Container::Object) => return Err(Fault { at, what: "the JSON text ends inside an object" }),
                    (None, Container::Array) => return Err(Fault { at, what: "the JSON text ends inside an array" }),
                }
            }
        }
    }

    /// Returns the position after a key and its colon.
    fn key(&self, at: usize, visitor: &mut impl Visitor) -> Scan {
        if self.byte(at) != Some(b'"') {
            return Err(Fault { at, what: "expected a key in double quotes" });
        }
        let key = self.string(at)?;
        visitor.key(&key);
        let colon = skip_space(self.bytes, key.range.end);
        if self.byte(colon) != Some(b':') {
            return Err(Fault { at: colon, what: "expected ':' after a key" });
        }
        Ok(colon + 1)
    }

    /// Returns the string whose opening quote is at `quote`.
    fn string(&self, quote: usize) -> Result<StringToken, Fault> {
        let bytes = self.bytes;
        let start = quote + 1;
        let mut escaped = false;
        let mut at = self.plain(start, start.saturating_add(SHORT));
        // The number of bytes at the start that are base64.
        let mut base64 = 0;
        if at == start + SHORT {
            base64 = leading_base64(&bytes[start..]);
            at = self.plain(at.max(start + base64), bytes.len());
        }
        loop {
            match self.byte(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    at = self.escape(at)?;
                }
                Some(0x80..) => at = self.beyond_ascii(at)?,
                Some(_) => return Err(Fault { at, what: "a control character in a string must be escaped" }),
                None => return Err(Fault { at: bytes.len(), what: "the JSON text ends inside a string" }),
            }
            at = self.plain(at, bytes.len());
        }
        let base64 = base64 > 0 && !escaped && ends_base64(&bytes[start + base64..at]);
        Ok(StringToken { range: quote..at + 1, escaped, base64 })
    }

    /// Returns the position, at most `limit`, of the first byte from `at` on that ends a run of plain characters.
    fn plain(&self, at: usize, limit: usize) -> usize {
        // In a text that is known to be UTF-8, a byte beyond ASCII is plain.
        let high = if self.encoding == Encoding::Utf8 { 0 } else { HIGH };
        plain_until(self.bytes, at, limit, high)
    }

    /// Returns the position after the escape whose backslash is at `at`.
    fn escape(&self, at: usize) -> Scan {
        let digits = |from| self.bytes.get(from..from + 4).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        match self.byte(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
            Some(b'u') if digits(at + 2) => Ok(at + 6),
            Some(_) => Err(Fault { at, what: "an unknown escape in a string" }),
            None => Err(Fault { at, what: "the JSON text ends inside a string" }),
        }
    }

    /// Returns the end of a run of bytes beyond ASCII.
    fn beyond_ascii(&self, at: usize) -> Scan {
        let run = &self.bytes[at..beyond_ascii_until(self.bytes, at)];
        match std::str::from_utf8(run) {
            Ok(_) => Ok(at + run.len()),
            Err(error) => Err(Fault { at: at + error.valid_up_to(), what: "a byte that is not UTF-8" }),
        }
    }

    fn number(&self, at: usize) -> Scan {
        let digits = |mut at: usize| {
            let start = at;
            while self.bytes.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            if at == start { Err(Fault { at, what: "expected a digit in a number" }) } else { Ok(at) }
        };
        let mut end = if self.byte(at) == Some(b'-') { at + 1 } else { at };
        end = if self.byte(end) == Some(b'0') { end + 1 } else { digits(end)? };
        if self.byte(end) == Some(b'.') {
            end = digits(end + 1)?;
        }
        if matches!(self.byte(end), Some(b'e' | b'E')) {
            let signed = matches!(self.byte(end + 1), Some(b'+' | b'-'));
            end = digits(end + 1 + usize::from(signed))?;
        }
        Ok(end)
    }

    fn literal(&self, at: usize, literal: &[u8]) -> Scan {
        if self.bytes[at..].starts_with(literal) {
            Ok(at + literal.len())
        } else {
            Err(Fault { at, what: "expected a JSON value" })
        }
    }
}

/// Only longer strings are checked for base64.
const SHORT: usize = 64;

/// Returns the number of bytes at the start that are base64 without padding, in whole blocks.
fn leading_base64(bytes: &[u8]) -> usize {
    const BLOCK: usize = 1024;
    let is_base64 = |block: &[u8]| base64_simd::STANDARD_NO_PAD.check(block).is_ok();
    if !is_base64(&bytes[..SHORT]) {
        return 0;
    }
    SHORT + bytes[SHORT..].chunks_exact(BLOCK).take_while(|block| is_base64(block)).count() * BLOCK
}

/// Returns whether `rest`, perhaps with padding, can be the end of base64.
fn ends_base64(rest: &[u8]) -> bool {
    rest.len() < 1024 + SHORT
        && (base64_simd::STANDARD.check(rest).is_ok() || base64_simd::STANDARD_NO_PAD.check(rest).is_ok())
}

const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);

/// Returns the position of the first byte from `at` on that is ASCII, or the end.
fn beyond_ascii_until(bytes: &[u8], mut at: usize) -> usize {
    while let Some(word) = bytes.get(at..at + 8)
        && u64::from_le_bytes(word.try_into().expect("eight bytes")) & HIGH == HIGH
    {
        at += 8;
    }
    while bytes.get(at).is_some_and(|byte| !byte.is_ascii()) {
        at += 1;
    }
    at
}

/// Returns the position, at most `limit`, of the first byte from `at` on that is a quote, a backslash or a control
/// character, or has one of the bits `high`.
///
/// It reads eight bytes at a time: a mask has the highest bit of each matching byte, and perhaps of bytes after one.
fn plain_until(bytes: &[u8], mut at: usize, limit: usize, high: u64) -> usize {
    let limit = limit.min(bytes.len());
    let is = |word: u64, byte: u8| {
        let differing = word ^ ONES.wrapping_mul(byte.into());
        differing.wrapping_sub(ONES) & !differing
    };
    while let Some(word) = bytes.get(at..at + 8).filter(|_| at + 8 <= limit) {
        let word = u64::from_le_bytes(word.try_into().expect("eight bytes"));
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let found = (control | is(word, b'"') | is(word, b'\\')) & HIGH | word & high;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let plain = |&byte: &u8| byte >= 0x20 && byte != b'"' && byte != b'\\' && (high == 0 || byte < 0x80);
    while at < limit && bytes.get(at).is_some_and(plain) {
        at += 1;
    }
    at
}
