//! Cancellation: a latch that many calls can watch, and that even a signal handler may fire; and the calls that run.
//!
//! Firing is a compare-and-swap on a word that is never freed, and a semaphore. A thread that does nothing else waits for the
//! semaphore and stops the calls whose latch has fired, so that a cancel depends neither on the worker nor on a descriptor.
//! Words are used again, each time under a new generation, so that a [`Trigger`] that outlived its [`Cancel`] fires nothing.

use super::process::{self, Generation};
use super::slots::Slots;
use crate::error::{Error, Kind, Result};
use crate::sys::semaphore::Semaphore;
use once_cell::sync::Lazy;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Instant;

/// Word of a latch: its generation, and in the lowest bit whether it has fired.
static LATCHES: Slots<AtomicU64> = Slots::new();
const FIRED: u64 = 1;

/// A latch. Clones are the same latch.
#[derive(Clone)]
pub struct Cancel(Arc<Lease>);

struct Lease {
    index: u32,
    generation: u32,
}

/// The latches in use, and the calls that run.
#[derive(Default)]
struct Register {
    /// How many words of `LATCHES` have been used.
    used: u32,
    free: Vec<Lease>,
    running: BTreeMap<u64, Running>,
    next_call: u64,
    listener: Listener,
}

struct Running {
    process: Generation,
    cancel: Option<Cancel>,
    call: Weak<dyn Call>,
}

/// The thread that waits for latches to fire.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Listener {
    #[default]
    Off,
    On(Generation),
    /// It is told to end.
    Ending(Generation),
}

/// A call that can be ended from any thread.
pub trait Call: Send + Sync {
    fn end(&self, why: Why);
}

/// Why a call is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its latch has fired.
    Fired,
    /// The library is shut down.
    ShutDown,
    /// The worker's event loop is broken.
    LoopBroken,
}

static REGISTER: Lazy<Mutex<Register>> = Lazy::new(Mutex::default);

fn register() -> MutexGuard<'static, Register> {
    REGISTER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the register from changing while the process forks.
pub fn lock_for_fork() -> impl std::any::Any {
    register()
}

impl Cancel {
    /// A latch that has not fired. None where the process has used up all there are.
    pub fn new() -> Option<Self> {
        let lease = {
            let mut register = register();
            match register.free.pop() {
                Some(lease) => lease,
                None => {
                    let index = register.used;
                    LATCHES.get_or_grow(index as usize)?;
                    register.used += 1;
                    Lease { index, generation: 1 }
                }
            }
        };
        word(lease.index)?.store(u64::from(lease.generation) << 1, Ordering::Release);
        Some(Cancel(Arc::new(lease)))
    }

    /// Fires the latch: for good, from any thread, as often as you like.
    pub fn fire(&self) {
        self.trigger().fire();
    }

    pub fn is_fired(&self) -> bool {
        word(self.0.index).is_some_and(|word| word.load(Ordering::Acquire) & FIRED != 0)
    }

    /// What fires this latch for as long as it is in use, and nothing after that.
    pub fn trigger(&self) -> Trigger {
        Trigger(u64::from(self.0.index) << 32 | u64::from(self.0.generation))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A generation is used once; a word that has used up all of them is not used again.
        if let Some(generation) = self.generation.checked_add(1) {
            let next = Lease { index: self.index, generation };
            if let Some(word) = word(self.index) {
                word.store(u64::from(generation) << 1, Ordering::Release);
            }
            register().free.push(next);
        }
    }
}

fn word(index: u32) -> Option<&'static AtomicU64> {
    LATCHES.get(index as usize)
}

/// Fires a latch by number. Neither locks nor allocates: it is safe in a signal handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trigger(pub u64);

impl Trigger {
    pub fn fire(self) {
        let armed = (self.0 & u64::from(u32::MAX)) << 1;
        let fired = word((self.0 >> 32) as u32).is_some_and(|word| {
            word.compare_exchange(armed, armed | FIRED, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        });
        if fired && let Some(fires) = FIRES.get() {
            fires.post();
        }
    }
}

/// Counts latches that have fired and have not been looked at. Made before the first call that watches a latch.
static FIRES: OnceLock<&'static Semaphore> = OnceLock::new();
static LISTENER_ENDED: Condvar = Condvar::new();

/// A call's place among those that run. It is left when this is dropped.
pub struct Place(u64);

/// Enters a call among those that run: it is ended when `cancel` fires, and by [`end_all`]. Fails if the thread that waits for
/// latches cannot start.
pub fn enter(cancel: Option<&Cancel>, call: Weak<dyn Call>) -> Result<Place> {
    let mut register = register();
    if cancel.is_some() {
        register.listen()?;
    }
    let key = register.next_call;
    register.next_call += 1;
    register.running.insert(key, Running { process: Generation::current(), cancel: cancel.cloned(), call });
    Ok(Place(key))
}

impl Drop for Place {
    fn drop(&mut self) {
        // The entry holds a latch, whose own drop needs the register: so it is dropped when the register is free again.
        let left = register().running.remove(&self.0);
        drop(left);
    }
}

/// Ends all calls of this process that run.
pub fn end_all(why: Why) {
    end(why, |_| true);
}

fn end(why: Why, wanted: impl Fn(&Running) -> bool) {
    let calls: Vec<_> = {
        let register = register();
        let of_this_process = register.running.values().filter(|running| running.process.is_current());
        of_this_process.filter(|running| wanted(running)).map(|running| running.call.clone()).collect()
    };
    calls.iter().filter_map(Weak::upgrade).for_each(|call| call.end(why));
}

impl Register {
    /// Makes sure that a thread waits for latches.
    fn listen(&mut self) -> Result<()> {
        let current = Generation::current();
        match self.listener {
            Listener::On(process) if process == current => return Ok(()),
            // It has not ended yet, and goes on.
            Listener::Ending(process) if process == current => {
                self.listener = Listener::On(current);
                return Ok(());
            }
            Listener::Off | Listener::On(_) | Listener::Ending(_) => {}
        }
        let cannot =
            |error| Error::new(Kind::Resource, format_args!("starting the thread that waits for cancels: {error}"));
        let fires = match FIRES.get() {
            Some(fires) => *fires,
            None => {
                let fires = Semaphore::leaked().map_err(cannot)?;
                FIRES.get_or_init(|| fires)
            }
        };
        process::spawn("bedrock-cancel", move || listen(fires)).map_err(cannot)?;
        self.listener = Listener::On(current);
        Ok(())
    }
}

fn listen(fires: &Semaphore) {
    process::settle_in();
    loop {
        fires.wait();
        // One look serves all that have fired by now.
        fires.take_all();
        end(Why::Fired, |running| running.cancel.as_ref().is_some_and(Cancel::is_fired));
        let mut register = register();
        if let Listener::Ending(_) = register.listener {
            register.listener = Listener::Off;
            LISTENER_ENDED.notify_all();
            return;
        }
    }
}

/// Ends the thread that waits for latches; the next call that watches one starts it again. Returns false if it has not ended
/// by the deadline.
pub fn pause(deadline: Instant) -> bool {
    let ending = Listener::Ending(Generation::current());
    let mut register = register();
    if register.listener == Listener::On(Generation::current()) {
        register.listener = ending;
        FIRES.get().into_iter().for_each(|fires| fires.post());
    }
    while register.listener == ending {
        let Some(left) = deadline.checked_duration_since(Instant::now()) else { return false };
        register = LISTENER_ENDED.wait_timeout(register, left).unwrap_or_else(PoisonError::into_inner).0;
    }
    true
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
