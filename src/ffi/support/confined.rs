//! Callbacks that may call next to nothing of the library: wakeups and the log, which run on the library's threads.

use crate::runtime::signals;
use std::cell::Cell;

thread_local! {
    /// Whether this thread is inside a wakeup or a log.
    static CONFINED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a wakeup or a log. It may end its thread.
pub fn run(callback: impl FnOnce()) {
    CONFINED.set(true);
    callback();
    CONFINED.set(false);
}

/// Whether this thread is inside a wakeup or a log.
pub fn is_running() -> bool {
    CONFINED.get()
}

/// For the child of a fork. A thread that has forked inside a wakeup or a log may call every function there, and handles signals
/// as the program's own threads do.
pub fn forked() {
    if CONFINED.try_with(|confined| confined.replace(false)).unwrap_or(false) {
        signals::restore_program_mask();
    }
}
