//! Converts the errors of the SDK into an [`Error`].
//!
//! The SDK has no types for some errors, only messages: a missing identity, a timeout of the credentials. The tests
//! provoke each of them and fail if an update of the SDK changes the words.

use super::credentials::SET_CREDENTIALS;
use crate::error::{Error, Kind, chain, find};
use crate::protocol::bad_response::interrupted;
use crate::protocol::redact::Secrets;
use crate::protocol::service_error::ServiceError;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_bedrockruntime::error::SdkError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use std::error::Error as StdError;

/// Converts an error that occurred before the head of a successful response.
pub fn from_sdk<E: StdError + 'static>(error: SdkError<E, HttpResponse>) -> Error {
    // An error of the library's own transport is complete. If the transport fails for the credentials, it is only the
    // cause.
    let is_for_credentials = find::<CredentialsError>(&error).is_some();
    if let Some(own) = find::<Error>(&error)
        && !(is_for_credentials && matches!(own.kind(), Kind::Network | Kind::Timeout))
    {
        return own.clone();
    }
    match &error {
        SdkError::ServiceError(service) => service_error(service.raw()).into_error(),
        SdkError::ResponseError(response) => {
            let status = response.raw().status().as_u16();
            interrupted(&chain(cause(&error))).with_http_status(status)
        }
        // A cassette may hold a call without a response.
        SdkError::DispatchFailure(dispatch) if dispatch.is_io() => {
            Error::new(Kind::Network, chain(cause(cause(&error)))).advise("Check the network, the proxy and base_url")
        }
        _ if lacks_credentials(&error) => no_credentials(&error),
        _ => Error::new(Kind::Config, format_args!("the request could not be made: {}", chain(cause(&error)))),
    }
}

/// Reads a response whose status is not a success. Removes the [`Secrets`] that accompany it.
pub fn service_error(response: &HttpResponse) -> ServiceError {
    let secrets = response.extension::<Secrets>().cloned().unwrap_or_default();
    let header = |name: &str| response.headers().get(name);
    ServiceError::from_http(response.status().as_u16(), header, response.body().bytes().unwrap_or_default(), &secrets)
}

fn lacks_credentials(error: &(dyn StdError + 'static)) -> bool {
    find::<CredentialsError>(error).is_some() || {
        let words = chain(error);
        words.contains("identity") || words.contains("auth scheme")
    }
}

fn no_credentials(error: &(dyn StdError + 'static)) -> Error {
    let advice = match find::<CredentialsError>(error) {
        Some(CredentialsError::CredentialsNotLoaded(_)) | None => SET_CREDENTIALS,
        Some(CredentialsError::ProviderTimedOut(_)) => "The credentials provider took too long; check the profile",
        Some(_) => "Log in again (aws sso login) or check the profile",
    };
    Error::new(Kind::Credentials, format_args!("no usable credentials: {}. {advice}", chain(cause(error))))
}

fn cause<'e>(error: &'e (dyn StdError + 'static)) -> &'e (dyn StdError + 'static) {
    error.source().unwrap_or(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdk::behavior_version::behavior;
    use aws_config::identity::IdentityCache;
    use aws_credential_types::Credentials;
    use aws_credential_types::provider::{ProvideCredentials, future};
    use aws_sdk_bedrockruntime::config::{Builder, Region};
    use aws_sdk_bedrockruntime::operation::converse::ConverseError;
    use aws_sdk_bedrockruntime::types::{ContentBlock, ConversationRole, Message};
    use aws_sdk_bedrockruntime::{Client, Config};
    use aws_smithy_runtime_api::client::http::http_client_fn;
    use std::time::Duration;

    const PROMPT: &str = "a confidential prompt";

    /// Sends a request that contains [`PROMPT`] with a configuration that cannot work, and returns the SDK's error.
    async fn provoke(configure: impl FnOnce(Builder) -> Builder) -> SdkError<ConverseError, HttpResponse> {
        let no_network = http_client_fn(|_, _| panic!("nothing is sent"));
        let config =
            Config::builder().behavior_version(behavior()).region(Region::new("us-east-1")).http_client(no_network);
        let message = Message::builder().role(ConversationRole::User).content(ContentBlock::Text(PROMPT.to_owned()));
        let client = Client::from_conf(configure(config).build());
        let call = client.converse().model_id("m").messages(message.build().expect("a message"));
        call.send().await.expect_err("the configuration cannot work")
    }

    #[derive(Debug)]
    struct Silent;

    impl ProvideCredentials for Silent {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::new(std::future::pending())
        }
    }

    #[tokio::test]
    async fn the_sdks_words_for_a_missing_identity_are_recognized() {
        let error = provoke(|config| config).await;
        assert!(chain(&error).contains("failed to select an auth scheme"), "the SDK has new words: {}", chain(&error));
        let error = from_sdk(error);
        assert_eq!(error.kind(), Kind::Credentials, "{error}");
        assert!(error.message().as_str().contains("AWS_ACCESS_KEY_ID"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_sdks_words_for_credentials_that_never_come_are_recognized() {
        let cache = IdentityCache::lazy().load_timeout(Duration::from_secs(1)).build();
        let error = provoke(|config| config.identity_cache(cache).credentials_provider(Silent)).await;
        assert!(chain(&error).contains("identity resolver timed out"), "the SDK has new words: {}", chain(&error));
        assert_eq!(from_sdk(error).kind(), Kind::Credentials);
    }

    #[tokio::test]
    async fn the_request_that_the_sdk_prints_into_an_error_is_cut_off() {
        let keys = Credentials::new("AKID", "secret", None, None, "test");
        let error = provoke(|config| config.credentials_provider(keys).endpoint_url("https://exa mple")).await;
        let causes = std::iter::successors(Some(&error as &dyn StdError), |&cause| cause.source());
        let texts: Vec<String> = causes.map(ToString::to_string).collect();
        assert!(texts.iter().any(|text| text.contains("Request {")), "the SDK has new words: {texts:?}");
        let error = from_sdk(error);
        assert_eq!(error.kind(), Kind::Config);
        assert!(!error.message().as_str().contains("Request {"), "{error}");
        assert!(!error.message().as_str().contains(PROMPT), "{error}");
    }
}
