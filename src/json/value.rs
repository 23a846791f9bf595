//! A JSON value, its kind, and the values in it.

use super::long_value::{LONG, LongValue};
use super::scan::{self, Encoding, Invalid, skip_space};
use super::{cost, skip};
use std::fmt;

/// The kind of a JSON value.
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

impl Kind {
    /// Returns the kind of a value by its first byte.
    pub fn of(first: u8) -> Kind {
        match first {
            b'n' => Kind::Null,
            b'f' => Kind::False,
            b't' => Kind::True,
            b'"' => Kind::String,
            b'[' => Kind::Array,
            b'{' => Kind::Object,
            _ => Kind::Number,
        }
    }
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

/// One valid JSON value, without white space around it.
#[derive(Clone, Copy)]
pub struct Json<'a> {
    pub(super) text: &'a str,
    /// The position in the text whose long values `long` lists.
    pub(super) at: usize,
    pub(super) long: &'a [LongValue],
}

impl PartialEq for Json<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Json<'_> {}

impl fmt::Debug for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Json").field(&self.text).finish()
    }
}

impl<'a> Json<'a> {
    /// Checks that `text` is exactly one JSON value. White space around it is allowed, and is not part of the value.
    pub fn parse(text: &'a str) -> Result<Json<'a>, Invalid> {
        scan::scan(text.as_bytes(), Encoding::Utf8, &mut ()).map(|value| Json::trusted(&text[value]))
    }

    /// Checks a text as [`Json::parse`] does. Also returns how deep its arrays and objects nest.
    pub fn parse_with_depth(text: &'a str) -> Result<(Json<'a>, usize), Invalid> {
        let mut depth = scan::Depth::default();
        let value = scan::scan(text.as_bytes(), Encoding::Utf8, &mut depth)?;
        Ok((Json::trusted(&text[value]), depth.deepest))
    }

    /// Returns a value whose text was checked before. It has no white space around it.
    pub fn trusted(text: &'a str) -> Json<'a> {
        Json { text, at: 0, long: &[] }
    }

    /// Returns the string that `text` begins with, and the rest of the text.
    pub fn leading_string(text: &'a str) -> Option<(Json<'a>, &'a str)> {
        let (string, rest) = text.split_at(scan::leading_string(text)?);
        Some((Json::trusted(string), rest))
    }

    /// Returns the value's text, as it was written.
    pub fn text(self) -> &'a str {
        self.text
    }

    pub fn kind(self) -> Kind {
        Kind::of(self.text.as_bytes()[0])
    }

    /// Returns the members of an object in the order of the text; nothing for another kind.
    pub fn members(self) -> impl Iterator<Item = Member<'a>> {
        let parts = (self.kind() == Kind::Object).then(|| self.parts());
        parts
            .into_iter()
            .flatten()
            .filter_map(|Part { key, value, segment }| Some(Member { key: key?, value, segment }))
    }

    /// Returns the elements of an array; nothing for another kind.
    pub fn elements(self) -> impl Iterator<Item = Json<'a>> {
        let parts = (self.kind() == Kind::Array).then(|| self.parts());
        parts.into_iter().flatten().map(|part| part.value)
    }

    /// Returns the elements of an array or the members of an object; nothing for another kind.
    pub fn parts(self) -> Parts<'a> {
        let bytes = self.text.as_bytes();
        let object = self.kind() == Kind::Object;
        let is_container = object || self.kind() == Kind::Array;
        let empty = !is_container || skip_space(bytes, 1) == bytes.len() - 1;
        Parts { container: self, object, at: if empty { bytes.len() } else { 1 } }
    }

    /// Returns the value of an object's member. If a key occurs twice, the last one counts, as it does for the service.
    pub fn get(self, key: &str) -> Option<Json<'a>> {
        self.members().filter(|member| member.key.is(key)).last().map(|member| member.value)
    }

    /// Returns the value of a boolean.
    pub fn bool(self) -> Option<bool> {
        match self.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    /// Returns a part of this value that is a value or a key itself.
    fn slice(self, start: usize, end: usize) -> Json<'a> {
        Json { text: &self.text[start..end], at: self.at + start, long: self.long }
    }

    /// Returns the entry of the outline for the value, or key, that begins at `at` in this one.
    fn long_at(self, at: usize) -> Option<LongValue> {
        if self.text.len() - at < LONG || self.long.is_empty() {
            return None;
        }
        let index = self.long.binary_search_by_key(&(self.at + at), |long| long.start).ok()?;
        Some(self.long[index])
    }

    /// Returns the end of the value, or key, that begins at `at`.
    fn end_of(self, at: usize) -> usize {
        match self.long_at(at) {
            Some(long) => long.end - self.at,
            None => skip::value_end(self.text.as_bytes(), at).expect("checked JSON"),
        }
    }

    /// Returns whether a string has escapes.
    pub(super) fn is_escaped(self) -> bool {
        match self.long_at(0) {
            Some(long) => !long.plain,
            None => {
                cost::read(self.text.len());
                self.text.contains('\\')
            }
        }
    }

    /// Returns whether the outline lists this as a string of base64.
    pub(super) fn is_known_base64(self) -> bool {
        self.long_at(0).is_some_and(|long| long.base64)
    }
}

/// An iterator over the elements of an array or the members of an object.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    container: Json<'a>,
    object: bool,
    /// The start of the next part.
    at: usize,
}

/// An element of an array, or a member of an object.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// The key of a member, a string.
    pub key: Option<Json<'a>>,
    pub value: Json<'a>,
    /// The text between the brackets and commas, white space included.
    pub segment: &'a str,
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let (start, container, bytes) = (self.at, self.container, self.container.text.as_bytes());
        if start >= bytes.len() {
            return None;
        }
        let mut at = skip_space(bytes, start);
        let mut key = None;
        if self.object {
            let end = container.end_of(at);
            key = Some(container.slice(at, end));
            at = skip_space(bytes, skip_space(bytes, end) + 1);
        }
        let end = container.end_of(at);
        let value = container.slice(at, end);
        let comma = skip_space(bytes, end);
        self.at = comma + 1;
        Some(Part { key, value, segment: &container.text[start..comma] })
    }
}

/// A member of an object.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// The key, a string.
    pub key: Json<'a>,
    pub value: Json<'a>,
    /// The text between the braces and commas, white space included.
    pub segment: &'a str,
}

/// Returns the position of `part`, which is a slice of `text`.
pub fn offset(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}
