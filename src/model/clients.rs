//! The SDK's clients of a model: two for each target.

use super::access::Access;
use super::failover::Chosen;
use crate::config::CallSettings;
use crate::error::Result;
use crate::runtime::per_worker::PerWorker;
use crate::sdk::client::{self, Client};
use std::sync::Arc;

/// The clients of models with the same settings. Cheap to clone.
#[derive(Clone)]
pub struct Clients(Arc<[OfTarget]>);

#[derive(Default)]
struct OfTarget {
    /// For calls that have no alternative.
    retrying: PerWorker<Client>,
    /// For calls that move on to another target instead of a second attempt.
    attempting_once: PerWorker<Client>,
}

impl Clients {
    /// Returns the clients of this number of targets. They are made when they are needed.
    pub fn new(targets: usize) -> Self {
        Clients((0..targets).map(|_| OfTarget::default()).collect())
    }

    /// Returns the client for a call at a target.
    pub async fn get(
        &self,
        chosen: &Chosen<'_>,
        settings: &CallSettings,
        access: &Access,
        epoch: u64,
    ) -> Result<Client> {
        let OfTarget { retrying, attempting_once } = &self.0[chosen.index];
        let (client, attempts) = match chosen.has_alternative {
            true => (attempting_once, 1),
            false => (retrying, settings.retry.max_attempts),
        };
        let make = || async {
            let sdk = chosen.target.sdk_config(&access.sdk(epoch).await?.config);
            Ok(client::client(&sdk, settings, attempts))
        };
        client.get(access.key(epoch), make).await
    }
}
