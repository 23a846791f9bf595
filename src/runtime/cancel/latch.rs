//! Latches: one bit each, which any thread or signal handler sets once.

use super::super::fork::{HeldOverFork, Rank};
use super::super::slot_table::{Key, Limits, Slots};
use crate::sys::semaphore::Semaphore;
use std::io;
use std::sync::{Arc, OnceLock};

/// An entry's flag is raised once its latch has fired.
static LATCHES: Slots<()> =
    Slots::new(Rank::CancelLatches, Limits { indexes: u32::MAX, generations: u32::MAX, first_generation: || 1 });
pub const FORK_LOCK: &dyn HeldOverFork = LATCHES.fork_lock();

/// A latch. Clones are the same latch.
#[derive(Clone)]
pub struct Cancel(Arc<Entry>);

/// An entry of the table, for as long as there is a clone of its latch.
struct Entry(Key);

impl Cancel {
    /// Returns a latch that has not fired, or None if the process has none left.
    pub fn new() -> Option<Self> {
        LATCHES.insert(0, |_, _| {}).map(|key| Cancel(Arc::new(Entry(key))))
    }

    /// Fires the latch. It stays fired. Thread-safe and idempotent.
    pub fn fire(&self) {
        self.trigger().fire();
    }

    #[inline]
    pub fn is_fired(&self) -> bool {
        LATCHES.is_raised(self.0.0)
    }

    /// Returns a trigger that fires this latch while it is in use. Afterwards the trigger does nothing.
    pub fn trigger(&self) -> Trigger {
        let Key { index, generation, .. } = self.0.0;
        Trigger(u64::from(index) << 32 | u64::from(generation))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        LATCHES.remove(self.0, |_| ());
    }
}

/// Fires a latch by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trigger(pub u64);

impl Trigger {
    /// Fires the latch if it is still in use. Async-signal-safe: it neither locks nor allocates.
    pub fn fire(self) {
        let key = Key { index: (self.0 >> 32) as u32, generation: self.0 as u32, tag: 0 };
        if LATCHES.raise(key)
            && let Some(fires) = FIRES.get()
        {
            fires.post();
        }
    }
}

/// Counts latches that have fired and that the listener has not seen.
static FIRES: OnceLock<&'static Semaphore> = OnceLock::new();

/// Returns the semaphore that every fired latch posts. It is made by the first call.
pub fn fires() -> io::Result<&'static Semaphore> {
    match FIRES.get() {
        Some(fires) => Ok(fires),
        None => Semaphore::leaked().map(|fires| *FIRES.get_or_init(|| fires)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latch_stays_fired_and_a_late_trigger_fires_nothing() {
        let cancel = Cancel::new().unwrap();
        let other = cancel.clone();
        assert!(!cancel.is_fired());
        other.fire();
        other.fire();
        assert!(cancel.is_fired());
        let stale = cancel.trigger();
        drop((cancel, other));
        for _ in 0..100 {
            let fresh = Cancel::new().unwrap();
            stale.fire();
            assert!(!fresh.is_fired(), "a stale trigger fired a new latch");
        }
    }
}
