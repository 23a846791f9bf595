//! Cancellation
//!
//! A cancel is a latch: once fired it stays fired. Every call it was given to ends with BEDROCK_E_CANCELLED, before it began,
//! while it runs or when it is done waiting; a call given it later fails so at once, and nothing is sent. One cancel may serve
//! many calls, at once or in turn; make a new one to start afresh.

use super::guard::entry;
use super::handle::{self, Noun};
use crate::cancel::{Cancel, Trigger};
use crate::error::{Error, Kind};
use std::ptr::null_mut;

/// A latch that ends calls.
pub struct bedrock_cancel;

impl Noun for Cancel {
    type C = bedrock_cancel;
    const TYPE: u64 = 4;
    const NAME: &'static str = "cancel";
}

/// A latch that has not fired. NULL only when out of memory or handles.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_cancel_new() -> *mut bedrock_cancel {
    entry!(else null_mut() => {
        let cancel = Cancel::new().ok_or_else(|| Error::new(Kind::Resource, "there are no cancels left"))?;
        let trigger = cancel.trigger().0;
        handle::insert_with(cancel, trigger)
    })
}

/// Fires the latch, for good. Any thread, any time, as often as you like; never blocks, keeps errno, and is the one function of
/// this library that is safe in a signal handler. NULL, or a cancel that was freed: does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_cancel_fire(cancel: *mut bedrock_cancel) {
    // No entry! here: nothing below allocates, locks or panics, as a signal handler demands.
    let errno = std::io::Error::last_os_error().raw_os_error();
    if let Some(trigger) = handle::trigger::<Cancel>(cancel) {
        Trigger(trigger).fire();
    }
    if let Some(errno) = errno {
        nix::errno::Errno::set_raw(errno);
    }
}

/// Frees a cancel. The calls it was given to go on, and can no longer be cancelled by it. NULL does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn bedrock_cancel_free(cancel: *mut bedrock_cancel) {
    entry!(else () => {
        handle::remove::<Cancel>(cancel);
        Ok(())
    })
}
