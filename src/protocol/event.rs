//! From a frame's payload to an event, and the batches in which events travel.
//!
//! A delta of text, which is nearly every event of nearly every answer, is [recognised](super::delta) by its bytes and
//! never parsed as JSON. Everything else is read with [`Json`]; what this version does not know passes as
//! [`EventKind::BlockDelta`] or [`EventKind::Other`] with its payload, so that no answer is lost to a member that came
//! after us.

use super::delta::{TextDelta, Written};
use super::failure;
use super::frame::{Frame, MessageType};
use super::halves::{self, Halves};
use super::operation::ResponseForm;
use super::tool_input;
use super::usage::{INVOCATION_METRICS, Usage};
use crate::error::{Error, Kind, Result};
use crate::json::{self, Json};
use crate::protocol::refusal::MAX_REFUSAL;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::num::NonZeroU32;
use std::string::FromUtf8Error;

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
    /// The payload, verbatim, where it is JSON. Only that of an unknown event may be anything else, and this is ""
    /// then.
    pub json: &'a str,
    /// The payload, verbatim, whatever it is.
    pub payload: &'a [u8],
    /// Where a tool call ends: whether `text` is a JSON object.
    pub input_valid: bool,
    /// Whether a delta holds more than `text`.
    pub more: bool,
}

/// Events in the order in which they came, all their text in one allocation that is used again and again.
#[derive(Default)]
pub struct Batch {
    /// Each text, followed by a NUL.
    arena: String,
    /// Payloads that came in memory of their own, each followed by a NUL.
    large: Vec<String>,
    /// Payloads that are no JSON, by the event's place, each followed by a NUL.
    raw: BTreeMap<usize, Vec<u8>>,
    /// What `raw` takes, in bytes.
    raw_size: usize,
    records: Vec<Record>,
}

struct Record {
    kind: EventKind,
    block: i32,
    text: Span,
    tool_id: Span,
    tool_name: Span,
    json: Span,
    /// Which of `large` holds `json`, counted from 1; none: the arena does.
    json_in: Option<NonZeroU32>,
    input_valid: bool,
    more: bool,
}

#[derive(Clone, Copy, Default)]
struct Span {
    start: u32,
    length: u32,
}

/// The longest text of one event, and the longest input of a tool call: several times what any model writes in one answer.
pub const MAX_TEXT: usize = 4 << 20;

/// The most that an answer's tool calls which have begun and not ended may take, and the halves of characters that
/// wait, all together.
const MAX_OPEN: usize = MAX_TEXT + (256 << 10);
/// What an open tool call takes beside its texts, and what a half takes, at most.
const OPEN_CALL: usize = 256;
const HALF: usize = 64;

/// The events of a message; the last may come after the others have ended.
const KNOWN: [&str; 6] =
    ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"];
/// The event of an answer in the model's own form.
const CHUNK: &str = "chunk";

/// What a payload in memory of its own takes beside its bytes, about.
const RAW_OVERHEAD: usize = 64;
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
        self.arena.len() + large + self.raw_size + self.records.len() * size_of::<Record>()
    }

    pub fn get(&self, index: usize) -> Option<Event<'_>> {
        let record = self.records.get(index)?;
        let holder = record.json_in.map_or(&self.arena, |number| &self.large[number.get() as usize - 1]);
        let json = slice(holder, record.json);
        let payload = match json {
            "" => self.raw.get(&index).map_or(json.as_bytes(), |raw| &raw[..raw.len() - 1]),
            json => json.as_bytes(),
        };
        Some(Event {
            kind: record.kind,
            block: record.block,
            text: slice(&self.arena, record.text),
            tool_id: slice(&self.arena, record.tool_id),
            tool_name: slice(&self.arena, record.tool_name),
            json,
            payload,
            input_valid: record.input_valid,
            more: record.more,
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
        self.raw.clear();
        self.raw_size = 0;
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
                (json, NonZeroU32::new(self.large.len() as u32))
            }
        };
        let (tool_id, tool_name) = (Span::default(), Span::default());
        let (input_valid, more) = (false, false);
        self.records.push(Record { kind, block, text, tool_id, tool_name, json, json_in, input_valid, more });
    }

    /// Adds an unknown event whose payload is no JSON.
    fn push_raw(&mut self, name: &str, mut payload: Vec<u8>) {
        if !payload.is_empty() {
            payload.push(0);
            self.raw_size += payload.len() + RAW_OVERHEAD;
            self.raw.insert(self.records.len(), payload);
        }
        let name = self.store_str(name);
        self.push(EventKind::Other, -1, name, Cow::Borrowed(""));
    }

    /// The event that was added last.
    fn last(&mut self) -> &mut Record {
        self.records.last_mut().expect("an event was pushed")
    }

    fn push_text_delta(&mut self, delta: TextDelta<'_>, payload: &str) {
        let text = match delta.text {
            Written::Plain(text) => self.store_str(text),
            Written::Escaped(text) => self.store_string(Some(text)),
        };
        let json = self.store_str(payload);
        let (tool_id, tool_name) = (Span::default(), Span::default());
        let (kind, block, json_in, input_valid, more) = (EventKind::Text, delta.block, None, false, false);
        self.records.push(Record { kind, block, text, tool_id, tool_name, json, json_in, input_valid, more });
    }

    /// Names the tool call that the last event is about.
    fn name_tool(&mut self, tool: &ToolCall) {
        let (tool_id, tool_name) = (self.store_str(&tool.id), self.store_str(&tool.name));
        let record = self.last();
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
    halves: Halves,
    /// What the open tool calls take, in bytes.
    open: usize,
    /// Whether even a plain delta of text has to be looked at: a half waits, or the message has stopped.
    watches: bool,
    /// What the answer cost, as far as it has come and nobody has taken it.
    usage: Option<Usage>,
    message_stopped: bool,
    has_metadata: bool,
    form: ResponseForm,
    has_chunks: bool,
}

struct ToolCall {
    id: String,
    name: String,
    input: String,
}

impl EventDecoder {
    /// Returns a decoder for a stream in this form.
    pub fn new(form: ResponseForm) -> Self {
        EventDecoder { form, ..EventDecoder::default() }
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

    /// What the answer says that it cost, once.
    pub fn take_usage(&mut self) -> Option<Usage> {
        self.usage.take()
    }

    /// Appends the frame's event to `batch`. An exception of the service, and a frame that is none of its events, is an error.
    pub fn decode(&mut self, frame: Frame<'_>, batch: &mut Batch) -> Result<()> {
        if frame.message_type() == MessageType::Event
            && frame.name() == b"contentBlockDelta"
            && let Cow::Borrowed(payload) = frame.payload
            && let Ok(payload) = simdutf8::basic::from_utf8(payload)
            && let Some(delta) = TextDelta::recognise(payload)
            && !self.watches
            && !delta.ends_in_half()
        {
            batch.push_text_delta(delta, payload);
            return Ok(());
        }
        let decoded = self.decode_other(frame, batch);
        self.watches = !self.halves.is_empty() || self.message_stopped && self.form == ResponseForm::Service;
        decoded
    }

    /// The frames that are no plain delta of text.
    fn decode_other(&mut self, frame: Frame<'_>, batch: &mut Batch) -> Result<()> {
        let name = String::from_utf8_lossy(frame.name());
        let told = |header| frame.text(header).unwrap_or_default();
        match frame.message_type() {
            MessageType::Event => {}
            MessageType::Exception => {
                // Of a refusal over HTTP no more is read either. What is broken about it is less than what it reports.
                let beginning = &frame.payload[..frame.payload.len().min(MAX_REFUSAL)];
                return Err(failure::in_stream(&name, &String::from_utf8_lossy(beginning)));
            }
            MessageType::Error => return Err(failure::in_stream_error(&name, told(":error-message"))),
            MessageType::Unknown => {
                let told = told(":message-type");
                let what = format_args!("a frame of the answer has the unknown message type {told:?}");
                return Err(Error::new(Kind::Protocol, what));
            }
        }
        let payload = match frame.payload {
            Cow::Borrowed(payload) => std::str::from_utf8(payload).map(Cow::Borrowed).map_err(|_| payload.to_vec()),
            Cow::Owned(payload) => String::from_utf8(payload).map(Cow::Owned).map_err(FromUtf8Error::into_bytes),
        };
        match payload {
            Ok(payload) => self.decode_event(&name, payload, batch),
            Err(bytes) => self.decode_raw(&name, bytes, "UTF-8", batch),
        }
    }

    /// An event whose payload is not `expected`. One that this version does not know may be whatever it is.
    fn decode_raw(&mut self, name: &str, payload: Vec<u8>, expected: impl Display, batch: &mut Batch) -> Result<()> {
        if self.knows(name) {
            return Err(Error::new(Kind::Protocol, format_args!("a {name} event is not {expected}")));
        }
        batch.push_raw(name, payload);
        Ok(())
    }

    fn knows(&self, name: &str) -> bool {
        KNOWN.contains(&name) || self.form == ResponseForm::Model && name == CHUNK
    }

    fn decode_event(&mut self, name: &str, payload: Cow<'_, str>, batch: &mut Batch) -> Result<()> {
        if self.message_stopped && self.form == ResponseForm::Service && KNOWN[..5].contains(&name) {
            let what = format_args!("the answer goes on after its messageStop: a {name} event came");
            return Err(Error::new(Kind::Protocol, what));
        }
        let json = match Json::parse(&payload) {
            Ok(json) => json,
            Err(invalid) => {
                let expected = format!("JSON: {invalid}");
                return self.decode_raw(name, payload.into_owned().into_bytes(), expected, batch);
            }
        };
        let block = json.get("contentBlockIndex").and_then(Json::i64).and_then(|index| index.try_into().ok());
        let block = block.unwrap_or(-1);
        match name {
            "messageStart" => {
                let role = batch.store_string(bounded(json.get("role"))?);
                batch.push(EventKind::MessageStart, block, role, payload);
            }
            "contentBlockStart" => {
                let tool = json.pointer("/start/toolUse").map(ToolCall::begin).transpose()?;
                if let Some(tool) = &tool {
                    self.close(block);
                    self.open += tool.size();
                    self.check_open()?;
                }
                batch.push(EventKind::BlockStart, block, Span::default(), payload);
                if let Some(tool) = tool {
                    batch.name_tool(&tool);
                    self.tools.insert(block, tool);
                }
            }
            "contentBlockDelta" => {
                let (kind, text, more) = delta(json);
                let text = self.store_delta(block, bounded(text)?, batch);
                if kind == EventKind::ToolInput
                    && let Some(tool) = self.tools.get_mut(&block)
                {
                    let before = tool.size();
                    tool.add_input(slice(&batch.arena, text))?;
                    self.open = self.open - before + tool.size();
                }
                self.check_open()?;
                batch.push(kind, block, text, payload);
                batch.last().more = more;
            }
            "contentBlockStop" => {
                self.halves.end(block);
                match self.close(block) {
                    Some(tool) => {
                        let input = if tool.input.trim().is_empty() { "{}" } else { &tool.input };
                        let text = batch.store_str(input);
                        batch.push(EventKind::BlockStop, block, text, payload);
                        batch.name_tool(&tool);
                        batch.last().input_valid = tool_input::is_valid(input);
                    }
                    None => batch.push(EventKind::BlockStop, block, Span::default(), payload),
                }
            }
            "messageStop" => {
                self.message_stopped = true;
                let reason = batch.store_string(bounded(json.get("stopReason"))?);
                batch.push(EventKind::MessageStop, block, reason, payload);
            }
            "metadata" => {
                if !std::mem::replace(&mut self.has_metadata, true) {
                    self.usage = Some(Usage::of_answer(json));
                }
                batch.push(EventKind::Metadata, block, Span::default(), payload);
            }
            CHUNK if self.form == ResponseForm::Model => {
                self.has_chunks = true;
                let text = json.get("bytes").and_then(Json::string);
                let text = text.and_then(|text| base64_simd::STANDARD.decode_to_vec(text.as_bytes()).ok());
                // What is no text stays in the payload.
                let text = text.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
                if text.len() > MAX_TEXT {
                    return Err(too_long("a chunk"));
                }
                if text.contains(INVOCATION_METRICS)
                    && let Some(usage) = Json::parse(&text).ok().and_then(Usage::of_chunk)
                {
                    if !std::mem::replace(&mut self.has_metadata, true) {
                        self.usage = Some(usage);
                    }
                    self.message_stopped = true;
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

impl EventDecoder {
    /// Takes out the tool call that is open in this block.
    fn close(&mut self, block: i32) -> Option<ToolCall> {
        let tool = self.tools.remove(&block)?;
        self.open -= tool.size();
        Some(tool)
    }

    fn check_open(&self) -> Result<()> {
        if self.open + self.halves.count() * HALF <= MAX_OPEN {
            return Ok(());
        }
        let what = "the tool calls of the answer that have begun and not ended are longer than";
        Err(Error::new(Kind::Protocol, format_args!("{what} {} MiB together", MAX_TEXT >> 20)))
    }

    /// Keeps a delta's text decoded, with the half of a character that came before it.
    fn store_delta(&mut self, block: i32, text: Option<Json<'_>>, batch: &mut Batch) -> Span {
        match text {
            Some(text) if !self.halves.is_empty() || halves::ends_in_half(text) => {
                let joined = self.halves.join(block, text);
                batch.store_string(Json::parse(&joined).ok())
            }
            text => batch.store_string(text),
        }
    }
}

/// What kind of delta an event holds, its text, and whether the delta holds more than that.
fn delta(event: Json<'_>) -> (EventKind, Option<Json<'_>>, bool) {
    let Some(delta) = event.get("delta") else { return (EventKind::BlockDelta, None, false) };
    let string = |value: Option<&Json<'_>>| value.is_some_and(|value| value.kind() == json::Kind::String);
    let (text, more) = member(delta, "text");
    if string(text.as_ref()) {
        return (EventKind::Text, text, more);
    }
    for (kind, outer, inner) in
        [(EventKind::Reasoning, "reasoningContent", "text"), (EventKind::ToolInput, "toolUse", "input")]
    {
        let (Some(object), beside) = member(delta, outer) else { continue };
        let (text, more) = member(object, inner);
        if string(text.as_ref()) {
            return (kind, text, more || beside);
        }
    }
    (EventKind::BlockDelta, None, false)
}

/// The value of an object's member, and whether the object has others.
fn member<'a>(object: Json<'a>, key: &str) -> (Option<Json<'a>>, bool) {
    let (mut value, mut others) = (None, false);
    for member in object.members() {
        if member.key.is(key) { value = Some(member.value) } else { others = true }
    }
    (value, others)
}

impl ToolCall {
    fn begin(tool: Json<'_>) -> Result<Self> {
        let member = |key| -> Result<String> {
            Ok(bounded(tool.get(key))?.and_then(Json::string).unwrap_or_default().into_owned())
        };
        Ok(ToolCall { id: member("toolUseId")?, name: member("name")?, input: String::new() })
    }

    fn add_input(&mut self, fragment: &str) -> Result<()> {
        if self.input.len() + fragment.len() > MAX_TEXT {
            return Err(too_long("the input of a tool call"));
        }
        let (length, capacity) = (self.input.len(), self.input.capacity());
        let needed = length + fragment.len();
        if needed > capacity {
            // As a String does it, but never beyond what is allowed.
            self.input.reserve_exact(needed.max((2 * capacity).min(MAX_TEXT)) - length);
        }
        self.input.push_str(fragment);
        Ok(())
    }

    /// What it takes, in bytes.
    fn size(&self) -> usize {
        OPEN_CALL + self.id.capacity() + self.name.capacity() + self.input.capacity()
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
