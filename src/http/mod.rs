//! The HTTP client.
//!
//! Knows HTTP, proxies, TLS and the config keys that concern them. Knows neither the SDK nor calls nor the meaning of a
//! request. Everything runs on the worker. Only what may block, such as name resolution and reading certificates, runs
//! on other threads.
//!
//! The interface:
//!
//! - `transport`: the interface that sends requests, implemented by the network, and by cassettes and scripts
//! - `transport_error`: why a request got no response; `error_message`: its text for people
//! - `body`: the body of a response; `limited_body`, `timed_body`: bodies with a limit, and in memory with delays
//! - `sniff`: recognizes event streams; `fuzzing` opens the parsers to fuzz targets
//!
//! The network:
//!
//! - `network`: sends a request over a connection, and again if that is safe
//! - `origins`: all of them; `origin`: one of them, made of a `pool` of connections, `pending_connects`, and
//!   `waiters`, the calls that wait
//! - `connection`: HTTP/1.1 or HTTP/2; `lifetime`: how long it may be used; `send_error`: its failures
//! - `metadata`: the metadata services of the machine
//!
//! HTTP/1.1:
//!
//! - `http1`: a connection; `http1_head`: the head of a response; `http1_body`: its body, and where it ends
//!
//! HTTP/2:
//!
//! - `http2`: a connection; `http2_driver`: its task; `http2_ping`: its pings; `http2_error`: its failures
//! - `stream_buffer`: the unread data of a response; `frame_coalescer`: joins DATA frames below HTTP/2
//! - `frame_head`: the head of a frame; `written_frames`: which requests were written
//!
//! Connections:
//!
//! - `connect_timer`: the connect timeout; `connector`: TCP, proxy, TLS, in this order; `tunnel`: CONNECT; `tls`: the
//!   handshake; `trust_store`: the certificates
//! - `link`: the byte stream; `read_buffer`: how much is read at once; `tcp_keepalive`: how a lost peer is detected
//! - `resolver`: host names; `proxies`: the proxy of a request

pub mod body;
mod connect_timer;
mod connection;
mod connector;
mod error_message;
mod frame_coalescer;
mod frame_head;
#[cfg(fuzzing)]
pub mod fuzzing;
mod http1;
mod http1_body;
mod http1_head;
mod http2;
mod http2_driver;
mod http2_error;
mod http2_ping;
pub mod lifetime;
mod limited_body;
mod link;
pub mod metadata;
pub mod network;
mod origin;
mod origins;
mod pending_connects;
mod pool;
pub mod proxies;
mod read_buffer;
pub mod resolver;
mod send_error;
pub mod sniff;
mod stream_buffer;
mod tcp_keepalive;
pub mod timed_body;
mod tls;
pub mod transport;
pub mod transport_error;
pub mod trust_store;
mod tunnel;
mod waiters;
mod written_frames;
