//! Decodes the frames of a stream to its events.
//!
//! Nearly every event is a text delta. It is [recognized](super::text_delta) by its bytes and never parsed as JSON.
//! Every other payload is read with [`Json`]. An event or a delta that this version does not know becomes
//! [`EventKind::Other`] or [`EventKind::BlockDelta`] with its payload, so that a newer service loses nothing.

use super::batch::{Batch, NewEvent, Span};
use super::event::EventKind;
use super::frame::Frame;
use super::frame_headers::MessageType;
use super::operation::ResponseForm;
use super::service_error::{MAX_ERROR_BODY, ServiceError};
use super::surrogates::{self, PendingSurrogates};
use super::text_delta::{DeltaText, TextDelta};
use super::text_limit::{MAX_TEXT, check_length, too_long};
use super::tool_input::{OpenToolCalls, ToolCall};
use super::usage::{INVOCATION_METRICS, Usage};
use crate::error::{Error, Kind, Result};
use crate::json::{self, Json};
use std::borrow::Cow;
use std::fmt::Display;
use std::string::FromUtf8Error;

/// The events that belong to the message. None may follow `messageStop`.
const MESSAGE_EVENTS: [&str; 5] =
    ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop"];
const METADATA: &str = "metadata";
/// The event of a stream in the model's own form.
const CHUNK: &str = "chunk";

/// Turns the frames of one stream into events.
#[derive(Default)]
pub struct EventDecoder {
    form: ResponseForm,
    tools: OpenToolCalls,
    surrogates: PendingSurrogates,
    /// Whether a text delta needs the slow path: a surrogate is pending, or the message has stopped.
    no_fast_path: bool,
    /// The usage of the response, once it has been received and until it is taken.
    usage: Option<Usage>,
    message_stopped: bool,
    has_metadata: bool,
    has_chunks: bool,
}

impl EventDecoder {
    /// Returns a decoder for a stream in this form.
    pub fn new(form: ResponseForm) -> Self {
        EventDecoder { form, ..EventDecoder::default() }
    }

    /// Returns whether `messageStop` has been received or, in a stream of chunks, the chunk with the token counts.
    pub fn message_stopped(&self) -> bool {
        self.message_stopped
    }

    /// Returns whether a chunk has been received.
    pub fn has_chunks(&self) -> bool {
        self.has_chunks
    }

    /// Returns whether `metadata`, which the service sends last, or the chunk with the token counts has been received.
    pub fn has_metadata(&self) -> bool {
        self.has_metadata
    }

    /// Returns the usage that the stream reported since the last call.
    pub fn take_usage(&mut self) -> Option<Usage> {
        self.usage.take()
    }

    /// Appends the frame's event to `batch`. Fails for an exception of the service and for a frame that is not an
    /// event.
    pub fn decode(&mut self, frame: Frame<'_>, batch: &mut Batch) -> Result<()> {
        if frame.message_type() == MessageType::Event
            && frame.name() == b"contentBlockDelta"
            && let Cow::Borrowed(payload) = frame.payload
            && let Ok(payload) = simdutf8::basic::from_utf8(payload)
            && let Some(delta) = TextDelta::recognize(payload)
            && !self.no_fast_path
            && !delta.ends_in_surrogate()
        {
            push_text_delta(delta, payload, batch);
            return Ok(());
        }
        let decoded = self.decode_slowly(frame, batch);
        self.no_fast_path = !self.surrogates.is_empty() || self.is_after_message();
        decoded
    }

    fn decode_slowly(&mut self, frame: Frame<'_>, batch: &mut Batch) -> Result<()> {
        let name = String::from_utf8_lossy(frame.name());
        let header = |name| frame.text(name).unwrap_or_default();
        match frame.message_type() {
            MessageType::Event => {}
            MessageType::Exception => {
                // The limit of an HTTP error applies. An exception is reported even if its payload is not UTF-8.
                let payload = &frame.payload[..frame.payload.len().min(MAX_ERROR_BODY)];
                return Err(ServiceError::from_exception(&name, &String::from_utf8_lossy(payload)).into_error());
            }
            MessageType::Error => return Err(ServiceError::new(&name, header(":error-message")).into_error()),
            MessageType::Unknown => {
                let unknown = header(":message-type");
                let what = format_args!("a frame of the response has the unknown message type {unknown:?}");
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

    /// Appends an event whose payload is not `expected`. Only an unknown event may have such a payload.
    fn decode_raw(&mut self, name: &str, payload: Vec<u8>, expected: impl Display, batch: &mut Batch) -> Result<()> {
        if self.is_known(name) {
            return Err(Error::new(Kind::Protocol, format_args!("a {name} event is not {expected}")));
        }
        batch.push_raw(name, payload);
        Ok(())
    }

    fn is_known(&self, name: &str) -> bool {
        MESSAGE_EVENTS.contains(&name) || name == METADATA || self.form == ResponseForm::Model && name == CHUNK
    }

    /// Returns whether the message has stopped, so that no more of its events may follow.
    fn is_after_message(&self) -> bool {
        self.message_stopped && self.form == ResponseForm::Service
    }

    fn decode_event(&mut self, name: &str, payload: Cow<'_, str>, batch: &mut Batch) -> Result<()> {
        if self.is_after_message() && MESSAGE_EVENTS.contains(&name) {
            let what = format_args!("the response goes on after its messageStop: a {name} event came");
            return Err(Error::new(Kind::Protocol, what));
        }
        let json = match Json::parse(&payload) {
            Ok(json) => json,
            Err(invalid) => {
                let expected = format!("JSON: {invalid}");
                return self.decode_raw(name, payload.into_owned().into_bytes(), expected, batch);
            }
        };
        let event = match name {
            "messageStart" => self.message_start(json, batch)?,
            "contentBlockStart" => self.content_block_start(json, batch)?,
            "contentBlockDelta" => self.content_block_delta(json, batch)?,
            "contentBlockStop" => self.content_block_stop(json, batch),
            "messageStop" => self.message_stop(json, batch)?,
            METADATA => self.metadata(json),
            CHUNK if self.form == ResponseForm::Model => self.chunk(json, batch)?,
            unknown => NewEvent::new(EventKind::Other, block_of(json), batch.store(unknown)),
        };
        batch.push(event, payload);
        Ok(())
    }

    fn message_start(&mut self, event: Json<'_>, batch: &mut Batch) -> Result<NewEvent> {
        let role = batch.store_string(check_length(event.get("role"))?);
        Ok(NewEvent::new(EventKind::MessageStart, block_of(event), role))
    }

    fn content_block_start(&mut self, event: Json<'_>, batch: &mut Batch) -> Result<NewEvent> {
        let block = block_of(event);
        let mut start = NewEvent::new(EventKind::BlockStart, block, Span::default());
        if let Some(tool) = event.pointer("/start/toolUse") {
            let call = ToolCall::start(tool)?;
            (start.tool_id, start.tool_name) = (batch.store(&call.id), batch.store(&call.name));
            self.tools.start(block, call);
            self.check_open()?;
        }
        Ok(start)
    }

    fn content_block_delta(&mut self, event: Json<'_>, batch: &mut Batch) -> Result<NewEvent> {
        let block = block_of(event);
        let (kind, text, more) = read_delta(event);
        let text = self.store_delta(block, check_length(text)?, batch);
        if kind == EventKind::ToolInput {
            self.tools.add_input(block, batch.text(text))?;
        }
        self.check_open()?;
        Ok(NewEvent { more, ..NewEvent::new(kind, block, text) })
    }

    fn content_block_stop(&mut self, event: Json<'_>, batch: &mut Batch) -> NewEvent {
        let block = block_of(event);
        self.surrogates.end_block(block);
        let mut stop = NewEvent::new(EventKind::BlockStop, block, Span::default());
        if let Some(call) = self.tools.stop(block) {
            stop.text = batch.store(call.input());
            (stop.tool_id, stop.tool_name) = (batch.store(&call.id), batch.store(&call.name));
            stop.input_valid = call.input_is_valid();
        }
        stop
    }

    fn message_stop(&mut self, event: Json<'_>, batch: &mut Batch) -> Result<NewEvent> {
        self.message_stopped = true;
        let reason = batch.store_string(check_length(event.get("stopReason"))?);
        Ok(NewEvent::new(EventKind::MessageStop, block_of(event), reason))
    }

    fn metadata(&mut self, event: Json<'_>) -> NewEvent {
        self.set_usage(Usage::of_response(event));
        NewEvent::new(EventKind::Metadata, block_of(event), Span::default())
    }

    fn chunk(&mut self, event: Json<'_>, batch: &mut Batch) -> Result<NewEvent> {
        self.has_chunks = true;
        let text = event.get("bytes").and_then(Json::string);
        let text = text.and_then(|text| base64_simd::STANDARD.decode_to_vec(text.as_bytes()).ok());
        // Bytes that are not UTF-8 are in the payload alone.
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        if text.len() > MAX_TEXT {
            return Err(too_long("a chunk"));
        }
        if text.contains(INVOCATION_METRICS)
            && let Some(usage) = Json::parse(&text).ok().and_then(Usage::of_chunk)
        {
            self.set_usage(usage);
            self.message_stopped = true;
        }
        Ok(NewEvent::new(EventKind::Chunk, block_of(event), batch.store(&text)))
    }

    /// Sets the usage that the stream reports. The first report counts.
    fn set_usage(&mut self, usage: Usage) {
        if !std::mem::replace(&mut self.has_metadata, true) {
            self.usage = Some(usage);
        }
    }

    fn check_open(&self) -> Result<()> {
        self.tools.check_size(self.surrogates.size())
    }

    /// Stores a delta's text decoded, joined with the surrogate that is pending in its block.
    fn store_delta(&mut self, block: i32, text: Option<Json<'_>>, batch: &mut Batch) -> Span {
        match text {
            Some(text) if !self.surrogates.is_empty() || surrogates::ends_in_surrogate(text) => {
                let joined = self.surrogates.join(block, text);
                batch.store_string(Json::parse(&joined).ok())
            }
            text => batch.store_string(text),
        }
    }
}

fn push_text_delta(delta: TextDelta<'_>, payload: &str, batch: &mut Batch) {
    let text = match delta.text {
        DeltaText::Plain(text) => batch.store(text),
        DeltaText::Escaped(text) => batch.store_string(Some(text)),
    };
    batch.push_borrowed(NewEvent::new(EventKind::Text, delta.block, text), payload);
}

/// Returns the index of an event's content block, -1 if it has none.
fn block_of(event: Json<'_>) -> i32 {
    let block = event.get("contentBlockIndex").and_then(Json::i64).and_then(|index| index.try_into().ok());
    block.unwrap_or(-1)
}

/// Returns the kind of a delta, its text, and whether it holds other members.
fn read_delta(event: Json<'_>) -> (EventKind, Option<Json<'_>>, bool) {
    let Some(delta) = event.get("delta") else { return (EventKind::BlockDelta, None, false) };
    let is_string = |value: Option<&Json<'_>>| value.is_some_and(|value| value.kind() == json::Kind::String);
    let (text, more) = member(delta, "text");
    if is_string(text.as_ref()) {
        return (EventKind::Text, text, more);
    }
    for (kind, outer, inner) in
        [(EventKind::Reasoning, "reasoningContent", "text"), (EventKind::ToolInput, "toolUse", "input")]
    {
        let (Some(object), outer_has_more) = member(delta, outer) else { continue };
        let (text, more) = member(object, inner);
        if is_string(text.as_ref()) {
            return (kind, text, more || outer_has_more);
        }
    }
    (EventKind::BlockDelta, None, false)
}

/// Returns the value of an object's member, and whether the object has others.
fn member<'a>(object: Json<'a>, key: &str) -> (Option<Json<'a>>, bool) {
    let (mut value, mut others) = (None, false);
    for member in object.members() {
        if member.key.is(key) { value = Some(member.value) } else { others = true }
    }
    (value, others)
}
