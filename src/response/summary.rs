//! What people ask an answer for, found in its JSON.

use crate::json::{self, Json, Kind, Member};
use crate::protocol::usage::Usage;
use crate::text::{Text, TextBuilder};
use once_cell::sync::OnceCell;
use std::ops::Range;

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
pub fn is_server_tool_use(tool_use: Json<'_>) -> bool {
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
            runs: if is_server_tool_use(tool_use) { Runs::Server } else { Runs::Client },
        }
    }
}

/// What the getters of a response give. What is missing or has another shape than Converse's leaves its part empty. What is
/// as long as the answer is made when it is first asked for, each for itself.
#[derive(Debug)]
pub(super) struct Summary {
    pub stop_reason: Text,
    pub finish_reason: Text,
    pub usage: Usage,
    /// Where in the answer the message is.
    place: Option<Range<usize>>,
    text: OnceCell<Text>,
    reasoning: OnceCell<Text>,
    calls: OnceCell<Calls>,
    message: OnceCell<Text>,
}

/// The tool calls of an answer, by who runs the tools.
#[derive(Debug)]
pub(super) struct Calls {
    pub client: Box<[ToolCall]>,
    pub server: Box<[ToolCall]>,
}

impl Summary {
    pub fn of(text: &str, streamed: bool) -> Summary {
        let answer = Json::parse(text).ok();
        let message = answer.and_then(|answer| answer.pointer("/output/message"));
        let stop_reason = answer.and_then(|answer| answer.get("stopReason")?.string()).unwrap_or_default();
        Summary {
            finish_reason: finish_reason(&stop_reason).into(),
            stop_reason: stop_reason.as_ref().into(),
            usage: answer.map(|answer| usage(answer, streamed)).unwrap_or_default(),
            place: message.filter(|message| message.kind() == Kind::Object).map(|message| {
                let start = json::offset(text, message.text());
                start..start + message.text().len()
            }),
            text: OnceCell::new(),
            reasoning: OnceCell::new(),
            calls: OnceCell::new(),
            message: OnceCell::new(),
        }
    }

    /// The message in `answer`, of which this is the summary, as it came; "" where there is none.
    pub fn message_in<'a>(&self, answer: &'a str) -> &'a str {
        self.place.clone().map_or("", |place| &answer[place])
    }

    pub fn message(&self, answer: &str) -> &Text {
        self.message.get_or_init(|| self.message_in(answer).into())
    }

    /// All text blocks of `answer`, joined.
    pub fn text(&self, answer: &str) -> &Text {
        self.text.get_or_init(|| {
            self.joined(answer, |out, key, value| match key {
                "text" => push(out, Some(value)),
                "citationsContent" => {
                    let cited = value.get("content").into_iter().flat_map(Json::elements);
                    cited.for_each(|part| push(out, part.get("text")));
                }
                _ => {}
            })
        })
    }

    /// All reasoning in `answer` that can be read, joined.
    pub fn reasoning(&self, answer: &str) -> &Text {
        self.reasoning.get_or_init(|| {
            self.joined(answer, |out, key, value| {
                if key == "reasoningContent" {
                    push(out, value.pointer("/reasoningText/text"));
                }
            })
        })
    }

    pub fn calls(&self, answer: &str, streamed: bool) -> &Calls {
        self.calls.get_or_init(|| {
            let uses = self.members(answer).filter(|member| member.key.is("toolUse"));
            let calls = uses.map(|member| ToolCall::of(member.value, streamed));
            let (server, client): (Vec<_>, Vec<_>) = calls.partition(|call| call.runs == Runs::Server);
            Calls { client: client.into(), server: server.into() }
        })
    }

    fn joined(&self, answer: &str, mut add: impl FnMut(&mut TextBuilder, &str, Json<'_>)) -> Text {
        let mut out = TextBuilder::default();
        for member in self.members(answer) {
            add(&mut out, &member.key.string().unwrap_or_default(), member.value);
        }
        String::from(out).into()
    }

    /// The members of all blocks.
    fn members<'a>(&self, answer: &'a str) -> impl Iterator<Item = Member<'a>> {
        let message = self.place.clone().map(|place| Json::trusted(&answer[place]));
        let content = message.and_then(|message| message.get("content"));
        content.into_iter().flat_map(Json::elements).flat_map(Json::members)
    }
}

/// What an answer cost: a message says it in members of its own, chunks in one of the last.
fn usage(answer: Json<'_>, streamed: bool) -> Usage {
    let chunks = answer.elements().filter(|_| streamed);
    chunks.filter_map(Usage::of_chunk).last().unwrap_or_else(|| Usage::of_response(answer))
}

/// Appends a string's text, and nothing where there is no string.
fn push(out: &mut TextBuilder, string: Option<Json<'_>>) {
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

    /// A summary with its answer.
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

    fn read(answer: &str, streamed: bool) -> Read<'_> {
        Read(Summary::of(answer, streamed), answer, streamed)
    }

    fn unary(answer: &str) -> Summary {
        Summary::of(answer, false)
    }

    fn with_content(content: &str) -> String {
        format!(r#"{{"output":{{"message":{{"role":"assistant","content":{content}}}}}}}"#)
    }

    #[test]
    fn text_and_reasoning_join_across_blocks() {
        let answer = with_content(
            r#"[{"text":"a\n"},{"reasoningContent":{"reasoningText":{"text":"r","signature":"s"}}},
                {"citationsContent":{"content":[{"text":"b"},{"text":"c"}],"citations":[{"text":"no"}]}},
                {"reasoningContent":{"redactedContent":"YQ=="}},{"reasoningContent":{"reasoningText":{"text":"s"}}},{"text":"\u00e9"}]"#,
        );
        let read = read(&answer, false);
        assert_eq!((read.text(), read.reasoning()), ("a\nbcé", "rs"));
    }

    #[test]
    fn tool_calls_have_their_input_as_written() {
        let content = r#"[{"toolUse":{"toolUseId":"1","name":"f","input":{"a": 1.0}}},{"toolUse":{"input":"{\"a"}},{"toolUse":{}}]"#;
        let calls = |streamed| {
            let answer = with_content(content);
            read(&answer, streamed)
                .calls()
                .iter()
                .map(|call| (call.input.to_string(), call.input_valid))
                .collect::<Vec<_>>()
        };
        let call = |input: &str, valid| (input.to_owned(), valid);
        assert_eq!(calls(true), [call(r#"{"a": 1.0}"#, true), call(r#"{"a"#, false), call("{}", true)]);
        assert_eq!(calls(false), [call(r#"{"a": 1.0}"#, true), call(r#""{\"a""#, false), call("{}", true)]);
        let answer = with_content(content);
        let read = read(&answer, false);
        let first = &read.calls()[0];
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
            let read = read(answer, false);
            let summary = &read.0;
            assert_eq!(read.text().trim(), "", "{answer}");
            assert_eq!(summary.stop_reason.as_str(), "", "{answer}");
            assert_eq!(summary.usage, Usage::default(), "{answer}");
            assert!(read.calls().is_empty() && read.reasoning().is_empty(), "{answer}");
        }
    }
}
