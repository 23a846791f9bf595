//! Admission: when a call may be sent.
//!
//! A call waits twice. [`concurrency`] lets `max_concurrency` calls run at once. [`quota`] keeps the calls of a minute
//! under `limits`, as the service counts them. Both admit calls in the order in which they came.
//!
//! - [`window`] holds the requests and tokens of the last minute; [`estimate`] the tokens of a request before it is
//!   sent, with the error that [`correction`] has learned.

mod concurrency;
mod correction;
mod estimate;
mod quota;
#[cfg(test)]
mod service_tests;
mod window;

pub use concurrency::{Concurrency, Permit};
pub use estimate::Estimate;
pub use quota::{Quota, Reservation};

/// The state of a model's admission. A number that nothing counts is None.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Calls that run.
    pub running: u64,
    /// Calls that wait for a permit or for the quota.
    pub waiting: u64,
    /// Calls that have waited since the model was made, and the sum of their waits in milliseconds.
    pub waits: u64,
    pub waited_ms: u64,
    /// Calls that were refused because too many waited.
    pub refused: u64,
    /// Requests and tokens that count in this minute.
    pub requests_in_minute: Option<u64>,
    pub tokens_in_minute: Option<u64>,
    /// The limits in effect, given or learned.
    pub requests_per_minute: Option<u64>,
    pub tokens_per_minute: Option<u64>,
}
