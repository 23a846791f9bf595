//! The generation of the process, which distinguishes a forked child from its parent.
//!
//! After `fork()` the child has the memory of its parent and one thread. A value that lives longer than a call is
//! stored with the generation in which it was made: see [`PerProcess`](super::per_process::PerProcess).

use crate::sys::fork_mark;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that differs between a process and each of its ancestors by fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation(u64);

static GENERATION: AtomicU64 = AtomicU64::new(0);

impl Generation {
    /// Returns the generation of this process. Async-signal-safe.
    pub fn current() -> Self {
        // A child whose fork ran no handlers is noticed here.
        if fork_mark::is_lost() {
            begin_next();
        }
        Generation(GENERATION.load(Ordering::Relaxed))
    }

    pub fn number(self) -> u64 {
        self.0
    }

    pub fn is_current(self) -> bool {
        self == Generation::current()
    }
}

/// Makes [`Generation::current`] notice every later fork.
pub fn notice_forks() {
    fork_mark::set();
}

/// Begins the next generation, in the child of a fork and before any other part of the library runs there.
/// Async-signal-safe.
pub fn begin_next() {
    // Without a mark only the handler of the fork calls this, and calls it once.
    if fork_mark::renew() || !fork_mark::is_set() {
        GENERATION.fetch_add(1, Ordering::Relaxed);
    }
}
