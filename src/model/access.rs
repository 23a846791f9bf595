//! How the calls of a model reach the service: the transport, the identity, and the SDK's configuration of both.

use super::identity::Identity;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::runtime::per_worker::{Key, PerWorker};
use crate::sdk::attempts::Attempts;
use crate::sdk::sdk_config::{self, Connections};
use crate::sdk::transport::Transport;
use std::pin::Pin;

/// The access of a model to the service. Derived models share it.
pub struct Access {
    pub config: Config,
    pub transport: Transport,
    identity: Identity,
    connections: PerWorker<Connections>,
    sdk: PerWorker<sdk_config::Shared>,
}

impl Access {
    pub fn new(config: Config, transport: Transport) -> Self {
        let identity = Identity::new(&config);
        Access { config, transport, identity, connections: PerWorker::default(), sdk: PerWorker::default() }
    }

    /// Replaces what authorizes calls.
    pub fn set_credentials(&self, json: &str) -> Result<()> {
        self.identity.replace(self.config.with_credentials(json)?);
        Ok(())
    }

    /// Returns the version of the identity.
    pub fn version(&self) -> u64 {
        self.identity.version()
    }

    /// Returns the key of what the worker makes for the present identity.
    pub fn key(&self, epoch: u64) -> Key {
        Key { epoch, version: self.identity.version() }
    }

    /// Returns the SDK's configuration. Boxed, because this future is large, runs once, and would be a part of every
    /// call's future.
    pub fn sdk(&self, epoch: u64) -> Pin<Box<dyn Future<Output = Result<sdk_config::Shared>> + Send + '_>> {
        Box::pin(async move {
            let (version, config) = self.identity.current();
            let of_worker = Key { epoch, version: 0 };
            let open = || sdk_config::connections(&config, &self.transport);
            let connections = self.connections.get(of_worker, open).await?;
            let make = || sdk_config::shared(&config, &connections, version > 0);
            self.sdk.get(Key { epoch, version }, make).await
        })
    }

    /// If the last attempt failed because what authorized it was refused, looks that up. Returns whether it is another
    /// one now.
    pub async fn renew_refused(&self, error: &Error, attempts: &Attempts, epoch: u64) -> Result<bool> {
        let renewable = self.sdk(epoch).await?.renewable.filter(|renewable| renewable.is_refused_by(error));
        Ok(match renewable.zip(attempts.last_started()) {
            Some((renewable, started)) => renewable.renew_refused(started).await,
            None => false,
        })
    }
}
