//! The difference between two JSON values. The order of keys, white space, the notation of numbers and strings, and a
//! job's token are ignored.

use super::json_digest::{TOKEN, decimal};
use crate::json::{Json, Kind, pointer_token};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The difference between two values.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    /// A JSON pointer to the first difference, in the order of the first value.
    pub first: String,
    /// The number of differences, as far as they were counted.
    pub count: usize,
}

/// Two values to compare.
struct Pair<'a> {
    /// The number of arrays and objects around them.
    depth: usize,
    /// Their key or index in the innermost.
    token: Option<Token<'a>>,
    one: Option<Json<'a>>,
    other: Option<Json<'a>>,
}

enum Token<'a> {
    Index(usize),
    Key(Cow<'a, str>),
}

/// Returns the difference between two values, and None if they are equal. Stops after `max_count` differences.
pub fn difference<'a>(one: Json<'a>, other: Json<'a>, max_count: usize) -> Option<Difference> {
    let mut found: Option<Difference> = None;
    // The path to the current pair.
    let mut path: Vec<Token<'a>> = Vec::new();
    // The pairs to compare, the next one last. A recursion could exhaust the stack.
    let mut open = vec![Pair { depth: 0, token: None, one: Some(one), other: Some(other) }];
    while let Some(Pair { depth, token, one, other }) = open.pop() {
        path.truncate(depth.saturating_sub(1));
        path.extend(token);
        let before = open.len();
        let below = |token, one, other| Pair { depth: depth + 1, token: Some(token), one, other };
        let kinds = (one.map(Json::kind), other.map(Json::kind));
        let same = match (one, other) {
            (Some(one), Some(other)) if kinds == (Some(Kind::Object), Some(Kind::Object)) => {
                let (mut left, mut right) = (members(one), members(other));
                if depth == 0 {
                    left.remove(TOKEN);
                    right.remove(TOKEN);
                }
                for member in one.members() {
                    let key = member.key.string().unwrap_or_default();
                    // A duplicate key is compared where it occurs first.
                    let Some(value) = left.remove(&key) else { continue };
                    let other = right.remove(&key);
                    open.push(below(Token::Key(key), Some(value), other));
                }
                open.extend(right.into_iter().map(|(key, value)| below(Token::Key(key), None, Some(value))));
                true
            }
            (Some(one), Some(other)) if kinds == (Some(Kind::Array), Some(Kind::Array)) => {
                let (mut left, mut right) = (one.elements(), other.elements());
                for index in 0.. {
                    let (one, other) = (left.next(), right.next());
                    if (one, other) == (None, None) {
                        break;
                    }
                    open.push(below(Token::Index(index), one, other));
                }
                true
            }
            (Some(one), Some(other)) => same(one, other),
            _ => false,
        };
        open[before..].reverse();
        if !same {
            let difference = found.get_or_insert_with(|| Difference { first: pointer(&path), count: 0 });
            difference.count += 1;
            if difference.count >= max_count {
                break;
            }
        }
    }
    found
}

fn pointer(path: &[Token<'_>]) -> String {
    let token = |token: &Token<'_>| match token {
        Token::Index(index) => format!("/{index}"),
        Token::Key(key) => format!("/{}", pointer_token(key)),
    };
    path.iter().map(token).collect()
}

fn members<'a>(object: Json<'a>) -> BTreeMap<Cow<'a, str>, Json<'a>> {
    object.members().map(|member| (member.key.string().unwrap_or_default(), member.value)).collect()
}

/// Returns whether two values, not both objects or both arrays, are equal.
fn same(one: Json<'_>, other: Json<'_>) -> bool {
    one == other
        || match (one.kind(), other.kind()) {
            (Kind::String, Kind::String) => one.string() == other.string(),
            (Kind::Number, Kind::Number) => {
                matches!((decimal(one.text()), decimal(other.text())), (Some(one), Some(other)) if one == other)
            }
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differ(one: &str, other: &str, max_count: usize) -> Option<(String, usize)> {
        let [one, other] = [one, other].map(|text| Json::parse(text).expect("JSON"));
        difference(one, other, max_count).map(|difference| (difference.first, difference.count))
    }

    #[test]
    fn the_first_difference_is_named_in_the_order_of_the_first_value_and_all_are_counted() {
        let (one, other) = (r#"{"z":[1,{"a/b":"x"}],"y":1,"x":{}}"#, r#"{"x":[],"z":[1,{"a/b":"y"},3],"w":0}"#);
        assert_eq!(differ(one, other, usize::MAX), Some(("/z/1/a~1b".to_owned(), 5)));
        assert_eq!(differ(one, other, 2), Some(("/z/1/a~1b".to_owned(), 2)));
        assert_eq!(differ(r#"{"y":1}"#, r#"{"y":1,"w":0}"#, 9), Some(("/w".to_owned(), 1)));
        assert_eq!(differ(r#"[[[1]],[2]]"#, r#"[[[1]],[3]]"#, 9), Some(("/1/0".to_owned(), 1)));
        // Numbers that are equal as doubles.
        assert_eq!(differ("[18446744073709551617]", "[18446744073709551618]", 9), Some(("/0".to_owned(), 1)));
        assert_eq!(differ("1", "\"1\"", 9), Some((String::new(), 1)));
    }

    #[test]
    fn the_deepest_nesting_is_compared() {
        let deep = |inside: &str| format!("{}{inside}{}", "[".repeat(511), "]".repeat(511));
        assert_eq!(differ(&deep("1"), &deep("2"), 9), Some(("/0".repeat(511), 1)));
    }
}
