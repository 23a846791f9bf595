//! The JSON of a tool call's input, which a stream sends as text.

use crate::json::{Json, Kind, MAX_DEPTH};

/// The number of arrays and objects around a tool call's input in a response.
const LEVELS_ABOVE: usize = 6;

/// Returns the input as JSON. Returns None if it was cut off, if the model wrote something that is not JSON, or if it is
/// nested too deeply for a response.
pub fn parse(input: &str) -> Option<Json<'_>> {
    let (json, depth) = Json::parse_with_depth(input).ok()?;
    (depth + LEVELS_ABOVE <= MAX_DEPTH).then_some(json)
}

/// Returns whether the input is a JSON object, as tools need.
pub fn is_valid(input: &str) -> bool {
    parse(input).is_some_and(|json| json.kind() == Kind::Object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_json_if_it_is_complete_and_fits_into_a_response() {
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
            assert_eq!(parse(input).is_some(), is_json, "{input}");
        }
    }
}
