//! The input of a tool call, which a stream sends as text.

use crate::json::{Json, Kind, MAX_DEPTH};

/// How many arrays and objects stand around a tool call's input in an answer.
const LEVELS_ABOVE: usize = 6;

/// The JSON that an input is. None where it is no JSON, because the model was cut off in its middle or never wrote
/// JSON, and where it nests deeper than fits into an answer.
pub fn json_of(input: &str) -> Option<Json<'_>> {
    let (json, depth) = Json::parse_with_depth(input).ok()?;
    (depth + LEVELS_ABOVE <= MAX_DEPTH).then_some(json)
}

/// Whether a tool can be given an input: tools take objects.
pub fn is_valid(input: &str) -> bool {
    json_of(input).is_some_and(|json| json.kind() == Kind::Object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_json_where_it_is_whole_and_fits_into_an_answer() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(is_valid(" {} ") && !is_valid("5") && !is_valid("{"));
        for (input, is_json) in [
            (r#" {"a": 1e400} "#, true),
            ("5", true),
            ("", false),
            (r#"{"a": "b"#, false),
            ("1]]]]]],[[[[[[2", false),
            (&deep(MAX_DEPTH - LEVELS_ABOVE), true),
            (&deep(MAX_DEPTH - LEVELS_ABOVE + 1), false),
        ] {
            assert_eq!(json_of(input).is_some(), is_json, "{input}");
        }
    }
}
