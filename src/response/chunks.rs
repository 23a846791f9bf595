//! The chunks of an InvokeModelWithResponseStream, as one JSON text.

use crate::json::{Json, quoted};
use crate::wire::event::{Event, EventKind};

/// An array of what came. A chunk's form is the model's own, so that nobody but the program can put more together of it.
#[derive(Debug, Default)]
pub struct Chunks {
    elements: String,
}

impl Chunks {
    pub fn push(&mut self, event: &Event<'_>) {
        if !self.elements.is_empty() {
            self.elements.push(',');
        }
        match event.kind {
            EventKind::Chunk if Json::parse(event.text).is_ok() => self.elements.push_str(event.text),
            EventKind::Chunk if !event.text.is_empty() => self.elements.push_str(&quoted(event.text)),
            // A chunk that is no text, and events that are no chunk.
            _ => self.elements.push_str(event.json),
        }
    }

    /// The answer as far as it has come.
    pub fn answer(&self) -> String {
        format!("[{}]", self.elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event<'a>(kind: EventKind, text: &'a str, json: &'a str) -> Event<'a> {
        Event { kind, block: -1, text, tool_id: "", tool_name: "", json }
    }

    #[test]
    fn chunks_stand_in_an_array_as_the_model_wrote_them_and_nothing_is_lost() {
        let mut chunks = Chunks::default();
        assert_eq!(chunks.answer(), "[]");
        chunks.push(&event(EventKind::Chunk, r#"{"a": 1.0}"#, r#"{"bytes":"eyJhIjogMS4wfQ=="}"#));
        chunks.push(&event(EventKind::Chunk, "plain \"text\"", "{}"));
        chunks.push(&event(EventKind::Chunk, "", r#"{"bytes":"/w=="}"#));
        chunks.push(&event(EventKind::Other, "new", r#"{"b":2}"#));
        assert_eq!(chunks.answer(), r#"[{"a": 1.0},"plain \"text\"",{"bytes":"/w=="},{"b":2}]"#);
    }
}
