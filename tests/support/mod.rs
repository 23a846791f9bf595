//! The local Bedrock: an HTTP server on loopback that stands in for the service, and the tools that tests need beside
//! it.
//!
//! README.md says what it can do and how to write a test with it.

// Each test binary uses a part of this.
#![allow(dead_code, unused_imports)]

pub mod auth;
pub mod body;
pub mod c_program;
pub mod capi;
pub mod corpus;
pub mod forwarder;
pub mod full_port;
pub mod gate;
pub mod http1;
pub mod http2;
pub mod listener_thread;
pub mod network_namespace;
pub mod own_home;
pub mod proxy;
pub mod pull;
pub mod raw_server;
pub mod reply;
pub mod reply_queue;
pub mod request;
pub mod server;
pub mod server_log;
pub mod sigv4;
pub mod stream;
pub mod ticks;
pub mod tls;
pub mod wire;

pub use auth::Auth;
pub use c_program::CProgram;
pub use corpus::{Corpus, Interaction};
pub use forwarder::Forwarder;
pub use full_port::FullPort;
pub use gate::Gate;
pub use proxy::Proxy;
pub use reply::{Cut, ErrorName, Reply};
pub use request::Request;
pub use server::{LocalBedrock, Protocol};
pub use server_log::ClosedBy;
pub use stream::{Frame, frames};
pub use tls::{Flaw, Tls};

/// The longest wait of a test for an expected event. Only a failing test waits this long.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);
