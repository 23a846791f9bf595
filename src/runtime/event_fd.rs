//! A descriptor that a program polls: it is readable while there is something to read.
//!
//! Whether it shall be readable is decided under a lock. A thread that polls it wakes up at once when it becomes so,
//! and acquires that lock. So the descriptor is [signalled](Signal) after the lock was released. It has one token or
//! none: it cannot overflow, and the thread that makes it unreadable takes the token, and waits for one that is on its
//! way.

use std::io;
use std::os::fd::{AsFd, RawFd};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// The longest time that a token is on its way, unless the program has closed the descriptor.
const MAX_ON_ITS_WAY: Duration = Duration::from_secs(1);

/// A descriptor that a program polls. Non-blocking and close-on-exec; closed when this is dropped.
pub struct EventFd {
    shared: Arc<Shared>,
    fd: RawFd,
    readable: bool,
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

/// The descriptor until it is closed. Only closing excludes others.
struct Shared(RwLock<Option<Descriptor>>);

impl Shared {
    fn get(&self) -> RwLockReadGuard<'_, Option<Descriptor>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Signal {
    fn drop(&mut self) {
        if let Some(descriptor) = &*self.descriptor.get() {
            descriptor.signal();
        }
    }
}

impl Drop for EventFd {
    fn drop(&mut self) {
        *self.shared.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl EventFd {
    /// Returns a descriptor that is not readable. Fails if the process has no descriptors left.
    pub fn new() -> io::Result<Self> {
        let descriptor = Descriptor::new()?;
        let fd = descriptor.fd();
        Ok(EventFd { shared: Arc::new(Shared(RwLock::new(Some(descriptor)))), fd, readable: false })
    }

    /// Makes the descriptor unreadable, or readable by the signal that it returns. Makes no system call if nothing
    /// changes.
    pub fn set_readable(&mut self, readable: bool) -> Option<Signal> {
        match (std::mem::replace(&mut self.readable, readable), readable) {
            (false, true) => return Some(Signal { descriptor: self.shared.clone(), also: None }),
            (true, false) => self.take_token(),
            _ => {}
        }
        None
    }

    fn take_token(&self) {
        let Some(descriptor) = &*self.shared.get() else { return };
        let mut began = None;
        while !descriptor.clear() && began.get_or_insert_with(Instant::now).elapsed() < MAX_ON_ITS_WAY {
            let _ = poll(&mut [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)], PollTimeout::from(10u8));
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
    use nix::errno::Errno;
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

        /// Takes the token. Returns false if there is none yet.
        pub fn clear(&self) -> bool {
            self.0.read() != Err(Errno::EAGAIN)
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
    use std::io::{self, ErrorKind, Read, Write};
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

        /// Takes the token. Returns false if there is none yet.
        pub fn clear(&self) -> bool {
            !matches!((&self.receiver).read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
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
            assert!(is_readable(pair.fd()));
            assert!(pair.clear());
        }
        assert!(!is_readable(pair.fd()));
    }
}
