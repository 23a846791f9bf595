//! Answers from a recording, in the place of the network.
//!
//! A request gets the first answer to the same request that no one has had yet: the same method, path and query, and a body that
//! says the same. Headers are not looked at. Where there is none, the error names the recorded request that is nearest.

use super::check::{bad, check_keys};
use super::differ::differences;
use super::play::{Beat, Play};
use super::recorder::{QUOTE_FILE, file_name};
use super::recording::{Answer, Content, Interaction, Outcome, Request, read};
use crate::error::{Error, Kind, Result, quote_up_to};
use crate::json::Json;
use crate::wire::answer::UntilClose;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// A recording, and what has been answered from it.
#[derive(Clone)]
pub struct Replay(Arc<Inner>);

struct Inner {
    file: String,
    interactions: Vec<Interaction>,
    /// Whether answers take as long as they took.
    timed: bool,
    used: Mutex<Vec<bool>>,
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
        let file = quote_up_to(&file_name(json, "replay")?, QUOTE_FILE);
        let refused = |what: String| bad("/transport/replay", &format!("{file}: {what}"));
        let text = std::fs::read(file_name(json, "replay")?).map_err(|error| refused(error.to_string()))?;
        let text = String::from_utf8(text).map_err(|_| refused("it is not UTF-8".to_owned()))?;
        let interactions = read(&text).map_err(|fault| match fault.pointer.as_str() {
            "" => refused(fault.what),
            pointer => refused(format!("at {pointer}: {}", fault.what)),
        })?;
        let used = Mutex::new(vec![false; interactions.len()]);
        Ok(Replay(Arc::new(Inner { file, interactions, timed, used })))
    }

    /// What the recording has to say to this request.
    fn next(&self, request: &Request) -> Result<&Outcome> {
        let Inner { file, interactions, used, .. } = &*self.0;
        let mut used = used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut nearest: Option<(usize, Vec<String>)> = None;
        let mut matching = 0;
        for (index, recorded) in interactions.iter().enumerate().filter(|(_, it)| same_place(&it.request, request)) {
            let differ = bodies_differ(&recorded.request, request);
            match (differ.is_empty(), used[index]) {
                (true, false) => {
                    used[index] = true;
                    return Ok(&recorded.outcome);
                }
                (true, true) => matching += 1,
                (false, false) if nearest.as_ref().is_none_or(|(_, known)| differ.len() < known.len()) => {
                    nearest = Some((index, differ));
                }
                (false, _) => {}
            }
        }
        let mut what = format!("the recording {file} has no answer to {} {}", request.method, request.path);
        if matching > 0 {
            what += &format!(": it has this request {matching} times, and all were answered (each retry is one)");
        } else if nearest.is_none() {
            what += ": no request to that path is left in it";
        }
        if let Some((index, differ)) = nearest {
            let pointer = match differ[0].as_str() {
                "" => "as a whole",
                pointer => &format!("at {pointer}"),
            };
            what += &format!("; the body of the nearest that is left, /interactions/{index}, differs {pointer}");
        }
        Err(Error::new(Kind::Config, what).at("/transport/replay"))
    }
}

fn same_place(one: &Request, other: &Request) -> bool {
    one.method == other.method && (one.path == other.path || decoded(&one.path) == decoded(&other.path))
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

/// Where the bodies differ, as JSON pointers; nothing where they say the same.
fn bodies_differ(recorded: &Request, asked: &Request) -> Vec<String> {
    if recorded.body == asked.body {
        return Vec::new();
    }
    let json = |request| Json::parse(std::str::from_utf8(request).ok()?).ok();
    match (json(&recorded.body), json(&asked.body)) {
        (Some(recorded), Some(asked)) => {
            let mut differ = differences(asked, recorded);
            // A job's token is another each time it is asked for.
            differ.retain(|pointer| pointer != "/clientRequestToken");
            differ
        }
        _ => vec![String::new()],
    }
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
        let timed = self.0.timed;
        match self.next(&Request::of(&request)) {
            Err(error) => HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
            Ok(Outcome::Failure(why)) => HttpConnectorFuture::ready(Err(ConnectorError::io(why.clone().into()))),
            Ok(Outcome::Answer(answer)) if timed => {
                let (after, response) = (answer.after, answer.play(timed));
                HttpConnectorFuture::new(async move {
                    sleep(after).await;
                    response
                })
            }
            Ok(Outcome::Answer(answer)) => HttpConnectorFuture::ready(answer.play(timed)),
        }
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
    use crate::transport::recording::Part;
    use bytes::Bytes;

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
