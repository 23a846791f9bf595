//! A content block or a tool in Converse's form, with the source locations of its parts.

use crate::request::source_map::{PointerPairs, SourceLocation};
use crate::request::zeroized::ZeroizedText;

/// A translated block.
pub struct Block {
    pub json: ZeroizedText,
    /// Source locations by JSON pointers into the block; "" points to the block itself.
    pub locations: Vec<(String, SourceLocation)>,
}

impl Block {
    /// Returns a block that is as it was given.
    pub fn native(json: &str) -> Self {
        Block::new(json, SourceLocation::same(""))
    }

    /// Returns a block that was composed of the value at the JSON pointer `given`.
    pub fn composed(json: impl Into<ZeroizedText>, given: impl Into<String>, pairs: PointerPairs) -> Self {
        Block::new(json, SourceLocation::composed(given, pairs))
    }

    fn new(json: impl Into<ZeroizedText>, location: SourceLocation) -> Self {
        Block { json: json.into(), locations: vec![(String::new(), location)] }
    }

    /// Puts `parent` in front of the pointers into the given JSON.
    pub fn beneath(self, parent: &str) -> Self {
        self.map_source(|pointer| format!("{parent}{pointer}"))
    }

    /// Changes the pointers into the given JSON.
    pub fn map_source(mut self, change: impl Fn(&str) -> String) -> Self {
        self.locations.iter_mut().for_each(|(_, location)| location.pointer = change(&location.pointer));
        self
    }
}
