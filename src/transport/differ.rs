//! Where two JSON values say different things. The order of keys, white space and the way in which a number or a string is
//! written say nothing.

use crate::json::{Json, Kind, pointer_token};
use std::collections::BTreeMap;

/// JSON pointers to all that is not the same, in the order in which `one` is written.
pub fn differences(one: Json<'_>, other: Json<'_>) -> Vec<String> {
    let mut found = Vec::new();
    // What is still to be compared, the next one last: nothing here recurses, however deep a request nests.
    let mut open = vec![(String::new(), Some(one), Some(other))];
    while let Some((pointer, one, other)) = open.pop() {
        let (Some(one), Some(other)) = (one, other) else {
            found.push(pointer);
            continue;
        };
        let before = open.len();
        match (one.kind(), other.kind()) {
            (Kind::Object, Kind::Object) => {
                let mut others = members(other);
                let mut own = members(one);
                for member in one.members() {
                    let key = member.key.string().unwrap_or_default();
                    // Where a key stands twice, it is compared where it stands first.
                    let Some(value) = own.remove(&*key) else { continue };
                    open.push((format!("{pointer}/{}", pointer_token(&key)), Some(value), others.remove(&*key)));
                }
                let rest = others.into_iter();
                open.extend(rest.map(|(key, value)| (format!("{pointer}/{}", pointer_token(&key)), None, Some(value))));
            }
            (Kind::Array, Kind::Array) => {
                let (mut own, mut others) = (one.elements(), other.elements());
                for index in 0.. {
                    let pair = (own.next(), others.next());
                    if pair == (None, None) {
                        break;
                    }
                    open.push((format!("{pointer}/{index}"), pair.0, pair.1));
                }
            }
            _ if same(one, other) => {}
            _ => found.push(pointer),
        }
        open[before..].reverse();
    }
    found
}

fn members(object: Json<'_>) -> BTreeMap<String, Json<'_>> {
    object.members().map(|member| (member.key.string().unwrap_or_default().into_owned(), member.value)).collect()
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

/// A number's sign, its digits without zeros around them, and its exponent; `None` where that is beyond reason.
fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (negative, mantissa) = mantissa.strip_prefix('-').map_or((false, mantissa), |positive| (true, positive));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Some((false, String::new(), 0));
    }
    let exponent = exponent.parse::<i64>().ok()?.checked_sub(fraction.len() as i64)?;
    let exponent = exponent.checked_add((digits.len() - significant.len()) as i64)?;
    Some((negative, significant.trim_start_matches('0').to_owned(), exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(one: &str, other: &str) -> Vec<String> {
        differences(Json::parse(one).expect("JSON"), Json::parse(other).expect("JSON"))
    }

    #[test]
    fn how_a_value_is_written_makes_no_difference() {
        for (one, other) in [
            (r#"{"a":1,"b":[true,null]}"#, "{ \"b\" : [true, null],\n\"a\" : 1.0 }"),
            ("[100, 1.50, 0, -0.0, 12e-1]", "[1e2, 1.5, 0.0, 0, 1.2]"),
            (r#""\u00e9\n""#, "\"\u{e9}\\u000a\""),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
        ] {
            assert_eq!(pointers(one, other), [""; 0], "{one} and {other}");
        }
    }

    #[test]
    fn what_differs_is_named_in_the_order_of_the_first() {
        let all = pointers(r#"{"z":[1,{"a/b":"x"}],"y":1,"x":{}}"#, r#"{"x":[],"z":[1,{"a/b":"y"},3],"w":0}"#);
        assert_eq!(all, ["/z/1/a~1b", "/z/2", "/y", "/x", "/w"]);
        // Numbers that a double cannot tell apart.
        assert_eq!(pointers("[18446744073709551617]", "[18446744073709551618]"), ["/0"]);
        assert_eq!(pointers("1", "\"1\""), [""]);
    }

    #[test]
    fn the_deepest_nesting_is_compared() {
        let deep = |inside: &str| format!("{}{inside}{}", "[".repeat(511), "]".repeat(511));
        assert_eq!(pointers(&deep("1"), &deep("2")), ["/0".repeat(511)]);
    }
}
