//! Objects from parts.
//!
//! A stream hands out an object in parts that continue each other. Brought together key by key they are the whole again, and
//! whatever came in one piece stays as it was written.

use crate::json::{Json, Kind, quoted};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

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

/// The JSON of a member whose value came in parts: strings join, arrays append, objects merge, of anything else the last counts.
pub(super) fn merge<'a>(key: &str, parts: &[Json<'a>]) -> Cow<'a, str> {
    merge_within(MAX_LEVELS, key, parts)
}

/// Objects nested deeper than any of the service's are not merged, so that the stack need not be as deep as hostile JSON.
const MAX_LEVELS: usize = 16;

fn merge_within<'a>(levels: usize, key: &str, parts: &[Json<'a>]) -> Cow<'a, str> {
    let all = |kind| parts.iter().all(|part| part.kind() == kind);
    match parts {
        [] => "null".into(),
        [whole] => whole.text().into(),
        _ if all(Kind::String) => join(key, parts).into(),
        _ if all(Kind::Array) => array(parts.iter().flat_map(|part| part.elements()).map(Json::text)).into(),
        _ if all(Kind::Object) && levels > 0 => whole(levels - 1, gather(parts.iter().copied())).to_string().into(),
        [.., last] => last.text().into(),
    }
}

fn whole(levels: usize, members: Members<'_>) -> Object<'_> {
    let mut object = Object::default();
    for (key, parts) in members {
        let json = merge_within(levels, &key, &parts);
        object.set(key, json);
    }
    object
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

/// An object being written. Its members stand in alphabetical order, as the service writes them.
#[derive(Default)]
pub(super) struct Object<'a>(BTreeMap<Cow<'a, str>, Cow<'a, str>>);

impl<'a> Object<'a> {
    /// Sets a member to a value, which is JSON.
    pub fn set(&mut self, key: impl Into<Cow<'a, str>>, json: impl Into<Cow<'a, str>>) {
        self.0.insert(key.into(), json.into());
    }

    pub fn with(mut self, key: &'a str, json: impl Into<Cow<'a, str>>) -> Self {
        self.set(key, json);
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
}

/// Makes every member whole.
impl<'a> From<Members<'a>> for Object<'a> {
    fn from(members: Members<'a>) -> Self {
        whole(MAX_LEVELS, members)
    }
}

impl fmt::Display for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, (key, json)) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            crate::json::quote(f, key)?;
            write!(f, ":{json}")?;
        }
        f.write_str("}")
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
