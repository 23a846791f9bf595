//! The code around the body of every export: [`entry!`](crate::ffi::support::guard::entry).
//!
//! A panic of the body becomes `BEDROCK_E_INTERNAL`, or the neutral value of a getter: in C it would end the process.
//! It is not printed. A thread is not cancelled (pthread_cancel) inside an export.

use super::handle::{self, HandleObject};
use super::out::put;
use super::{fork_handlers, restricted_callback};
use crate::error::{Error, Kind, Result};
use crate::runtime::panic_hook;
use crate::sys::cancelling::{self, Uncancelled};
use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The body of an export, which may use `?`.
///
/// - `entry!(err => body)` returns a status and fills `*err`.
/// - `entry!(waits err => body)` does the same for exports that wait for the network or start a call. First it ends the
///   calls of this thread whose callback has [left](super::on_event) them.
/// - `entry!(text len, err => body)` returns a text and fills `*len` and `*err`. Its body returns the text with its
///   length.
/// - `entry!(else neutral => body)` returns a value.
/// - `entry!(pure neutral => body)` returns a value. Its body is an option, takes no lock and uses no handle, so every
///   callback may call the export.
macro_rules! entry {
    (waits $err:expr => $body:expr) => {{
        let here = $crate::ffi::support::on_event::here!();
        $crate::ffi::support::guard::entry!($err => {
            $crate::ffi::support::on_event::end_left(here);
            $body
        })
    }};
    (text $len:expr, $err:expr => $body:expr) => {{
        let body = $crate::ffi::support::guard::body(|| $body);
        // SAFETY: `len` and `err` are NULL or writable, as the header demands of every export's caller.
        unsafe { $crate::ffi::support::guard::text($len, $err, body) }
    }};
    ($err:expr => $body:expr) => {{
        let body = $crate::ffi::support::guard::body(|| $body);
        // SAFETY: `err` is NULL or writable, as the header demands of every export's caller.
        unsafe { $crate::ffi::support::guard::status($err, body) }
    }};
    (pure $neutral:expr => $body:expr) => {
        $crate::ffi::support::guard::pure($neutral, || $body)
    };
    (else $neutral:expr => $body:expr) => {
        $crate::ffi::support::guard::value($neutral, || $body)
    };
}
pub(in crate::ffi) use entry;

/// Returns the body. This fixes its type, so that it may use `?`.
pub fn body<T>(body: impl FnOnce() -> Result<T>) -> impl FnOnce() -> Result<T> {
    body
}

/// Runs a body that returns a status. Writes its error, or NULL, to `err`.
///
/// # Safety
/// `err` is NULL or writable.
#[inline(always)]
pub unsafe fn status(err: *mut *mut <Error as HandleObject>::C, body: impl FnOnce() -> Result<i32>) -> i32 {
    cancelling::without(|| {
        // SAFETY: the caller guarantees the same.
        unsafe { put(err, std::ptr::null_mut()) };
        match contained(body) {
            Ok(status) => status,
            Err(error) => {
                let status = error.kind() as i32;
                // A thread that forks holds the lock that a new handle needs.
                if !err.is_null() && !fork_handlers::is_under_way() {
                    // SAFETY: the caller guarantees the same.
                    unsafe { put(err, handle::insert(error).unwrap_or(std::ptr::null_mut())) };
                }
                status
            }
        }
    })
}

/// Runs a body that returns a text and its length. If it fails, returns NULL and writes its error to `err`.
///
/// # Safety
/// `len` and `err` are NULL or writable.
pub unsafe fn text(
    len: *mut usize,
    err: *mut *mut <Error as HandleObject>::C,
    body: impl FnOnce() -> Result<(*const c_char, usize)>,
) -> *const c_char {
    let mut returned = (std::ptr::null(), 0);
    let filled = || {
        returned = body()?;
        Ok(0)
    };
    // SAFETY: the caller guarantees the same.
    unsafe { status(err, filled) };
    // SAFETY: the caller guarantees the same.
    unsafe { put(len, returned.1) };
    returned.0
}

/// Does the same as [`value`] for a body that takes no lock and uses no handle: every callback may call it. It makes no
/// error, and so does not allocate for one.
#[inline(always)]
pub fn pure<T: Copy>(neutral: T, body: impl FnOnce() -> Option<T>) -> T {
    cancelling::without(|| {
        if fork_handlers::is_under_way() {
            return neutral;
        }
        panic_hook::silently(|| catch_unwind(AssertUnwindSafe(body))).ok().flatten().unwrap_or(neutral)
    })
}

/// Runs a body and returns its value, or `neutral` if it fails, panics or may not run here.
#[inline(always)]
pub fn value<T: Copy>(neutral: T, body: impl FnOnce() -> Result<T>) -> T {
    cancelling::without(|| contained(body).unwrap_or(neutral))
}

/// Does the same as [`value`] for exports that every callback may call.
#[inline(always)]
pub fn anywhere<T: Copy>(neutral: T, body: impl FnOnce() -> Result<T>) -> T {
    cancelling::without(|| if fork_handlers::is_under_way() { neutral } else { caught(body).unwrap_or(neutral) })
}

fn contained<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    if fork_handlers::is_under_way() {
        return Err(Error::new(Kind::Busy, "a handler of pthread_atfork may not call this library"));
    }
    if restricted_callback::is_running() {
        return Err(Error::new(Kind::Busy, "this callback may not call this function"));
    }
    caught(body)
}

fn caught<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    // First: the body may take locks and start threads, which the handlers of a fork protect.
    fork_handlers::register_handlers();
    panic_hook::silently(|| Error::catch(body))
}

/// An export that calls a function of the program. No frame around that call catches an unwinding: an exception of the
/// function unwinds the export, too. It must begin inside [`panic_hook::silently`].
pub struct Visit {
    uncancelled: Uncancelled,
}

impl Visit {
    /// Begins with the first step. Returns its result for the other steps.
    pub fn begin<T>(body: impl FnOnce() -> Result<T>) -> Result<(Self, T)> {
        let visit = Visit { uncancelled: Uncancelled::begin() };
        contained(body).map(|begun| (visit, begun))
    }

    /// Runs a step of the export's own code.
    pub fn step<T>(&self, body: impl FnOnce() -> Result<T>) -> Result<T> {
        Error::catch(body)
    }

    /// Calls the program's function.
    pub fn call<T>(&self, callback: impl FnOnce() -> T) -> T {
        let _lifted = self.uncancelled.lift();
        callback()
    }
}
