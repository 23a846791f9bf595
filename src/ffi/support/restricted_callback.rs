//! Callbacks that may call few functions of the library: wakeups and the log callback, which run on the library's
//! threads.

use super::release::User;
use crate::call::wakeup::Callback;
use crate::runtime::signals;
use std::cell::Cell;
use std::ffi::c_void;

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

/// Returns a wakeup that calls a function of the program with its pointer, which it takes.
pub fn wakeup(function: unsafe extern "C-unwind" fn(*mut c_void), user: &mut Option<User>) -> Callback {
    let user = user.take().expect("a wakeup is made once");
    // SAFETY: the program has promised that its function may be called with its pointer.
    Box::new(move || run(|| unsafe { function(user.get()) }))
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
