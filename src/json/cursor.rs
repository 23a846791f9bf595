//! A loop over the parts of an array or object, step by step, without an object that lives between the steps.
//!
//! The first step checks the whole text; the others read what they step over, and nothing else.

use super::scan::skip_space;
use crate::json::{pointer, walk};
use std::ops::Range;

/// Where a loop is, in bytes of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Where the next part begins; the closing bracket where there is none.
    next: usize,
    /// The end of the array or object.
    end: usize,
}

/// A part of an array or object, in bytes of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The key of a member, with its quotes.
    pub key: Option<Range<usize>>,
    pub value: Range<usize>,
}

impl Cursor {
    /// The beginning of the array or object that `pointer` leads to. None where there is none, or the text is not
    /// JSON.
    pub fn at(bytes: &[u8], pointer: &str) -> Option<Cursor> {
        let Range { start, end } = pointer::find(bytes, pointer)?;
        matches!(bytes[start], b'[' | b'{').then(|| Cursor { next: skip_space(bytes, start + 1), end })
    }

    /// What [`Cursor::numbers`] gave.
    pub fn of_numbers([next, end]: [usize; 2]) -> Cursor {
        Cursor { next, end }
    }

    /// The cursor as numbers.
    pub fn numbers(self) -> [usize; 2] {
        [self.next, self.end]
    }

    /// How many bytes of the text matter from here on.
    pub fn end(self) -> usize {
        self.end
    }

    /// The next part. None at the end, and where this is no cursor of the text.
    pub fn step(&mut self, bytes: &[u8]) -> Option<Found> {
        let bytes = bytes.get(..self.end)?;
        let close = *bytes.last()?;
        let mut at = self.next;
        let mut key = None;
        if at + 1 >= self.end {
            return None;
        }
        if close == b'}' {
            let end = (bytes.get(at) == Some(&b'"')).then(|| walk::string_end(bytes, at))??;
            key = Some(at..end);
            at = skip_space(bytes, skip_space(bytes, end) + 1);
        }
        let end = walk::value_end(bytes, at)?;
        let comma = skip_space(bytes, end);
        self.next = match bytes.get(comma)? {
            b',' => skip_space(bytes, comma + 1),
            _ => self.end - 1,
        };
        Some(Found { key, value: at..end })
    }
}
