//! Locks that outlive calls, and the order in which a fork takes them.
//!
//! A child inherits each lock as it is at the fork, and none of the threads that could release it. So the thread that
//! forks holds every [`ForkLock`] meanwhile, in the order of their [`Rank`]s. A thread that takes one lock while it
//! holds another must follow the same order: otherwise it and the fork may deadlock. Debug builds assert the order.

use super::primitives::thread_local;
use super::sync::{Condvar, Mutex, MutexGuard};
use std::any::Any;
use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

/// The locks, in the order in which a thread may take them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    WorkingThreads,
    NamePool,
    FilePool,
    CredentialPool,
    RecordingPool,
    CheckPool,
    RecordedFiles,
    Worker,
    WakeupThread,
    Outlets,
    RunningCalls,
    CancelListener,
    KnownNames,
    TrustStore,
    CancelLatches,
    Handles,
}

impl Rank {
    pub const COUNT: usize = Rank::Handles as usize + 1;
}

/// A mutex in a static. It must be in the table of `ffi::support::fork_handlers`, which holds it while the process
/// forks.
#[derive(Debug)]
pub struct ForkLock<T> {
    rank: Rank,
    mutex: Mutex<T>,
}

impl<T> ForkLock<T> {
    pub const fn new(rank: Rank, value: T) -> Self {
        ForkLock { rank, mutex: Mutex::new(value) }
    }

    pub fn lock(&self) -> ForkGuard<'_, T> {
        let order = Order::assert_and_note(self.rank);
        ForkGuard { guard: self.mutex.lock(), order }
    }
}

/// A lock that is held while the process forks.
pub trait HeldOverFork: Sync {
    fn rank(&self) -> Rank;

    /// Takes the lock. It is released when the result is dropped.
    fn hold(&'static self) -> Box<dyn Any>;
}

impl<T: Send> HeldOverFork for ForkLock<T> {
    fn rank(&self) -> Rank {
        self.rank
    }

    fn hold(&'static self) -> Box<dyn Any> {
        Box::new(self.mutex.lock())
    }
}

/// A [`ForkLock`] that this thread holds.
pub struct ForkGuard<'a, T> {
    guard: MutexGuard<'a, T>,
    order: Order,
}

impl<T> ForkGuard<'_, T> {
    /// Does the same as [`Condvar::wait_timeout`].
    pub fn wait_timeout(self, changed: &Condvar, timeout: Duration) -> (Self, bool) {
        let ForkGuard { guard, order } = self;
        let (guard, is_over) = changed.wait_timeout(guard, timeout);
        (ForkGuard { guard, order }, is_over)
    }

    /// Does the same as [`Condvar::wait_until`].
    pub fn wait_until(self, changed: &Condvar, deadline: Instant, is_met: impl FnMut(&mut T) -> bool) -> (Self, bool) {
        let ForkGuard { guard, order } = self;
        let (guard, is_met) = changed.wait_until(guard, deadline, is_met);
        (ForkGuard { guard, order }, is_met)
    }
}

impl<T> Deref for ForkGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for ForkGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

thread_local! {
    /// The ranks that the calling thread holds. Debug builds alone fill it.
    static HELD: RefCell<Vec<Rank>> = const { RefCell::new(Vec::new()) };
}

/// A rank that the calling thread holds or waits for.
struct Order(Rank);

impl Order {
    fn assert_and_note(rank: Rank) -> Self {
        if cfg!(debug_assertions) {
            let _ = HELD.try_with(|held| {
                let mut held = held.borrow_mut();
                let highest = held.iter().max();
                assert!(
                    highest.is_none_or(|held| *held < rank),
                    "the lock {rank:?} is taken while {highest:?} is held"
                );
                held.push(rank);
            });
        }
        Order(rank)
    }
}

impl Drop for Order {
    fn drop(&mut self) {
        if cfg!(debug_assertions) {
            let _ = HELD.try_with(|held| {
                let mut held = held.borrow_mut();
                let at = held.iter().rposition(|rank| *rank == self.0);
                at.map(|at| held.remove(at))
            });
        }
    }
}
