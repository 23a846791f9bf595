//! Cancellation
//!
//! A cancel is a latch: once it has been fired, it stays fired. Every call that it was passed to
//! then ends with BEDROCK_E_CANCELLED, before it began or while it runs. A call that it is passed to
//! later fails with the same status at once, and sends nothing. One cancel may serve many calls, at
//! once or in turn. To start again, make a new one.

use super::support::guard::entry;
use super::support::handle::{self, Noun};
use crate::error::{Error, Kind};
use crate::runtime::cancel::{Cancel, Trigger};
use crate::sys::cancelling;
use std::ptr::null_mut;

/// A latch that ends calls.
pub struct bedrock_cancel;

impl Noun for Cancel {
    type C = bedrock_cancel;
    const TYPE: u64 = 4;
    const NAME: &'static str = "cancel";
}

/// Makes a cancel that has not been fired. It is owned by the caller. Returns NULL only if the process is out of
/// handles.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_cancel_new() -> *mut bedrock_cancel {
    entry!(else null_mut() => {
        let cancel = Cancel::new().ok_or_else(|| Error::new(Kind::Resource, "there are no cancels left"))?;
        let trigger = cancel.trigger().0;
        handle::insert_with(cancel, trigger)
    })
}

/// Fires a cancel for good. Async-signal-safe: it is the only function of this library that a signal handler may
/// call. Thread-safe, and idempotent. It never blocks and keeps errno. Does nothing for NULL and for a cancel that
/// was freed.
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

/// Frees a cancel. The calls that it was passed to go on, and it can no longer cancel them. Does nothing for NULL.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn bedrock_cancel_free(cancel: *mut bedrock_cancel) {
    entry!(else () => {
        handle::remove::<Cancel>(cancel);
        Ok(())
    })
}
