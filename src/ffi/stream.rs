//! Streams by pull: event loops, Go, Python
//!
//! A stream delivers the same events as bedrock_generate_stream, but your program asks for them: with a time limit, in
//! an event loop that polls a descriptor, or after a wakeup. One thread at a time may use a stream; another gets
//! BEDROCK_E_BUSY. bedrock_stream_cancel and bedrock_stream_free may be called on any thread.
//!
//!   while ((status = bedrock_stream_next(stream, -1, &event, &error)) == BEDROCK_OK)
//!     if (event->type == BEDROCK_EVENT_TEXT)
//!       fwrite(event->text, 1, event->text_len, stdout);
//!
//! A stream has one terminal status: BEDROCK_DONE if the response is complete, or else a failure. BEDROCK_DONE follows
//! the last event: messageStop, the metadata after it, or the last chunk. Once a stream has ended, every later
//! bedrock_stream_next returns the same status. Events that arrived before the end are delivered first, but
//! BEDROCK_E_CANCELLED discards them.
//!
//! To pause a stream, stop calling bedrock_stream_next. The library then reads on until about "read_ahead" bytes wait,
//! and stops reading its connection until your program goes on (back-pressure). Only the timer "total" runs meanwhile.

use super::attachment::bedrock_release_fn;
use super::cancel::bedrock_cancel;
use super::generate::bedrock_event;
use super::model::bedrock_model;
use super::request::bedrock_request;
use super::response::bedrock_response;
use super::status::{BEDROCK_AGAIN, BEDROCK_DONE, BEDROCK_OK, bedrock_error, bedrock_status};
use super::support::arguments::CallArguments;
use super::support::exclusive::Exclusive;
use super::support::guard::{self, entry};
use super::support::handle::{self, HandleObject, HandleType};
use super::support::out::{put, required};
use super::support::release::User;
use super::support::restricted_callback;
use crate::call::{Next, Remote, Stream};
use crate::error::Result;
use crate::protocol::operation::Operation;
use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};
use std::sync::MutexGuard;
use std::time::Duration;

/// A stream that the program reads.
pub struct bedrock_stream;

/// Receives a wakeup: the stream has something to read. It runs on a library thread that does no I/O. user is the
/// pointer that was passed to bedrock_stream_set_wakeup. The function may call only bedrock_cancel_fire,
/// bedrock_stream_cancel and bedrock_json_...; others return BEDROCK_E_BUSY or their neutral value. It must not block:
/// wake your own thread and return.
pub type bedrock_wakeup_fn = Option<unsafe extern "C-unwind" fn(user: *mut c_void)>;

/// A stream behind its handle: the side that one thread at a time reads, and the side that every thread may use.
pub(super) struct PullStream {
    reader: Exclusive<Reader>,
    remote: Remote,
}

/// The side of a stream that one thread at a time uses.
pub(super) struct Reader {
    pub(super) stream: Stream,
    event: LastEvent,
}

/// The event that was returned last. It is in a box, because the program holds its address while the stream moves on.
pub(super) struct LastEvent(Box<UnsafeCell<MaybeUninit<bedrock_event>>>);

// SAFETY: its pointers lead into memory of the stream, which moves to another thread together with it.
unsafe impl Send for LastEvent {}

impl LastEvent {
    pub(super) fn none() -> Self {
        LastEvent(Box::new(UnsafeCell::new(MaybeUninit::uninit())))
    }

    /// Replaces the event. The program no longer uses the old one.
    pub(super) fn replace(&mut self, event: bedrock_event) -> *const bedrock_event {
        // SAFETY: only this thread has the reader, and the program no longer uses the last event.
        unsafe { (*self.0.get()).write(event) }
    }
}

impl HandleObject for PullStream {
    type C = bedrock_stream;
    const TYPE: HandleType = HandleType::Stream;
}

impl PullStream {
    fn new(stream: Stream) -> Self {
        let remote = stream.remote();
        let event = LastEvent::none();
        PullStream { reader: Exclusive::new("stream", Reader { stream, event }), remote }
    }

    /// Returns the reader. Returns an error if another thread uses it.
    pub(super) fn reader(&self) -> Result<MutexGuard<'_, Reader>> {
        self.reader.try_use()
    }
}

/// Opens a stream without waiting for the network.
///
/// Besides the statuses that every function may return, it returns no failure but BEDROCK_E_REQUEST.
/// bedrock_stream_next returns all others, for example BEDROCK_E_CANCELLED if cancel was fired before. The request may
/// be changed or freed as soon as this function has returned.
///
/// Returns: BEDROCK_OK, BEDROCK_E_REQUEST if the request is wrong, or BEDROCK_E_RESOURCE if the process has no thread,
///   handle or memory left.
/// Ownership: *out is owned by the caller. Free it with bedrock_stream_free.
/// Threads: Does not block. Thread-safe.
/// Since: 0.1
/// AWS: ConverseStream
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_stream_open(
    model: *const bedrock_model,
    request: *const bedrock_request,
    cancel: *mut bedrock_cancel,
    out: *mut *mut bedrock_stream,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: the pointers are good, as the header demands.
    unsafe { open(|| Ok(Operation::ConverseStream), model, request, cancel, out, err) }
}

/// Opens a call as a stream: the body of bedrock_stream_open and of bedrock_call_open.
///
/// # Safety
/// As for those: `out` and `err` are NULL or writable.
// A part of its export: see `cancelling::without`.
#[inline(always)]
pub(super) unsafe fn open(
    operation: impl FnOnce() -> Result<Operation>,
    model: *const bedrock_model,
    request: *const bedrock_request,
    cancel: *mut bedrock_cancel,
    out: *mut *mut bedrock_stream,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: `out` is NULL or writable.
    unsafe { put(out, null_mut()) };
    entry!(waits err => {
        required("out", out)?;
        let operation = operation()?;
        let stream = CallArguments::of(model, request, cancel)?.open(operation)?;
        // SAFETY: as above.
        unsafe { put(out, handle::insert(PullStream::new(stream))?) };
        Ok(BEDROCK_OK)
    })
}

/// Waits for the next event.
///
/// A signal does not end the wait. The timers, except "total", do not count the time in which the library waits for
/// your program to read.
///
/// timeout_ms: 0 does not wait. A negative value waits as long as the timers of the call allow.
/// event: *event receives the event if the status is BEDROCK_OK, and NULL otherwise.
/// Returns: BEDROCK_OK with an event. BEDROCK_DONE if the response is complete. BEDROCK_AGAIN if no event arrived in
///   time; the stream goes on. A value below 0 is the failure that ended the stream, with a new *err each time.
/// Ownership: *event is borrowed until the next bedrock_stream_next or bedrock_stream_free on this stream. Other
///   functions do not invalidate it.
/// Threads: Blocks for at most timeout_ms. BEDROCK_E_BUSY if another thread uses the stream.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_stream_next(
    stream: *mut bedrock_stream,
    timeout_ms: i32,
    event: *mut *const bedrock_event,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(event, null()) };
    entry!(err => {
        required("event", event)?;
        let shared = handle::get::<PullStream>(stream)?;
        let mut reader = shared.reader()?;
        let Reader { stream, event: last } = &mut *reader;
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        Ok(match stream.next(timeout)? {
            Next::Event(next) => {
                // SAFETY: NULL or writable, as the header demands.
                unsafe { put(event, last.replace(bedrock_event::of_stream(&next))) };
                BEDROCK_OK
            }
            Next::Done => BEDROCK_DONE,
            Next::Again => BEDROCK_AGAIN,
        })
    })
}

/// Gets a descriptor to poll.
///
/// It is readable while bedrock_stream_next(stream, 0, ...) would return something other than BEDROCK_AGAIN
/// (level-triggered). After the end of the stream it stays readable. It is non-blocking and close-on-exec. The function
/// makes the descriptor when it is first used, and later returns the same one. Only poll it.
///
/// Returns: The descriptor. -1 if the process has no descriptor left, if another thread uses the stream, for an invalid
///   handle, and inside wakeup, log and observer.
/// Ownership: Owned by the library. bedrock_stream_free closes it: remove it from your event loop first. If your event
///   loop closes the descriptors that it polls, pass it a dup.
/// Threads: Does not block. One thread at a time may use the stream.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_stream_fd(stream: *mut bedrock_stream) -> c_int {
    entry!(else -1 => handle::get::<PullStream>(stream)?.reader()?.stream.fd())
}

/// Sets the function that is called when there is something to read.
///
/// A stream is armed when a wakeup is set, and each time bedrock_stream_next returns BEDROCK_AGAIN. An armed stream
/// calls wakeup once, as soon as there is something to read: an event, the end, a failure or a cancel. If there is
/// something to read when the stream is armed, wakeup runs at once, also then on a library thread.
///
/// After a wakeup, call bedrock_stream_next with timeout 0 until it returns something other than BEDROCK_OK. If you
/// stop reading before BEDROCK_AGAIN, the stream is not armed and no wakeup follows. This pauses the stream, until you
/// call bedrock_stream_next again.
///
/// wakeup: A new wakeup replaces the old one. NULL removes it. Once this function or bedrock_stream_free has returned,
///   the old wakeup is not running and will not run.
/// Returns: BEDROCK_OK, BEDROCK_E_BUSY if another thread uses the stream or it is in a waiting set, or
///   BEDROCK_E_RESOURCE if the thread that calls wakeups cannot start.
/// Ownership: release(user) runs once: inside the function that replaces or removes the wakeup or frees the stream, or
///   inside this function if it fails or wakeup is NULL.
/// Threads: Blocks until an old wakeup that is running has returned: hold no lock that it acquires. wakeup runs on a
///   library thread.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_stream_set_wakeup(
    stream: *mut bedrock_stream,
    wakeup: bedrock_wakeup_fn,
    user: *mut c_void,
    release: bedrock_release_fn,
) -> bedrock_status {
    // If the call fails, this is dropped at its end, when no lock is held, because the program's release may call the
    // library.
    let mut user = Some(User::new(user, release));
    entry!(null_mut() => {
        let shared = handle::get::<PullStream>(stream)?;
        let mut reader = shared.reader()?;
        match wakeup {
            None => reader.stream.remove_wakeup()?,
            Some(wakeup) => reader.stream.set_wakeup(|| restricted_callback::wakeup(wakeup, &mut user))?,
        }
        Ok(BEDROCK_OK)
    })
}

/// Makes a response of the events that bedrock_stream_next has delivered so far.
///
/// It may be called at any time, also after a failure, and also before the first event: the response is then empty. The
/// response is complete after BEDROCK_DONE. If the model's keep_answer is false, it has the stop reason and the usage,
/// and no content.
///
/// Returns: BEDROCK_OK, or BEDROCK_E_BUSY if another thread uses the stream.
/// Ownership: *out is owned by the caller. Free it with bedrock_response_free.
/// Threads: Does not block. One thread at a time may use the stream.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bedrock_stream_response(
    stream: *mut bedrock_stream,
    out: *mut *mut bedrock_response,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    // SAFETY: NULL or writable, as the header demands.
    unsafe { put(out, null_mut()) };
    entry!(err => {
        required("out", out)?;
        let response = handle::get::<PullStream>(stream)?.reader()?.stream.response();
        // SAFETY: NULL or writable, as the header demands.
        unsafe { put(out, handle::insert(response)?) };
        Ok(BEDROCK_OK)
    })
}

/// Ends the stream and closes its connection.
///
/// bedrock_stream_next then returns BEDROCK_E_CANCELLED, unless it had returned BEDROCK_DONE or a failure before.
///
/// stream: NULL, or a stream that was freed, does nothing.
/// Threads: Thread-safe, also while another thread is in bedrock_stream_next. Every callback may call it. Never blocks.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_stream_cancel(stream: *mut bedrock_stream) {
    guard::anywhere((), || {
        handle::get::<PullStream>(stream)?.remote.cancel();
        Ok(())
    });
}

/// Frees a stream, and ends it if it has not ended.
///
/// A thread that is in bedrock_stream_next gets BEDROCK_E_CANCELLED.
///
/// stream: NULL does nothing.
/// Ownership: Ends the handle, the last event and the descriptor: no thread may still use them. Responses made of the
///   stream stay valid.
/// Threads: Thread-safe, also inside on_event. Never waits for the network. Blocks until a wakeup that is running has
///   returned: hold no lock that it acquires.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_stream_free(stream: *mut bedrock_stream) {
    entry!(else () => {
        if let Some(shared) = handle::remove::<PullStream>(stream) {
            shared.remote.close();
        }
        Ok(())
    })
}
