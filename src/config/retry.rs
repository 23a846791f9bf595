//! The retries of a call, as the config sets them.

use std::time::Duration;

/// The retry settings of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The maximum number of attempts of a call, the first included.
    pub max_attempts: u32,
    pub mode: RetryMode,
    /// The maximum wait between two attempts.
    pub max_backoff: Duration,
    /// The time after the first attempt in which a call that is refused for throttling is tried again, however often.
    pub throttled_for: Option<Duration>,
}

/// The retry modes of the AWS SDK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryMode {
    Standard,
    Adaptive,
}

impl RetryMode {
    pub(super) const NAMES: [(&str, RetryMode); 2] =
        [("standard", RetryMode::Standard), ("adaptive", RetryMode::Adaptive)];
}

impl Default for Retry {
    fn default() -> Self {
        Retry { max_attempts: 3, mode: RetryMode::Standard, max_backoff: Duration::from_secs(20), throttled_for: None }
    }
}
