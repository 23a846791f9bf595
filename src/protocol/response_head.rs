//! The part of a response's head that the library keeps.

use super::usage::Usage;

/// The id and the model of a request, and the usage that the headers of its response report.
#[derive(Clone, Default)]
pub struct ResponseHead {
    pub request_id: String,
    /// The model that the request named, or "" if its operation has none.
    pub model: String,
    /// The service tier of InvokeModel, or "". Converse has it in the body.
    pub service_tier: String,
    /// InvokeModel reports the usage in headers alone.
    pub usage: Usage,
}
