//! An object with one member changed.

use crate::json::{self, Json};

/// Returns the text of an object with the member `key` set to `json`. The rest of the text stays as it was written.
pub fn with_member(object: Json<'_>, key: &str, json: &str) -> String {
    let text = object.text();
    if let Some(old) = object.get(key) {
        let start = json::offset(text, old.text());
        return format!("{}{json}{}", &text[..start], &text[start + old.text().len()..]);
    }
    let comma = if object.members().next().is_some() { "," } else { "" };
    let open = text.strip_suffix('}').unwrap_or(text).trim_end();
    format!("{open}{comma}\"{key}\":{json}}}")
}
