//! The interface of everything that fetches credentials, with a time limit and a cache.

use crate::error::{Error, Kind, Result, in_words};
use aws_config::identity::IdentityCache;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_runtime_api::client::identity::SharedIdentityCache;
use std::fmt::Debug;
use std::time::Duration;

/// The maximum time to fetch credentials, independent of the timers of a call: a command may ask a person, and a role
/// may need several services.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// Returns a cache that keeps credentials until shortly before their expiry. Clients that share it share the
/// credentials. The SDK's own time limit is longer, so that [`TIMEOUT`] comes first.
pub fn credentials_cache() -> SharedIdentityCache {
    IdentityCache::lazy().load_timeout(2 * TIMEOUT).build()
}

/// Fetches credentials each time it is called. The SDK caches them.
pub trait FetchCredentials: Debug + Send + Sync + 'static {
    /// Fetches credentials.
    fn fetch(&self) -> impl Future<Output = Result<Credentials>> + Send;
}

/// Returns the SDK's provider, which fetches with a time limit.
pub fn provider(fetch: impl FetchCredentials) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Provider(fetch))
}

#[derive(Debug)]
struct Provider<F>(F);

impl<F: FetchCredentials> ProvideCredentials for Provider<F> {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        // The SDK passes the error on unchanged, so that its type is found again.
        future::ProvideCredentials::new(async {
            let fetched = tokio::time::timeout(TIMEOUT, self.0.fetch()).await.unwrap_or_else(|_| Err(timed_out()));
            fetched.map_err(CredentialsError::provider_error)
        })
    }
}

fn timed_out() -> Error {
    let what = format_args!("fetching credentials took longer than {}", in_words(TIMEOUT));
    let advice = "Check the profile: the command or the services that give its credentials";
    Error::new(Kind::Credentials, what).advise(advice).with_retryable(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Silent;

    impl FetchCredentials for Silent {
        async fn fetch(&self) -> Result<Credentials> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_that_never_come_are_an_error_that_says_so() {
        let error = provider(Silent).provide_credentials().await.unwrap_err();
        let own = crate::error::find::<Error>(&error).expect("an error of this library");
        assert!(own.retryable() && own.message().as_str().contains("took longer than 1m"), "{own}");
    }
}
