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
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Listener {
    #[default]
    Off,
    On,
    /// It is to end, and has not ended yet.
    Ending,
}

static LISTENER: ForkLock<PerProcess<Listener>> = ForkLock::new(Rank::CancelListener, PerProcess::empty());
pub const FORK_LOCK: &dyn HeldOverFork = &LISTENER;
static ENDED: Condvar = Condvar::new();

/// Starts the thread if it does not run.
pub fn ensure_running() -> Result<()> {
    let mut listener = LISTENER.lock();
    let listener = listener.current();
    if *listener == Listener::Off {
        start().map_err(|error| {
            Error::new(Kind::Resource, format_args!("starting the thread that waits for cancels: {error}"))
        })?;
    }
    // A thread that is to end goes on instead.
    *listener = Listener::On;
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
        if *listener == Listener::Ending {
            *listener = Listener::Off;
            ENDED.notify_all();
            return;
        }
    }
}

/// Ends the thread; the next call that watches a latch starts it again. Returns false if it has not ended by the
/// deadline.
pub fn pause(deadline: Instant) -> bool {
    let mut listener = LISTENER.lock();
    if *listener.current() == Listener::On {
        *listener.current() = Listener::Ending;
        latch::fires().into_iter().for_each(Semaphore::post);
    }
    listener.wait_until(&ENDED, deadline, |listener| *listener.current() != Listener::Ending).1
}
