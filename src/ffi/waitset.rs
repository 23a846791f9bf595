//! Waiting sets: many streams, one waiter
//!
//! For programs with so many streams that a descriptor or a wakeup for each is too much: one thread waits for all of them and is
//! told which has something to read, in the order in which they did. A stream is armed as for a wakeup: when it is added, and
//! each time bedrock_stream_next says BEDROCK_AGAIN.

use super::guard::entry;
use super::handle::{self, Noun};
use super::status::{BEDROCK_AGAIN, BEDROCK_OK, bedrock_status};
use super::stream::{Pulled, ToldBy, bedrock_stream};
use super::text::put;
use crate::error::{Error, Kind};
use crate::waitset::{Member, WaitSet};
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::Arc;
use std::time::Duration;

/// A set of streams to wait for.
pub struct bedrock_waitset;

/// What a waiter is told: a stream, and what it was added with.
#[derive(Clone, Copy)]
pub(super) struct Token {
    stream: *mut bedrock_stream,
    user: *mut c_void,
}

// A handle is a number, and the program has promised that its pointer may go from thread to thread.
unsafe impl Send for Token {}
unsafe impl Sync for Token {}

/// A stream's place in a set.
pub(super) type Place = Arc<Member<Token>>;

impl Noun for WaitSet<Token> {
    type C = bedrock_waitset;
    const TYPE: u64 = 8;
    const NAME: &'static str = "waiting set";
}

/// An empty set. NULL only when out of memory or handles.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_waitset_new() -> *mut bedrock_waitset {
    entry!(else null_mut() => handle::insert(WaitSet::<Token>::default()))
}

/// Adds a stream; user comes back with it. Any thread, also while another waits. There is no remove: bedrock_stream_free does it.
/// A stream has a wakeup or a waiting set, not both, and is in one set: BEDROCK_E_BUSY, as where another thread uses the stream.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_waitset_add(
    set: *mut bedrock_waitset,
    stream: *mut bedrock_stream,
    user: *mut c_void,
) -> bedrock_status {
    entry!(null_mut() => {
        let set = handle::get::<WaitSet<Token>>(set)?;
        let pulled = handle::get::<Pulled>(stream)?;
        let mut reader = pulled.reader()?;
        reader.told_by.check_free()?;
        if matches!(reader.told_by, ToldBy::Wakeup) {
            return Err(Error::new(Kind::Busy, "the stream has a wakeup; remove it first"));
        }
        let place = set.member(Token { stream, user });
        reader.stream.set_alarm(Some(Box::new(place.clone())));
        reader.told_by = ToldBy::Set(place);
        Ok(BEDROCK_OK)
    })
}

/// BEDROCK_OK: *stream has something to read, and *user is what it was added with (either may be NULL): call bedrock_stream_next
/// with timeout 0 until it says anything but BEDROCK_OK, here or on another thread. BEDROCK_AGAIN: timeout_ms milliseconds (0: do not
/// wait; negative: wait as long as it takes) have passed. One thread at a time: another gets BEDROCK_E_BUSY. BEDROCK_E_CANCELLED: the set was freed meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_waitset_wait(
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

/// A descriptor that is readable exactly while bedrock_waitset_wait with timeout 0 would not say BEDROCK_AGAIN. As
/// bedrock_stream_fd: made by the first call, closed by bedrock_waitset_free, only to be polled; -1 where there are no descriptors left.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_waitset_fd(set: *mut bedrock_waitset) -> isize {
    entry!(else -1 => Ok(handle::get::<WaitSet<Token>>(set)?.fd()? as isize))
}

/// Frees a set. Its streams go on, and may be added to another. A thread that waits gets BEDROCK_E_CANCELLED. NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_waitset_free(set: *mut bedrock_waitset) {
    entry!(else () => {
        if let Some(set) = handle::remove::<WaitSet<Token>>(set) {
            set.close();
        }
        Ok(())
    })
}
