//! A JSON value that owns its text.

use super::outline::{Checked, Outline};
use super::value::Json;
use std::fmt;

/// A JSON value that owns its text. `Debug` does not show it, because it may hold a prompt.
#[derive(Clone)]
pub struct OwnedJson {
    text: String,
    outline: Outline,
}

impl OwnedJson {
    pub fn json(&self) -> Json<'_> {
        self.outline.json(&self.text)
    }
}

impl From<Json<'_>> for OwnedJson {
    fn from(json: Json<'_>) -> Self {
        let text = json.text().to_owned();
        let outline = Outline::of(text.as_bytes()).expect("checked JSON");
        OwnedJson { text, outline }
    }
}

impl<'a> From<&'a OwnedJson> for Checked<'a> {
    fn from(owned: &'a OwnedJson) -> Self {
        Checked::new(&owned.text, Ok(owned.outline.clone()))
    }
}

impl fmt::Debug for OwnedJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}
