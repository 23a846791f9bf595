//! The process
//!
//! The library is a quiet guest: it prints nothing, handles no signals, writes no environment variables, does nothing
//! at exit, and starts no thread before the first call. A process that has made models but no call can fork as if the
//! library were not there. With the first call, or bedrock_model_connect, one thread starts: the worker. One more each
//! starts once a wakeup or a log is set, and a few while names are looked up or credentials read; all signals are
//! blocked in them. BEDROCK_E_RESOURCE is returned by a call whose worker cannot start.

use super::attachment::bedrock_release_fn;
use super::guard::{self, entry};
use super::handle;
use super::status::{BEDROCK_AGAIN, BEDROCK_E_BUSY, BEDROCK_OK, bedrock_status};
use super::user::User;
use crate::error::{Error, Kind};
use crate::log::{self, Level, Listener};
use crate::{runtime, wakeup};
use std::ffi::{CString, c_char, c_void};
use std::time::{Duration, Instant};

/// Silence.
pub const BEDROCK_LOG_OFF: i32 = 0;
pub const BEDROCK_LOG_ERROR: i32 = 1;
pub const BEDROCK_LOG_WARN: i32 = 2;
pub const BEDROCK_LOG_INFO: i32 = 3;
pub const BEDROCK_LOG_DEBUG: i32 = 4;

/// Receives a message on a thread of the library's that does nothing else, one at a time; target and message are lent until it
/// returns. It may call bedrock_cancel_fire and bedrock_stream_cancel and nothing else (BEDROCK_E_BUSY).
pub type bedrock_log_fn = Option<
    unsafe extern "C" fn(level: i32, target: *const c_char, message: *const c_char, len: usize, user: *mut c_void),
>;

/// What a logger was given with.
struct Logger {
    log: unsafe extern "C" fn(i32, *const c_char, *const c_char, usize, *mut c_void),
    user: User,
}

impl Logger {
    fn listen(self) -> Listener {
        Box::new(move |level: Level, target: &str, message: &str| {
            let logger = &self;
            let (Ok(target), Ok(text)) = (CString::new(target), CString::new(message)) else { return };
            guard::confined(|| unsafe {
                (logger.log)(level as i32, target.as_ptr(), text.as_ptr(), message.len(), logger.user.get())
            });
        })
    }
}

/// Has log told what is at level or graver; log NULL: silence, the default. The library never tells credentials, tokens,
/// prompts or answers, at any level. A logger that is too slow loses messages and is told how many. Setting replaces: when this
/// has returned, the old log is not running and will not run. release(user) runs when it is replaced, or inside this call where
/// it fails; it may be NULL. Blocks while the old log runs.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_set_log(
    level: i32,
    log: bedrock_log_fn,
    user: *mut c_void,
    release: bedrock_release_fn,
) -> bedrock_status {
    // Whatever fails from here on, dropping this releases.
    let user = User { user, release };
    entry!(std::ptr::null_mut() => {
        let level = match level {
            BEDROCK_LOG_OFF => None,
            BEDROCK_LOG_ERROR => Some(Level::Error),
            BEDROCK_LOG_WARN => Some(Level::Warn),
            BEDROCK_LOG_INFO => Some(Level::Info),
            BEDROCK_LOG_DEBUG => Some(Level::Debug),
            _ => return Err(Error::new(Kind::InvalidArgument, "level is none of BEDROCK_LOG_...")),
        };
        match (level, log) {
            (Some(level), Some(log)) => log::listen(level, Some(Logger { log, user }.listen())),
            _ => log::listen(Level::Error, None),
        }
        Ok(BEDROCK_OK)
    })
}

/// Cancels every call that runs and waits at most timeout_ms milliseconds (negative: as long as it takes) for the library's
/// threads to end. BEDROCK_OK, or BEDROCK_AGAIN where some have not ended: call again. Models, requests and responses stay
/// good, and using them starts the library again. Call it before unloading, and before an interpreter whose callbacks were
/// given goes away. BEDROCK_E_BUSY from inside a callback.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_shutdown(timeout_ms: i32) -> bedrock_status {
    if guard::is_in_event() {
        return BEDROCK_E_BUSY;
    }
    entry!(std::ptr::null_mut() => {
        // A year stands for "as long as it takes".
        let timeout = u64::try_from(timeout_ms).map_or(Duration::from_secs(31_536_000), Duration::from_millis);
        let deadline = Instant::now() + timeout;
        // The worker first: what it ends, it tells the others of.
        let ended = runtime::shutdown(deadline) & wakeup::pause(deadline);
        let live = handle::live_by_noun();
        if !live.is_empty() {
            log::debug("shutdown", format_args!("handles not freed: {live}"));
        }
        let ended = ended & log::pause(deadline);
        Ok(if ended { BEDROCK_OK } else { BEDROCK_AGAIN })
    })
}

/// Returns how many handles this process has made and not freed: 0 at the end of a program that leaks none. bedrock_shutdown
/// logs how many there are of each kind, at BEDROCK_LOG_DEBUG. Leak checkers do not see handles.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_live_handles() -> usize {
    entry!(else 0 => Ok(handle::live()))
}
