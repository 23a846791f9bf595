//! An object whose members were found in one pass: what it holds may be megabytes long.

use crate::error::{Result, quote};
use crate::json::{self, Json, Kind, Member, pointer_token};
use crate::request::dialect::{mistyped, refuse};
use std::borrow::Cow;
use std::fmt;

pub struct Object<'a> {
    json: Json<'a>,
    /// Of a value that is no object there are none.
    members: Vec<Member<'a>>,
}

impl<'a> Object<'a> {
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

    pub fn get(&self, key: &str) -> Option<Json<'a>> {
        self.members.iter().rev().find(|member| member.key.is(key)).map(|member| member.value)
    }

    /// A member that is there and not null.
    pub fn given(&self, key: &str) -> Option<Json<'a>> {
        self.get(key).filter(|value| value.kind() != Kind::Null)
    }

    /// A string that has to be there.
    pub fn text(&self, key: &str, what: &str) -> Result<Cow<'a, str>> {
        let value = self.given(key).ok_or_else(|| refuse(format!("/{key}"), format_args!("{what} needs {key}")))?;
        value.string().ok_or_else(|| mistyped(key, "a string", value))
    }

    /// A string that may be there.
    pub fn optional_text(&self, key: &str) -> Result<Option<Cow<'a, str>>> {
        let Some(value) = self.given(key) else { return Ok(None) };
        value.string().map(Some).ok_or_else(|| mistyped(key, "a string", value))
    }

    /// That the object, which is `what`, has no members but those known. Null is as good as nothing.
    pub fn only(&self, what: impl fmt::Display, known: &[&str]) -> Result<()> {
        let unknown = |member: &&json::Member<'_>| {
            member.value.kind() != Kind::Null && !known.iter().any(|known| member.key.is(known))
        };
        match self.members.iter().find(unknown) {
            None => Ok(()),
            Some(member) => {
                let key = member.key.string().unwrap_or_default();
                let path = format!("/{}", pointer_token(&key));
                Err(refuse(path, format_args!("{what} has no member {}; it has {}", quote(&key), known.join(", "))))
            }
        }
    }
}
