//! How requests reach an answer: over the network, or over a script that stands in for it.
//!
//! Both are the SDK's `HttpClient`, below its signing and its retries, so that with either the whole path above is the same.

pub mod network;
pub mod scripted;
