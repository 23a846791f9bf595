//! A recording: what passed between a program and the service, to be kept beside the program's tests.
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
//! JSON stands in it as it was on the wire, byte for byte, and what is no JSON as base64. In place of `events` an answer that is
//! no stream has a `body`; `until_close` is true where the end of the connection is that of the body; `ended` tells of a body
//! that did not come to its end; in place of `response` stands `failure` where no answer came. What authorized the request is
//! taken out wherever it stands.

mod page;
mod parts;
mod read;
mod write;

pub use page::Page;
pub use parts::{Gathering, Part, Parts};
pub use read::read;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::http::Headers as HttpHeaders;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures::FutureExt;
use http_body::Body;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

/// What every recording begins with, and the version of this format.
const MARK: &str = "bedrock_recording";
const VERSION: u64 = 1;

/// A request, and what came of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Interaction {
    pub request: Request,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// With the query.
    pub path: String,
    pub headers: Headers,
    pub body: Bytes,
}

impl Request {
    /// What a recording tells of a request: nothing of who sent it, when or where to.
    pub fn of(request: &HttpRequest) -> Self {
        let uri = request.uri().parse::<http::Uri>().ok();
        let path = uri.as_ref().and_then(http::Uri::path_and_query).map_or("/", |path| path.as_str());
        Request {
            method: request.method().to_owned(),
            path: path.to_owned(),
            headers: kept(request.headers(), &["content-type", "accept"]),
            body: bytes_of(request.body()),
        }
    }
}

/// The bytes of a request's body, shared with it.
fn bytes_of(body: &SdkBody) -> Bytes {
    let Some(mut body) = body.bytes().and(body.try_clone()) else { return Bytes::new() };
    let all = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).now_or_never().flatten();
    all.and_then(Result::ok).and_then(|frame| frame.into_data().ok()).unwrap_or_default()
}

pub type Headers = Vec<(String, String)>;

/// The headers of these names, and those that Bedrock gives a meaning.
pub fn kept(headers: &HttpHeaders, names: &[&str]) -> Headers {
    let kept = |name: &str| names.contains(&name) || name.starts_with("x-amzn-bedrock-");
    let kept = headers.iter().filter(|(name, _)| kept(name));
    let mut kept: Headers = kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    // Their order says nothing, and is not the same from run to run.
    kept.sort();
    kept
}

#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Answer(Answer),
    /// Why none came.
    Failure(String),
}

#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// From the request to the head; to the end, where the answer is no stream.
    pub after: Duration,
    pub status: u16,
    pub headers: Headers,
    pub content: Content,
    /// Whether the body's end cannot be told from a connection that was lost.
    pub until_close: bool,
    /// What happened, where the body did not come to its end.
    pub ended: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Content {
    Whole(Bytes),
    Events(Parts),
}

impl Interaction {
    /// About how much memory it takes.
    pub fn size(&self) -> usize {
        let answer = match &self.outcome {
            Outcome::Answer(Answer { content: Content::Whole(body), .. }) => body.len(),
            Outcome::Answer(Answer { content: Content::Events(parts), .. }) => parts.size(),
            Outcome::Failure(_) => 0,
        };
        size_of::<Interaction>() + self.request.body.len() + answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::redact::Secrets;
    use crate::script::timed_body::frame;
    use std::fs::File;

    fn answer(content: Content) -> Interaction {
        let request = Request {
            method: "POST".into(),
            path: "/model/a%3A0/converse?x=1".into(),
            headers: vec![("content-type".into(), "application/json".into())],
            body: Bytes::from_static(b"{ \"n\": 1.50, \"a\":[1e2] }"),
        };
        let after = Duration::from_millis(7);
        let outcome = Outcome::Answer(Answer {
            after,
            status: 200,
            headers: Vec::new(),
            content,
            until_close: false,
            ended: None,
        });
        Interaction { request, outcome }
    }

    fn part(bytes: impl Into<Bytes>) -> Part {
        Part { after: Duration::from_millis(3), bytes: bytes.into() }
    }

    /// The text of a recording of these.
    fn written(interactions: &[Interaction], secrets: &Secrets) -> String {
        let path = std::env::temp_dir().join(format!(
            "bedrock-recording-{}-{:?}.json",
            std::process::id(),
            std::thread::current().id()
        ));
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path).expect("a file");
        let mut page = Page::begin(file.into()).expect("a page");
        for interaction in interactions {
            page.append(interaction, secrets).expect("room");
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
    fn every_byte_comes_back() {
        let event = |payload: &[u8]| {
            let headers = [(":event-type", "odd \"name\""), (":content-type", "application/json")];
            frame(&[&headers[..], &[(":message-type", "event")]].concat(), payload).unwrap()
        };
        let error = [(":message-type", "error"), (":error-code", "gone"), (":error-message", "\u{e9}\n")];
        let parts = vec![
            part(event(br#"{ "z":1.0, "a":12345678901234567890, "z":2 }"#)),
            part(event(b" {}")),
            part(event(b"")),
            part(event(b"\xff")),
            part(frame(&error, b"7").unwrap()),
            part(frame(&error, b"").unwrap()),
            part(&b"half a fra"[..]),
        ];
        let text = round_trip(vec![
            answer(Content::Events(parts.into_iter().collect())),
            answer(Content::Whole(Bytes::from_static(b"{\"a\" : 1}"))),
            answer(Content::Whole(Bytes::from_static(b"<html>"))),
            answer(Content::Whole(Bytes::new())),
        ]);
        for verbatim in
            [r#"{ "z":1.0, "a":12345678901234567890, "z":2 }"#, r#"{ "n": 1.50, "a":[1e2] }"#, "{\"a\" : 1}"]
        {
            assert!(text.contains(verbatim), "{verbatim} in {text}");
        }
        round_trip(Vec::new());
    }

    #[test]
    fn json_too_deep_to_stand_in_a_recording_is_kept_all_the_same() {
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        round_trip((500..=512).map(|depth| answer(Content::Whole(deep(depth).into()))).collect());
    }
}
