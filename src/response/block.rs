//! One content block, from its events to the shape it has in a unary answer.

use super::merge::{Object, Value, array, gather, merge};
use super::rest::without;
use crate::json::Json;
use crate::protocol::tool_input;
use crate::text::TextBuilder;

/// A content block of which more may come. What comes in many small deltas is only appended, the rest is kept as JSON. An
/// answer may have very many: a block with nothing in it is small.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    /// The block's start and its other deltas, verbatim.
    parts: Vec<Box<str>>,
    texts: Option<Box<Texts>>,
    stopped: bool,
}

#[derive(Clone, Debug, Default)]
struct Texts {
    text: Option<String>,
    reasoning: Option<String>,
    tool_input: Option<String>,
}

impl Block {
    pub fn add_text(&mut self, delta: &str) {
        self.texts.get_or_insert_default().text.get_or_insert_default().push_str(delta);
    }

    pub fn add_reasoning(&mut self, delta: &str) {
        self.texts.get_or_insert_default().reasoning.get_or_insert_default().push_str(delta);
    }

    pub fn add_tool_input(&mut self, fragment: &str) {
        self.texts.get_or_insert_default().tool_input.get_or_insert_default().push_str(fragment);
    }

    /// Adds the start or the delta that stands under `member` in an event's payload.
    pub fn add_part(&mut self, payload: &str, member: &str) {
        if let Some(part) = Json::parse(payload).ok().and_then(|payload| payload.get(member)) {
            self.keep(part.text().into());
        }
    }

    /// Adds what stands in an event's delta beside the text to which `path` leads.
    pub fn add_beside(&mut self, payload: &str, path: &[&str]) {
        let payload = Json::parse(payload).ok();
        let rest = payload.and_then(|payload| payload.get("delta")).and_then(|delta| without(delta, path));
        if let Some(rest) = rest {
            self.keep(rest.into());
        }
    }

    fn keep(&mut self, part: Box<str>) {
        // Most blocks have one.
        match self.parts.is_empty() {
            true => self.parts = vec![part],
            false => self.parts.push(part),
        }
    }

    pub fn stop(&mut self) {
        self.stopped = true;
        if let Some(texts) = &mut self.texts {
            let Texts { text, reasoning, tool_input } = &mut **texts;
            [text, reasoning, tool_input].into_iter().flatten().for_each(String::shrink_to_fit);
        }
    }

    /// Writes the block as a unary answer has it, behind a comma where others stand before it. Whether others do then:
    /// nothing is written where nothing came that could stand in an answer.
    pub fn write(self, message_stopped: bool, after_others: bool, out: &mut TextBuilder) -> bool {
        let Block { parts, texts, stopped } = self;
        let Texts { text, reasoning, tool_input } = texts.map(|texts| *texts).unwrap_or_default();
        let mut members = gather(parts.iter().filter_map(|part| Json::parse(part).ok()));
        let tool_use = members.remove("toolUse");
        let tool_result = members.remove("toolResult");
        let thought = members.remove("reasoningContent");
        let citations = members.remove("citation");
        let text = Value::continued("text", members.remove("text"), text);

        let mut block = Object::from(members);
        if tool_use.is_some() || tool_input.is_some() {
            let tool_use = tool_use.unwrap_or_default();
            block.set_value("toolUse", self::tool_use(&tool_use, tool_input, stopped || message_stopped));
        }
        if let Some(parts) = tool_result {
            block.set_value("toolResult", self::tool_result(&parts));
        }
        if thought.is_some() || reasoning.is_some() {
            block.set_value("reasoningContent", self::reasoning(&thought.unwrap_or_default(), reasoning));
        }
        match (citations, text) {
            (Some(citations), text) => block.set_value("citationsContent", citations_content(&citations, text)),
            (None, Some(text)) => block.set_value("text", text),
            (None, None) => {}
        }
        if block.is_empty() {
            return after_others;
        }
        out.push_str(if after_others { "," } else { "" });
        block.write(out);
        true
    }
}

fn tool_use<'a>(parts: &[Json<'a>], input: Option<String>, stopped: bool) -> Value<'a> {
    let mut tool_use = Object::from(gather(parts.iter().copied()));
    if input.is_some() || !tool_use.has("input") {
        tool_use.set_value("input", input_value(input.unwrap_or_default(), stopped));
    }
    Value::Object(tool_use)
}

/// A tool call's input. One that is empty means {}, unless more may come. What is not JSON stands raw in a JSON string.
fn input_value<'a>(input: String, stopped: bool) -> Value<'a> {
    if stopped && input.trim().is_empty() {
        return Value::Json("{}".into());
    }
    match tool_input::parse(&input).map(|json| json.text().len()) {
        Some(length) if length == input.len() => Value::Json(input.into()),
        Some(_) => Value::Json(input.trim_ascii().to_owned().into()),
        None => Value::Text(input),
    }
}

/// A result's start is an object, its deltas are arrays of what it contains.
fn tool_result<'a>(parts: &[Json<'a>]) -> Value<'a> {
    let content: Vec<_> = parts.iter().flat_map(|part| part.elements()).map(Json::text).collect();
    let mut tool_result = Object::from(gather(parts.iter().copied()));
    if !content.is_empty() || !tool_result.has("content") {
        tool_result.set("content", array(content));
    }
    Value::Object(tool_result)
}

/// A stream has text and signature where a unary answer has `reasoningText`, an object of both.
fn reasoning<'a>(parts: &[Json<'a>], text: Option<String>) -> Value<'a> {
    let mut members = gather(parts.iter().copied());
    let text = Value::continued("text", members.remove("text"), text);
    let signature = members.remove("signature");

    let mut reasoning = Object::from(members);
    if text.is_some() || signature.is_some() {
        // The service demands the text when it gets the message back, even where the model gave a signature alone.
        let mut reasoning_text = Object::default().with("text", text.unwrap_or(Value::Json("\"\"".into())));
        if let Some(signature) = signature {
            reasoning_text.set("signature", merge("signature", &signature));
        }
        reasoning.set_value("reasoningText", Value::Object(reasoning_text));
    }
    Value::Object(reasoning)
}

/// A stream has citations among a block's text where a unary answer has them beside it.
fn citations_content<'a>(citations: &[Json<'a>], text: Option<Value<'a>>) -> Value<'a> {
    let content = text.map(|text| Object::default().with("text", text));
    let citations = array(citations.iter().map(|citation| citation.text()));
    Value::Object(
        Object::default().with("citations", Value::Json(citations.into())).with("content", Value::Array(content)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(parts: &[&str]) -> Block {
        Block { parts: parts.iter().map(|&part| part.into()).collect(), ..Block::default() }
    }

    fn written(block: &Block, message_stopped: bool) -> String {
        let mut out = TextBuilder::default();
        let wrote = block.clone().write(message_stopped, false, &mut out);
        assert_eq!(wrote, !out.is_empty());
        out.into()
    }

    fn json(block: &Block) -> String {
        written(block, true)
    }

    #[test]
    fn text_joins_and_an_empty_text_stays() {
        let mut text = Block::default();
        assert_eq!(json(&text), "", "nothing came");
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
    fn input_that_is_not_json_stays_raw() {
        let input = |raw: &str| {
            let mut out = TextBuilder::default();
            input_value(raw.to_owned(), true).write(&mut out);
            String::from(out)
        };
        assert_eq!(input(" "), "{}");
        assert_eq!(input(r#"{"a": "b"#), r#""{\"a\": \"b""#);
        assert_eq!(input(r#"{"a": "b"}"#), r#"{"a": "b"}"#);
    }

    #[test]
    fn an_open_call_without_input_is_not_taken_for_one_without_arguments() {
        let mut call = block(&[r#"{"toolUse":{"name":"f"}}"#]);
        assert_eq!(written(&call, false), r#"{"toolUse":{"input":"","name":"f"}}"#);
        call.stop();
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
        let mut thought =
            block(&[r#"{"reasoningContent":{"signature":"si"}}"#, r#"{"reasoningContent":{"signature":"gn"}}"#]);
        assert_eq!(json(&thought), r#"{"reasoningContent":{"reasoningText":{"signature":"sign","text":""}}}"#);
        thought.add_reasoning("th");
        thought.add_reasoning("ought");
        assert_eq!(json(&thought), r#"{"reasoningContent":{"reasoningText":{"signature":"sign","text":"thought"}}}"#);
        let redacted = block(&[
            r#"{"reasoningContent":{"redactedContent":"YQ=="}}"#,
            r#"{"reasoningContent":{"redactedContent":"YmM="}}"#,
        ]);
        assert_eq!(json(&redacted), r#"{"reasoningContent":{"redactedContent":"YWJj"}}"#);
    }

    #[test]
    fn citations_stand_beside_the_text_they_came_with() {
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
    fn what_is_not_known_merges() {
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
