//! How the failures of the service become an [`Error`].

use super::frame::FrameError;
use super::refusal::Refusal;
use crate::error::{Error, Kind};
use crate::json::Json;

impl From<FrameError> for Error {
    fn from(error: FrameError) -> Self {
        if let FrameError::Memory(bytes) = error {
            return Error::out_of_memory("reading a frame of the answer", bytes);
        }
        Error::new(Kind::Protocol, format_args!("the answer is damaged: {error}"))
    }
}

/// An exception frame: the failure's name in its header, `{"message": ...}` as payload.
pub fn in_stream(name: &str, payload: &str) -> Error {
    Refusal::of_exception(name, payload).into_error()
}

/// A frame of message type `error`: name and message in its headers.
pub fn in_stream_error(name: &str, message: &str) -> Error {
    Refusal::named(name, message).into_error()
}

/// A connection that failed in the middle of an answer that is no stream.
pub fn broke_off(what: &str) -> Error {
    Error::new(Kind::Network, format_args!("the answer broke off: {what}"))
}

/// The failure that a successful answer names all the same.
pub fn in_success(json: Json<'_>, status: u16) -> Option<Error> {
    Refusal::in_success(json, status).map(Refusal::into_error)
}

/// What a 2xx answer that should have been a stream, and is not, says.
pub fn misrouted(status: u16, content_type: &str, body: &str) -> Error {
    Json::parse(body).ok().and_then(|json| in_success(json, status)).unwrap_or_else(|| {
        let told = match (content_type, body.is_empty()) {
            ("", true) => "empty".to_owned(),
            ("", false) => "of no type".to_owned(),
            (content_type, true) => format!("{content_type} and empty"),
            (content_type, false) => content_type.to_owned(),
        };
        let what = format_args!(
            "the answer (HTTP {status}) is {told}, not an event stream; is this really a Bedrock endpoint?"
        );
        Error::new(Kind::Protocol, what).with_http_status(status)
    })
}
