//! An object of the portable dialect, whose members are found in one pass: its values can be megabytes long.

use crate::error::{Result, quote};
use crate::json::{Json, Kind, Member, pointer_token};
use crate::request::errors::{invalid, wrong_type};
use std::borrow::Cow;
use std::fmt;

/// A JSON value with its members. A value that is not an object has none.
pub struct Object<'a> {
    json: Json<'a>,
    members: Vec<Member<'a>>,
}

impl<'a> Object<'a> {
    /// Finds the members of a value.
    pub fn of(json: Json<'a>) -> Self {
        Object { json, members: json.members().collect() }
    }

    pub fn json(&self) -> Json<'a> {
        self.json
    }

    pub fn is_object(&self) -> bool {
        self.json.kind() == Kind::Object
    }

    pub fn members(&self) -> &[Member<'a>] {
        &self.members
    }

    /// Returns the value of a member. If a key occurs twice, the last one counts.
    pub fn get(&self, key: &str) -> Option<Json<'a>> {
        self.members.iter().rev().find(|member| member.key.is(key)).map(|member| member.value)
    }

    /// Returns a member that is not null.
    pub fn given(&self, key: &str) -> Option<Json<'a>> {
        self.get(key).filter(|value| value.kind() != Kind::Null)
    }

    /// Returns a member that must be a string. `what` names the object, for errors.
    pub fn text(&self, key: &str, what: &str) -> Result<Cow<'a, str>> {
        let value = self.given(key).ok_or_else(|| invalid(format!("/{key}"), format_args!("{what} needs {key}")))?;
        value.string().ok_or_else(|| wrong_type(key, "a string", value))
    }

    /// Returns a member that must be a string or missing.
    pub fn optional_text(&self, key: &str) -> Result<Option<Cow<'a, str>>> {
        let Some(value) = self.given(key) else { return Ok(None) };
        value.string().map(Some).ok_or_else(|| wrong_type(key, "a string", value))
    }

    /// Checks that all members are known. Null counts as missing. `what` names the object, for errors.
    pub fn check_members(&self, what: impl fmt::Display, known: &[&str]) -> Result<()> {
        let unknown =
            |member: &&Member<'_>| member.value.kind() != Kind::Null && !known.iter().any(|known| member.key.is(known));
        match self.members.iter().find(unknown) {
            None => Ok(()),
            Some(member) => {
                let key = member.key.string().unwrap_or_default();
                let path = format!("/{}", pointer_token(&key));
                Err(invalid(path, format_args!("{what} has no member {}; it has {}", quote(&key), known.join(", "))))
            }
        }
    }
}
