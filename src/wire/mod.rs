//! What passes between us and the service: calls out, frames and events in, failures named.

pub mod answer;
pub mod attempts;
pub mod call;
pub mod connect;
mod delta;
pub mod event;
pub mod failure;
pub mod frame;
mod halves;
pub mod host;
pub mod operation;
pub mod redact;
pub mod refusal;
pub mod retry;
pub mod sniff;
pub mod tool_input;
pub mod unary;
pub mod usage;
