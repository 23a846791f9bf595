//! An event of a stream.

use crate::text::CText;

/// The kind of an event. The numbers are those of the C API's `BEDROCK_EVENT_...`.
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
    /// A tool call for the program to do. Runs make it; no stream has it.
    ToolCall = 12,
}

/// An event of a stream, borrowed from its [`Batch`](super::batch::Batch).
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    pub kind: EventKind,
    /// The index of the content block, -1 if the event belongs to none.
    pub block: i32,
    /// The decoded text. By kind: a role, a delta, a fragment of a tool input, the complete tool input, a stop reason,
    /// the bytes of a chunk, the name of an unknown event.
    pub text: CText<'a>,
    /// The id of the tool call that starts or stops with this event, or "".
    pub tool_id: CText<'a>,
    /// The name of the tool that a call starts or stops with this event, or "".
    pub tool_name: CText<'a>,
    /// The payload, verbatim, if it is JSON. The payload of an unknown event may have another form; this is then "".
    pub json: CText<'a>,
    /// The payload, verbatim, JSON or not.
    pub payload: &'a [u8],
    /// For the stop of a tool call: whether `text` is a JSON object.
    pub input_valid: bool,
    /// Whether a delta holds members besides `text`.
    pub more: bool,
}
