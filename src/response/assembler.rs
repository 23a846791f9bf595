//! Assembles the response of a stream from its events.

use super::chunk_assembler::ChunkAssembler;
use super::message_assembler::MessageAssembler;
use crate::protocol::event::Event;
use crate::protocol::operation::Operation;

/// The response of a stream, as far as it has been received.
#[derive(Clone, Debug)]
pub enum Assembler {
    Message(MessageAssembler),
    Chunks(ChunkAssembler),
}

impl Assembler {
    /// Returns an assembler for a stream of the operation. Returns None if the operation does not stream.
    pub fn of(operation: Operation) -> Option<Self> {
        match operation {
            Operation::ConverseStream => Some(Assembler::Message(MessageAssembler::default())),
            Operation::InvokeModelWithResponseStream => Some(Assembler::Chunks(ChunkAssembler::default())),
            _ => None,
        }
    }

    /// Returns an assembler that keeps only the stop reason and the usage. Returns None if the operation does not
    /// stream.
    pub fn without_content(operation: Operation) -> Option<Self> {
        match operation {
            Operation::ConverseStream => Some(Assembler::Message(MessageAssembler::without_content())),
            Operation::InvokeModelWithResponseStream => Some(Assembler::Chunks(ChunkAssembler::without_content())),
            _ => None,
        }
    }

    /// Returns whether the content is left out.
    pub fn lacks_content(&self) -> bool {
        match self {
            Assembler::Message(message) => message.lacks_content(),
            Assembler::Chunks(chunks) => chunks.lacks_content(),
        }
    }

    /// Adds an event to the response.
    pub fn push(&mut self, event: &Event<'_>) {
        match self {
            Assembler::Message(message) => message.push(event),
            Assembler::Chunks(chunks) => chunks.push(event),
        }
    }

    /// Returns the JSON of the response as far as it has been received. Parts are freed as they are written, so that
    /// the response is never in memory twice.
    pub fn into_json(self) -> String {
        match self {
            Assembler::Message(message) => message.into_json().into(),
            Assembler::Chunks(chunks) => chunks.into_json().into(),
        }
    }
}
