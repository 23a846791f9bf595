//! The policy of retries: which service errors are retried, and after which wait.
//!
//! The SDK retries broken connections, and some service errors by their name and status. [`decide`] comes after the
//! SDK's own classifiers and decides all errors in this table:
//!
//! | service error | class |
//! |---|---|
//! | HTTP 429 with any body; every name of throttling with any status | throttling |
//! | HTTP 500, 502, 503 and 504; RequestTimeout, RequestTimeoutException, ModelNotReadyException | transient |
//! | RequestExpired, RequestInTheFuture, RequestTimeTooSkewed: once, signed by the service's clock | transient |
//!
//! The wait before a retry is the one that the service asks for (`x-amz-retry-after`, `retry-after`), or else the SDK's
//! backoff. `retry.max_backoff` limits both. If a timer would end the call before the wait is over, no retry follows.
//!
//! Each retry costs tokens of the client's budget: 5 for throttling, 10 for a transient error or a broken connection.
//! The budget holds 500. A successful call returns 1, or the cost of its last retry.

use crate::error::Kind;
use crate::protocol::service_error::ServiceError;
use aws_smithy_types::retry::ErrorKind;
use std::time::Duration;

/// The limits of a call's attempts.
#[derive(Clone, Copy, Debug)]
pub struct RetryLimits {
    pub max_attempts: u32,
    pub max_backoff: Duration,
    /// The time at which a timer ends the call, unless a response arrives.
    pub deadline: tokio::time::Instant,
}

/// The decision after a failed attempt.
pub enum Decision {
    Retry {
        kind: ErrorKind,
        retry_after: Option<Duration>,
    },
    /// A retry that is signed by the service's clock.
    RetryWithServiceClock,
    /// No retry: a timer would end the call before the wait that the service asks for is over.
    WaitTooLong,
    /// The decision of the SDK's own classifiers.
    Undecided,
}

/// Decides whether a retry follows an attempt that ended with this service error. `clock_retried` says whether the call
/// has had a [`Decision::RetryWithServiceClock`].
pub fn decide(error: &ServiceError, limits: Option<RetryLimits>, clock_retried: bool) -> Decision {
    let retry_after = error.retry_after;
    match class_of(error) {
        Some(_) if limits.is_some_and(|limits| limits.excludes(retry_after)) => Decision::WaitTooLong,
        Some(kind) => Decision::Retry { kind, retry_after },
        None if error.is_clock_error() && !clock_retried => Decision::RetryWithServiceClock,
        None => Decision::Undecided,
    }
}

/// Returns the class of a service error that is retried.
pub fn class_of(error: &ServiceError) -> Option<ErrorKind> {
    let transient = ["RequestTimeout", "RequestTimeoutException", "ModelNotReadyException"];
    if error.status == 429 || error.kind() == Kind::Throttled {
        Some(ErrorKind::ThrottlingError)
    } else if [500, 502, 503, 504].contains(&error.status) || transient.iter().any(|name| error.is_named(name)) {
        Some(ErrorKind::TransientError)
    } else {
        None
    }
}

impl RetryLimits {
    /// Returns whether the deadline is before the end of this wait.
    fn excludes(&self, retry_after: Option<Duration>) -> bool {
        let left = self.deadline.saturating_duration_since(tokio::time::Instant::now());
        retry_after.is_some_and(|wait| wait.min(self.max_backoff) >= left)
    }
}
