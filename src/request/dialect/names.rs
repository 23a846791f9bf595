//! The names of documents. The service wants each to be of few characters, and all of a conversation to differ.

use crate::json::Json;
use crate::request::document::Piece;
use std::collections::{HashMap, HashSet};

/// The longest name the service takes, in characters.
pub const MAX_NAME: usize = 200;

/// The names that are taken.
#[derive(Default)]
pub struct Names {
    taken: HashSet<String>,
    /// The number that was given last to a name that was taken.
    numbers: HashMap<String, usize>,
    /// How many of the messages before have been looked at.
    seen: usize,
}

impl Names {
    /// Takes note of the documents in these messages, of which it has seen the first already.
    pub fn see(&mut self, messages: &[Piece]) {
        for message in messages.get(self.seen..).unwrap_or_default() {
            let content = message.json().get("content");
            content.into_iter().flat_map(Json::elements).for_each(|block| self.reserve(block));
        }
        self.seen = messages.len();
    }

    /// Takes note of the documents in a native block.
    pub fn reserve(&mut self, block: Json<'_>) {
        let inner = block.get("toolResult").and_then(|result| result.get("content"));
        for block in inner.into_iter().flat_map(Json::elements).chain([block]) {
            self.taken.extend(block.pointer("/document/name").and_then(Json::string).map(|name| name.into_owned()));
        }
    }

    /// A valid name that is not taken, always the same one: the name's own characters as far as they are allowed, and a
    /// number where it is taken.
    pub fn take(&mut self, wanted: &str) -> String {
        let name = valid(wanted, MAX_NAME);
        if self.taken.insert(name.clone()) {
            return name;
        }
        let last = self.numbers.entry(name.clone()).or_insert(1);
        loop {
            *last += 1;
            let number = format!(" ({last})");
            let numbered = format!("{}{number}", valid(&name, MAX_NAME - number.len()));
            if self.taken.insert(numbered.clone()) {
                return numbered;
            }
        }
    }
}

/// What a name may have beside single spaces: letters and digits of ASCII, hyphens, parentheses, square brackets, and
/// the underscore, which the service takes although its documentation has none.
pub fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-()[]".contains(c)
}

fn valid(wanted: &str, most: usize) -> String {
    let text: String = wanted.chars().map(|c| if is_allowed(c) { c } else { ' ' }).collect();
    let mut name = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    name.truncate(most);
    let name = name.trim_end();
    if name.is_empty() { "document".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_documents_name_is_made_valid_and_unique_always_in_the_same_way() {
        let given = Piece::value(
            r#"{"role":"user","content":[{"document":{"name":"report"}},
            {"toolResult":{"content":[{"document":{"name":"report (2)"}}]}}]}"#,
        );
        let mut names = Names::default();
        names.see(&[given.unwrap()]);
        for (wanted, name) in [
            ("report", "report (3)"),
            ("report", "report (4)"),
            ("", "document"),
            ("\u{e9}", "document (2)"),
            ("  a_b/c..d  [1] (x)-y\n", "a_b c d [1] (x)-y"),
        ] {
            assert_eq!(names.take(wanted), name, "{wanted:?}");
        }
        let long = "a".repeat(300);
        assert_eq!(names.take(&long), "a".repeat(200));
        assert_eq!(names.take(&long), format!("{} (2)", "a".repeat(196)));
    }
}
