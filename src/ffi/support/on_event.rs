//! The calls of a thread that show events to its program's `on_event`, from the first to the last.
//!
//! What leaves `on_event` sideways leaves the call as well. An exception, or the end of the thread, drops it. longjmp, and runtimes
//! that give frames up without a word, drop nothing: the call then stays in the thread's list, with the address of its frame. The
//! thread's next call that waits finds that the stack ends above that address, and ends the call.
//!
//! Only the thread's own stack is looked at. A call on a stack of a coroutine's is never taken for left. Nor is memory freed of a
//! call that seems to be left, since a program that copies stacks about may yet come back to it: it then finds itself cancelled.

use super::arguments::CallArguments;
use crate::call::Remote;
use crate::sys::stack;
use std::cell::{Cell, RefCell};

/// An address in the frame of the function that it stands in.
macro_rules! here {
    () => {{
        let mark = 0u8;
        std::hint::black_box(&raw const mark).addr()
    }};
}
pub(in crate::ffi) use here;

thread_local! {
    /// The innermost is the last.
    static SHOWN: RefCell<Vec<Shown>> = const { RefCell::new(Vec::new()) };
    /// How many calls this thread has shown. Frames of coroutines may have one address.
    static NUMBER: Cell<u64> = const { Cell::new(0) };
}

struct Shown {
    number: u64,
    /// An address in the frame that calls `on_event`.
    frame: usize,
    remote: Remote,
    _kept: CallArguments,
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.remote.cancel();
    }
}

/// A call in its thread's list. Dropping it takes the call from there, and cancels it where it has not ended.
pub struct Showing {
    number: u64,
}

impl Showing {
    pub fn begin(frame: usize, remote: Remote, arguments: CallArguments) -> Self {
        let number = NUMBER.get() + 1;
        NUMBER.set(number);
        let shown = Shown { number, frame, remote, _kept: arguments };
        // A thread that is past the end of its locals keeps no list, and leaves no frames.
        let _ = SHOWN.try_with(|list| list.borrow_mut().push(shown));
        Showing { number }
    }
}

impl Drop for Showing {
    fn drop(&mut self) {
        let is_this = |shown: &Shown| shown.number == self.number;
        let shown = SHOWN.try_with(|list| {
            let mut list = list.borrow_mut();
            list.iter().rposition(is_this).map(|at| list.remove(at))
        });
        // Outside of the list: what it held may call release functions, and these the library.
        drop(shown);
    }
}

/// Ends the calls whose frame this thread has left. `here` is in the frame of the export that the program has called.
pub fn end_left(here: usize) {
    let is_below = |shown: &Shown| shown.frame < here;
    let left = SHOWN.try_with(|list| {
        let mut list = list.borrow_mut();
        if !list.iter().any(is_below) {
            return Vec::new();
        }
        let stack = stack::of_this_thread().filter(|stack| stack.contains(&here)).unwrap_or_default();
        list.extract_if(.., |shown| is_below(shown) && stack.contains(&shown.frame)).collect()
    });
    drop(left);
}

/// Whether this thread is inside of an `on_event`.
pub fn is_running() -> bool {
    SHOWN.try_with(|list| !list.borrow().is_empty()).unwrap_or(false)
}
