//! Callbacks that may call few functions of the library: wakeups and the log callback, which run on the library's
//! threads.

use crate::runtime::signals;
use std::cell::Cell;

thread_local! {
    /// Whether this thread is inside a wakeup or the log callback.
    static CONFINED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a wakeup or the log callback, which may end its thread.
pub fn run(callback: impl FnOnce()) {
    CONFINED.set(true);
    callback();
    CONFINED.set(false);
}

/// Returns whether this thread is inside a wakeup or the log callback.
pub fn is_running() -> bool {
    CONFINED.get()
}

/// Ends the confinement in the child of a fork. A thread that forked inside a wakeup or the log callback may then call
/// every function, and handles the signals that the program's threads handle.
pub fn forked() {
    if CONFINED.try_with(|confined| confined.replace(false)).unwrap_or(false) {
        signals::restore_program_mask();
    }
}
