//! Where two JSON values say different things. The order of keys, white space and the way in which a number or a string is
//! written say nothing; nor does a job's token.

use super::meaning::{TOKEN, decimal};
use crate::json::{Json, Kind, pointer_token};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// How two values differ.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference {
    /// A JSON pointer to the first of all that is not the same, in the order in which the first value is written.
    pub first: String,
    /// How much is not the same, as far as it was counted.
    pub count: usize,
}

/// Two values that are to be compared.
struct Pair<'a> {
    /// How many arrays and objects stand around them.
    depth: usize,
    /// What leads to them in the innermost.
    token: Option<Token<'a>>,
    one: Option<Json<'a>>,
    other: Option<Json<'a>>,
}

enum Token<'a> {
    Index(usize),
    Key(Cow<'a, str>),
}

/// How two values differ; none where they say the same. Stops at the `most`th thing that is not the same.
pub fn difference<'a>(one: Json<'a>, other: Json<'a>, most: usize) -> Option<Difference> {
    let mut found: Option<Difference> = None;
    // What leads to the pair at hand.
    let mut path: Vec<Token<'a>> = Vec::new();
    // What is still to be compared, the next one last: nothing here recurses, however deep a request nests.
    let mut open = vec![Pair { depth: 0, token: None, one: Some(one), other: Some(other) }];
    while let Some(Pair { depth, token, one, other }) = open.pop() {
        path.truncate(depth.saturating_sub(1));
        path.extend(token);
        let before = open.len();
        let below = |token, one, other| Pair { depth: depth + 1, token: Some(token), one, other };
        let kinds = (one.map(Json::kind), other.map(Json::kind));
        let same = match (one, other) {
            (Some(one), Some(other)) if kinds == (Some(Kind::Object), Some(Kind::Object)) => {
                let (mut own, mut others) = (members(one), members(other));
                if depth == 0 {
                    own.remove(TOKEN);
                    others.remove(TOKEN);
                }
                for member in one.members() {
                    let key = member.key.string().unwrap_or_default();
                    // Where a key stands twice, it is compared where it stands first.
                    let Some(value) = own.remove(&key) else { continue };
                    let theirs = others.remove(&key);
                    open.push(below(Token::Key(key), Some(value), theirs));
                }
                open.extend(others.into_iter().map(|(key, value)| below(Token::Key(key), None, Some(value))));
                true
            }
            (Some(one), Some(other)) if kinds == (Some(Kind::Array), Some(Kind::Array)) => {
                let (mut own, mut others) = (one.elements(), other.elements());
                for index in 0.. {
                    let (one, other) = (own.next(), others.next());
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
            if difference.count >= most {
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

/// Whether two values, not both objects or both arrays, say the same.
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

    fn differ(one: &str, other: &str, most: usize) -> Option<(String, usize)> {
        let [one, other] = [one, other].map(|text| Json::parse(text).expect("JSON"));
        difference(one, other, most).map(|difference| (difference.first, difference.count))
    }

    #[test]
    fn what_differs_first_is_named_in_the_order_of_the_first_and_the_rest_is_counted() {
        let (one, other) = (r#"{"z":[1,{"a/b":"x"}],"y":1,"x":{}}"#, r#"{"x":[],"z":[1,{"a/b":"y"},3],"w":0}"#);
        assert_eq!(differ(one, other, usize::MAX), Some(("/z/1/a~1b".to_owned(), 5)));
        assert_eq!(differ(one, other, 2), Some(("/z/1/a~1b".to_owned(), 2)));
        assert_eq!(differ(r#"{"y":1}"#, r#"{"y":1,"w":0}"#, 9), Some(("/w".to_owned(), 1)));
        assert_eq!(differ(r#"[[[1]],[2]]"#, r#"[[[1]],[3]]"#, 9), Some(("/1/0".to_owned(), 1)));
        // Numbers that a double cannot tell apart.
        assert_eq!(differ("[18446744073709551617]", "[18446744073709551618]", 9), Some(("/0".to_owned(), 1)));
        assert_eq!(differ("1", "\"1\"", 9), Some((String::new(), 1)));
    }

    #[test]
    fn the_deepest_nesting_is_compared() {
        let deep = |inside: &str| format!("{}{inside}{}", "[".repeat(511), "]".repeat(511));
        assert_eq!(differ(&deep("1"), &deep("2"), 9), Some(("/0".repeat(511), 1)));
    }
}
