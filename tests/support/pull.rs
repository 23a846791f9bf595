//! Streams by pull, used from Rust as a C program uses them: `bedrock_stream_next`, descriptors, wakeups, waiting sets.
//!
//! ```ignore
//! let stream = Pull::open(&model, &Request::say("Hello?"));
//! while let Pulled::Event(event) = stream.next(-1) { ... }
//! ```
//!
//! Every call checks the promises of the header for all calls, as in [`capi`](super::capi).

use std::ffi::{CString, c_void};
use std::mem::ManuallyDrop;
use std::ptr::{dangling, dangling_mut, null_mut};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use bedrock::ffi::call::bedrock_call_open;
use bedrock::ffi::cancel::bedrock_cancel;
use bedrock::ffi::generate::{bedrock_event, bedrock_generate_stream};
use bedrock::ffi::stream::*;
use bedrock::ffi::waitset::*;

use super::PATIENCE;
use super::capi::*;

/// A `bedrock_stream`.
pub struct Pull(*mut bedrock_stream);

impl Drop for Pull {
    fn drop(&mut self) {
        bedrock_stream_free(self.0);
    }
}

// SAFETY: a handle is a number that any thread may use.
unsafe impl Send for Pull {}
unsafe impl Sync for Pull {}

/// The result of `bedrock_stream_next`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pulled {
    Event(Event),
    Done,
    Again,
    Failed(Failure),
}

impl Pull {
    /// Calls `bedrock_stream_open`, which must succeed.
    #[track_caller]
    pub fn open(model: &Model, request: &Request) -> Pull {
        Pull::open_with(model, request, null_mut())
    }

    /// Calls it with a cancel handle.
    #[track_caller]
    pub fn open_with(model: &Model, request: &Request, cancel: *mut bedrock_cancel) -> Pull {
        let opened =
            made(|out, err| unsafe { bedrock_stream_open(model.handle(), request.handle(), cancel, out, err) });
        Pull(opened.unwrap_or_else(|failure| panic!("no stream: {failure:?}")))
    }

    /// Calls `bedrock_call_open`, which must succeed.
    #[track_caller]
    pub fn call(model: &Model, operation: &str, request: &Request) -> Pull {
        let operation = CString::new(operation).expect("a name without NUL");
        let opened = made(|out, err| unsafe {
            bedrock_call_open(model.handle(), operation.as_ptr(), request.handle(), null_mut(), out, err)
        });
        Pull(opened.unwrap_or_else(|failure| panic!("no stream: {failure:?}")))
    }

    /// Calls `bedrock_stream_next`.
    #[track_caller]
    pub fn next(&self, timeout_ms: i32) -> Pulled {
        let (mut event, mut err) = (dangling::<bedrock_event>(), dangling_mut());
        let status = unsafe { bedrock_stream_next(self.0, timeout_ms, &mut event, &mut err) };
        assert_ne!(event, dangling(), "*event was not written ({status})");
        let failure = Failure::take(status, err);
        assert_eq!(!event.is_null(), status == BEDROCK_OK, "an event goes with BEDROCK_OK and nothing else ({status})");
        match (status, failure) {
            (BEDROCK_OK, _) => Pulled::Event(Event::of(unsafe { &*event })),
            (BEDROCK_DONE, _) => Pulled::Done,
            (BEDROCK_AGAIN, _) => Pulled::Again,
            (_, Some(failure)) => Pulled::Failed(failure),
            (unknown, None) => panic!("bedrock_stream_next returned {unknown}"),
        }
    }

    /// Calls `bedrock_stream_response`.
    #[track_caller]
    pub fn response(&self) -> Response {
        let made = made(|out, err| unsafe { bedrock_stream_response(self.0, out, err) });
        Response::take(made.unwrap_or_else(|failure| panic!("no response: {failure:?}")))
    }

    /// Calls `bedrock_stream_fd`.
    #[track_caller]
    pub fn fd(&self) -> i32 {
        let fd = bedrock_stream_fd(self.0);
        assert!(fd >= 0, "no descriptor");
        assert_eq!(bedrock_stream_fd(self.0), fd, "the descriptor stays the same");
        fd
    }

    /// Calls `bedrock_stream_set_wakeup` with a function that counts.
    #[track_caller]
    pub fn set_wakeup(&self, wakeups: &WakeupCounter) {
        let user = Arc::into_raw(wakeups.0.clone()).cast_mut().cast();
        let status = bedrock_stream_set_wakeup(self.0, Some(count_wakeup), user, Some(release));
        assert_eq!(name(status), "BEDROCK_OK");
    }

    /// Returns the handle.
    pub fn handle(&self) -> *mut bedrock_stream {
        self.0
    }
}

/// Returns whether a descriptor becomes readable within `timeout_ms`.
pub fn readable(fd: i32, timeout_ms: i32) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    loop {
        match unsafe { libc::poll(&mut poll, 1, timeout_ms) } {
            -1 if std::io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) => {}
            count => {
                assert!(count >= 0, "poll: {}", std::io::Error::last_os_error());
                assert_eq!(poll.revents & !libc::POLLIN, 0, "a descriptor is readable and nothing else");
                return count == 1;
            }
        }
    }
}

/// Counts the wakeups of a stream.
#[derive(Clone, Default)]
pub struct WakeupCounter(Arc<Wakeups>);

#[derive(Default)]
struct Wakeups {
    count: Mutex<usize>,
    changed: Condvar,
}

impl WakeupCounter {
    /// Waits for more than `seen` wakeups and returns their number. Panics after [`PATIENCE`].
    #[track_caller]
    pub fn wait(&self, seen: usize) -> usize {
        let count = self.0.count.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, waited) = self
            .0
            .changed
            .wait_timeout_while(count, PATIENCE, |count| *count <= seen)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.timed_out(), "waited {PATIENCE:?} for wakeup {}", seen + 1);
        *count
    }

    /// Returns whether every stream has released the counter.
    pub fn is_released(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

unsafe extern "C-unwind" fn count_wakeup(user: *mut c_void) {
    // Borrowed: `release` drops it.
    let wakeups = ManuallyDrop::new(unsafe { Arc::from_raw(user.cast::<Wakeups>()) });
    *wakeups.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    wakeups.changed.notify_all();
}

unsafe extern "C" fn release(user: *mut c_void) {
    drop(unsafe { Arc::from_raw(user.cast::<Wakeups>()) });
}

/// A `bedrock_waitset`.
pub struct WaitSet(*mut bedrock_waitset);

impl Drop for WaitSet {
    fn drop(&mut self) {
        bedrock_waitset_free(self.0);
    }
}

impl WaitSet {
    pub fn new() -> WaitSet {
        let set = bedrock_waitset_new();
        assert!(!set.is_null(), "no waiting set");
        WaitSet(set)
    }

    #[track_caller]
    pub fn add(&self, stream: &Pull, user: usize) {
        let status = bedrock_waitset_add(self.0, stream.handle(), user as *mut c_void);
        assert_eq!(name(status), "BEDROCK_OK");
    }

    /// Returns a readable stream and its user pointer. None after `timeout`.
    #[track_caller]
    pub fn wait(&self, timeout: Duration) -> Option<(*mut bedrock_stream, usize)> {
        let (mut stream, mut user) = (dangling_mut(), dangling_mut());
        let timeout_ms = timeout.as_millis().try_into().expect("a timeout in range");
        let status = unsafe { bedrock_waitset_wait(self.0, timeout_ms, &mut stream, &mut user) };
        match status {
            BEDROCK_OK => Some((stream, user as usize)),
            _ => {
                assert_eq!(name(status), "BEDROCK_AGAIN");
                assert!(stream.is_null() && user.is_null(), "out parameters are written whatever happens");
                None
            }
        }
    }
}

/// Reads a stream to its end by `bedrock_stream_next`. Returns the number of events and the terminal status.
pub fn count_pulled(stream: &Pull) -> (usize, bedrock_status) {
    let mut count = 0;
    loop {
        let (mut event, mut err) = (dangling::<bedrock_event>(), dangling_mut());
        let status = unsafe { bedrock_stream_next(stream.0, -1, &mut event, &mut err) };
        drop(Failure::take(status, err));
        if status != BEDROCK_OK {
            return (count, status);
        }
        count += 1;
    }
}

/// Reads a stream by `bedrock_generate_stream`, without a response. Returns the number of events and the status.
pub fn count_called_back(model: &Model, request: &Request) -> (usize, bedrock_status) {
    unsafe extern "C-unwind" fn count(_: *const bedrock_event, user: *mut c_void) -> i32 {
        unsafe { *user.cast::<usize>() += 1 };
        0
    }
    let (mut events, mut err) = (0_usize, dangling_mut());
    let (model, request, user) = (model.handle(), request.handle(), (&raw mut events).cast());
    let status =
        unsafe { bedrock_generate_stream(model, request, null_mut(), Some(count), user, null_mut(), &mut err) };
    drop(Failure::take(status, err));
    (events, status)
}
