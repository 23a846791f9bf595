//! The local Bedrock: a real server of HTTP/1.1 and HTTP/2 on loopback that speaks the service's wire, checks signatures, writes
//! down what it was sent, answers what a test tells it to, when the test says so, and misbehaves when told.
//!
//! ```ignore
//! let bedrock = LocalBedrock::start();
//! bedrock.push(Reply::stream().text_stream(&["Hel", "lo"], "end_turn").cut_at(100, Cut::Reset));
//! // ... point a client at bedrock.url() ...
//! assert_eq!(bedrock.last_request().body, body);
//! ```
//!
//! The house, one noun a file:
//!
//! | file | what it is |
//! |---|---|
//! | `server` | [`LocalBedrock`]: start, script, look, wait; stops when dropped |
//! | `request` | [`Request`]: one request, as it was on the wire |
//! | `reply` | [`Reply`]: what to answer, and how to fail at it |
//! | `stream` | event streams: the events of a [`Reply`], and [`frames`] to read them back |
//! | `full_port` | a port that never answers |
//! | `gate` | [`Gate`]: holds a reply until the test opens it |
//! | `auth`, `sigv4` | who may call; our own check of Signature Version 4 |
//! | `answers` | who gets which reply: authorisation, then the queue, then the handler |
//! | `journal` | what was seen so far, and waiting until something was seen |
//! | `wire`, `http1`, `http2` | one connection: bytes that notice when the client leaves, and HTTP over them |
//! | `tls` | [`Tls`]: TLS on the connections of a [`LocalBedrock`] or a [`Proxy`], with certificates that are right or wrong |
//! | `namespace` | a network of its own, for a test that runs once more in it |
//! | `listening` | a port and a thread of its own, for what stands in front of a server |
//! | `door` | [`Door`]: in front of a server; some connections find nobody behind it |
//! | `peer` | [`Peer`](peer::Peer): writes byte for byte what a test says, in frames of HTTP/2 or none |
//! | `proxy` | [`Proxy`]: a proxy that connects through |
//! | `corpus` | recorded interactions with the real service, where they are at hand |
//! | `c_program` | C programs of `tests/c`, linked with the library |
//! | `capi` | the other side: the C API, to be called from tests as C would |
//! | `pull` | streams by pull, the same way: `next`, descriptors, wakeups, waiting sets |
//!
//! A reply says nothing about HTTP's version: [`http1`] and [`http2`] play it over any [`wire::Transport`], TCP or TLS.
//!
//! No test here sleeps in order to wait: a [`Gate`] holds the server, and the `wait_` functions hold the test until
//! the server has seen what they name, or panic after [`PATIENCE`].

// Each test binary uses a part of this.
#![allow(dead_code, unused_imports)]

pub mod answers;
pub mod auth;
pub mod c_program;
pub mod capi;
pub mod corpus;
pub mod door;
pub mod full_port;
pub mod gate;
pub mod http1;
pub mod http2;
pub mod journal;
pub mod listening;
pub mod namespace;
pub mod peer;
pub mod proxy;
pub mod pull;
pub mod reply;
pub mod request;
pub mod server;
pub mod sigv4;
pub mod stream;
pub mod tls;
pub mod wire;

pub use auth::Auth;
pub use c_program::CProgram;
pub use corpus::{Corpus, Interaction};
pub use door::Door;
pub use full_port::FullPort;
pub use gate::Gate;
pub use journal::ClosedBy;
pub use proxy::Proxy;
pub use reply::{Cut, ErrorName, Reply};
pub use request::Request;
pub use server::{LocalBedrock, Speaks};
pub use stream::{Frame, frames};
pub use tls::{Flaw, Tls};

/// How long a test waits for what it expects before it fails. Nothing waits this long unless it is broken.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);
