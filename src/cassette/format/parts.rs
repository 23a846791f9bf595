//! What has come of a body, and when: its bytes in one piece, and marks that tell them apart. So small events take little more
//! memory than their bytes.

use bytes::Bytes;
use std::time::Duration;

/// The least by which the room for bytes grows.
const GROWTH: usize = 8 << 10;

/// The parts of a stream, in the order in which they came: frames, and bytes that are none.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parts {
    bytes: Bytes,
    marks: Vec<Mark>,
}

/// A part behind the one before it.
#[derive(Debug, PartialEq, Eq)]
struct Mark {
    length: u32,
    after_ms: u32,
}

/// A frame of a stream, or bytes that are none.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// From the head, or from the part before it.
    pub after: Duration,
    pub bytes: Bytes,
}

impl Parts {
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

    /// How much memory they take.
    pub fn size(&self) -> usize {
        self.bytes.len() + self.marks.len() * size_of::<Mark>()
    }
}

/// A body while it comes.
#[derive(Default)]
pub struct Gathering {
    bytes: Vec<u8>,
    marks: Vec<Mark>,
    /// Where the part that has not ended begins.
    open: usize,
}

impl Gathering {
    pub fn push(&mut self, data: &[u8]) {
        // A vector that doubles would keep as much room as it holds.
        if self.bytes.capacity() - self.bytes.len() < data.len() {
            self.bytes.reserve_exact(data.len().max(GROWTH).max(self.bytes.len() / 4));
        }
        self.bytes.extend_from_slice(data);
    }

    /// What has come behind the last part.
    pub fn open(&self) -> &[u8] {
        &self.bytes[self.open..]
    }

    /// Makes the first bytes of what is open a part.
    pub fn end_part(&mut self, length: usize, after: Duration) {
        // A part is a frame, or what came with a piece of one; and nobody waits for a month.
        self.marks.push(Mark { length: length as u32, after_ms: after.as_millis() as u32 });
        self.open += length;
    }

    /// The parts. What is open is none.
    pub fn into_parts(mut self) -> Parts {
        self.bytes.truncate(self.open);
        Parts { bytes: self.bytes.into_boxed_slice().into(), marks: self.marks }
    }

    /// All bytes, as one.
    pub fn into_bytes(self) -> Bytes {
        self.bytes.into_boxed_slice().into()
    }
}

impl FromIterator<Part> for Parts {
    fn from_iter<T: IntoIterator<Item = Part>>(parts: T) -> Self {
        let mut gathering = Gathering::default();
        for Part { after, bytes } in parts {
            gathering.push(&bytes);
            gathering.end_part(bytes.len(), after);
        }
        gathering.into_parts()
    }
}
