//! JSON pointers (RFC 6901): found in the pass that checks the text, or by steps over text that has been checked.

use super::scan::{Container, Encoding, Text, Watch, scan};
use crate::json::{Json, Kind, Part, pointer_token};
use std::ops::Range;

/// The place of the value that `pointer` leads to, in a text that is checked to its end. None where the text is not
/// JSON too.
pub fn find(bytes: &[u8], pointer: &str) -> Option<Range<usize>> {
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return None;
    }
    let mut finder = Finder::new(bytes, pointer);
    scan(bytes, Encoding::Unknown, &mut finder).ok()?;
    finder.found
}

impl<'a> Json<'a> {
    /// The value a JSON pointer leads to; "" leads to the whole.
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
                    let named = |member: &super::Member<'_>| name_length(member.key, token).is_some();
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
    /// The pointer to the innermost value that the byte at `at` of this one belongs to.
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

/// An element's number: digits, without needless zeros.
fn index(token: &str) -> Option<usize> {
    if token == "0" || !token.starts_with(['0', '+']) { token.parse().ok() } else { None }
}

/// Where the token ends that `rest` begins with, if it is the name of `key`. It reads no further than the key is long.
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

/// The index in an array that has no more elements on the way.
const PASSED: usize = usize::MAX;

/// Follows a scan along a pointer. Of two equal keys the last counts: where a value on the way comes again, what was
/// found below the first one is void.
struct Finder<'a> {
    bytes: &'a [u8],
    pointer: &'a str,
    /// Where the next token begins; behind the pointer's end where there is none. The outermost value has an empty
    /// token of its own.
    next: usize,
    /// How many arrays and objects are open.
    depth: usize,
    /// How many values on the way are open: the outermost, the one in it that a token names, and so on.
    path: usize,
    /// Of the innermost array on the way: the next element's index, and the wanted one with its token's length.
    index: usize,
    wanted: Option<(usize, usize)>,
    /// The length of the next token, if it names the key that was read last.
    named: Option<usize>,
    found: Option<Range<usize>>,
}

impl<'a> Finder<'a> {
    fn new(bytes: &'a [u8], pointer: &'a str) -> Self {
        let (named, wanted, found) = (None, None, None);
        Finder { bytes, pointer, next: 0, depth: 0, path: 0, index: PASSED, wanted, named, found }
    }

    /// The pointer from the next token on.
    fn rest(&self) -> Option<&'a str> {
        self.pointer.get(self.next..)
    }

    /// The length of the next token, where it leads to the value that begins now.
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

impl Watch for Finder<'_> {
    fn key(&mut self, key: &Text) {
        if self.path == self.depth {
            let text = std::str::from_utf8(&self.bytes[key.range.clone()]).ok();
            self.named = text.zip(self.rest()).and_then(|(key, rest)| name_length(Json::trusted(key), rest));
        }
    }

    fn begin(&mut self, at: usize, parent: Option<Container>) {
        // Only what stands in nothing but values on the way can be on it.
        if self.path != self.depth {
            return;
        }
        let Some(length) = self.token_length(parent) else { return };
        self.path += 1;
        self.next += length + 1;
        // Its end is not known yet.
        self.found = self.rest().is_none().then_some(at..at);
    }

    fn open(&mut self, container: Container) {
        self.depth += 1;
        if self.path == self.depth && container == Container::Array {
            let token = self.rest().map(|rest| rest.split('/').next().unwrap_or_default());
            self.index = 0;
            self.wanted = token.and_then(|token| Some((index(token)?, token.len())));
        }
    }

    fn close(&mut self, _at: usize) {
        self.depth -= 1;
    }

    fn end(&mut self, at: usize) {
        if self.path != self.depth + 1 {
            return;
        }
        if let Some(found) = self.found.as_mut().filter(|_| self.next > self.pointer.len()) {
            found.end = at;
        }
        // Back to the token that led here.
        self.path -= 1;
        self.next = self.pointer[..self.next - 1].rfind('/').map_or(0, |slash| slash + 1);
        self.index = PASSED;
    }
}
