//! Writes interactions as readable text, piece by piece: the complete text of an interaction is never in memory.
//!
//! The secrets that authorized the request are removed from every text before it becomes JSON. Payloads are written
//! without their frames, which reading the recording restores.

use super::interaction::{Content, Headers, Interaction, Outcome, Request, Response};
use super::timed_parts::Part;
use crate::json::{Json, MAX_DEPTH, quoted};
use crate::protocol::frame::Frame;
use crate::protocol::frame_buffer::FrameBuffer;
use crate::protocol::frame_error::FrameError;
use crate::protocol::frame_headers::Value;
use crate::protocol::redact::Secrets;
use std::borrow::Cow;
use std::io::{Result, Write};

/// A number above that of the arrays and objects around any value in a recording.
const AROUND: usize = 8;
/// The bytes that are encoded as base64 at once: a multiple of three.
const TO_BASE64: usize = 3 << 12;
/// The event whose payload holds the model's output in base64.
const CHUNK: &[u8] = b"chunk";

impl Interaction {
    /// Writes an element of the recording's array, with the white space before it.
    pub fn write(&self, out: &mut impl Write, secrets: &Secrets) -> Result<()> {
        let mut text = Text { out, secrets };
        text.put("\n    {\n      \"request\": ")?;
        text.request(&self.request)?;
        match &self.outcome {
            Outcome::Response(response) => {
                text.put(",\n      \"response\": ")?;
                text.response(response)?;
            }
            Outcome::Failure(why) => {
                text.put(",\n      \"failure\": ")?;
                text.string(why)?;
            }
        }
        text.put("\n    }")
    }
}

/// Writes texts without the secrets.
struct Text<'a, W> {
    out: &'a mut W,
    secrets: &'a Secrets,
}

impl<W: Write> Text<'_, W> {
    fn put(&mut self, text: &str) -> Result<()> {
        self.out.write_all(text.as_bytes())
    }

    fn string(&mut self, text: &str) -> Result<()> {
        self.put(&quoted(&self.secrets.redact(text)))
    }

    fn request(&mut self, request: &Request) -> Result<()> {
        self.put("{\n        \"method\": ")?;
        self.string(&request.method)?;
        self.put(",\n        \"path\": ")?;
        self.string(&request.path)?;
        self.put(",\n        \"headers\": ")?;
        self.headers(&request.headers)?;
        self.put(",\n        ")?;
        self.bytes("body", &request.body)?;
        self.put("\n      }")
    }

    fn response(&mut self, response: &Response) -> Result<()> {
        write!(
            self.out,
            "{{\n        \"after_ms\": {},\n        \"status\": {}",
            response.after.as_millis(),
            response.status
        )?;
        self.put(",\n        \"headers\": ")?;
        self.headers(&response.headers)?;
        self.put(",\n        ")?;
        match &response.content {
            Content::Bytes(body) => self.bytes("body", body)?,
            Content::Events(parts) if parts.is_empty() => self.put("\"events\": []")?,
            Content::Events(parts) => {
                let mut before = "\"events\": [\n          ";
                for part in parts.iter() {
                    self.put(before)?;
                    self.part(&part)?;
                    before = ",\n          ";
                }
                self.put("\n        ]")?;
            }
        }
        if response.until_close {
            self.put(",\n        \"until_close\": true")?;
        }
        if let Some(how) = &response.error {
            self.put(",\n        \"ended\": ")?;
            self.string(how)?;
        }
        self.put("\n      }")
    }

    fn part(&mut self, part: &Part) -> Result<()> {
        write!(self.out, "{{\"after_ms\": {}, ", part.after.as_millis())?;
        let mut written = None;
        // The error does not matter: other bytes are written as base64.
        let _ = FrameBuffer::default().feed(&part.bytes, |frame| {
            written = texts(&frame).map(|texts| self.frame(&frame, &texts));
            Ok::<_, FrameError>(())
        });
        match written {
            Some(written) => written?,
            None => {
                self.put("\"base64\": ")?;
                self.base64(&self.secrets.redact_bytes(&part.bytes))?;
            }
        }
        self.put("}")
    }

    /// Writes a frame in short form if it has the headers that the service writes, else with its headers.
    fn frame(&mut self, frame: &Frame<'_>, texts: &Headers) -> Result<()> {
        let short = [("event", ":event-type", "type"), ("exception", ":exception-type", "exception")];
        let short = short.into_iter().find_map(|(kind, header, key)| {
            let usual = [(":message-type", kind), (":content-type", "application/json")];
            let is_usual = texts.len() == 3 && usual.iter().all(|(name, text)| frame.text(name) == Some(text));
            is_usual.then(|| frame.text(header)).flatten().map(|name| (key, name))
        });
        match short {
            Some((key, name)) => {
                write!(self.out, "\"{key}\": ")?;
                self.string(name)?;
            }
            None => {
                self.put("\"headers\": ")?;
                self.headers(texts)?;
            }
        }
        self.put(", ")?;
        let chunk = (frame.name() == CHUNK).then(|| redacted_chunk(&frame.payload, self.secrets)).flatten();
        self.bytes("payload", chunk.as_deref().map_or(&frame.payload, str::as_bytes))
    }

    /// Writes JSON as it is, under `key`, and anything else as base64, under `key` with a suffix.
    fn bytes(&mut self, key: &str, bytes: &[u8]) -> Result<()> {
        let bytes = self.secrets.redact_bytes(bytes);
        if std::str::from_utf8(&bytes).is_ok_and(is_embeddable) {
            write!(self.out, "\"{key}\": ")?;
            self.out.write_all(&bytes)
        } else {
            write!(self.out, "\"{key}_base64\": ")?;
            self.base64(&bytes)
        }
    }

    fn base64(&mut self, bytes: &[u8]) -> Result<()> {
        self.put("\"")?;
        for piece in bytes.chunks(TO_BASE64) {
            self.put(&base64_simd::STANDARD.encode_to_string(piece))?;
        }
        self.put("\"")
    }

    fn headers(&mut self, headers: &Headers) -> Result<()> {
        let mut before = "{";
        for (name, value) in headers {
            self.put(before)?;
            self.string(name)?;
            self.put(": ")?;
            self.string(value)?;
            before = ", ";
        }
        self.put(if headers.is_empty() { "{}" } else { "}" })
    }
}

/// Returns the headers of a frame, if all of them are text.
fn texts(frame: &Frame<'_>) -> Option<Headers> {
    let text = |(name, value): (&str, Value<'_>)| match value {
        Value::Text(text) => Some((name.to_owned(), text.to_owned())),
        _ => None,
    };
    frame.headers().map(text).collect()
}

/// Returns a chunk without the secrets in its base64, and None if it holds none.
fn redacted_chunk(payload: &[u8], secrets: &Secrets) -> Option<String> {
    let json = Json::parse(std::str::from_utf8(payload).ok()?).ok()?;
    let encoded = json.get("bytes").filter(|bytes| bytes.kind() == crate::json::Kind::String)?;
    let inside = base64_simd::STANDARD.decode_to_vec(encoded.string()?.as_bytes()).ok()?;
    match secrets.redact_bytes(&inside) {
        Cow::Borrowed(_) => None,
        Cow::Owned(redacted) => {
            let from = crate::json::offset(json.text(), encoded.text());
            let (before, after) = (&json.text()[..from], &json.text()[from + encoded.text().len()..]);
            Some(format!("{before}\"{}\"{after}", base64_simd::STANDARD.encode_to_string(redacted)))
        }
    }
}

/// Returns whether a text is JSON without surrounding white space, and nested no deeper than a recording allows.
fn is_embeddable(text: &str) -> bool {
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
