//! The names of documents. The service wants each to be of few characters, and all of a conversation to differ.

use crate::json::{Json, cost};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The longest name the service takes, in characters.
pub const MAX_NAME: usize = 200;

/// Names that are taken.
#[derive(Clone, Default)]
pub struct Taken {
    names: HashSet<String>,
    /// The number that was given last to a name that was taken.
    numbers: HashMap<String, usize>,
}

impl Taken {
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.numbers.is_empty()
    }

    pub fn extend(&mut self, more: Taken) {
        self.names.extend(more.names);
        self.numbers.extend(more.numbers);
    }

    /// Takes note of the documents in a message.
    pub fn reserve_within(&mut self, message: Json<'_>) {
        let content = message.get("content");
        content.into_iter().flat_map(Json::elements).for_each(|block| self.reserve(block));
    }

    /// Takes note of the documents in a native block.
    fn reserve(&mut self, block: Json<'_>) {
        let inner = block.get("toolResult").and_then(|result| result.get("content"));
        for block in inner.into_iter().flat_map(Json::elements).chain([block]) {
            self.names.extend(block.pointer("/document/name").and_then(Json::string).map(|name| name.into_owned()));
        }
    }
}

/// The names of a conversation while a message is made for it: those before the message, and its own, which count once
/// it is added.
#[derive(Default)]
pub struct Names {
    before: Arc<Taken>,
    own: Taken,
}

impl Names {
    pub fn after(before: Arc<Taken>) -> Self {
        Names { before, own: Taken::default() }
    }

    /// The message's own.
    pub fn into_own(self) -> Taken {
        self.own
    }

    /// Takes note of the documents in a native block.
    pub fn reserve(&mut self, block: Json<'_>) {
        self.own.reserve(block);
    }

    /// A valid name that is not taken, always the same one: the name's own characters as far as they are allowed, and a
    /// number where it is taken.
    pub fn take(&mut self, wanted: &str) -> String {
        let name = valid(wanted, MAX_NAME);
        if self.insert(&name) {
            return name;
        }
        let numbers = [&self.own.numbers, &self.before.numbers];
        let mut last = numbers.iter().find_map(|numbers| numbers.get(&name).copied()).unwrap_or(1);
        loop {
            last += 1;
            let number = format!(" ({last})");
            let numbered = format!("{}{number}", valid(&name, MAX_NAME - number.len()));
            if self.insert(&numbered) {
                self.own.numbers.insert(name, last);
                return numbered;
            }
        }
    }

    /// False where the name is taken.
    fn insert(&mut self, name: &str) -> bool {
        cost::read(name.len());
        !self.before.names.contains(name) && self.own.names.insert(name.to_owned())
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
    use crate::request::document::Piece;

    #[test]
    fn a_documents_name_is_made_valid_and_unique_always_in_the_same_way() {
        let given = Piece::value(
            r#"{"role":"user","content":[{"document":{"name":"report"}},
            {"toolResult":{"content":[{"document":{"name":"report (2)"}}]}}]}"#,
        );
        let mut before = Taken::default();
        before.reserve_within(given.unwrap().json());
        let mut names = Names::after(before.into());
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
