//! How the program learns that there is something to read: a descriptor that it polls, and a notifier.
//!
//! The owner keeps the [`Readiness`] under its lock, and reports each change of one condition to it: *a read would find
//! something*. The descriptor is readable exactly while the condition holds. The notifier is armed when it is set, and
//! each time a read has found nothing. It notifies once, as soon as the condition holds, and is then disarmed.

use crate::runtime::event_fd::{EventFd, Signal};

/// A notifier. [`notify`](Self::notify) and [`withdraw`](Self::withdraw) are called under the owner's lock, and must
/// not use the owner.
pub trait Notifier: Send + Sync {
    /// Notifies the program that there is something to read. The signal is sent after the owner's lock was released.
    fn notify(&self) -> Option<Signal>;
    /// Withdraws a notification that has not been delivered: the reader has found nothing.
    fn withdraw(&self);
    /// Ends the notifications: when this returns, none is running, and none follows. Called outside all locks.
    fn detach(&self);
    /// Returns whether it is withdrawn and armed again as soon as everything has been read, before a read finds
    /// nothing.
    fn follows_level(&self) -> bool {
        false
    }
}

/// The descriptor and the notifier of a stream or a run.
#[derive(Default)]
pub struct Readiness {
    event_fd: Option<EventFd>,
    notifier: Option<Box<dyn Notifier>>,
    armed: bool,
    closed: bool,
}

impl Readiness {
    /// Updates the descriptor and the notifier: would a read find something? The signal is sent when it is dropped,
    /// after the owner's lock.
    pub fn update(&mut self, something: bool) -> Option<Signal> {
        let own = self.event_fd.as_mut().and_then(|event_fd| event_fd.set_readable(something));
        if !something && self.notifier.as_ref().is_some_and(|notifier| notifier.follows_level()) {
            self.found_nothing();
        }
        let notifies = something && std::mem::take(&mut self.armed);
        let notifier = self.notifier.as_ref().filter(|_| notifies).and_then(|notifier| notifier.notify());
        Signal::both(own, notifier)
    }

    /// Waits until the descriptor is readable if it is to be so, for a reader that has found something. No signal of
    /// it waits to be sent by the caller.
    pub fn settle(&self) {
        self.event_fd.iter().for_each(EventFd::settle);
    }

    /// Arms the notifier: a read has found nothing.
    pub fn found_nothing(&mut self) {
        if let Some(event_fd) = &mut self.event_fd {
            event_fd.has_read(false);
        }
        if let Some(notifier) = &self.notifier {
            notifier.withdraw();
            self.armed = true;
        }
    }

    /// Returns the descriptor, and makes it if there is none. Fails after [`Readiness::close`]: nothing would close it.
    pub fn fd(&mut self, something: bool) -> std::io::Result<(i32, Option<Signal>)> {
        if self.closed {
            return Err(std::io::ErrorKind::NotConnected.into());
        }
        let fd = match &mut self.event_fd {
            Some(event_fd) => event_fd.fd(),
            none => none.insert(EventFd::new()?).fd(),
        };
        Ok((fd, self.update(something)))
    }

    /// Replaces the notifier; None removes it. The new one notifies at once if there is something to read. Returns the
    /// notifier to [detach](Notifier::detach) once the owner's lock was released.
    pub fn replace_notifier(
        &mut self,
        notifier: Option<Box<dyn Notifier>>,
        something: bool,
    ) -> (Option<Box<dyn Notifier>>, Option<Signal>) {
        if self.closed {
            return (notifier, None);
        }
        self.armed = !something && notifier.is_some();
        let old = std::mem::replace(&mut self.notifier, notifier);
        if let Some(old) = &old {
            old.withdraw();
        }
        // After that, because a withdrawal may wait for a signal.
        let signal = self.notifier.as_ref().filter(|_| something).and_then(|notifier| notifier.notify());
        (old, signal)
    }

    /// Closes the descriptor and removes the notifier, for good. Returns the notifier to detach once the owner's lock
    /// was released.
    pub fn close(&mut self) -> Option<Box<dyn Notifier>> {
        self.event_fd = None;
        let (old, _no_signal) = self.replace_notifier(None, false);
        self.closed = true;
        old
    }
}
