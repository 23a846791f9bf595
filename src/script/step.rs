//! The parts of a stream that a script sends.

use crate::config;
use crate::http::timed_body::BodyStep;
use crate::protocol::frame_encoder::encode;
use bytes::Bytes;
use serde_json::json;
use std::time::Duration;

/// The content type of JSON.
pub const JSON: &str = "application/json";

/// A part of a stream.
pub enum Step {
    Wait(Duration),
    Frame(Bytes),
}

impl Step {
    pub fn new(event: &config::ScriptEvent) -> Self {
        match event {
            config::ScriptEvent::Wait(wait) => Step::Wait(*wait),
            config::ScriptEvent::Event { name, payload } => {
                let text = payload.json().text();
                // A script holds the model's output as JSON. The service sends it as base64.
                let chunk = || json!({"bytes": base64_simd::STANDARD.encode_to_string(text)}).to_string();
                if name == "chunk" { Step::event(name, &chunk()) } else { Step::event(name, text) }
            }
            config::ScriptEvent::Exception { name, message } => {
                Step::frame("exception", ":exception-type", name, &json!({"message": message}).to_string())
            }
        }
    }

    pub fn event(name: &str, payload: &str) -> Self {
        Step::frame("event", ":event-type", name, payload)
    }

    fn frame(message_type: &str, name_header: &str, name: &str, payload: &str) -> Self {
        let headers = [(":message-type", message_type), (name_header, name), (":content-type", JSON)];
        Step::Frame(encode(&headers, payload.as_bytes()).expect("a frame within the limits"))
    }

    pub fn body_step(&self) -> BodyStep {
        match self {
            Step::Wait(wait) => BodyStep::Wait(*wait),
            Step::Frame(frame) => BodyStep::Data(frame.clone()),
        }
    }
}
