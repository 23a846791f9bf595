//! The machinery of the C boundary.

pub mod fork;
pub mod guard;
pub mod handle;
pub mod on_event;
pub mod text;
pub mod user;
