//! What governs a single call: its timers, its retries and how its answer is read. A model has them, and a model
//! derived from it may change them.

use super::reading::Reading;
use super::value::Value;
use crate::error::Result;
use crate::json::Json;
use std::time::Duration;

/// See [`CallSettings::take`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallSettings {
    pub timeouts: Timeouts,
    pub retry: Retry,
    pub reading: Reading,
    /// What `timeouts` was made from: a later "timeout" must know which timers were set by name.
    given: Given,
}

/// The keys that a derived model may have of its own.
pub const CALL_SETTINGS: [&str; 5] = ["timeout", "timeouts", "retry", "keep_answer", "read_ahead"];

/// Every timer of a call. None but `total` can be absent, and none can be 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a connection stands, TLS included.
    pub connect: Duration,
    /// Of a stream: from the call to the first event.
    pub first_event: Duration,
    /// Of a stream: from one event to the next.
    pub idle: Duration,
    /// Of a stream: from the call to its end. Off unless set.
    pub total: Option<Duration>,
    /// Of a unary call: from the call to its end. `total` is in it.
    pub whole: Duration,
    /// For a place under `max_concurrency`. Where it is set, the others begin when the call has its place.
    pub queue: Option<Duration>,
}

/// How long nothing needs to come where nobody says otherwise.
const LONGEST_SILENCE: Duration = Duration::from_secs(300);

/// How often the SDK tries, and how patiently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Requests sent at most, the first included: 1 is no retry.
    pub max_attempts: u32,
    pub mode: RetryMode,
    pub max_backoff: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryMode {
    Standard,
    Adaptive,
}

const MODES: [(&str, RetryMode); 2] = [("standard", RetryMode::Standard), ("adaptive", RetryMode::Adaptive)];

impl Default for Timeouts {
    fn default() -> Self {
        Given::default().timeouts()
    }
}

impl Default for Retry {
    fn default() -> Self {
        Retry { max_attempts: 3, mode: RetryMode::Standard, max_backoff: Duration::from_secs(20) }
    }
}

impl CallSettings {
    /// Takes `value` where `key` is one of [`CALL_SETTINGS`], and says whether it was. `path` leads to the value.
    /// After an error some members may have been taken: drop the whole.
    ///
    /// "timeout" is the wait without progress: for a stream's first event and for each next one, and for the whole of a unary call.
    /// A member of "timeouts" is one timer by its name, and wins over "timeout" in whatever order they come, also where "timeout"
    /// comes later, for a derived model: what was set by name stays until it is set by name again.
    pub fn take(&mut self, key: &str, value: Json<'_>, path: &str) -> Result<bool> {
        let value = Value::new(key, value, path);
        match key {
            "timeout" => self.given.timeout = Some(value.duration()?),
            "timeouts" => value.members()?.iter().try_for_each(|member| self.given.take(member))?,
            "retry" => value.members()?.iter().try_for_each(|member| self.retry.take(member))?,
            "keep_answer" => self.reading.keep_answer = value.bool()?,
            "read_ahead" => self.reading.take_read_ahead(&value)?,
            _ => return Ok(false),
        }
        self.timeouts = self.given.timeouts();
        Ok(true)
    }
}

/// The timers as they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Given {
    timeout: Option<Duration>,
    connect: Option<Duration>,
    first_event: Option<Duration>,
    idle: Option<Duration>,
    total: Option<Duration>,
    queue: Option<Duration>,
}

impl Given {
    fn take(&mut self, member: &Value<'_>) -> Result<()> {
        let timer = match &*member.key {
            "connect" => &mut self.connect,
            "first_event" => &mut self.first_event,
            "idle" => &mut self.idle,
            "total" => &mut self.total,
            "queue" => &mut self.queue,
            _ => return Err(member.unknown(["connect", "first_event", "idle", "total", "queue"].into_iter())),
        };
        *timer = Some(member.duration()?);
        Ok(())
    }

    fn timeouts(&self) -> Timeouts {
        // Healthy streams are silent for minutes; a connection that is dead is found without these timers (http::alive).
        let progress = self.timeout.unwrap_or(LONGEST_SILENCE);
        Timeouts {
            connect: self.connect.unwrap_or(Duration::from_millis(3100)),
            first_event: self.first_event.unwrap_or(progress),
            idle: self.idle.unwrap_or(progress),
            total: self.total,
            // "total" alone may lengthen it; beside "timeout" the shorter counts, so that a derived model can always shorten a
            // call.
            whole: self.timeout.into_iter().chain(self.total).min().unwrap_or(LONGEST_SILENCE),
            queue: self.queue,
        }
    }
}

impl Retry {
    fn take(&mut self, member: &Value<'_>) -> Result<()> {
        match &*member.key {
            "max_attempts" => self.max_attempts = member.count()?,
            "mode" => self.mode = member.choice(&MODES)?,
            "max_backoff" => self.max_backoff = member.duration()?,
            _ => return Err(member.unknown(["max_attempts", "mode", "max_backoff"].into_iter())),
        }
        Ok(())
    }
}
