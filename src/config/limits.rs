//! The config key `limits`: the quotas under which the calls of a model stay.

use super::value::Value;
use crate::error::Result;

/// The most that the calls of a model send in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub requests_per_minute: Option<u32>,
    pub tokens_per_minute: Option<u32>,
    /// Whether lower limits are learned from the refusals of the service.
    pub adaptive: bool,
}

impl Limits {
    pub(super) fn parse(value: &Value<'_>) -> Result<Self> {
        const KNOWN: [&str; 3] = ["requests_per_minute", "tokens_per_minute", "adaptive"];
        let members = value.members()?;
        value.expect_members(&members, &KNOWN)?;
        let member = |key: &str| members.iter().find(|member| member.key == key);
        let limits = Limits {
            requests_per_minute: member(KNOWN[0]).map(Value::count).transpose()?,
            tokens_per_minute: member(KNOWN[1]).map(Value::count).transpose()?,
            adaptive: member(KNOWN[2]).map(Value::bool).transpose()?.unwrap_or(false),
        };
        if limits.requests_per_minute.is_none() && limits.tokens_per_minute.is_none() && !limits.adaptive {
            return Err(
                value.error("limits nothing: give \"requests_per_minute\", \"tokens_per_minute\" or \"adaptive\"")
            );
        }
        Ok(limits)
    }
}
