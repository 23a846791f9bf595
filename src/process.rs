//! Which process this is, and how to be a quiet guest in it.
//!
//! After `fork()` the child has our memory and none of our threads. Whatever lives longer than a call remembers in which
//! process it was made, as a [`Generation`], and is left alone in any other.

use crate::sys::fork_mark;
use nix::sys::signal::{SigSet, SigmaskHow};
use std::cell::Cell;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that no two processes of one family of forks share with their ancestors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation(u64);

static GENERATION: AtomicU64 = AtomicU64::new(0);

impl Generation {
    /// This process's. Async-signal-safe.
    pub fn current() -> Self {
        // A child whose fork ran no handlers is noticed here.
        if fork_mark::is_lost() {
            forked();
        }
        Generation(GENERATION.load(Ordering::Relaxed))
    }

    pub fn number(self) -> u64 {
        self.0
    }

    pub fn is_current(self) -> bool {
        self == Generation::current()
    }
}

/// Has forks noticed from now on.
pub fn notice_forks() {
    fork_mark::set();
}

/// Makes a child a process of its own. To be called in it before anything else of this library. Async-signal-safe.
pub fn forked() {
    // Without a mark the handler of the fork is the only one who calls this, and calls it once.
    if fork_mark::renew() || !fork_mark::is_set() {
        GENERATION.fetch_add(1, Ordering::Relaxed);
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `body` so that a panic in it prints nothing.
pub fn quietly<T>(body: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            QUIET.set(self.0);
        }
    }
    let _restore = Restore(QUIET.replace(true));
    hook_panics();
    body()
}

/// To be called first on every thread of the library's own. The host's signal handlers are not for our threads; and SIGPIPE,
/// blocked here, cannot end the host because of our sockets. Nor do our threads print their panics.
pub fn settle_in() {
    hook_panics();
    QUIET.set(true);
    // It can only fail for an invalid mask, and this one is not.
    let _ = SigSet::all().thread_block();
}

/// A thread of the library's own. Signals are blocked before it exists: there is no moment in which the host's handlers could
/// run on it.
pub fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK);
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(body);
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
    spawned.map(drop)
}

/// Rust prints every panic, caught or not; ours become errors instead. Others are left to who had the hook before.
pub fn hook_panics() {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                before(panic);
            }
        }));
    });
}
