//! libbedrock: a C library for Amazon Bedrock.
//!
//! The product is the shared library with its header, `include/bedrock.h`; this crate is how it is built. Its Rust
//! items are public where tests, benchmarks and fuzz targets need them, and may change with any version: Rust programs
//! use the AWS SDK.
//!
//! # Layout
//!
//! Each module in the root is a layer. It uses the layers below it, and none above. ARCHITECTURE.md says what each one
//! knows and must not know, and follows a text delta, a config key, a cancel, an error and an attachment through them.
//!
//! | module | content |
//! |---|---|
//! | [`ffi`] | the C API, one file for each chapter of the header |
//! | [`run`] | the tool loop: rounds of calls, and the results of tools between them |
//! | [`model`] | a model, and one call from its queue to its end |
//! | [`call`] | the engine: how events get from the worker to the program |
//! | `sdk` | all that knows the AWS SDK, credentials included |
//! | `cassette`, `script` | recordings and scripted replies |
//! | `http` | the HTTP client |
//! | [`request`], [`response`] | the JSON that a program gives and gets |
//! | [`protocol`] | Bedrock's operations, and its event stream |
//! | [`config`] | config keys, and the environment of AWS |
//! | [`runtime`] | threads, fork, cancel handles, log |
//! | [`error`], [`text`], [`json`], `sys` | what all of them use |
//!
//! # Threads
//!
//! One worker thread runs the event loop. It does network, signing and short decoding, and never blocks. What may block
//! has threads of its own with a limit ([`runtime::blocking`]). Functions of the program are called on the thread that
//! waits for a call, or on one callback thread; never on the worker.
//!
//! # Unsafe code
//!
//! It stands in [`ffi`] and `sys` alone: the rest of the crate denies it.

#![deny(unsafe_code)]
#![deny(clippy::undocumented_unsafe_blocks)]

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
pub mod run;
pub mod runtime;
mod script;
mod sdk;
mod sys;
pub mod text;

// Parsers that are private otherwise.
#[cfg(fuzzing)]
pub use {cassette::fuzzing as fuzzing_cassette, http::fuzzing as fuzzing_http, request::fuzzing as fuzzing_request};
