//! A value of the config with its name and its JSON pointer, which every error about it quotes.

use super::duration;
use super::nearest::{nearest, unknown_name};
use super::secret::Secret;
use super::size;
use crate::error::{Error, Kind, QUOTE, Result, quote};
use crate::json::{Json, Kind as JsonKind, OwnedJson, pointer_token};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

/// A value of the config.
pub(super) struct Value<'a> {
    pub(super) json: Json<'a>,
    /// The key of the value.
    pub(super) key: Cow<'a, str>,
    /// The key as messages name it: `timeouts.idle`.
    name: String,
    /// The JSON pointer to the value.
    pub(super) path: String,
    /// What it is a part of: the config, or the options of a run.
    pub(super) part_of: &'static str,
}

/// The name of the config in messages.
const CONFIG: &str = "config";

impl<'a> Value<'a> {
    /// Returns the config itself, which has no name.
    pub(super) fn root(json: Json<'a>) -> Self {
        Value::root_of(CONFIG, json)
    }

    /// Returns another object with keys, which messages call `part_of`.
    pub(super) fn root_of(part_of: &'static str, json: Json<'a>) -> Self {
        Value { json, key: Cow::Borrowed(""), name: String::new(), path: String::new(), part_of }
    }

    pub(super) fn new(key: &'a str, json: Json<'a>, path: &str) -> Self {
        Value { json, key: Cow::Borrowed(key), name: key.to_owned(), path: path.to_owned(), part_of: CONFIG }
    }

    /// Returns an error whose message is the name and `reason`, as in `"timeout" is longer than 24h`.
    pub(super) fn error(&self, reason: impl fmt::Display) -> Error {
        Error::new(Kind::Config, format_args!("{}: {} {reason}", self.part_of, quote(&self.name)))
            .at(self.path.as_str())
    }

    /// Returns the error for an unknown key. It suggests the nearest name in `known`.
    pub(super) fn unknown(&self, known: impl Iterator<Item = &'static str> + Clone) -> Error {
        match nearest(&self.key, known.clone()) {
            Some(near) => self.error(unknown_name("key", quote(near))),
            None => self.error(format_args!("is not a known key; known are {}", known.collect::<Vec<_>>().join(", "))),
        }
    }

    /// Returns the members of an object, none of which is given twice.
    pub(super) fn members(&self) -> Result<Vec<Value<'a>>> {
        self.expect(JsonKind::Object)?;
        let mut seen = HashSet::new();
        let mut members = Vec::new();
        for member in self.json.members() {
            let key = member.key.string().unwrap_or_default();
            let name = match self.name.as_str() {
                "" | "options" => key.to_string(),
                parent => format!("{parent}.{key}"),
            };
            let path = format!("{}/{}", self.path, pointer_token(&key));
            let member = Value { json: member.value, key, name, path, part_of: self.part_of };
            if !seen.insert(member.key.clone()) {
                return Err(member.error("is given twice: remove one"));
            }
            members.push(member);
        }
        Ok(members)
    }

    /// Returns the key as messages name it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns an error if a member has a key that is not in `known`.
    pub(super) fn expect_members(&self, members: &[Value<'a>], known: &[&'static str]) -> Result<()> {
        match members.iter().find(|member| !known.contains(&&*member.key)) {
            Some(unknown) => Err(unknown.unknown(known.iter().copied())),
            None => Ok(()),
        }
    }

    /// Returns the elements of an array.
    pub(super) fn elements(&self) -> Result<Vec<Value<'a>>> {
        self.expect(JsonKind::Array)?;
        let element = |(index, json): (usize, Json<'a>)| {
            let (name, path) = (format!("{}.{index}", self.name), format!("{}/{index}", self.path));
            Value { json, key: Cow::Owned(index.to_string()), name, path, part_of: self.part_of }
        };
        Ok(self.json.elements().enumerate().map(element).collect())
    }

    /// Returns an object.
    pub(super) fn object(&self) -> Result<OwnedJson> {
        self.expect(JsonKind::Object)?;
        Ok(OwnedJson::from(self.json))
    }

    /// Returns a string.
    pub(super) fn string(&self) -> Result<String> {
        self.json.string().map(|text| text.into_owned()).ok_or_else(|| self.wrong_kind("a string"))
    }

    /// Returns a string that is not empty.
    pub(super) fn text(&self) -> Result<String> {
        match self.json.string() {
            Some(text) if text.is_empty() => Err(self.error("is empty: omit the key")),
            Some(text) => Ok(text.into_owned()),
            None => Err(self.wrong_kind("a string")),
        }
    }

    /// Returns a string that passes `check`, whose error is the reason of the message.
    pub(super) fn checked(&self, check: fn(&str) -> std::result::Result<(), String>) -> Result<String> {
        let text = self.text()?;
        check(&text).map_err(|reason| self.error(reason))?;
        Ok(text)
    }

    /// Returns a secret that passes `check`.
    pub(super) fn secret(&self, check: fn(&str) -> std::result::Result<(), String>) -> Result<Secret> {
        let text = Secret::new(self.text()?);
        check(&text).map_err(|reason| self.error(reason))?;
        Ok(text)
    }

    /// Returns the choice that a word stands for.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&'static str, T)]) -> Result<T> {
        let text = self.text()?;
        choices.iter().find(|(word, _)| *word == text).map(|&(_, choice)| choice).ok_or_else(|| {
            let words: Vec<_> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            self.error(format_args!("must be {}, not {}", words.join(" or "), quote(&text)))
        })
    }

    /// Returns a boolean.
    pub(super) fn bool(&self) -> Result<bool> {
        self.json.bool().ok_or_else(|| self.wrong_kind("a boolean"))
    }

    /// Returns a whole number that is at least 1.
    pub(super) fn count(&self) -> Result<u32> {
        self.whole(1)
    }

    /// Returns a whole number that is at least `least`.
    pub(super) fn whole(&self, least: u32) -> Result<u32> {
        self.expect(JsonKind::Number)?;
        let number = self.json.i64().and_then(|number| u32::try_from(number).ok()).filter(|&number| number >= least);
        number.ok_or_else(|| {
            let text = self.json.text();
            let text = if text.len() <= QUOTE { text } else { "a number this long" };
            self.error(format_args!("must be a whole number from {least} to {}, not {text}", u32::MAX))
        })
    }

    /// Returns a duration.
    pub(super) fn duration(&self) -> Result<Duration> {
        duration::parse(self.json).map_err(|reason| self.error(reason))
    }

    /// Returns a number of bytes.
    pub(super) fn size(&self) -> Result<u64> {
        size::parse(self.json).map_err(|reason| self.error(reason))
    }

    fn expect(&self, kind: JsonKind) -> Result<()> {
        if self.json.kind() == kind { Ok(()) } else { Err(self.wrong_kind(kind)) }
    }

    fn wrong_kind(&self, expected: impl fmt::Display) -> Error {
        let found = self.json.kind();
        let hint = if found == JsonKind::Null { ": omit the key" } else { "" };
        self.error(format_args!("must be {expected}, not {found}{hint}"))
    }
}
