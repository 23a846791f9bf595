//! libbedrock

#![deny(unsafe_code)]

// A panic has to be caught before it reaches C.
#[cfg(not(panic = "unwind"))]
compile_error!("libbedrock contains its panics, and so needs panic = \"unwind\" in its profile");

pub mod call;
mod cassette;
pub mod config;
pub mod error;
pub mod ffi;
mod http;
pub mod json;
pub mod model;
pub mod protocol;
pub mod request;
pub mod response;
pub mod runtime;
mod script;
mod sdk;
mod sys;
pub mod text;
