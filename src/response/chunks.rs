//! The chunks of an InvokeModelWithResponseStream, as one JSON text.

use crate::json::{Json, quoted};
use crate::protocol::event::{Event, EventKind};
use crate::protocol::usage::{INVOCATION_METRICS, Usage};
use crate::text::TextBuilder;

/// An array of what came. A chunk's form is the model's own, so that nobody but the program can put more together of it.
#[derive(Clone, Debug, Default)]
pub struct Chunks {
    /// What has come, behind the bracket that opens the array; nothing before the first.
    elements: TextBuilder,
    /// Whether only the chunk that counts is kept.
    outline: bool,
}

impl Chunks {
    /// Of all chunks only the one that tells what the answer cost.
    pub fn outline() -> Self {
        Chunks { outline: true, ..Chunks::default() }
    }

    pub fn is_outline(&self) -> bool {
        self.outline
    }

    pub fn push(&mut self, event: &Event<'_>) {
        if self.outline {
            if !counts(event) {
                return;
            }
            self.elements.clear();
        }
        match event.kind {
            EventKind::Chunk if Json::parse(&event.text).is_ok() => self.add(&event.text),
            EventKind::Chunk if !event.text.is_empty() => self.add(&quoted(&event.text)),
            // A chunk that is no text, and events that are no chunk.
            _ if !event.json.is_empty() => self.add(&event.json),
            _ if !event.payload.is_empty() => {
                self.add(&format!("{{\"bytes\":\"{}\"}}", base64_simd::STANDARD.encode_to_string(event.payload)));
            }
            _ => {}
        }
    }

    fn add(&mut self, element: &str) {
        self.elements.push_str(if self.elements.is_empty() { "[" } else { "," });
        self.elements.push_str(element);
    }

    /// The answer as far as it has come.
    pub fn into_answer(mut self) -> TextBuilder {
        self.elements.push_str(if self.elements.is_empty() { "[]" } else { "]" });
        self.elements
    }
}

fn counts(event: &Event<'_>) -> bool {
    event.kind == EventKind::Chunk
        && event.text.contains(INVOCATION_METRICS)
        && Json::parse(&event.text).ok().and_then(Usage::of_chunk).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::CText;

    fn event<'a>(kind: EventKind, text: &'a str, json: &'a str) -> Event<'a> {
        let payload = json.as_bytes();
        let (text, json) = (CText::leaked(text), CText::leaked(json));
        let (tool_id, tool_name, input_valid, more) = (CText::empty(), CText::empty(), false, false);
        Event { kind, block: -1, text, tool_id, tool_name, json, payload, input_valid, more }
    }

    #[test]
    fn chunks_stand_in_an_array_as_the_model_wrote_them_and_nothing_is_lost() {
        let mut chunks = Chunks::default();
        assert_eq!(String::from(chunks.clone().into_answer()), "[]");
        chunks.push(&event(EventKind::Chunk, r#"{"a": 1.0}"#, r#"{"bytes":"eyJhIjogMS4wfQ=="}"#));
        chunks.push(&event(EventKind::Chunk, "plain \"text\"", "{}"));
        chunks.push(&event(EventKind::Chunk, "", r#"{"bytes":"/w=="}"#));
        chunks.push(&event(EventKind::Other, "new", r#"{"b":2}"#));
        chunks.push(&Event { payload: b"\xff", ..event(EventKind::Other, "binary", "") });
        chunks.push(&event(EventKind::Other, "keepAlive", ""));
        assert_eq!(
            String::from(chunks.clone().into_answer()),
            r#"[{"a": 1.0},"plain \"text\"",{"bytes":"/w=="},{"b":2},{"bytes":"/w=="}]"#
        );
    }

    #[test]
    fn an_outline_is_the_chunk_that_counts() {
        let mut chunks = Chunks::outline();
        let counting = r#"{"type":"stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":1}}"#;
        for text in [counting, r#"{"a": 1}"#, r#""amazon-bedrock-invocationMetrics""#, counting] {
            chunks.push(&event(EventKind::Chunk, text, "{}"));
        }
        assert_eq!(String::from(chunks.clone().into_answer()), format!("[{counting}]"));
    }
}
