//! The credentials provider of a model: fetches credentials on another thread, because fetching blocks.
//!
//! Fetching reads files and runs commands. It therefore has an event loop of its own, on a thread of
//! [`blocking::CREDENTIALS`]. The SDK caches credentials until shortly before their expiry; fetching is single-flight.

use super::clients::ClientFactory;
use super::source::CredentialSource;
use crate::error::{Error, Kind, Result, chain, find};
use crate::runtime::blocking;
use crate::runtime::quiesce;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use futures::future::{Either, select};
use std::pin::pin;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// Returns the provider of a source's credentials.
pub fn provider_of(source: CredentialSource, clients: ClientFactory) -> SharedCredentialsProvider {
    match source {
        CredentialSource::AccessKeys(keys) => SharedCredentialsProvider::new(keys.without_expiry()),
        source => SharedCredentialsProvider::new(BackgroundProvider { source, clients }),
    }
}

#[derive(Debug)]
struct BackgroundProvider {
    source: CredentialSource,
    clients: ClientFactory,
}

impl ProvideCredentials for BackgroundProvider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        // The SDK passes the error on unchanged, so that its type is found again.
        future::ProvideCredentials::new(async {
            let (source, clients) = (self.source.clone(), self.clients.clone());
            // Dropped with this future, if the credentials are no longer needed.
            let (_needed, not_needed) = oneshot::channel();
            let fetched = blocking::CREDENTIALS.run(move || fetch(source, &clients, not_needed)).await;
            fetched.map_err(CredentialsError::provider_error)
        })
    }
}

/// Fetches on the calling thread. Stops if the sender of `not_needed` is dropped.
fn fetch(source: CredentialSource, clients: &ClientFactory, not_needed: oneshot::Receiver<()>) -> Result<Credentials> {
    let event_loop = Builder::new_current_thread()
        .enable_all()
        .on_thread_park(quiesce::parked)
        .on_thread_unpark(quiesce::unparked)
        .build()
        .map_err(|error| Error::new(Kind::Resource, format_args!("an event loop for fetching credentials: {error}")))?;
    let fetched = event_loop.block_on(async {
        let fetching = pin!(async { source.provider(&clients.make()).await.provide_credentials().await });
        match select(fetching, not_needed).await {
            Either::Left((fetched, _)) => fetched.map_err(|error| to_error(&error)),
            Either::Right(_) => Err(Error::new(Kind::Cancelled, "the credentials are no longer needed")),
        }
    });
    quiesce::parked();
    fetched
}

fn to_error(error: &CredentialsError) -> Error {
    let found = find::<Error>(error).cloned();
    found.unwrap_or_else(|| Error::new(Kind::Credentials, chain(error)))
}
