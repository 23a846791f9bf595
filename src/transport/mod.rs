//! How requests reach an answer: over the network, or over a script that stands in for it.
//!
//! Both are the SDK's `HttpClient`, below its signing and its retries, so that with either the whole path above is the same.
//! On the network every part runs on the worker, and nothing crosses a thread but name look-ups and the reading of files:
//!
//! ```text
//!   network      the SDK's HttpClient: which connection a request takes, and what becomes of it
//!   pool         the connections of each origin that wait for a request, or have room for one
//!   connection   HTTP/1.1 or HTTP/2 behind one face
//!   http1        HTTP/1.1; framing knows where a body ends
//!   body         an answer's body; it reads its HTTP/1.1 connection itself
//!   connect      TCP, through a proxy or not, and TLS
//! ```

mod body;
mod connect;
mod connection;
mod framing;
mod http1;
pub mod network;
mod pool;
pub mod scripted;
mod tls;
