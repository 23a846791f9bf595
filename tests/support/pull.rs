//! Streams by pull, called from Rust as a C program would call them: `bedrock_stream_next`, a descriptor to poll, a wakeup, a
//! waiting set.
//!
//! ```ignore
//! let stream = Pull::open(&model, &Request::say("Hello?"));
//! while let Pulled::Event(event) = stream.next(-1) { ... }
//! ```
//!
//! What the header promises of every call is checked with every call, as in [`capi`](super::capi).

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

// A handle is a number, and any thread may use it.
unsafe impl Send for Pull {}
unsafe impl Sync for Pull {}

/// What `bedrock_stream_next` gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pulled {
    Event(Event),
    Done,
    Again,
    Failed(Failure),
}

impl Pull {
    /// `bedrock_stream_open`, which has to work.
    #[track_caller]
    pub fn open(model: &Model, request: &Request) -> Pull {
        Pull::open_with(model, request, null_mut())
    }

    /// The same with a cancel's handle.
    #[track_caller]
    pub fn open_with(model: &Model, request: &Request, cancel: *mut bedrock_cancel) -> Pull {
        let opened =
            made(|out, err| unsafe { bedrock_stream_open(model.handle(), request.handle(), cancel, out, err) });
        Pull(opened.unwrap_or_else(|failure| panic!("no stream: {failure:?}")))
    }

    /// `bedrock_call_open`, which has to work.
    #[track_caller]
    pub fn call(model: &Model, operation: &str, request: &Request) -> Pull {
        let operation = CString::new(operation).expect("a name without NUL");
        let opened = made(|out, err| unsafe {
            bedrock_call_open(model.handle(), operation.as_ptr(), request.handle(), null_mut(), out, err)
        });
        Pull(opened.unwrap_or_else(|failure| panic!("no stream: {failure:?}")))
    }

    /// `bedrock_stream_next`.
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
            (unknown, None) => panic!("bedrock_stream_next gave {unknown}"),
        }
    }

    /// `bedrock_stream_response`.
    #[track_caller]
    pub fn response(&self) -> Response {
        let made = made(|out, err| unsafe { bedrock_stream_response(self.0, out, err) });
        Response::take(made.unwrap_or_else(|failure| panic!("no response: {failure:?}")))
    }

    /// `bedrock_stream_fd`: a descriptor that is the stream's.
    #[track_caller]
    pub fn fd(&self) -> i32 {
        let fd = bedrock_stream_fd(self.0);
        assert!(fd >= 0, "no descriptor");
        assert_eq!(bedrock_stream_fd(self.0), fd, "the descriptor stays the same");
        fd
    }

    /// `bedrock_stream_set_wakeup` with a bell that rings.
    #[track_caller]
    pub fn wake(&self, bell: &Bell) {
        let user = Arc::into_raw(bell.0.clone()).cast_mut().cast();
        let status = bedrock_stream_set_wakeup(self.0, Some(ring), user, Some(release));
        assert_eq!(name(status), "BEDROCK_OK");
    }

    /// The bare handle.
    pub fn handle(&self) -> *mut bedrock_stream {
        self.0
    }
}

/// Whether a descriptor becomes readable within `timeout_ms` (0: is now).
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

/// What wakeups of a stream do to a test.
#[derive(Clone, Default)]
pub struct Bell(Arc<BellState>);

#[derive(Default)]
struct BellState {
    rung: Mutex<usize>,
    rings: Condvar,
}

impl Bell {
    /// Waits until it has rung more than `heard` times, and says how often it has. Panics after [`PATIENCE`].
    #[track_caller]
    pub fn wait(&self, heard: usize) -> usize {
        let rung = self.0.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let (rung, waited) = self
            .0
            .rings
            .wait_timeout_while(rung, PATIENCE, |rung| *rung <= heard)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.timed_out(), "waited {PATIENCE:?} for wakeup {}", heard + 1);
        *rung
    }

    /// Whether it was released by all that held it.
    pub fn is_released(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

unsafe extern "C-unwind" fn ring(user: *mut c_void) {
    // Borrowed: it is released once, and not here.
    let bell = ManuallyDrop::new(unsafe { Arc::from_raw(user.cast::<BellState>()) });
    *bell.rung.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    bell.rings.notify_all();
}

unsafe extern "C" fn release(user: *mut c_void) {
    drop(unsafe { Arc::from_raw(user.cast::<BellState>()) });
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

    /// The stream that has something to read, and what it was added with; None once `timeout` has passed.
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

/// Reads a stream to its end by `bedrock_stream_next` and keeps nothing: how many events there were, and how it ended.
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

/// The same by `bedrock_generate_stream`, without a response.
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
