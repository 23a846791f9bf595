//! The maximum length of a text in a stream.

use crate::error::{Error, Kind, Result};
use crate::json::Json;

/// The maximum length of an event's text and of a tool input: several times what a model writes in one response.
pub const MAX_TEXT: usize = 4 << 20;

/// Returns the JSON string if it is no longer than an event's text may be.
pub fn check_length(string: Option<Json<'_>>) -> Result<Option<Json<'_>>> {
    match string {
        Some(long) if long.text().len() > MAX_TEXT => Err(too_long("the text of an event")),
        string => Ok(string),
    }
}

/// Returns the error for a text that is longer than [`MAX_TEXT`].
pub fn too_long(what: &str) -> Error {
    Error::new(Kind::Protocol, format_args!("{what} is longer than {} MiB", MAX_TEXT >> 20))
}
