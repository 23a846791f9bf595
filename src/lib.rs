//! libbedrock

#![deny(unsafe_code)]

pub mod error;
pub mod json;
pub mod text;
