//! An attack: the behaviour of a server, and the expected outcome of a call to it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::peer::Peer;
use crate::clock::GRACE;
use crate::support::capi::*;

/// The protocol of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Http1,
    /// Without TLS, by prior knowledge.
    Http2,
    /// HTTP/1.1 inside TLS.
    Tls,
    /// HTTP/2 inside TLS.
    Http2Tls,
    /// TLS, whose bytes the attack sends itself: it is an attack on the handshake.
    RawTls,
}

impl Over {
    pub fn title(self) -> &'static str {
        match self {
            Over::Http1 => "h1",
            Over::Http2 => "h2",
            Over::Tls => "h1+TLS",
            Over::Http2Tls => "h2+TLS",
            Over::RawTls => "TLS",
        }
    }
}

/// The call that the client makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Reads a stream to its end.
    Stream,
    /// Reads one event of a stream, and the rest after the stream has ended.
    Unread,
    Unary,
    /// This number of unary calls, one after the other. Each has to get its own response.
    InTurn(usize),
    /// This number of concurrent streams.
    Many(usize),
    /// InvokeModel.
    Invoke,
}

impl Call {
    pub fn title(self) -> String {
        match self {
            Call::InTurn(count) => format!("{count} in turn"),
            Call::Many(count) => format!("{count} at once"),
            call => format!("{call:?}").to_lowercase(),
        }
    }
}

pub type Playing = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

#[derive(Clone)]
pub struct Attack {
    pub name: String,
    pub over: Over,
    pub call: Call,
    /// Runs on each connection.
    pub play: Arc<dyn Fn(Peer) -> Playing + Send + Sync>,
    /// The statuses that the call may return.
    pub ends: Vec<bedrock_status>,
    /// The maximum number of requests that the server receives.
    pub requests: usize,
    /// The maximum number of connections that the client opens.
    pub connections: usize,
    /// Members that replace those of the usual config, in this order.
    pub config: Vec<Value>,
    /// Environment variables of the client. "{port}" is replaced by the server's port.
    pub environment: Vec<(&'static str, String)>,
    /// Whether the attack runs without others, because it needs a processor for itself.
    pub alone: bool,
    /// The total timer of each call.
    pub total: Duration,
}

/// The total timer of calls that it may end.
const TOTAL: Duration = Duration::from_millis(300);
/// The total timer of calls that have to end before it, even on a busy machine.
const LONG: Duration = Duration::from_secs(5);

/// The maximum memory of a call in MiB, besides the response.
const MEMORY: i64 = 32;
/// The maximum memory of an unread stream in MiB: 256 KiB of read-ahead, and sockets, buffers and the allocator.
const MEMORY_UNREAD: i64 = 4;

impl Attack {
    pub fn new<F>(
        over: Over,
        call: Call,
        name: &str,
        ends: &[bedrock_status],
        play: impl Fn(Peer) -> F + Send + Sync + 'static,
    ) -> Attack
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let calls = match call {
            Call::InTurn(count) | Call::Many(count) => count,
            _ => 1,
        };
        Attack {
            name: name.to_owned(),
            over,
            call,
            play: Arc::new(move |peer| Box::pin(play(peer))),
            ends: ends.to_vec(),
            requests: calls,
            connections: calls,
            config: Vec::new(),
            environment: Vec::new(),
            alone: false,
            total: if ends.contains(&BEDROCK_E_TIMEOUT) { TOTAL } else { LONG },
        }
    }

    /// Returns the maximum memory of the client in MiB.
    pub fn memory(&self) -> i64 {
        if self.call == Call::Unread { MEMORY_UNREAD } else { MEMORY }
    }

    /// Returns the maximum duration of all calls, without the machine's own delays.
    pub fn limit(&self) -> Duration {
        let calls = if let Call::InTurn(count) = self.call { u32::try_from(count).expect("a count") } else { 1 };
        let unread = if self.call == Call::Unread { self.total } else { Duration::ZERO };
        self.total * calls + unread + GRACE
    }

    pub fn total(mut self, total: Duration) -> Attack {
        self.total = total;
        self
    }

    pub fn alone(mut self) -> Attack {
        self.alone = true;
        self
    }

    pub fn connections(mut self, connections: usize) -> Attack {
        self.connections = connections;
        self
    }

    pub fn requests(mut self, requests: usize) -> Attack {
        self.requests = requests;
        self
    }

    pub fn with(mut self, members: Value) -> Attack {
        self.config.push(members);
        self
    }

    pub fn environment(mut self, variables: &[(&'static str, &str)]) -> Attack {
        self.environment.extend(variables.iter().map(|(key, value)| (*key, (*value).to_owned())));
        self
    }
}
