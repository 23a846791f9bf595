//! What the library does while the process forks.
//!
//! The child has the memory of its parent as it was at that moment, and one thread. So the thread that forks waits until no
//! thread of the library is in the middle of something, and holds all locks that outlive calls. The child begins a new
//! generation: it recognizes what it inherited, and leaves it alone.

use super::{confined, handle};
use crate::call::wakeup;
use crate::cassette::open_recordings;
use crate::http::{resolver, trust_store};
use crate::runtime::fork::{HeldOverFork, Rank};
use crate::runtime::per_process::PerProcess;
use crate::runtime::{blocking, cancel, generation, log, panic_hook, quiesce, worker};
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
    log::FORK_LOCK,
    cancel::RUNNING,
    cancel::LISTENER,
    resolver::FORK_LOCK,
    trust_store::FORK_LOCK,
    cancel::LATCHES,
    handle::FORK_LOCK,
];

/// What the thread that forks holds meanwhile. Its fields are released in this order.
struct Held {
    _locks: [Box<dyn Any>; Rank::COUNT],
    _worker: Option<PerProcess<quiesce::Standstill>>,
    _pause: PerProcess<quiesce::Pause>,
}

thread_local! {
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
    static UNDER_WAY: Cell<bool> = const { Cell::new(false) };
}

/// Returns whether the calling thread is inside of a fork, between this library's handlers. Handlers of others that were
/// registered before run then, and would wait for locks that this thread holds.
pub fn is_under_way() -> bool {
    UNDER_WAY.try_with(Cell::get).unwrap_or(false)
}

/// Registers the handlers for forks. Idempotent.
pub fn watch() {
    // Not a Once: a child whose fork fell into it would wait for ever.
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    generation::notice_forks();
    if !REGISTERED.load(Ordering::Relaxed) && !REGISTERED.swap(true, Ordering::Relaxed) {
        // SAFETY: the handlers are functions of a library that is never unloaded. It fails only for want of memory; then a
        // child is recognized by its missing mark.
        unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
    }
}

unsafe extern "C" fn prepare() {
    panic_hook::install();
    let _ = HELD.try_with(|held| {
        // Without a lock at first: what is waited for may need each of them.
        let pause = quiesce::pause();
        let worker = worker::stop_for_fork();
        let locks = LOCKS.map(|lock| lock.hold());
        held.replace(Some(Held { _locks: locks, _worker: worker, _pause: pause }))
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
    generation::begin_next();
    confined::forked();
    let _ = HELD.try_with(RefCell::take);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_takes_every_lock_once_and_in_the_order_of_their_ranks() {
        let ranks = LOCKS.map(HeldOverFork::rank);
        assert!(ranks.is_sorted_by(|one, next| one < next), "{ranks:?}");
    }
}
