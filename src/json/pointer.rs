//! JSON pointers (RFC 6901), resolved during the pass that checks a text, or in checked text.

use super::scan::{Container, Encoding, StringToken, Visitor, scan};
use super::value::{Json, Kind, Member, Part};
use std::ops::Range;

/// Returns the position of the value that `pointer` refers to. Checks the complete text, and returns None if it is not
/// JSON.
pub fn find(bytes: &[u8], pointer: &str) -> Option<Range<usize>> {
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return None;
    }
    let mut finder = Finder::new(bytes, pointer);
    scan(bytes, Encoding::Unknown, &mut finder).ok()?;
    finder.found
}

impl<'a> Json<'a> {
    /// Returns the value that a JSON pointer refers to. "" refers to this value.
    pub fn pointer(self, pointer: &str) -> Option<Json<'a>> {
        let mut value = self;
        if pointer.is_empty() {
            return Some(value);
        }
        let mut rest = Some(pointer.strip_prefix('/')?);
        while let Some(token) = rest {
            let end = token.find('/').unwrap_or(token.len());
            value = match value.kind() {
                Kind::Array => value.elements().nth(index(&token[..end])?)?,
                Kind::Object => {
                    let named = |member: &Member<'_>| name_length(member.key, token).is_some();
                    value.members().filter(named).last()?.value
                }
                _ => return None,
            };
            rest = token.get(end + 1..);
        }
        Some(value)
    }
}

impl Json<'_> {
    /// Returns the pointer to the innermost value that contains the byte at `at` of this one.
    pub fn pointer_to(self, at: usize) -> String {
        let mut pointer = String::new();
        let (mut value, at) = (self, self.at + at);
        let holds = |part: &Part<'_>| (part.value.at..part.value.at + part.value.text.len()).contains(&at);
        while let Some((index, part)) = value.parts().enumerate().find(|(_, part)| holds(part)) {
            pointer.push('/');
            match part.key.and_then(Json::string) {
                Some(key) => pointer.push_str(&pointer_token(&key)),
                None => pointer.push_str(&index.to_string()),
            }
            value = part.value;
        }
        pointer
    }
}

/// Returns the index of an element: digits without leading zeros.
fn index(token: &str) -> Option<usize> {
    if token == "0" || !token.starts_with(['0', '+']) { token.parse().ok() } else { None }
}

/// Returns the length of the token that `rest` begins with, if it names `key`. Reads no further than the length of the
/// key.
fn name_length(key: Json<'_>, rest: &str) -> Option<usize> {
    let rest = rest.as_bytes();
    let mut at = 0;
    for piece in key.pieces() {
        for &byte in piece.as_str().as_bytes() {
            let (wanted, length) = match (rest.get(at)?, rest.get(at + 1)) {
                (b'/', _) => return None,
                (b'~', Some(b'0')) => (b'~', 2),
                (b'~', Some(b'1')) => (b'/', 2),
                (&other, _) => (other, 1),
            };
            if byte != wanted {
                return None;
            }
            at += length;
        }
    }
    matches!(rest.get(at), None | Some(b'/')).then_some(at)
}

/// The index in an array after the element on the path.
const PASSED: usize = usize::MAX;

/// Follows a pointer during a scan. If a key occurs twice, the last one counts: a second value for a token of the
/// pointer discards the result below the first one.
struct Finder<'a> {
    bytes: &'a [u8],
    pointer: &'a str,
    /// The start of the next token. It is behind the end of the pointer if there is none. The outermost value has an
    /// empty token.
    next: usize,
    /// The number of open arrays and objects.
    depth: usize,
    /// The number of open values on the path: the outermost value, the value in it that a token names, and so on.
    path: usize,
    /// The index of the next element, if the innermost value on the path is an array.
    index: usize,
    /// The index that the pointer names in that array, and the length of its token.
    wanted: Option<(usize, usize)>,
    /// The length of the next token, if it names the last key.
    named: Option<usize>,
    found: Option<Range<usize>>,
}

impl<'a> Finder<'a> {
    fn new(bytes: &'a [u8], pointer: &'a str) -> Self {
        let (named, wanted, found) = (None, None, None);
        Finder { bytes, pointer, next: 0, depth: 0, path: 0, index: PASSED, wanted, named, found }
    }

    /// Returns the pointer from the next token on.
    fn rest(&self) -> Option<&'a str> {
        self.pointer.get(self.next..)
    }

    /// Returns the length of the next token, if it names the value that begins now.
    fn token_length(&mut self, parent: Option<Container>) -> Option<usize> {
        match parent {
            None => Some(0),
            Some(Container::Object) => self.named.take(),
            Some(Container::Array) => {
                let here = self.index;
                self.index = here.saturating_add(1);
                self.wanted.filter(|(wanted, _)| *wanted == here && here != PASSED).map(|(_, length)| length)
            }
        }
    }
}

impl Visitor for Finder<'_> {
    fn key(&mut self, key: &StringToken) {
        if self.path == self.depth {
            let text = std::str::from_utf8(&self.bytes[key.range.clone()]).ok();
            self.named = text.zip(self.rest()).and_then(|(key, rest)| name_length(Json::trusted(key), rest));
        }
    }

    fn begin_value(&mut self, at: usize, parent: Option<Container>) {
        // A value is on the path only if all values around it are.
        if self.path != self.depth {
            return;
        }
        let Some(length) = self.token_length(parent) else { return };
        self.path += 1;
        self.next += length + 1;
        // Its end is not known yet.
        self.found = self.rest().is_none().then_some(at..at);
    }

    fn begin_container(&mut self, container: Container) {
        self.depth += 1;
        if self.path == self.depth && container == Container::Array {
            let token = self.rest().map(|rest| rest.split('/').next().unwrap_or_default());
            self.index = 0;
            self.wanted = token.and_then(|token| Some((index(token)?, token.len())));
        }
    }

    fn end_container(&mut self, _at: usize) {
        self.depth -= 1;
    }

    fn end_value(&mut self, at: usize) {
        if self.path != self.depth + 1 {
            return;
        }
        if let Some(found) = self.found.as_mut().filter(|_| self.next > self.pointer.len()) {
            found.end = at;
        }
        // Goes back to the token that names this value.
        self.path -= 1;
        self.next = self.pointer[..self.next - 1].rfind('/').map_or(0, |slash| slash + 1);
        self.index = PASSED;
    }
}

/// Returns `key` as a token of a JSON pointer.
pub fn pointer_token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
