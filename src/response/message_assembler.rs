//! Assembles the events of a ConverseStream to the response that Converse would have returned.

use super::content_block::ContentBlock;
use super::merge::members_of_all;
use super::object_writer::ObjectWriter;
use super::without_member::without_member;
use crate::json::{Json, Quoted};
use crate::protocol::event::{Event, EventKind};
use crate::text::TextBuilder;
use std::collections::BTreeMap;

/// A message whose events are being received.
#[derive(Clone, Debug, Default)]
pub struct MessageAssembler {
    role: Box<str>,
    /// The content blocks by their indices, because their events may interleave.
    blocks: BTreeMap<i32, ContentBlock>,
    /// The payloads of `messageStart`, `messageStop` and `metadata`, whose members are members of the response.
    envelopes: Vec<(EventKind, Box<str>)>,
    stopped: bool,
    /// Whether the content is left out. Of other events only the first of each kind is kept.
    lacks_content: bool,
}

impl MessageAssembler {
    /// Returns an assembler that keeps only the stop reason and the usage.
    pub fn without_content() -> Self {
        MessageAssembler { lacks_content: true, ..MessageAssembler::default() }
    }

    /// Returns whether the content is left out.
    pub fn lacks_content(&self) -> bool {
        self.lacks_content
    }

    /// Adds an event to the message.
    pub fn push(&mut self, event: &Event<'_>) {
        match event.kind {
            EventKind::MessageStart => {
                let is_kept = !self.lacks_content || event.text.len() <= MAX_ENVELOPE;
                self.role = if is_kept { event.text.as_str().into() } else { Box::default() };
                if let Some(others) = members_besides(&event.json, "role") {
                    self.add_envelope(event.kind, others);
                }
            }
            _ if self.lacks_content && is_content(event.kind) => {}
            EventKind::BlockStart => self.block(event).add_part(&event.json, "start"),
            EventKind::Text => {
                self.block(event).add_text(&event.text);
                self.add_other_members(event, &["text"]);
            }
            EventKind::Reasoning => {
                self.block(event).add_reasoning(&event.text);
                self.add_other_members(event, &["reasoningContent", "text"]);
            }
            EventKind::ToolInput => {
                self.block(event).add_tool_input(&event.text);
                self.add_other_members(event, &["toolUse", "input"]);
            }
            EventKind::BlockDelta => self.block(event).add_part(&event.json, "delta"),
            EventKind::BlockStop => {
                if let Some(block) = self.blocks.get_mut(&event.block) {
                    block.stop(event.input_valid.then_some(event.text.as_str()));
                }
            }
            EventKind::MessageStop => {
                self.stopped = true;
                self.add_envelope(event.kind, event.json.as_str().into());
            }
            EventKind::Metadata => self.add_envelope(event.kind, event.json.as_str().into()),
            EventKind::Other | EventKind::Chunk | EventKind::ToolCall => {}
        }
    }

    fn add_envelope(&mut self, kind: EventKind, members: Box<str>) {
        if !self.lacks_content {
            self.envelopes.push((kind, members));
        } else if self.envelopes.iter().all(|(known, _)| *known != kind) {
            let members = if members.len() > MAX_ENVELOPE { stop_reason_and_usage(&members) } else { members };
            self.envelopes.push((kind, members));
        }
    }

    /// Adds the members of a delta besides its text. Nearly all deltas have none.
    fn add_other_members(&mut self, event: &Event<'_>, text: &[&str]) {
        if event.more {
            self.block(event).add_other_members(&event.json, text);
        }
    }

    fn block(&mut self, event: &Event<'_>) -> &mut ContentBlock {
        self.blocks.entry(event.block).or_default()
    }

    /// Returns the JSON of the response as far as it has been received. Parts are freed as they are written.
    pub fn into_json(self) -> TextBuilder {
        let envelopes = self.envelopes.iter().filter_map(|(_, members)| Json::parse(members).ok());
        let mut response = ObjectWriter::from(members_of_all(envelopes));
        [PADDING, OUTPUT].into_iter().for_each(|member| response.remove(member));
        let after_output = response.split_off(OUTPUT);
        let mut out = TextBuilder::default();
        out.push_str("{");
        let has_members = response.write_members(false, &mut out);
        out.push_str(if has_members { "," } else { "" });
        out.push_str("\"output\":{\"message\":{\"content\":[");
        let mut has_blocks = false;
        for (_, block) in self.blocks {
            has_blocks = block.write(self.stopped, has_blocks, &mut out);
        }
        let role = if self.role.is_empty() { "assistant" } else { &self.role };
        out.push_str(&format!("],\"role\":{}}}}}", Quoted(role)));
        after_output.write_members(true, &mut out);
        out.push_str("}");
        out
    }
}

/// The maximum length of an event that is kept completely if the content is left out. In practice all are shorter.
const MAX_ENVELOPE: usize = 256 << 10;

/// Returns the stop reason and the usage of an event that is too long to be kept.
fn stop_reason_and_usage(members: &str) -> Box<str> {
    let members = Json::parse(members).ok();
    let mut kept = ObjectWriter::default();
    for key in ["metrics", "stopReason", "usage"] {
        let value = members.and_then(|members| members.get(key)).filter(|value| value.text().len() <= MAX_ENVELOPE / 4);
        value.into_iter().for_each(|value| kept.set(key, value.text()));
    }
    let mut out = TextBuilder::default();
    kept.write(&mut out);
    String::from(out).into()
}

fn is_content(kind: EventKind) -> bool {
    use EventKind::{BlockDelta, BlockStart, BlockStop, Reasoning, Text, ToolInput};
    matches!(kind, BlockStart | Text | Reasoning | ToolInput | BlockDelta | BlockStop)
}

/// Returns the members of a payload besides `member`.
fn members_besides(payload: &str, member: &str) -> Option<Box<str>> {
    Json::parse(payload).ok().and_then(|payload| without_member(payload, &[member])).map(String::into_boxed_str)
}

/// A member of every payload with random length, which hides the length of the text from observers of the connection.
const PADDING: &str = "p";
/// The member with the message.
const OUTPUT: &str = "output";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::CText;
    use EventKind::*;

    fn event<'a>(kind: EventKind, block: i32, text: &'a str, json: &'a str) -> Event<'a> {
        let payload = json.as_bytes();
        let (text, json) = (CText::leaked(text), CText::leaked(json));
        let (tool_id, tool_name, input_valid, more) = (CText::EMPTY, CText::EMPTY, false, false);
        Event { kind, block, text, tool_id, tool_name, json, payload, input_valid, more }
    }

    fn response(events: &[Event<'_>]) -> String {
        let mut message = MessageAssembler::default();
        events.iter().for_each(|event| message.push(event));
        message.into_json().into()
    }

    #[test]
    fn before_any_event_there_is_an_empty_message() {
        assert_eq!(response(&[]), r#"{"output":{"message":{"content":[],"role":"assistant"}}}"#);
        let nothing =
            [event(MessageStart, -1, "assistant", "{}"), event(BlockStop, 0, "", "{}"), event(BlockStart, 1, "", "{}")];
        assert_eq!(response(&nothing), response(&[]));
    }

    #[test]
    fn blocks_may_interleave_and_are_in_the_order_of_their_indices() {
        let start = r#"{"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"1","name":"f"}},"p":"abc"}"#;
        let events = [
            event(BlockStart, 2, "", start),
            event(Text, 1, "a", ""),
            event(ToolInput, 2, "{\"x\":", ""),
            event(Reasoning, 0, "r", ""),
            event(ToolInput, 2, "1}", ""),
            event(Text, 1, "b", ""),
        ];
        let blocks = [
            r#"{"reasoningContent":{"reasoningText":{"text":"r"}}}"#,
            r#"{"text":"ab"}"#,
            r#"{"toolUse":{"input":{"x":1},"name":"f","toolUseId":"1"}}"#,
        ];
        let expected = format!(r#"{{"output":{{"message":{{"content":[{}],"role":"assistant"}}}}}}"#, blocks.join(","));
        assert_eq!(response(&events), expected);
    }

    #[test]
    fn the_members_of_message_stop_and_metadata_are_kept_and_the_padding_is_not() {
        let stop = r#"{"stopReason":"end_turn","additionalModelResponseFields":{"a": 1.0},"p":"abc"}"#;
        let metadata = r#"{"usage":{"inputTokens": 1},"metrics":{},"new":[ ],"p":"ab"}"#;
        let events =
            [event(Text, 0, "a", ""), event(MessageStop, -1, "end_turn", stop), event(Metadata, -1, "", metadata)];
        let expected = concat!(
            r#"{"additionalModelResponseFields":{"a": 1.0},"metrics":{},"new":[ ],"#,
            r#""output":{"message":{"content":[{"text":"a"}],"role":"assistant"}},"#,
            r#""stopReason":"end_turn","usage":{"inputTokens": 1}}"#
        );
        assert_eq!(response(&events), expected);
    }

    #[test]
    fn without_content_the_response_does_not_grow() {
        let mut message = MessageAssembler::without_content();
        let start = event(MessageStart, -1, "assistant", r#"{"role":"assistant","new":1}"#);
        let stop = event(MessageStop, -1, "end_turn", r#"{"stopReason":"end_turn"}"#);
        let metadata = event(Metadata, -1, "", r#"{"usage":{"inputTokens":1}}"#);
        for _ in 0..2 {
            message.push(&start);
            message.push(&event(Text, 0, "a", ""));
            message.push(&event(BlockDelta, 0, "", r#"{"delta":{"citation":{}}}"#));
            message.push(&stop);
            message.push(&metadata);
        }
        let expected = r#"{"new":1,"output":{"message":{"content":[],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":1}}"#;
        assert!(message.blocks.is_empty() && message.envelopes.len() == 3);
        assert_eq!(String::from(message.into_json()), expected);
    }

    #[test]
    fn without_content_huge_events_leave_their_stop_reason_and_usage() {
        let huge = "x".repeat(1 << 20);
        let stop = format!(r#"{{"stopReason":"end_turn","new":"{huge}"}}"#);
        let metadata = format!(r#"{{"trace":"{huge}","usage":{{"inputTokens":1}},"metrics":{{"new":"{huge}"}}}}"#);
        let mut message = MessageAssembler::without_content();
        message.push(&event(MessageStart, -1, &huge, "{}"));
        message.push(&event(MessageStop, -1, "end_turn", &stop));
        message.push(&event(Metadata, -1, "", &metadata));
        let expected = r#"{"output":{"message":{"content":[],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":1}}"#;
        assert_eq!(String::from(message.into_json()), expected);
    }

    #[test]
    fn the_response_is_valid_json_after_every_event() {
        let events = [
            event(MessageStart, -1, "assistant", r#"{"role":"assistant"}"#),
            event(BlockStart, 0, "", r#"{"start":{"toolUse":{"toolUseId":"1","name":"f"}}}"#),
            event(ToolInput, 0, "{\"a\": \"\\u00", ""),
            event(ToolInput, 0, "e9\"}", ""),
            event(BlockStop, 0, "", "{}"),
            event(MessageStop, -1, "tool_use", r#"{"stopReason":"tool_use"}"#),
        ];
        let responses: Vec<_> = (0..=events.len()).map(|count| response(&events[..count])).collect();
        assert!(responses.iter().all(|response| Json::parse(response).is_ok()));
        assert!(
            responses[3].contains(r#""input":"{\"a\": \"\\u00""#),
            "a string while it is not valid JSON: {}",
            responses[3]
        );
        assert!(responses[4].contains(r#""input":{"a": "\u00e9"}"#), "as written once it is valid: {}", responses[4]);
    }
}
