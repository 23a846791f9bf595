//! A loop over the parts of an array or object whose state is two numbers, which the C API keeps in the caller's
//! memory.
//!
//! The first step checks the complete text. The others read only the part that they step over.

use super::scan::skip_space;
use super::{pointer, skip};
use std::ops::Range;

/// The state of a loop, as byte positions in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The start of the next part, or the closing bracket if there is none.
    next: usize,
    /// The end of the array or object.
    end: usize,
}

/// An element or a member, as byte positions in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The key of a member, with its quotes.
    pub key: Option<Range<usize>>,
    pub value: Range<usize>,
}

impl Cursor {
    /// Returns a cursor at the start of the array or object that `pointer` refers to. Returns None if there is no such
    /// value, or if the text is not JSON.
    pub fn at(bytes: &[u8], pointer: &str) -> Option<Cursor> {
        let Range { start, end } = pointer::find(bytes, pointer)?;
        matches!(bytes[start], b'[' | b'{').then(|| Cursor { next: skip_space(bytes, start + 1), end })
    }

    /// Returns the cursor with the state that is the result of [`Cursor::numbers`].
    pub fn of_numbers([next, end]: [usize; 2]) -> Cursor {
        Cursor { next, end }
    }

    /// Returns the cursor as numbers.
    pub fn numbers(self) -> [usize; 2] {
        [self.next, self.end]
    }

    /// Returns the end of the array or object.
    pub fn end(self) -> usize {
        self.end
    }

    /// Returns the next part. Returns None at the end, and if the cursor belongs to another text.
    pub fn step(&mut self, bytes: &[u8]) -> Option<Found> {
        let bytes = bytes.get(..self.end)?;
        let close = *bytes.last()?;
        let mut at = self.next;
        let mut key = None;
        if at + 1 >= self.end {
            return None;
        }
        if close == b'}' {
            let end = (bytes.get(at) == Some(&b'"')).then(|| skip::string_end(bytes, at))??;
            key = Some(at..end);
            at = skip_space(bytes, skip_space(bytes, end) + 1);
        }
        let end = skip::value_end(bytes, at)?;
        let comma = skip_space(bytes, end);
        self.next = match bytes.get(comma)? {
            b',' => skip_space(bytes, comma + 1),
            _ => self.end - 1,
        };
        Some(Found { key, value: at..end })
    }
}
