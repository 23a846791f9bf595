//! The values that the getters of a response return, found in its JSON.

use super::tool_call::{ToolCall, ToolRunner};
use crate::json::{self, Json, Kind, Member};
use crate::protocol::usage::Usage;
use crate::text::{Text, TextBuilder};
use once_cell::sync::OnceCell;
use std::ops::Range;

/// The values of a response. A value is empty if its member is missing or has another form than Converse's. Values that
/// can be as long as the response are computed when they are first needed.
#[derive(Debug)]
pub(super) struct Summary {
    pub stop_reason: Text,
    pub finish_reason: Text,
    pub service_tier: Text,
    pub usage: Usage,
    /// The offsets of the message in the response.
    message_range: Option<Range<usize>>,
    text: OnceCell<Text>,
    reasoning: OnceCell<Text>,
    calls: OnceCell<ToolCalls>,
    message: OnceCell<Text>,
}

/// The tool calls of a response, by the party that runs the tools.
#[derive(Debug)]
pub(super) struct ToolCalls {
    pub client: Box<[ToolCall]>,
    pub server: Box<[ToolCall]>,
}

impl Summary {
    /// Returns the summary of a response. `streamed` is whether it was assembled from a stream.
    pub fn of(text: &str, streamed: bool) -> Summary {
        let response = Json::parse(text).ok();
        let message = response.and_then(|response| response.pointer("/output/message"));
        let stop_reason = response.and_then(|response| response.get("stopReason")?.string()).unwrap_or_default();
        let service_tier = response.and_then(|response| response.get("serviceTier")?.get("type")?.string());
        let service_tier = service_tier.unwrap_or_default();
        Summary {
            finish_reason: finish_reason(&stop_reason).into(),
            stop_reason: stop_reason.as_ref().into(),
            service_tier: service_tier.as_ref().into(),
            usage: response.map(|response| usage(response, streamed)).unwrap_or_default(),
            message_range: message.filter(|message| message.kind() == Kind::Object).map(|message| {
                let start = json::offset(text, message.text());
                start..start + message.text().len()
            }),
            text: OnceCell::new(),
            reasoning: OnceCell::new(),
            calls: OnceCell::new(),
            message: OnceCell::new(),
        }
    }

    /// Returns the message in `response`, of which this is the summary, or "".
    pub fn message_in<'a>(&self, response: &'a str) -> &'a str {
        self.message_range.clone().map_or("", |range| &response[range])
    }

    pub fn message(&self, response: &str) -> &Text {
        self.message.get_or_init(|| self.message_in(response).into())
    }

    /// Returns all text blocks, joined.
    pub fn text(&self, response: &str) -> &Text {
        self.text.get_or_init(|| {
            self.joined(response, |out, key, value| match key {
                "text" => push_string(out, Some(value)),
                "citationsContent" => {
                    let cited = value.get("content").into_iter().flat_map(Json::elements);
                    cited.for_each(|part| push_string(out, part.get("text")));
                }
                _ => {}
            })
        })
    }

    /// Returns all readable reasoning, joined.
    pub fn reasoning(&self, response: &str) -> &Text {
        self.reasoning.get_or_init(|| {
            self.joined(response, |out, key, value| {
                if key == "reasoningContent" {
                    push_string(out, value.pointer("/reasoningText/text"));
                }
            })
        })
    }

    /// Returns the tool calls.
    pub fn calls(&self, response: &str, streamed: bool) -> &ToolCalls {
        self.calls.get_or_init(|| {
            let uses = self.block_members(response).filter(|member| member.key.is("toolUse"));
            let calls = uses.map(|member| ToolCall::of(member.value, streamed));
            let (server, client): (Vec<_>, Vec<_>) = calls.partition(|call| call.runner == ToolRunner::Server);
            ToolCalls { client: client.into(), server: server.into() }
        })
    }

    fn joined(&self, response: &str, mut add: impl FnMut(&mut TextBuilder, &str, Json<'_>)) -> Text {
        let mut out = TextBuilder::default();
        for member in self.block_members(response) {
            add(&mut out, &member.key.string().unwrap_or_default(), member.value);
        }
        String::from(out).into()
    }

    /// Returns the members of all blocks.
    fn block_members<'a>(&self, response: &'a str) -> impl Iterator<Item = Member<'a>> {
        let message = self.message_range.clone().map(|range| Json::trusted(&response[range]));
        let content = message.and_then(|message| message.get("content"));
        content.into_iter().flat_map(Json::elements).flat_map(Json::members)
    }
}

/// Returns the usage in the members of a message, or in one of the last chunks.
fn usage(response: Json<'_>, streamed: bool) -> Usage {
    let chunks = response.elements().filter(|_| streamed);
    chunks.filter_map(Usage::of_chunk).last().unwrap_or_else(|| Usage::of_response(response))
}

/// Appends the text of a JSON string. Appends nothing for None and for another kind of value.
fn push_string(out: &mut TextBuilder, string: Option<Json<'_>>) {
    string.into_iter().flat_map(Json::pieces).for_each(|piece| out.push_str(piece.as_str()));
}

/// Returns the name that chat-completions APIs have for a stop reason, or the stop reason itself.
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

    /// A summary with its response.
    struct Read<'a>(Summary, &'a str, bool);

    impl Read<'_> {
        fn text(&self) -> &str {
            self.0.text(self.1).as_str()
        }

        fn reasoning(&self) -> &str {
            self.0.reasoning(self.1).as_str()
        }

        fn calls(&self) -> &[ToolCall] {
            &self.0.calls(self.1, self.2).client
        }
    }

    fn read(response: &str, streamed: bool) -> Read<'_> {
        Read(Summary::of(response, streamed), response, streamed)
    }

    fn unary(response: &str) -> Summary {
        Summary::of(response, false)
    }

    fn with_content(content: &str) -> String {
        format!(r#"{{"output":{{"message":{{"role":"assistant","content":{content}}}}}}}"#)
    }

    #[test]
    fn text_and_reasoning_are_joined_across_blocks() {
        let response = with_content(
            r#"[{"text":"a\n"},{"reasoningContent":{"reasoningText":{"text":"r","signature":"s"}}},
                {"citationsContent":{"content":[{"text":"b"},{"text":"c"}],"citations":[{"text":"no"}]}},
                {"reasoningContent":{"redactedContent":"YQ=="}},{"reasoningContent":{"reasoningText":{"text":"s"}}},{"text":"\u00e9"}]"#,
        );
        let read = read(&response, false);
        assert_eq!((read.text(), read.reasoning()), ("a\nbcé", "rs"));
    }

    #[test]
    fn tool_calls_have_their_input_as_written() {
        let content = r#"[{"toolUse":{"toolUseId":"1","name":"f","input":{"a": 1.0}}},{"toolUse":{"input":"{\"a"}},{"toolUse":{}}]"#;
        let calls = |streamed| {
            let response = with_content(content);
            read(&response, streamed)
                .calls()
                .iter()
                .map(|call| (call.input.to_string(), call.input_valid))
                .collect::<Vec<_>>()
        };
        let call = |input: &str, valid| (input.to_owned(), valid);
        assert_eq!(calls(true), [call(r#"{"a": 1.0}"#, true), call(r#"{"a"#, false), call("{}", true)]);
        assert_eq!(calls(false), [call(r#"{"a": 1.0}"#, true), call(r#""{\"a""#, false), call("{}", true)]);
        let response = with_content(content);
        let read = read(&response, false);
        let first = &read.calls()[0];
        assert_eq!((first.id.as_str(), first.name.as_str()), ("1", "f"));
    }

    #[test]
    fn usage_is_minus_one_if_it_is_not_reported() {
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
    fn json_in_another_form_gives_neutral_values() {
        for response in [
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
            let read = read(response, false);
            let summary = &read.0;
            assert_eq!(read.text().trim(), "", "{response}");
            assert_eq!(summary.stop_reason.as_str(), "", "{response}");
            assert_eq!(summary.usage, Usage::default(), "{response}");
            assert!(read.calls().is_empty() && read.reasoning().is_empty(), "{response}");
        }
    }
}
