//! Which process this is.
//!
//! After `fork()` the child has our memory and none of our threads. Whatever lives longer than a call remembers in which
//! process it was made, as a [`Generation`], and is left alone in any other.

use std::sync::atomic::{AtomicU32, Ordering};

/// A number that no two processes of one family of forks share with their ancestors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation(u32);

static GENERATION: AtomicU32 = AtomicU32::new(0);

impl Generation {
    pub fn current() -> Self {
        Generation(GENERATION.load(Ordering::Relaxed))
    }

    pub fn is_current(self) -> bool {
        self == Generation::current()
    }
}

/// To be called in the child of a fork, before anything else of this library. Safe in a signal handler.
pub fn forked() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}
