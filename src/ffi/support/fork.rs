//! What `fork()` does to us.
//!
//! The child has our memory as it was at that moment, and one thread. So while the process forks we hold the locks that
//! outlive calls, and the child counts itself a new process: what it inherited is recognised and left alone.

use super::{confined, handle};
use crate::call::wakeup;
use crate::cassette::recorder;
use crate::runtime::{blocking, cancel, log, process, quiesce, worker};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    /// The locks held over a fork, by the thread that forks.
    static HELD: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
    static UNDER_WAY: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread is inside of a fork, between our handlers: those of others that were registered before ours run
/// then, and would wait for locks that this thread holds.
pub fn is_under_way() -> bool {
    UNDER_WAY.try_with(Cell::get).unwrap_or(false)
}

/// Watches for forks from now on.
pub fn watch() {
    // No Once: a child whose fork fell into it would wait for ever.
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    process::notice_forks();
    if !REGISTERED.load(Ordering::Relaxed) && !REGISTERED.swap(true, Ordering::Relaxed) {
        // It can only fail for want of memory, and then forked children are not told apart.
        unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
    }
}

unsafe extern "C" fn prepare() {
    process::hook_panics();
    let _ = HELD.try_with(|held| {
        // The order in which the crate takes them, where it takes one under another.
        let locks: Vec<Box<dyn Any>> = vec![
            Box::new(quiesce::pause()),
            Box::new(worker::hold_for_fork()),
            Box::new(blocking::lock_for_fork()),
            Box::new(recorder::lock_for_fork()),
            Box::new(worker::lock_for_fork()),
            Box::new(wakeup::lock_for_fork()),
            Box::new(log::lock_for_fork()),
            Box::new(cancel::lock_for_fork()),
            Box::new(handle::lock_for_fork()),
        ];
        held.replace(locks)
    });
    let _ = UNDER_WAY.try_with(|under_way| under_way.set(true));
}

unsafe extern "C" fn parent() {
    over();
    let _ = HELD.try_with(RefCell::take);
}

fn over() {
    let _ = UNDER_WAY.try_with(|under_way| under_way.set(false));
}

unsafe extern "C" fn child() {
    over();
    process::forked();
    confined::forked();
    let _ = HELD.try_with(RefCell::take);
}
