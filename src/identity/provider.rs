//! What fetches credentials, as the SDK asks for them.

use crate::error::Result;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use std::fmt::Debug;

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
        future::ProvideCredentials::new(async { self.0.fetch().await.map_err(CredentialsError::provider_error) })
    }
}
