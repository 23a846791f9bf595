//! The first difference between two bodies, byte for byte: the one that ends what a prompt cache can share.
//!
//! The order of members, white space and the notation of values count here. A replay ignores them (`cassette`), because
//! it looks for a request with the same meaning.

use super::zeroized::ZeroizedText;
use crate::json::{self, Json, Kind, Part, Quoted, pointer_token};

/// The first difference between two texts of JSON.
struct Difference<'a> {
    pointer: String,
    /// What each text has there. None if it has no such member or element.
    one: Option<Excerpt<'a>>,
    other: Option<Excerpt<'a>>,
}

/// A part of a text.
struct Excerpt<'a> {
    text: &'a str,
    /// Whether there is more before and after it.
    cut: (bool, bool),
}

/// The most bytes of an excerpt, and how many of them are before the difference.
const EXCERPT: usize = 160;
const BEFORE: usize = 40;

/// Returns the first difference as JSON: `pointer`, `offset`, and `a` and `b` with what each body has there. Returns
/// None if the bodies are equal. Both are valid JSON.
pub fn describe(one: &str, other: &str) -> Option<ZeroizedText> {
    let offset = one.bytes().zip(other.bytes()).position(|(one, other)| one != other);
    let offset = offset.or_else(|| (one.len() != other.len()).then(|| one.len().min(other.len())))?;
    let Difference { pointer, one, other } = find(one, other, offset);
    let mut out = ZeroizedText::with_capacity(pointer.len() + 3 * EXCERPT);
    let head = format_args!("{{\"pointer\":{},\"offset\":{offset}", Quoted(&pointer)).to_string();
    out.push_str(&head);
    for (key, excerpt) in [("a", one), ("b", other)] {
        let Some(Excerpt { text, cut: (before, after) }) = excerpt else { continue };
        let dots = |cut| if cut { "..." } else { "" };
        let text = ZeroizedText::format(text.len() + 6, format_args!("{}{text}{}", dots(before), dots(after)));
        out.push_str(&ZeroizedText::format(text.len() + 16, format_args!(",\"{key}\":{}", Quoted(&text))));
    }
    out.push_str("}");
    Some(out)
}

/// Finds the place of the first difference, which is at `offset` of both texts.
fn find<'a>(one_text: &'a str, other_text: &'a str, offset: usize) -> Difference<'a> {
    // White space, or the order of members: no value of one place is to blame.
    let around = |pointer: String| Difference {
        pointer,
        one: Some(window(one_text, one_text, offset)),
        other: Some(window(other_text, other_text, offset)),
    };
    let value = |text: &'a str, value: Json<'a>| Some(window(text, value.text(), offset));
    let [mut one, mut other] = [one_text, other_text].map(value_of);
    let mut pointer = String::new();
    if begin(one_text, one) != begin(other_text, other) || one.text() == other.text() {
        return around(pointer);
    }
    'inside: loop {
        let same_kind = one.kind() == other.kind();
        if !same_kind || !matches!(one.kind(), Kind::Object | Kind::Array) {
            return Difference { pointer, one: value(one_text, one), other: value(other_text, other) };
        }
        let (mut left, mut right) = (one.parts(), other.parts());
        for index in 0.. {
            let below = |part: &Part<'_>| format!("{pointer}/{}", token(part, index));
            match (left.next(), right.next()) {
                (None, None) => return around(pointer),
                (Some(part), None) => {
                    return Difference { pointer: below(&part), one: value(one_text, part.value), other: None };
                }
                (None, Some(part)) => {
                    return Difference { pointer: below(&part), one: None, other: value(other_text, part.value) };
                }
                (Some(mine), Some(theirs)) if mine.segment == theirs.segment => {}
                (Some(mine), Some(theirs)) => {
                    let keys = (mine.key.and_then(Json::string), theirs.key.and_then(Json::string));
                    if let (Some(my_key), Some(their_key)) = keys
                        && my_key != their_key
                    {
                        let (pointer_to_mine, pointer_to_theirs) = (below(&mine), below(&theirs));
                        return match (other.get(&my_key), one.get(&their_key)) {
                            (None, _) => {
                                Difference { pointer: pointer_to_mine, one: value(one_text, mine.value), other: None }
                            }
                            (_, None) => Difference {
                                pointer: pointer_to_theirs,
                                one: None,
                                other: value(other_text, theirs.value),
                            },
                            _ => around(pointer),
                        };
                    }
                    let heads = [mine, theirs].map(|part| begin(part.segment, part.value));
                    pointer = below(&mine);
                    if heads[0] != heads[1] || mine.value.text() == theirs.value.text() {
                        return around(pointer);
                    }
                    (one, other) = (mine.value, theirs.value);
                    continue 'inside;
                }
            }
        }
    }
}

/// Returns the value of a body, without the white space around it.
fn value_of(body: &str) -> Json<'_> {
    Json::trusted(body.trim_matches([' ', '\t', '\n', '\r']))
}

fn token(part: &Part<'_>, index: usize) -> String {
    match part.key.and_then(Json::string) {
        Some(key) => pointer_token(&key),
        None => index.to_string(),
    }
}

/// Returns the text before a value: white space, and the key.
fn begin<'a>(segment: &'a str, value: Json<'_>) -> &'a str {
    &segment[..json::offset(segment, value.text())]
}

/// Returns the part of `value`, which is in `text`, around the byte at `offset` of the text, or its beginning.
fn window<'a>(text: &str, value: &'a str, offset: usize) -> Excerpt<'a> {
    let start = json::offset(text, value);
    let boundary = |at: usize| (0..=at.min(value.len())).rev().find(|&at| value.is_char_boundary(at)).unwrap_or(0);
    let inside = offset.checked_sub(start).filter(|inside| *inside <= value.len()).unwrap_or(0);
    let first = if value.len() <= EXCERPT { 0 } else { boundary(inside.saturating_sub(BEFORE)) };
    let last = boundary(first + EXCERPT);
    Excerpt { text: &value[first..last], cut: (first > 0, last < value.len()) }
}

/// Compares two texts of JSON, for fuzzing.
#[cfg(any(test, fuzzing))]
pub fn fuzz(one: &str, other: &str) {
    if Json::parse(one).is_err() || Json::parse(other).is_err() {
        return;
    }
    match describe(one, other) {
        None => assert_eq!(one, other),
        Some(text) => {
            let described = Json::parse(&text).expect("JSON");
            let pointer = described.get("pointer").and_then(Json::string).expect("a pointer");
            let found = [one, other].map(|text| value_of(text).pointer(&pointer).is_some());
            assert!(found[0] || found[1], "{pointer}: {one} {other}");
            assert!(described.get("a").is_some() || described.get("b").is_some(), "{one} {other}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(one: &str, other: &str) -> String {
        describe(one, other).map(|text| text.to_string()).unwrap_or_default()
    }

    #[test]
    fn the_first_difference_has_its_pointer_and_what_each_has() {
        for (one, other, expected) in [
            (r#"{"a":1}"#, r#"{"a":1}"#, ""),
            (r#"{"a":1}"#, r#"{"a":2}"#, r#"{"pointer":"/a","offset":5,"a":"1","b":"2"}"#),
            (
                r#"{"a":[1,{"b/c":"x"}]}"#,
                r#"{"a":[1,{"b/c":"xy"}]}"#,
                r#"{"pointer":"/a/1/b~1c","offset":17,"a":"\"x\"","b":"\"xy\""}"#,
            ),
            // The same number and the same string for a reader, but not for a cache.
            (r#"{"a":1}"#, r#"{"a":1.0}"#, r#"{"pointer":"/a","offset":6,"a":"1","b":"1.0"}"#),
            (r#"["A"]"#, r#"["\u0041"]"#, r#"{"pointer":"/0","offset":2,"a":"\"A\"","b":"\"\\u0041\""}"#),
            // Members and elements that one has alone.
            (r#"{"a":1}"#, r#"{"a":1,"b":2}"#, r#"{"pointer":"/b","offset":6,"b":"2"}"#),
            (r#"{"a":1,"b":2}"#, r#"{"b":2}"#, r#"{"pointer":"/a","offset":2,"a":"1"}"#),
            (r#"{"b":2}"#, r#"{"a":1,"b":2}"#, r#"{"pointer":"/a","offset":2,"b":"1"}"#),
            ("[1,2]", "[1]", r#"{"pointer":"/1","offset":2,"a":"2"}"#),
            ("[1]", "{}", r#"{"pointer":"","offset":0,"a":"[1]","b":"{}"}"#),
            // The order of members.
            (
                r#"{"x":{"a":1,"b":2}}"#,
                r#"{"x":{"b":2,"a":1}}"#,
                r#"{"pointer":"/x","offset":7,"a":"{\"x\":{\"a\":1,\"b\":2}}","b":"{\"x\":{\"b\":2,\"a\":1}}"}"#,
            ),
            // White space.
            (
                r#"{"a": 1,"b":2}"#,
                r#"{"a":1,"b":3}"#,
                r#"{"pointer":"/a","offset":5,"a":"{\"a\": 1,\"b\":2}","b":"{\"a\":1,\"b\":3}"}"#,
            ),
            (r#"{"a": 1}"#, r#"{"a":2}"#, r#"{"pointer":"/a","offset":5,"a":"{\"a\": 1}","b":"{\"a\":2}"}"#),
            ("[1 ]", "[1]", r#"{"pointer":"/0","offset":2,"a":"[1 ]","b":"[1]"}"#),
            ("[ ]", "[]", r#"{"pointer":"","offset":1,"a":"[ ]","b":"[]"}"#),
            (" []", "[]", r#"{"pointer":"","offset":0,"a":" []","b":"[]"}"#),
            ("[] ", "[]\n", r#"{"pointer":"","offset":2,"a":"[] ","b":"[]\n"}"#),
            ("{\"a\":1}  ", "{\"a\":2}\n", r#"{"pointer":"/a","offset":5,"a":"1","b":"2"}"#),
        ] {
            assert_eq!(described(one, other), expected, "{one} {other}");
            fuzz(one, other);
        }
    }

    #[test]
    fn a_long_value_is_shown_around_the_difference() {
        let text = |word: &str| format!("[\"{}{word}{}\"]", "é".repeat(300), "z".repeat(300));
        let described = described(&text("one"), &text("two"));
        let described = Json::parse(&described).unwrap();
        for (key, word) in [("a", "one"), ("b", "two")] {
            let excerpt = described.get(key).and_then(Json::string).unwrap();
            assert!(excerpt.starts_with("...éé") && excerpt.ends_with("zz..."), "{excerpt}");
            assert!(excerpt.contains(word) && excerpt.len() <= EXCERPT + 6, "{excerpt}");
        }
    }

    #[test]
    fn the_deepest_nesting_is_compared() {
        let deep = |inside: &str| format!("{}{inside}{}", "[".repeat(511), "]".repeat(511));
        assert!(described(&deep("1"), &deep("2")).contains(&format!("{:?}", "/0".repeat(511))));
    }
}
