//! Assembles one content block from its events, in the form that it has in a response of Converse.

use super::merge::{array, members_of_all, merge};
use super::object_writer::{ObjectWriter, Value};
use super::without_member::without_member;
use crate::json::Json;
use crate::protocol::tool_input;
use crate::text::TextBuilder;

/// A content block whose events are being received. Texts are appended; other parts are kept as JSON. A response may
/// have very many blocks, so an empty one is small.
#[derive(Clone, Debug, Default)]
pub(super) struct ContentBlock {
    /// The block's start and its other deltas, verbatim.
    parts: Vec<Box<str>>,
    texts: Option<Box<Texts>>,
    stopped: bool,
    /// Whether the decoder has parsed the tool input and found a JSON object, so that it is not parsed again.
    is_input_valid: bool,
}

#[derive(Clone, Debug, Default)]
struct Texts {
    text: Option<String>,
    reasoning: Option<String>,
    tool_input: Option<String>,
}

impl ContentBlock {
    /// Appends a delta to the text.
    pub fn add_text(&mut self, delta: &str) {
        self.texts.get_or_insert_default().text.get_or_insert_default().push_str(delta);
    }

    /// Appends a delta to the reasoning.
    pub fn add_reasoning(&mut self, delta: &str) {
        self.texts.get_or_insert_default().reasoning.get_or_insert_default().push_str(delta);
    }

    /// Appends a fragment to the tool input.
    pub fn add_tool_input(&mut self, fragment: &str) {
        self.is_input_valid = false;
        self.texts.get_or_insert_default().tool_input.get_or_insert_default().push_str(fragment);
    }

    /// Adds the member `start` or `delta` of an event's payload.
    pub fn add_part(&mut self, payload: &str, member: &str) {
        if let Some(part) = Json::parse(payload).ok().and_then(|payload| payload.get(member)) {
            self.add_json(part.text().into());
        }
    }

    /// Adds the members of an event's delta besides the text at `path`.
    pub fn add_other_members(&mut self, payload: &str, path: &[&str]) {
        let payload = Json::parse(payload).ok();
        let others = payload.and_then(|payload| payload.get("delta")).and_then(|delta| without_member(delta, path));
        if let Some(others) = others {
            self.add_json(others.into());
        }
    }

    fn add_json(&mut self, part: Box<str>) {
        // Most blocks have one part, and a vector would have capacity for four.
        match self.parts.is_empty() {
            true => self.parts = vec![part],
            false => self.parts.push(part),
        }
    }

    /// Ends the block. `valid_input` is the tool input that the decoder has parsed, if it is a JSON object.
    pub fn stop(&mut self, valid_input: Option<&str>) {
        self.stopped = true;
        if let Some(texts) = &mut self.texts {
            let Texts { text, reasoning, tool_input } = &mut **texts;
            // They differ if a stream starts a block twice.
            self.is_input_valid = valid_input.is_some() && tool_input.as_deref() == valid_input;
            [text, reasoning, tool_input].into_iter().flatten().for_each(String::shrink_to_fit);
        }
    }

    /// Writes the block, after a comma if it is not the first one. A block without parts is left out. Returns whether a
    /// block has been written, this one or one before.
    pub fn write(self, message_stopped: bool, has_blocks: bool, out: &mut TextBuilder) -> bool {
        let ContentBlock { parts, texts, stopped, is_input_valid } = self;
        let Texts { text, reasoning, tool_input } = texts.map(|texts| *texts).unwrap_or_default();
        let mut members = members_of_all(parts.iter().filter_map(|part| Json::parse(part).ok()));
        let tool_use = members.remove("toolUse");
        let tool_result = members.remove("toolResult");
        let reasoning_parts = members.remove("reasoningContent");
        let citations = members.remove("citation");
        let text = Value::continued("text", members.remove("text"), text);

        let mut block = ObjectWriter::from(members);
        if tool_use.is_some() || tool_input.is_some() {
            let input =
                ToolInput { text: tool_input, is_complete: stopped || message_stopped, is_valid: is_input_valid };
            block.set_value("toolUse", self::tool_use(&tool_use.unwrap_or_default(), input));
        }
        if let Some(parts) = tool_result {
            block.set_value("toolResult", self::tool_result(&parts));
        }
        if reasoning_parts.is_some() || reasoning.is_some() {
            block.set_value("reasoningContent", self::reasoning(&reasoning_parts.unwrap_or_default(), reasoning));
        }
        match (citations, text) {
            (Some(citations), text) => block.set_value("citationsContent", citations_content(&citations, text)),
            (None, Some(text)) => block.set_value("text", text),
            (None, None) => {}
        }
        if block.is_empty() {
            return has_blocks;
        }
        out.push_str(if has_blocks { "," } else { "" });
        block.write(out);
        true
    }
}

/// The input of a tool call, which a stream sends as fragments of text.
struct ToolInput {
    text: Option<String>,
    is_complete: bool,
    /// Whether it is known to be a JSON object.
    is_valid: bool,
}

impl ToolInput {
    /// Returns the input: `{}` if it is complete and empty, JSON if it is valid, otherwise a string with the text.
    fn into_value<'a>(self) -> Value<'a> {
        let text = self.text.unwrap_or_default();
        if self.is_complete && text.trim().is_empty() {
            return Value::Json("{}".into());
        }
        if !self.is_valid && tool_input::parse(&text).is_none() {
            return Value::Text(text);
        }
        let trimmed = text.trim_ascii();
        Value::Json(if trimmed.len() == text.len() { text.into() } else { trimmed.to_owned().into() })
    }
}

fn tool_use<'a>(parts: &[Json<'a>], input: ToolInput) -> Value<'a> {
    let mut tool_use = ObjectWriter::from(members_of_all(parts.iter().copied()));
    if input.text.is_some() || !tool_use.has("input") {
        tool_use.set_value("input", input.into_value());
    }
    Value::Object(tool_use)
}

/// Joins the parts of a tool result: the start is an object, the deltas are arrays of its content.
fn tool_result<'a>(parts: &[Json<'a>]) -> Value<'a> {
    let content: Vec<_> = parts.iter().flat_map(|part| part.elements()).map(Json::text).collect();
    let mut tool_result = ObjectWriter::from(members_of_all(parts.iter().copied()));
    if !content.is_empty() || !tool_result.has("content") {
        tool_result.set("content", array(content));
    }
    Value::Object(tool_result)
}

/// Joins the parts of reasoning. Deltas have the members text and signature, where Converse has `reasoningText` with
/// both.
fn reasoning<'a>(parts: &[Json<'a>], text: Option<String>) -> Value<'a> {
    let mut members = members_of_all(parts.iter().copied());
    let text = Value::continued("text", members.remove("text"), text);
    let signature = members.remove("signature");

    let mut reasoning = ObjectWriter::from(members);
    if text.is_some() || signature.is_some() {
        // In a request the service demands the text, even if the model returned only a signature.
        let mut reasoning_text = ObjectWriter::default().with("text", text.unwrap_or(Value::Json("\"\"".into())));
        if let Some(signature) = signature {
            reasoning_text.set("signature", merge("signature", &signature));
        }
        reasoning.set_value("reasoningText", Value::Object(reasoning_text));
    }
    Value::Object(reasoning)
}

/// Joins citations and text. Converse has both in one object.
fn citations_content<'a>(citations: &[Json<'a>], text: Option<Value<'a>>) -> Value<'a> {
    let content = text.map(|text| ObjectWriter::default().with("text", text));
    let citations = array(citations.iter().map(|citation| citation.text()));
    Value::Object(
        ObjectWriter::default().with("citations", Value::Json(citations.into())).with("content", Value::Array(content)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(parts: &[&str]) -> ContentBlock {
        ContentBlock { parts: parts.iter().map(|&part| part.into()).collect(), ..ContentBlock::default() }
    }

    fn written(block: &ContentBlock, message_stopped: bool) -> String {
        let mut out = TextBuilder::default();
        let wrote = block.clone().write(message_stopped, false, &mut out);
        assert_eq!(wrote, !out.is_empty());
        out.into()
    }

    fn json(block: &ContentBlock) -> String {
        written(block, true)
    }

    #[test]
    fn texts_are_joined_and_an_empty_text_stays() {
        let mut text = ContentBlock::default();
        assert_eq!(json(&text), "", "no event");
        text.add_text("");
        assert_eq!(json(&text), r#"{"text":""}"#);
        text.add_text("a \"");
        text.add_text("b\" \u{1}");
        assert_eq!(json(&text), r#"{"text":"a \"b\" \u0001"}"#);
    }

    #[test]
    fn a_tool_call_keeps_its_start_and_its_input_as_written() {
        let mut call = block(&[r#"{"toolUse":{"toolUseId":"1","name":"f","type":"x","new":1.0}}"#]);
        assert_eq!(json(&call), r#"{"toolUse":{"input":{},"name":"f","new":1.0,"toolUseId":"1","type":"x"}}"#);
        for fragment in ["", r#"{"b": 1e400, "#, r#""a":[ ]}"#] {
            call.add_tool_input(fragment);
        }
        let expected = r#"{"toolUse":{"input":{"b": 1e400, "a":[ ]},"name":"f","new":1.0,"toolUseId":"1","type":"x"}}"#;
        assert_eq!(json(&call), expected);
    }

    #[test]
    fn input_that_is_not_valid_json_is_a_string() {
        let input = |raw: &str| {
            let mut out = TextBuilder::default();
            let input = ToolInput { text: Some(raw.to_owned()), is_complete: true, is_valid: false };
            input.into_value().write(&mut out);
            String::from(out)
        };
        assert_eq!(input(" "), "{}");
        assert_eq!(input(r#"{"a": "b"#), r#""{\"a\": \"b""#);
        assert_eq!(input(r#"{"a": "b"}"#), r#"{"a": "b"}"#);
    }

    #[test]
    fn an_input_that_the_decoder_has_parsed_is_parsed_again_only_if_it_is_another_one() {
        let stopped = |valid_input: Option<&str>, later: &str| {
            let mut call = ContentBlock::default();
            call.add_tool_input(" {\"a\":");
            call.add_tool_input("1}");
            call.stop(valid_input);
            if !later.is_empty() {
                call.add_tool_input(later);
            }
            (json(&call), call.is_input_valid)
        };
        let input = |json: &str| format!(r#"{{"toolUse":{{"input":{json}}}}}"#);
        assert_eq!(stopped(Some(" {\"a\":1}"), ""), (input(r#"{"a":1}"#), true));
        assert_eq!(stopped(Some("1}"), ""), (input(r#"{"a":1}"#), false));
        assert_eq!(stopped(None, ""), (input(r#"{"a":1}"#), false));
        assert_eq!(stopped(Some(" {\"a\":1}"), "{"), (input(r#"" {\"a\":1}{""#), false));
    }

    #[test]
    fn a_call_without_input_has_no_arguments_only_once_it_is_complete() {
        let mut call = block(&[r#"{"toolUse":{"name":"f"}}"#]);
        assert_eq!(written(&call, false), r#"{"toolUse":{"input":"","name":"f"}}"#);
        call.stop(None);
        assert_eq!(written(&call, false), r#"{"toolUse":{"input":{},"name":"f"}}"#);
    }

    #[test]
    fn a_tool_result_gets_the_content_of_its_deltas() {
        let result = block(&[
            r#"{"toolResult":{"toolUseId":"1","status":"success"}}"#,
            r#"{"toolResult":[{"text":"a"}]}"#,
            r#"{"toolResult":[{"json":{"b": 1.0}},{"text":"c"}]}"#,
        ]);
        let content = r#"[{"text":"a"},{"json":{"b": 1.0}},{"text":"c"}]"#;
        let expected = format!(r#"{{"toolResult":{{"content":{content},"status":"success","toolUseId":"1"}}}}"#);
        assert_eq!(json(&result), expected);
    }

    #[test]
    fn reasoning_has_its_text_and_signature_together() {
        let mut reasoning =
            block(&[r#"{"reasoningContent":{"signature":"si"}}"#, r#"{"reasoningContent":{"signature":"gn"}}"#]);
        assert_eq!(json(&reasoning), r#"{"reasoningContent":{"reasoningText":{"signature":"sign","text":""}}}"#);
        reasoning.add_reasoning("th");
        reasoning.add_reasoning("ought");
        assert_eq!(json(&reasoning), r#"{"reasoningContent":{"reasoningText":{"signature":"sign","text":"thought"}}}"#);
        let redacted = block(&[
            r#"{"reasoningContent":{"redactedContent":"YQ=="}}"#,
            r#"{"reasoningContent":{"redactedContent":"YmM="}}"#,
        ]);
        assert_eq!(json(&redacted), r#"{"reasoningContent":{"redactedContent":"YWJj"}}"#);
    }

    #[test]
    fn citations_are_beside_their_text() {
        let mut cited = block(&[r#"{"citation":{"title":"A"}}"#, r#"{"citation":{"title": "B"}}"#]);
        let with = |content| {
            format!(r#"{{"citationsContent":{{"citations":[{{"title":"A"}},{{"title": "B"}}],"content":{content}}}}}"#)
        };
        assert_eq!(json(&cited), with("[]"));
        cited.add_text("a");
        cited.add_text("b");
        assert_eq!(json(&cited), with(r#"[{"text":"ab"}]"#));
    }

    #[test]
    fn unknown_parts_are_merged() {
        let image = block(&[
            r#"{"image":{"format":"png"}}"#,
            r#"{"image":{"source":{"bytes":"YQ=="}}}"#,
            r#"{"image":{"source":{"bytes":"YmM="}}}"#,
        ]);
        assert_eq!(json(&image), r#"{"image":{"format":"png","source":{"bytes":"YWJj"}}}"#);
        let new = block(&[r#"{"new":{"a":1}}"#, r#"{"new":{"a":2,"b":["x"]}}"#, r#"{"other":null}"#]);
        assert_eq!(json(&new), r#"{"new":{"a":2,"b":["x"]},"other":null}"#);
        let mut started = block(&[r#"{"text":"a"}"#]);
        started.add_text("b");
        assert_eq!(json(&started), r#"{"text":"ab"}"#, "a start's members come first");
    }
}
