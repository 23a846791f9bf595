//! What passes between us and the service: calls out, frames and events in, failures named.

pub mod answer;
pub mod attempts;
pub mod call;
pub mod event;
pub mod failure;
pub mod frame;
pub mod operation;
pub mod refusal;
pub mod retry;
pub mod usage;
