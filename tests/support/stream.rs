//! Event streams: the events of a [`Reply`], and [`frames`] to decode a body. aws-smithy-eventstream encodes and
//! decodes them, so that the library's decoder is tested against other code.

use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use aws_smithy_types::str_bytes::StrBytes;
use bytes::{Buf, Bytes};
use serde_json::{Value, json};

use super::reply::{Reply, usage};

/// The content type of an event stream.
pub const EVENT_STREAM: &str = "application/vnd.amazon.eventstream";

// A streaming reply. Each event is one HTTP chunk, unless `in_one_chunk` or `in_chunks_of` changes that.
impl Reply {
    /// Makes a chunked event stream without events.
    pub fn stream() -> Reply {
        Reply::empty(200).with_request_id().header("Content-Type", EVENT_STREAM).chunked()
    }

    /// Makes an event stream of recorded bytes. Each whole frame is a piece.
    pub fn stream_of(bytes: impl Into<Bytes>) -> Reply {
        pieces(bytes.into()).into_iter().fold(Reply::stream(), Reply::raw)
    }

    /// Adds an event with this JSON payload.
    pub fn event(self, event_type: &str, json: &str) -> Reply {
        self.raw(event_frame(event_type, json))
    }

    /// Adds an exception such as "throttlingException", with this JSON payload.
    pub fn exception(self, exception_type: &str, json: &str) -> Reply {
        self.raw(exception_frame(exception_type, json))
    }

    /// Adds an error frame: `:message-type: error`, code and message in headers, no payload.
    pub fn error_message(self, code: &str, message: &str) -> Reply {
        self.raw(frame(&[(":error-code", code), (":error-message", message), (":message-type", "error")], b""))
    }

    /// Adds a whole response: messageStart, a delta for each text, contentBlockStop, messageStop, metadata.
    pub fn text_stream(self, texts: &[&str], stop_reason: &str) -> Reply {
        self.message_start().text(0, texts).message_stop(stop_reason).metadata(11, texts.len() as u64)
    }

    /// Adds messageStart.
    pub fn message_start(self) -> Reply {
        self.padded("messageStart", json!({"role": "assistant"}))
    }

    /// Adds a text block: a delta for each text, then contentBlockStop.
    pub fn text(self, index: usize, texts: &[&str]) -> Reply {
        texts.iter().fold(self, |reply, text| reply.text_delta(index, text)).block_stop(index)
    }

    /// Adds a text delta.
    pub fn text_delta(self, index: usize, text: &str) -> Reply {
        self.padded("contentBlockDelta", json!({"contentBlockIndex": index, "delta": {"text": text}}))
    }

    /// Adds a reasoning block: a delta for each text, the signature, contentBlockStop.
    pub fn reasoning(self, index: usize, texts: &[&str], signature: &str) -> Reply {
        let delta = |reply: Reply, reasoning: Value| {
            reply.padded(
                "contentBlockDelta",
                json!({"contentBlockIndex": index, "delta": {"reasoningContent": reasoning}}),
            )
        };
        let reply = texts.iter().fold(self, |reply, text| delta(reply, json!({"text": text})));
        delta(reply, json!({"signature": signature})).block_stop(index)
    }

    /// Adds a tool call: contentBlockStart, a delta for each part of its input, contentBlockStop.
    pub fn tool_call(self, index: usize, id: &str, name: &str, input: &[&str]) -> Reply {
        let start = json!({"contentBlockIndex": index, "start": {"toolUse": {"name": name, "toolUseId": id}}});
        input
            .iter()
            .fold(self.padded("contentBlockStart", start), |reply, part| {
                reply.padded(
                    "contentBlockDelta",
                    json!({"contentBlockIndex": index, "delta": {"toolUse": {"input": part}}}),
                )
            })
            .block_stop(index)
    }

    /// Adds contentBlockStop.
    pub fn block_stop(self, index: usize) -> Reply {
        self.padded("contentBlockStop", json!({"contentBlockIndex": index}))
    }

    /// Adds messageStop.
    pub fn message_stop(self, stop_reason: &str) -> Reply {
        self.padded("messageStop", json!({"stopReason": stop_reason}))
    }

    /// Adds metadata.
    pub fn metadata(self, input_tokens: u64, output_tokens: u64) -> Reply {
        self.padded("metadata", json!({"metrics": {"latencyMs": 17}, "usage": usage(input_tokens, output_tokens)}))
    }

    /// Adds an event with a member `p`, with which the service hides the length of a payload.
    fn padded(self, event_type: &str, mut payload: Value) -> Reply {
        const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        // The length depends on the position in the stream alone.
        let length = 1 + (self.step_count() * 37 + 8) % LETTERS.len();
        payload["p"] = json!(LETTERS[..length]);
        self.event(event_type, &payload.to_string())
    }
}

/// Returns the bytes of an event.
pub fn event_frame(event_type: &str, json: &str) -> Bytes {
    frame(
        &[(":event-type", event_type), (":content-type", "application/json"), (":message-type", "event")],
        json.as_bytes(),
    )
}

/// Returns the bytes of an exception.
pub fn exception_frame(exception_type: &str, json: &str) -> Bytes {
    frame(
        &[(":exception-type", exception_type), (":content-type", "application/json"), (":message-type", "exception")],
        json.as_bytes(),
    )
}

/// Returns the bytes of a frame whose headers are strings.
#[track_caller]
pub fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let headers = headers
        .iter()
        .map(|(name, value)| Header::new((*name).to_owned(), HeaderValue::String(StrBytes::from((*value).to_owned()))));
    let message = Message::new_from_parts(headers.collect(), Bytes::copy_from_slice(payload));
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes).unwrap_or_else(|e| panic!("no such frame can be: {e}"));
    bytes.into()
}

/// A decoded frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    pub headers: Vec<(String, HeaderValue)>,
    pub payload: Bytes,
}

impl Frame {
    /// Returns the header of this name, if it is a string.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        value.as_string().ok().map(StrBytes::as_str)
    }

    /// Returns "event", "exception" or "error".
    pub fn message_type(&self) -> &str {
        self.header(":message-type").unwrap_or_default()
    }

    /// Returns the type of an event or exception, or the code of an error.
    pub fn event_type(&self) -> &str {
        [":event-type", ":exception-type", ":error-code"].iter().find_map(|name| self.header(name)).unwrap_or_default()
    }

    /// Returns the payload as text. Panics if it is not UTF-8.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.payload)
            .unwrap_or_else(|e| panic!("the payload of {} is not UTF-8: {e}", self.event_type()))
    }

    /// Returns the payload as JSON. Panics if it is not JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.payload)
            .unwrap_or_else(|e| panic!("the payload of {} is not JSON: {e}", self.event_type()))
    }
}

/// Decodes a whole stream. Panics if it does not consist of whole frames with valid checksums.
#[track_caller]
pub fn frames(bytes: &[u8]) -> Vec<Frame> {
    let mut rest = bytes;
    let mut frames = Vec::new();
    while rest.has_remaining() {
        let at = bytes.len() - rest.len();
        let message =
            read_message_from(&mut rest).unwrap_or_else(|e| panic!("no frame at byte {at} of {}: {e}", bytes.len()));
        frames.push(Frame {
            headers: message
                .headers()
                .iter()
                .map(|header| (header.name().as_str().to_owned(), header.value().clone()))
                .collect(),
            payload: message.payload().clone(),
        });
    }
    frames
}

/// Splits the bytes at the lengths in the frames. The rest is one piece.
fn pieces(mut bytes: Bytes) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    while let Some(prelude) = bytes.first_chunk::<4>() {
        let length = u32::from_be_bytes(*prelude) as usize;
        if length < 16 || length > bytes.len() {
            break;
        }
        pieces.push(bytes.split_to(length));
    }
    pieces.push(bytes);
    pieces
}
