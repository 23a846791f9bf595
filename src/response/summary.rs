//! What people ask an answer for, found in its JSON.

use crate::json::{Json, Kind};
use crate::text::Text;
use crate::wire::usage::Usage;

/// A tool the model wants to have called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    pub id: Text,
    pub name: Text,
    /// The arguments: JSON as the model wrote it, or what came of it where that is not JSON.
    pub input: Text,
    /// Whether `input` is a JSON object, which is all that a tool takes.
    pub input_valid: bool,
    pub runs: Runs,
}

/// Who runs a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    Client,
    /// The service has run it, or is about to: its result stands in the same message.
    Server,
}

/// Whether a `toolUse` is of a tool that the service runs itself.
pub fn is_of_service(tool_use: Json<'_>) -> bool {
    tool_use.get("type").is_some_and(|kind| kind.is("server_tool_use"))
}

impl ToolCall {
    fn of(tool_use: Json<'_>, streamed: bool) -> ToolCall {
        let text = |key| tool_use.get(key).and_then(Json::string).unwrap_or_default().as_ref().into();
        let input = tool_use.get("input");
        // Tools take objects. The string that a stream's answer may have in its place is what could not be read as JSON.
        let raw = input.filter(|_| streamed).and_then(Json::string);
        ToolCall {
            id: text("toolUseId"),
            name: text("name"),
            input_valid: input.is_none_or(|input| input.kind() == Kind::Object),
            input: raw.as_deref().unwrap_or(input.map_or("{}", Json::text)).into(),
            runs: if is_of_service(tool_use) { Runs::Server } else { Runs::Client },
        }
    }
}

/// Everything the getters of a response give. What is missing or has another shape than Converse's leaves its part empty.
#[derive(Debug)]
pub(super) struct Summary {
    pub text: Text,
    pub reasoning: Text,
    pub stop_reason: Text,
    pub finish_reason: Text,
    pub tool_calls: Box<[ToolCall]>,
    pub server_tool_calls: Box<[ToolCall]>,
    pub usage: Usage,
    pub message: Text,
}

impl Summary {
    pub fn of(answer: &str, streamed: bool) -> Summary {
        let answer = Json::parse(answer).ok();
        let message = answer.and_then(|answer| answer.pointer("/output/message"));
        let blocks = || message.and_then(|message| message.get("content")).into_iter().flat_map(Json::elements);
        let stop_reason = answer.and_then(|answer| answer.get("stopReason")?.string()).unwrap_or_default();

        let (mut text, mut reasoning, mut tool_calls) = (String::new(), String::new(), Vec::new());
        for member in blocks().flat_map(Json::members) {
            let value = member.value;
            match member.key.string().as_deref() {
                Some("text") => push(&mut text, Some(value)),
                Some("citationsContent") => {
                    let cited = value.get("content").into_iter().flat_map(Json::elements);
                    cited.for_each(|part| push(&mut text, part.get("text")));
                }
                Some("reasoningContent") => push(&mut reasoning, value.pointer("/reasoningText/text")),
                Some("toolUse") => tool_calls.push(ToolCall::of(value, streamed)),
                _ => {}
            }
        }
        let (server_tool_calls, tool_calls): (Vec<_>, Vec<_>) =
            tool_calls.into_iter().partition(|call: &ToolCall| call.runs == Runs::Server);
        Summary {
            text: text.into(),
            reasoning: reasoning.into(),
            finish_reason: finish_reason(&stop_reason).into(),
            stop_reason: stop_reason.as_ref().into(),
            tool_calls: tool_calls.into(),
            server_tool_calls: server_tool_calls.into(),
            usage: answer.map(|answer| usage(answer, streamed)).unwrap_or_default(),
            message: message.filter(|message| message.kind() == Kind::Object).map_or("", Json::text).into(),
        }
    }
}

/// What an answer cost: a message says it in members of its own, chunks in one of the last.
fn usage(answer: Json<'_>, streamed: bool) -> Usage {
    let chunks = answer.elements().filter(|_| streamed);
    chunks.filter_map(Usage::of_chunk).last().unwrap_or_else(|| Usage::of_answer(answer))
}

/// Appends a string's text, and nothing where there is no string.
fn push(out: &mut String, string: Option<Json<'_>>) {
    string.into_iter().flat_map(Json::pieces).for_each(|piece| out.push_str(piece.as_str()));
}

/// The name that chat-completions APIs have for a stop reason, where they have one.
fn finish_reason(stop_reason: &str) -> &str {
    match stop_reason {
        "end_turn" => "stop",
        "tool_use" => "tool_calls",
        "max_tokens" => "length",
        "content_filtered" => "content_filter",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unary(answer: &str) -> Summary {
        Summary::of(answer, false)
    }

    fn with_content(content: &str) -> String {
        format!(r#"{{"output":{{"message":{{"role":"assistant","content":{content}}}}}}}"#)
    }

    #[test]
    fn text_and_reasoning_join_across_blocks() {
        let summary = unary(&with_content(
            r#"[{"text":"a\n"},{"reasoningContent":{"reasoningText":{"text":"r","signature":"s"}}},
                {"citationsContent":{"content":[{"text":"b"},{"text":"c"}],"citations":[{"text":"no"}]}},
                {"reasoningContent":{"redactedContent":"YQ=="}},{"reasoningContent":{"reasoningText":{"text":"s"}}},{"text":"\u00e9"}]"#,
        ));
        assert_eq!((summary.text.as_str(), summary.reasoning.as_str()), ("a\nbcé", "rs"));
    }

    #[test]
    fn tool_calls_have_their_input_as_written() {
        let content = r#"[{"toolUse":{"toolUseId":"1","name":"f","input":{"a": 1.0}}},{"toolUse":{"input":"{\"a"}},{"toolUse":{}}]"#;
        let calls = |streamed| {
            let summary = Summary::of(&with_content(content), streamed);
            summary.tool_calls.iter().map(|call| (call.input.to_string(), call.input_valid)).collect::<Vec<_>>()
        };
        let call = |input: &str, valid| (input.to_owned(), valid);
        assert_eq!(calls(true), [call(r#"{"a": 1.0}"#, true), call(r#"{"a"#, false), call("{}", true)]);
        assert_eq!(calls(false), [call(r#"{"a": 1.0}"#, true), call(r#""{\"a""#, false), call("{}", true)]);
        let first = &unary(&with_content(content)).tool_calls[0];
        assert_eq!((first.id.as_str(), first.name.as_str()), ("1", "f"));
    }

    #[test]
    fn usage_is_minus_one_where_it_is_not_reported() {
        let usage =
            unary(r#"{"usage":{"inputTokens":3,"outputTokens":4.0,"totalTokens":"7","cacheReadInputTokenCount":1}}"#)
                .usage;
        let expected = Usage { input_tokens: 3, output_tokens: 4, cache_read_tokens: 1, ..Usage::default() };
        assert_eq!(usage, expected);
        let both = r#"{"usage":{"cacheWriteInputTokenCount":1,"cacheWriteInputTokens":2},"metrics":{"latencyMs":5}}"#;
        assert_eq!(unary(both).usage, Usage { cache_write_tokens: 2, latency_ms: 5, ..Usage::default() });
    }

    #[test]
    fn stop_reasons_have_their_portable_names() {
        for (stop, finish) in [
            ("end_turn", "stop"),
            ("tool_use", "tool_calls"),
            ("max_tokens", "length"),
            ("stop_sequence", "stop_sequence"),
            ("content_filtered", "content_filter"),
            ("guardrail_intervened", "guardrail_intervened"),
            ("new", "new"),
        ] {
            let summary = unary(&format!(r#"{{"stopReason":"{stop}"}}"#));
            assert_eq!((summary.stop_reason.as_str(), summary.finish_reason.as_str()), (stop, finish));
        }
    }

    #[test]
    fn other_shapes_give_neutral_values() {
        for answer in [
            "",
            "no JSON",
            "[]",
            "{}",
            r#"{"inputTokens":12}"#,
            r#"{"embedding":[0.1,0.2]}"#,
            r#"{"output":{"message":"hi"},"stopReason":1,"usage":[],"metrics":null}"#,
            r#"{"output":{"message":{"content":{"text":"a"}}}}"#,
            r#"{"output":{"message":{"content":["a",null,{"text":1},{"text":" "}]}}}"#,
        ] {
            let summary = unary(answer);
            assert_eq!(summary.text.as_str().trim(), "", "{answer}");
            assert_eq!(summary.stop_reason.as_str(), "", "{answer}");
            assert_eq!(summary.usage, Usage::default(), "{answer}");
            assert!(summary.tool_calls.is_empty() && summary.reasoning.is_empty(), "{answer}");
        }
    }
}
