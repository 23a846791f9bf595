//! What passes between us and the service: calls out, frames and events in, failures named.

pub mod completion;
mod delta;
pub mod event;
pub mod failure;
pub mod frame;
mod halves;
pub mod head;
pub mod host;
pub mod operation;
pub mod redact;
pub mod refusal;
pub mod tool_input;
pub mod unary_response;
pub mod usage;
