//! Threads that are cancelled (pthread_cancel) while they are here are cancelled later.
//!
//! read(2), write(2) and close(2) are cancellation points wherever they are called. A thread that ends in one of them unwinds
//! through frames that have locks and half-made state, and one that catches what unwinds ends the process.

use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use system::Before;

/// Runs `body`, which does not unwind, while this thread is not cancelled. What was asked for meanwhile happens afterwards.
///
/// Nothing is dropped here: where a thread may be cancelled at any instruction, frames that have something to drop cannot be
/// unwound at any.
#[inline(always)]
pub fn without<T: Copy>(body: impl FnOnce() -> T) -> T {
    let body = ManuallyDrop::new(body);
    let before = system::forbid();
    let value = apart(ManuallyDrop::into_inner(body));
    system::restore(before);
    value
}

#[inline(never)]
fn apart<T>(body: impl FnOnce() -> T) -> T {
    body()
}

/// The same for as long as it lives.
pub struct Uncancelled {
    /// How the thread was before, which it is again afterwards.
    before: Cell<Before>,
    of_this_thread: PhantomData<*const ()>,
}

/// While it lives, the thread may be cancelled as before, but at cancellation points alone.
pub struct Lifted<'a>(&'a Uncancelled);

impl Uncancelled {
    pub fn begin() -> Self {
        Uncancelled { before: Cell::new(system::forbid()), of_this_thread: PhantomData }
    }

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
        // The program may have changed it for itself.
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

    // Not libc's declarations: where a thread may be cancelled at any instruction, it ends in these.
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
        // SAFETY: they write what was, and fail only for what does not exist. The kind, too: up to glibc 2.40 an asynchronous cancel
        // that is on its way looks at nothing else when it arrives.
        unsafe {
            pthread_setcancelstate(DISABLE, &mut before.state);
            pthread_setcanceltype(DEFERRED, &mut before.kind);
        }
        before
    }

    /// Sets whether the thread may be cancelled. Returns how it was before.
    #[inline(always)]
    pub fn set_state(state: c_int) -> c_int {
        let mut before = state;
        // SAFETY: as above.
        unsafe { pthread_setcancelstate(state, &mut before) };
        before
    }

    #[inline(always)]
    pub fn restore(before: Before) {
        let mut unused = 0;
        // SAFETY: as above.
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
    fn a_thread_is_as_it_was_wherever_the_program_runs_and_keeps_what_the_program_sets() {
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
