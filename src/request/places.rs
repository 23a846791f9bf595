//! Where in the JSON that was given stands what a call sends.
//!
//! Checks look at Converse's form of a request, because it is the form that the service judges. Their errors have to
//! lead into the JSON that the program wrote, which may be of the other dialect. Each member of a document knows its
//! places for that.

use super::wiped::Wiped;
use std::collections::HashMap;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// A JSON pointer into what was given.
    pub given: String,
    pub inside: Inside,
}

/// Where the parts of a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// The value stands as it was given, so that its parts have the same pointers.
    Same,
    /// The value was composed. It is an object of one member; each pair leads from a part of that member to a part of
    /// what was given. Other parts lead to the whole of what was given.
    Composed(&'static [(&'static str, &'static str)]),
}

impl Origin {
    pub fn same(given: impl Into<String>) -> Self {
        Origin { given: given.into(), inside: Inside::Same }
    }

    pub fn composed(given: impl Into<String>, parts: &'static [(&'static str, &'static str)]) -> Self {
        Origin { given: given.into(), inside: Inside::Composed(parts) }
    }

    /// The same, with `before` in front of its pointer.
    pub fn within(mut self, before: &str) -> Self {
        self.given.insert_str(0, before);
        self
    }

    fn lead(&self, rest: &str) -> String {
        let part = match self.inside {
            Inside::Same => rest,
            Inside::Composed(parts) => {
                // The member's own name tells nothing.
                let rest = rest.get(1..).map_or("", |rest| rest.find('/').map_or("", |end| &rest[end..]));
                let leads = |(sent, _): &&(&str, &str)| {
                    rest.strip_prefix(sent).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                };
                let longest = parts.iter().filter(leads).max_by_key(|(sent, _)| sent.len());
                longest.map_or("", |(_, given)| given)
            }
        };
        format!("{}{part}", self.given)
    }
}

/// A content block or a tool in Converse's terms, and where its parts came from.
pub struct Block {
    pub json: Wiped,
    /// Pointers into the block. "" is the block itself.
    pub places: Vec<(String, Origin)>,
}

impl Block {
    pub fn new(json: impl Into<Wiped>, origin: Origin) -> Self {
        Block { json: json.into(), places: vec![(String::new(), origin)] }
    }

    /// The same, with `before` in front of where it came from.
    pub fn within(mut self, before: &str) -> Self {
        self.places.iter_mut().for_each(|(_, origin)| origin.given.insert_str(0, before));
        self
    }
}

/// The places of one member, by JSON pointers into its value.
#[derive(Clone, Default)]
pub struct Places(HashMap<String, Origin>);

impl Places {
    pub fn put(&mut self, sent: impl Into<String>, origin: Origin) {
        self.0.insert(sent.into(), origin);
    }

    /// Takes note of a block that stands at `sent`.
    pub fn put_block(&mut self, sent: &str, places: Vec<(String, Origin)>) {
        self.0.extend(places.into_iter().map(|(inside, origin)| (format!("{sent}{inside}"), origin)));
    }

    /// Puts `before` in front of where everything came from.
    pub fn move_under(&mut self, before: &str) {
        self.0.values_mut().for_each(|origin| origin.given.insert_str(0, before));
    }

    pub fn has(&self, sent: &str) -> bool {
        self.0.contains_key(sent)
    }

    /// The pointer into what was given; None where nothing is known.
    pub fn lead(&self, sent: &str) -> Option<String> {
        let mut end = sent.len();
        loop {
            if let Some(origin) = self.0.get(&sent[..end]) {
                return Some(origin.lead(&sent[end..]));
            }
            end = sent[..end].rfind('/')?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_place_leads_and_what_was_composed_leads_by_its_parts() {
        let mut places = Places::default();
        places.put("/0", Origin::same("/messages/4"));
        places.put("/1/content/2", Origin::composed("/messages/5/tool_calls/0", &[("/name", "/function/name")]));
        for (sent, given) in [
            ("/0", "/messages/4"),
            ("/0/content/1/text", "/messages/4/content/1/text"),
            ("/1/content/2", "/messages/5/tool_calls/0"),
            ("/1/content/2/toolUse", "/messages/5/tool_calls/0"),
            ("/1/content/2/toolUse/name", "/messages/5/tool_calls/0/function/name"),
            ("/1/content/2/toolUse/names", "/messages/5/tool_calls/0"),
        ] {
            assert_eq!(places.lead(sent).as_deref(), Some(given), "{sent}");
        }
        assert_eq!(places.lead("/1/content/20"), None);
    }
}
