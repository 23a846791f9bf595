//! The memory of events: a batch holds decoded events until the reader takes them.

use super::event::{Event, EventKind};
use crate::json::Json;
use crate::text::CText;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroU32;

/// Events in the order of their arrival. Their texts share one allocation, which is reused.
#[derive(Default)]
pub struct Batch {
    /// The texts, each followed by a NUL.
    arena: String,
    /// The payloads that arrived in an allocation of their own, each followed by a NUL.
    large: Vec<String>,
    /// The payloads that are not JSON, by the index of the event, each followed by a NUL.
    raw: BTreeMap<usize, Vec<u8>>,
    /// The size of `raw`, in bytes.
    raw_size: usize,
    records: Vec<Record>,
}

struct Record {
    event: NewEvent,
    json: Span,
    /// The number, counted from 1, of the element of `large` that holds `json`. If it is None, the arena holds it.
    json_in: Option<NonZeroU32>,
}

/// An event to be appended to a batch that has stored its texts. The fields are those of [`Event`].
pub(super) struct NewEvent {
    pub kind: EventKind,
    pub block: i32,
    pub text: Span,
    pub tool_id: Span,
    pub tool_name: Span,
    pub input_valid: bool,
    pub more: bool,
}

/// A text inside the arena, or inside an element of `large`.
#[derive(Clone, Copy, Default)]
pub(super) struct Span {
    start: u32,
    length: u32,
}

impl NewEvent {
    /// Returns an event without a tool call.
    #[inline]
    pub fn new(kind: EventKind, block: i32, text: Span) -> Self {
        let (tool_id, tool_name) = (Span::default(), Span::default());
        NewEvent { kind, block, text, tool_id, tool_name, input_valid: false, more: false }
    }
}

/// The approximate size of the bookkeeping for a payload in an allocation of its own.
const RAW_OVERHEAD: usize = 64;
/// The length of a short frame as the service writes it: headers, a few words of text, padding.
const SHORT_FRAME: usize = 192;

/// A chunk of this length holds several events.
const SEVERAL_EVENTS: usize = 4 << 10;

/// The capacity up to which an empty arena keeps its memory.
const KEPT_ARENA: usize = 256 << 10;

impl Batch {
    /// Returns the number of events.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Returns whether the batch holds no event.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Returns the memory that the events take, in bytes. For short texts, most of it is the records.
    pub fn bytes(&self) -> usize {
        let large = self.large.iter().map(String::len).sum::<usize>();
        self.arena.len() + large + self.raw_size + self.records.len() * size_of::<Record>()
    }

    /// Returns the event at this index.
    pub fn get(&self, index: usize) -> Option<Event<'_>> {
        let Record { event, json, json_in } = self.records.get(index)?;
        let holder = json_in.map_or(&self.arena, |number| &self.large[number.get() as usize - 1]);
        let json = slice(holder, *json);
        let payload = match json.as_str() {
            "" => self.raw.get(&index).map_or(&[][..], |raw| &raw[..raw.len() - 1]),
            json => json.as_bytes(),
        };
        Some(Event {
            kind: event.kind,
            block: event.block,
            text: slice(&self.arena, event.text),
            tool_id: slice(&self.arena, event.tool_id),
            tool_name: slice(&self.arena, event.tool_name),
            json,
            payload,
            input_valid: event.input_valid,
            more: event.more,
        })
    }

    /// Reserves memory for the events in `bytes` of a response, so that it grows rarely and not with each event.
    pub fn reserve(&mut self, bytes: usize) {
        // More follows a long chunk, and memory that grows is copied.
        let ahead = |needed: usize| if bytes < SEVERAL_EVENTS { needed } else { 4 * needed };
        // The arena holds each payload, and its text once more: together less than the frame that held them.
        if self.arena.capacity() - self.arena.len() < bytes {
            self.arena.reserve(ahead(bytes).min(KEPT_ARENA).max(bytes));
        }
        let records = bytes / SHORT_FRAME;
        if self.records.capacity() - self.records.len() < records {
            self.records.reserve(ahead(records));
        }
    }

    /// Removes the events and keeps a limited part of the memory.
    pub fn clear(&mut self) {
        self.records.clear();
        self.large = Vec::new();
        self.raw.clear();
        self.raw_size = 0;
        self.arena.clear();
        self.arena.shrink_to(KEPT_ARENA);
    }

    /// Appends an event.
    pub(super) fn push(&mut self, event: NewEvent, payload: Cow<'_, str>) {
        match payload {
            Cow::Borrowed(payload) => self.push_borrowed(event, payload),
            Cow::Owned(mut payload) => {
                let json = Span { start: 0, length: payload.len() as u32 };
                payload.push('\0');
                self.large.push(payload);
                let json_in = NonZeroU32::new(self.large.len() as u32);
                self.records.push(Record { event, json, json_in });
            }
        }
    }

    /// Appends an event and copies its payload.
    #[inline]
    pub(super) fn push_borrowed(&mut self, event: NewEvent, payload: &str) {
        let json = self.store(payload);
        self.records.push(Record { event, json, json_in: None });
    }

    /// Appends an unknown event whose payload is not JSON.
    pub(super) fn push_raw(&mut self, name: &str, mut payload: Vec<u8>) {
        if !payload.is_empty() {
            payload.push(0);
            self.raw_size += payload.len() + RAW_OVERHEAD;
            self.raw.insert(self.records.len(), payload);
        }
        let name = self.store(name);
        self.push_borrowed(NewEvent::new(EventKind::Other, -1, name), "");
    }

    /// Stores a text, for the event that is appended next.
    #[inline]
    pub(super) fn store(&mut self, text: &str) -> Span {
        if text.is_empty() {
            return Span::default();
        }
        let start = self.arena.len() as u32;
        self.arena.push_str(text);
        self.arena.push('\0');
        Span { start, length: text.len() as u32 }
    }

    /// Stores a JSON string decoded, for the event that is appended next. For None, the text is "".
    pub(super) fn store_string(&mut self, string: Option<Json<'_>>) -> Span {
        let start = self.arena.len();
        let pieces = string.into_iter().flat_map(Json::pieces);
        pieces.for_each(|piece| self.arena.push_str(piece.as_str()));
        let length = self.arena.len() - start;
        if length == 0 {
            return Span::default();
        }
        self.arena.push('\0');
        Span { start: start as u32, length: length as u32 }
    }

    /// Returns a text that was stored.
    pub(super) fn text(&self, span: Span) -> &str {
        slice(&self.arena, span).as_str()
    }
}

#[inline]
fn slice(text: &str, span: Span) -> CText<'_> {
    // Most texts of an event are empty.
    if span.length == 0 {
        return CText::EMPTY;
    }
    CText::within(text, span.start as usize..(span.start + span.length) as usize)
}
