//! Cancellation: a latch that many calls can watch, and that even a signal handler may fire.
//!
//! Firing is a compare-and-swap on a word that is never freed, and a write to a socket, the *bell*. The worker hears the
//! bell and stops the calls whose latch has fired. Words are used again, each time under a new generation, so that a
//! [`Trigger`] that outlived its [`Cancel`] fires nothing.

use crate::process::Generation;
use crate::slots::Slots;
use once_cell::sync::Lazy;
use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

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

/// The latches in use, and who watches them.
#[derive(Default)]
struct Register {
    /// How many words of `LATCHES` have been used.
    used: u32,
    free: Vec<Lease>,
    watches: BTreeMap<u64, Watched>,
    next_watch: u64,
}

struct Watched {
    process: Generation,
    cancel: Cancel,
    call: Weak<dyn Cancellable>,
}

/// A call that can be stopped from the worker.
pub trait Cancellable: Send + Sync {
    fn cancel(&self);
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

    /// Has `call` cancelled once the latch fires, until the watch is dropped.
    pub fn watch(&self, call: Weak<dyn Cancellable>) -> Watch {
        let mut register = register();
        let key = register.next_watch;
        register.next_watch += 1;
        register.watches.insert(key, Watched { process: Generation::current(), cancel: self.clone(), call });
        Watch(key)
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
        if fired && let Some(bell) = Bell::of_this_process() {
            // It can only fail because the bell is ringing already.
            let _ = (&bell.rope).write(&[1]);
        }
    }
}

/// Ends the watching when it is dropped.
pub struct Watch(u64);

impl Drop for Watch {
    fn drop(&mut self) {
        // The entry holds a latch, whose own drop needs the register: so it is dropped when the register is free again.
        let watched = register().watches.remove(&self.0);
        drop(watched);
    }
}

/// One pair of sockets a process, never closed: a signal handler may be about to write to it. A forked child hangs its own
/// behind its parent's, with which it would otherwise share it.
pub struct Bell {
    process: Generation,
    rope: UnixStream,
    gong: UnixStream,
    of_child: OnceLock<Box<Bell>>,
}

static BELL: OnceLock<Box<Bell>> = OnceLock::new();

impl Bell {
    fn of_this_process() -> Option<&'static Bell> {
        std::iter::successors(BELL.get(), |bell| bell.of_child.get())
            .map(|bell| &**bell)
            .find(|bell| bell.process.is_current())
    }
}

/// This process's bell, made where there is none yet.
pub fn bell() -> std::io::Result<&'static Bell> {
    let mut place = &BELL;
    while let Some(bell) = place.get() {
        if bell.process.is_current() {
            return Ok(bell);
        }
        place = &bell.of_child;
    }
    let (rope, gong) = UnixStream::pair()?;
    rope.set_nonblocking(true)?;
    gong.set_nonblocking(true)?;
    let bell = Bell { process: Generation::current(), rope, gong, of_child: OnceLock::new() };
    Ok(place.get_or_init(|| Box::new(bell)))
}

/// The worker's task that listens to the bell for as long as the worker runs.
pub async fn watch(bell: &'static Bell) -> std::io::Result<()> {
    let gong = tokio::net::UnixStream::from_std(bell.gong.try_clone()?)?;
    let mut rings = [0; 64];
    loop {
        gong.readable().await?;
        while gong.try_read(&mut rings).is_ok_and(|count| count > 0) {}
        cancel_fired();
    }
}

fn cancel_fired() {
    let calls: Vec<_> = {
        let register = register();
        let fired = |watched: &&Watched| watched.process.is_current() && watched.cancel.is_fired();
        register.watches.values().filter(fired).map(|watched| watched.call.clone()).collect()
    };
    calls.iter().filter_map(Weak::upgrade).for_each(|call| call.cancel());
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
