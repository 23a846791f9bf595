//! Answers from a recording, in the place of the network.
//!
//! A request gets the first answer to the same request that no one has had yet: the same method, path and query, and a body that
//! says the same. Headers are not looked at. It is found by what it means, however long the recording is. Where there is none,
//! the error names the recorded request that is nearest.

use super::differ::{Difference, difference};
use super::format::{Answer, Content, Interaction, Outcome, Request, read};
use super::meaning::{Meaning, Meanings};
use super::recorder::{QUOTE_FILE, file_name};
use crate::config::check_transport::{bad, check_keys};
use crate::error::{Error, Kind, Result, quote_up_to};
use crate::http::body::UntilClose;
use crate::json::{Checked, Json};
use crate::runtime::blocking;
use crate::runtime::sync::{Mutex, MutexGuard};
use crate::script::timed_body::{Beat, Play};
use crate::sys::regular_file;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// The longest recording that is read.
const LARGEST: u64 = 256 << 20;
/// The longest body that the worker looks at itself.
const SHORT: usize = 16 << 10;
/// How many recorded requests an error looks at to name the nearest, and about how many bytes of them.
const MOST_COMPARED: usize = 100;
const MOST_BYTES_COMPARED: usize = 16 << 20;

/// A recording, and what has been answered from it.
#[derive(Clone)]
pub struct Replay(Arc<Inner>);

struct Inner {
    file: String,
    interactions: Vec<Interaction>,
    meanings: Meanings,
    /// By method and path: the interactions, in their order.
    places: HashMap<Place, Vec<usize>>,
    /// Whether answers take as long as they took.
    timed: bool,
    left: Mutex<Left>,
}

/// A request's method, and its path without percent signs.
type Place = (String, Vec<u8>);

/// What has not been answered.
struct Left {
    used: Vec<bool>,
    /// By what is asked for: the interactions, in their order, and how many of them have been used.
    asked: HashMap<(Place, Meaning), (Vec<usize>, usize)>,
}

impl Replay {
    /// Reads the recording that the config's `transport` names.
    pub fn parse(json: Json<'_>) -> Result<Self> {
        check_keys(json, "/transport", &["replay", "timing"])?;
        let timed = match json.get("timing") {
            None => false,
            Some(timing) if timing.is("at_once") => false,
            Some(timing) if timing.is("recorded") => true,
            Some(_) => return Err(bad("/transport/timing", "\"at_once\" or \"recorded\" is needed")),
        };
        let name = file_name(json, "replay")?;
        let file = quote_up_to(&name, QUOTE_FILE);
        let refused = |what: String| bad("/transport/replay", &format!("{file}: {what}"));
        let text = regular_file::read(name.as_ref(), LARGEST).map_err(|why| refused(why.to_string()))?;
        let text = String::from_utf8(text).map_err(|_| refused("it is not UTF-8".to_owned()))?;
        let interactions = read(&text).map_err(|fault| match fault.pointer.as_str() {
            "" => refused(fault.what),
            pointer => refused(format!("at {pointer}: {}", fault.what)),
        })?;
        Ok(Replay::of(file, interactions, timed))
    }

    fn of(file: String, interactions: Vec<Interaction>, timed: bool) -> Self {
        let meanings = Meanings::default();
        let mut places: HashMap<Place, Vec<usize>> = HashMap::new();
        let mut left = Left { used: vec![false; interactions.len()], asked: HashMap::new() };
        for (index, Interaction { request, .. }) in interactions.iter().enumerate() {
            places.entry(place(request)).or_default().push(index);
            left.asked.entry((place(request), meanings.of(&request.body))).or_default().0.push(index);
        }
        Replay(Arc::new(Inner { file, interactions, meanings, places, timed, left: Mutex::new(left) }))
    }

    /// The interaction that answers this request.
    async fn find(&self, request: Request) -> Result<usize> {
        let meaning = if request.body.len() <= SHORT {
            self.0.meanings.of(&request.body)
        } else {
            let (replay, body) = (self.clone(), request.body.clone());
            blocking::CHECKS.run(move || Ok(replay.0.meanings.of(&body))).await?
        };
        let asked = (place(&request), meaning);
        let found = self.0.left().take(&asked);
        match found {
            Some(index) => Ok(index),
            None => {
                let replay = self.clone();
                blocking::CHECKS.run(move || Err(replay.0.lacks(&request, &asked))).await
            }
        }
    }
}

impl Left {
    fn take(&mut self, asked: &(Place, Meaning)) -> Option<usize> {
        let (interactions, used) = self.asked.get_mut(asked)?;
        let &index = interactions.get(*used)?;
        *used += 1;
        self.used[index] = true;
        Some(index)
    }
}

impl Inner {
    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock()
    }

    /// The error for a request that nothing that is left answers. May take long.
    fn lacks(&self, request: &Request, asked: &(Place, Meaning)) -> Error {
        let (matching, candidates) = {
            let left = self.left();
            let matching = left.asked.get(asked).map_or(0, |(interactions, _)| interactions.len());
            let candidates = self.places.get(&asked.0).into_iter().flatten().copied();
            (matching, candidates.filter(|index| !left.used[*index]).collect::<Vec<_>>())
        };
        let mut what = format!("the recording {} has no answer to {} {}", self.file, request.method, request.path);
        if matching > 0 {
            what += &format!(": it has this request {matching} times, and all were answered (each retry is one)");
        } else if candidates.is_empty() {
            what += ": no request to that path is left in it";
        }
        if let Some((index, compared, difference)) = self.nearest(&request.body, &candidates) {
            let pointer = match difference.first.as_str() {
                "" => "as a whole",
                pointer => &format!("at {pointer}"),
            };
            let which = if compared < candidates.len() {
                format!("the nearest of the first {compared} that are left")
            } else {
                "the nearest that is left".to_owned()
            };
            what += &format!("; the body of {which}, /interactions/{index}, differs {pointer}");
        }
        Error::new(Kind::Config, what).at("/transport/replay")
    }

    /// The one of the interactions from which the body differs least, after how many it was found, and where they differ.
    fn nearest(&self, body: &[u8], candidates: &[usize]) -> Option<(usize, usize, Difference)> {
        let text = std::str::from_utf8(body).ok().map(Checked::from);
        let json = text.as_ref().and_then(|text| text.json().ok());
        let mut nearest: Option<(usize, Difference)> = None;
        let (mut compared, mut bytes) = (0, 0);
        for &index in candidates.iter().take(MOST_COMPARED) {
            if bytes > MOST_BYTES_COMPARED {
                break;
            }
            let recorded = &self.interactions[index].request.body;
            compared += 1;
            bytes += recorded.len() + body.len();
            let most = nearest.as_ref().map_or(usize::MAX, |(_, known)| known.count);
            let differs = differs(json, recorded, most);
            if differs.count < most || nearest.is_none() {
                nearest = Some((index, differs));
            }
        }
        nearest.map(|(index, difference)| (index, compared, difference))
    }
}

/// Where a body and a recorded one differ, which are not the same.
fn differs(json: Option<Json<'_>>, recorded: &[u8], most: usize) -> Difference {
    let recorded = std::str::from_utf8(recorded).ok().map(Checked::from);
    let recorded = recorded.as_ref().and_then(|text| text.json().ok());
    let difference = json.zip(recorded).and_then(|(json, recorded)| difference(json, recorded, most));
    difference.unwrap_or_else(|| Difference { first: String::new(), count: 1 })
}

fn place(request: &Request) -> Place {
    (request.method.clone(), decoded(&request.path))
}

/// A path without its percent signs, where they stand before two digits.
fn decoded(path: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|digits| first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let code = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() { &behind[2..] } else { behind };
    }
    bytes
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Replay")
    }
}

impl HttpClient for Replay {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Replay {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (replay, request) = (self.clone(), Request::of(&request));
        HttpConnectorFuture::new(async move {
            let index = replay.find(request).await.map_err(|error| ConnectorError::user(error.into()))?;
            let timed = replay.0.timed;
            match &replay.0.interactions[index].outcome {
                Outcome::Failure(why) => Err(ConnectorError::io(why.clone().into())),
                Outcome::Answer(answer) => {
                    if timed {
                        sleep(answer.after).await;
                    }
                    answer.play(timed)
                }
            }
        })
    }
}

impl Answer {
    fn play(&self, timed: bool) -> std::result::Result<HttpResponse, ConnectorError> {
        let invalid = |error: aws_smithy_runtime_api::http::HttpError| ConnectorError::user(error.into());
        let mut response = HttpResponse::new(self.status.try_into().map_err(invalid)?, Play::body(self.beats(timed)));
        if self.until_close {
            response.add_extension(UntilClose);
        }
        for (name, value) in &self.headers {
            response.headers_mut().try_append(name.clone(), value.clone()).map_err(invalid)?;
        }
        Ok(response)
    }

    fn beats(&self, timed: bool) -> Vec<Beat> {
        let mut beats = Vec::new();
        match &self.content {
            Content::Whole(body) => beats.push(Beat::Data(body.clone())),
            Content::Events(parts) => {
                for part in parts.iter() {
                    if timed && part.after > Duration::ZERO {
                        beats.push(Beat::Wait(part.after));
                    }
                    beats.push(Beat::Data(part.bytes.clone()));
                }
            }
        }
        beats.extend(self.ended.clone().map(Beat::Broken));
        beats
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cassette::format::Part;
    use crate::json::cost;
    use bytes::Bytes;
    use futures::FutureExt;

    /// Of a recording: interactions with bodies that differ in a number.
    fn replay(count: usize) -> Replay {
        let interaction = |number| Interaction { request: request(number), outcome: Outcome::Failure("gone".into()) };
        Replay::of("a.json".into(), (0..count).map(interaction).collect(), false)
    }

    fn request(number: usize) -> Request {
        let body = format!(r#"{{"messages":[{{"role":"user","content":[{{"text":"{number}"}}]}}]}}"#);
        Request { method: "POST".into(), path: "/model/m/converse".into(), headers: Vec::new(), body: body.into() }
    }

    #[test]
    fn a_request_is_found_at_once_however_long_the_recording_is() {
        let effort = |count: usize| {
            let replay = replay(count);
            // The last one, after all before it were left.
            let (found, effort) = cost::of_reading(|| replay.find(request(count - 1)).now_or_never());
            assert_eq!(found.expect("nothing is waited for").expect("an answer"), count - 1);
            effort
        };
        let (short, long) = (effort(2), effort(20_000));
        // The number itself is longer.
        assert!(long < short + 100, "{short} bytes are looked at in a short recording, {long} in a long one");
    }

    #[tokio::test]
    async fn the_nearest_is_looked_for_among_the_first_that_are_left() {
        let replay = replay(1000);
        for number in 0..500 {
            assert_eq!(replay.find(request(number)).await.expect("an answer"), number);
        }
        let error = replay.find(request(1000)).await.expect_err("no answer");
        let says = "the body of the nearest of the first 100 that are left, /interactions/500, differs at \
                    /messages/0/content/0/text";
        assert!(error.to_string().contains(says), "{error}");
        let error = replay.find(request(0)).await.expect_err("no answer");
        assert!(error.to_string().contains("it has this request 1 times, and all were answered"), "{error}");
    }

    #[test]
    fn recorded_timing_waits_before_each_part_and_at_once_never_does() {
        let part = |ms, bytes: &'static str| Part { after: Duration::from_millis(ms), bytes: bytes.into() };
        let answer = Answer {
            after: Duration::from_secs(1),
            status: 200,
            headers: Vec::new(),
            until_close: false,
            content: Content::Events([part(30, "a"), part(0, "b"), part(2, "c")].into_iter().collect()),
            ended: Some("reset".to_owned()),
        };
        let data = |bytes: &'static str| Beat::Data(Bytes::from(bytes));
        let wait = |ms| Beat::Wait(Duration::from_millis(ms));
        let broken = || Beat::Broken("reset".to_owned());
        assert_eq!(answer.beats(true), [wait(30), data("a"), data("b"), wait(2), data("c"), broken()]);
        assert_eq!(answer.beats(false), [data("a"), data("b"), data("c"), broken()]);
    }

    #[test]
    fn percent_signs_hide_no_path() {
        for (one, other) in [("/model/a%3A0/converse", "/model/a:0/converse"), ("/%2f", "/%2F"), ("/%zz%", "/%zz%")] {
            assert_eq!(decoded(one), decoded(other));
        }
        assert_ne!(decoded("/a%3A"), decoded("/a%3B"));
    }
}
