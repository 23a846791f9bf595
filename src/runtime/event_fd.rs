//! A descriptor that a program polls: it is readable while there is something to read.
//!
//! Whether it shall be readable is decided under a lock. A thread that polls it wakes up at once when it becomes so,
//! and acquires that lock. So the descriptor is [signalled](Signal) after the lock was released: for a moment, its token
//! is on its way. The thread that reads waits for such a token, before it makes the descriptor unreadable and
//! [before it returns](EventFd::settle) to a program that may poll it.

use std::io;
use std::os::fd::{AsFd, RawFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// How long a reader waits for a token that is on its way: the thread that sends it may have been stopped.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// A descriptor that a program polls. Non-blocking and close-on-exec; closed when this is dropped.
pub struct EventFd {
    shared: Arc<Shared>,
    fd: RawFd,
    readable: bool,
    /// Whether a token was still on its way when the descriptor was made unreadable.
    late: bool,
}

/// Makes a descriptor readable when it is dropped, unless it has been closed. Its owner acquires no lock before, and
/// should hold none.
#[must_use]
pub struct Signal {
    descriptor: Arc<Shared>,
    /// A signal that is sent with it.
    also: Option<Box<Signal>>,
}

impl Signal {
    /// Returns a signal that makes the descriptors of both readable.
    pub fn both(one: Option<Signal>, other: Option<Signal>) -> Option<Signal> {
        match (one, other) {
            (Some(mut one), Some(other)) => {
                one.also = Signal::both(Some(other), one.also.take().map(|also| *also)).map(Box::new);
                Some(one)
            }
            (one, other) => one.or(other),
        }
    }
}

struct Shared {
    /// The descriptor until it is closed. Only closing excludes others.
    descriptor: RwLock<Option<Descriptor>>,
    /// How many signals have not been sent.
    on_their_way: AtomicUsize,
}

impl Shared {
    fn get(&self) -> RwLockReadGuard<'_, Option<Descriptor>> {
        self.descriptor.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn all_sent(&self) -> bool {
        self.on_their_way.load(Ordering::Acquire) == 0
    }
}

impl Drop for Signal {
    fn drop(&mut self) {
        if let Some(descriptor) = &*self.descriptor.get() {
            descriptor.signal();
        }
        self.descriptor.on_their_way.fetch_sub(1, Ordering::Release);
    }
}

impl Drop for EventFd {
    fn drop(&mut self) {
        *self.shared.descriptor.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl EventFd {
    /// Returns a descriptor that is not readable. Fails if the process has no descriptors left.
    pub fn new() -> io::Result<Self> {
        let descriptor = Descriptor::new()?;
        let fd = descriptor.fd();
        let shared = Shared { descriptor: RwLock::new(Some(descriptor)), on_their_way: AtomicUsize::new(0) };
        Ok(EventFd { shared: Arc::new(shared), fd, readable: false, late: false })
    }

    /// Makes the descriptor unreadable, or readable by the signal that it returns. Makes no system call if nothing
    /// changes.
    pub fn set_readable(&mut self, readable: bool) -> Option<Signal> {
        match (std::mem::replace(&mut self.readable, readable), readable) {
            (false, true) => {
                self.shared.on_their_way.fetch_add(1, Ordering::Relaxed);
                return Some(Signal { descriptor: self.shared.clone(), also: None });
            }
            (true, false) => self.take_token(MAX_WAIT),
            (false, false) if self.late => self.take_token(Duration::ZERO),
            _ => {}
        }
        None
    }

    /// Updates the descriptor for a thread that has read, and may have left something: it is exact when this returns.
    /// Reading makes nothing readable.
    pub fn has_read(&mut self, left: bool) {
        let none = self.set_readable(left);
        debug_assert!(none.is_none(), "a read has made the descriptor readable");
        self.settle();
    }

    /// Waits until a readable descriptor has its token. Makes no system call if no token is on its way. The caller has
    /// no signal of this descriptor itself.
    pub fn settle(&self) {
        if self.readable && !self.shared.all_sent() {
            self.await_token(MAX_WAIT);
        }
    }

    /// Takes the token, which it waits for.
    fn take_token(&mut self, max_wait: Duration) {
        // First, so that what has been sent is there. A thread that has sent its token may not have counted it yet.
        let all_sent = self.shared.all_sent();
        let taken = self.clear() || (!all_sent && self.await_token(max_wait) && self.clear());
        self.late = !all_sent && (self.late || !taken);
    }

    fn clear(&self) -> bool {
        self.shared.get().as_ref().is_some_and(Descriptor::clear)
    }

    /// Returns whether the token is there within `max_wait`.
    fn await_token(&self, max_wait: Duration) -> bool {
        let Some(descriptor) = &*self.shared.get() else { return false };
        let began = Instant::now();
        loop {
            let left = max_wait.saturating_sub(began.elapsed());
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
            match poll(&mut [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)], timeout) {
                Err(Errno::EINTR) => {}
                found => return found == Ok(1),
            }
        }
    }

    /// Returns the descriptor, owned by this value.
    pub fn fd(&self) -> RawFd {
        self.fd
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
use one_descriptor::Descriptor;
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
use socket_pair::Descriptor;

/// An eventfd, on systems that have it.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
mod one_descriptor {
    use nix::sys::eventfd::{EfdFlags, EventFd};
    use std::io;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

    pub struct Descriptor(EventFd);

    impl Descriptor {
        pub fn new() -> io::Result<Self> {
            Ok(Descriptor(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?))
        }

        pub fn signal(&self) {
            let _ = self.0.write(1);
        }

        /// Takes all tokens that are there. Returns whether there was one.
        pub fn clear(&self) -> bool {
            self.0.read().is_ok()
        }

        pub fn fd(&self) -> RawFd {
            self.0.as_raw_fd()
        }
    }

    impl AsFd for Descriptor {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }
}

/// A pair of sockets, on every Unix.
#[cfg(any(test, not(any(target_os = "linux", target_os = "android", target_os = "freebsd"))))]
mod socket_pair {
    use std::io::{self, Read, Write};
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
    use std::os::unix::net::UnixStream;

    pub struct Descriptor {
        sender: UnixStream,
        receiver: UnixStream,
    }

    impl Descriptor {
        pub fn new() -> io::Result<Self> {
            let (sender, receiver) = UnixStream::pair()?;
            sender.set_nonblocking(true)?;
            receiver.set_nonblocking(true)?;
            Ok(Descriptor { sender, receiver })
        }

        pub fn signal(&self) {
            let _ = (&self.sender).write(&[1]);
        }

        /// Takes all tokens that are there. Returns whether there was one.
        pub fn clear(&self) -> bool {
            (&self.receiver).read(&mut [0; 16]).is_ok()
        }

        pub fn fd(&self) -> RawFd {
            self.receiver.as_raw_fd()
        }
    }

    impl AsFd for Descriptor {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.receiver.as_fd()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::BorrowedFd;

    fn is_readable(fd: RawFd) -> bool {
        // SAFETY: the owner of the descriptor outlives this call.
        #[allow(unsafe_code)]
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], PollTimeout::ZERO).expect("a descriptor can be polled") == 1
    }

    #[test]
    fn a_descriptor_is_readable_exactly_while_it_is_set_however_often_it_is_set() {
        let mut event_fd = EventFd::new().unwrap();
        for readable in [false, true, true, true, false, false, true, false] {
            drop(event_fd.set_readable(readable));
            assert_eq!(is_readable(event_fd.fd()), readable);
        }
    }

    #[test]
    fn a_descriptor_that_is_made_unreadable_takes_the_token_that_is_on_its_way() {
        let mut event_fd = EventFd::new().unwrap();
        for _ in 0..100 {
            let signal = event_fd.set_readable(true).expect("a signal");
            let sender = std::thread::spawn(move || drop(signal));
            assert!(event_fd.set_readable(false).is_none());
            sender.join().unwrap();
            assert!(!is_readable(event_fd.fd()));
        }
    }

    #[test]
    fn a_reader_that_settles_finds_a_readable_descriptor_readable() {
        let mut event_fd = EventFd::new().unwrap();
        for _ in 0..100 {
            let signal = event_fd.set_readable(true).expect("a signal");
            let sender = std::thread::spawn(move || drop(signal));
            event_fd.settle();
            assert!(is_readable(event_fd.fd()));
            sender.join().unwrap();
            assert!(event_fd.set_readable(false).is_none());
        }
    }

    #[test]
    fn a_token_that_arrives_after_the_wait_for_it_is_taken_by_the_next_read() {
        let mut event_fd = EventFd::new().unwrap();
        let signal = event_fd.set_readable(true).expect("a signal");
        assert!(event_fd.set_readable(false).is_none());
        assert!(event_fd.set_readable(false).is_none());
        drop(signal);
        assert!(is_readable(event_fd.fd()));
        assert!(event_fd.set_readable(false).is_none());
        assert!(!is_readable(event_fd.fd()));
    }

    #[test]
    fn a_descriptor_is_closed_at_once_although_a_signal_is_on_its_way() {
        let mut event_fd = EventFd::new().unwrap();
        let signal = event_fd.set_readable(true).expect("a signal");
        drop(event_fd);
        assert!(signal.descriptor.get().is_none());
        drop(signal);
    }

    #[test]
    fn a_pair_of_sockets_does_the_same_on_systems_without_eventfd() {
        let pair = socket_pair::Descriptor::new().unwrap();
        for _ in 0..3 {
            assert!(!is_readable(pair.fd()));
            assert!(!pair.clear());
            pair.signal();
            pair.signal();
            assert!(is_readable(pair.fd()));
            assert!(pair.clear());
        }
        assert!(!is_readable(pair.fd()));
    }
}
