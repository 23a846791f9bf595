//! Waiting sets: many streams, one waiter
//!
//! A waiting set is for programs with so many streams that one descriptor or one wakeup for each is too much. One
//! thread waits for all streams of a set. It gets the streams that are readable, in the order in which they became
//! readable. A stream is armed as for a wakeup: when it is added, and each time bedrock_stream_next returns
//! BEDROCK_AGAIN.
//!
//! These functions have no parameter err. bedrock_status_name gives the name of the status that they return.

use super::run::{PullRun, bedrock_run};
use super::status::{BEDROCK_AGAIN, BEDROCK_OK, bedrock_status};
use super::stream::{PullStream, bedrock_stream};
use super::support::guard::entry;
use super::support::handle::{self, HandleObject, HandleType};
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

impl HandleObject for WaitSet<Token> {
    type C = bedrock_waitset;
    const TYPE: HandleType = HandleType::WaitingSet;
}

/// Makes an empty set.
///
/// Returns: The set, or NULL if the process is out of handles.
/// Ownership: Owned by the caller. Free it with bedrock_waitset_free.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_waitset_new() -> *mut bedrock_waitset {
    entry!(else null_mut() => handle::insert(WaitSet::<Token>::default()))
}

/// Adds a stream to a set.
///
/// A stream has a wakeup or is in one set, not both. bedrock_stream_free removes a stream from its set, and
/// bedrock_waitset_free removes all of them. There is no other way.
///
/// user: bedrock_waitset_wait returns it with the stream.
/// Returns: BEDROCK_OK, or BEDROCK_E_BUSY if the stream has a wakeup, is in a set, or is used by another thread.
/// Ownership: The stream and user stay owned by the caller.
/// Threads: Thread-safe, also while another thread waits for the set. Does not block.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_waitset_add(
    set: *mut bedrock_waitset,
    stream: *mut bedrock_stream,
    user: *mut c_void,
) -> bedrock_status {
    entry!(null_mut() => {
        let set = handle::get::<WaitSet<Token>>(set)?;
        let shared = handle::get::<PullStream>(stream)?;
        let mut reader = shared.reader()?;
        reader.stream.join(&set, Token { stream, user })?;
        Ok(BEDROCK_OK)
    })
}

/// Adds a run to a set.
///
/// The run stays in the set over all of its rounds. It has a wakeup or is in one set, not both. bedrock_run_free
/// removes it from its set.
///
/// user: bedrock_waitset_wait returns it, with NULL as the stream.
/// Returns: BEDROCK_OK, or BEDROCK_E_BUSY if the run has a wakeup, is in a set, or is read by another thread.
/// Ownership: The run and user stay owned by the caller.
/// Threads: Thread-safe, also while another thread waits for the set. Does not block.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_waitset_add_run(
    set: *mut bedrock_waitset,
    run: *mut bedrock_run,
    user: *mut c_void,
) -> bedrock_status {
    entry!(null_mut() => {
        let set = handle::get::<WaitSet<Token>>(set)?;
        let shared = handle::get::<PullRun>(run)?;
        let mut reader = shared.reader()?;
        reader.run.join(&set, Token { stream: null_mut(), user })?;
        Ok(BEDROCK_OK)
    })
}

/// Waits for a stream that is readable.
///
/// Then call bedrock_stream_next with timeout 0 until it returns something other than BEDROCK_OK, on this or another
/// thread. If you stop reading before BEDROCK_AGAIN, the stream is not armed and the set does not return it. This
/// pauses the stream, until you call bedrock_stream_next again.
///
/// timeout_ms: 0 does not wait. A negative value waits without a limit.
/// stream: *stream receives the stream, and NULL for a run: user tells which. May be NULL.
/// user: *user receives the pointer that the stream was added with. May be NULL.
/// Returns: BEDROCK_OK with a stream. BEDROCK_AGAIN if no stream was readable in time. BEDROCK_E_BUSY if another thread
///   waits for this set. BEDROCK_E_CANCELLED if the set was freed meanwhile.
/// Ownership: *stream and *user stay owned by the program. *stream is the handle that was added, and is freed once.
/// Threads: Blocks for at most timeout_ms. One thread at a time may wait for a set.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_waitset_wait(
    set: *mut bedrock_waitset,
    timeout_ms: i32,
    stream: *mut *mut bedrock_stream,
    user: *mut *mut c_void,
) -> bedrock_status {
    // SAFETY: both are NULL or writable, as the header demands.
    unsafe {
        put(stream, null_mut());
        put(user, null_mut());
    }
    entry!(null_mut() => {
        let set = handle::get::<WaitSet<Token>>(set)?;
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        let Some(token) = set.wait(timeout)? else { return Ok(BEDROCK_AGAIN) };
        // SAFETY: as above.
        unsafe {
            put(stream, token.stream);
            put(user, token.user);
        }
        Ok(BEDROCK_OK)
    })
}

/// Gets a descriptor to poll.
///
/// It is readable while bedrock_waitset_wait(set, 0, ...) would return something other than BEDROCK_AGAIN
/// (level-triggered). It is non-blocking and close-on-exec. The function makes the descriptor when it is first used,
/// and later returns the same one. Only poll it.
///
/// Returns: The descriptor. -1 if the process has no descriptor left, for an invalid handle, and inside wakeup, log
///   and observer.
/// Ownership: Owned by the library. bedrock_waitset_free closes it: remove it from your event loop first.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_waitset_fd(set: *mut bedrock_waitset) -> c_int {
    entry!(else -1 => handle::get::<WaitSet<Token>>(set)?.fd())
}

/// Frees a set.
///
/// Its streams go on, and may be added to another set. A thread that waits for the set gets BEDROCK_E_CANCELLED.
///
/// set: NULL does nothing.
/// Ownership: Ends the handle and the descriptor. The streams stay owned by the program.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_waitset_free(set: *mut bedrock_waitset) {
    entry!(else () => {
        if let Some(set) = handle::remove::<WaitSet<Token>>(set) {
            set.close();
        }
        Ok(())
    })
}
