//! The signals that the library's threads block.
//!
//! Signal handlers belong to the program and run on its threads. A thread that runs none of the program's functions
//! blocks all signals but faults. A thread that runs callbacks blocks the signals that the program blocks, and those
//! that the program's own threads handle.

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use std::cell::Cell;

/// The signals that a thread raises by a fault of its own. A blocked one would end the process without a handler, and
/// the program's crash reporter would not run.
const FAULTS: [Signal; 7] =
    [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGFPE, Signal::SIGILL, Signal::SIGTRAP, Signal::SIGSYS, Signal::SIGABRT];

/// The signals that the program's own threads handle. A thread that runs callbacks leaves the others unblocked:
/// language runtimes send them to every thread, and wait for each to respond.
const PROGRAM_SIGNALS: [Signal; 13] = [
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
    /// On a thread that runs callbacks: the mask of the program's thread that asked for them.
    static PROGRAM_MASK: Cell<Option<SigSet>> = const { Cell::new(None) };
}

/// The mask of a thread that runs none of the program's functions. It blocks SIGPIPE, so that the library's sockets
/// cannot end the process.
pub fn all_but_faults() -> SigSet {
    let mut blocked = SigSet::all();
    FAULTS.into_iter().for_each(|signal| blocked.remove(signal));
    blocked
}

/// The signals of a thread that runs callbacks.
#[derive(Clone, Copy)]
pub struct CallbackSignals {
    /// The mask of the program's thread.
    program: SigSet,
    blocked: SigSet,
}

impl CallbackSignals {
    /// Derives them from the mask of the calling thread, which is the program's.
    pub fn of_this_thread() -> Self {
        let program = SigSet::thread_get_mask().unwrap_or_else(|_| SigSet::empty());
        let mut blocked = program;
        PROGRAM_SIGNALS.into_iter().for_each(|signal| blocked.add(signal));
        FAULTS.into_iter().for_each(|signal| blocked.remove(signal));
        CallbackSignals { program, blocked }
    }

    pub fn blocked(&self) -> &SigSet {
        &self.blocked
    }

    /// Notes the program's mask on the calling thread, for [`restore_program_mask`].
    pub fn note(&self) {
        PROGRAM_MASK.set(Some(self.program));
    }
}

/// Gives a callback thread the program's mask. In the child of a fork in a callback that thread is the program's.
pub fn restore_program_mask() {
    if let Ok(Some(mask)) = PROGRAM_MASK.try_with(Cell::take) {
        let _ = mask.thread_set_mask();
    }
}

/// Runs `body` with the mask `blocked`. A thread that `body` starts inherits it: there is no moment in which a handler
/// of the program could run on it.
pub fn with_mask<T>(blocked: &SigSet, body: impl FnOnce() -> T) -> T {
    let before = blocked.thread_swap_mask(SigmaskHow::SIG_SETMASK);
    let result = body();
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
    result
}
