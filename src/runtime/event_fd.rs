//! A flag that a program can poll: a descriptor that is readable while the flag is up.
//!
//! It is one bit, however often it is raised: nothing in it can fill, and lowering it leaves nothing behind.

use std::io;
use std::os::fd::RawFd;

/// A flag, and its descriptor, which is closed with it. Non-blocking and close-on-exec.
pub struct Flag {
    pole: Pole,
    up: bool,
}

impl Flag {
    /// A flag that is down. Fails where the process has no descriptors left.
    pub fn new() -> io::Result<Self> {
        Ok(Flag { pole: Pole::new()?, up: false })
    }

    /// Raises or lowers the flag; costs nothing where it is so already.
    pub fn set(&mut self, up: bool) {
        // Neither can fail: there is room for one token, and one to take out.
        match (self.up, up) {
            (false, true) => self.pole.put(),
            (true, false) => self.pole.take(),
            _ => {}
        }
        self.up = up;
    }

    pub fn fd(&self) -> RawFd {
        self.pole.fd()
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
use event::Pole;
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
use pair::Pole;

/// One descriptor, where the system has such a thing.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
mod event {
    use nix::sys::eventfd::{EfdFlags, EventFd};
    use std::io;
    use std::os::fd::{AsRawFd, RawFd};

    pub struct Pole(EventFd);

    impl Pole {
        pub fn new() -> io::Result<Self> {
            Ok(Pole(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?))
        }

        pub fn put(&self) {
            let _ = self.0.write(1);
        }

        pub fn take(&self) {
            let _ = self.0.read();
        }

        pub fn fd(&self) -> RawFd {
            self.0.as_raw_fd()
        }
    }
}

/// Two descriptors, on every Unix.
#[cfg(any(test, not(any(target_os = "linux", target_os = "android", target_os = "freebsd"))))]
mod pair {
    use std::io::{self, Read, Write};
    use std::os::fd::{AsRawFd, RawFd};
    use std::os::unix::net::UnixStream;

    pub struct Pole {
        near: UnixStream,
        far: UnixStream,
    }

    impl Pole {
        pub fn new() -> io::Result<Self> {
            let (near, far) = UnixStream::pair()?;
            near.set_nonblocking(true)?;
            far.set_nonblocking(true)?;
            Ok(Pole { near, far })
        }

        pub fn put(&self) {
            let _ = (&self.near).write(&[1]);
        }

        pub fn take(&self) {
            let _ = (&self.far).read(&mut [0]);
        }

        pub fn fd(&self) -> RawFd {
            self.far.as_raw_fd()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::BorrowedFd;

    fn is_readable(fd: RawFd) -> bool {
        // SAFETY: the flag that owns the descriptor outlives this call.
        #[allow(unsafe_code)]
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], PollTimeout::ZERO).expect("a descriptor can be polled") == 1
    }

    #[test]
    fn a_flag_is_readable_exactly_while_it_is_up_however_often_it_is_set() {
        let mut flag = Flag::new().unwrap();
        for up in [false, true, true, true, false, false, true, false] {
            flag.set(up);
            assert_eq!(is_readable(flag.fd()), up);
        }
    }

    #[test]
    fn a_pair_of_sockets_serves_where_there_is_no_eventfd() {
        let pole = pair::Pole::new().unwrap();
        for _ in 0..3 {
            assert!(!is_readable(pole.fd()));
            pole.put();
            assert!(is_readable(pole.fd()));
            pole.take();
        }
        assert!(!is_readable(pole.fd()));
    }
}
