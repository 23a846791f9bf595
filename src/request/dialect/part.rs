//! Rules that all parts of a message's content share.

use super::cache_control::MARKS;
use super::object::Object;
use crate::error::Result;

/// The member with the position that a block or a call had in a stream. Clients keep it.
pub const STREAM_INDEX: &str = "index";

/// Checks that a part has only known members and cache marks. `what` names the part, for errors.
pub fn check_members(part: &Object<'_>, what: &str, known: &[&str]) -> Result<()> {
    let known: Vec<_> = known.iter().chain(&MARKS).copied().collect();
    part.check_members(what, &known)
}
