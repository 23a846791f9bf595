//! The HTTP client.

mod alive;
pub mod body;
mod connect;
mod connection;
pub mod failure;
mod framing;
mod gather;
mod http1;
mod http2;
mod inbox;
mod limited;
pub mod metadata;
pub mod names;
pub mod network;
mod origin;
mod pool;
pub mod proxies;
pub mod sniff;
pub mod tls;
