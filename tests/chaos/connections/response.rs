//! The response to a stream: a function of the stream's number, so that every wrong byte is detected.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use crate::support::stream::event_frame;

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzäöü";

/// Returns the number of texts of the response.
pub fn pieces(number: usize) -> usize {
    4 + number % 7
}

/// Returns one of its texts.
pub fn piece(number: usize, at: usize) -> String {
    let letters: String = LETTERS.chars().cycle().skip(number % 29).take((number * 31 + at * 17) % 90).collect();
    format!("{number}.{at} {letters}")
}

/// Returns a model id that contains the stream's number. The path contains it.
pub fn model_id(number: usize) -> String {
    format!("n-{number}")
}

/// Returns the number in a request's path: 17 for "/model/n-17/converse-stream".
pub fn number_in(path: &str) -> Option<usize> {
    path.strip_prefix("/model/n-")?.split('/').next()?.parse().ok()
}

/// Returns the frames, in the parts in which they are sent.
pub fn frames(number: usize) -> Vec<Bytes> {
    let event = |name: &str, json: serde_json::Value| event_frame(name, &json.to_string());
    let delta = |at| event("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": piece(number, at)}}));
    let mut frames = vec![event("messageStart", json!({"role": "assistant"}))];
    frames.extend((0..pieces(number)).map(delta));
    let end = [
        event("contentBlockStop", json!({"contentBlockIndex": 0})),
        event("messageStop", json!({"stopReason": "end_turn"})),
        event("metadata", json!({"usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}})),
    ];
    frames.push(Bytes::from(end.concat()));
    frames
}

/// Returns the pause between two parts of a response.
pub fn pause(number: usize, longest: Duration) -> Duration {
    longest.mul_f64((number % 5) as f64 / 4.0)
}
