//! What stands around every export: [`entry!`](crate::ffi::guard::entry).
//!
//! No panic crosses into C, where it would end the process: it becomes `BEDROCK_E_INTERNAL`, or the neutral value of a getter.
//! Nor does one print anything, as Rust would have it.

use super::handle;
use super::status::{bedrock_error, bedrock_status};
use super::text::put;
use crate::error::{Error, Kind, Result};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The body of an export. `entry!(err => body)` gives a status and fills `*err`; `entry!(else neutral => body)` gives a value, and so does
/// `entry!(none neutral => body)`, whose body is an option. Each body may use `?`.
macro_rules! entry {
    ($err:expr => $body:expr) => {{
        let body = $crate::ffi::guard::body(|| $body);
        unsafe { $crate::ffi::guard::status($err, body) }
    }};
    (none $neutral:expr => $body:expr) => {
        $crate::ffi::guard::option($neutral, || $body)
    };
    (else $neutral:expr => $body:expr) => {
        $crate::ffi::guard::value($neutral, || $body)
    };
}
pub(super) use entry;

thread_local! {
    /// Whether this thread is a library's thread in a callback that may call next to nothing.
    static CONFINED: Cell<bool> = const { Cell::new(false) };
    /// How many `on_event` callbacks this thread is inside of.
    static IN_EVENT: Cell<u32> = const { Cell::new(0) };
}

/// Says what type a body has.
pub fn body<T>(body: impl FnOnce() -> Result<T>) -> impl FnOnce() -> Result<T> {
    body
}

/// # Safety
/// `err` is NULL or writable.
pub unsafe fn status(err: *mut *mut bedrock_error, body: impl FnOnce() -> Result<bedrock_status>) -> bedrock_status {
    unsafe { put(err, std::ptr::null_mut()) };
    match contained(body) {
        Ok(status) => status,
        Err(error) => {
            let status = error.kind() as bedrock_status;
            if !err.is_null() {
                unsafe { put(err, handle::insert(error).unwrap_or(std::ptr::null_mut())) };
            }
            status
        }
    }
}

/// As [`value`], for what must not allocate: no error is made where there is nothing to give.
pub fn option<T>(neutral: T, body: impl FnOnce() -> Option<T>) -> T {
    if CONFINED.get() {
        return neutral;
    }
    crate::process::quietly(|| catch_unwind(AssertUnwindSafe(body))).ok().flatten().unwrap_or(neutral)
}

pub fn value<T>(neutral: T, body: impl FnOnce() -> Result<T>) -> T {
    contained(body).unwrap_or(neutral)
}

fn contained<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    if CONFINED.get() {
        return Err(Error::new(Kind::Busy, "this callback may not call this function"));
    }
    caught(body)
}

/// As [`value`], for what every callback may call.
pub fn anywhere<T>(neutral: T, body: impl FnOnce() -> Result<T>) -> T {
    caught(body).unwrap_or(neutral)
}

fn caught<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    // Before anything that a fork could find half done: a lock, a thread.
    super::fork::watch();
    crate::process::quietly(|| catch_unwind(AssertUnwindSafe(body)))
        .unwrap_or_else(|panic| Err(Error::panicked(&*panic)))
}

/// Runs a callback that may call nothing but what fires and cancels.
pub fn confined(callback: impl FnOnce()) {
    CONFINED.set(true);
    callback();
    CONFINED.set(false);
}

/// Runs an `on_event` callback.
pub fn in_event<T>(callback: impl FnOnce() -> T) -> T {
    IN_EVENT.set(IN_EVENT.get() + 1);
    let result = callback();
    IN_EVENT.set(IN_EVENT.get() - 1);
    result
}

pub fn is_in_event() -> bool {
    IN_EVENT.get() > 0
}

#[cfg(test)]
mod tests {
    use crate::ffi::status::*;

    #[test]
    fn a_panic_becomes_an_internal_error_and_a_neutral_value() {
        let mut err = std::ptr::null_mut();
        let failed = entry!(&mut err => panic!("on purpose"));
        assert_eq!(failed, BEDROCK_E_INTERNAL);
        let message = unsafe { std::ffi::CStr::from_ptr(bedrock_error_message(err)) }.to_str().unwrap();
        assert!(message.starts_with("bedrock: ") && message.contains("on purpose"), "{message}");
        bedrock_error_free(err);
        assert_eq!(entry!(else 7 => panic!("on purpose")), 7);
    }
}
