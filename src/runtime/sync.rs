//! Locks that a panic does not poison.
//!
//! The library turns each of its panics into an error and goes on. A lock that stayed poisoned would turn one failed
//! call into failures of all later ones.

use super::primitives::{self, PoisonError};
use std::time::{Duration, Instant};

pub use super::primitives::{Arc, AtomicBool, AtomicU64, MutexGuard, Ordering};

/// A mutex whose [`lock`](Mutex::lock) cannot fail.
#[derive(Debug, Default)]
pub struct Mutex<T>(primitives::Mutex<T>);

impl<T> Mutex<T> {
    pub const fn new(value: T) -> Self {
        Mutex(primitives::Mutex::new(value))
    }

    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A condition variable of a [`Mutex`].
#[derive(Debug, Default)]
pub struct Condvar(primitives::Condvar);

impl Condvar {
    pub const fn new() -> Self {
        Condvar(primitives::Condvar::new())
    }

    #[inline]
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    #[inline]
    pub fn notify_all(&self) {
        self.0.notify_all();
    }

    /// Waits for a notification. Wakes up without one, too.
    #[inline]
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.0.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a notification for at most `timeout`. Returns whether the time is over.
    #[inline]
    pub fn wait_timeout<'a, T>(&self, guard: MutexGuard<'a, T>, timeout: Duration) -> (MutexGuard<'a, T>, bool) {
        let (guard, result) = self.0.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner);
        (guard, result.timed_out())
    }

    /// Waits until `is_met` returns true, or until the deadline. Returns whether the condition is met.
    pub fn wait_until<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        deadline: Instant,
        mut is_met: impl FnMut(&mut T) -> bool,
    ) -> (MutexGuard<'a, T>, bool) {
        while !is_met(&mut guard) {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return (guard, false) };
            guard = self.wait_timeout(guard, left).0;
        }
        (guard, true)
    }
}
