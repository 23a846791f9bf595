//! The values that the getters of a response return, found in its JSON.

use super::stop_reason::{breaks_call, finish_reason};
use super::tool_call::{DistinctIds, ToolCall, ToolRunner};
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

    /// Returns the number of text blocks that have more than white space.
    pub fn text_blocks(&self, response: &str) -> usize {
        let texts = self.block_members(response).filter(|member| member.key.is("text"));
        texts.filter(|member| member.value.string().is_some_and(|text| !text.trim().is_empty())).count()
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
            let is_call = |member: &Member<'_>| member.key.is("toolUse");
            let mut ids = DistinctIds::default();
            let uses = self.block_members(response).filter(is_call);
            let mut calls: Vec<_> = uses.map(|member| ToolCall::of(member.value, streamed, &mut ids)).collect();
            // The service gives {} for an input of which nothing has come, so it looks like that of a call without
            // arguments.
            let is_cut = |call: &&mut ToolCall| call.input.as_str() == "{}" && breaks_call(self.stop_reason.as_str());
            let ends_with_call = || self.block_members(response).last().is_some_and(|member| is_call(&member));
            if let Some(cut) = calls.last_mut().filter(is_cut).filter(|_| ends_with_call()) {
                cut.input_valid = false;
            }
            let (server, client): (Vec<_>, Vec<_>) =
                calls.into_iter().partition(|call| call.runner == ToolRunner::Server);
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
    fn an_empty_input_at_the_end_of_a_response_that_was_cut_off_is_not_valid() {
        let call = |input: &str| format!(r#"{{"toolUse":{{"toolUseId":"1","name":"f","input":{input}}}}}"#);
        let (empty, full, text) = (call("{}"), call(r#"{"a":1}"#), r#"{"text":"a"}"#.to_owned());
        for (stop_reason, blocks, valid) in [
            ("max_tokens", [&full, &empty], [true, false]),
            ("model_context_window_exceeded", [&full, &empty], [true, false]),
            ("max_tokens", [&empty, &full], [true, true]),
            ("tool_use", [&full, &empty], [true, true]),
        ] {
            let content = format!("[{},{}]", blocks[0], blocks[1]);
            let response = with_content(&content).replacen('{', &format!(r#"{{"stopReason":"{stop_reason}","#), 1);
            let found: Vec<_> = read(&response, false).calls().iter().map(|call| call.input_valid).collect();
            assert_eq!(found, valid, "{response}");
        }
        let response = with_content(&format!("[{empty},{text}]")).replacen('{', r#"{"stopReason":"max_tokens","#, 1);
        assert!(read(&response, false).calls()[0].input_valid, "a text follows, so the call is complete");
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
