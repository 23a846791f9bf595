//! The settings of a single call. A model has them, and a derived model may change them.

use super::cache::Cache;
use super::retry::Retry;
use super::timeouts::{ConfiguredTimeouts, Timeout, Timeouts};
use std::time::Duration;

/// The timers and retries of a call, the cache points of its request, and what is kept of its response.
///
/// `keys` reads them from JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallSettings {
    pub timeouts: Timeouts,
    /// The source of `timeouts`: a later `timeout` must know which timers were set by name.
    configured: ConfiguredTimeouts,
    pub retry: Retry,
    pub cache: Cache,
    /// Whether a stream's response is assembled from its events.
    pub keep_answer: bool,
    /// The number of bytes of a stream that may wait in memory until the program reads them.
    pub read_ahead: usize,
}

pub(super) const DEFAULT_READ_AHEAD: usize = 256 << 10;

impl Default for CallSettings {
    fn default() -> Self {
        CallSettings {
            timeouts: Timeouts::default(),
            configured: ConfiguredTimeouts::default(),
            retry: Retry::default(),
            cache: Cache::default(),
            keep_answer: true,
            read_ahead: DEFAULT_READ_AHEAD,
        }
    }
}

impl CallSettings {
    /// Sets `timeout`, the longest wait without progress.
    pub(super) fn set_timeout(&mut self, limit: Duration) {
        self.configured.timeout = Some(limit);
        self.timeouts = self.configured.effective();
    }

    /// Sets one timer by its name.
    pub(super) fn set_timer(&mut self, timeout: Timeout, limit: Duration) {
        self.configured.set(timeout, limit);
        self.timeouts = self.configured.effective();
    }
}
