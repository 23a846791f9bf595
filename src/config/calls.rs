//! What governs a single call: its timers, its retries and how its answer is read. A model has them, and a model
//! derived from it may change them.

use super::reading::Reading;
use super::timeouts::{ConfiguredTimeouts, Timeout, Timeouts};
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
    given: ConfiguredTimeouts,
}

/// The keys that a derived model may have of its own.
pub const CALL_SETTINGS: [&str; 5] = ["timeout", "timeouts", "retry", "keep_answer", "read_ahead"];

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
            "timeouts" => value.members()?.iter().try_for_each(|member| take_timeout(&mut self.given, member))?,
            "retry" => value.members()?.iter().try_for_each(|member| self.retry.take(member))?,
            "keep_answer" => self.reading.keep_answer = value.bool()?,
            "read_ahead" => self.reading.take_read_ahead(&value)?,
            _ => return Ok(false),
        }
        self.timeouts = self.given.effective();
        Ok(true)
    }
}

/// The members of "timeouts".
const TIMEOUTS: [Timeout; 5] = [Timeout::Connect, Timeout::FirstEvent, Timeout::Idle, Timeout::Total, Timeout::Queue];

fn take_timeout(given: &mut ConfiguredTimeouts, member: &Value<'_>) -> Result<()> {
    let keys = TIMEOUTS.iter().map(|timeout| timeout.name().trim_start_matches("timeouts."));
    let Some((_, timeout)) = keys.clone().zip(TIMEOUTS).find(|(key, _)| member.key == *key) else {
        return Err(member.unknown(keys));
    };
    given.set(timeout, member.duration()?);
    Ok(())
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
