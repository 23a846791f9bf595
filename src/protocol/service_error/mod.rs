//! An error that the service reports: over HTTP or inside a stream.
//!
//! The service names its errors: in the header `x-amzn-errortype`, in the body's `__type` or `code`, and in frames of a
//! stream. The name decides the [`Kind`]. If it is unknown, the HTTP status does. Gateways in front of the service have
//! bodies of other forms, whose message is searched in the usual members.
//!
//! `body` reads a body, `kind` maps names and HTTP statuses, `retry_after` reads the header of that name, and `advice`
//! has the sentences that tell a user what to do.

mod advice;
mod body;
mod kind;
mod retry_after;

pub use kind::refuses_identity;

use super::content_encoding;
use super::host::host_of;
use super::redact::Secrets;
use crate::error::{Error, Kind};
use crate::json::Json;
use http::Uri;
use std::borrow::Cow;
use std::time::Duration;

/// The maximum length of the part of an error response's body that is read.
pub const MAX_ERROR_BODY: usize = 64 << 10;

/// An error that the service reports.
#[derive(Clone, Debug, Default)]
pub struct ServiceError {
    /// The service's name for the error, or "".
    pub code: String,
    pub message: String,
    /// The HTTP status, 0 inside a stream.
    pub status: u16,
    pub request_id: String,
    pub retry_after: Option<Duration>,
    /// The body or the payload if it is JSON, else "".
    pub json: String,
}

impl ServiceError {
    /// Returns an error with a name and a message and nothing else.
    pub fn new(code: &str, message: &str) -> Self {
        ServiceError { code: code.to_owned(), message: message.to_owned(), ..ServiceError::default() }
    }

    /// Reads an HTTP response whose status is not a success. Removes the [`Secrets`] of its request.
    pub fn from_http<'a>(
        status: u16,
        headers: impl Fn(&str) -> Option<&'a str>,
        body: &[u8],
        secrets: &Secrets,
    ) -> Self {
        let text = String::from_utf8_lossy(body);
        let text = secrets.redact(&text);
        let json = Json::parse(&text).ok();
        let header = |name| headers(name).filter(|value| !value.is_empty()).map(|value| secrets.redact(value));
        let code = header("x-amzn-errortype").map(Cow::into_owned).or_else(|| json.and_then(body::name_in));
        let encoding = header("content-encoding");
        let encoding = content_encoding::unexpected(encoding.as_deref());
        let location = header("location").filter(|_| (300..400).contains(&status));
        let message = match (&location, json, encoding) {
            (Some(location), ..) => {
                format!("the response leads to {}: redirects are not followed; set base_url", host_in(location))
            }
            (None, Some(json), _) => body::message_in(json).unwrap_or_else(|| body::quote_json(json)),
            (None, None, Some(encoding)) => content_encoding::message_for(encoding),
            (None, None, None) if text.trim().is_empty() => "the response is empty".to_owned(),
            (None, None, None) => format!(
                "the response is {}, not JSON; is this really a Bedrock endpoint? It begins: {}",
                header("content-type").unwrap_or("of no type".into()),
                body::beginning(&text)
            ),
        };
        ServiceError {
            code: code.as_deref().map(bare_name).unwrap_or_default().to_owned(),
            message,
            status,
            request_id: header("x-amzn-requestid").unwrap_or_default().into_owned(),
            retry_after: retry_after::retry_after(&headers),
            json: json.map(|_| text.to_string()).unwrap_or_default(),
        }
    }

    /// Reads an exception frame: the error's name from its header, and the payload `{"message": ...}`.
    pub fn from_exception(name: &str, payload: &str) -> Self {
        let json = Json::parse(payload).ok();
        let message = json.and_then(body::message_in).unwrap_or_else(|| payload.to_owned());
        let json = json.map(|_| payload.to_owned()).unwrap_or_default();
        ServiceError { json, ..ServiceError::new(name, &message) }
    }

    /// Reads the error in a response whose HTTP status is a success. Some routes of the service respond like that.
    pub fn from_success(json: Json<'_>, status: u16) -> Option<Self> {
        let inner = json.get("Output").unwrap_or(json);
        let code = inner.get("__type").and_then(Json::string)?;
        let message = body::message_in(inner).unwrap_or_default();
        Some(ServiceError { status, json: json.text().to_owned(), ..ServiceError::new(bare_name(&code), &message) })
    }

    /// Returns the name and the HTTP status, as far as they are known.
    pub fn title(&self) -> String {
        match (self.code.as_str(), self.status) {
            (code, 0) => code.to_owned(),
            ("", status) => format!("HTTP {status}"),
            (code, status) => format!("{code} (HTTP {status})"),
        }
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> Kind {
        kind::kind_of(&self.code, self.status, &self.message)
    }

    /// Returns the next step, a sentence without its full stop, or "" if none is known.
    pub fn advice(&self) -> &'static str {
        advice::advice_for(self.kind(), &self.code, &self.message)
    }

    /// Returns whether the service reports that the request was signed by a wrong clock.
    pub fn is_clock_error(&self) -> bool {
        advice::is_clock_error(&self.code)
    }

    /// Returns whether the error has this name. Inside a stream, names begin with a small letter.
    pub fn is_named(&self, name: &str) -> bool {
        self.code.eq_ignore_ascii_case(name)
    }

    /// Returns the error of the call that this error ends.
    pub fn into_error(self) -> Error {
        let message = join(&self.title(), ": ", self.message.trim().trim_end_matches('.'));
        self.describe(Error::new(self.kind(), message).advise(self.advice()))
    }

    /// Adds to an error the fields that a service error has for programs.
    pub fn describe(&self, error: Error) -> Error {
        error
            .with_code(&self.code)
            .with_http_status(self.status)
            .with_request_id(&self.request_id)
            .with_retry_after(self.retry_after)
            .with_json(&self.json)
    }
}

/// Returns scheme and host of a URL, for a message. Its path and query may be confidential.
fn host_in(url: &str) -> String {
    match url.parse::<Uri>() {
        Ok(uri) if uri.host().is_some() => format!("{}://{}/", uri.scheme_str().unwrap_or("https"), host_of(&uri)),
        _ => "another path".to_owned(),
    }
}

/// Returns the name alone: `x-amzn-errortype` and `__type` may hold `aws.protocol#Name:http://...`.
fn bare_name(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default().trim()
}

/// Joins the two texts by `separator` if neither is empty.
fn join(first: &str, separator: &str, second: &str) -> String {
    [first, second].map(str::trim).into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_header_that_repeats_a_secret_brings_it_into_the_error() {
        let token = "bedrock-api-key-c2VjcmV0";
        let secrets = Secrets::in_headers([("authorization", &*format!("Bearer {token}"))]);
        for name in ["x-amzn-errortype", "content-type", "content-encoding", "location", "x-amzn-requestid"] {
            let header = |wanted: &str| (wanted == name).then_some(token);
            let error = ServiceError::from_http(307, header, b"not JSON", &secrets).into_error();
            for text in [error.message(), error.code(), error.request_id()] {
                assert!(!text.as_str().contains(token), "{name}: {text}");
            }
        }
    }
}
