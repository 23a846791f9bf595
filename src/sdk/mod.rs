//! The AWS SDK.

pub mod answer;
pub mod attempts;
pub mod call;
pub mod client;
pub mod connect;
pub mod credentials;
pub mod failure;
pub mod retry;
pub mod transport;
