//! The names that the service accepts for tools.

use std::borrow::Cow;

pub const MAX_LENGTH: usize = 64;

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

pub fn is_valid(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_LENGTH && name.chars().all(is_allowed)
}

/// Returns the name, or a valid one that is like it. Models invent names, and the service refuses them in the next
/// request.
pub fn fitted(name: &str) -> Cow<'_, str> {
    if is_valid(name) {
        return name.into();
    }
    let valid = |c| if is_allowed(c) { c } else { '_' };
    name.chars().map(valid).take(MAX_LENGTH).collect::<String>().into()
}
