//! The thread that waits for latches to fire.

use super::super::fork::{ForkLock, HeldOverFork, Rank};
use super::super::per_process::PerProcess;
use super::super::sync::Condvar;
use super::super::thread;
use super::{latch, running};
use crate::error::{Error, Kind, Result};
use crate::sys::semaphore::Semaphore;
use std::time::Instant;

/// The thread of this process.
#[derive(Default)]
struct Listener {
    phase: Phase,
    /// The number of times that the thread has ended, or was to end and goes on for a later call.
    ends: u64,
}

#[derive(Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Off,
    On,
    /// It is to end, and has not ended yet.
    Ending,
}

impl Listener {
    fn end(&mut self, phase: Phase) {
        self.phase = phase;
        self.ends += 1;
        ENDED.notify_all();
    }
}

static LISTENER: ForkLock<PerProcess<Listener>> = ForkLock::new(Rank::CancelListener, PerProcess::empty());
pub const FORK_LOCK: &dyn HeldOverFork = &LISTENER;
static ENDED: Condvar = Condvar::new();

/// Starts the thread if it does not run.
pub fn ensure_running() -> Result<()> {
    let mut listener = LISTENER.lock();
    let listener = listener.current();
    match listener.phase {
        Phase::Off => {
            start().map_err(|error| {
                Error::new(Kind::Resource, format_args!("starting the thread that waits for cancels: {error}"))
            })?;
            listener.phase = Phase::On;
        }
        Phase::On => {}
        // Not a second thread, because both would wait for the same semaphore.
        Phase::Ending => listener.end(Phase::On),
    }
    Ok(())
}

fn start() -> std::io::Result<()> {
    let fires = latch::fires()?;
    thread::spawn("bedrock-cancel", move || listen(fires))
}

fn listen(fires: &Semaphore) {
    loop {
        fires.wait();
        // One look serves all latches that have fired by now.
        fires.reset();
        running::end_fired();
        let mut listener = LISTENER.lock();
        let listener = listener.current();
        if listener.phase == Phase::Ending {
            listener.end(Phase::Off);
            return;
        }
    }
}

/// Ends the thread, unless a call begins meanwhile that watches a latch; the next such call starts it again. Returns
/// false if neither has happened by the deadline.
pub fn pause(deadline: Instant) -> bool {
    let mut guard = LISTENER.lock();
    let listener = guard.current();
    if listener.phase == Phase::Off {
        return true;
    }
    if listener.phase == Phase::On {
        listener.phase = Phase::Ending;
        latch::fires().into_iter().for_each(Semaphore::post);
    }
    let ends = listener.ends;
    guard.wait_until(&ENDED, deadline, |listener| listener.current().ends != ends).1
}
