//! JSON as text that stays text.
//!
//! What people send and what the service answers passes through this library byte for byte, so most of its work on
//! JSON is finding where a member begins and ends. A [`Json`] is a borrowed piece of text that has been checked once
//! ([`scan`]): one valid RFC 8259 value, no deeper than [`MAX_DEPTH`]. Walking it checks nothing again, allocates
//! nothing and never recurses, which is what `bedrock_json_*` promises to C programs and what hostile nesting demands;
//! `serde_json` has neither property for raw values. Of a text that holds long values and is walked more than once an
//! [`Outline`] keeps where they end.
//!
//! Where a key stands twice in an object, the last one counts, as it does for the service.

mod base64;
pub mod cursor;
pub mod effort;
mod number;
mod outline;
mod owned;
pub mod pointer;
mod scan;
mod string;
mod walk;

#[cfg(test)]
mod tests;

pub use outline::{Checked, Outline};
pub use owned::OwnedJson;
pub use scan::Invalid;
pub use string::{Piece, Pieces, Quoted, escape, escape_in_place, quote, quoted};

use outline::Long;
use scan::{Encoding, skip_space};
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

impl Kind {
    /// Of a value that begins with this.
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
    text: &'a str,
    /// Where it begins in the text that `long` is the map of.
    at: usize,
    long: &'a [Long],
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
    /// Checks that `text` is exactly one JSON value. White space around it is allowed and left out.
    pub fn parse(text: &'a str) -> Result<Json<'a>, Invalid> {
        scan::scan(text.as_bytes(), Encoding::Utf8, &mut ()).map(|value| Json::trusted(&text[value]))
    }

    /// The same, and how deep its arrays and objects nest.
    pub fn parse_with_depth(text: &'a str) -> Result<(Json<'a>, usize), Invalid> {
        let mut depth = scan::Depth::default();
        let value = scan::scan(text.as_bytes(), Encoding::Utf8, &mut depth)?;
        Ok((Json::trusted(&text[value]), depth.deepest))
    }

    /// A value that was checked before, without white space around it.
    pub fn trusted(text: &'a str) -> Json<'a> {
        Json { text, at: 0, long: &[] }
    }

    /// The string that `text` begins with, and what follows it.
    pub fn leading_string(text: &'a str) -> Option<(Json<'a>, &'a str)> {
        let (string, rest) = text.split_at(scan::leading_string(text)?);
        Some((Json::trusted(string), rest))
    }

    /// The value's text, as it was written.
    pub fn text(self) -> &'a str {
        self.text
    }

    pub fn kind(self) -> Kind {
        Kind::of(self.text.as_bytes()[0])
    }

    /// The members of an object in the order in which they are written; nothing for another kind.
    pub fn members(self) -> impl Iterator<Item = Member<'a>> {
        let parts = (self.kind() == Kind::Object).then(|| self.parts());
        parts
            .into_iter()
            .flatten()
            .filter_map(|Part { key, value, segment }| Some(Member { key: key?, value, segment }))
    }

    /// The elements of an array; nothing for another kind.
    pub fn elements(self) -> impl Iterator<Item = Json<'a>> {
        let parts = (self.kind() == Kind::Array).then(|| self.parts());
        parts.into_iter().flatten().map(|part| part.value)
    }

    /// What stands between the commas of an array or object; nothing for another kind.
    pub fn parts(self) -> Parts<'a> {
        let bytes = self.text.as_bytes();
        let object = self.kind() == Kind::Object;
        let container = object || self.kind() == Kind::Array;
        let empty = !container || skip_space(bytes, 1) == bytes.len() - 1;
        Parts { whole: self, object, at: if empty { bytes.len() } else { 1 } }
    }

    /// The value of an object's member.
    pub fn get(self, key: &str) -> Option<Json<'a>> {
        self.members().filter(|member| member.key.is(key)).last().map(|member| member.value)
    }

    pub fn bool(self) -> Option<bool> {
        match self.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    /// A piece of this, which is a value or a key of its own.
    fn within(self, start: usize, end: usize) -> Json<'a> {
        Json { text: &self.text[start..end], at: self.at + start, long: self.long }
    }
}

/// See [`Json::parts`].
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    whole: Json<'a>,
    object: bool,
    /// Where the next part begins.
    at: usize,
}

/// An element of an array, or a member of an object.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// The key of a member, a string.
    pub key: Option<Json<'a>>,
    pub value: Json<'a>,
    /// The part as it is written between brackets and commas, white space included.
    pub segment: &'a str,
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let (start, whole, bytes) = (self.at, self.whole, self.whole.text.as_bytes());
        if start >= bytes.len() {
            return None;
        }
        let mut at = skip_space(bytes, start);
        let mut key = None;
        if self.object {
            let end = whole.end_of(at);
            key = Some(whole.within(at, end));
            at = skip_space(bytes, skip_space(bytes, end) + 1);
        }
        let end = whole.end_of(at);
        let value = whole.within(at, end);
        let comma = skip_space(bytes, end);
        self.at = comma + 1;
        Some(Part { key, value, segment: &whole.text[start..comma] })
    }
}

/// A member of an object.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// The key, a string.
    pub key: Json<'a>,
    pub value: Json<'a>,
    /// The member as it is written between the braces and commas, white space included.
    pub segment: &'a str,
}

/// Where `part`, which is a slice of `whole`, begins in it.
pub fn offset(whole: &str, part: &str) -> usize {
    part.as_ptr() as usize - whole.as_ptr() as usize
}

/// `key` as a part of a JSON pointer.
pub fn pointer_token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
