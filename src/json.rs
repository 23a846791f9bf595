//! JSON as text that stays text.
//!
//! What people send and what the service answers passes through this library byte for byte, so most of its work on JSON is
//! finding where a member begins and ends. A [`Json`] is a borrowed piece of text that has been checked once: one valid
//! RFC 8259 value, no deeper than [`MAX_DEPTH`]. Walking it allocates nothing and never recurses, which is what
//! `bedrock_json_*` promises to C programs and what hostile nesting demands; `serde_json` has neither property for raw values.
//!
//! Where a key stands twice in an object, the last one counts, as it does for the service.

use std::borrow::Cow;
use std::fmt;

/// How deep arrays and objects may nest.
pub const MAX_DEPTH: usize = 512;

/// What kind of value a [`Json`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Null,
    False,
    True,
    Number,
    String,
    Array,
    Object,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Null => "null",
            Kind::False | Kind::True => "a boolean",
            Kind::Number => "a number",
            Kind::String => "a string",
            Kind::Array => "an array",
            Kind::Object => "an object",
        })
    }
}

/// Why a text is not JSON, and where.
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

/// One valid JSON value, without white space around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    /// Checks that `text` is exactly one JSON value. White space around it is allowed and left out.
    pub fn parse(text: &'a str) -> Result<Json<'a>, Invalid> {
        let bytes = text.as_bytes();
        let start = skip_space(bytes, 0);
        scan_value(bytes, start)
            .and_then(|end| match skip_space(bytes, end) {
                rest if rest == bytes.len() => Ok(Json(&text[start..end])),
                rest => Err(Fault { at: rest, what: "unexpected text after the JSON value" }),
            })
            .map_err(|fault| fault.locate(bytes))
    }

    /// The string that `text` begins with, and what follows it.
    pub fn leading_string(text: &'a str) -> Option<(Json<'a>, &'a str)> {
        let end = text.starts_with('"').then(|| scan_string(text.as_bytes(), 0).ok()).flatten()?;
        let (string, rest) = text.split_at(end);
        Some((Json(string), rest))
    }

    /// The value's text, as it was written.
    pub fn text(self) -> &'a str {
        self.0
    }

    pub fn kind(self) -> Kind {
        match self.0.as_bytes()[0] {
            b'n' => Kind::Null,
            b'f' => Kind::False,
            b't' => Kind::True,
            b'"' => Kind::String,
            b'[' => Kind::Array,
            b'{' => Kind::Object,
            _ => Kind::Number,
        }
    }

    /// The members of an object in the order in which they are written; nothing for another kind.
    pub fn members(self) -> impl Iterator<Item = Member<'a>> {
        self.parts(Kind::Object).map(|segment| {
            let bytes = segment.as_bytes();
            let key_start = skip_space(bytes, 0);
            let key_end = checked(scan_string(bytes, key_start));
            let value_start = skip_space(bytes, skip_space(bytes, key_end) + 1);
            let value = segment[value_start..].trim_end_matches(SPACE);
            Member { key: Json(&segment[key_start..key_end]), value: Json(value), segment }
        })
    }

    /// The elements of an array; nothing for another kind.
    pub fn elements(self) -> impl Iterator<Item = Json<'a>> {
        self.element_segments().map(|segment| Json(segment.trim_matches(SPACE)))
    }

    /// The elements of an array, each with the white space that stands around it.
    pub fn element_segments(self) -> impl Iterator<Item = &'a str> {
        self.parts(Kind::Array)
    }

    /// The value of an object's member.
    pub fn get(self, key: &str) -> Option<Json<'a>> {
        self.members().filter(|member| member.key.is(key)).last().map(|member| member.value)
    }

    /// The value a JSON pointer (RFC 6901) leads to; "" leads to the whole.
    pub fn pointer(self, pointer: &str) -> Option<Json<'a>> {
        let mut value = self;
        if pointer.is_empty() {
            return Some(value);
        }
        for token in pointer.strip_prefix('/')?.split('/') {
            value = match value.kind() {
                Kind::Array if token == "0" || !token.starts_with(['0', '+']) => {
                    value.elements().nth(token.parse().ok()?)?
                }
                Kind::Object => value
                    .members()
                    .filter(|member| member.key.is_pointer_token(token))
                    .last()
                    .map(|member| member.value)?,
                _ => return None,
            };
        }
        Some(value)
    }

    /// A string's text with its escapes decoded, borrowed where it has none. A lone surrogate becomes U+FFFD.
    pub fn string(self) -> Option<Cow<'a, str>> {
        if self.kind() != Kind::String {
            return None;
        }
        let inner = &self.0[1..self.0.len() - 1];
        if !inner.contains('\\') {
            return Some(Cow::Borrowed(inner));
        }
        let mut out = String::with_capacity(inner.len());
        self.pieces().for_each(|piece| out.push_str(piece.as_str()));
        Some(Cow::Owned(out))
    }

    /// A string's decoded text piece by piece, without allocating; nothing for another kind.
    pub fn pieces(self) -> Pieces<'a> {
        Pieces { rest: if self.kind() == Kind::String { &self.0[1..self.0.len() - 1] } else { "" } }
    }

    pub fn bool(self) -> Option<bool> {
        match self.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    pub fn f64(self) -> Option<f64> {
        (self.kind() == Kind::Number).then(|| self.0.parse().ok()).flatten()
    }

    /// A number that is whole and fits: 3, 3.0 and 3e2, but neither 3.5 nor 2^63. Exact, also where a double is not.
    pub fn i64(self) -> Option<i64> {
        if let Ok(whole) = self.0.parse() {
            return Some(whole);
        }
        if self.kind() != Kind::Number {
            return None;
        }
        let (mantissa, exponent) = self.0.split_once(['e', 'E']).unwrap_or((self.0, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let fraction = fraction.trim_end_matches('0');
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        // What the decimal point hides has to be made up for by the exponent.
        let scale = exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        if digits == 0 {
            return Some(0);
        }
        let power = 10_i128.checked_pow(scale.unsigned_abs())?;
        let number = match scale {
            0.. => digits.checked_mul(power)?,
            _ if digits % power == 0 => digits / power,
            _ => return None,
        };
        number.try_into().ok()
    }

    /// Whether this is a string that says `text`.
    pub fn is(self, text: &str) -> bool {
        self.kind() == Kind::String && says(self.pieces(), std::iter::once(text))
    }

    fn is_pointer_token(self, token: &str) -> bool {
        let mut rest = token;
        says(
            self.pieces(),
            std::iter::from_fn(move || {
                let (piece, after) = match rest.find('~') {
                    _ if rest.is_empty() => return None,
                    Some(0) if rest.starts_with("~1") => ("/", &rest[2..]),
                    Some(0) if rest.starts_with("~0") => ("~", &rest[2..]),
                    Some(0) => ("~", &rest[1..]),
                    Some(tilde) => rest.split_at(tilde),
                    None => (rest, ""),
                };
                rest = after;
                Some(piece)
            }),
        )
    }

    /// What stands between the commas of an array or object, white space included.
    fn parts(self, kind: Kind) -> impl Iterator<Item = &'a str> {
        let text = self.0;
        let bytes = text.as_bytes();
        let empty = self.kind() != kind || skip_space(bytes, 1) == bytes.len() - 1;
        let mut at = if empty { bytes.len() } else { 1 };
        std::iter::from_fn(move || {
            if at >= bytes.len() {
                return None;
            }
            let start = at;
            if kind == Kind::Object {
                let key_end = checked(scan_string(bytes, skip_space(bytes, at)));
                at = skip_space(bytes, key_end) + 1;
            }
            at = skip_space(bytes, checked(scan_value(bytes, skip_space(bytes, at))));
            let part = &text[start..at];
            at += 1;
            Some(part)
        })
    }
}

const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// A member of an object.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// The key, a string.
    pub key: Json<'a>,
    pub value: Json<'a>,
    /// The member as it is written between the braces and commas, white space included.
    pub segment: &'a str,
}

/// A part of a decoded string: a run that stands as it was written, or a character that was escaped.
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

/// See [`Json::pieces`].
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

/// Whether the pieces of a string, joined, equal the parts of another, joined.
fn says<'p>(pieces: Pieces<'_>, parts: impl Iterator<Item = &'p str>) -> bool {
    let mut wanted = parts.flat_map(str::bytes);
    let mut pieces = pieces;
    pieces.all(|piece| piece.as_str().bytes().all(|byte| wanted.next() == Some(byte))) && wanted.next().is_none()
}

/// Writes `text` as a JSON string, its quotes included.
pub fn quote(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        out.write_str(&rest[..at])?;
        match rest.as_bytes()[at] {
            b'"' => out.write_str("\\\"")?,
            b'\\' => out.write_str("\\\\")?,
            b'\n' => out.write_str("\\n")?,
            b'\r' => out.write_str("\\r")?,
            b'\t' => out.write_str("\\t")?,
            control => write!(out, "\\u{control:04x}")?,
        }
        rest = &rest[at + 1..];
    }
    out.write_str(rest)?;
    out.write_char('"')
}

/// `text` as a JSON string, its quotes included.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    quote(&mut out, text).expect("a String takes all that is written to it");
    out
}

/// Where `part`, which is a slice of `whole`, begins in it.
pub fn offset(whole: &str, part: &str) -> usize {
    part.as_ptr() as usize - whole.as_ptr() as usize
}

/// `key` as a part of a JSON pointer.
pub fn pointer_token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
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

type Scan = Result<usize, Fault>;

/// The end of a scan over text that has been checked before.
fn checked(scan: Scan) -> usize {
    scan.unwrap_or_else(|fault| unreachable!("checked JSON turned invalid: {}", fault.what))
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The open arrays and objects around a position, one bit each.
struct Nesting {
    depth: usize,
    objects: [u64; MAX_DEPTH / 64],
}

impl Nesting {
    fn open(&mut self, object: bool, at: usize) -> Result<(), Fault> {
        if self.depth == MAX_DEPTH {
            return Err(Fault { at, what: "arrays and objects nest more than 512 levels deep" });
        }
        let (word, bit) = (self.depth / 64, 1 << (self.depth % 64));
        if object {
            self.objects[word] |= bit;
        } else {
            self.objects[word] &= !bit;
        }
        self.depth += 1;
        Ok(())
    }

    fn in_object(&self) -> bool {
        let innermost = self.depth - 1;
        self.objects[innermost / 64] & (1 << (innermost % 64)) != 0
    }
}

/// The end of the value that begins at `at`, which is not white space.
fn scan_value(bytes: &[u8], mut at: usize) -> Scan {
    let mut nesting = Nesting { depth: 0, objects: [0; MAX_DEPTH / 64] };
    loop {
        at = skip_space(bytes, at);
        match bytes.get(at) {
            Some(b'{') => {
                nesting.open(true, at)?;
                at = skip_space(bytes, at + 1);
                if bytes.get(at) != Some(&b'}') {
                    at = scan_key(bytes, at)?;
                    continue;
                }
            }
            Some(b'[') => {
                nesting.open(false, at)?;
                at = skip_space(bytes, at + 1);
                if bytes.get(at) != Some(&b']') {
                    continue;
                }
            }
            Some(b'"') => at = scan_string(bytes, at)?,
            Some(b'-' | b'0'..=b'9') => at = scan_number(bytes, at)?,
            Some(b't') => at = scan_literal(bytes, at, b"true")?,
            Some(b'f') => at = scan_literal(bytes, at, b"false")?,
            Some(b'n') => at = scan_literal(bytes, at, b"null")?,
            Some(_) => return Err(Fault { at, what: "expected a JSON value" }),
            None => return Err(Fault { at, what: "the JSON text ends where a value is expected" }),
        }
        loop {
            if nesting.depth == 0 {
                return Ok(at);
            }
            at = skip_space(bytes, at);
            let object = nesting.in_object();
            match bytes.get(at) {
                Some(b',') if object => {
                    at = scan_key(bytes, skip_space(bytes, at + 1))?;
                    break;
                }
                Some(b',') => {
                    at += 1;
                    break;
                }
                Some(b'}') if object => {
                    at += 1;
                    nesting.depth -= 1;
                }
                Some(b']') if !object => {
                    at += 1;
                    nesting.depth -= 1;
                }
                Some(_) if object => return Err(Fault { at, what: "expected ',' or '}' in an object" }),
                Some(_) => return Err(Fault { at, what: "expected ',' or ']' in an array" }),
                None if object => return Err(Fault { at, what: "the JSON text ends inside an object" }),
                None => return Err(Fault { at, what: "the JSON text ends inside an array" }),
            }
        }
    }
}

/// The position behind a key and its colon.
fn scan_key(bytes: &[u8], at: usize) -> Scan {
    if bytes.get(at) != Some(&b'"') {
        return Err(Fault { at, what: "expected a key in double quotes" });
    }
    let colon = skip_space(bytes, scan_string(bytes, at)?);
    if bytes.get(colon) != Some(&b':') {
        return Err(Fault { at: colon, what: "expected ':' after a key" });
    }
    Ok(colon + 1)
}

/// The position behind the string whose opening quote stands at `at`.
fn scan_string(bytes: &[u8], at: usize) -> Scan {
    let mut start = at + 1;
    loop {
        let Some(run) = memchr::memchr2(b'"', b'\\', bytes.get(start..).unwrap_or_default()) else {
            return Err(Fault { at: bytes.len(), what: "the JSON text ends inside a string" });
        };
        let stop = start + run;
        if let Some(control) = bytes[start..stop].iter().position(|&byte| byte < 0x20) {
            return Err(Fault { at: start + control, what: "a control character in a string must be escaped" });
        }
        if bytes[stop] == b'"' {
            return Ok(stop + 1);
        }
        start = match bytes.get(stop + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => stop + 2,
            Some(b'u') if bytes.len() >= stop + 6 && bytes[stop + 2..stop + 6].iter().all(u8::is_ascii_hexdigit) => {
                stop + 6
            }
            Some(_) => return Err(Fault { at: stop, what: "an unknown escape in a string" }),
            None => return Err(Fault { at: stop, what: "the JSON text ends inside a string" }),
        };
    }
}

fn scan_number(bytes: &[u8], at: usize) -> Scan {
    let digits = |mut at: usize| {
        let start = at;
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        if at == start { Err(Fault { at, what: "expected a digit in a number" }) } else { Ok(at) }
    };
    let mut end = if bytes[at] == b'-' { at + 1 } else { at };
    end = if bytes.get(end) == Some(&b'0') { end + 1 } else { digits(end)? };
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1)?;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let signed = matches!(bytes.get(end + 1), Some(b'+' | b'-'));
        end = digits(end + 1 + usize::from(signed))?;
    }
    Ok(end)
}

fn scan_literal(bytes: &[u8], at: usize, literal: &[u8]) -> Scan {
    if bytes[at..].starts_with(literal) {
        Ok(at + literal.len())
    } else {
        Err(Fault { at, what: "expected a JSON value" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json<'_> {
        Json::parse(text).unwrap_or_else(|invalid| panic!("{text}: {invalid}"))
    }

    #[test]
    fn accepts_and_refuses_what_serde_json_does() {
        let pieces = [
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "\"\\n\"",
            "\"\\x\"",
            "\"\\u12\"",
            "1",
            "-0.5e+3",
            "01",
            "1.",
            "-",
            "true",
            "nul",
            "null",
            " ",
            "\n",
            "\"",
            "\u{1}",
            "é",
        ];
        let mut state = 1u64;
        let (mut valid, mut invalid) = (0, 0);
        for _ in 0..300_000 {
            let mut text = String::new();
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            for step in 0..1 + (state >> 60) {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(step + 1);
                text.push_str(pieces[(state >> 33) as usize % pieces.len()]);
            }
            let judge = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
            assert_eq!(Json::parse(&text).is_ok(), judge, "{text:?}");
            if judge { valid += 1 } else { invalid += 1 }
        }
        assert!(valid > 1_000 && invalid > 1_000, "{valid} valid, {invalid} invalid: too few to say anything");
    }

    #[test]
    fn segments_joined_by_commas_are_the_original() {
        for text in [r#"{ "a" : 1 , "b":[ 1,2 ,{}] ,"c" : {"d": "e"} }"#, "{\"a\":1}", "{\n}"] {
            let segments: Vec<_> = json(text).members().map(|member| member.segment).collect();
            if !segments.is_empty() {
                assert_eq!(format!("{{{}}}", segments.join(",")), text);
            }
        }
        let array = "[ 1, \"a,b\" ,[2] ]";
        assert_eq!(format!("[{}]", json(array).element_segments().collect::<Vec<_>>().join(",")), array);
    }

    #[test]
    fn pointers_lead_to_members_elements_and_escaped_keys() {
        let doc = json(r#"{"a":[{"b":1},2],"x/y":3,"m~n":4,"\u00e9":5,"d":1,"d":2}"#);
        let at = |pointer| doc.pointer(pointer).map(Json::text);
        assert_eq!(at("/a/0/b"), Some("1"));
        assert_eq!(at("/a/1"), Some("2"));
        assert_eq!(at("/a/01"), None);
        assert_eq!(at("/a/-"), None);
        assert_eq!(at("/a/2"), None);
        assert_eq!(at("/x~1y"), Some("3"));
        assert_eq!(at("/m~0n"), Some("4"));
        assert_eq!(at("/é"), Some("5"));
        assert_eq!(at("/d"), Some("2"), "the last of two equal keys counts");
        assert_eq!(at("a"), None);
        assert_eq!(at(""), Some(doc.text()));
    }

    #[test]
    fn strings_decode_as_serde_json_decodes_them() {
        for text in [r#""""#, r#""plain""#, r#""a\"b\\c\/\b\f\n\r\t""#, r#""\u00e9\ud83d\ude00x""#] {
            assert_eq!(json(text).string().unwrap(), serde_json::from_str::<String>(text).unwrap());
        }
        assert_eq!(json(r#""\ud83d!""#).string().unwrap(), "\u{fffd}!", "a lone surrogate is replaced");
    }

    #[test]
    fn quoting_round_trips_every_character_below_256() {
        let all: String = (0..256).filter_map(char::from_u32).collect();
        let quoted = quoted(&all);
        assert_eq!(json(&quoted).string().unwrap(), all);
        assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), all);
    }

    #[test]
    fn integers_are_whole_and_fit() {
        for (text, expected) in [
            ("3", Some(3)),
            ("3.0", Some(3)),
            ("3e2", Some(300)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775807", Some(i64::MAX)),
            ("3.5", None),
            ("9223372036854775808", None),
            ("1e400", None),
            ("-0", Some(0)),
            ("0e999999999", Some(0)),
            ("9007199254740993.0", Some(9_007_199_254_740_993)),
            ("9007199254740993.5", None),
            ("1200e-2", Some(12)),
            ("1.5e1", Some(15)),
            ("1e18", Some(1_000_000_000_000_000_000)),
            ("1e-99999999999", None),
            ("\"3\"", None),
        ] {
            assert_eq!(json(text).i64(), expected, "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded_and_faults_say_where() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(Json::parse(&deep(MAX_DEPTH)).is_ok());
        let fault = Json::parse(&deep(10_000)).unwrap_err().to_string();
        assert_eq!(fault, "arrays and objects nest more than 512 levels deep at line 1, column 513");
        let fault = Json::parse("{\n  \"a\": 1,\n}").unwrap_err().to_string();
        assert_eq!(fault, "expected a key in double quotes at line 3, column 1");
    }
}
