//! Writes a JSON object, and frees its values while it does.

use super::merge::{Members, merge};
use crate::json::{self, Json};
use crate::text::TextBuilder;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A value to be written.
pub(super) enum Value<'a> {
    Json(Cow<'a, str>),
    /// A string, decoded.
    Text(String),
    Object(ObjectWriter<'a>),
    /// An array of at most one object.
    Array(Option<ObjectWriter<'a>>),
}

impl<'a> Value<'a> {
    /// Returns the value of a member that came in parts, followed by text. Returns None if there is neither.
    pub fn continued(key: &str, parts: Option<Vec<Json<'a>>>, text: Option<String>) -> Option<Self> {
        match (parts, text) {
            (None, None) => None,
            (Some(parts), None) => Some(Value::Json(merge(key, &parts))),
            (None, Some(text)) => Some(Value::Text(text)),
            (Some(parts), Some(mut text)) => {
                // Strings are joined; of other values the last one wins, which is the text.
                let before: Option<String> = parts.iter().map(|part| part.string()).collect();
                text.insert_str(0, &before.unwrap_or_default());
                Some(Value::Text(text))
            }
        }
    }

    pub fn write(self, out: &mut TextBuilder) {
        match self {
            Value::Json(json) => out.push_str(&json),
            Value::Text(text) => {
                out.push_str("\"");
                out.push_escaped(text);
                out.push_str("\"");
            }
            Value::Object(object) => object.write(out),
            Value::Array(element) => {
                out.push_str("[");
                element.into_iter().for_each(|element| element.write(out));
                out.push_str("]");
            }
        }
    }
}

/// An object to be written. Its members are in alphabetical order, as the service writes them.
#[derive(Default)]
pub(super) struct ObjectWriter<'a>(BTreeMap<Cow<'a, str>, Value<'a>>);

impl<'a> ObjectWriter<'a> {
    /// Sets a member to a value in JSON.
    pub fn set(&mut self, key: impl Into<Cow<'a, str>>, json: impl Into<Cow<'a, str>>) {
        self.set_value(key, Value::Json(json.into()));
    }

    pub fn set_value(&mut self, key: impl Into<Cow<'a, str>>, value: Value<'a>) {
        self.0.insert(key.into(), value);
    }

    pub fn with(mut self, key: &'a str, value: Value<'a>) -> Self {
        self.set_value(key, value);
        self
    }

    pub fn remove(&mut self, key: &str) {
        self.0.remove(key);
    }

    pub fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes the object. Values are freed as they are written.
    pub fn write(self, out: &mut TextBuilder) {
        out.push_str("{");
        self.write_members(false, out);
        out.push_str("}");
    }

    /// Writes the members, after a comma if there are members before them. Returns whether a member has been written,
    /// one of these or one before.
    pub fn write_members(self, mut has_members: bool, out: &mut TextBuilder) -> bool {
        for (key, value) in self.0 {
            out.push_str(if has_members { "," } else { "" });
            json::quote(out, &key).expect("writing to a TextBuilder cannot fail");
            out.push_str(":");
            value.write(out);
            has_members = true;
        }
        has_members
    }

    /// Removes and returns the members from `key` on, in alphabetical order.
    pub fn split_off(&mut self, key: &str) -> Self {
        ObjectWriter(self.0.split_off(key))
    }
}

/// Merges the values of each member.
impl<'a> From<Members<'a>> for ObjectWriter<'a> {
    fn from(members: Members<'a>) -> Self {
        let merged = members.into_iter().map(|(key, parts)| {
            let json = merge(&key, &parts);
            (key, Value::Json(json))
        });
        ObjectWriter(merged.collect())
    }
}
