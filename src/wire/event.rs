//! From a frame's payload to an event, and the batches in which events travel.
//!
//! A delta of text, which is nearly every event of nearly every answer, is [recognised](super::delta) by its bytes and
//! never parsed as JSON. Everything else is read with [`Json`]; what this version does not know passes as
//! [`EventKind::BlockDelta`] or [`EventKind::Other`] with its payload, so that no answer is lost to a member that came
//! after us.

use super::delta::{TextDelta, Written};
use super::failure;
use super::frame::{Frame, MessageType};
use super::usage::{INVOCATION_METRICS, Usage};
use crate::error::{Error, Kind, Result};
use crate::json::{self, Json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What an event tells. The numbers are those of the C API's `BEDROCK_EVENT_...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum EventKind {
    MessageStart = 1,
    BlockStart = 2,
    Text = 3,
    Reasoning = 4,
    ToolInput = 5,
    BlockDelta = 6,
    BlockStop = 7,
    MessageStop = 8,
    Metadata = 9,
    Other = 10,
    Chunk = 11,
}

/// One event of a stream, borrowed from its [`Batch`]. A NUL stands behind each of its texts.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    pub kind: EventKind,
    /// The content block's index, -1 where the event belongs to none.
    pub block: i32,
    /// Decoded: a role, a delta, a fragment of a tool's input, the whole input, a stop reason, what a model wrote into a chunk, an
    /// unknown event's name.
    pub text: &'a str,
    /// Set where a tool call begins and ends.
    pub tool_id: &'a str,
    /// Set where a tool call begins and ends.
    pub tool_name: &'a str,
    /// The payload, verbatim.
    pub json: &'a str,
}

/// Events in the order in which they came, all their text in one allocation that is used again and again.
#[derive(Default)]
pub struct Batch {
    /// Each text, followed by a NUL.
    arena: String,
    /// Payloads that came in memory of their own, each followed by a NUL.
    large: Vec<String>,
    records: Vec<Record>,
}

struct Record {
    kind: EventKind,
    block: i32,
    text: Span,
    tool_id: Span,
    tool_name: Span,
    json: Span,
    /// Which of `large` holds `json`; none: the arena does.
    json_in: Option<u32>,
}

#[derive(Clone, Copy, Default)]
struct Span {
    start: u32,
    length: u32,
}

/// The longest text of one event, and the longest input of a tool call: several times what any model writes in one answer.
pub const MAX_TEXT: usize = 4 << 20;

/// What a short frame takes, as the service writes them: headers, a few words of text, padding.
const SHORT_FRAME: usize = 192;

/// So much at once is no event that comes alone.
const MUCH: usize = 4 << 10;

/// A batch that grew beyond this is given back once it is empty.
const KEPT_ARENA: usize = 256 << 10;

impl Batch {
    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The memory that the events take, in bytes. Where texts are short, most of it is what stands beside them.
    pub fn bytes(&self) -> usize {
        let large = self.large.iter().map(String::len).sum::<usize>();
        self.arena.len() + large + self.records.len() * size_of::<Record>()
    }

    pub fn get(&self, index: usize) -> Option<Event<'_>> {
        let record = self.records.get(index)?;
        Some(Event {
            kind: record.kind,
            block: record.block,
            text: slice(&self.arena, record.text),
            tool_id: slice(&self.arena, record.tool_id),
            tool_name: slice(&self.arena, record.tool_name),
            json: slice(record.json_in.map_or(&self.arena, |index| &self.large[index as usize]), record.json),
        })
    }

    /// Makes room for what `bytes` of an answer hold, so that memory grows rarely, and not with each event.
    pub fn expect(&mut self, bytes: usize) {
        // Where much comes at once, more is to come; and memory that grows is copied.
        let ahead = |needed: usize| if bytes < MUCH { needed } else { 4 * needed };
        // A payload stands in the arena, and its text once more: together less than the frame that held them.
        if self.arena.capacity() - self.arena.len() < bytes {
            self.arena.reserve(ahead(bytes).min(KEPT_ARENA).max(bytes));
        }
        let records = bytes / SHORT_FRAME;
        if self.records.capacity() - self.records.len() < records {
            self.records.reserve(ahead(records));
        }
    }

    /// Forgets the events and keeps the memory, within reason.
    pub fn clear(&mut self) {
        self.records.clear();
        self.large = Vec::new();
        self.arena.clear();
        self.arena.shrink_to(KEPT_ARENA);
    }

    fn push(&mut self, kind: EventKind, block: i32, text: Span, payload: Cow<'_, str>) {
        let (json, json_in) = match payload {
            Cow::Borrowed(payload) => (self.store_str(payload), None),
            Cow::Owned(mut payload) => {
                let json = Span { start: 0, length: payload.len() as u32 };
                payload.push('\0');
                self.large.push(payload);
                (json, Some(self.large.len() as u32 - 1))
            }
        };
        let (tool_id, tool_name) = (Span::default(), Span::default());
        self.records.push(Record { kind, block, text, tool_id, tool_name, json, json_in });
    }

    fn push_text_delta(&mut self, delta: TextDelta<'_>, payload: &str) {
        let text = match delta.text {
            Written::Plain(text) => self.store_str(text),
            Written::Escaped(text) => self.store_string(Some(text)),
        };
        let json = self.store_str(payload);
        let (tool_id, tool_name) = (Span::default(), Span::default());
        let record =
            Record { kind: EventKind::Text, block: delta.block, text, tool_id, tool_name, json, json_in: None };
        self.records.push(record);
    }

    /// Names the tool call that the last event is about.
    fn name_tool(&mut self, tool: &ToolCall) {
        let (tool_id, tool_name) = (self.store_str(&tool.id), self.store_str(&tool.name));
        let record = self.records.last_mut().expect("an event was pushed");
        (record.tool_id, record.tool_name) = (tool_id, tool_name);
    }

    /// Keeps what `write` appends, with a NUL behind it.
    fn store(&mut self, write: impl FnOnce(&mut String)) -> Span {
        let start = self.arena.len();
        write(&mut self.arena);
        let length = self.arena.len() - start;
        if length == 0 {
            return Span::default();
        }
        self.arena.push('\0');
        Span { start: start as u32, length: length as u32 }
    }

    #[inline]
    fn store_str(&mut self, text: &str) -> Span {
        if text.is_empty() {
            return Span::default();
        }
        let start = self.arena.len() as u32;
        self.arena.push_str(text);
        self.arena.push('\0');
        Span { start, length: text.len() as u32 }
    }

    /// Keeps a JSON string decoded; nothing where there is none.
    fn store_string(&mut self, string: Option<Json<'_>>) -> Span {
        self.store(|arena| {
            let pieces = string.into_iter().flat_map(Json::pieces);
            pieces.for_each(|piece| arena.push_str(piece.as_str()));
        })
    }
}

#[inline]
fn slice(text: &str, span: Span) -> &str {
    // Most of an event's texts are. A NUL stands behind this one too.
    if span.length == 0 {
        return "\0".split_at(0).0;
    }
    &text[span.start as usize..(span.start + span.length) as usize]
}

/// Turns the frames of one answer into events.
#[derive(Default)]
pub struct EventDecoder {
    /// The tool calls that have begun and not ended, by content block.
    tools: BTreeMap<i32, ToolCall>,
    message_stopped: bool,
    has_metadata: bool,
    /// Whether the answer is one of chunks.
    of_chunks: bool,
    has_chunks: bool,
}

struct ToolCall {
    id: String,
    name: String,
    input: String,
}

impl EventDecoder {
    /// For the answer of a model in its own form.
    pub fn of_chunks() -> Self {
        EventDecoder { of_chunks: true, ..EventDecoder::default() }
    }

    /// Whether `messageStop` has come: the one sign that a message is complete. In chunks, whose form is the model's own, it is
    /// the chunk that counts.
    pub fn message_stopped(&self) -> bool {
        self.message_stopped
    }

    /// Whether the answer comes in chunks, which may go without a sign of their end.
    pub fn has_chunks(&self) -> bool {
        self.has_chunks
    }

    /// Whether `metadata` has come, which the service sends last.
    pub fn has_metadata(&self) -> bool {
        self.has_metadata
    }

    /// Appends the frame's event to `batch`. An exception of the service, and a frame that is none of its events, is an error.
    pub fn decode(&mut self, frame: Frame<'_>, batch: &mut Batch) -> Result<()> {
        if frame.message_type() == MessageType::Event
            && frame.name() == b"contentBlockDelta"
            && let Cow::Borrowed(payload) = frame.payload
            && let Ok(payload) = simdutf8::basic::from_utf8(payload)
            && let Some(delta) = TextDelta::recognise(payload)
        {
            batch.push_text_delta(delta, payload);
            return Ok(());
        }
        self.decode_other(frame, batch)
    }

    /// The frames that are no plain delta of text.
    fn decode_other(&mut self, frame: Frame<'_>, batch: &mut Batch) -> Result<()> {
        let kind = frame.message_type();
        let name = frame.name();
        let told = |header| frame.text(header).unwrap_or_default().to_owned();
        let told = match kind {
            MessageType::Error => told(":error-message"),
            MessageType::Unknown => told(":message-type"),
            _ => String::new(),
        };
        let not_utf8 = || Error::new(Kind::Protocol, "an event of the answer is not UTF-8");
        let payload = match frame.payload {
            Cow::Borrowed(payload) => Cow::Borrowed(std::str::from_utf8(payload).map_err(|_| not_utf8())?),
            Cow::Owned(payload) => Cow::Owned(String::from_utf8(payload).map_err(|_| not_utf8())?),
        };
        let name = || String::from_utf8_lossy(name);
        match kind {
            MessageType::Event => self.decode_event(&name(), payload, batch),
            MessageType::Exception => Err(failure::in_stream(&name(), &payload)),
            MessageType::Error => Err(failure::in_stream_error(&name(), &told)),
            MessageType::Unknown => Err(Error::new(
                Kind::Protocol,
                format_args!("a frame of the answer has the unknown message type {told:?}"),
            )),
        }
    }

    fn decode_event(&mut self, name: &str, payload: Cow<'_, str>, batch: &mut Batch) -> Result<()> {
        let json = Json::parse(&payload)
            .map_err(|invalid| Error::new(Kind::Protocol, format_args!("a {name} event is not JSON: {invalid}")))?;
        let block = json.get("contentBlockIndex").and_then(Json::i64).and_then(|index| index.try_into().ok());
        let block = block.unwrap_or(-1);
        match name {
            "messageStart" => {
                let role = batch.store_string(bounded(json.get("role"))?);
                batch.push(EventKind::MessageStart, block, role, payload);
            }
            "contentBlockStart" => {
                let tool = json.pointer("/start/toolUse").map(ToolCall::begin).transpose()?;
                batch.push(EventKind::BlockStart, block, Span::default(), payload);
                if let Some(tool) = tool {
                    batch.name_tool(&tool);
                    self.tools.insert(block, tool);
                }
            }
            "contentBlockDelta" => {
                let string = |pointer| json.pointer(pointer).filter(|value| value.kind() == json::Kind::String);
                let (kind, text) = if let Some(text) = string("/delta/text") {
                    (EventKind::Text, Some(text))
                } else if let Some(text) = string("/delta/reasoningContent/text") {
                    (EventKind::Reasoning, Some(text))
                } else if let Some(input) = string("/delta/toolUse/input") {
                    if let Some(tool) = self.tools.get_mut(&block) {
                        tool.add_input(input)?;
                    }
                    (EventKind::ToolInput, Some(input))
                } else {
                    (EventKind::BlockDelta, None)
                };
                let text = batch.store_string(bounded(text)?);
                batch.push(kind, block, text, payload);
            }
            "contentBlockStop" => match self.tools.remove(&block) {
                Some(tool) => {
                    let input = if tool.input.trim().is_empty() { "{}" } else { &tool.input };
                    let input = batch.store_str(input);
                    batch.push(EventKind::BlockStop, block, input, payload);
                    batch.name_tool(&tool);
                }
                None => batch.push(EventKind::BlockStop, block, Span::default(), payload),
            },
            "messageStop" => {
                self.message_stopped = true;
                let reason = batch.store_string(bounded(json.get("stopReason"))?);
                batch.push(EventKind::MessageStop, block, reason, payload);
            }
            "metadata" => {
                self.has_metadata = true;
                batch.push(EventKind::Metadata, block, Span::default(), payload);
            }
            "chunk" if self.of_chunks => {
                self.has_chunks = true;
                let text = json.get("bytes").and_then(Json::string);
                let text = text.and_then(|text| base64_simd::STANDARD.decode_to_vec(text.as_bytes()).ok());
                // What is no text stays in the payload.
                let text = text.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
                if text.len() > MAX_TEXT {
                    return Err(too_long("a chunk"));
                }
                if text.contains(INVOCATION_METRICS) && Json::parse(&text).ok().and_then(Usage::of_chunk).is_some() {
                    (self.message_stopped, self.has_metadata) = (true, true);
                }
                let text = batch.store_str(&text);
                batch.push(EventKind::Chunk, block, text, payload);
            }
            unknown => {
                let name = batch.store_str(unknown);
                batch.push(EventKind::Other, block, name, payload);
            }
        }
        Ok(())
    }
}

impl ToolCall {
    fn begin(tool: Json<'_>) -> Result<Self> {
        let member = |key| -> Result<String> {
            Ok(bounded(tool.get(key))?.and_then(Json::string).unwrap_or_default().into_owned())
        };
        Ok(ToolCall { id: member("toolUseId")?, name: member("name")?, input: String::new() })
    }

    fn add_input(&mut self, fragment: Json<'_>) -> Result<()> {
        if self.input.len() + fragment.text().len() > MAX_TEXT {
            return Err(too_long("the input of a tool call"));
        }
        fragment.pieces().for_each(|piece| self.input.push_str(piece.as_str()));
        Ok(())
    }
}

/// A JSON string that is no longer than an event's text may be.
fn bounded(string: Option<Json<'_>>) -> Result<Option<Json<'_>>> {
    match string {
        Some(long) if long.text().len() > MAX_TEXT => Err(too_long("the text of an event")),
        string => Ok(string),
    }
}

fn too_long(what: &str) -> Error {
    Error::new(Kind::Protocol, format_args!("{what} is longer than {} MiB", MAX_TEXT >> 20))
}
