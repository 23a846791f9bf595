//! Who fetches credentials: a thread of its own, and never the worker.
//!
//! Fetching reads files, runs commands, and goes by code of the SDK that does the same. So each time it has an event loop of
//! its own, on a thread of [`blocking::CREDENTIALS`]. The SDK keeps what it gets until shortly before its expiry, and has it
//! fetched once for all calls that wait for it.

use super::source::Source;
use super::tools::Tools;
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

/// Fetches the credentials of a source whenever the SDK asks for them.
pub fn credentials(source: Source, tools: Tools) -> SharedCredentialsProvider {
    match source {
        Source::Keys(keys) => SharedCredentialsProvider::new(keys.lasting()),
        source => SharedCredentialsProvider::new(Fetcher { source, tools }),
    }
}

#[derive(Debug)]
struct Fetcher {
    source: Source,
    tools: Tools,
}

impl ProvideCredentials for Fetcher {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        // The error travels through the SDK as it is, and is found again behind it.
        future::ProvideCredentials::new(async {
            let (source, tools) = (self.source.clone(), self.tools.clone());
            // Dropped with this future, where nobody waits any more.
            let (_wanted, unwanted) = oneshot::channel();
            let fetched = blocking::CREDENTIALS.run(move || fetch(source, &tools, unwanted)).await;
            fetched.map_err(CredentialsError::provider_error)
        })
    }
}

/// Fetches on the calling thread. Ends early where `unwanted` does.
fn fetch(source: Source, tools: &Tools, unwanted: oneshot::Receiver<()>) -> Result<Credentials> {
    let event_loop = Builder::new_current_thread()
        .enable_all()
        .on_thread_park(quiesce::parked)
        .on_thread_unpark(quiesce::unparked)
        .build()
        .map_err(|error| Error::new(Kind::Resource, format_args!("an event loop for fetching credentials: {error}")))?;
    let fetched = event_loop.block_on(async {
        let fetching = pin!(async { source.provider(&tools.clients()).await.provide_credentials().await });
        match select(fetching, unwanted).await {
            Either::Left((fetched, _)) => fetched.map_err(|error| own(&error)),
            Either::Right(_) => Err(Error::new(Kind::Cancelled, "the credentials are not wanted any more")),
        }
    });
    quiesce::parked();
    fetched
}

fn own(error: &CredentialsError) -> Error {
    let own = find::<Error>(error).cloned();
    own.unwrap_or_else(|| Error::new(Kind::Credentials, chain(error)))
}
