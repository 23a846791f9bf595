//! What the user wrote, in a message.

use crate::json;

/// How much of a text of the user's a message quotes, in bytes.
pub(super) const QUOTE: usize = 60;

/// `text` in quotes, cut where it is long.
pub(super) fn quote(text: &str) -> String {
    quote_up_to(text, QUOTE)
}

pub(super) fn quote_up_to(text: &str, max: usize) -> String {
    if text.len() <= max { json::quoted(text) } else { json::quoted(&text[..text.floor_char_boundary(max)]) + "..." }
}
