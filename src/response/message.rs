//! A message, put together from the events of a ConverseStream to be the answer that Converse would have given.

use super::block::Block;
use super::merge::{Object, gather};
use super::rest::without;
use crate::json::{Json, Quoted};
use crate::protocol::event::{Event, EventKind};
use crate::text::TextBuilder;
use std::collections::BTreeMap;

/// A message while its events arrive. Blocks are kept by index: they may interleave and come in any order.
#[derive(Clone, Debug, Default)]
pub struct Message {
    role: Box<str>,
    blocks: BTreeMap<i32, Block>,
    /// The payloads of `messageStart`, `messageStop` and `metadata`, whose members stand at the answer's top.
    envelopes: Vec<(EventKind, Box<str>)>,
    stopped: bool,
    /// Whether the content is left out, and of everything else the first is kept.
    outline: bool,
}

impl Message {
    /// A message of which only what stands beside its content is kept: why it stopped, and what it cost.
    pub fn outline() -> Self {
        Message { outline: true, ..Message::default() }
    }

    pub fn is_outline(&self) -> bool {
        self.outline
    }

    pub fn push(&mut self, event: &Event<'_>) {
        match event.kind {
            EventKind::MessageStart => {
                let keeps = !self.outline || event.text.len() <= OUTLINE;
                self.role = if keeps { event.text.as_str().into() } else { Box::default() };
                if let Some(rest) = rest_of(&event.json, "role") {
                    self.add_envelope(event.kind, rest);
                }
            }
            _ if self.outline && is_of_content(event.kind) => {}
            EventKind::BlockStart => self.block(event).add_part(&event.json, "start"),
            EventKind::Text => {
                self.block(event).add_text(&event.text);
                self.add_beside(event, &["text"]);
            }
            EventKind::Reasoning => {
                self.block(event).add_reasoning(&event.text);
                self.add_beside(event, &["reasoningContent", "text"]);
            }
            EventKind::ToolInput => {
                self.block(event).add_tool_input(&event.text);
                self.add_beside(event, &["toolUse", "input"]);
            }
            EventKind::BlockDelta => self.block(event).add_part(&event.json, "delta"),
            EventKind::BlockStop => {
                if let Some(block) = self.blocks.get_mut(&event.block) {
                    block.stop();
                }
            }
            EventKind::MessageStop => {
                self.stopped = true;
                self.add_envelope(event.kind, event.json.as_str().into());
            }
            EventKind::Metadata => self.add_envelope(event.kind, event.json.as_str().into()),
            EventKind::Other | EventKind::Chunk => {}
        }
    }

    fn add_envelope(&mut self, kind: EventKind, members: Box<str>) {
        if !self.outline {
            self.envelopes.push((kind, members));
        } else if self.envelopes.iter().all(|(known, _)| *known != kind) {
            let members = if members.len() > OUTLINE { essence(&members) } else { members };
            self.envelopes.push((kind, members));
        }
    }

    /// Nearly every delta is its text and nothing else.
    fn add_beside(&mut self, event: &Event<'_>, text: &[&str]) {
        if event.more {
            self.block(event).add_beside(&event.json, text);
        }
    }

    fn block(&mut self, event: &Event<'_>) -> &mut Block {
        self.blocks.entry(event.block).or_default()
    }

    /// The answer as far as it has come. What is written is freed.
    pub fn into_answer(self) -> TextBuilder {
        let mut answer =
            Object::from(gather(self.envelopes.iter().filter_map(|(_, members)| Json::parse(members).ok())));
        [PADDING, OUTPUT].into_iter().for_each(|member| answer.remove(member));
        let after = answer.split_off(OUTPUT);
        let mut out = TextBuilder::default();
        out.push_str("{");
        let after_others = answer.write_members(false, &mut out);
        out.push_str(if after_others { "," } else { "" });
        out.push_str("\"output\":{\"message\":{\"content\":[");
        let mut after_blocks = false;
        for (_, block) in self.blocks {
            after_blocks = block.write(self.stopped, after_blocks, &mut out);
        }
        let role = if self.role.is_empty() { "assistant" } else { &self.role };
        out.push_str(&format!("],\"role\":{}}}}}", Quoted(role)));
        after.write_members(true, &mut out);
        out.push_str("}");
        out
    }
}

/// An outline keeps no more than this of each of its events, all members of which are small in practice.
const OUTLINE: usize = 256 << 10;

/// Of an event that is longer: why the message stopped and what it cost.
fn essence(members: &str) -> Box<str> {
    let members = Json::parse(members).ok();
    let mut essence = Object::default();
    for key in ["metrics", "stopReason", "usage"] {
        let value = members.and_then(|members| members.get(key)).filter(|value| value.text().len() <= OUTLINE / 4);
        value.into_iter().for_each(|value| essence.set(key, value.text()));
    }
    let mut out = TextBuilder::default();
    essence.write(&mut out);
    String::from(out).into()
}

fn is_of_content(kind: EventKind) -> bool {
    use EventKind::{BlockDelta, BlockStart, BlockStop, Reasoning, Text, ToolInput};
    matches!(kind, BlockStart | Text | Reasoning | ToolInput | BlockDelta | BlockStop)
}

/// What an event's payload holds beside `member`.
fn rest_of(payload: &str, member: &str) -> Option<Box<str>> {
    Json::parse(payload).ok().and_then(|payload| without(payload, &[member])).map(String::into_boxed_str)
}

/// A member of every payload, of random length, against those who guess at an answer from the size of its pieces.
const PADDING: &str = "p";
/// The member that the message stands in.
const OUTPUT: &str = "output";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::CText;
    use EventKind::*;

    fn event<'a>(kind: EventKind, block: i32, text: &'a str, json: &'a str) -> Event<'a> {
        let payload = json.as_bytes();
        let (text, json) = (CText::leaked(text), CText::leaked(json));
        let (tool_id, tool_name, input_valid, more) = (CText::empty(), CText::empty(), false, false);
        Event { kind, block, text, tool_id, tool_name, json, payload, input_valid, more }
    }

    fn answer(events: &[Event<'_>]) -> String {
        let mut message = Message::default();
        events.iter().for_each(|event| message.push(event));
        message.into_answer().into()
    }

    #[test]
    fn before_any_event_there_is_an_empty_message() {
        assert_eq!(answer(&[]), r#"{"output":{"message":{"content":[],"role":"assistant"}}}"#);
        let nothing =
            [event(MessageStart, -1, "assistant", "{}"), event(BlockStop, 0, "", "{}"), event(BlockStart, 1, "", "{}")];
        assert_eq!(answer(&nothing), answer(&[]));
    }

    #[test]
    fn blocks_interleave_and_stand_in_the_order_of_their_indices() {
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
        assert_eq!(answer(&events), expected);
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
        assert_eq!(answer(&events), expected);
    }

    #[test]
    fn an_outline_has_no_content_and_does_not_grow() {
        let mut message = Message::outline();
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
        assert_eq!(String::from(message.into_answer()), expected);
    }

    #[test]
    fn an_outline_keeps_of_events_that_are_huge_why_the_message_stopped_and_what_it_cost() {
        let huge = "x".repeat(1 << 20);
        let stop = format!(r#"{{"stopReason":"end_turn","new":"{huge}"}}"#);
        let metadata = format!(r#"{{"trace":"{huge}","usage":{{"inputTokens":1}},"metrics":{{"new":"{huge}"}}}}"#);
        let mut message = Message::outline();
        message.push(&event(MessageStart, -1, &huge, "{}"));
        message.push(&event(MessageStop, -1, "end_turn", &stop));
        message.push(&event(Metadata, -1, "", &metadata));
        let expected = r#"{"output":{"message":{"content":[],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":1}}"#;
        assert_eq!(String::from(message.into_answer()), expected);
    }

    #[test]
    fn an_answer_is_valid_at_every_moment() {
        let events = [
            event(MessageStart, -1, "assistant", r#"{"role":"assistant"}"#),
            event(BlockStart, 0, "", r#"{"start":{"toolUse":{"toolUseId":"1","name":"f"}}}"#),
            event(ToolInput, 0, "{\"a\": \"\\u00", ""),
            event(ToolInput, 0, "e9\"}", ""),
            event(BlockStop, 0, "", "{}"),
            event(MessageStop, -1, "tool_use", r#"{"stopReason":"tool_use"}"#),
        ];
        let answers: Vec<_> = (0..=events.len()).map(|count| answer(&events[..count])).collect();
        assert!(answers.iter().all(|answer| Json::parse(answer).is_ok()));
        assert!(answers[3].contains(r#""input":"{\"a\": \"\\u00""#), "raw while it is no JSON: {}", answers[3]);
        assert!(answers[4].contains(r#""input":{"a": "\u00e9"}"#), "as written once it is: {}", answers[4]);
    }
}
