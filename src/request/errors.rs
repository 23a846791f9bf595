//! Errors about the request's JSON, with a JSON pointer to the value that caused them.

use crate::error::{Error, Kind};
use crate::json::Json;
use std::fmt;

/// Returns an error about the value at the JSON pointer `path`.
pub fn invalid(path: impl Into<String>, message: impl fmt::Display) -> Error {
    Error::new(Kind::Request, message).at(path)
}

/// Returns the error of a member `key` that has the wrong type.
pub fn wrong_type(key: &str, expected: &str, found: Json<'_>) -> Error {
    invalid(format!("/{key}"), format_args!("expected {expected}, found {}", found.kind()))
}

/// Returns the error of two members with the same meaning.
pub fn given_twice(path: impl Into<String>, name: &str, other: &str) -> Error {
    invalid(path, format_args!("{name} and {other} are both given; they mean the same"))
}

/// Puts `parent` in front of an error's JSON pointer.
pub fn beneath(parent: &str, error: Error) -> Error {
    let path = format!("{parent}{}", error.path());
    error.at(path)
}
