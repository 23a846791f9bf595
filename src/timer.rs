//! The timers of a call. Ours, because the SDK has none for a stream's body.

use crate::error::{Error, Kind, Result};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// A point in time by which something has to have happened, and what to say where it has not.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    /// The setting's name under `timeouts`.
    name: &'static str,
    setting: Duration,
    at: Instant,
}

impl Deadline {
    /// `setting` from now.
    pub fn after(name: &'static str, setting: Duration) -> Self {
        Deadline { name, setting, at: Instant::now() + setting }
    }

    /// The one of the two that comes first.
    pub fn or_earlier(self, other: Option<Deadline>) -> Self {
        other.filter(|other| other.at < self.at).unwrap_or(self)
    }

    /// Waits for `future`, but not beyond the deadline.
    pub async fn limit<T>(self, future: impl Future<Output = T>) -> Result<T> {
        tokio::time::timeout_at(self.at, future).await.map_err(|_| self.missed())
    }

    fn missed(&self) -> Error {
        let Deadline { name, setting, .. } = self;
        let (what, settings) = match *name {
            "first_event" => ("no event came", "timeouts.first_event, which timeout sets too"),
            "ready" => ("no connection was ready", "timeouts.first_event, which timeout sets too"),
            "idle" => ("no further event came", "timeouts.idle, which timeout sets too"),
            "whole" => ("the answer was not there", "timeout or timeouts.total"),
            _ => ("the call was not done", "timeouts.total"),
        };
        Error::new(Kind::Timeout, format_args!("{what} within {setting:?} ({settings})"))
    }
}

/// A deadline that moves often and passes rarely. Moving it costs nothing: the sleep below is left to wake up at the old time,
/// and goes to sleep again.
pub struct Timer {
    deadline: Deadline,
    sleep: Pin<Box<Sleep>>,
}

impl Timer {
    pub fn new(deadline: Deadline) -> Self {
        Timer { deadline, sleep: Box::pin(sleep_until(deadline.at)) }
    }

    pub fn restart(&mut self, deadline: Deadline) {
        if deadline.at < self.sleep.deadline() {
            self.sleep.as_mut().reset(deadline.at);
        }
        self.deadline = deadline;
    }

    /// Ready, with the error that says so, once the deadline has passed. The clock is asked and not the sleep: where bytes come
    /// without a pause, tokio's budget is used up before the sleep may say that it is over.
    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        loop {
            if Instant::now() >= self.deadline.at {
                return Poll::Ready(self.deadline.missed());
            }
            if self.sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.sleep.as_mut().reset(self.deadline.at);
        }
    }
}
