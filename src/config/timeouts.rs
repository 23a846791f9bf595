//! The timers of a call: their names in the config, their defaults, and the effect of `timeout` on several of them.

use std::time::Duration;

/// A member of the config's `timeouts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    Connect,
    FirstEvent,
    Idle,
    Total,
    Queue,
}

impl Timeout {
    const COUNT: usize = 5;

    /// Returns the config key, as the README and messages write it.
    pub const fn name(self) -> &'static str {
        match self {
            Timeout::Connect => "timeouts.connect",
            Timeout::FirstEvent => "timeouts.first_event",
            Timeout::Idle => "timeouts.idle",
            Timeout::Total => "timeouts.total",
            Timeout::Queue => "timeouts.queue",
        }
    }
}

/// The limit of `timeouts.connect` unless the config sets one.
pub const DEFAULT_CONNECT: Duration = Duration::from_millis(3100);

/// The limit of the other timers unless the config sets one. Healthy streams are silent for minutes. A dead connection
/// is found without these timers (`http::tcp_keepalive`).
const DEFAULT_SILENCE: Duration = Duration::from_secs(300);

/// The limits of a call. None of them is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the start of a connection to the end of its TLS handshake.
    pub connect: Duration,
    /// From the start of a stream's call to its first event.
    pub first_event: Duration,
    /// From one event of a stream to the next.
    pub idle: Duration,
    /// From the start of a call to its end.
    pub total: Option<Duration>,
    /// From the start of a unary call to its end: the shorter of `timeout` and `timeouts.total`.
    pub unary: Duration,
    /// The wait for `max_concurrency`, and that for `limits`. If it is set, the other timers start after these waits.
    pub queue: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        ConfiguredTimeouts::default().effective()
    }
}

/// The timers that the config sets.
///
/// A timer that was set by its own name wins over `timeout`, in any order, also if a derived model sets `timeout`
/// later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ConfiguredTimeouts {
    /// The config's `timeout`: the longest wait without progress.
    pub(super) timeout: Option<Duration>,
    by_name: [Option<Duration>; Timeout::COUNT],
}

impl ConfiguredTimeouts {
    pub(super) fn set(&mut self, timeout: Timeout, limit: Duration) {
        self.by_name[timeout as usize] = Some(limit);
    }

    /// Returns the limits, with the defaults of the timers that are not set.
    pub(super) fn effective(&self) -> Timeouts {
        let set = |timeout: Timeout| self.by_name[timeout as usize];
        let silence = self.timeout.unwrap_or(DEFAULT_SILENCE);
        let total = set(Timeout::Total);
        Timeouts {
            connect: set(Timeout::Connect).unwrap_or(DEFAULT_CONNECT),
            first_event: set(Timeout::FirstEvent).unwrap_or(silence),
            idle: set(Timeout::Idle).unwrap_or(silence),
            total,
            // "total" alone may lengthen it. Beside "timeout" the shorter one counts, so that a derived model can
            // always shorten a call.
            unary: self.timeout.into_iter().chain(total).min().unwrap_or(DEFAULT_SILENCE),
            queue: set(Timeout::Queue),
        }
    }
}
