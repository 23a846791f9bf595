//! A setting of the environment, and its source.

use crate::error::{Error, Kind};
use std::fmt;

/// A value, and the words that name its source in an error: `AWS_REGION`, `region of the profile "work"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced {
    pub value: String,
    pub source: String,
}

impl Sourced {
    pub fn new(value: impl Into<String>, source: impl Into<String>) -> Self {
        Sourced { value: value.into(), source: source.into() }
    }

    /// Returns the error for a setting that cannot be used. Its message is the source and `reason`.
    pub fn error(&self, reason: impl fmt::Display) -> Error {
        Error::new(Kind::Config, format_args!("{} {reason}", self.source))
    }
}
