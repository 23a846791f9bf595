//! An event-stream frame: `application/vnd.amazon.eventstream`.
//!
//! A frame consists of a prelude (total length, length of the headers, CRC32 of these two), headers, a payload, and the
//! CRC32 of all before it. A length is used only after the prelude's checksum and the limits have been checked.

use super::frame_error::FrameError;
use super::frame_headers::{HeaderCache, HeaderSummary, Headers, MessageType, Value};
use super::frame_limits::{MAX_FRAME, MAX_HEADERS};
use crc32fast::Hasher;
use std::borrow::Cow;

/// The length of a prelude.
pub const PRELUDE: usize = 12;
/// The length of the checksum at the end of a frame.
pub(super) const CHECKSUM: usize = 4;

/// A frame with valid checksums, lengths and headers.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    headers: &'a [u8],
    summary: HeaderSummary,
    pub payload: Cow<'a, [u8]>,
}

impl<'a> Frame<'a> {
    /// Checks `bytes`, whose length is the one in the prelude.
    pub(super) fn open(
        bytes: &'a [u8],
        prelude: Prelude,
        checksum: &Checksum,
        known: &mut HeaderCache,
    ) -> Result<Self, FrameError> {
        let message = checksum.message(bytes)?;
        let (headers, payload) = message[PRELUDE..].split_at(prelude.headers);
        Ok(Frame { headers, summary: known.summary(headers)?, payload: Cow::Borrowed(payload) })
    }

    /// Checks `bytes` as [`Frame::open`] does. The payload keeps their allocation.
    pub(super) fn open_large(
        mut bytes: Vec<u8>,
        prelude: Prelude,
        checksum: &Checksum,
        known: &'a mut HeaderCache,
    ) -> Result<Self, FrameError> {
        let end = checksum.message(&bytes)?.len();
        let payload = PRELUDE + prelude.headers;
        let summary = known.summary(&bytes[PRELUDE..payload])?;
        bytes.truncate(end);
        bytes.drain(..payload);
        Ok(Frame { headers: &known.block, summary, payload: Cow::Owned(bytes) })
    }

    /// Returns the type of the frame.
    pub fn message_type(&self) -> MessageType {
        self.summary.message_type
    }

    /// Returns the text of `:event-type`, `:exception-type` or `:error-code`, depending on the frame's type; "" without
    /// one.
    pub fn name(&self) -> &'a [u8] {
        let (start, end) = self.summary.name;
        &self.headers[start..end]
    }

    /// Returns the headers in their order.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> {
        Headers { rest: self.headers }.map_while(Result::ok)
    }

    /// Returns the value of a header that is a text.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.headers().find_map(|(key, value)| match value {
            Value::Text(text) if key == name => Some(text),
            _ => None,
        })
    }
}

/// A CRC32 that has hashed nothing. It is kept because making one detects the features of the processor again.
#[derive(Default)]
pub(super) struct Checksum(Hasher);

impl Checksum {
    #[inline]
    fn of(&self, bytes: &[u8]) -> u32 {
        let mut hasher = self.0.clone();
        hasher.update(bytes);
        hasher.finalize()
    }

    /// Checks and removes the checksum of a frame.
    #[inline]
    fn message<'a>(&self, frame: &'a [u8]) -> Result<&'a [u8], FrameError> {
        let (message, checksum) = frame.split_at(frame.len() - CHECKSUM);
        if self.of(message) == u32_at(checksum, 0) { Ok(message) } else { Err(FrameError::MessageChecksum) }
    }
}

/// The lengths in the first bytes of a frame.
#[derive(Clone, Copy)]
pub(super) struct Prelude {
    pub total: usize,
    pub headers: usize,
}

impl Prelude {
    /// Reads and checks the first [`PRELUDE`] bytes of a frame.
    pub fn read(bytes: &[u8], checksum: &Checksum) -> Result<Self, FrameError> {
        if checksum.of(&bytes[..8]) != u32_at(bytes, 8) {
            return Err(FrameError::PreludeChecksum);
        }
        let (total, headers) = (u32_at(bytes, 0), u32_at(bytes, 4));
        let prelude = Prelude { total: total as usize, headers: headers as usize };
        if !(PRELUDE + CHECKSUM..=MAX_FRAME).contains(&prelude.total) {
            return Err(FrameError::Length(total));
        }
        if prelude.headers > MAX_HEADERS || prelude.headers > prelude.total - PRELUDE - CHECKSUM {
            return Err(FrameError::HeadersLength(headers));
        }
        Ok(prelude)
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let word = bytes[at..at + 4].first_chunk().expect("four bytes");
    u32::from_be_bytes(*word)
}

/// Returns whether bytes begin with the prelude of a frame. The checksum alone decides: lengths out of range belong to
/// a damaged stream.
pub fn begins_frame(bytes: &[u8]) -> bool {
    bytes.len() >= PRELUDE && !matches!(Prelude::read(bytes, &Checksum::default()), Err(FrameError::PreludeChecksum))
}
