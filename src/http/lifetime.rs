//! The lifetime of a connection: whether it may be used for another request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The age of a connection, and whether it was retired.
pub struct Lifetime {
    created: Instant,
    retired: AtomicBool,
}

impl Lifetime {
    pub fn new() -> Arc<Self> {
        Arc::new(Lifetime { created: Instant::now(), retired: AtomicBool::new(false) })
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
