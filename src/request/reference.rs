//! References to attachments: strings `"@name"` in place of base64.

use super::operation_members::{References, is_base64, is_free_form};
use crate::json::{self, Json, Outline, Part};

/// A string `"@name"` in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    name: String,
    /// The offset of the string's content, without the quotes.
    pub start: usize,
    pub end: usize,
    /// Whether the string may be an ordinary text that only looks like a reference. It is an ordinary text if no
    /// attachment has the name.
    pub ambiguous: bool,
}

impl Reference {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the reference with its offsets moved from a text at `from` to a text at `to`.
    pub fn moved(&self, from: usize, to: usize) -> Self {
        Reference { start: self.start - from + to, end: self.end - from + to, ..self.clone() }
    }

    /// Reads `value`, which is in `text`, as a reference.
    fn read(text: &str, value: Json<'_>, ambiguous: bool) -> Option<Reference> {
        let name = value.string()?.strip_prefix('@')?.to_owned();
        let start = json::offset(text, value.text()) + 1;
        let end = start + value.text().len() - 2;
        Some(Reference { name, start, end, ambiguous })
    }
}

/// Returns the references in `text`, in its order. `outline` is that of the text.
///
/// Base64 has no '@', so no base64 is mistaken for a reference.
pub fn find(text: &str, outline: &Outline, references: References) -> Vec<Reference> {
    let mut found = Vec::new();
    // The pass that checked the text has found the '@'s. Most texts have none, and only the values around one are
    // walked.
    let at_signs = outline.at_signs();
    if at_signs.is_empty() || references == References::Nowhere {
        return found;
    }
    let anywhere = references == References::Anywhere;
    let root = outline.json(text);
    if anywhere {
        found.extend(Reference::read(text, root, anywhere));
    }
    // The arrays and objects around the current value.
    let mut open = vec![root.parts()];
    while let Some(parts) = open.last_mut() {
        let Some(Part { key, value, .. }) = parts.next() else {
            open.pop();
            continue;
        };
        let start = json::offset(text, value.text());
        let next = at_signs.partition_point(|at| *at < start);
        if at_signs.get(next).is_none_or(|at| *at >= start + value.text().len()) {
            continue;
        }
        let mut can_be_base64 = anywhere;
        if let Some(key) = key.and_then(Json::string) {
            if !anywhere && is_free_form(&key) {
                continue;
            }
            can_be_base64 |= is_base64(&key);
        }
        if can_be_base64 {
            found.extend(Reference::read(text, value, anywhere));
        }
        open.push(value.parts());
    }
    found
}
