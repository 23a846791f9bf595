//! The one JSON value of a response: structured output, or the input of a tool that the model had to call.

use super::stop_reason;
use super::tool_call::ToolCall;
use crate::error::{Error, Kind, Result};
use crate::json::{Json, Kind as JsonKind};
use crate::text::Text;

const READING: &str = "reading the structured output";
const SEVERAL: &str = "the text has more than one JSON value";

/// The parts of a response that decide.
pub struct Parts<'a> {
    pub stop_reason: &'a str,
    pub text: &'a str,
    /// The number of text blocks that have more than white space.
    pub text_blocks: usize,
    pub tool_calls: &'a [ToolCall],
    pub is_complete: bool,
    pub lacks_content: bool,
}

/// Returns the one JSON value of a response, or an error that states why there is none. The code of the error is the
/// stop reason.
pub fn structured(parts: &Parts<'_>) -> Result<Text> {
    let error = |kind, what: &str| {
        let error = Error::new(kind, format_args!("{READING}: {what}"));
        error.with_retryable(false).with_code(parts.stop_reason)
    };
    if parts.lacks_content {
        let what = "the content was not kept, because the model's keep_answer is false";
        return Err(error(Kind::InvalidArgument, what));
    }
    if let Some(what) = stop_reason::cut_off(parts.stop_reason) {
        return Err(error(Kind::Truncated, what));
    }
    if let Some(what) = stop_reason::unusable(parts.stop_reason) {
        return Err(error(Kind::Model, what));
    }
    if !parts.is_complete {
        return Err(error(Kind::Truncated, "the response is not complete").with_retryable(true));
    }
    match parts.tool_calls {
        // Another response may be better.
        [] => of_text(parts.text, parts.text_blocks).map_err(|what| error(Kind::Model, &what).with_retryable(true)),
        [ToolCall { input_valid: true, input, .. }] => Ok(input.clone()),
        [_] => Err(error(Kind::Model, "the input of the tool call is not a JSON object").with_retryable(true)),
        calls => {
            let what = format!("the model made {} tool calls, so there is not one value", calls.len());
            Err(error(Kind::Model, &what).with_retryable(true))
        }
    }
}

/// Returns the JSON that is the whole text, or why there is none.
fn of_text(text: &str, blocks: usize) -> std::result::Result<Text, String> {
    let text = text.trim();
    let invalid = match Json::parse(text) {
        // The texts "1" and "2" are two values, and joined they look like one.
        Ok(json) if blocks > 1 && !is_closed(json) => return Err(SEVERAL.to_owned()),
        Ok(json) => return Ok(json.text().into()),
        Err(invalid) => invalid,
    };
    if text.is_empty() {
        return Err("the response has neither text nor a tool call".to_owned());
    }
    let values = first_value(text).map(|rest| rest.trim_start().starts_with(['{', '[']));
    Err(match values {
        Some(true) => SEVERAL.to_owned(),
        Some(false) => "there is other text after the JSON".to_owned(),
        None => format!("the text is not JSON: {invalid}"),
    })
}

/// Returns whether a value shows where it ends.
fn is_closed(value: Json<'_>) -> bool {
    matches!(value.kind(), JsonKind::Object | JsonKind::Array)
}

/// Returns the text behind the object or array that a text begins with.
fn first_value(text: &str) -> Option<&str> {
    if !text.starts_with(['{', '[']) {
        return None;
    }
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' if depth > 0 => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            let (first, rest) = text.split_at(at + 1);
            return Json::parse(first).is_ok().then_some(rest);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::quoted;
    use crate::response::{Response, ResponseHead};

    fn head() -> ResponseHead {
        ResponseHead { request_id: "id".to_owned(), ..ResponseHead::default() }
    }

    fn answer(stop_reason: &str, content: &str) -> String {
        format!(
            r#"{{"stopReason":"{stop_reason}","output":{{"message":{{"role":"assistant","content":[{content}]}}}}}}"#
        )
    }

    /// Returns the value, or the kind of the error and a part of its message.
    fn read(stop_reason: &str, content: &str) -> std::result::Result<String, (Kind, String)> {
        let response = Response::unary(Text::from(answer(stop_reason, content)), head(), 1);
        let value = response.structured();
        value.map(|value| value.to_string()).map_err(|error| {
            assert_eq!(error.code().as_str(), stop_reason);
            (error.kind(), error.without_prefix().replace(&format!("{READING}: "), ""))
        })
    }

    fn text(text: &str) -> String {
        format!("{{\"text\":{}}}", quoted(text))
    }

    #[test]
    fn the_value_is_the_text_or_the_input_of_the_one_call() {
        let call = r#"{"toolUse":{"toolUseId":"1","name":"f","input":{"a": 1.0}}}"#;
        let server = r#"{"toolUse":{"toolUseId":"2","name":"g","type":"server_tool_use","input":{}}}"#;
        let reasoning = r#"{"reasoningContent":{"reasoningText":{"text":"{}"}}}"#;
        for (stop_reason, content, expected) in [
            ("end_turn", text("{\"a\":1}"), "{\"a\":1}"),
            ("end_turn", text("\n [1, 2] \n"), "[1, 2]"),
            ("end_turn", text("null"), "null"),
            ("end_turn", format!("{},{}", text("{\"a\""), text(":1}")), "{\"a\":1}"),
            ("end_turn", format!("{},{}", text("12"), text("\n")), "12"),
            ("end_turn", format!("{reasoning},{}", text("{\"a\":1}")), "{\"a\":1}"),
            ("end_turn", format!("{server},{}", text("{\"a\":1}")), "{\"a\":1}"),
            ("tool_use", call.to_owned(), "{\"a\": 1.0}"),
            ("tool_use", format!("{},{call}", text("I call it.")), "{\"a\": 1.0}"),
        ] {
            assert_eq!(read(stop_reason, &content).as_deref(), Ok(expected), "{content}");
        }
    }

    #[test]
    fn an_error_states_why_there_is_no_value() {
        let call = r#"{"toolUse":{"toolUseId":"1","name":"f","input":{}}}"#;
        let broken = r#"{"toolUse":{"toolUseId":"1","name":"f","input":"{\"a"}}"#;
        for (stop_reason, content, kind, part) in [
            ("max_tokens", text("12"), Kind::Truncated, "cut off at maxTokens"),
            ("model_context_window_exceeded", text("{}"), Kind::Truncated, "context window"),
            ("guardrail_intervened", text("{}"), Kind::Model, "guardrail"),
            ("content_filtered", text("{}"), Kind::Model, "filtered"),
            ("refusal", text("{}"), Kind::Model, "refused"),
            ("end_turn", String::new(), Kind::Model, "neither text nor a tool call"),
            ("end_turn", text(" "), Kind::Model, "neither text nor a tool call"),
            ("end_turn", text("Sure! {}"), Kind::Model, "the text is not JSON"),
            ("end_turn", text("```json\n{}\n```"), Kind::Model, "the text is not JSON"),
            ("end_turn", text("{\"a\":\"}\"} That is all."), Kind::Model, "other text after the JSON"),
            ("end_turn", text("{}\n{}"), Kind::Model, "more than one JSON value"),
            ("end_turn", format!("{},{}", text("1"), text("2")), Kind::Model, "more than one JSON value"),
            ("end_turn", text("你好，我不能"), Kind::Model, "the text is not JSON"),
            ("end_turn", text("\u{feff}{}"), Kind::Model, "the text is not JSON"),
            ("end_turn", text("“{}”"), Kind::Model, "the text is not JSON"),
            ("end_turn", text("{\"ü\":1}😀"), Kind::Model, "other text after the JSON"),
            ("malformed_model_output", text("{}"), Kind::Model, "malformed"),
            ("malformed_tool_use", text("{}"), Kind::Model, "malformed"),
            ("tool_use", format!("{call},{call}"), Kind::Model, "2 tool calls"),
            ("tool_use", broken.to_owned(), Kind::Model, "not a JSON object"),
        ] {
            let (found, message) = read(stop_reason, &content).unwrap_err();
            assert!(found == kind && message.contains(part), "{content}: {found:?} {message}");
        }
    }

    #[test]
    fn a_stream_that_was_cut_has_no_value() {
        let response = Response::streamed(answer("", &text("12")), false, head(), 1);
        let error = response.structured().unwrap_err();
        assert_eq!((error.kind(), error.retryable()), (Kind::Truncated, true));
    }
}
