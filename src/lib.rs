//! libbedrock

#![deny(unsafe_code)]

pub mod cancel;
mod client;
pub mod config;
pub mod error;
pub mod json;
pub mod log;
pub mod model;
mod process;
pub mod request;
pub mod response;
mod runtime;
mod slots;
pub mod stream;
pub mod text;
mod timer;
mod transport;
pub mod wire;
