//! Streams by pull: event loops, Go, Python
//!
//! The same events as in bedrock_generate_stream, but you ask for them: with a time limit, in a loop of your own that polls a
//! descriptor, or told by a wakeup. A stream is open until it has ended, and yours until you free it. One thread at a time uses
//! it (another gets BEDROCK_E_BUSY); bedrock_stream_cancel and bedrock_stream_free are for any thread.
//!
//!   while ((status = bedrock_stream_next(stream, -1, &event, &error)) == BEDROCK_OK)
//!     if (event->type == BEDROCK_EVENT_TEXT)
//!       fwrite(event->text, 1, event->text_len, stdout);
//!
//! It ends once, and that is said for ever: BEDROCK_DONE, after messageStop; a failure; or BEDROCK_E_CANCELLED. What came before
//! DONE or a failure is read first; a cancel overtakes it.

use super::attachment::bedrock_release_fn;
use super::cancel::bedrock_cancel;
use super::generate::{Call, bedrock_event};
use super::guard::{self, entry};
use super::handle::{self, Noun};
use super::model::bedrock_model;
use super::request::bedrock_request;
use super::response::bedrock_response;
use super::status::{BEDROCK_AGAIN, BEDROCK_DONE, BEDROCK_OK, bedrock_error, bedrock_status};
use super::text::{put, required};
use super::user::User;
use super::waitset::Place;
use crate::error::{Error, Kind, Result};
use crate::stream::{Next, Remote, Stream};
use crate::wakeup::Wakeup;
use crate::wire::operation::Operation;
use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::Duration;

/// A stream that you read.
pub struct bedrock_stream;

/// Told that a stream has something to read, on a thread of the library's that does no I/O. user is what it was set with. It may
/// call bedrock_cancel_fire and bedrock_stream_cancel and nothing else (BEDROCK_E_BUSY), and must not block: wake your own thread
/// and return.
pub type bedrock_wakeup_fn = Option<unsafe extern "C" fn(user: *mut c_void)>;

/// What stands behind a stream's handle: its reader's side, and what other threads may do meanwhile.
pub(super) struct Pulled {
    reader: Mutex<Reader>,
    remote: Remote,
}

pub(super) struct Reader {
    pub(super) stream: Stream,
    pub(super) told_by: ToldBy,
    lent: Lent,
}

/// Who tells the program that there is something to read, besides the stream's descriptor.
pub(super) enum ToldBy {
    Nobody,
    Wakeup,
    Set(Place),
}

/// The event that was lent last. In a box: the program holds its address while the stream goes on.
struct Lent(Box<UnsafeCell<MaybeUninit<bedrock_event>>>);

// The pointers in it are into the stream's own memory, which it travels with.
unsafe impl Send for Lent {}

impl Noun for Pulled {
    type C = bedrock_stream;
    const TYPE: u64 = 7;
    const NAME: &'static str = "stream";
}

impl Pulled {
    pub(super) fn new(stream: Stream) -> Self {
        let remote = stream.remote();
        let lent = Lent(Box::new(UnsafeCell::new(MaybeUninit::uninit())));
        Pulled { reader: Mutex::new(Reader { stream, told_by: ToldBy::Nobody, lent }), remote }
    }

    /// The reader's side, where no other thread has it.
    pub(super) fn reader(&self) -> Result<MutexGuard<'_, Reader>> {
        match self.reader.try_lock() {
            Ok(reader) => Ok(reader),
            Err(TryLockError::Poisoned(reader)) => Ok(reader.into_inner()),
            Err(TryLockError::WouldBlock) => {
                Err(Error::new(Kind::Busy, "another thread uses this stream; one at a time may"))
            }
        }
    }
}

impl ToldBy {
    /// That a stream may be given somebody new to tell of it.
    pub(super) fn check_free(&self) -> Result<()> {
        match self {
            ToldBy::Set(place) if !place.is_orphan() => {
                Err(Error::new(Kind::Busy, "the stream is in a waiting set, and has no other place or wakeup"))
            }
            _ => Ok(()),
        }
    }
}

/// Opens a stream. (ConverseStream) Never blocks on the network, and fails only for what is wrong with the arguments; everything
/// else comes out of bedrock_stream_next. cancel may be NULL. *out is yours to free. The request may be changed or freed as soon
/// as this has returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_stream_open(
    model: *const bedrock_model,
    request: *const bedrock_request,
    cancel: *mut bedrock_cancel,
    out: *mut *mut bedrock_stream,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    unsafe { put(out, null_mut()) };
    entry!(err => {
        required("out", out)?;
        let Call { model, request, cancel } = Call::of(model, request, cancel)?;
        let stream = model.open(Operation::ConverseStream, &request.snapshot(), cancel.as_deref())?;
        unsafe { put(out, handle::insert(Pulled::new(stream))?) };
        Ok(BEDROCK_OK)
    })
}

/// The next event. BEDROCK_OK: *event is set, and NULL otherwise; it lives until the next bedrock_stream_next or
/// bedrock_stream_free on this stream, and no other call. BEDROCK_DONE: the answer is complete. BEDROCK_AGAIN: there was none within
/// timeout_ms milliseconds (0: do not wait; negative: wait as long as the library's own timers allow), and the stream is unharmed.
/// Below 0: it failed, and says so each time, each time with a new *err. A signal does not end the wait. The timers do not count
/// the time in which the library waits for you to read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_stream_next(
    stream: *mut bedrock_stream,
    timeout_ms: i32,
    event: *mut *const bedrock_event,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    unsafe { put(event, null()) };
    entry!(err => {
        required("event", event)?;
        let pulled = handle::get::<Pulled>(stream)?;
        let mut reader = pulled.reader()?;
        let Reader { stream, lent, .. } = &mut *reader;
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        Ok(match stream.next(timeout)? {
            Next::Event(next) => {
                // SAFETY: only this thread has the reader, and the program's time with the last event is over.
                unsafe { put(event, (*lent.0.get()).write(bedrock_event::lend(&next))) };
                BEDROCK_OK
            }
            Next::Done => BEDROCK_DONE,
            Next::Again => BEDROCK_AGAIN,
        })
    })
}

/// A descriptor that is readable exactly while bedrock_stream_next with timeout 0 would not say BEDROCK_AGAIN: so from the end on
/// for ever. Made by the first call, then the same until bedrock_stream_free closes it: take it out of your loop before. Only poll
/// it; dup it where your loop closes what it polls. Non-blocking and close-on-exec. -1 where there are no descriptors left.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_stream_fd(stream: *mut bedrock_stream) -> isize {
    entry!(else -1 => Ok(handle::get::<Pulled>(stream)?.reader()?.stream.fd()? as isize))
}

/// Has wakeup called when there is something to read. A stream is armed when the wakeup is set, and each time
/// bedrock_stream_next says BEDROCK_AGAIN. As soon as an armed stream has something to read (an event, the end, a failure, a cancel; at
/// once where it has that already) wakeup is called, once. So: on wakeup, call bedrock_stream_next with timeout 0 until it says
/// anything but BEDROCK_OK. Setting replaces; NULL removes. When this function or bedrock_stream_free has returned, the old wakeup is
/// not running and will not run: both wait for it, so hold no lock that it takes. release(user) runs then, inside that call, or inside this one where it fails; it may be
/// NULL. BEDROCK_E_BUSY: another thread uses the stream, or it is in a waiting set. BEDROCK_E_RESOURCE: the thread that calls
/// wakeups cannot start.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_stream_set_wakeup(
    stream: *mut bedrock_stream,
    wakeup: bedrock_wakeup_fn,
    user: *mut c_void,
    release: bedrock_release_fn,
) -> bedrock_status {
    // Whatever fails from here on, dropping this releases.
    let user = User { user, release };
    entry!(null_mut() => {
        let pulled = handle::get::<Pulled>(stream)?;
        let mut reader = pulled.reader()?;
        reader.told_by.check_free()?;
        match wakeup {
            Some(wakeup) => {
                let call = move || guard::confined(|| unsafe { wakeup(user.get()) });
                reader.stream.set_alarm(Some(Box::new(Wakeup::new(Box::new(call))?)));
                reader.told_by = ToldBy::Wakeup;
            }
            None if matches!(reader.told_by, ToldBy::Wakeup) => {
                reader.stream.set_alarm(None);
                reader.told_by = ToldBy::Nobody;
            }
            None => {}
        }
        Ok(BEDROCK_OK)
    })
}

/// The answer so far: what bedrock_stream_next has given, at any time, after a failure too; complete after BEDROCK_DONE. *out is
/// yours to free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bedrock_stream_response(
    stream: *mut bedrock_stream,
    out: *mut *mut bedrock_response,
    err: *mut *mut bedrock_error,
) -> bedrock_status {
    unsafe { put(out, null_mut()) };
    entry!(err => {
        required("out", out)?;
        let response = handle::get::<Pulled>(stream)?.reader()?.stream.response();
        unsafe { put(out, handle::insert(response)?) };
        Ok(BEDROCK_OK)
    })
}

/// Ends the stream and its connection. Any thread, at any time, never blocks. bedrock_stream_next then says BEDROCK_E_CANCELLED,
/// unless it has said BEDROCK_DONE or failed before. A stream that was freed, and NULL: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_stream_cancel(stream: *mut bedrock_stream) {
    guard::anywhere((), || {
        handle::get::<Pulled>(stream)?.remote.cancel();
        Ok(())
    });
}

/// Frees a stream, and ends it where it has not ended. Any thread, also inside on_event; never waits for the network. A thread
/// that is in bedrock_stream_next gets BEDROCK_E_CANCELLED. The event that was lent last is gone with the stream: no thread may still be
/// looking at it. NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_stream_free(stream: *mut bedrock_stream) {
    entry!(else () => {
        if let Some(pulled) = handle::remove::<Pulled>(stream) {
            pulled.remote.close();
        }
        Ok(())
    })
}
