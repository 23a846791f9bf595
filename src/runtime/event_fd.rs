//! A descriptor that a program polls: it is readable while there is something to read.
//!
//! It is readable or not: signals do not add up, so that it cannot overflow, and clearing it once makes it unreadable.

use std::io;
use std::os::fd::RawFd;

/// A descriptor that a program polls. Non-blocking and close-on-exec; closed when this is dropped.
pub struct EventFd {
    descriptor: Descriptor,
    readable: bool,
}

impl EventFd {
    /// Returns a descriptor that is not readable. Fails if the process has no descriptors left.
    pub fn new() -> io::Result<Self> {
        Ok(EventFd { descriptor: Descriptor::new()?, readable: false })
    }

    /// Makes the descriptor readable or unreadable. Makes no system call if nothing changes.
    pub fn set_readable(&mut self, readable: bool) {
        // Neither call can fail: at most one token is in it.
        match (self.readable, readable) {
            (false, true) => self.descriptor.signal(),
            (true, false) => self.descriptor.clear(),
            _ => {}
        }
        self.readable = readable;
    }

    /// Returns the descriptor, owned by this value.
    pub fn fd(&self) -> RawFd {
        self.descriptor.fd()
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
    use std::os::fd::{AsRawFd, RawFd};

    pub struct Descriptor(EventFd);

    impl Descriptor {
        pub fn new() -> io::Result<Self> {
            Ok(Descriptor(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?))
        }

        pub fn signal(&self) {
            let _ = self.0.write(1);
        }

        pub fn clear(&self) {
            let _ = self.0.read();
        }

        pub fn fd(&self) -> RawFd {
            self.0.as_raw_fd()
        }
    }
}

/// A pair of sockets, on every Unix.
#[cfg(any(test, not(any(target_os = "linux", target_os = "android", target_os = "freebsd"))))]
mod socket_pair {
    use std::io::{self, Read, Write};
    use std::os::fd::{AsRawFd, RawFd};
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

        pub fn clear(&self) {
            let _ = (&self.receiver).read(&mut [0]);
        }

        pub fn fd(&self) -> RawFd {
            self.receiver.as_raw_fd()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
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
            event_fd.set_readable(readable);
            assert_eq!(is_readable(event_fd.fd()), readable);
        }
    }

    #[test]
    fn a_pair_of_sockets_does_the_same_on_systems_without_eventfd() {
        let pair = socket_pair::Descriptor::new().unwrap();
        for _ in 0..3 {
            assert!(!is_readable(pair.fd()));
            pair.signal();
            assert!(is_readable(pair.fd()));
            pair.clear();
        }
        assert!(!is_readable(pair.fd()));
    }
}
