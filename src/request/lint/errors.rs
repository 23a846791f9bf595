//! The error of a check.

use crate::error::Error;
use crate::request::errors::invalid;
use std::fmt;

/// Returns an error about the value at the JSON pointer `path`.
pub fn rejected(path: impl Into<String>, message: impl fmt::Display) -> Error {
    invalid(path, format_args!("checking the request: {message}"))
}
