//! What passes between us and the service: calls out, frames and events in, failures named.

pub mod answer;
pub mod call;
pub mod connect;
mod delta;
pub mod event;
pub mod failure;
pub mod frame;
pub mod operation;
pub mod usage;
