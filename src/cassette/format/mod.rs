//! The format of a recording: requests and their responses, kept next to a program's tests.
//!
//! ```json
//! {
//!   "bedrock_recording": 1,
//!   "interactions": [
//!     {
//!       "request": {
//!         "method": "POST",
//!         "path": "/model/amazon.nova-micro-v1%3A0/converse-stream",
//!         "headers": {"content-type": "application/json"},
//!         "body": {"messages":[{"role":"user","content":[{"text":"Hello?"}]}]}
//!       },
//!       "response": {
//!         "after_ms": 412,
//!         "status": 200,
//!         "headers": {"content-type": "application/vnd.amazon.eventstream"},
//!         "events": [
//!           {"after_ms": 0, "type": "messageStart", "payload": {"role":"assistant"}},
//!           {"after_ms": 9, "exception": "modelStreamErrorException", "payload": {"message":"It broke."}}
//!         ]
//!       }
//!     }
//!   ]
//! }
//! ```
//!
//! JSON is kept as it was transferred, byte for byte; anything else is base64. A response that does not stream has a
//! `body` in place of `events`. `until_close` is true if the body ends only where the connection ends. `ended` is the
//! error by which a body broke off. `failure` replaces `response` if no response arrived. The secrets that authorized
//! the request are removed wherever they occur.
//!
//! `interaction` has the types of a recording, and `timed_parts` those of a body. `read` and `write` convert them from
//! and to JSON. `file` is the whole file, which grows by one interaction after the other.

mod file;
mod interaction;
mod read;
mod timed_parts;
mod write;

pub use file::RecordingFile;
pub use interaction::{Content, Interaction, Outcome, Request, Response, recorded_headers};
pub use read::read;
#[cfg(test)]
pub use timed_parts::Part;
pub use timed_parts::{PartsBuilder, TimedParts};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::frame_encoder::encode;
    use crate::protocol::redact::Secrets;
    use bytes::Bytes;
    use std::fs::File;
    use std::time::Duration;

    fn interaction(content: Content) -> Interaction {
        let request = Request {
            method: "POST".into(),
            path: "/model/a%3A0/converse?x=1".into(),
            headers: vec![("content-type".into(), "application/json".into())],
            body: Bytes::from_static(b"{ \"n\": 1.50, \"a\":[1e2] }"),
        };
        let after = Duration::from_millis(7);
        let outcome = Outcome::Response(Response {
            after,
            status: 200,
            headers: Vec::new(),
            content,
            until_close: false,
            error: None,
        });
        Interaction { request, outcome }
    }

    fn part(bytes: impl Into<Bytes>) -> Part {
        Part { after: Duration::from_millis(3), bytes: bytes.into() }
    }

    /// Returns the text of a recording of these interactions.
    fn written(interactions: &[Interaction], secrets: &Secrets) -> String {
        let path = std::env::temp_dir().join(format!(
            "bedrock-recording-{}-{:?}.json",
            std::process::id(),
            std::thread::current().id()
        ));
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path).expect("a file");
        let mut recording = RecordingFile::begin(file.into()).expect("a recording");
        for interaction in interactions {
            recording.append(interaction, secrets).expect("room");
        }
        let text = std::fs::read_to_string(&path).expect("the recording");
        std::fs::remove_file(&path).expect("the recording can be removed");
        text
    }

    fn round_trip(interactions: Vec<Interaction>) -> String {
        let text = written(&interactions, &Secrets::default());
        assert_eq!(read(&text).unwrap_or_else(|fault| panic!("{fault:?} in {text}")), interactions);
        text
    }

    #[test]
    fn every_byte_is_restored() {
        let event = |payload: &[u8]| {
            let headers = [(":event-type", "odd \"name\""), (":content-type", "application/json")];
            encode(&[&headers[..], &[(":message-type", "event")]].concat(), payload).unwrap()
        };
        let error = [(":message-type", "error"), (":error-code", "gone"), (":error-message", "\u{e9}\n")];
        let parts = vec![
            part(event(br#"{ "z":1.0, "a":12345678901234567890, "z":2 }"#)),
            part(event(b" {}")),
            part(event(b"")),
            part(event(b"\xff")),
            part(encode(&error, b"7").unwrap()),
            part(encode(&error, b"").unwrap()),
            part(&b"half a fra"[..]),
        ];
        let text = round_trip(vec![
            interaction(Content::Events(parts.into_iter().collect())),
            interaction(Content::Bytes(Bytes::from_static(b"{\"a\" : 1}"))),
            interaction(Content::Bytes(Bytes::from_static(b"<html>"))),
            interaction(Content::Bytes(Bytes::new())),
        ]);
        for verbatim in
            [r#"{ "z":1.0, "a":12345678901234567890, "z":2 }"#, r#"{ "n": 1.50, "a":[1e2] }"#, "{\"a\" : 1}"]
        {
            assert!(text.contains(verbatim), "{verbatim} in {text}");
        }
        round_trip(Vec::new());
    }

    #[test]
    fn json_too_deep_for_a_recording_is_kept_as_base64() {
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        round_trip((500..=512).map(|depth| interaction(Content::Bytes(deep(depth).into()))).collect());
    }
}
