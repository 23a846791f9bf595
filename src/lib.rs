//! libbedrock

#![deny(unsafe_code)]

// A panic has to be caught before it reaches C.
#[cfg(not(panic = "unwind"))]
compile_error!("libbedrock contains its panics, and so needs panic = \"unwind\" in its profile");

mod announce;
mod blocking;
pub mod cancel;
mod client;
mod coalesce;
pub mod config;
mod courier;
mod environment;
pub mod error;
pub mod ffi;
mod flag;
mod identity;
pub mod json;
pub mod log;
mod memory;
pub mod model;
mod process;
mod quiesce;
mod regular_file;
pub mod request;
pub mod response;
mod runtime;
mod slots;
pub mod stream;
mod sync;
mod sys;
pub mod text;
mod timer;
mod totals;
mod transport;
mod variables;
pub mod waitset;
pub mod wakeup;
pub mod wire;
