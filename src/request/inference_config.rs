//! Limits that the service has for members of `inferenceConfig`.

use super::errors::invalid;
use crate::error::Result;
use crate::json::{Json, Kind};

/// The largest maxTokens.
const MAX_TOKENS: i64 = i32::MAX as i64;

/// Checks a stop sequence.
pub fn check_stop_sequence(value: Json<'_>, path: &str) -> Result<()> {
    match value.kind() {
        Kind::String if value.is("") => Err(invalid(path, "a stop sequence is empty; leave it out")),
        Kind::String => Ok(()),
        other => Err(invalid(path, format_args!("expected a string, found {other}"))),
    }
}

/// Checks a maxTokens.
pub fn check_max_tokens(value: Json<'_>, path: &str) -> Result<()> {
    match value.i64() {
        Some(1..=MAX_TOKENS) => Ok(()),
        _ => {
            let text = value.text();
            let message =
                format_args!("{text} is not a number of tokens; it must be a whole number from 1 to {MAX_TOKENS}");
            Err(invalid(path, message))
        }
    }
}
