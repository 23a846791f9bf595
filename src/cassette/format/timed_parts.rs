//! The parts of a body and their times: all bytes in one buffer, and a mark for each part. So small events take little
//! more memory than their bytes.

use bytes::Bytes;
use std::time::Duration;

/// The least by which the buffer grows.
const GROWTH: usize = 8 << 10;

/// The parts of a stream in the order of their arrival: frames, and bytes that are no frames.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TimedParts {
    bytes: Bytes,
    marks: Vec<Mark>,
}

/// The length and the delay of a part.
#[derive(Debug, PartialEq, Eq)]
struct Mark {
    length: u32,
    after_ms: u32,
}

/// A frame of a stream, or bytes that are no frame.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// The delay since the head, or since the part before it.
    pub after: Duration,
    pub bytes: Bytes,
}

impl TimedParts {
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = Part> {
        let mut at = 0;
        self.marks.iter().map(move |mark| {
            let from = at;
            at += mark.length as usize;
            Part { after: Duration::from_millis(mark.after_ms.into()), bytes: self.bytes.slice(from..at) }
        })
    }

    /// Returns the size of the parts in memory, in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len() + self.marks.len() * size_of::<Mark>()
    }
}

/// Builds the parts of a body that arrives.
#[derive(Default)]
pub struct PartsBuilder {
    bytes: Vec<u8>,
    marks: Vec<Mark>,
    /// The position behind the last part that has ended.
    open_from: usize,
}

impl PartsBuilder {
    pub fn push(&mut self, data: &[u8]) {
        // A vector that doubles its capacity would waste up to half of it.
        if self.bytes.capacity() - self.bytes.len() < data.len() {
            self.bytes.reserve_exact(data.len().max(GROWTH).max(self.bytes.len() / 4));
        }
        self.bytes.extend_from_slice(data);
    }

    /// Returns the data after the last part.
    pub fn open_part(&self) -> &[u8] {
        &self.bytes[self.open_from..]
    }

    /// Makes the first `length` bytes after the last part a part.
    pub fn end_part(&mut self, length: usize, after: Duration) {
        // Both fit: a part is at most a frame with the rest of a read, and no delay is as long as a month.
        self.marks.push(Mark { length: length as u32, after_ms: after.as_millis() as u32 });
        self.open_from += length;
    }

    /// Returns the parts. Data after the last part is dropped.
    pub fn into_parts(mut self) -> TimedParts {
        self.bytes.truncate(self.open_from);
        TimedParts { bytes: self.bytes.into_boxed_slice().into(), marks: self.marks }
    }

    /// Returns all data.
    pub fn into_bytes(self) -> Bytes {
        self.bytes.into_boxed_slice().into()
    }
}

impl FromIterator<Part> for TimedParts {
    fn from_iter<T: IntoIterator<Item = Part>>(parts: T) -> Self {
        let mut builder = PartsBuilder::default();
        for Part { after, bytes } in parts {
            builder.push(&bytes);
            builder.end_part(bytes.len(), after);
        }
        builder.into_parts()
    }
}
