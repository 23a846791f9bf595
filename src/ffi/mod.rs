//! The C boundary. Beside [`sys`](crate::sys) it is the only room with unsafe code.
//!
//! Six files are machinery: [`guard`] around every export, [`handle`] for what programs hold, [`text`] for strings in and
//! out, [`user`] for what comes with a callback, [`on_event`] for what leaves one, [`fork`] for children. The others are the chapters of
//! `include/bedrock.h`, which is generated from them: one file a noun, its module documentation the chapter's opening, its
//! items in the order of the header.

#![allow(unsafe_code, non_camel_case_types)]
// What callers owe is the header's opening chapter, once for all functions: every pointer is NULL, or good for its purpose.
#![allow(clippy::missing_safety_doc)]

mod support;

pub mod attachment;
pub mod call;
pub mod cancel;
pub mod conversation;
pub mod generate;
pub mod json;
pub mod model;
mod numbers;
pub mod process;
pub mod request;
pub mod response;
pub mod status;
pub mod stream;
pub mod usage;
pub mod version;
pub mod waitset;
