//! The timers of a call. Ours, because the SDK has none for a stream's body.

use crate::config::Timeouts;
use crate::error::{Error, Kind, Result, in_words};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// The timers of one call, started.
#[derive(Clone, Copy, Debug)]
pub struct Timers {
    /// Of a stream: until its first event. Of a unary call: until its end.
    pub first: Deadline,
    /// Of a stream: until its end, where that is limited.
    pub total: Option<Deadline>,
}

impl Timers {
    /// Starts them now.
    pub fn start(timeouts: &Timeouts, streams: bool) -> Self {
        if !streams {
            return Timers { first: Deadline::after("whole", timeouts.whole), total: None };
        }
        let total = timeouts.total.map(|total| Deadline::after("total", total));
        Timers { first: Deadline::after("first_event", timeouts.first_event).or_earlier(total), total }
    }
}

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

    pub fn at(&self) -> Instant {
        self.at
    }

    /// The one of the two that comes first.
    pub fn or_earlier(self, other: Option<Deadline>) -> Self {
        other.filter(|other| other.at < self.at).unwrap_or(self)
    }

    /// Waits for `future`, but not beyond the deadline.
    pub async fn limit<T>(self, future: impl Future<Output = T>) -> Result<T> {
        tokio::time::timeout_at(self.at, future).await.map_err(|_| self.missed())
    }

    /// Waits for one of so many places, but not beyond the deadline.
    pub async fn limit_queue<T>(self, places: usize, place: impl Future<Output = T>) -> Result<T> {
        tokio::time::timeout_at(self.at, place).await.map_err(|_| {
            let (waited, settings) = (in_words(self.setting), self.settings());
            let what = format_args!(
                "the call waited {waited} for a place among max_concurrency {places} calls and was never sent ({settings})"
            );
            Error::new(Kind::Timeout, what).advise("Raise max_concurrency or timeouts.queue")
        })
    }

    /// Where it is set.
    fn settings(&self) -> &'static str {
        match self.name {
            "queue" => "timeouts.queue",
            "first_event" | "ready" => "timeouts.first_event, which timeout sets too",
            "idle" => "timeouts.idle, which timeout sets too",
            "whole" => "timeout or timeouts.total",
            _ => "timeouts.total",
        }
    }

    fn missed(&self) -> Error {
        const SILENCE: &str = "A long silence can be normal while a model thinks or writes a large tool input";
        let (what, advice) = match self.name {
            "first_event" => ("no event came", format!("{SILENCE}: raise timeouts.first_event")),
            "ready" => ("no connection was ready", "Is the endpoint reachable from here?".to_owned()),
            "idle" => ("no further event came", format!("{SILENCE}: raise timeouts.idle")),
            "whole" => ("the answer was not there", "A long answer takes minutes: raise the timer or stream it".into()),
            _ => ("the call was not done", "A long answer takes minutes: raise the timer".into()),
        };
        let (setting, settings) = (in_words(self.setting), self.settings());
        Error::new(Kind::Timeout, format_args!("{what} within {setting} ({settings})")).advise(&advice)
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
