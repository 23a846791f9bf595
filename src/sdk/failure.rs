//! How the failures of the service, and of the SDK below us, become an [`Error`].

use crate::error::{Error, Kind};
use crate::json::Json;
use crate::protocol::frame::FrameError;
use crate::protocol::refusal::Refusal;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_bedrockruntime::error::SdkError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use std::error::Error as StdError;

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

/// Everything that can go wrong between a request that is ready and the head of its answer.
pub fn before_answer<E: StdError + 'static>(error: SdkError<E, HttpResponse>) -> Error {
    // Our own transport says itself what was wrong; on the way to what gives credentials that is a reason, not the failure.
    let for_credentials = find::<CredentialsError>(&error).is_some();
    if let Some(own) = find::<Error>(&error)
        && !(for_credentials && matches!(own.kind(), Kind::Network | Kind::Timeout))
    {
        return own.clone();
    }
    match &error {
        SdkError::ServiceError(service) => Refusal::of(service.raw()).into_error(),
        SdkError::ResponseError(response) => {
            let status = response.raw().status().as_u16();
            broke_off(&chain(cause(&error))).with_http_status(status)
        }
        // A recording of a call that had no answer.
        SdkError::DispatchFailure(dispatch) if dispatch.is_io() => {
            Error::new(Kind::Network, chain(cause(cause(&error)))).advise("Check the network, the proxy and base_url")
        }
        _ if lacks_credentials(&error) => no_credentials(&error),
        _ => Error::new(Kind::Config, format_args!("the request could not be made: {}", chain(cause(&error)))),
    }
}

/// A connection that failed in the middle of an answer that is no stream.
pub fn broke_off(what: &str) -> Error {
    Error::new(Kind::Network, format_args!("the answer broke off: {what}"))
}

/// The SDK tells a request without an identity from others only in words.
fn lacks_credentials(error: &(dyn StdError + 'static)) -> bool {
    find::<CredentialsError>(error).is_some() || {
        let words = chain(error);
        words.contains("identity") || words.contains("auth scheme")
    }
}

fn no_credentials(error: &(dyn StdError + 'static)) -> Error {
    let advice = match find::<CredentialsError>(error) {
        Some(CredentialsError::CredentialsNotLoaded(_)) | None => {
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE or AWS_BEARER_TOKEN_BEDROCK, or give api_key and secret_key"
        }
        Some(CredentialsError::ProviderTimedOut(_)) => "The credentials provider took too long; check the profile",
        Some(_) => "Log in again (aws sso login) or check the profile",
    };
    Error::new(Kind::Credentials, format_args!("no usable credentials: {}. {advice}", chain(cause(error))))
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

/// The causes of an error, the outermost first, each once. The SDK prints whole requests into some: prompts are no message.
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    let told = |error: &(dyn StdError + 'static)| {
        let text = error.downcast_ref::<Error>().map_or_else(|| error.to_string(), |own| own.told().to_owned());
        text.split("Request {").next().unwrap_or_default().trim_end().to_owned()
    };
    let mut text = told(error);
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = told(cause);
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

fn cause<'e>(error: &'e (dyn StdError + 'static)) -> &'e (dyn StdError + 'static) {
    error.source().unwrap_or(error)
}

/// The first error of that type among an error and its causes.
pub fn find<'e, T: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e T> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}
