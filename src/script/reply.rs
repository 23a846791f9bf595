//! A reply of a script as the parts of a response: the events in which the service would stream its message.

use super::step::Step;
use crate::config::{self, ErrorReply};
use crate::json::Json;
use serde_json::json;
use std::fmt::Display;
use std::time::Duration;

/// A reply that is ready to be sent.
pub enum Reply {
    Steps(Vec<Step>),
    /// The response of an operation that does not stream.
    Json(String),
    Error(ErrorReply),
}

impl Reply {
    pub fn new(reply: &config::Reply) -> Self {
        match reply {
            config::Reply::Text { text, pace } => {
                let message = json!({"role": "assistant", "content": [{"text": text}]}).to_string();
                let message = Json::parse(&message).expect("JSON, written above");
                Reply::Steps(message_events(message, None, None, *pace))
            }
            config::Reply::Message { message, stop_reason, usage, pace } => {
                let usage = usage.as_ref().map(|usage| usage.json());
                Reply::Steps(message_events(message.json(), stop_reason.as_deref(), usage, *pace))
            }
            config::Reply::Events(events) => Reply::Steps(events.iter().map(Step::new).collect()),
            config::Reply::Json(json) => Reply::Json(json.json().text().to_owned()),
            config::Reply::Error(error) => Reply::Error(error.clone()),
        }
    }
}

/// Returns the events of a message, with a delay of `pace` before each delta. Without a stop reason, the message
/// decides. Without `usage`, its words count as output tokens.
fn message_events(
    message: Json<'_>,
    stop_reason: Option<&str>,
    usage: Option<Json<'_>>,
    pace: Option<Duration>,
) -> Vec<Step> {
    let mut events = MessageEvents { steps: Vec::new(), pace, words: 0, calls_tools: false };
    events.add("messageStart", json!({"role": "assistant"}));
    for (index, block) in message.get("content").into_iter().flat_map(Json::elements).enumerate() {
        events.add_block(index, block);
    }
    let stop_reason = stop_reason.unwrap_or(if events.calls_tools { "tool_use" } else { "end_turn" });
    events.add("messageStop", json!({"stopReason": stop_reason}));
    let words = events.words;
    let usage = usage.map_or_else(
        || json!({"inputTokens": 0, "outputTokens": words, "totalTokens": words}).to_string(),
        |usage| usage.text().to_owned(),
    );
    events.add("metadata", format_args!("{{\"usage\":{usage},\"metrics\":{{\"latencyMs\":0}}}}"));
    events.steps
}

struct MessageEvents {
    steps: Vec<Step>,
    pace: Option<Duration>,
    words: usize,
    calls_tools: bool,
}

impl MessageEvents {
    fn add(&mut self, name: &str, payload: impl Display) {
        self.steps.push(Step::event(name, &payload.to_string()));
    }

    fn add_delta(&mut self, index: usize, delta: impl Display) {
        self.add("contentBlockDelta", format_args!("{{\"contentBlockIndex\":{index},\"delta\":{delta}}}"));
    }

    fn pause(&mut self) {
        self.steps.extend(self.pace.map(Step::Wait));
    }

    fn add_block(&mut self, index: usize, block: Json<'_>) {
        if let Some(text) = block.get("text").and_then(Json::string) {
            for word in text.split_inclusive(' ') {
                self.words += 1;
                self.pause();
                self.add_delta(index, json!({"text": word}));
            }
        } else if let Some(tool) = block.get("toolUse") {
            self.calls_tools = true;
            self.words += 1;
            self.pause();
            let start = tool.members().filter(|member| !member.key.is("input"));
            let start = start.map(|member| member.segment.trim()).collect::<Vec<_>>().join(",");
            let start = format_args!("{{\"contentBlockIndex\":{index},\"start\":{{\"toolUse\":{{{start}}}}}}}");
            self.add("contentBlockStart", start);
            self.add_delta(index, json!({"toolUse": {"input": tool.get("input").map_or("{}", Json::text)}}));
        } else if let Some(reasoning) = block.pointer("/reasoningContent/reasoningText") {
            for member in reasoning.members() {
                self.pause();
                self.add_delta(index, format_args!("{{\"reasoningContent\":{{{}}}}}", member.segment.trim()));
            }
        } else {
            self.pause();
            self.add_delta(index, block.text());
        }
        self.add("contentBlockStop", json!({"contentBlockIndex": index}));
    }
}
