//! What the far end says, whichever version of HTTP carries it.
//!
//! All of it is encoded before anyone asks for it, so that a client as fast as it likes waits for its own code and not
//! for the server's. Each event is a frame as the service sends it (three headers, a payload with its padding member
//! `p`) and carries 20 bytes of text.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};

/// Between the events of a steady stream.
pub const STEADY_PACE: Duration = Duration::from_millis(50);
pub const STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Content-Type: application/vnd.amazon.eventstream\r\n\
    x-amzn-RequestId: 00000000-0000-4000-8000-000000000001\r\n\
    Transfer-Encoding: chunked\r\n\r\n";
/// The text of a unary answer.
pub const UNARY_TEXT: &str = "Loopback answers quickly.";

/// A unary answer.
pub fn unary_body() -> String {
    format!(
        "{{\"metrics\":{{\"latencyMs\":412}},\"output\":{{\"message\":{{\"content\":[{{\"text\":\"{UNARY_TEXT}\"}}],\
         \"role\":\"assistant\"}}}},\"stopReason\":\"end_turn\",\
         \"usage\":{{\"inputTokens\":11,\"outputTokens\":5,\"totalTokens\":16}}}}"
    )
}

/// Over HTTP/1.1, with its head.
pub fn unary(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n\
         x-amzn-RequestId: 00000000-0000-4000-8000-000000000002\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// How a stream is sent.
#[derive(Clone, Copy)]
pub enum Kind {
    Burst,
    Paced,
    Steady,
    Stamped,
}

/// The answers, by model id; each is encoded once.
pub struct Scripts {
    /// Over HTTP/1.1, with its head.
    pub unary: Vec<u8>,
    streams: Mutex<HashMap<String, Arc<Script>>>,
    turns: AtomicU32,
}

impl Scripts {
    pub fn new() -> Self {
        Self { unary: unary("200 OK", &unary_body()), streams: Mutex::default(), turns: AtomicU32::new(0) }
    }

    /// When within the pace a steady stream sends: they are spread over it, whenever they begin.
    pub fn turn(&self) -> Duration {
        const TURNS: u32 = 1_000;
        // A step that has no divisor in common with the number of turns comes by all of them.
        const STEP: u32 = 619;
        STEADY_PACE * (self.turns.fetch_add(STEP, Ordering::Relaxed) % TURNS) / TURNS
    }

    /// The stream that a model id asks for, and how it is sent; `None` for a model id that asks for none.
    pub fn get(&self, model: &str) -> Option<(Kind, Arc<Script>)> {
        let (kind, events) = model.split_once('-')?;
        let kind = match kind {
            "burst" => Kind::Burst,
            "paced" => Kind::Paced,
            "steady" => Kind::Steady,
            "stamped" => Kind::Stamped,
            _ => return None,
        };
        let events = events.parse().ok().filter(|n| (1..=1_000_000).contains(n))?;
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let script = streams.entry(model.to_owned()).or_insert_with(|| Arc::new(Script::new(events)));
        Some((kind, Arc::clone(script)))
    }
}

const PADDING: &str = "\"p\":\"abcdefghij\"";

/// A whole answer, as each version of HTTP carries it.
pub struct Script {
    /// With its head.
    pub chunked: Timed,
    pub plain: Timed,
}

/// Bytes, and where in them the share of each tick lies.
#[derive(Default)]
pub struct Timed {
    pub bytes: Vec<u8>,
    ticks: Vec<Range<usize>>,
    /// Where the share of the next tick begins.
    begun: usize,
}

impl Timed {
    fn tick(&mut self) {
        self.ticks.push(self.begun..self.bytes.len());
        self.begun = self.bytes.len();
    }

    pub fn shares(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
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

/// One event of 20 bytes of text.
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
    write_message_to(&message, &mut frame).expect("a frame of our own making is valid");
    frame
}

pub fn chunk(out: &mut Vec<u8>, data: &[u8]) {
    out.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}
