//! The calls that run, and the latch that each of them watches.

use super::super::fork::{ForkLock, HeldOverFork, Rank};
use super::super::per_process::PerProcess;
use super::latch::Cancel;
use std::collections::BTreeMap;
use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering};

/// A call that can be ended from any thread.
pub trait Call: Send + Sync {
    /// Ends the call, unless it has ended.
    fn end(&self, why: Why);
}

/// The reason why a call is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its latch has fired.
    Fired,
    /// The library is shut down.
    ShutDown,
    /// The worker's event loop is broken.
    LoopBroken,
}

struct Running {
    cancel: Option<Cancel>,
    call: Weak<dyn Call>,
}

static RUNNING: ForkLock<PerProcess<BTreeMap<u64, Running>>> = ForkLock::new(Rank::RunningCalls, PerProcess::empty());
pub const FORK_LOCK: &dyn HeldOverFork = &RUNNING;

/// The number of the next call. A child continues its parent's numbers, so that an inherited registration removes no
/// call of the child.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The registration of a call that runs. Dropping it removes the call.
pub struct Registration(u64);

/// Registers a call that runs.
pub fn register(cancel: Option<&Cancel>, call: Weak<dyn Call>) -> Registration {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    RUNNING.lock().current().insert(number, Running { cancel: cancel.cloned(), call });
    Registration(number)
}

impl Drop for Registration {
    fn drop(&mut self) {
        let ended = RUNNING.lock().current().remove(&self.0);
        // Outside of the lock: dropping the last clone of a latch locks the table of latches.
        drop(ended);
    }
}

/// Ends all calls of this process that run.
pub fn end_all(why: Why) {
    end(why, |_| true);
}

/// Ends the calls whose latch has fired.
pub fn end_fired() {
    end(Why::Fired, |running| running.cancel.as_ref().is_some_and(Cancel::is_fired));
}

fn end(why: Why, is_wanted: impl Fn(&Running) -> bool) {
    let calls: Vec<_> = {
        let mut running = RUNNING.lock();
        running.current().values().filter(|running| is_wanted(running)).map(|running| running.call.clone()).collect()
    };
    calls.iter().filter_map(Weak::upgrade).for_each(|call| call.end(why));
}
