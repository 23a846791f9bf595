//! A lookup of credentials: finds their source and fetches from it, on other threads, because both block.
//!
//! AWS's files are read anew for each lookup but the first, which has the source that was found with the other settings
//! of the model. Fetching reads files and runs commands. It therefore has an event loop of its own, on a thread of
//! [`blocking::CREDENTIALS`].

use super::clients::ClientFactory;
use super::renewing::{Found, LookUp, Seen, Watch};
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
    named: Arc<Named>,
    /// Of the first lookup.
    first: Mutex<Option<FoundSource>>,
}

/// What names a source, together with AWS's files.
struct Named {
    config: Config,
    region: Region,
}

/// A source, and what is needed to fetch from it.
struct FoundSource {
    source: CredentialSource,
    clients: ClientFactory,
    files: FileStamps,
}

/// The files of credentials that were fetched, and what AWS's own had named.
struct Watched {
    named: Arc<Named>,
    source: CredentialSource,
    clients: ClientFactory,
    stamps: Mutex<Stamps>,
}

struct Stamps {
    /// Of AWS's own two files, which hold the settings of other programs too.
    settings: FileStamps,
    /// Of the files that the provider has read.
    others: FileStamps,
}

impl Lookup {
    /// Returns the lookup of the credentials of `source`, which the config and the environment name.
    pub fn new(source: CredentialSource, config: &Config, environment: &Environment, region: &Region) -> Result<Self> {
        let named = Arc::new(Named { config: config.clone(), region: region.clone() });
        let first = FoundSource::new(source, &named, environment)?;
        Ok(Lookup { named, first: Mutex::new(Some(first)) })
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
        let named = self.named.clone();
        async move {
            let found = match first {
                Some(first) => first,
                None => {
                    let named = named.clone();
                    blocking::FILES.run(move || FoundSource::find(&named)).await?
                }
            };
            // Dropped with this future, if the credentials are no longer needed.
            let (_needed, not_needed) = oneshot::channel();
            blocking::CREDENTIALS.run(move || found.fetch(named, not_needed)).await
        }
        .boxed()
    }
}

impl FoundSource {
    fn new(source: CredentialSource, named: &Named, environment: &Environment) -> Result<Self> {
        let clients = ClientFactory::new(&named.config, environment, &named.region)?;
        Ok(FoundSource { source, clients, files: environment.files.stamps.clone() })
    }

    /// Reads AWS's files and finds the source that they name now. Blocks.
    fn find(named: &Named) -> Result<Self> {
        let Named { config, .. } = named;
        let environment = Environment::new(config, Arc::new(Files::read(&config.variables)?))?;
        FoundSource::new(CredentialSource::find(config, &environment)?, named, &environment)
    }

    /// Fetches on the calling thread. Stops if the sender of `not_needed` is dropped.
    fn fetch(self, named: Arc<Named>, not_needed: oneshot::Receiver<()>) -> Result<Found<Credentials>> {
        let FoundSource { source, clients, files: settings } = self;
        let identity = match &source {
            CredentialSource::AccessKeys(keys) => keys.clone().without_expiry(),
            _ => fetch(source.clone(), &clients, not_needed)?,
        };
        // Only now, because the SDK writes the token that it renews into the file.
        let mut others = FileStamps::default();
        source.files().into_iter().for_each(|file| others.add(file));
        let stamps = Mutex::new(Stamps { settings, others });
        Ok(Found { identity, watch: Arc::new(Watched { named, source, clients, stamps }) })
    }
}

impl Watch for Watched {
    fn look(&self) -> Seen {
        let Stamps { settings, others } = &mut *self.stamps.lock();
        let settings_were_written = settings.have_changed();
        if others.have_changed() {
            return Seen::Other;
        }
        if !settings_were_written {
            return Seen::Unchanged;
        }
        // A command or another program may have written the settings of something else.
        match FoundSource::find(&self.named) {
            Ok(found) if found.source == self.source && found.clients.is_same(&self.clients) => Seen::Same,
            _ => Seen::Other,
        }
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
