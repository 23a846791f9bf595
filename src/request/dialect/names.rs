//! The names of documents. The service wants each to be of few characters, and all of a conversation to differ.

use crate::json::Json;
use crate::request::document::Piece;
use std::collections::HashSet;

/// The longest name the service takes, in characters.
const MAX_NAME: usize = 200;

/// The names that are taken, looked up when the first document comes.
pub struct Names<'a> {
    before: &'a [Piece],
    taken: Option<HashSet<String>>,
}

impl<'a> Names<'a> {
    /// Those of the documents in these messages.
    pub fn of(messages: &'a [Piece]) -> Self {
        Names { before: messages, taken: None }
    }

    pub fn none() -> Names<'static> {
        Names { before: &[], taken: None }
    }

    /// A valid name that is not taken, always the same one: the name's own characters as far as they are allowed, and a number
    /// where it is taken.
    pub fn take(&mut self, wanted: &str) -> String {
        let before = self.before;
        let taken =
            self.taken.get_or_insert_with(|| before.iter().flat_map(|message| names_in(message.text())).collect());
        let name = valid(wanted, MAX_NAME);
        let numbered = |number: usize| {
            let number = format!(" ({number})");
            format!("{}{number}", valid(&name, MAX_NAME - number.len()))
        };
        let free = std::iter::once(name.clone()).chain((2..).map(numbered)).find(|name| !taken.contains(name));
        let free = free.expect("there are more numbers than documents");
        taken.insert(free.clone());
        free
    }
}

fn names_in(message: &str) -> Vec<String> {
    let mut found = Vec::new();
    let message = Json::parse(message).ok();
    let blocks = message.and_then(|message| message.get("content")).into_iter().flat_map(Json::elements);
    for block in blocks {
        let inner = block.get("toolResult").and_then(|result| result.get("content"));
        for block in inner.into_iter().flat_map(Json::elements).chain([block]) {
            found.extend(block.pointer("/document/name").and_then(Json::string).map(|name| name.into_owned()));
        }
    }
    found
}

/// Letters and digits of ASCII, single spaces, hyphens, parentheses, square brackets, and the underscore, which the service takes
/// although its documentation has none.
fn valid(wanted: &str, most: usize) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "_-()[]".contains(c) { c } else { ' ' };
    let text: String = wanted.chars().map(allowed).collect();
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
        let given = [given.unwrap()];
        let mut names = Names::of(&given);
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
