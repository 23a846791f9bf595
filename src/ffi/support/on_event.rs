//! The calls of a thread that pass events to the program's `on_event`.
//!
//! A program can leave `on_event` without returning, and leaves the call with it. An exception, or the end of the
//! thread, drops the call. longjmp drops nothing, nor do runtimes that abandon frames: the call then stays in the
//! thread's list, with the address of its frame. The thread's next call that waits finds that the stack ends above that
//! address, and ends the call.
//!
//! This holds for the thread's own stack alone: a call on the stack of a coroutine never counts as left. The memory of
//! a call that was left is not freed, because a program that copies stacks may return to it. It then finds itself
//! cancelled.

use super::arguments::CallArguments;
use crate::runtime::per_process::PerProcess;
use crate::sys::stack;
use std::cell::{Cell, RefCell};

/// Returns an address in the frame of the function that uses it.
macro_rules! here {
    () => {{
        let mark = 0u8;
        std::hint::black_box(&raw const mark).addr()
    }};
}
pub(in crate::ffi) use here;

thread_local! {
    /// The calls of this thread. The innermost is the last.
    static CALLS: RefCell<PerProcess<Vec<Entry>>> = const { RefCell::new(PerProcess::empty()) };
    /// The number of the last call on this thread. It names a call: frames of coroutines may have the same address.
    static NUMBER: Cell<u64> = const { Cell::new(0) };
}

/// A call in its thread's list.
struct Entry {
    number: u64,
    /// An address in the frame that calls `on_event`.
    frame: usize,
    /// Ends the call, unless it has ended.
    end: Box<dyn Fn()>,
    _kept: CallArguments,
}

impl Drop for Entry {
    fn drop(&mut self) {
        (self.end)();
    }
}

/// The presence of a call in its thread's list. Dropping it removes the call, and cancels it if it has not ended.
pub struct ListedCall {
    number: u64,
}

impl ListedCall {
    /// `end` ends the call, unless it has ended.
    pub fn begin(frame: usize, end: impl Fn() + 'static, arguments: CallArguments) -> Self {
        let number = NUMBER.get() + 1;
        NUMBER.set(number);
        let entry = Entry { number, frame, end: Box::new(end), _kept: arguments };
        // A thread whose thread-locals are gone has no list. It ends, and leaves no call.
        let _ = CALLS.try_with(|list| list.borrow_mut().current().push(entry));
        ListedCall { number }
    }
}

impl Drop for ListedCall {
    fn drop(&mut self) {
        let is_this = |entry: &Entry| entry.number == self.number;
        let entry = CALLS.try_with(|list| {
            let mut list = list.borrow_mut();
            let list = list.current();
            list.iter().rposition(is_this).map(|at| list.remove(at))
        });
        // Outside of the list: it may call release functions of the program, which may call the library.
        drop(entry);
    }
}

/// Ends the calls whose frame this thread has left. `here` is in the frame of the current export.
pub fn end_left(here: usize) {
    let is_below = |entry: &Entry| entry.frame < here;
    let left = CALLS.try_with(|list| {
        let mut list = list.borrow_mut();
        let list = list.current();
        if !list.iter().any(is_below) {
            return Vec::new();
        }
        let stack = stack::of_this_thread().filter(|stack| stack.contains(&here)).unwrap_or_default();
        list.extract_if(.., |entry| is_below(entry) && stack.contains(&entry.frame)).collect()
    });
    drop(left);
}

/// Returns whether this thread is inside an `on_event`.
pub fn is_running() -> bool {
    CALLS.try_with(|list| list.borrow().get().is_some_and(|list| !list.is_empty())).unwrap_or(false)
}
