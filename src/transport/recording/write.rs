//! Interactions as text, made to be read by people.

use super::{Answer, Content, Headers, Interaction, Outcome, Part, Request};
use crate::error::Error;
use crate::json::{Json, MAX_DEPTH, quoted};
use crate::wire::frame::{Decoder, Frame, Value};
use std::fmt::Write;

/// What stands before the first interaction.
pub const HEAD: &str = "{\n  \"bedrock_recording\": 1,\n  \"interactions\": [";
/// What stands behind the last one.
pub const TAIL: &str = "\n  ]\n}\n";

/// More arrays and objects than stand around any value of a recording.
const AROUND: usize = 8;

impl Interaction {
    /// An element of the recording's array, white space before it included.
    pub fn text(&self) -> String {
        let mut members = vec![format!("\"request\": {}", self.request.text())];
        members.push(match &self.outcome {
            Outcome::Answer(answer) => format!("\"response\": {}", answer.text()),
            Outcome::Failure(why) => format!("\"failure\": {}", quoted(why)),
        });
        format!("\n    {}", object(&members, 4))
    }
}

impl Request {
    fn text(&self) -> String {
        let members = [
            format!("\"method\": {}", quoted(&self.method)),
            format!("\"path\": {}", quoted(&self.path)),
            format!("\"headers\": {}", headers(&self.headers)),
            bytes("body", "body_base64", &self.body),
        ];
        object(&members, 6)
    }
}

impl Answer {
    fn text(&self) -> String {
        let mut members = vec![
            format!("\"after_ms\": {}", self.after.as_millis()),
            format!("\"status\": {}", self.status),
            format!("\"headers\": {}", headers(&self.headers)),
        ];
        members.push(match &self.content {
            Content::Whole(body) => bytes("body", "body_base64", body),
            Content::Events(parts) if parts.is_empty() => "\"events\": []".to_owned(),
            Content::Events(parts) => {
                let lines = parts.iter().map(|part| format!("\n          {}", part.text()));
                format!("\"events\": [{}\n        ]", lines.collect::<Vec<_>>().join(","))
            }
        });
        members.extend(self.until_close.then(|| "\"until_close\": true".to_owned()));
        members.extend(self.ended.as_ref().map(|how| format!("\"ended\": {}", quoted(how))));
        object(&members, 6)
    }
}

impl Part {
    fn text(&self) -> String {
        let mut said = None;
        // Bytes that are no frame are nothing else either.
        let _ = Decoder::default().feed(&self.bytes, |frame| {
            said = event(&frame);
            Ok::<_, Error>(())
        });
        let said = said.unwrap_or_else(|| format!("\"base64\": {}", base64(&self.bytes)));
        format!("{{\"after_ms\": {}, {said}}}", self.after.as_millis())
    }
}

/// A frame in short where it is as the service writes them, with its headers where they are text.
fn event(frame: &Frame<'_>) -> Option<String> {
    let mut texts = Vec::new();
    for (name, value) in frame.headers() {
        let Value::Text(text) = value else { return None };
        texts.push((name.to_owned(), text.to_owned()));
    }
    let short = [("event", ":event-type", "type"), ("exception", ":exception-type", "exception")];
    let short = short.into_iter().find_map(|(kind, header, key)| {
        let usual = [(":message-type", kind), (":content-type", "application/json")];
        let is_usual = texts.len() == 3 && usual.iter().all(|(name, text)| frame.text(name) == Some(text));
        is_usual.then(|| frame.text(header)).flatten().map(|name| format!("\"{key}\": {}", quoted(name)))
    });
    let what = short.unwrap_or_else(|| format!("\"headers\": {}", headers(&texts)));
    Some(format!("{what}, {}", bytes("payload", "payload_base64", &frame.payload)))
}

/// JSON as it is, under `key`; anything else as base64, under `else_key`.
fn bytes(key: &str, else_key: &str, bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes).ok().filter(|text| can_stand(text)) {
        Some(json) => format!("\"{key}\": {json}"),
        None => format!("\"{else_key}\": {}", base64(bytes)),
    }
}

/// Whether the text is JSON without white space around it, and nests no deeper than a recording can hold.
fn can_stand(text: &str) -> bool {
    let (mut depth, mut deepest, mut rest) = (0, 0, text);
    while let Some(at) = rest.find(['"', '[', '{', ']', '}']) {
        let (_, found) = rest.split_at(at);
        rest = match found.as_bytes()[0] {
            b'"' => match Json::leading_string(found) {
                Some((_, behind)) => behind,
                None => return false,
            },
            bracket => {
                depth += if matches!(bracket, b'[' | b'{') { 1 } else { -1 };
                deepest = deepest.max(depth);
                &found[1..]
            }
        };
    }
    deepest as usize + AROUND <= MAX_DEPTH && Json::parse(text).is_ok_and(|json| json.text().len() == text.len())
}

fn base64(bytes: &[u8]) -> String {
    format!("\"{}\"", base64_simd::STANDARD.encode_to_string(bytes))
}

fn headers(headers: &Headers) -> String {
    let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{}: {}", quoted(name), quoted(value))).collect();
    format!("{{{}}}", headers.join(", "))
}

fn object(members: &[String], indent: usize) -> String {
    let mut text = "{".to_owned();
    for (at, member) in members.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        write!(text, "{comma}\n{:width$}{member}", "", width = indent + 2).expect("a String takes all");
    }
    text + "\n" + &" ".repeat(indent) + "}"
}
