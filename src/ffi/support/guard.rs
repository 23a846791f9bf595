//! What stands around every export: [`entry!`](crate::ffi::support::guard::entry).
//!
//! No panic crosses into C, where it would end the process: it becomes `BEDROCK_E_INTERNAL`, or the neutral value of a getter.
//! Nor does one print anything, as Rust would have it. And no thread is cancelled (pthread_cancel) inside of an export.

use super::handle::{self, Noun};
use super::out::put;
use super::{confined, fork};
use crate::error::{Error, Kind, Result};
use crate::runtime::panic_hook;
use crate::sys::cancelling::{self, Uncancelled};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The body of an export. `entry!(err => body)` gives a status and fills `*err`; `entry!(else neutral => body)` gives a value, and so does
/// `entry!(none neutral => body)`, whose body is an option. Each body may use `?`. `entry!(waits err => body)` is for exports that
/// wait, or begin what others wait for: first it ends the calls of this thread that were [left](super::on_event).
macro_rules! entry {
    (waits $err:expr => $body:expr) => {{
        let here = $crate::ffi::support::on_event::here!();
        $crate::ffi::support::guard::entry!($err => {
            $crate::ffi::support::on_event::end_left(here);
            $body
        })
    }};
    ($err:expr => $body:expr) => {{
        let body = $crate::ffi::support::guard::body(|| $body);
        unsafe { $crate::ffi::support::guard::status($err, body) }
    }};
    (none $neutral:expr => $body:expr) => {
        $crate::ffi::support::guard::option($neutral, || $body)
    };
    (else $neutral:expr => $body:expr) => {
        $crate::ffi::support::guard::value($neutral, || $body)
    };
}
pub(in crate::ffi) use entry;

/// Says what type a body has.
pub fn body<T>(body: impl FnOnce() -> Result<T>) -> impl FnOnce() -> Result<T> {
    body
}

/// # Safety
/// `err` is NULL or writable.
#[inline(always)]
pub unsafe fn status(err: *mut *mut <Error as Noun>::C, body: impl FnOnce() -> Result<i32>) -> i32 {
    cancelling::without(|| {
        unsafe { put(err, std::ptr::null_mut()) };
        match contained(body) {
            Ok(status) => status,
            Err(error) => {
                let status = error.kind() as i32;
                // Where the thread forks, it holds the lock that a handle for the error takes.
                if !err.is_null() && !fork::is_under_way() {
                    unsafe { put(err, handle::insert(error).unwrap_or(std::ptr::null_mut())) };
                }
                status
            }
        }
    })
}

/// As [`value`], for what must not allocate: no error is made where there is nothing to give.
#[inline(always)]
pub fn option<T: Copy>(neutral: T, body: impl FnOnce() -> Option<T>) -> T {
    cancelling::without(|| {
        if confined::is_running() || fork::is_under_way() {
            return neutral;
        }
        panic_hook::silently(|| catch_unwind(AssertUnwindSafe(body))).ok().flatten().unwrap_or(neutral)
    })
}

#[inline(always)]
pub fn value<T: Copy>(neutral: T, body: impl FnOnce() -> Result<T>) -> T {
    cancelling::without(|| contained(body).unwrap_or(neutral))
}

/// As [`value`], for what every callback may call.
#[inline(always)]
pub fn anywhere<T: Copy>(neutral: T, body: impl FnOnce() -> Result<T>) -> T {
    cancelling::without(|| if fork::is_under_way() { neutral } else { caught(body).unwrap_or(neutral) })
}

fn contained<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    if fork::is_under_way() {
        return Err(Error::new(Kind::Busy, "a handler of pthread_atfork may not call this library"));
    }
    if confined::is_running() {
        return Err(Error::new(Kind::Busy, "this callback may not call this function"));
    }
    caught(body)
}

fn caught<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    // Before anything that a fork could find half done: a lock, a thread.
    fork::watch();
    panic_hook::silently(|| Error::catch(body))
}

/// What an export does that calls the program in between, outside of all that catches: what leaves the program's function
/// unwinds the export, too. It is to be made inside of [`panic_hook::silently`].
pub struct Visit {
    uncancelled: Uncancelled,
}

impl Visit {
    /// With the first step, which gives what the others need.
    pub fn begin<T>(body: impl FnOnce() -> Result<T>) -> Result<(Self, T)> {
        let visit = Visit { uncancelled: Uncancelled::begin() };
        contained(body).map(|begun| (visit, begun))
    }

    /// A step of the export's own.
    pub fn step<T>(&self, body: impl FnOnce() -> Result<T>) -> Result<T> {
        Error::catch(body)
    }

    /// The program's function.
    pub fn call<T>(&self, callback: impl FnOnce() -> T) -> T {
        let _lifted = self.uncancelled.lift();
        callback()
    }
}
