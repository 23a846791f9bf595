//! The timers of a call. The SDK has none for a stream's body.

use crate::config::{Timeout, Timeouts};
use crate::error::{Error, Kind, Result, in_words};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// The timers of one call, started.
#[derive(Clone, Copy, Debug)]
pub struct Timers {
    /// Until the first event of a stream, or the end of a unary call.
    pub first: Deadline,
    /// Until the end of the call, if `timeouts.total` is set.
    pub total: Option<Deadline>,
}

impl Timers {
    /// Starts them now.
    pub fn start(timeouts: &Timeouts, streams: bool) -> Self {
        let first = Timers::first(timeouts, streams);
        let total = timeouts.total.map(|total| Deadline::after(Wait::Total, total));
        Timers { first: first.or_earlier(total), total }
    }

    /// Starts them now, for a call that ends at `total`.
    pub fn within(timeouts: &Timeouts, streams: bool, total: Option<Deadline>) -> Self {
        Timers { first: Timers::first(timeouts, streams).or_earlier(total), total }
    }

    fn first(timeouts: &Timeouts, streams: bool) -> Deadline {
        match streams {
            true => Deadline::after(Wait::FirstEvent, timeouts.first_event),
            false => Deadline::after(Wait::UnaryCall, timeouts.unary),
        }
    }
}

/// The wait that a deadline limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The wait for one of `max_concurrency` calls to end.
    Queue,
    /// The wait for a connection ahead of a call. The timer of the first event limits it.
    Connection,
    FirstEvent,
    Idle,
    /// A stream, from the call to its end.
    Total,
    /// A unary call. `timeout` and `timeouts.total` limit it.
    UnaryCall,
}

impl Wait {
    /// The config keys that set the limit, in words.
    fn settings(self) -> String {
        let also_by_timeout = |timeout: Timeout| format!("{}, which timeout sets too", timeout.name());
        match self {
            Wait::Queue => Timeout::Queue.name().to_owned(),
            Wait::FirstEvent | Wait::Connection => also_by_timeout(Timeout::FirstEvent),
            Wait::Idle => also_by_timeout(Timeout::Idle),
            Wait::UnaryCall => format!("timeout or {}", Timeout::Total.name()),
            Wait::Total => Timeout::Total.name().to_owned(),
        }
    }
}

/// The time at which a wait ends.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    wait: Wait,
    setting: Duration,
    at: Instant,
}

impl Deadline {
    /// Returns the deadline that is `setting` from now.
    pub fn after(wait: Wait, setting: Duration) -> Self {
        Deadline { wait, setting, at: Instant::now() + setting }
    }

    pub fn at(&self) -> Instant {
        self.at
    }

    /// Returns the time of the deadline by std's clock, for threads other than the worker.
    pub fn passes_at(&self) -> std::time::Instant {
        self.at.into_std()
    }

    /// Returns the same timer, started again now. Only the timer of a pause between events is started again.
    pub fn restarted(self) -> Self {
        if self.wait == Wait::Idle { Deadline::after(self.wait, self.setting) } else { self }
    }

    /// Returns the deadline of the same timer, if it runs once more when it has passed.
    pub fn once_more(self) -> Self {
        Deadline { at: self.at + self.setting, ..self }
    }

    /// Returns the earlier of the two.
    pub fn or_earlier(self, other: Option<Deadline>) -> Self {
        other.filter(|other| other.at < self.at).unwrap_or(self)
    }

    /// Waits for `future`, at most until the deadline.
    pub async fn limit<T>(self, future: impl Future<Output = T>) -> Result<T> {
        self.or_late(future).await.ok_or_else(|| self.missed())
    }

    /// Waits for the turn of a call, at most until the deadline. The error names what it `waited_for`. `is_sent`: it
    /// has been sent before.
    pub async fn limit_turn<T>(
        self,
        waited_for: &str,
        is_sent: bool,
        advice: &str,
        turn: impl Future<Output = T>,
    ) -> Result<T> {
        self.or_late(turn).await.ok_or_else(|| {
            let (waited, settings) = (in_words(self.setting), self.wait.settings());
            let end = if is_sent { "was not sent again" } else { "was never sent" };
            let what = format_args!("the call waited {waited} for {waited_for} and {end} ({settings})");
            Error::new(Kind::Timeout, what).advise(advice)
        })
    }

    async fn or_late<T>(self, future: impl Future<Output = T>) -> Option<T> {
        let mut timer = Timer::new(self);
        let mut future = pin!(future);
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => timer.poll_passed(cx).map(|()| None),
        })
        .await
    }

    /// Returns the error of a call that missed the deadline.
    pub fn missed(&self) -> Error {
        const SILENCE: &str = "A long silence can be normal while a model thinks or writes a large tool input";
        const LONG_RESPONSE: &str = "A long response takes minutes: raise the timer";
        let silence = |timeout: Timeout| format!("{SILENCE}: raise {}", timeout.name());
        let (what, advice) = match self.wait {
            Wait::FirstEvent => ("no event came", silence(Timeout::FirstEvent)),
            Wait::Connection => ("no connection was ready", "Is the endpoint reachable from here?".to_owned()),
            Wait::Idle => ("no further event came", silence(Timeout::Idle)),
            Wait::UnaryCall => ("the response was not complete", format!("{LONG_RESPONSE} or stream it")),
            Wait::Total | Wait::Queue => ("the call was not complete", LONG_RESPONSE.to_owned()),
        };
        let (setting, settings) = (in_words(self.setting), self.wait.settings());
        Error::new(Kind::Timeout, format_args!("{what} within {setting} ({settings})")).advise(&advice)
    }
}

/// A deadline that moves often and passes rarely. Moving it costs nothing: its sleep wakes up at the old time, and goes
/// to sleep again.
///
/// A process that was stopped finds its deadlines in the past, and in its sockets what it waits for. So the event loop
/// polls them once more before a deadline that has passed counts as missed.
pub struct Timer {
    deadline: Deadline,
    sleep: Pin<Box<Sleep>>,
    last_look: LastLook,
}

enum LastLook {
    NotYet,
    /// Ready once the event loop has polled the sockets, and their tasks have run.
    Taken(Pin<Box<dyn Future<Output = ()> + Send>>),
    Over,
}

impl Timer {
    pub fn new(deadline: Deadline) -> Self {
        Timer { deadline, sleep: Box::pin(sleep_until(deadline.at)), last_look: LastLook::NotYet }
    }

    /// Moves the timer to another deadline.
    pub fn restart(&mut self, deadline: Deadline) {
        if deadline.at < self.sleep.deadline() {
            self.sleep.as_mut().reset(deadline.at);
        }
        // A deadline that has not moved, as that of a call, has had its last look.
        if deadline.at != self.deadline.at {
            self.last_look = LastLook::NotYet;
        }
        self.deadline = deadline;
    }

    /// Ready, with the error, once the deadline has been missed.
    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        self.poll_passed(cx).map(|()| self.deadline.missed())
    }

    /// Called when there is nothing else to do. It looks at the clock, not at the sleep: while bytes come without a
    /// pause, tokio's budget is used up before the sleep can be ready.
    fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if Instant::now() < self.deadline.at {
                if self.sleep.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                self.sleep.as_mut().reset(self.deadline.at);
                continue;
            }
            match &mut self.last_look {
                LastLook::NotYet => self.last_look = LastLook::Taken(Box::pin(one_more_turn())),
                LastLook::Taken(look) => {
                    ready!(look.as_mut().poll(cx));
                    self.last_look = LastLook::Over;
                    // The future is polled first: this turn may have made it ready.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                LastLook::Over => return Poll::Ready(()),
            }
        }
    }
}

/// Yields until the event loop has polled the sockets. The task that reads a connection runs in the turn after that,
/// and passes on what it reads in the next.
async fn one_more_turn() {
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;
    use tokio::net::UnixStream;

    /// A stopped process finds that its deadline has passed, and that what it waited for has arrived.
    #[tokio::test]
    async fn data_that_arrived_before_an_expired_timer_is_noticed_is_not_lost() {
        let (mut near, far) = UnixStream::pair().unwrap();
        let deadline = Deadline::after(Wait::Idle, Duration::from_millis(1));
        let reading = deadline.limit(async { near.read_u8().await.unwrap() });
        let mut reading = pin!(reading);
        // The event loop has looked at the socket, and sleeps.
        assert!(futures::poll!(reading.as_mut()).is_pending());
        far.try_write(&[7]).unwrap();
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(reading.await.unwrap(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn the_timer_of_a_whole_call_ends_work_that_never_pauses() {
        let total = Deadline::after(Wait::Total, Duration::from_secs(1));
        let mut timer = Timer::new(total);
        tokio::time::advance(Duration::from_secs(2)).await;
        let mut looks = 0;
        let error = poll_fn(|cx| {
            looks += 1;
            timer.restart(total);
            timer.poll_expired(cx)
        })
        .await;
        assert!(error.message().as_str().contains("timeouts.total") && looks < 10, "{looks} {error}");
    }
}
