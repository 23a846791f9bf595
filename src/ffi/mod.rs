//! The C API. Beside [`sys`](crate::sys) it is the only folder with unsafe code.
//!
//! Each file is a chapter of `include/bedrock.h`, which `cargo xtask header` generates from them: the documentation of
//! the module is the opening of the chapter, and its items are declared in their order. In the order of the header they
//! are `version`, `status`, `model`, `request`, `conversation`, `attachment`, `cancel`, `generate`, `stream`,
//! `waitset`, `call`, `response`, `usage`, `run`, `feed`, `json` and `process`.
//!
//! `support` holds the code that several chapters
//! use; it uses no chapter. [`numbers`] compares constants with the enums of the crate.

#![allow(unsafe_code, non_camel_case_types)]
// The opening of the header documents the obligations of callers, for all functions: every pointer is NULL or good for
// its purpose.
#![allow(clippy::missing_safety_doc)]

mod support;

pub mod attachment;
pub mod call;
pub mod cancel;
pub mod conversation;
pub mod feed;
pub mod generate;
pub mod json;
pub mod model;
mod numbers;
pub mod process;
pub mod request;
pub mod response;
pub mod run;
pub mod status;
pub mod stream;
pub mod usage;
pub mod version;
pub mod waitset;
