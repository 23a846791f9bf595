//! How the failures of the SDK become an [`Error`].

use crate::error::{Error, Kind, chain, find};
use crate::protocol::bad_response::interrupted;
use crate::protocol::redact::Secrets;
use crate::protocol::service_error::ServiceError;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_bedrockruntime::error::SdkError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use std::error::Error as StdError;

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
        SdkError::ServiceError(service) => refusal_of(service.raw()).into_error(),
        SdkError::ResponseError(response) => {
            let status = response.raw().status().as_u16();
            interrupted(&chain(cause(&error))).with_http_status(status)
        }
        // A recording of a call that had no answer.
        SdkError::DispatchFailure(dispatch) if dispatch.is_io() => {
            Error::new(Kind::Network, chain(cause(cause(&error)))).advise("Check the network, the proxy and base_url")
        }
        _ if lacks_credentials(&error) => no_credentials(&error),
        _ => Error::new(Kind::Config, format_args!("the request could not be made: {}", chain(cause(&error)))),
    }
}

/// Reads an answer that is no success, without the [`Secrets`] that stand with it.
pub fn refusal_of(response: &HttpResponse) -> ServiceError {
    let status = response.status().as_u16();
    let secrets = response.extension::<Secrets>().cloned().unwrap_or_default();
    ServiceError::from_http(
        status,
        |name| response.headers().get(name),
        response.body().bytes().unwrap_or_default(),
        &secrets,
    )
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

fn cause<'e>(error: &'e (dyn StdError + 'static)) -> &'e (dyn StdError + 'static) {
    error.source().unwrap_or(error)
}
