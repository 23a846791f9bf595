//! The part of a response's head that the library keeps.

use super::usage::Usage;

/// The id of a request, and the usage that the headers of its response report.
#[derive(Clone, Default)]
pub struct ResponseHead {
    pub request_id: String,
    /// InvokeModel reports the usage in headers alone.
    pub usage: Usage,
}
