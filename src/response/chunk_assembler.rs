//! Assembles the chunks of an InvokeModelWithResponseStream.

use crate::json::{Json, quoted};
use crate::protocol::event::{Event, EventKind};
use crate::protocol::usage::{INVOCATION_METRICS, Usage};
use crate::text::TextBuilder;

/// A JSON array of chunks. Their form is the model's own, so the library does not join them.
#[derive(Clone, Debug, Default)]
pub struct ChunkAssembler {
    /// The array without its closing bracket, or "" before the first chunk.
    elements: TextBuilder,
    /// Whether only the chunk with the usage is kept.
    lacks_content: bool,
}

impl ChunkAssembler {
    /// Returns an assembler that keeps only the chunk with the usage.
    pub fn without_content() -> Self {
        ChunkAssembler { lacks_content: true, ..ChunkAssembler::default() }
    }

    /// Returns whether only the chunk with the usage is kept.
    pub fn lacks_content(&self) -> bool {
        self.lacks_content
    }

    /// Adds an event to the array.
    pub fn push(&mut self, event: &Event<'_>) {
        if self.lacks_content {
            if !has_usage(event) {
                return;
            }
            self.elements.clear();
        }
        match event.kind {
            EventKind::Chunk if Json::parse(&event.text).is_ok() => self.add(&event.text),
            EventKind::Chunk if !event.text.is_empty() => self.add(&quoted(&event.text)),
            // A chunk that is not UTF-8, or an unknown event.
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

    /// Returns the array as far as it has been received.
    pub fn into_json(mut self) -> TextBuilder {
        self.elements.push_str(if self.elements.is_empty() { "[]" } else { "]" });
        self.elements
    }
}

fn has_usage(event: &Event<'_>) -> bool {
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
        let (tool_id, tool_name, input_valid, more) = (CText::EMPTY, CText::EMPTY, false, false);
        Event { kind, block: -1, text, tool_id, tool_name, json, payload, input_valid, more }
    }

    #[test]
    fn chunks_are_in_an_array_as_the_model_wrote_them_and_none_is_lost() {
        let mut chunks = ChunkAssembler::default();
        assert_eq!(String::from(chunks.clone().into_json()), "[]");
        chunks.push(&event(EventKind::Chunk, r#"{"a": 1.0}"#, r#"{"bytes":"eyJhIjogMS4wfQ=="}"#));
        chunks.push(&event(EventKind::Chunk, "plain \"text\"", "{}"));
        chunks.push(&event(EventKind::Chunk, "", r#"{"bytes":"/w=="}"#));
        chunks.push(&event(EventKind::Other, "new", r#"{"b":2}"#));
        chunks.push(&Event { payload: b"\xff", ..event(EventKind::Other, "binary", "") });
        chunks.push(&event(EventKind::Other, "keepAlive", ""));
        assert_eq!(
            String::from(chunks.clone().into_json()),
            r#"[{"a": 1.0},"plain \"text\"",{"bytes":"/w=="},{"b":2},{"bytes":"/w=="}]"#
        );
    }

    #[test]
    fn without_content_only_the_chunk_with_the_usage_is_kept() {
        let mut chunks = ChunkAssembler::without_content();
        let with_usage = r#"{"type":"stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":1}}"#;
        for text in [with_usage, r#"{"a": 1}"#, r#""amazon-bedrock-invocationMetrics""#, with_usage] {
            chunks.push(&event(EventKind::Chunk, text, "{}"));
        }
        assert_eq!(String::from(chunks.clone().into_json()), format!("[{with_usage}]"));
    }
}
