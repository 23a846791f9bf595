//! Cancellation
//!
//! A cancel is a latch: once it has been fired, it stays fired. Every call that it was passed to then ends with
//! BEDROCK_E_CANCELLED, whether it waits to start or runs. A call that it is passed to later fails with the same status
//! at once, and sends nothing. One cancel may serve many calls, at once or in turn. To start again, make a new one.

use super::support::guard::entry;
use super::support::handle::{self, HandleObject, HandleType};
use crate::error::{Error, Kind};
use crate::runtime::cancel::{Cancel, Trigger};
use crate::sys::cancelling;
use std::ptr::null_mut;

/// A cancel handle, which ends calls.
pub struct bedrock_cancel;

impl HandleObject for Cancel {
    type C = bedrock_cancel;
    const TYPE: HandleType = HandleType::Cancel;
}

/// Makes a cancel that has not been fired.
///
/// Returns: The cancel, or NULL if the process is out of handles.
/// Ownership: Owned by the caller. Free it with bedrock_cancel_free.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_cancel_new() -> *mut bedrock_cancel {
    entry!(else null_mut() => {
        let cancel = Cancel::new().ok_or_else(|| Error::new(Kind::Resource, "there are no cancels left"))?;
        let trigger = cancel.trigger().0;
        handle::insert_with_trigger(cancel, trigger)
    })
}

/// Fires a cancel for good.
///
/// It is idempotent.
///
/// cancel: NULL, or a cancel that was freed, does nothing.
/// Threads: Async-signal-safe: the only function of this library that a signal handler may call. Thread-safe. Every
///   callback may call it. Never blocks. Keeps errno.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_cancel_fire(cancel: *mut bedrock_cancel) {
    // No entry! here: nothing below allocates, locks or panics, as a signal handler demands.
    cancelling::without(|| {
        let errno = std::io::Error::last_os_error().raw_os_error();
        if let Some(trigger) = handle::trigger::<Cancel>(cancel) {
            Trigger(trigger).fire();
        }
        if let Some(errno) = errno {
            nix::errno::Errno::set_raw(errno);
        }
    });
}

/// Frees a cancel.
///
/// The calls that it was passed to go on, and it can no longer cancel them.
///
/// cancel: NULL does nothing.
/// Ownership: Ends the handle.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_cancel_free(cancel: *mut bedrock_cancel) {
    entry!(else () => {
        handle::remove::<Cancel>(cancel);
        Ok(())
    })
}
