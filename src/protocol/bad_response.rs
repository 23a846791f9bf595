//! The errors for a response that breaks off or has the wrong form.

use super::service_error::ServiceError;
use crate::error::{Error, Kind};
use crate::json::Json;

/// Returns the error for a connection that fails while the body of a unary response is being received.
pub fn interrupted(cause: &str) -> Error {
    Error::new(Kind::Network, format_args!("the response broke off: {cause}"))
}

/// Returns the error for a response with a status of success that should be a stream and is not.
pub fn not_a_stream(status: u16, content_type: &str, body: &str) -> Error {
    let service_error = Json::parse(body).ok().and_then(|json| ServiceError::from_success(json, status));
    if let Some(error) = service_error {
        return error.into_error();
    }
    let found = match (content_type, body.is_empty()) {
        ("", true) => "empty".to_owned(),
        ("", false) => "of no type".to_owned(),
        (content_type, true) => format!("{content_type} and empty"),
        (content_type, false) => content_type.to_owned(),
    };
    let what = format_args!(
        "the response (HTTP {status}) is {found}, not an event stream; is this really a Bedrock endpoint?"
    );
    Error::new(Kind::Protocol, what).with_http_status(status)
}
