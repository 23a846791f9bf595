//! The handlers that the library runs while the process forks.
//!
//! The child has the memory of its parent as it was at that moment, and one thread. So the thread that forks first
//! waits until the library's threads pause, and then holds all locks that outlive calls. The child begins a new
//! generation: it recognizes inherited values, and does not use them.

use super::{handle, restricted_callback};
use crate::call::wakeup;
use crate::cassette::open_recordings;
use crate::http::{resolver, trust_store};
use crate::runtime::fork::{HeldOverFork, Rank};
use crate::runtime::per_process::PerProcess;
use crate::runtime::{blocking, cancel, feed, panic_hook, process_generation, quiesce, worker};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};

/// Every [`ForkLock`](crate::runtime::fork::ForkLock), in the order of their ranks.
const LOCKS: [&dyn HeldOverFork; Rank::COUNT] = [
    quiesce::FORK_LOCK,
    blocking::FORK_LOCKS[0],
    blocking::FORK_LOCKS[1],
    blocking::FORK_LOCKS[2],
    blocking::FORK_LOCKS[3],
    blocking::FORK_LOCKS[4],
    open_recordings::FORK_LOCK,
    worker::FORK_LOCK,
    wakeup::FORK_LOCK,
    feed::FORK_LOCK,
    cancel::RUNNING,
    cancel::LISTENER,
    resolver::FORK_LOCK,
    trust_store::FORK_LOCK,
    cancel::LATCHES,
    handle::FORK_LOCK,
];

/// The locks and pauses that the forking thread holds. The fields are released in this order.
struct Held {
    _locks: [Box<dyn Any>; Rank::COUNT],
    _worker: Option<PerProcess<quiesce::Standstill>>,
    _pause: PerProcess<quiesce::Pause>,
}

thread_local! {
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
    static UNDER_WAY: Cell<bool> = const { Cell::new(false) };
}

/// Returns whether the calling thread is between this library's handlers of a fork. Handlers of other code that were
/// registered earlier run at that time. A call in them would wait for locks that this thread holds.
pub fn is_under_way() -> bool {
    UNDER_WAY.try_with(Cell::get).unwrap_or(false)
}

/// Registers the handlers for forks. Idempotent.
pub fn register_handlers() {
    // Not a Once: a child that is forked while the Once runs would wait for it for ever.
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    process_generation::notice_forks();
    if !REGISTERED.load(Ordering::Relaxed) && !REGISTERED.swap(true, Ordering::Relaxed) {
        // SAFETY: the handlers are functions of a library that is never unloaded. It fails only without memory. Then a
        // child is recognized by its missing mark.
        unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
    }
}

unsafe extern "C" fn prepare() {
    panic_hook::install();
    let _ = HELD.try_with(|held| {
        // No lock is held yet: the threads that are waited for may need any of them.
        let pause = quiesce::pause();
        let worker = worker::stop_for_fork();
        let locks = LOCKS.map(|lock| lock.hold());
        held.replace(Some(Held { _locks: locks, _worker: worker, _pause: pause }))
    });
    let _ = UNDER_WAY.try_with(|under_way| under_way.set(true));
}

unsafe extern "C" fn parent() {
    note_end();
    let _ = HELD.try_with(RefCell::take);
}

fn note_end() {
    let _ = UNDER_WAY.try_with(|under_way| under_way.set(false));
}

unsafe extern "C" fn child() {
    note_end();
    process_generation::begin_next();
    restricted_callback::forked();
    feed::forked();
    let _ = HELD.try_with(RefCell::take);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::feed::{Form, Queue, Subscription};
    use crate::runtime::log::Level;

    #[test]
    fn a_fork_takes_every_lock_once_and_in_the_order_of_their_ranks() {
        let ranks = LOCKS.map(HeldOverFork::rank);
        assert!(ranks.is_sorted_by(|one, next| one < next), "{ranks:?}");
    }

    /// A child that reports to the parent's outlets would observe its calls for no one.
    #[test]
    fn a_child_has_no_outlets() {
        register_handlers();
        let queue =
            Queue::open(Subscription { level: Some(Level::Error), records: Some(Form::WithContent), capacity: 1 });
        let wants = || feed::wants_records() || feed::wants_content() || feed::wants_messages(Level::Error);
        assert!(wants());
        // SAFETY: the child reads three numbers and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: ends the child.
            unsafe { libc::_exit(i32::from(wants())) };
        }
        let mut status = -1;
        // SAFETY: `status` is writable.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0, "the child has the parent's outlets");
        assert!(wants());
        queue.close();
    }
}
