//! Merges the parts of an object that a stream sends in several events.
//!
//! Parts are merged key by key. A value that came in one event stays as it was written.

use crate::json::{self, Json, Kind, quoted};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The members of several objects: by key, the values of all objects in their order.
pub(super) type Members<'a> = BTreeMap<Cow<'a, str>, Vec<Json<'a>>>;

/// Returns the members of several objects.
pub(super) fn members_of_all<'a>(objects: impl IntoIterator<Item = Json<'a>>) -> Members<'a> {
    let mut gathered = Members::new();
    for member in objects.into_iter().flat_map(Json::members) {
        if let Some(key) = member.key.string() {
            gathered.entry(key).or_default().push(member.value);
        }
    }
    gathered
}

/// The number of levels that are merged, more than the service has. Each level reads the levels below it once more.
const MAX_LEVELS: usize = 16;

/// Returns the JSON of a member whose value came in parts: strings and arrays are joined, objects merged; of other
/// values the last one wins. It does not recurse, because hostile JSON can be nested deeply.
pub(super) fn merge<'a>(key: &str, parts: &[Json<'a>]) -> Cow<'a, str> {
    if !are_objects(parts) {
        return merge_flat(key, parts);
    }
    let mut out = String::from("{");
    let mut open = vec![members_of_all(parts.iter().copied()).into_iter()];
    while let Some(innermost) = open.last_mut() {
        let Some((key, parts)) = innermost.next() else {
            out.push('}');
            open.pop();
            continue;
        };
        // No value ends with an opening brace.
        let comma = if out.ends_with('{') { "" } else { "," };
        out.push_str(comma);
        json::quote(&mut out, &key).expect("writing to a String cannot fail");
        out.push(':');
        if are_objects(&parts) && open.len() < MAX_LEVELS {
            out.push('{');
            open.push(members_of_all(parts.iter().copied()).into_iter());
        } else {
            out.push_str(&merge_flat(&key, &parts));
        }
    }
    out.into()
}

/// Returns whether there are several parts, and all are objects.
fn are_objects(parts: &[Json<'_>]) -> bool {
    parts.len() > 1 && parts.iter().all(|part| part.kind() == Kind::Object)
}

/// Does the same as [`merge`] for parts that are not merged member by member.
fn merge_flat<'a>(key: &str, parts: &[Json<'a>]) -> Cow<'a, str> {
    let all = |kind| parts.iter().all(|part| part.kind() == kind);
    match parts {
        [] => "null".into(),
        [only] => only.text().into(),
        _ if all(Kind::String) => join(key, parts).into(),
        _ if all(Kind::Array) => array(parts.iter().flat_map(|part| part.elements()).map(Json::text)).into(),
        [.., last] => last.text().into(),
    }
}

fn join(key: &str, parts: &[Json<'_>]) -> String {
    let texts: Vec<_> = parts.iter().filter_map(|part| part.string()).collect();
    // Each part of a blob has its own base64 padding, so the parts are joined as bytes.
    let blob = if is_blob(key) { join_base64(&texts) } else { None };
    quoted(&blob.unwrap_or_else(|| texts.concat()))
}

/// Returns whether a member of Converse is a blob in base64.
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

/// Returns the JSON of an array.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(key: &str, parts: &[&str]) -> String {
        let parts: Vec<_> = parts.iter().map(|part| Json::parse(part).unwrap()).collect();
        merge(key, &parts).into_owned()
    }

    #[test]
    fn parts_are_merged_by_their_kind() {
        assert_eq!(merged("x", &[r#""a\"""#, r#""\u00e9""#]), r#""a\"é""#);
        assert_eq!(merged("x", &["[1, 2]", "[]", "[{\"a\": 1.50}]"]), r#"[1,2,{"a": 1.50}]"#);
        assert_eq!(merged("x", &[r#"{"b":1,"a":"x"}"#, r#"{"a":"y","c":{}}"#]), r#"{"a":"xy","b":1,"c":{}}"#);
        assert_eq!(merged("x", &["1", "2.0"]), "2.0");
        assert_eq!(merged("x", &["null", "\"a\""]), "\"a\"");
        let deep = format!("{}1{}", "{\"a\":".repeat(500), "}".repeat(500));
        assert_eq!(merged("x", &[&deep, &deep]), deep);
    }

    #[test]
    fn a_value_that_came_in_one_part_stays_as_it_was_written() {
        let json = r#"{ "b" : 1e400, "a" : "\u0041" }"#;
        assert_eq!(merged("x", &[json]), json);
    }

    #[test]
    fn blobs_are_joined_as_bytes() {
        assert_eq!(merged("bytes", &["\"YQ==\"", "\"YmM=\"", "\"ZA\""]), "\"YWJjZA==\"");
        assert_eq!(merged("redactedContent", &["\"YQ==\"", "\"not base64!\""]), "\"YQ==not base64!\"");
        assert_eq!(merged("text", &["\"YQ==\"", "\"YmM=\""]), "\"YQ==YmM=\"");
    }
}
