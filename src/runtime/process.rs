//! Which process this is, and how to be a quiet guest in it.
//!
//! After `fork()` the child has our memory and none of our threads. Whatever lives longer than a call remembers in which
//! process it was made, as a [`Generation`], and is left alone in any other.

use crate::sys::{fork_mark, thread};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
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

/// What a thread raises by a fault of its own. Blocked, it would end the process without a handler, and no crash reporter of the
/// host would hear of it.
const SYNCHRONOUS: [Signal; 7] =
    [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGFPE, Signal::SIGILL, Signal::SIGTRAP, Signal::SIGSYS, Signal::SIGABRT];

/// What the host's own threads are to handle. A thread that runs the host's functions leaves the others alone: runtimes use
/// them among their threads, and wait for each to answer.
const HOSTS: [Signal; 13] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGALRM,
    Signal::SIGVTALRM,
    Signal::SIGCHLD,
    Signal::SIGPIPE,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGIO,
    Signal::SIGTSTP,
    Signal::SIGWINCH,
];

thread_local! {
    /// On a thread that runs the host's functions: the mask of the host's thread that wanted it.
    static HOSTS_MASK: Cell<Option<SigSet>> = const { Cell::new(None) };
}

/// What a thread blocks that runs nothing of the host's. SIGPIPE among it cannot end the host because of our sockets.
fn all_but_faults() -> SigSet {
    let mut blocked = SigSet::all();
    SYNCHRONOUS.into_iter().for_each(|signal| blocked.remove(signal));
    blocked
}

/// To be called first on every thread of the library's own that runs nothing of the host's. The host's signal handlers are not
/// for our threads, nor do our threads print their panics.
pub fn settle_in() {
    be_quiet();
    // It can only fail for an invalid mask, and this one is not.
    let _ = all_but_faults().thread_set_mask();
}

fn be_quiet() {
    hook_panics();
    QUIET.set(true);
}

/// A thread of the library's own that runs nothing of the host's.
pub fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    spawn_blocking(&all_but_faults(), || std::thread::Builder::new().name(name.to_owned()).spawn(body).map(drop))
}

/// A thread that runs the host's functions, any of which may end it: see [`thread`].
pub fn spawn_for_host(name: &str, signals: HostSignals, body: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let settled = move || {
        be_quiet();
        HOSTS_MASK.set(Some(signals.host));
        body();
    };
    spawn_blocking(&signals.blocked, || thread::spawn(name, settled))
}

/// Signals are blocked before the thread exists: there is no moment in which the host's handlers could run on it.
fn spawn_blocking(blocked: &SigSet, spawn: impl FnOnce() -> std::io::Result<()>) -> std::io::Result<()> {
    let before = blocked.thread_swap_mask(SigmaskHow::SIG_SETMASK);
    let spawned = spawn();
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
    spawned
}

/// What is blocked on a thread that runs the host's functions: what the host blocks where it asks for them, and what its own
/// threads are to handle.
#[derive(Clone, Copy)]
pub struct HostSignals {
    host: SigSet,
    blocked: SigSet,
}

impl HostSignals {
    /// To be called on a thread of the host's.
    pub fn here() -> Self {
        let host = SigSet::thread_get_mask().unwrap_or_else(|_| SigSet::empty());
        let mut blocked = host;
        HOSTS.into_iter().for_each(|signal| blocked.add(signal));
        SYNCHRONOUS.into_iter().for_each(|signal| blocked.remove(signal));
        HostSignals { host, blocked }
    }
}

/// To be called in the child of a fork whose one thread ran a function of the host's on a thread of ours: the thread is the
/// host's now, and so are its signals.
pub fn become_hosts() {
    if let Ok(Some(mask)) = HOSTS_MASK.try_with(Cell::take) {
        let _ = mask.thread_set_mask();
    }
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
