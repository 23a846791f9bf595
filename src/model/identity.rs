//! What authorizes the calls of a model, which can be replaced while they run.

use crate::config::Config;
use crate::runtime::sync::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What authorizes the calls of a model, in versions.
pub struct Identity {
    /// The number of times that it was replaced.
    version: AtomicU64,
    /// The config of the model, with the keys that authorize calls now.
    config: Mutex<Arc<Config>>,
}

impl Identity {
    /// Returns the identity that a config has.
    pub fn new(config: &Config) -> Self {
        Identity { version: AtomicU64::new(0), config: Mutex::new(Arc::new(config.clone())) }
    }

    /// Replaces the identity. Calls that run keep theirs for the attempt that is under way.
    pub fn replace(&self, config: Config) {
        let config = Arc::new(config);
        let mut current = self.config.lock();
        *current = config;
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Returns the version of the identity. It is 0 until the identity is replaced.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Returns the version and the config that has it.
    pub fn current(&self) -> (u64, Arc<Config>) {
        let config = self.config.lock();
        (self.version(), config.clone())
    }
}
