//! A request that got no response, and whether it may be sent again.

use super::transport_error::Failure;

/// The progress of a request without a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// No byte of it was sent.
    NotSent,
    /// The service reports that it did not process it.
    NotProcessed,
    /// The service may have processed it.
    Unknown,
}

/// The reason why a request got no response, and its progress.
pub struct SendError {
    pub failure: Failure,
    pub delivery: Delivery,
}
