//! What is kept of a stream's events, to be its answer.

use super::chunks::Chunks;
use super::message::Message;
use crate::protocol::event::Event;
use crate::protocol::operation::Operation;

/// Puts an answer together while its events arrive.
#[derive(Clone, Debug)]
pub enum Assembler {
    Message(Message),
    Chunks(Chunks),
}

impl Assembler {
    /// None where the answer does not come in events.
    pub fn of(operation: Operation) -> Option<Self> {
        match operation {
            Operation::ConverseStream => Some(Assembler::Message(Message::default())),
            Operation::InvokeModelWithResponseStream => Some(Assembler::Chunks(Chunks::default())),
            _ => None,
        }
    }

    /// The same without what the answer says: only why it ended and what it cost is kept.
    pub fn outline(operation: Operation) -> Option<Self> {
        match operation {
            Operation::ConverseStream => Some(Assembler::Message(Message::outline())),
            Operation::InvokeModelWithResponseStream => Some(Assembler::Chunks(Chunks::outline())),
            _ => None,
        }
    }

    /// Whether what the answer says is left out.
    pub fn is_outline(&self) -> bool {
        match self {
            Assembler::Message(message) => message.is_outline(),
            Assembler::Chunks(chunks) => chunks.is_outline(),
        }
    }

    pub fn push(&mut self, event: &Event<'_>) {
        match self {
            Assembler::Message(message) => message.push(event),
            Assembler::Chunks(chunks) => chunks.push(event),
        }
    }

    /// The answer as far as it has come. What is written is freed, so that it is never in memory twice.
    pub fn into_answer(self) -> String {
        match self {
            Assembler::Message(message) => message.into_answer().into(),
            Assembler::Chunks(chunks) => chunks.into_answer().into(),
        }
    }
}
