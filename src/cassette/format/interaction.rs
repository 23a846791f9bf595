//! A request and its outcome, as a recording holds them.

use super::timed_parts::TimedParts;
use bytes::Bytes;
use http::HeaderMap;
use std::time::Duration;

/// The key that every recording begins with, and the version of this format.
pub const MARK: &str = "bedrock_recording";
pub const VERSION: u64 = 1;

/// A request and its outcome.
#[derive(Debug, PartialEq, Eq)]
pub struct Interaction {
    pub request: Request,
    pub outcome: Outcome,
}

/// The recorded parts of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// With the query.
    pub path: String,
    pub headers: Headers,
    pub body: Bytes,
}

impl Request {
    /// Returns the recorded parts of a request. They do not tell the sender, the time or the host.
    pub fn of(request: &http::Request<Bytes>) -> Self {
        Request {
            method: request.method().as_str().to_owned(),
            path: request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            headers: recorded_headers(request.headers(), &["content-type", "accept"]),
            body: request.body().clone(),
        }
    }
}

pub type Headers = Vec<(String, String)>;

/// Returns the headers with these names, and those that Bedrock defines.
pub fn recorded_headers(headers: &HeaderMap, names: &[&str]) -> Headers {
    let is_recorded = |name: &str| names.contains(&name) || name.starts_with("x-amzn-bedrock-");
    let recorded = headers.iter().filter(|(name, _)| is_recorded(name.as_str()));
    let text = recorded.filter_map(|(name, value)| {
        Some((name.as_str().to_owned(), std::str::from_utf8(value.as_bytes()).ok()?.to_owned()))
    });
    let mut recorded: Headers = text.collect();
    // Their order has no meaning, and differs from run to run.
    recorded.sort();
    recorded
}

/// A response, or the reason why there is none.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Response(Response),
    /// The reason why no response arrived.
    Failure(String),
}

/// The recorded parts of a response.
#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    /// The time from the request to the head, or to the end of a response that does not stream.
    pub after: Duration,
    pub status: u16,
    pub headers: Headers,
    pub content: Content,
    /// Whether the body ends only where the connection ends.
    pub until_close: bool,
    /// The error by which the body broke off.
    pub error: Option<String>,
}

/// The body of a response.
#[derive(Debug, PartialEq, Eq)]
pub enum Content {
    /// The body of a response that does not stream.
    Bytes(Bytes),
    /// The parts of a stream.
    Events(TimedParts),
}

impl Interaction {
    /// Returns the approximate size of the interaction in memory, in bytes.
    pub fn size(&self) -> usize {
        let content = match &self.outcome {
            Outcome::Response(Response { content: Content::Bytes(body), .. }) => body.len(),
            Outcome::Response(Response { content: Content::Events(parts), .. }) => parts.size(),
            Outcome::Failure(_) => 0,
        };
        size_of::<Interaction>() + self.request.body.len() + content
    }
}
