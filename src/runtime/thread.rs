//! The library's threads: how they start.
//!
//! They print no panics, and handle no signals of the program.

use super::panic_hook;
use super::signals::{self, CallbackSignals};
use crate::sys::thread;

/// Starts a thread that runs none of the program's functions.
pub fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let initialized = move || {
        init();
        body();
    };
    let spawn = || std::thread::Builder::new().name(name.to_owned()).spawn(initialized).map(drop);
    signals::with_mask(&signals::all_but_faults(), spawn)
}

fn init() {
    panic_hook::silence_thread();
    // It can only fail for an invalid mask, and this one is valid.
    let _ = signals::all_but_faults().thread_set_mask();
}

/// Starts a thread that runs functions of the program. Each of them may end it: see [`thread`].
pub fn spawn_for_callbacks(
    name: &str,
    signals: CallbackSignals,
    body: impl FnOnce() + Send + 'static,
) -> std::io::Result<()> {
    let initialized = move || {
        panic_hook::silence_thread();
        signals.note();
        body();
    };
    signals::with_mask(signals.blocked(), || thread::spawn(name, initialized))
}
