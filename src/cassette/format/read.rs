//! Reads a recording. Anything that is not part of the format is an error with a JSON pointer.

use super::interaction::{Content, Headers, Interaction, MARK, Outcome, Request, Response, VERSION};
use super::timed_parts::Part;
use crate::error::quote;
use crate::json::{Checked, Json, Kind, pointer_token};
use crate::protocol::frame_encoder::encode;
use bytes::Bytes;
use std::time::Duration;

/// The reason why a text is not a recording.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// A JSON pointer.
    pub pointer: String,
    pub what: String,
}

type Result<T> = std::result::Result<T, Fault>;

/// Reads the interactions of a recording.
pub fn read(text: &str) -> Result<Vec<Interaction>> {
    // Values are skipped more than once.
    let text = Checked::from(text);
    let json =
        text.json().map_err(|invalid| Fault { pointer: String::new(), what: format!("it is not JSON: {invalid}") })?;
    let root = At { json, pointer: String::new() };
    root.object(&[MARK, "interactions"])?;
    let version = root.need(MARK)?;
    if version.number(u64::MAX)? != VERSION {
        return Err(version.fault(format!("this library reads version {VERSION} and no other")));
    }
    root.need("interactions")?.elements()?.map(|element| read_interaction(&element)).collect()
}

fn read_interaction(at: &At<'_>) -> Result<Interaction> {
    at.object(&["request", "response", "failure"])?;
    let request = read_request(&at.need("request")?)?;
    let outcome = match at.one_of("response", "failure")? {
        ("response", response) => Outcome::Response(read_response(&response)?),
        (_, failure) => Outcome::Failure(failure.text()?),
    };
    Ok(Interaction { request, outcome })
}

fn read_request(at: &At<'_>) -> Result<Request> {
    at.object(&["method", "path", "headers", "body", "body_base64"])?;
    Ok(Request {
        method: at.need("method")?.text()?,
        path: at.need("path")?.text()?,
        headers: at.headers()?,
        body: at.bytes("body", "body_base64")?,
    })
}

fn read_response(at: &At<'_>) -> Result<Response> {
    at.object(&["after_ms", "status", "headers", "body", "body_base64", "events", "until_close", "ended"])?;
    let status = at.need("status")?;
    let known = status.number(599)?;
    if known < 200 {
        return Err(status.fault("an HTTP status from 200 to 599 is needed"));
    }
    let headers = at.headers()?;
    for (name, value) in &headers {
        let fits = http::HeaderName::from_bytes(name.as_bytes()).is_ok() && http::HeaderValue::from_str(value).is_ok();
        if !fits {
            return Err(at.need("headers")?.below(name, at.json).fault("it cannot be a header"));
        }
    }
    let content = match at.member("events") {
        Some(events) => {
            if let Some(body) = at.member("body").or_else(|| at.member("body_base64")) {
                return Err(body.fault("it cannot be given together with events"));
            }
            Content::Events(events.elements()?.map(|element| read_part(&element)).collect::<Result<_>>()?)
        }
        None => Content::Bytes(at.bytes("body", "body_base64")?),
    };
    let until_close = at.member("until_close").map(|value| value.bool()).transpose()?.unwrap_or_default();
    let error = at.member("ended").map(|error| error.text()).transpose()?;
    Ok(Response { after: at.after()?, status: known as u16, headers, content, until_close, error })
}

fn read_part(at: &At<'_>) -> Result<Part> {
    at.object(&["after_ms", "type", "exception", "headers", "payload", "payload_base64", "base64"])?;
    let after = at.after()?;
    if let Some(raw) = at.member("base64") {
        return Ok(Part { after, bytes: raw.base64()? });
    }
    let payload = at.bytes("payload", "payload_base64")?;
    let named = |header: &str, kind: &str, name: String| {
        let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        vec![pair(header, &name), pair(":content-type", "application/json"), pair(":message-type", kind)]
    };
    let headers = if let Some(name) = at.member("type") {
        named(":event-type", "event", name.text()?)
    } else if let Some(name) = at.member("exception") {
        named(":exception-type", "exception", name.text()?)
    } else if at.member("headers").is_some() {
        at.headers()?
    } else {
        return Err(at.fault("type, exception, headers or base64 is missing"));
    };
    let headers: Vec<_> = headers.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let bytes = encode(&headers, &payload).map_err(|why| at.fault(format!("a frame cannot hold it: {why}")))?;
    Ok(Part { after, bytes })
}

/// A value and its JSON pointer.
struct At<'a> {
    json: Json<'a>,
    pointer: String,
}

impl<'a> At<'a> {
    fn fault(&self, what: impl Into<String>) -> Fault {
        Fault { pointer: self.pointer.clone(), what: what.into() }
    }

    fn expect(&self, kind: Kind) -> Result<()> {
        let found = self.json.kind();
        if found == kind { Ok(()) } else { Err(self.fault(format!("expected {kind}, found {found}"))) }
    }

    fn object(&self, known: &[&str]) -> Result<()> {
        self.expect(Kind::Object)?;
        let unknown = self.json.members().find(|member| !known.iter().any(|key| member.key.is(key)));
        let Some(unknown) = unknown else { return Ok(()) };
        let key = unknown.key.string().unwrap_or_default();
        let what = format!("the key {} is unknown; known are {}", quote(&key), known.join(", "));
        Err(self.below(&key, unknown.value).fault(what))
    }

    fn below(&self, key: &str, json: Json<'a>) -> At<'a> {
        At { json, pointer: format!("{}/{}", self.pointer, pointer_token(key)) }
    }

    fn member(&self, key: &str) -> Option<At<'a>> {
        self.json.get(key).map(|json| self.below(key, json))
    }

    fn need(&self, key: &str) -> Result<At<'a>> {
        self.member(key).ok_or_else(|| self.fault(format!("{key} is missing")))
    }

    /// Returns the one of two members that exists.
    fn one_of(&self, one: &'static str, other: &'static str) -> Result<(&'static str, At<'a>)> {
        match (self.member(one), self.member(other)) {
            (Some(value), None) => Ok((one, value)),
            (None, Some(value)) => Ok((other, value)),
            (Some(_), Some(value)) => Err(value.fault(format!("it cannot be given together with {one}"))),
            (None, None) => Err(self.fault(format!("{one} or {other} is missing"))),
        }
    }

    fn elements(&self) -> Result<impl Iterator<Item = At<'a>> + use<'a, '_>> {
        self.expect(Kind::Array)?;
        Ok(self.json.elements().enumerate().map(|(index, json)| self.below(&index.to_string(), json)))
    }

    fn text(&self) -> Result<String> {
        self.expect(Kind::String)?;
        Ok(self.json.string().unwrap_or_default().into_owned())
    }

    fn bool(&self) -> Result<bool> {
        self.json.bool().ok_or_else(|| self.fault("expected true or false"))
    }

    fn number(&self, most: u64) -> Result<u64> {
        let number = self.json.i64().and_then(|number| u64::try_from(number).ok()).filter(|&number| number <= most);
        number.ok_or_else(|| self.fault(format!("expected a whole number from 0 to {most}")))
    }

    fn headers(&self) -> Result<Headers> {
        let headers = self.need("headers")?;
        headers.expect(Kind::Object)?;
        let member = |member: crate::json::Member<'a>| {
            let name = member.key.string().unwrap_or_default().into_owned();
            let text = headers.below(&name, member.value).text()?;
            Ok((name, text))
        };
        headers.json.members().map(member).collect()
    }

    fn after(&self) -> Result<Duration> {
        self.member("after_ms").map_or(Ok(0), |after| after.number(86_400_000)).map(Duration::from_millis)
    }

    fn bytes(&self, key: &'static str, else_key: &'static str) -> Result<Bytes> {
        match self.one_of(key, else_key)? {
            (is, value) if is == key => Ok(Bytes::copy_from_slice(value.json.text().as_bytes())),
            (_, value) => value.base64(),
        }
    }

    fn base64(&self) -> Result<Bytes> {
        let decoded = base64_simd::STANDARD.decode_to_vec(self.text()?.as_bytes());
        decoded.map(Bytes::from).map_err(|_| self.fault("it is not base64"))
    }
}
