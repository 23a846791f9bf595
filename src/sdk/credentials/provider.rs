//! What fetches credentials, as the SDK asks for them.

use crate::error::{Error, Kind, Result, in_words};
use aws_config::identity::IdentityCache;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_runtime_api::client::identity::SharedIdentityCache;
use std::fmt::Debug;
use std::time::Duration;

/// What to do where there are no credentials at all.
pub const NO_CREDENTIALS: &str = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE or \
    AWS_BEARER_TOKEN_BEDROCK, or give api_key and secret_key";

/// Fetching may not take longer, whatever a call allows: a command may ask a person, and a role may need several
/// services.
const LONGEST: Duration = Duration::from_secs(60);

/// What keeps credentials until shortly before their expiry. Whoever is to share them has to share it. The SDK's own
/// limit for fetching, which depends on the retries of calls, is far enough away that ours comes first.
pub fn cache() -> SharedIdentityCache {
    IdentityCache::lazy().load_timeout(2 * LONGEST).build()
}

/// Something that fetches credentials. The SDK keeps what it gets until shortly before its expiry.
pub trait Fetch: Debug + Send + Sync + 'static {
    fn fetch(&self) -> impl Future<Output = Result<Credentials>> + Send;
}

pub fn provider(fetch: impl Fetch) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Provider(fetch))
}

#[derive(Debug)]
struct Provider<F>(F);

impl<F: Fetch> ProvideCredentials for Provider<F> {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        // The error travels through the SDK as it is, and is found again behind it.
        future::ProvideCredentials::new(async {
            let fetched = tokio::time::timeout(LONGEST, self.0.fetch()).await.unwrap_or_else(|_| Err(late()));
            fetched.map_err(CredentialsError::provider_error)
        })
    }
}

fn late() -> Error {
    let what = format_args!("fetching credentials took longer than {}", in_words(LONGEST));
    let advice = "Check the profile: the command or the services that give its credentials";
    Error::new(Kind::Credentials, what).advise(advice).with_retryable(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Silent;

    impl Fetch for Silent {
        async fn fetch(&self) -> Result<Credentials> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_gives_credentials_is_given_up_and_named() {
        let error = provider(Silent).provide_credentials().await.unwrap_err();
        let own = crate::error::find::<Error>(&error).expect("an error of ours");
        assert!(own.retryable() && own.message().as_str().contains("took longer than 1m"), "{own}");
    }
}
