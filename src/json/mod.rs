//! JSON that stays text: checked once, then read in place.
//!
//! Requests and responses pass through this library byte for byte, so most of its work on JSON is to find where a
//! member begins and ends. A [`Json`] is a borrowed slice of a checked text: one valid RFC 8259 value that nests at
//! most [`MAX_DEPTH`] levels deep. Reading it checks nothing again, allocates nothing and never recurses. The header
//! promises this for `bedrock_json_*`, and hostile JSON that nests deeply cannot overflow the stack.
//!
//! It is hand-written because `serde_json` recurses and allocates for raw values. docs/decisions/json.md has the
//! alternatives and the measurements. JSON that is composed from values, without a text that must stay, is written by
//! `serde_json::json!`.
//!
//! ```text
//!   value      a JSON value, its kind, its members and elements
//!   scan       the grammar: one pass that checks a text and reports to a visitor
//!   skip       finds the end of a value in checked text
//!   outline    the positions of long values, so that a second pass steps over them; long_value is one of them
//!   pointer    JSON pointers (RFC 6901)
//!   cursor     a loop over members or elements whose state is two numbers, for the C API
//!   string, number, base64    values decoded; strings escaped
//!   owned      a value that owns its text
//!   cost       bytes read and copied, counted in unit tests
//! ```

mod base64;
pub mod cost;
pub mod cursor;
mod long_value;
mod number;
mod outline;
mod owned;
pub mod pointer;
mod scan;
mod skip;
mod string;
#[cfg(test)]
mod tests;
mod value;

pub use outline::{Checked, Outline};
pub use owned::OwnedJson;
pub use pointer::pointer_token;
pub use scan::{Invalid, MAX_DEPTH};
pub use string::{Piece, Pieces, Quoted, escape, escape_in_place, quote, quoted};
pub use value::{Json, Kind, Member, Part, Parts, offset};
