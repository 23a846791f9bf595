//! Waiting sets: many streams, one waiter
//!
//! A waiting set is for programs with so many streams that one descriptor or one wakeup for each is
//! too much. One thread waits for all streams of a set. It gets those that have something to read,
//! in the order in which they became readable. A stream is armed as for a wakeup: when it is added,
//! and each time bedrock_stream_next returns BEDROCK_AGAIN.
//!
//! These functions have no parameter err. bedrock_status_name gives the name of the status that they
//! return.

use super::status::{BEDROCK_AGAIN, BEDROCK_OK, bedrock_status};
use super::stream::{Pulled, bedrock_stream};
use super::support::guard::entry;
use super::support::handle::{self, Noun};
use super::support::out::put;
use crate::call::waitset::WaitSet;
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;
use std::time::Duration;

/// A set of streams to wait for.
pub struct bedrock_waitset;

/// The result of a wait: a stream, and the pointer that it was added with.
#[derive(Clone, Copy)]
struct Token {
    stream: *mut bedrock_stream,
    user: *mut c_void,
}

// SAFETY: a handle is a number, and the program has promised that its pointer may go from thread to thread.
unsafe impl Send for Token {}
// SAFETY: as above.
unsafe impl Sync for Token {}

impl Noun for WaitSet<Token> {
    type C = bedrock_waitset;
    const TYPE: u64 = 8;
    const NAME: &'static str = "waiting set";
}

/// Makes an empty set. It is owned by the caller. Returns NULL only if the process is out of handles.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_waitset_new() -> *mut bedrock_waitset {
    entry!(else null_mut() => handle::insert(WaitSet::<Token>::default()))
}

/// Adds a stream. bedrock_waitset_wait returns user with it. Thread-safe, also while another thread waits. Only
/// bedrock_stream_free removes a stream from its set, or bedrock_waitset_free all of them. A stream has a wakeup or
/// is in one set, not both. Returns BEDROCK_E_BUSY if the stream has a wakeup, is in a set, or is used by another
/// thread.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_waitset_add(
    set: *mut bedrock_waitset,
    stream: *mut bedrock_stream,
    user: *mut c_void,
) -> bedrock_status {
    entry!(null_mut() => {
        let set = handle::get::<WaitSet<Token>>(set)?;
        let pulled = handle::get::<Pulled>(stream)?;
        let mut reader = pulled.reader()?;
        reader.stream.join(&set, Token { stream, user })?;
        Ok(BEDROCK_OK)
    })
}

/// Waits for a stream that has something to read. timeout_ms is in milliseconds; 0 does not wait, and a negative
/// value waits without a limit. Returns BEDROCK_OK with the stream in *stream and, in *user, the pointer that it
/// was added with; either of the two parameters may be NULL. Then call bedrock_stream_next with timeout 0 until it
/// returns something other than BEDROCK_OK, here or on another thread. If you stop reading before BEDROCK_AGAIN,
/// the set does not return the stream again: continue on your own, or leave it so to pause the stream. Returns
/// BEDROCK_AGAIN if no stream was readable in time, BEDROCK_E_BUSY if another thread waits for this set, and
/// BEDROCK_E_CANCELLED if the set was freed meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_waitset_wait(
    set: *mut bedrock_waitset,
    timeout_ms: i32,
    stream: *mut *mut bedrock_stream,
    user: *mut *mut c_void,
) -> bedrock_status {
    unsafe {
        put(stream, null_mut());
        put(user, null_mut());
    }
    entry!(null_mut() => {
        let set = handle::get::<WaitSet<Token>>(set)?;
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        let Some(token) = set.wait(timeout)? else { return Ok(BEDROCK_AGAIN) };
        unsafe {
            put(stream, token.stream);
            put(user, token.user);
        }
        Ok(BEDROCK_OK)
    })
}

/// Returns a descriptor to poll. It is readable while bedrock_waitset_wait(set, 0, ...) would return something
/// other than BEDROCK_AGAIN (level-triggered). The first call makes the descriptor, and later calls return the
/// same. bedrock_waitset_free closes it: remove it from your event loop before. Only poll it. It is non-blocking
/// and close-on-exec. Returns -1 if the process has no descriptor left, for an invalid handle, and inside a wakeup
/// or log callback.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_waitset_fd(set: *mut bedrock_waitset) -> c_int {
    entry!(else -1 => handle::get::<WaitSet<Token>>(set)?.fd())
}

/// Frees a set. Its streams go on, and may be added to another set. A thread that waits gets BEDROCK_E_CANCELLED.
/// Does nothing for NULL.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_waitset_free(set: *mut bedrock_waitset) {
    entry!(else () => {
        if let Some(set) = handle::remove::<WaitSet<Token>>(set) {
            set.close();
        }
        Ok(())
    })
}
