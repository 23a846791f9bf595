//! The lifetime of a connection: how it was made, and whether it may be used for another request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long the steps of a connect took. None: there was no such step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectTimes {
    /// The lookup of the name, which takes no time if it was cached.
    pub dns: Option<Duration>,
    /// TCP, without the lookup, and the tunnel of a proxy.
    pub tcp: Option<Duration>,
    pub tls: Option<Duration>,
}

/// The age of a connection, and whether it was retired.
pub struct Lifetime {
    created: Instant,
    times: ConnectTimes,
    used: AtomicBool,
    retired: AtomicBool,
}

impl Lifetime {
    pub fn new(times: ConnectTimes) -> Arc<Self> {
        let (used, retired) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Lifetime { created: Instant::now(), times, used, retired })
    }

    /// Notes that a request is sent. Returns the times of the connect if it is the first one on the connection.
    pub fn begin_request(&self) -> Option<ConnectTimes> {
        let is_first = !self.used.swap(true, Ordering::Relaxed);
        is_first.then_some(self.times)
    }

    /// Makes the current request the last one on the connection.
    pub fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// Returns whether the connection may take another request.
    pub fn is_usable(&self, max_age: Duration) -> bool {
        !self.retired.load(Ordering::Relaxed) && self.created.elapsed() < max_age
    }
}
