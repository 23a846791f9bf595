//! The names of documents. The service allows few characters in a name, and demands that the names in a conversation
//! differ.

use crate::json::{Json, cost};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The longest name that the service accepts, in characters.
pub const MAX_LENGTH: usize = 200;

/// A set of names that documents have.
#[derive(Clone, Default)]
pub struct UsedNames {
    names: HashSet<String>,
    /// The last number that was appended to a name, by the name without the number.
    last_numbers: HashMap<String, usize>,
}

impl UsedNames {
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.last_numbers.is_empty()
    }

    pub fn extend(&mut self, more: UsedNames) {
        self.names.extend(more.names);
        self.last_numbers.extend(more.last_numbers);
    }

    /// Adds the names of the documents in a message.
    pub fn add_message(&mut self, message: Json<'_>) {
        let content = message.get("content");
        content.into_iter().flat_map(Json::elements).for_each(|block| self.add_block(block));
    }

    /// Adds the name of a document block, and those in a tool result.
    fn add_block(&mut self, block: Json<'_>) {
        let inner = block.get("toolResult").and_then(|result| result.get("content"));
        for block in inner.into_iter().flat_map(Json::elements).chain([block]) {
            self.names.extend(block.pointer("/document/name").and_then(Json::string).map(|name| name.into_owned()));
        }
    }
}

/// The names of a conversation while a message is translated.
///
/// The names in the message itself are separate: they count once the message is added.
#[derive(Default)]
pub struct DocumentNames {
    before: Arc<UsedNames>,
    of_message: UsedNames,
}

impl DocumentNames {
    /// Returns the names for a message that follows messages with the names `before`.
    pub fn after(before: Arc<UsedNames>) -> Self {
        DocumentNames { before, of_message: UsedNames::default() }
    }

    /// Returns the names of the message.
    pub fn into_names_of_message(self) -> UsedNames {
        self.of_message
    }

    /// Adds the names in a native block of the message.
    pub fn add_block(&mut self, block: Json<'_>) {
        self.of_message.add_block(block);
    }

    /// Returns a valid name that no other document has, and adds it. Characters that are not allowed become spaces; a
    /// name that is in use gets a number. The same conversation always gets the same names.
    pub fn add_unique(&mut self, wanted: &str) -> String {
        let name = valid(wanted, MAX_LENGTH);
        if self.insert(&name) {
            return name;
        }
        let numbers = [&self.of_message.last_numbers, &self.before.last_numbers];
        let mut last = numbers.iter().find_map(|numbers| numbers.get(&name).copied()).unwrap_or(1);
        loop {
            last += 1;
            let number = format!(" ({last})");
            let numbered = format!("{}{number}", valid(&name, MAX_LENGTH - number.len()));
            if self.insert(&numbered) {
                self.of_message.last_numbers.insert(name, last);
                return numbered;
            }
        }
    }

    /// Adds a name. Returns false if the name is in use.
    fn insert(&mut self, name: &str) -> bool {
        cost::read(name.len());
        !self.before.names.contains(name) && self.of_message.names.insert(name.to_owned())
    }
}

/// Returns whether a name may have the character. Names may have single spaces too.
///
/// The service accepts the underscore, although its documentation does not list it.
pub fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-()[]".contains(c)
}

fn valid(wanted: &str, max_length: usize) -> String {
    let text: String = wanted.chars().map(|c| if is_allowed(c) { c } else { ' ' }).collect();
    let mut name = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    name.truncate(max_length);
    let name = name.trim_end();
    if name.is_empty() { "document".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_name_becomes_valid_and_unique_and_always_the_same() {
        let given = Json::parse(
            r#"{"role":"user","content":[{"document":{"name":"report"}},
            {"toolResult":{"content":[{"document":{"name":"report (2)"}}]}}]}"#,
        );
        let mut before = UsedNames::default();
        before.add_message(given.unwrap());
        let mut names = DocumentNames::after(before.into());
        for (wanted, name) in [
            ("report", "report (3)"),
            ("report", "report (4)"),
            ("", "document"),
            ("\u{e9}", "document (2)"),
            ("  a_b/c..d  [1] (x)-y\n", "a_b c d [1] (x)-y"),
        ] {
            assert_eq!(names.add_unique(wanted), name, "{wanted:?}");
        }
        let long = "a".repeat(300);
        assert_eq!(names.add_unique(&long), "a".repeat(200));
        assert_eq!(names.add_unique(&long), format!("{} (2)", "a".repeat(196)));
    }
}
