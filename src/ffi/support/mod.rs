//! The machinery of the C boundary.

pub mod arguments;
pub mod confined;
pub mod fork;
pub mod guard;
pub mod handle;
pub mod on_event;
pub mod out;
pub mod request;
pub mod text;
pub mod user;
