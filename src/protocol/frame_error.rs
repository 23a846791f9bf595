//! The defects of event-stream frames.

use super::frame_limits::MAX_HEADER_COUNT;
use crate::error::{Error, Kind};
use std::fmt;

/// The reason why bytes are not an event-stream frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    PreludeChecksum,
    MessageChecksum,
    Length(u32),
    HeadersLength(u32),
    HeaderCutOff,
    HeaderType(u8),
    HeaderName,
    HeaderText,
    DuplicateHeader,
    TooManyHeaders,
    /// The system has no memory for a frame of so many bytes. The frame itself may be valid.
    Memory(usize),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::PreludeChecksum => f.write_str("a frame's prelude does not match its checksum"),
            FrameError::MessageChecksum => f.write_str("a frame does not match its checksum"),
            FrameError::Length(length) => write!(f, "a frame has the impossible length {length}"),
            FrameError::HeadersLength(length) => {
                write!(f, "the headers of a frame have the impossible length {length}")
            }
            FrameError::HeaderCutOff => f.write_str("a frame's header is longer than its header block"),
            FrameError::HeaderType(kind) => write!(f, "a frame's header is of the unknown type {kind}"),
            FrameError::HeaderName => f.write_str("a frame's header has no name"),
            FrameError::HeaderText => f.write_str("a frame's header is not UTF-8"),
            FrameError::DuplicateHeader => f.write_str("a frame has one header twice"),
            FrameError::Memory(bytes) => write!(f, "there is no memory for a frame of {bytes} bytes"),
            FrameError::TooManyHeaders => write!(f, "a frame has more than {MAX_HEADER_COUNT} headers"),
        }
    }
}

impl From<FrameError> for Error {
    fn from(error: FrameError) -> Self {
        if let FrameError::Memory(bytes) = error {
            return Error::out_of_memory("reading a frame of the response", bytes);
        }
        Error::new(Kind::Protocol, format_args!("the response is damaged: {error}"))
    }
}
