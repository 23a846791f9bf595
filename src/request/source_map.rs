//! The sources of translated values in the JSON that the program gave.
//!
//! Checks look at a request in Converse's form, because that is what the service judges. Their errors have to point
//! into the JSON that the program wrote, which may be of the portable dialect. So each member of a document can have a
//! [`SourceMap`].

use std::collections::HashMap;

/// Pairs of JSON pointers: into a composed value, and to the part of the given JSON that it came from.
pub type PointerPairs = &'static [(&'static str, &'static str)];

/// The source of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLocation {
    /// A JSON pointer into the given JSON.
    pub pointer: String,
    pub parts: SourceParts,
}

/// The sources of the parts of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceParts {
    /// The value is as it was given, so its parts have the same pointers.
    Same,
    /// The value was composed. It is an object of one member, and each pair maps a part of that member to a part of the
    /// given value. Other parts map to the given value itself.
    Composed(PointerPairs),
}

impl SourceLocation {
    /// Returns the location of a value that is as it was given.
    pub fn same(pointer: impl Into<String>) -> Self {
        SourceLocation { pointer: pointer.into(), parts: SourceParts::Same }
    }

    /// Returns the location of a value that was composed of the given value.
    pub fn composed(pointer: impl Into<String>, pairs: PointerPairs) -> Self {
        SourceLocation { pointer: pointer.into(), parts: SourceParts::Composed(pairs) }
    }

    /// Returns the pointer to a part of the value. `rest` is the pointer from the value to the part.
    fn pointer_to_part(&self, rest: &str) -> String {
        let part = match self.parts {
            SourceParts::Same => rest,
            SourceParts::Composed(pairs) => {
                // The first token is the name of the one member.
                let rest = rest.get(1..).map_or("", |rest| rest.find('/').map_or("", |end| &rest[end..]));
                let applies = |(composed, _): &&(&str, &str)| {
                    rest.strip_prefix(composed).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                };
                let longest = pairs.iter().filter(applies).max_by_key(|(composed, _)| composed.len());
                longest.map_or("", |(_, given)| given)
            }
        };
        format!("{}{part}", self.pointer)
    }
}

/// The source locations of the parts of one member, by JSON pointers into its value.
#[derive(Clone, Default)]
pub struct SourceMap(HashMap<String, SourceLocation>);

impl SourceMap {
    pub fn insert(&mut self, pointer: impl Into<String>, location: SourceLocation) {
        self.0.insert(pointer.into(), location);
    }

    /// Adds the locations of a block that is at `block`.
    pub fn insert_block(&mut self, block: &str, locations: Vec<(String, SourceLocation)>) {
        self.0.extend(locations.into_iter().map(|(inside, location)| (format!("{block}{inside}"), location)));
    }

    /// Puts `parent` in front of all pointers into the given JSON.
    pub fn move_beneath(&mut self, parent: &str) {
        self.0.values_mut().for_each(|location| location.pointer.insert_str(0, parent));
    }

    pub fn contains(&self, pointer: &str) -> bool {
        self.0.contains_key(pointer)
    }

    /// Returns the pointer into the given JSON, or None if neither the value nor one around it is in the map.
    pub fn given(&self, pointer: &str) -> Option<String> {
        let mut end = pointer.len();
        loop {
            if let Some(location) = self.0.get(&pointer[..end]) {
                return Some(location.pointer_to_part(&pointer[end..]));
            }
            end = pointer[..end].rfind('/')?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_location_counts_and_composed_values_map_by_their_parts() {
        let mut map = SourceMap::default();
        map.insert("/0", SourceLocation::same("/messages/4"));
        map.insert(
            "/1/content/2",
            SourceLocation::composed("/messages/5/tool_calls/0", &[("/name", "/function/name")]),
        );
        for (pointer, given) in [
            ("/0", "/messages/4"),
            ("/0/content/1/text", "/messages/4/content/1/text"),
            ("/1/content/2", "/messages/5/tool_calls/0"),
            ("/1/content/2/toolUse", "/messages/5/tool_calls/0"),
            ("/1/content/2/toolUse/name", "/messages/5/tool_calls/0/function/name"),
            ("/1/content/2/toolUse/names", "/messages/5/tool_calls/0"),
        ] {
            assert_eq!(map.given(pointer).as_deref(), Some(given), "{pointer}");
        }
        assert_eq!(map.given("/1/content/20"), None);
    }
}
