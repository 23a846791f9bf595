//! What a function demands of its arguments and promises about its results, read from types and documentation.
//!
//! Types decide the direction of a parameter. The part "Ownership" decides who owns what is passed, in sentences of a
//! few forms, and the rules at the top of the header decide what holds for a name in every function. What cannot be
//! derived is an error: the documentation is then made regular, and no list of exceptions grows here.

use crate::chapters::{Chapter, Declaration, Function, Item, Parameter};
use crate::doc::{Block, Doc};
use crate::opening::Opening;
use serde::Serialize;
use std::collections::BTreeMap;

/// Who writes to what a parameter points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    In,
    Out,
    InOut,
}

/// Who owns what a pointer leads to, after the function has returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "ownership", rename_all = "kebab-case")]
pub enum Ownership {
    /// In: the caller still owns it. Out: the library owns it, and it is valid until something happens, or as long as
    /// the text of a parameter into which it points.
    Borrowed {
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<String>,
    },
    /// The caller owns it, and frees it with this function.
    Owned { free: String },
    /// The function has ended it, or the library keeps it until it has called `release`.
    Taken {
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<String>,
    },
    /// It is valid as long as the library is loaded.
    Static,
}

impl Ownership {
    fn borrowed() -> Self {
        Ownership::Borrowed { until: None, from: None }
    }
}

/// The declarations of all chapters, and the rules for names that all functions share.
pub struct Rules<'a> {
    declarations: BTreeMap<&'a str, &'a Declaration>,
    /// For each name of a parameter that the rules explain: whether it may be NULL.
    null: BTreeMap<String, bool>,
}

impl<'a> Rules<'a> {
    pub fn new(opening: &Opening, chapters: &'a [Chapter]) -> Self {
        let items = chapters.iter().flat_map(|chapter| &chapter.items);
        let declarations = items.map(|Item { name, declaration, .. }| (name.as_str(), declaration)).collect();
        let rule = opening.rules.iter().find(|rule| rule.title == "Parameters").expect("a rule about parameters");
        let tables = chapters.iter().flat_map(|chapter| &chapter.opening.blocks);
        let rows = tables.filter_map(|block| match block {
            Block::Table { rows, .. } => Some(rows),
            _ => None,
        });
        let texts = rule.doc.blocks.iter().filter_map(|block| match block {
            Block::Paragraph(text) => Some(text),
            _ => None,
        });
        let null = texts.chain(rows.flatten().map(|(_, text)| text)).flat_map(|text| null_rules(text)).collect();
        Rules { declarations, null }
    }

    /// Returns the declaration that a type in C names: `const bedrock_event *` is `bedrock_event`.
    pub fn declaration_of(&self, r#type: &str) -> Option<&'a Declaration> {
        self.declarations.get(pointee(r#type)).copied()
    }

    fn is_handle(&self, r#type: &str) -> bool {
        matches!(self.declaration_of(r#type), Some(Declaration::Handle))
    }

    /// Returns whether it is a pointer to a function.
    pub fn is_callback(&self, r#type: &str) -> bool {
        self.declaration_of(r#type).is_some_and(Declaration::is_callback)
    }

    /// Returns whether it is a struct with pointers in it.
    fn has_texts(&self, r#type: &str) -> bool {
        match self.declaration_of(r#type) {
            Some(Declaration::Struct { members }) => members.iter().any(|member| member.code.contains('*')),
            _ => false,
        }
    }

    pub fn direction(&self, doc: &Doc, parameter: &Parameter) -> Direction {
        let Parameter { name, r#type } = parameter;
        let is_pointer = r#type.ends_with('*');
        let is_result = r#type.ends_with("**") || !(r#type.starts_with("const ") || self.is_handle(r#type));
        match () {
            () if !is_pointer || !is_result || is_user(parameter) => Direction::In,
            () if doc.entry(name).is_some_and(|text| text.starts_with("Read and then filled")) => Direction::InOut,
            () => Direction::Out,
        }
    }

    /// Returns who owns what is passed: None for numbers, and for memory of the caller that receives only numbers or
    /// bytes.
    pub fn ownership(
        &self,
        item: &Item,
        function: &Function,
        parameter: &Parameter,
    ) -> Result<Option<Ownership>, String> {
        let Parameter { name, r#type } = parameter;
        let text = item.doc.entry("Ownership").unwrap_or_default();
        let is_pointer = r#type.ends_with('*') || self.is_callback(r#type);
        if self.direction(&item.doc, parameter) != Direction::In {
            return match () {
                () if name == "err" => Ok(Some(Ownership::Owned { free: "bedrock_error_free".to_owned() })),
                () if r#type.ends_with("**") || self.has_texts(r#type) => {
                    let found = ownership_of(text, &format!("*{name}"));
                    found.map(Some).ok_or(format!("{}: \"Ownership\" does not state who owns *{name}", item.name))
                }
                () => Ok(None),
            };
        }
        let is_released = function.parameters.iter().any(|other| other.name == "release")
            && (name == "data" || is_user(parameter) || self.is_callback(r#type));
        match () {
            () if is_released && text.contains("release(user) runs") => {
                Ok(Some(Ownership::Taken { until: Some("release(user) has run".to_owned()) }))
            }
            () if is_released => Err(format!("{}: \"Ownership\" does not state when release(user) runs", item.name)),
            () if item.name.ends_with("_free") && text.starts_with("Ends the handle") => {
                Ok(Some(Ownership::Taken { until: None }))
            }
            () if item.name.ends_with("_free") => Err(format!("{}: \"Ownership\" does not end the handle", item.name)),
            () => Ok(is_pointer.then(Ownership::borrowed)),
        }
    }

    /// Returns who owns what a function returns.
    pub fn returned(&self, item: &Item, function: &Function) -> Result<Option<Ownership>, String> {
        let text = item.doc.entry("Ownership").unwrap_or_default();
        match function.returns.as_str() {
            // A descriptor.
            "int" if text.starts_with("Owned by the library.") => {
                let closes = words(text).find(|word| self.declarations.contains_key(word));
                let until = closes.ok_or(format!("{}: what closes the descriptor?", item.name))?.to_owned();
                Ok(Some(Ownership::Borrowed { until: Some(until), from: None }))
            }
            "int" => Err(format!("{}: \"Ownership\" does not state who owns the descriptor", item.name)),
            pointer if pointer.ends_with('*') => {
                let found = ownership_of(text, "");
                found.map(Some).ok_or(format!("{}: \"Ownership\" does not state who owns the result", item.name))
            }
            _ => Ok(None),
        }
    }

    /// Returns whether NULL may be passed on purpose. For other pointers NULL is an error, or gives the neutral value.
    pub fn nullable(&self, doc: &Doc, parameter: &Parameter) -> Option<bool> {
        let Parameter { name, r#type } = parameter;
        if !(r#type.ends_with('*') || self.is_callback(r#type)) {
            return None;
        }
        let own = doc.entry(name).into_iter().flat_map(sentences).find(|sentence| is_about_null(sentence));
        let own = own.map(|sentence| !sentence.contains("ust not be NULL"));
        own.or_else(|| self.null.get(name).copied()).or(Some(false))
    }
}

/// The parameter that the rules describe as a pointer of the program, which the library never dereferences.
fn is_user(parameter: &Parameter) -> bool {
    parameter.name == "user" && parameter.r#type == "void *"
}

/// Returns the type that a pointer leads to: `const bedrock_event **` leads to `bedrock_event`.
pub fn pointee(r#type: &str) -> &str {
    r#type.trim_start_matches("const ").trim_end_matches(['*', ' '])
}

/// Returns whether a sentence about a parameter states what NULL means, and not when the parameter receives NULL.
fn is_about_null(sentence: &str) -> bool {
    sentence.contains("NULL") && !sentence.starts_with('*') && !sentence.contains(", *")
}

/// Returns the names that the sentences of a text allow to be NULL, or not.
fn null_rules(text: &str) -> Vec<(String, bool)> {
    let mut rules = Vec::new();
    for sentence in sentences(text) {
        let subject = words(sentence).find(|&word| word != "If").unwrap_or_default();
        let verdicts = [("may be NULL", true), ("must not be NULL", false)];
        let verdict = verdicts.into_iter().find(|(words, _)| sentence.contains(words));
        rules.extend(verdict.map(|(_, nullable)| (subject.to_owned(), nullable)));
    }
    rules
}

/// Returns what the text states about `subject`: `*out`, or "" for what the function returns.
fn ownership_of(text: &str, subject: &str) -> Option<Ownership> {
    let free = || {
        let (_, after) = text.split_once("Free it with ")?;
        Some(words(after).next()?.to_owned())
    };
    let until = |sentence: &str, before: &str| Some(sentence.strip_prefix(before)?.to_owned());
    let from = |sentence: &str, before: &str| words(sentence.strip_prefix(before)?).next().map(str::to_owned);
    sentences(text).find_map(|sentence| {
        let sentence = sentence.trim_end_matches('.');
        if subject.is_empty() {
            return match sentence {
                "The text is static" => Some(Ownership::Static),
                "Owned by the caller" => Some(Ownership::Owned { free: free()? }),
                _ => None,
            }
            .or_else(|| Some(Ownership::Borrowed { until: Some(until(sentence, "Borrowed until ")?), from: None }))
            .or_else(|| Some(Ownership::Borrowed { until: None, from: Some(from(sentence, "Points into ")?) }));
        }
        let texts = format!("The texts in {subject}");
        let borrowed = until(sentence, &format!("{subject} is borrowed until "))
            .or_else(|| until(sentence, &format!("{texts} are borrowed until ")));
        let stays = sentence.split_once(" stay").is_some_and(|(before, after)| {
            before.split(" and ").any(|part| part == subject) && after.contains("owned by the program")
        });
        match () {
            () if sentence == format!("{subject} is owned by the caller") => Some(Ownership::Owned { free: free()? }),
            () if borrowed.is_some() => Some(Ownership::Borrowed { until: borrowed, from: None }),
            () if stays => Some(Ownership::borrowed()),
            () => {
                Some(Ownership::Borrowed { until: None, from: Some(from(sentence, &format!("{texts} point into "))?) })
            }
        }
    })
}

/// Returns the sentences of a text, each with its full stop, if it has one.
pub fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(". ").map(str::trim)
}

/// Returns the words of a text: letters, digits and underscores.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ownership_is_read_from_its_sentences() {
        let until = |until: &str| Some(Ownership::Borrowed { until: Some(until.to_owned()), from: None });
        let from = |from: &str| Some(Ownership::Borrowed { until: None, from: Some(from.to_owned()) });
        let owned = Some(Ownership::Owned { free: "bedrock_x_free".to_owned() });
        assert_eq!(ownership_of("The text is static. Never free it.", ""), Some(Ownership::Static));
        assert_eq!(ownership_of("Borrowed until the error is freed.", ""), until("the error is freed"));
        assert_eq!(ownership_of("Owned by the caller. Free it with bedrock_x_free.", ""), owned);
        assert_eq!(ownership_of("Points into json, and lives as long as it.", ""), from("json"));
        assert_eq!(ownership_of("*out is owned by the caller. Free it with bedrock_x_free, once.", "*out"), owned);
        assert_eq!(ownership_of("*event is borrowed until the next. No more.", "*event"), until("the next"));
        assert_eq!(ownership_of("The texts in *out are borrowed until then.", "*out"), until("then"));
        assert_eq!(ownership_of("The texts in *item point into json, and live on.", "*item"), from("json"));
        let stays = "*stream and *user stay owned by the program.";
        assert_eq!(ownership_of(stays, "*user"), Some(Ownership::borrowed()));
        assert_eq!(ownership_of(stays, "*out"), None);
        assert_eq!(ownership_of("*out is owned by the caller.", "*out"), None, "it does not state how to free it");
        assert_eq!(ownership_of("It belongs to you.", ""), None);
    }

    #[test]
    fn the_rules_name_what_may_be_null() {
        let text = "err receives the error, and may be NULL. out receives it, and must not be NULL. If len is a pointer, \
                    it receives the length, and may be NULL. size is a size.";
        let expected = [("err", true), ("out", false), ("len", true)].map(|(name, null)| (name.to_owned(), null));
        assert_eq!(null_rules(text), expected);
    }
}
