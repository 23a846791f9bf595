//! The ticks of a reply. They are more precise than the timers of tokio, which have a resolution of a millisecond.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::time::Duration;

use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The times of ticks.
#[derive(Clone, Copy, Debug)]
pub struct Ticks {
    first: Duration,
    every: Duration,
}

/// A clock that ticks.
pub struct Clock {
    timer: AsyncFd<File>,
    /// The ticks that have passed and that nothing has waited for yet.
    passed: u64,
}

impl Ticks {
    #[track_caller]
    pub fn new(first: Duration, every: Duration) -> Ticks {
        assert!(!every.is_zero(), "ticks need time between them");
        // A first time of zero stops a timer of the kernel.
        Ticks { first: first.max(Duration::from_nanos(1)), every }
    }

    /// Starts a clock.
    pub fn start(self) -> Clock {
        self.try_start().unwrap_or_else(|e| panic!("cannot start a clock: {e}"))
    }

    fn try_start(self) -> io::Result<Clock> {
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
        let times = Expiration::IntervalDelayed(self.first.into(), self.every.into());
        timer.set(times, TimerSetTimeFlags::empty())?;
        let timer = File::from(OwnedFd::from(timer));
        // SAFETY: a `File` owns its descriptor, which stays open and the same until the `AsyncFd` drops the `File`.
        let timer = unsafe { AsyncFd::register_with_interest(timer, Interest::READABLE) }?;
        Ok(Clock { timer, passed: 0 })
    }
}

impl Clock {
    /// Waits for the next tick. Returns at once if it has passed.
    pub async fn tick(&mut self) {
        while self.passed == 0 {
            let mut ready = self.timer.readable().await.expect("a runtime that runs");
            let mut count = [0; 8];
            // An error means that the readiness is outdated.
            if let Ok(read) = ready.try_io(|timer| timer.get_ref().read(&mut count)) {
                read.expect("a timer");
                self.passed = u64::from_ne_bytes(count);
            }
        }
        self.passed -= 1;
    }
}
