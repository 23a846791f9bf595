//! Bytes of an event stream, unchanged or with correct checksums: the frames do not depend on the pieces in which the
//! bytes arrive, and aws-smithy-eventstream reads the same headers and payloads.
#![no_main]

use aws_smithy_eventstream::frame::read_message_from;
use aws_smithy_types::event_stream::HeaderValue;
use bedrock::protocol::frame_buffer::FrameBuffer;
use bedrock::protocol::frame_error::FrameError;
use bedrock::protocol::frame_headers::Value;
use libbedrock_fuzz::with_checksums;
use libfuzzer_sys::fuzz_target;

/// The headers, as text, and the payload of a frame.
#[derive(Debug, PartialEq)]
struct Seen(Vec<(String, String)>, Vec<u8>);

fn decode<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> (Vec<Seen>, Result<(), FrameError>) {
    let mut decoder = FrameBuffer::default();
    let mut seen = Vec::new();
    for chunk in chunks {
        let fed = decoder.feed(chunk, |frame| {
            let headers = frame.headers().map(|(name, value)| (name.to_owned(), format!("{value:?}"))).collect();
            seen.push(Seen(headers, frame.payload.to_vec()));
            Ok::<_, FrameError>(())
        });
        if fed.is_err() {
            return (seen, fed);
        }
    }
    (seen, Ok(()))
}

/// Returns the frames that the SDK's decoder finds, up to its first error.
fn expected(mut bytes: &[u8]) -> Vec<Seen> {
    let mut seen = Vec::new();
    while let Some(length) = bytes.first_chunk().map(|length| u32::from_be_bytes(*length) as usize)
        && let Some((mut frame, rest)) = bytes.split_at_checked(length)
        && let Ok(message) = read_message_from(&mut frame)
    {
        bytes = rest;
        let headers = message.headers().iter().map(|header| {
            let value = match header.value() {
                HeaderValue::Bool(flag) => Value::Bool(*flag),
                HeaderValue::Byte(number) => Value::Byte(*number),
                HeaderValue::Int16(number) => Value::Int16(*number),
                HeaderValue::Int32(number) => Value::Int32(*number),
                HeaderValue::Int64(number) => Value::Int64(*number),
                HeaderValue::ByteArray(bytes) => Value::Bytes(bytes),
                HeaderValue::String(text) => Value::Text(text.as_str()),
                HeaderValue::Timestamp(time) => Value::Timestamp(time.to_millis().unwrap_or_default()),
                HeaderValue::Uuid(uuid) => Value::Uuid(uuid.to_be_bytes()),
                other => panic!("an unknown header value: {other:?}"),
            };
            (header.name().as_str().to_owned(), format!("{value:?}"))
        });
        seen.push(Seen(headers.collect(), message.payload().to_vec()));
    }
    seen
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&mode, bytes)) = bytes.split_first() else { return };
    let bytes = if mode & 1 == 0 { bytes.to_vec() } else { with_checksums(bytes.to_vec()) };
    let (whole, end) = decode([&bytes[..]].into_iter());
    let size = 1 + usize::from(mode >> 1);
    let pieces = decode(bytes.chunks(size));
    assert_eq!((&whole, end), (&pieces.0, pieces.1), "in pieces of {size}");
    let expected = expected(&bytes);
    assert_eq!(whole[..], expected[..whole.len().min(expected.len())], "the SDK's decoder differs");
    assert!(end.is_err() || whole.len() >= expected.len(), "a frame is missing");
});
