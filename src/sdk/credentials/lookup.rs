//! A lookup of credentials: finds their source and fetches from it, on other threads, because both block.
//!
//! AWS's files are read anew for each lookup but the first, which has the source that was found with the other settings
//! of the model. Fetching reads files and runs commands. It therefore has an event loop of its own, on a thread of
//! [`blocking::CREDENTIALS`].

use super::clients::ClientFactory;
use super::renewing::{Found, LookUp};
use super::source::CredentialSource;
use crate::config::Config;
use crate::config::environment::{Environment, FileStamps, Files};
use crate::error::{Error, Kind, Result, chain, find};
use crate::runtime::sync::Mutex;
use crate::runtime::{blocking, quiesce};
use aws_config::Region;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use futures::future::{BoxFuture, Either, FutureExt, select};
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// The credentials of a model, to be looked up.
pub struct Lookup {
    config: Config,
    region: Region,
    /// Of the first lookup.
    first: Mutex<Option<FoundSource>>,
}

/// A source, and what is needed to fetch from it.
struct FoundSource {
    source: CredentialSource,
    clients: ClientFactory,
    files: FileStamps,
}

impl Lookup {
    /// Returns the lookup of the credentials of `source`, which the config and the environment name.
    pub fn new(source: CredentialSource, config: &Config, environment: &Environment, region: &Region) -> Result<Self> {
        let first = FoundSource::new(source, config, environment, region)?;
        Ok(Lookup { config: config.clone(), region: region.clone(), first: Mutex::new(Some(first)) })
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookup")
    }
}

impl LookUp for Lookup {
    type Identity = Credentials;

    fn look_up(&self) -> BoxFuture<'static, Result<Found<Credentials>>> {
        let first = self.first.lock().take();
        let (config, region) = (self.config.clone(), self.region.clone());
        async move {
            let found = match first {
                Some(first) => first,
                None => blocking::FILES.run(move || FoundSource::find(&config, &region)).await?,
            };
            // Dropped with this future, if the credentials are no longer needed.
            let (_needed, not_needed) = oneshot::channel();
            blocking::CREDENTIALS.run(move || found.fetch(not_needed)).await
        }
        .boxed()
    }
}

impl FoundSource {
    fn new(source: CredentialSource, config: &Config, environment: &Environment, region: &Region) -> Result<Self> {
        let clients = ClientFactory::new(config, environment, region)?;
        Ok(FoundSource { source, clients, files: environment.files.stamps.clone() })
    }

    /// Reads AWS's files and finds the source that they name now. Blocks.
    fn find(config: &Config, region: &Region) -> Result<Self> {
        let environment = Environment::new(config, Arc::new(Files::read(&config.variables)?))?;
        let source = CredentialSource::find(config, &environment)?;
        FoundSource::new(source, config, &environment, region)
    }

    /// Fetches on the calling thread. Stops if the sender of `not_needed` is dropped.
    fn fetch(self, not_needed: oneshot::Receiver<()>) -> Result<Found<Credentials>> {
        let FoundSource { source, clients, files: mut stamps } = self;
        let files: Vec<_> = source.files().into_iter().map(ToOwned::to_owned).collect();
        let credentials = match source {
            CredentialSource::AccessKeys(keys) => keys.without_expiry(),
            source => fetch(source, &clients, not_needed)?,
        };
        // Only now, because the SDK writes the token that it renews into the file.
        files.iter().for_each(|file| stamps.add(file));
        Ok(Found { identity: credentials, files: stamps })
    }
}

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
