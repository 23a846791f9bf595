//! What passes between us and the service: operations out, frames and events in, failures named.

pub mod event;
pub mod failure;
pub mod frame;
pub mod operation;
