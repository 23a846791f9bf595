//! The process
//!
//! The library prints nothing, handles no signals, writes no environment variables and does nothing at exit.
//!
//! Threads. Making models, requests and cancels starts no thread. A process that has done nothing else can fork as if
//! the library were not there. The first call, or bedrock_model_connect, starts the worker. bedrock_stream_set_wakeup
//! starts the thread that runs wakeups. bedrock_set_log starts the thread that runs the log, bedrock_set_observer that
//! of the observer. The first call with a cancel starts the thread that waits for cancels. If one of them cannot start,
//! the function returns BEDROCK_E_RESOURCE. Other threads do single tasks: at most 8 look up names, at most 8 read
//! files, at most 16 fetch credentials, at most 8 write recordings, and at most 2 check long responses. They end after
//! 10 seconds without work. A command that prints credentials (credential_process) serves all calls that wait for it.
//! It is killed after one minute, and by bedrock_shutdown.
//!
//! Scheduling. The worker inherits CPU affinity, priority, scheduling policy and namespaces from the thread that makes
//! the first call. Unless a seccomp filter is in force, it asks Linux for a short time slice (sched_setattr).
//!
//! Signals. No thread of the library blocks the signals of faults (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS,
//! SIGABRT), so that crash reporters work there too. The threads that run wakeups, the log and the observer block HUP,
//! INT, QUIT, TERM, ALRM, VTALRM, CHLD, PIPE, USR1, USR2, IO, TSTP and WINCH, and the signals that were blocked on the
//! thread that set the first wakeup, the log or the observer. The library's other threads block every signal except
//! those of faults.
//!
//! Two copies of the library in one process are two libraries: a handle of one gives BEDROCK_E_BAD_HANDLE in the other.

use super::attachment::bedrock_release_fn;
use super::status::{BEDROCK_AGAIN, BEDROCK_OK, bedrock_status};
use super::support::guard::entry;
use super::support::release::User;
use super::support::{handle, on_event, restricted_callback};
use crate::call::wakeup;
use crate::error::{Error, Kind};
use crate::runtime::feed::{self, Deliver, Item, Role, Subscription};
use crate::runtime::log::{self, Level};
use crate::runtime::shutdown;
use std::ffi::{CString, c_char, c_void};
use std::time::{Duration, Instant};

/// No messages.
pub const BEDROCK_LOG_OFF: i32 = 0;
pub const BEDROCK_LOG_ERROR: i32 = 1;
pub const BEDROCK_LOG_WARN: i32 = 2;
pub const BEDROCK_LOG_INFO: i32 = 3;
pub const BEDROCK_LOG_DEBUG: i32 = 4;

/// Receives one message at a time, on a library thread that does nothing else. target is a short name for the topic of
/// the message. target and message are NUL-terminated, and borrowed until the function returns. len is the length of
/// message. The function may call only bedrock_cancel_fire, bedrock_stream_cancel and bedrock_json_...; others return
/// BEDROCK_E_BUSY or their neutral value. It must not throw.
pub type bedrock_log_fn = Option<
    unsafe extern "C-unwind" fn(
        level: i32,
        target: *const c_char,
        message: *const c_char,
        len: usize,
        user: *mut c_void,
    ),
>;

/// A function of the program that receives messages, with its pointer.
struct Logger {
    log: unsafe extern "C-unwind" fn(i32, *const c_char, *const c_char, usize, *mut c_void),
    user: User,
}

/// The maximum number of messages that wait for the log.
const MAX_MESSAGES: usize = 1024;

impl Logger {
    fn deliver(self) -> Deliver {
        Box::new(move |item| match item {
            Item::Message { level, target, text } => self.call(level, target, text.with_nul(), text.len()),
            Item::Lost(lost) => {
                let text = format!("{lost} messages were lost: the log callback is too slow\0");
                self.call(Level::Warn, "log", &text, text.len() - 1);
            }
            Item::Record(..) => {}
        })
    }

    /// Calls the function with a text of this length that a NUL follows.
    fn call(&self, level: Level, target: &str, text: &str, length: usize) {
        let Ok(target) = CString::new(target) else { return };
        // SAFETY: the program has promised that its function may be called with its pointer, on any thread.
        restricted_callback::run(|| unsafe {
            (self.log)(level as i32, target.as_ptr(), text.as_ptr().cast(), length, self.user.get())
        });
    }
}

/// Sends messages of this level, and more severe ones, to a function.
///
/// The messages never hold credentials, tokens, prompts or responses, at any level. If log is too slow, messages are
/// dropped, and a message states how many. A program that cannot take callbacks on threads of the library reads the
/// messages from a feed (bedrock_feed_new).
///
/// level: One of BEDROCK_LOG_... BEDROCK_LOG_OFF turns the log off, which is the default.
/// log: A new log replaces the old one, and gets the messages of its level that wait for it. NULL turns the log off:
///   what waits for it is dropped. Call bedrock_shutdown before, which delivers it. Once this function has returned,
///   the old log is not running and will not run.
/// Returns: BEDROCK_OK. BEDROCK_E_INVALID_ARGUMENT if there is no such level. BEDROCK_E_RESOURCE if the thread that
///   runs log cannot start; the old log then stays.
/// Ownership: release(user) runs once: inside the bedrock_set_log that replaces or turns off the log, or inside this
///   one if it fails or sets no log.
/// Threads: Thread-safe. Blocks until an old log that is running has returned: hold no lock that it acquires. log runs
///   on a library thread.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_set_log(
    level: i32,
    log: bedrock_log_fn,
    user: *mut c_void,
    release: bedrock_release_fn,
) -> bedrock_status {
    // If anything fails, dropping this releases it.
    let user = User::new(user, release);
    entry!(std::ptr::null_mut() => {
        let level = match level {
            BEDROCK_LOG_OFF => None,
            BEDROCK_LOG_ERROR => Some(Level::Error),
            BEDROCK_LOG_WARN => Some(Level::Warn),
            BEDROCK_LOG_INFO => Some(Level::Info),
            BEDROCK_LOG_DEBUG => Some(Level::Debug),
            _ => return Err(Error::new(Kind::InvalidArgument, "level is none of BEDROCK_LOG_...")),
        };
        let deliver = level.and(log).map(|log| Logger { log, user }.deliver());
        feed::listen(Role::Log, Subscription { level, records: None, capacity: MAX_MESSAGES }, deliver)?;
        Ok(BEDROCK_OK)
    })
}

/// Cancels all running calls, and waits for the library's threads to end.
///
/// All handles stay valid. A stream that was running returns BEDROCK_E_CANCELLED. A thread that waits for a waiting set
/// without streams goes on waiting. The next call starts the library again. Call this function before the library is
/// unloaded, and before an interpreter ends that has passed functions as callbacks. Other programs need not call it
/// before they exit, unless they record: it waits until cancelled calls are in the recording. If other threads go on
/// making calls meanwhile, BEDROCK_OK means that the calls that existed when the function was called have ended, and
/// every thread that serves no later call.
///
/// timeout_ms: A negative value waits without a limit.
/// Returns: BEDROCK_OK. BEDROCK_AGAIN if some threads have not ended: call it again. BEDROCK_E_BUSY inside a callback.
/// Threads: Blocks for at most timeout_ms, also until a wakeup, log or observer that is running has returned:
///   hold no lock that they acquire. Thread-safe.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_shutdown(timeout_ms: i32) -> bedrock_status {
    entry!(waits std::ptr::null_mut() => {
        if on_event::is_running() {
            return Err(Error::new(Kind::Busy, "this thread is inside on_event"));
        }
        // A year stands for "without a limit".
        let timeout = u64::try_from(timeout_ms).map_or(Duration::from_secs(31_536_000), Duration::from_millis);
        let deadline = Instant::now() + timeout;
        // The worker comes first, because the calls that it ends cause wakeups and messages.
        let threads_ended = shutdown::shutdown(deadline);
        let wakeups_ended = wakeup::pause(deadline);
        let live = handle::live_by_type();
        if !live.is_empty() {
            log::debug("shutdown", format_args!("handles not freed: {live}"));
        }
        let listeners_ended = feed::pause(deadline);
        Ok(if threads_ended && wakeups_ended && listeners_ended { BEDROCK_OK } else { BEDROCK_AGAIN })
    })
}

/// Gets how many handles this process has made and not freed.
///
/// bedrock_shutdown logs how many there are of each kind, at BEDROCK_LOG_DEBUG. Leak checkers do not see handles.
///
/// Returns: The number of handles: 0 at the end of a program that leaks none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_live_handles() -> usize {
    entry!(else 0 => Ok(handle::live()))
}
