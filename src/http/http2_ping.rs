//! Pings on an HTTP/2 connection with calls: one after some silence, which the peer has to acknowledge in time.

use h2::{Ping, PingPong};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// The longest silence before an HTTP/2 ping, and the longest time for its acknowledgement.
const MAX_PING_IDLE: Duration = Duration::from_secs(10);
const MAX_PING_TIMEOUT: Duration = Duration::from_secs(15);

/// The times that govern HTTP/2 pings.
pub struct PingTimes {
    /// The silence after which a ping is sent.
    pub idle: Duration,
    /// The time within which it has to be acknowledged.
    pub timeout: Duration,
}

impl PingTimes {
    /// Returns the times for a connection whose connect timeout is `connect`. A short connect timeout shortens both.
    pub fn for_connect_timeout(connect: Duration) -> Self {
        PingTimes {
            idle: MAX_PING_IDLE.min(connect.saturating_mul(3)),
            timeout: MAX_PING_TIMEOUT.min(connect.saturating_mul(5)),
        }
    }
}

/// The pings of one connection.
pub struct Http2Ping {
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

impl Http2Ping {
    pub fn new(times: PingTimes, ping_pong: PingPong) -> Self {
        let sleep = Box::pin(sleep(times.idle));
        Http2Ping { ping_pong, times, sleep, phase: Phase::Stopped, last_read: Instant::now(), reads: 0 }
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
