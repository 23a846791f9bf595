//! Resource usage and the clock, from the kernel. The only unsafe code of this folder.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::ops::Sub;
use std::process::{Child, ExitStatus};
use std::time::Duration;
use std::{io, os::unix::process::ExitStatusExt};

/// The CPU time and context switches of a process.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pub user: Duration,
    pub system: Duration,
    /// Voluntary and involuntary context switches of all threads.
    pub switches: u64,
}

impl Usage {
    /// Returns the usage of all threads of this process, including those that have ended.
    pub fn of_this_process() -> Self {
        let mut usage = MaybeUninit::zeroed();
        // SAFETY: `usage` is a writable rusage; any bit pattern of it is valid, all zeros too.
        let usage = unsafe {
            libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
            usage.assume_init()
        };
        Self::from(usage)
    }

    /// Waits until a child ends. Returns its status and usage.
    pub fn of_child(child: Child) -> io::Result<(ExitStatus, Self)> {
        let mut status = 0;
        let mut usage = MaybeUninit::zeroed();
        // SAFETY: both pointers are writable for the call. The pid is that of a child of this process that has not been
        // waited for, because the `Child` is owned here. It is not used afterwards.
        let usage = unsafe {
            if libc::wait4(child.id() as libc::pid_t, &mut status, 0, usage.as_mut_ptr()) < 0 {
                return Err(io::Error::last_os_error());
            }
            usage.assume_init()
        };
        Ok((ExitStatus::from_raw(status), Self::from(usage)))
    }
}

impl From<libc::rusage> for Usage {
    fn from(usage: libc::rusage) -> Self {
        let time = |t: libc::timeval| Duration::from_secs(t.tv_sec as u64) + Duration::from_micros(t.tv_usec as u64);
        Self {
            user: time(usage.ru_utime),
            system: time(usage.ru_stime),
            switches: (usage.ru_nvcsw + usage.ru_nivcsw) as u64,
        }
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            user: self.user.saturating_sub(before.user),
            system: self.system.saturating_sub(before.system),
            switches: self.switches - before.switches,
        }
    }
}

/// Returns the monotonic clock, which all processes of the machine share.
pub fn monotonic_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is writable.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Ends the process at once, without destructors and exit handlers.
pub fn exit_now() -> ! {
    // SAFETY: _exit takes no pointers and does not return.
    unsafe { libc::_exit(0) }
}
