//! The config key `limits`: the quotas under which the calls of a model stay.

/// The most that the calls of a model send in a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub requests_per_minute: Option<u32>,
    pub tokens_per_minute: Option<u32>,
    /// Whether lower limits are learned from the refusals of the service.
    pub adaptive: bool,
}

impl Limits {
    /// Returns whether they limit nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.requests_per_minute.is_none() && self.tokens_per_minute.is_none() && !self.adaptive
    }
}
