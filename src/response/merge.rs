//! Objects from parts.
//!
//! A stream hands out an object in parts that continue each other. Brought together key by key they are the whole again, and
//! whatever came in one piece stays as it was written.

use crate::json::{self, Json, Kind, quoted};
use crate::text::TextBuilder;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The members of several objects: by key, with every object's value in the order of the objects.
pub(super) type Members<'a> = BTreeMap<Cow<'a, str>, Vec<Json<'a>>>;

pub(super) fn gather<'a>(objects: impl IntoIterator<Item = Json<'a>>) -> Members<'a> {
    let mut gathered = Members::new();
    for member in objects.into_iter().flat_map(Json::members) {
        if let Some(key) = member.key.string() {
            gathered.entry(key).or_default().push(member.value);
        }
    }
    gathered
}

/// Objects nested deeper than any of the service's are not merged: each level reads what is below it once more.
const MAX_LEVELS: usize = 16;

/// The JSON of a member whose value came in parts: strings join, arrays append, objects merge, of anything else the last counts.
/// The stack it takes does not depend on how deep hostile JSON nests.
pub(super) fn merge<'a>(key: &str, parts: &[Json<'a>]) -> Cow<'a, str> {
    if !are_objects(parts) {
        return merge_flat(key, parts);
    }
    let mut out = String::from("{");
    let mut open = vec![gather(parts.iter().copied()).into_iter()];
    while let Some(innermost) = open.last_mut() {
        let Some((key, parts)) = innermost.next() else {
            out.push('}');
            open.pop();
            continue;
        };
        // No value ends with a brace that opens.
        let comma = if out.ends_with('{') { "" } else { "," };
        out.push_str(comma);
        json::quote(&mut out, &key).expect("a String takes all");
        out.push(':');
        if are_objects(&parts) && open.len() < MAX_LEVELS {
            out.push('{');
            open.push(gather(parts.iter().copied()).into_iter());
        } else {
            out.push_str(&merge_flat(&key, &parts));
        }
    }
    out.into()
}

/// Whether these are several objects, which merge.
fn are_objects(parts: &[Json<'_>]) -> bool {
    parts.len() > 1 && parts.iter().all(|part| part.kind() == Kind::Object)
}

/// As [`merge`], of parts that are not merged member by member.
fn merge_flat<'a>(key: &str, parts: &[Json<'a>]) -> Cow<'a, str> {
    let all = |kind| parts.iter().all(|part| part.kind() == kind);
    match parts {
        [] => "null".into(),
        [whole] => whole.text().into(),
        _ if all(Kind::String) => join(key, parts).into(),
        _ if all(Kind::Array) => array(parts.iter().flat_map(|part| part.elements()).map(Json::text)).into(),
        [.., last] => last.text().into(),
    }
}

fn join(key: &str, parts: &[Json<'_>]) -> String {
    let texts: Vec<_> = parts.iter().filter_map(|part| part.string()).collect();
    // Each part of a blob is padded base64 of its own: they join as bytes, not as text.
    let blob = if is_blob(key) { join_base64(&texts) } else { None };
    quoted(&blob.unwrap_or_else(|| texts.concat()))
}

/// Converse's blobs: the bytes of images and the like, and encrypted reasoning.
fn is_blob(key: &str) -> bool {
    matches!(key, "bytes" | "redactedContent")
}

fn join_base64(texts: &[Cow<'_, str>]) -> Option<String> {
    let mut bytes = Vec::new();
    for text in texts {
        bytes.extend(base64_simd::forgiving_decode_to_vec(text.as_bytes()).ok()?);
    }
    Some(base64_simd::STANDARD.encode_to_string(bytes))
}

/// The JSON of an array of these elements.
pub(super) fn array(elements: impl IntoIterator<Item: AsRef<str>>) -> String {
    let mut out = String::from("[");
    for element in elements {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(element.as_ref());
    }
    out.push(']');
    out
}

/// A value that is about to be written, once.
pub(super) enum Value<'a> {
    Json(Cow<'a, str>),
    /// The text of a string.
    Text(String),
    Object(Object<'a>),
    Array(Option<Object<'a>>),
}

impl<'a> Value<'a> {
    /// The value of a member that came in parts, and goes on as text. None where nothing came.
    pub fn continued(key: &str, parts: Option<Vec<Json<'a>>>, text: Option<String>) -> Option<Self> {
        match (parts, text) {
            (None, None) => None,
            (Some(parts), None) => Some(Value::Json(merge(key, &parts))),
            (None, Some(text)) => Some(Value::Text(text)),
            (Some(parts), Some(mut text)) => {
                // Strings join; of anything else the last counts, which is the text.
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

/// An object being written. Its members stand in alphabetical order, as the service writes them.
#[derive(Default)]
pub(super) struct Object<'a>(BTreeMap<Cow<'a, str>, Value<'a>>);

impl<'a> Object<'a> {
    /// Sets a member to a value, which is JSON.
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

    /// Writes the object. What is written is freed.
    pub fn write(self, out: &mut TextBuilder) {
        out.push_str("{");
        self.write_members(false, out);
        out.push_str("}");
    }

    /// Writes the members, with a comma before the first where others stand before it. Whether others do then.
    pub fn write_members(self, mut after_others: bool, out: &mut TextBuilder) -> bool {
        for (key, value) in self.0 {
            out.push_str(if after_others { "," } else { "" });
            json::quote(out, &key).expect("a text takes all");
            out.push_str(":");
            value.write(out);
            after_others = true;
        }
        after_others
    }

    /// The members whose keys do not stand before `key`, which leaves the others.
    pub fn split_off(&mut self, key: &str) -> Self {
        Object(self.0.split_off(key))
    }
}

/// Makes every member whole.
impl<'a> From<Members<'a>> for Object<'a> {
    fn from(members: Members<'a>) -> Self {
        let whole = members.into_iter().map(|(key, parts)| {
            let json = merge(&key, &parts);
            (key, Value::Json(json))
        });
        Object(whole.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(key: &str, parts: &[&str]) -> String {
        let parts: Vec<_> = parts.iter().map(|part| Json::parse(part).unwrap()).collect();
        merge(key, &parts).into_owned()
    }

    #[test]
    fn parts_continue_each_other_by_their_kind() {
        assert_eq!(merged("x", &[r#""a\"""#, r#""\u00e9""#]), r#""a\"é""#);
        assert_eq!(merged("x", &["[1, 2]", "[]", "[{\"a\": 1.50}]"]), r#"[1,2,{"a": 1.50}]"#);
        assert_eq!(merged("x", &[r#"{"b":1,"a":"x"}"#, r#"{"a":"y","c":{}}"#]), r#"{"a":"xy","b":1,"c":{}}"#);
        assert_eq!(merged("x", &["1", "2.0"]), "2.0");
        assert_eq!(merged("x", &["null", "\"a\""]), "\"a\"");
        let deep = format!("{}1{}", "{\"a\":".repeat(500), "}".repeat(500));
        assert_eq!(merged("x", &[&deep, &deep]), deep);
    }

    #[test]
    fn what_came_in_one_piece_stays_as_it_was_written() {
        let whole = r#"{ "b" : 1e400, "a" : "\u0041" }"#;
        assert_eq!(merged("x", &[whole]), whole);
    }

    #[test]
    fn blobs_join_as_bytes() {
        assert_eq!(merged("bytes", &["\"YQ==\"", "\"YmM=\"", "\"ZA\""]), "\"YWJjZA==\"");
        assert_eq!(merged("redactedContent", &["\"YQ==\"", "\"not base64!\""]), "\"YQ==not base64!\"");
        assert_eq!(merged("text", &["\"YQ==\"", "\"YmM=\""]), "\"YQ==YmM=\"");
    }
}
