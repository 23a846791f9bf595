//! Pings on an HTTP/2 connection with calls: one after some silence, which the peer has to acknowledge in time.

use super::keepalive::PingTimes;
use h2::{Ping, PingPong};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::time::{Instant, Sleep, sleep};

/// The pings of one connection.
pub struct PingTimer {
    ping_pong: PingPong,
    times: PingTimes,
    sleep: Pin<Box<Sleep>>,
    phase: Phase,
    /// When data was last received, and the number of reads then.
    last_read: Instant,
    reads: u64,
}

#[derive(PartialEq)]
enum Phase {
    Stopped,
    /// Waits for silence.
    Idle,
    /// Waits for the acknowledgement of a ping.
    Pinging,
}

impl PingTimer {
    pub fn new(times: PingTimes, ping_pong: PingPong) -> Self {
        let sleep = Box::pin(sleep(times.idle));
        PingTimer { ping_pong, times, sleep, phase: Phase::Stopped, last_read: Instant::now(), reads: 0 }
    }

    pub fn is_stopped(&self) -> bool {
        self.phase == Phase::Stopped
    }

    /// Stops the timer while there are no calls. The next poll starts it.
    pub fn stop(&mut self) {
        self.phase = Phase::Stopped;
    }

    /// Ready if the peer did not acknowledge a ping in time. `reads` is the number of reads on the connection so far.
    pub fn poll_expired(&mut self, reads: u64, cx: &mut Context<'_>) -> Poll<()> {
        if self.phase == Phase::Stopped || self.reads != reads {
            self.reads = reads;
            self.last_read = Instant::now();
            if self.phase != Phase::Idle {
                self.sleep.as_mut().reset(self.last_read + self.times.idle);
                self.phase = Phase::Idle;
            } else if !self.sleep.is_elapsed() {
                // The timer is only moved when it fires.
                return Poll::Pending;
            }
        }
        while self.sleep.as_mut().poll(cx).is_ready() {
            if self.phase == Phase::Pinging {
                return Poll::Ready(());
            }
            let due = self.last_read + self.times.idle;
            if Instant::now() < due {
                self.sleep.as_mut().reset(due);
            } else {
                // The acknowledgement of an earlier ping may have arrived. A ping that cannot be sent is still in
                // flight.
                let _ = self.ping_pong.poll_pong(cx);
                let _ = self.ping_pong.send_ping(Ping::opaque());
                self.sleep.as_mut().reset(Instant::now() + self.times.timeout);
                self.phase = Phase::Pinging;
            }
        }
        Poll::Pending
    }
}
