//! The limits of event-stream frames.

/// The maximum length of a frame: the service's own limit for a message.
pub const MAX_FRAME: usize = 24 << 20;
/// The maximum length of a header block, from the protocol's specification.
pub const MAX_HEADERS: usize = 128 << 10;
/// The maximum number of headers in a frame. The service sends three.
pub const MAX_HEADER_COUNT: usize = 64;
