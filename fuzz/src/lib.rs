//! Builds frames and events from the fuzzer's bytes, for several targets.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};

/// Returns the frames with correct checksums, up to the first impossible length: the fuzzer cannot guess a CRC32.
pub fn with_checksums(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut rest = &mut bytes[..];
    while let Some(length) = rest.first_chunk().map(|length| u32::from_be_bytes(*length) as usize)
        && length >= 16
        && let Some((frame, after)) = std::mem::take(&mut rest).split_at_mut_checked(length)
    {
        let prelude = crc32fast::hash(&frame[..8]).to_be_bytes();
        frame[8..12].copy_from_slice(&prelude);
        let message = crc32fast::hash(&frame[..length - 4]).to_be_bytes();
        frame[length - 4..].copy_from_slice(&message);
        rest = after;
    }
    bytes
}

/// The names of events, exceptions and errors, each with its message type.
pub const NAMES: [(&str, &str); 13] = [
    ("event", "contentBlockDelta"),
    ("event", "messageStart"),
    ("event", "contentBlockStart"),
    ("event", "contentBlockStop"),
    ("event", "messageStop"),
    ("event", "metadata"),
    ("event", "chunk"),
    ("event", "initial-response"),
    ("event", "somethingNew"),
    ("exception", "throttlingException"),
    ("exception", "modelStreamErrorException"),
    ("error", "InternalError"),
    ("unknown", "contentBlockDelta"),
];

/// Splits bytes into events, one a line. The first letter, from "a" on, selects the name. The rest is the payload.
pub fn events(bytes: &[u8]) -> impl Iterator<Item = (&'static str, &'static str, &[u8])> {
    bytes.split(|byte| *byte == b'\n').filter_map(|line| {
        let (letter, payload) = line.split_first()?;
        let (kind, name) = NAMES[usize::from(letter.wrapping_sub(b'a')) % NAMES.len()];
        Some((kind, name, payload))
    })
}

/// Returns a frame with a message type, a name and a payload.
pub fn frame(kind: &'static str, name: &'static str, payload: &[u8]) -> Vec<u8> {
    let header = |name: &'static str, text: &'static str| Header::new(name, HeaderValue::String(text.into()));
    let named = match kind {
        "exception" => ":exception-type",
        "error" => ":error-code",
        _ => ":event-type",
    };
    let message = Message::new(payload.to_vec())
        .add_header(header(":message-type", kind))
        .add_header(header(named, name))
        .add_header(header(":content-type", "application/json"));
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes).expect("a frame within the limits");
    bytes
}
