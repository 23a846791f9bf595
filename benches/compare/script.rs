//! The responses of the server, for each version of HTTP.
//!
//! They are encoded before the first request, so that a client never waits for the server. Each event is a frame as the
//! service sends it (three headers, and a payload with the padding member `p`) and carries 20 bytes of text.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};

/// The interval between the events of a steady stream.
pub const STEADY_PACE: Duration = Duration::from_millis(50);
pub const STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Content-Type: application/vnd.amazon.eventstream\r\n\
    x-amzn-RequestId: 00000000-0000-4000-8000-000000000001\r\n\
    Transfer-Encoding: chunked\r\n\r\n";
/// The text of a unary response.
pub const UNARY_TEXT: &str = "Loopback replies quickly.";

/// Returns the body of a unary response.
pub fn unary_body() -> String {
    format!(
        "{{\"metrics\":{{\"latencyMs\":412}},\"output\":{{\"message\":{{\"content\":[{{\"text\":\"{UNARY_TEXT}\"}}],\
         \"role\":\"assistant\"}}}},\"stopReason\":\"end_turn\",\
         \"usage\":{{\"inputTokens\":11,\"outputTokens\":5,\"totalTokens\":16}}}}"
    )
}

/// Returns a response over HTTP/1.1, with its head.
pub fn unary(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n\
         x-amzn-RequestId: 00000000-0000-4000-8000-000000000002\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The pacing of a stream.
#[derive(Clone, Copy)]
pub enum Pacing {
    Burst,
    Paced,
    Steady,
    Stamped,
}

/// The responses by model id. Each is encoded once.
pub struct Scripts {
    /// The unary response over HTTP/1.1, with its head.
    pub unary: Vec<u8>,
    streams: Mutex<HashMap<String, Arc<Script>>>,
    phases: AtomicU32,
}

impl Scripts {
    pub fn new() -> Self {
        Self { unary: unary("200 OK", &unary_body()), streams: Mutex::default(), phases: AtomicU32::new(0) }
    }

    /// Returns the offset of a new steady stream within the interval, so that the events of all streams are spread over
    /// it.
    pub fn phase(&self) -> Duration {
        const PHASES: u32 = 1_000;
        // The step is coprime to the number of phases, so it reaches all of them.
        const STEP: u32 = 619;
        STEADY_PACE * (self.phases.fetch_add(STEP, Ordering::Relaxed) % PHASES) / PHASES
    }

    /// Returns the stream of a model id and its pacing, or `None` for an unknown model id.
    pub fn get(&self, model: &str) -> Option<(Pacing, Arc<Script>)> {
        let (pacing, events) = model.split_once('-')?;
        let pacing = match pacing {
            "burst" => Pacing::Burst,
            "paced" => Pacing::Paced,
            "steady" => Pacing::Steady,
            "stamped" => Pacing::Stamped,
            _ => return None,
        };
        let events = events.parse().ok().filter(|n| (1..=1_000_000).contains(n))?;
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let script = streams.entry(model.to_owned()).or_insert_with(|| Arc::new(Script::new(events)));
        Some((pacing, Arc::clone(script)))
    }
}

const PADDING: &str = "\"p\":\"abcdefghij\"";

/// A complete response, encoded for each version of HTTP.
pub struct Script {
    /// For HTTP/1.1: the head, and a chunk for each event.
    pub chunked: Timed,
    /// For HTTP/2: the events alone.
    pub plain: Timed,
}

/// Bytes, and the range of them that is sent at each tick.
#[derive(Default)]
pub struct Timed {
    pub bytes: Vec<u8>,
    ticks: Vec<Range<usize>>,
    /// The start of the next range.
    begun: usize,
}

impl Timed {
    fn tick(&mut self) {
        self.ticks.push(self.begun..self.bytes.len());
        self.begun = self.bytes.len();
    }

    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.ticks.iter().map(|tick| &self.bytes[tick.clone()])
    }
}

impl Script {
    fn new(events: usize) -> Self {
        let mut script = Self { chunked: Timed::default(), plain: Timed::default() };
        let padding = PADDING;
        script.chunked.bytes.extend_from_slice(STREAM_HEAD);
        script.event("messageStart", &format!("{{{padding},\"role\":\"assistant\"}}"));
        for event in 0..events {
            script.push(&text_event(&format!("token {:06} of text", event % 1_000_000)));
            if event + 1 < events {
                script.tick();
            }
        }
        script.event("contentBlockStop", &format!("{{\"contentBlockIndex\":0,{padding}}}"));
        script.event("messageStop", &format!("{{{padding},\"stopReason\":\"end_turn\"}}"));
        script.event(
            "metadata",
            &format!(
                "{{\"metrics\":{{\"latencyMs\":412}},{padding},\"usage\":{{\"inputTokens\":11,\
                 \"outputTokens\":{events},\"totalTokens\":{}}}}}",
                events + 11
            ),
        );
        script.chunked.bytes.extend_from_slice(b"0\r\n\r\n");
        script.tick();
        script
    }

    fn event(&mut self, event_type: &'static str, payload: &str) {
        self.push(&frame(event_type, payload));
    }

    fn push(&mut self, frame: &[u8]) {
        chunk(&mut self.chunked.bytes, frame);
        self.plain.bytes.extend_from_slice(frame);
    }

    fn tick(&mut self) {
        self.chunked.tick();
        self.plain.tick();
    }
}

/// Returns the frame of a text event of 20 bytes.
pub fn text_event(text: &str) -> Vec<u8> {
    debug_assert_eq!(text.len(), 20);
    frame("contentBlockDelta", &format!("{{\"contentBlockIndex\":0,\"delta\":{{\"text\":\"{text}\"}},{PADDING}}}"))
}

fn frame(event_type: &'static str, payload: &str) -> Vec<u8> {
    let string = |text: &'static str| HeaderValue::String(text.into());
    let message = Message::new(payload.as_bytes().to_vec())
        .add_header(Header::new(":event-type", string(event_type)))
        .add_header(Header::new(":content-type", string("application/json")))
        .add_header(Header::new(":message-type", string("event")));
    let mut frame = Vec::new();
    write_message_to(&message, &mut frame).expect("the frame is within the limits");
    frame
}

pub fn chunk(out: &mut Vec<u8>, data: &[u8]) {
    out.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}
