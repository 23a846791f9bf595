//! Responds from a recording, in place of the network.

use super::format::{Content, Interaction, Outcome, Request, Response, read};
use super::matcher::Matcher;
use super::recorder::MAX_QUOTED_NAME;
use crate::error::{Error, Kind, Result, quote_up_to};
use crate::http::body::{Body, UntilClose};
use crate::http::timed_body::BodyStep;
use crate::http::transport::{SendOptions, Timeouts, Transport};
use crate::http::transport_error::{ErrorClass, TransportError};
use crate::runtime::blocking;
use crate::sys::regular_file;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// The longest recording that is read.
const MAX_FILE: u64 = 256 << 20;
/// The longest body that the worker handles itself.
const MAX_SHORT_BODY: usize = 16 << 10;

/// A recording in place of the network.
#[derive(Clone)]
pub struct ReplayTransport(Arc<Shared>);

struct Shared {
    matcher: Matcher,
    /// Whether responses take as long as they did when they were recorded.
    recorded_timing: bool,
}

impl ReplayTransport {
    /// Reads a recording. The error follows the file's name in a message. Blocks.
    pub fn open(name: &str, recorded_timing: bool) -> std::result::Result<Self, String> {
        let text = regular_file::read(name.as_ref(), MAX_FILE).map_err(|error| error.to_string())?;
        let text = String::from_utf8(text).map_err(|_| "it is not UTF-8".to_owned())?;
        let interactions = read(&text).map_err(|fault| match fault.pointer.as_str() {
            "" => fault.what,
            pointer => format!("at {pointer}: {}", fault.what),
        })?;
        Ok(ReplayTransport::new(quote_up_to(name, MAX_QUOTED_NAME), interactions, recorded_timing))
    }

    fn new(name: String, interactions: Vec<Interaction>, recorded_timing: bool) -> Self {
        ReplayTransport(Arc::new(Shared { matcher: Matcher::new(name, interactions), recorded_timing }))
    }

    /// Returns the index of the interaction that responds to this request.
    async fn find(&self, request: Request) -> Result<usize> {
        let key = if request.body.len() <= MAX_SHORT_BODY {
            self.0.matcher.key(&request)
        } else {
            let (replay, request) = (self.clone(), request.clone());
            blocking::CHECKS.run(move || Ok(replay.0.matcher.key(&request))).await?
        };
        match self.0.matcher.take(&key) {
            Some(index) => Ok(index),
            None => {
                let replay = self.clone();
                blocking::CHECKS.run(move || Err(replay.0.matcher.not_found(&request, &key))).await
            }
        }
    }
}

impl fmt::Debug for ReplayTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplayTransport")
    }
}

impl Transport for ReplayTransport {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        _: SendOptions<'_>,
    ) -> std::result::Result<http::Response<Body>, TransportError> {
        let index = self.find(Request::of(&request)).await.map_err(TransportError::configuration)?;
        match &self.0.matcher.interaction(index).outcome {
            Outcome::Failure(why) => {
                let error = Error::new(Kind::Network, why).advise("Check the network, the proxy and base_url");
                Err(TransportError::new(ErrorClass::Io, error))
            }
            Outcome::Response(response) => {
                if self.0.recorded_timing {
                    sleep(response.after).await;
                }
                response.replay(self.0.recorded_timing)
            }
        }
    }

    async fn connect(&self, _: http::Request<Bytes>, _: Timeouts) -> std::result::Result<(), TransportError> {
        Ok(())
    }
}

impl Response {
    fn replay(&self, recorded_timing: bool) -> std::result::Result<http::Response<Body>, TransportError> {
        let mut builder = http::Response::builder().status(self.status);
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        if self.until_close {
            builder = builder.extension(UntilClose);
        }
        let response = builder.body(Body::of_steps(self.steps(recorded_timing)));
        // The recording was checked when it was read.
        response.map_err(|error| TransportError::configuration(Error::new(Kind::Config, error)))
    }

    fn steps(&self, recorded_timing: bool) -> Vec<BodyStep> {
        let mut steps = Vec::new();
        match &self.content {
            Content::Bytes(body) => steps.push(BodyStep::Data(body.clone())),
            Content::Events(parts) => {
                for part in parts.iter() {
                    if recorded_timing && part.after > Duration::ZERO {
                        steps.push(BodyStep::Wait(part.after));
                    }
                    steps.push(BodyStep::Data(part.bytes.clone()));
                }
            }
        }
        steps.extend(self.error.clone().map(BodyStep::Fail));
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cassette::format::Part;
    use crate::json::cost;
    use bytes::Bytes;
    use futures::FutureExt;

    /// Returns a replay of interactions whose bodies differ in a number.
    fn replay(count: usize) -> ReplayTransport {
        let interaction = |number| Interaction { request: request(number), outcome: Outcome::Failure("gone".into()) };
        ReplayTransport::new("a.json".into(), (0..count).map(interaction).collect(), false)
    }

    fn request(number: usize) -> Request {
        let body = format!(r#"{{"messages":[{{"role":"user","content":[{{"text":"{number}"}}]}}]}}"#);
        Request { method: "POST".into(), path: "/model/m/converse".into(), headers: Vec::new(), body: body.into() }
    }

    #[test]
    fn finding_a_request_takes_the_same_time_however_long_the_recording_is() {
        let effort = |count: usize| {
            let replay = replay(count);
            // The last one, and none before it was used.
            let (found, effort) = cost::of_reading(|| replay.find(request(count - 1)).now_or_never());
            assert_eq!(found.expect("no wait").expect("a response"), count - 1);
            effort
        };
        let (short, long) = (effort(2), effort(20_000));
        // The number itself is longer.
        assert!(long < short + 100, "{short} bytes are inspected in a short recording, {long} in a long one");
    }

    #[tokio::test]
    async fn the_most_similar_request_is_searched_among_the_first_unused_ones() {
        let replay = replay(1000);
        for number in 0..500 {
            assert_eq!(replay.find(request(number)).await.expect("a response"), number);
        }
        let error = replay.find(request(1000)).await.expect_err("no response");
        let expected = "the body of the most similar of the first 100 unused ones, /interactions/500, differs at \
                    /messages/0/content/0/text";
        assert!(error.to_string().contains(expected), "{error}");
        let error = replay.find(request(0)).await.expect_err("no response");
        assert!(error.to_string().contains("it has this request 1 times, and all were used"), "{error}");
    }

    #[test]
    fn with_recorded_timing_a_replay_waits_before_each_part_and_otherwise_never() {
        let part = |ms, bytes: &'static str| Part { after: Duration::from_millis(ms), bytes: bytes.into() };
        let response = Response {
            after: Duration::from_secs(1),
            status: 200,
            headers: Vec::new(),
            until_close: false,
            content: Content::Events([part(30, "a"), part(0, "b"), part(2, "c")].into_iter().collect()),
            error: Some("reset".to_owned()),
        };
        let data = |bytes: &'static str| BodyStep::Data(Bytes::from(bytes));
        let wait = |ms| BodyStep::Wait(Duration::from_millis(ms));
        let fail = || BodyStep::Fail("reset".to_owned());
        assert_eq!(response.steps(true), [wait(30), data("a"), data("b"), wait(2), data("c"), fail()]);
        assert_eq!(response.steps(false), [data("a"), data("b"), data("c"), fail()]);
    }
}
