//! One content block, from its events to the shape it has in a unary answer.

use super::merge::{Members, Object, array, gather, merge};
use super::rest::without;
use crate::json::{Json, quoted};
use crate::wire::tool_input;

/// A content block of which more may come. What comes in many small deltas is only appended, the rest is kept as JSON.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    /// The block's start and its other deltas, verbatim.
    parts: Vec<Box<str>>,
    text: Option<String>,
    reasoning: Option<String>,
    tool_input: Option<String>,
    stopped: bool,
}

impl Block {
    pub fn add_text(&mut self, delta: &str) {
        self.text.get_or_insert_default().push_str(delta);
    }

    pub fn add_reasoning(&mut self, delta: &str) {
        self.reasoning.get_or_insert_default().push_str(delta);
    }

    pub fn add_tool_input(&mut self, fragment: &str) {
        self.tool_input.get_or_insert_default().push_str(fragment);
    }

    /// Adds the start or the delta that stands under `member` in an event's payload.
    pub fn add_part(&mut self, payload: &str, member: &str) {
        if let Some(part) = Json::parse(payload).ok().and_then(|payload| payload.get(member)) {
            self.parts.push(part.text().into());
        }
    }

    /// Adds what stands in an event's delta beside the text to which `path` leads.
    pub fn add_beside(&mut self, payload: &str, path: &[&str]) {
        let payload = Json::parse(payload).ok();
        let rest = payload.and_then(|payload| payload.get("delta")).and_then(|delta| without(delta, path));
        self.parts.extend(rest.map(String::into_boxed_str));
    }

    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// The block as a unary answer has it; `None` where nothing came that could stand in one.
    pub fn to_json(&self, message_stopped: bool) -> Option<String> {
        let text = self.text.as_deref().map(quoted);
        let reasoning_text = self.reasoning.as_deref().map(quoted);

        let mut members = gather(self.parts.iter().filter_map(|part| Json::parse(part).ok()));
        append(&mut members, "text", &text);
        let tool_use = members.remove("toolUse");
        let tool_result = members.remove("toolResult");
        let reasoning = members.remove("reasoningContent");
        let cited = members.remove("citation").map(|citations| (citations, members.remove("text")));

        let mut block = Object::from(members);
        if tool_use.is_some() || self.tool_input.is_some() {
            let stopped = self.stopped || message_stopped;
            block.set("toolUse", self.tool_use(&tool_use.unwrap_or_default(), stopped));
        }
        if let Some(parts) = tool_result {
            block.set("toolResult", self::tool_result(&parts));
        }
        if reasoning.is_some() || reasoning_text.is_some() {
            block.set("reasoningContent", self::reasoning(&reasoning.unwrap_or_default(), &reasoning_text));
        }
        if let Some((citations, text)) = cited {
            block.set("citationsContent", citations_content(&citations, text.as_deref()));
        }
        (!block.is_empty()).then(|| block.to_string())
    }

    fn tool_use(&self, parts: &[Json<'_>], stopped: bool) -> String {
        let mut tool_use = Object::from(gather(parts.iter().copied()));
        match &self.tool_input {
            Some(input) => tool_use.set("input", input_json(input, stopped)),
            None if !tool_use.has("input") => tool_use.set("input", input_json("", stopped)),
            None => {}
        }
        tool_use.to_string()
    }
}

/// A tool call's input. One that is empty means {}, unless more may come. What is not JSON stands raw in a JSON string.
fn input_json(input: &str, stopped: bool) -> String {
    if stopped && input.trim().is_empty() {
        return "{}".to_owned();
    }
    match tool_input::json_of(input) {
        Some(json) => json.text().to_owned(),
        None => quoted(input),
    }
}

/// A result's start is an object, its deltas are arrays of what it contains.
fn tool_result(parts: &[Json<'_>]) -> String {
    let content: Vec<_> = parts.iter().flat_map(|part| part.elements()).map(Json::text).collect();
    let mut tool_result = Object::from(gather(parts.iter().copied()));
    if !content.is_empty() || !tool_result.has("content") {
        tool_result.set("content", array(content));
    }
    tool_result.to_string()
}

/// A stream has text and signature where a unary answer has `reasoningText`, an object of both.
fn reasoning(parts: &[Json<'_>], text: &Option<String>) -> String {
    let mut members = gather(parts.iter().copied());
    append(&mut members, "text", text);
    let text = members.remove("text");
    let signature = members.remove("signature");

    let mut reasoning = Object::from(members);
    if text.is_some() || signature.is_some() {
        // The service demands the text when it gets the message back, even where the model gave a signature alone.
        let mut reasoning_text =
            Object::default().with("text", text.map_or("\"\"".into(), |text| merge("text", &text)));
        if let Some(signature) = signature {
            reasoning_text.set("signature", merge("signature", &signature));
        }
        reasoning.set("reasoningText", reasoning_text.to_string());
    }
    reasoning.to_string()
}

/// A stream has citations among a block's text where a unary answer has them beside it.
fn citations_content(citations: &[Json<'_>], text: Option<&[Json<'_>]>) -> String {
    let content = text.map(|text| Object::default().with("text", merge("text", text)).to_string());
    Object::default()
        .with("citations", array(citations.iter().map(|citation| citation.text())))
        .with("content", array(content))
        .to_string()
}

/// Lets a member go on with a value that was put together by appending.
fn append<'a>(members: &mut Members<'a>, key: &'a str, value: &'a Option<String>) {
    if let Some(value) = value.as_deref().and_then(|value| Json::parse(value).ok()) {
        members.entry(key.into()).or_default().push(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(parts: &[&str]) -> Block {
        Block { parts: parts.iter().map(|&part| part.into()).collect(), ..Block::default() }
    }

    fn json(block: &Block) -> String {
        block.to_json(true).unwrap()
    }

    #[test]
    fn text_joins_and_an_empty_text_stays() {
        let mut text = Block::default();
        assert_eq!(text.to_json(true), None, "nothing came");
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
        let input = |raw: &str| input_json(raw, true);
        assert_eq!(input(" "), "{}");
        assert_eq!(input(r#"{"a": "b"#), r#""{\"a\": \"b""#);
        assert_eq!(input(r#"{"a": "b"}"#), r#"{"a": "b"}"#);
    }

    #[test]
    fn an_open_call_without_input_is_not_taken_for_one_without_arguments() {
        let mut call = block(&[r#"{"toolUse":{"name":"f"}}"#]);
        assert_eq!(call.to_json(false).unwrap(), r#"{"toolUse":{"input":"","name":"f"}}"#);
        call.stop();
        assert_eq!(call.to_json(false).unwrap(), r#"{"toolUse":{"input":{},"name":"f"}}"#);
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
