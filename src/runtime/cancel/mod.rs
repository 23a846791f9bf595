//! Cancellation: latches that any thread and a signal handler may fire, and the calls that watch them.
//!
//! Firing sets a bit in memory that is never freed, and posts a semaphore. The listener, a thread, waits for the
//! semaphore and ends the calls whose latch has fired. So a cancel depends neither on the worker nor on a descriptor.
//!
//! - `latch`: the latches and their triggers
//! - `listener`: the thread that waits for latches to fire
//! - `running`: the calls that run

mod latch;
mod listener;
mod running;

pub use latch::{Cancel, FORK_LOCK as LATCHES, Trigger};
pub use listener::{FORK_LOCK as LISTENER, pause};
pub use running::{Call, FORK_LOCK as RUNNING, Registration, Why, end_all};

use crate::error::Result;
use std::sync::Weak;

/// Registers a call that runs. Until the result is dropped, the call is ended when `cancel` fires, and by [`end_all`].
/// Fails if the listener cannot start.
pub fn register(cancel: Option<&Cancel>, call: Weak<dyn Call>) -> Result<Registration> {
    // First: a listener that starts afterwards misses no call.
    let registration = running::register(cancel, call);
    if cancel.is_some() {
        listener::ensure_running()?;
    }
    Ok(registration)
}
