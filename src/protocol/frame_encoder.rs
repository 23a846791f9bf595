//! Encodes event-stream frames whose headers are text, for scripts and replays.

use super::frame::{CHECKSUM, PRELUDE};
use super::frame_limits::{MAX_FRAME, MAX_HEADERS};
use bytes::{BufMut, Bytes};

/// The number of the header type for text.
const TEXT: u8 = 7;
const MAX_HEADER_NAME: usize = u8::MAX as usize;
const MAX_HEADER_VALUE: usize = i16::MAX as usize;

/// Returns the frame with these headers and this payload. The error is the limit that they exceed.
pub fn encode(headers: &[(&str, &str)], payload: &[u8]) -> Result<Bytes, String> {
    let mut header_block = Vec::new();
    for (name, value) in headers {
        if !(1..=MAX_HEADER_NAME).contains(&name.len()) {
            return Err(format!("the name of a header has from 1 to {MAX_HEADER_NAME} bytes"));
        }
        if value.len() > MAX_HEADER_VALUE {
            return Err(format!("the value of a header has at most {MAX_HEADER_VALUE} bytes"));
        }
        header_block.put_u8(name.len() as u8);
        header_block.put_slice(name.as_bytes());
        header_block.put_u8(TEXT);
        header_block.put_u16(value.len() as u16);
        header_block.put_slice(value.as_bytes());
    }
    if header_block.len() > MAX_HEADERS {
        return Err(format!("the headers of a frame have at most {MAX_HEADERS} bytes"));
    }
    let length = PRELUDE + header_block.len() + payload.len() + CHECKSUM;
    if length > MAX_FRAME {
        return Err(format!("a frame has at most {MAX_FRAME} bytes"));
    }
    let mut frame = Vec::with_capacity(length);
    frame.put_u32(length as u32);
    frame.put_u32(header_block.len() as u32);
    frame.put_u32(crc32fast::hash(&frame));
    frame.put_slice(&header_block);
    frame.put_slice(payload);
    frame.put_u32(crc32fast::hash(&frame));
    Ok(frame.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_eventstream::frame::write_message_to;
    use aws_smithy_types::event_stream::{Header, HeaderValue, Message};

    /// The same frame, written by the SDK.
    fn by_sdk(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
        let headers = headers
            .iter()
            .map(|(name, value)| Header::new((*name).to_owned(), HeaderValue::String((*value).to_owned().into())));
        let message = Message::new_from_parts(headers.collect(), Bytes::copy_from_slice(payload));
        let mut frame = Vec::new();
        write_message_to(&message, &mut frame).expect("a frame within the limits");
        frame
    }

    #[test]
    fn frames_are_those_of_the_sdk() {
        let long = "x".repeat(MAX_HEADER_VALUE);
        let name = "n".repeat(MAX_HEADER_NAME);
        for (headers, payload) in [
            (&[][..], &b""[..]),
            (&[(":event-type", "messageStart"), (":message-type", "event")], b"{\"role\":\"assistant\"}"),
            (&[("empty", ""), ("\u{e9}", "\u{1f600}\n")], b"\xff\0"),
            (&[(&name, &long)], &[7; 100_000]),
        ] {
            assert_eq!(encode(headers, payload).expect("a frame"), by_sdk(headers, payload));
        }
    }

    #[test]
    fn a_frame_that_exceeds_a_limit_is_an_error() {
        let long = "x".repeat(MAX_HEADER_VALUE);
        let many = vec![("a", long.as_str()); MAX_HEADERS / MAX_HEADER_VALUE + 1];
        for (headers, payload) in [
            (&[("", "x")][..], &[][..]),
            (&[(&"n".repeat(MAX_HEADER_NAME + 1), "x")], &[]),
            (&[("n", &"x".repeat(MAX_HEADER_VALUE + 1))], &[]),
            (&many, &[]),
            (&[], &vec![0; MAX_FRAME]),
        ] {
            assert!(encode(headers, payload).is_err());
        }
    }
}
