//! Delays the cancellation (pthread_cancel) of a thread that is inside the library.
//!
//! read(2), write(2) and close(2) are cancellation points wherever they are called. A thread that is cancelled in one
//! of them unwinds frames that hold locks and incomplete state, and a frame that catches the unwinding ends the
//! process.

use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use system::Before;

/// Runs `body`, which does not unwind, while this thread cannot be cancelled. A cancellation in the meantime happens
/// afterwards.
///
/// No value is dropped in this frame: a thread with asynchronous cancellation can be cancelled at any instruction of
/// the frame, and a frame with destructors can be unwound at some instructions alone.
#[inline(always)]
pub fn without<T: Copy>(body: impl FnOnce() -> T) -> T {
    let body = ManuallyDrop::new(body);
    let before = system::forbid();
    let value = call(ManuallyDrop::into_inner(body));
    system::restore(before);
    value
}

/// Runs `body` in a frame of its own.
#[inline(never)]
fn call<T>(body: impl FnOnce() -> T) -> T {
    body()
}

/// A delay of this thread's cancellation, until it is dropped.
pub struct Uncancelled {
    /// The state of the thread before, which is restored.
    before: Cell<Before>,
    of_this_thread: PhantomData<*const ()>,
}

/// An interruption of the delay. Until it is dropped, the thread can be cancelled as before, but at cancellation points
/// alone.
pub struct Lifted<'a>(&'a Uncancelled);

impl Uncancelled {
    /// Delays the cancellation of the calling thread.
    pub fn begin() -> Self {
        Uncancelled { before: Cell::new(system::forbid()), of_this_thread: PhantomData }
    }

    /// Restores the state that the thread had before, for a function of the program.
    pub fn lift(&self) -> Lifted<'_> {
        system::set_state(self.before.get().state);
        Lifted(self)
    }
}

impl Drop for Uncancelled {
    fn drop(&mut self) {
        system::restore(self.before.get());
    }
}

impl Drop for Lifted<'_> {
    fn drop(&mut self) {
        // The program may have changed the state.
        let state = system::set_state(system::DISABLE);
        self.0.before.set(Before { state, ..self.0.before.get() });
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::ffi::c_int;

    pub const DISABLE: c_int = 1;
    const DEFERRED: c_int = 0;
    const ASYNCHRONOUS: c_int = 1;

    // Not libc's declarations: a thread with asynchronous cancellation may unwind out of these.
    unsafe extern "C-unwind" {
        fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
        fn pthread_setcanceltype(kind: c_int, before: *mut c_int) -> c_int;
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Before {
        pub state: c_int,
        pub kind: c_int,
    }

    #[inline(always)]
    pub fn forbid() -> Before {
        let mut before = Before { state: DISABLE, kind: DEFERRED };
        // The type too: up to glibc 2.40 a pending asynchronous cancellation checks nothing else.
        // SAFETY: each writes the old value to a local, and fails only for an unknown value.
        unsafe {
            pthread_setcancelstate(DISABLE, &mut before.state);
            pthread_setcanceltype(DEFERRED, &mut before.kind);
        }
        before
    }

    /// Sets whether the thread can be cancelled. Returns the old state.
    #[inline(always)]
    pub fn set_state(state: c_int) -> c_int {
        let mut before = state;
        // SAFETY: it writes the old value to a local.
        unsafe { pthread_setcancelstate(state, &mut before) };
        before
    }

    #[inline(always)]
    pub fn restore(before: Before) {
        let mut unused = 0;
        // SAFETY: each writes the old value to a local.
        unsafe {
            if before.kind == ASYNCHRONOUS {
                pthread_setcanceltype(ASYNCHRONOUS, &mut unused);
            }
            pthread_setcancelstate(before.state, &mut unused);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub const DISABLE: i32 = 1;

    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Before {
        pub state: i32,
    }

    pub fn forbid() -> Before {
        Before::default()
    }

    pub fn set_state(_: i32) -> i32 {
        0
    }

    pub fn restore(_: Before) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn state() -> Before {
        let state = system::forbid();
        system::restore(state);
        state
    }

    #[test]
    fn the_cancel_state_is_restored_for_callbacks_and_at_the_end_and_their_changes_are_kept() {
        let enabled = state();
        let outer = Uncancelled::begin();
        let disabled = state();
        assert_ne!(enabled, disabled);
        {
            let lifted = outer.lift();
            assert_eq!(state(), enabled);
            assert_eq!(without(state), disabled);
            assert_eq!(state(), enabled);
            system::restore(disabled);
            drop(lifted);
        }
        drop(outer);
        assert_eq!(state(), disabled, "the callback has set it");
    }
}
