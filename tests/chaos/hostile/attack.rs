//! An attack: what a server does, and what must become of a call that meets it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::peer::Peer;
use crate::clock::GRACE;
use crate::support::capi::*;

/// What the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Http1,
    /// Without TLS, by prior knowledge.
    Http2,
    /// HTTP/1.1 inside TLS.
    Tls,
    /// HTTP/2 inside TLS.
    Http2Tls,
    /// TLS that is not spoken by the server of this house: the attack is on the handshake.
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

/// What the client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Reads a stream to its end.
    Stream,
    /// Reads one event of a stream, and the rest once the stream is over.
    Unread,
    Unary,
    /// Two unary calls, one after the other. The second one has to get its own answer.
    Twice,
    /// So many streams at once.
    Many(usize),
    /// InvokeModel.
    Invoke,
}

impl Call {
    pub fn title(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

pub type Played = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

#[derive(Clone)]
pub struct Attack {
    pub name: String,
    pub over: Over,
    pub call: Call,
    /// Plays on each connection.
    pub play: Arc<dyn Fn(Peer) -> Played + Send + Sync>,
    /// The statuses that the call may have.
    pub ends: Vec<bedrock_status>,
    /// How many requests the server may get to see at most.
    pub requests: usize,
    /// How many connections the client may open at most.
    pub connections: usize,
    /// Members of the config in place of those that are usual, one set after the other.
    pub config: Vec<Value>,
    /// Variables of the client. "{port}" is the server's port.
    pub environment: Vec<(&'static str, String)>,
    /// Whether it takes a processor for itself.
    pub alone: bool,
    /// The timer that ends each call, if nothing else does.
    pub total: Duration,
}

/// The timer of calls that need no other.
const TOTAL: Duration = Duration::from_millis(300);

/// Whatever the other side sends, a call takes at most so many MiB besides the answer itself.
const MEMORY: i64 = 32;
/// A stream that nobody reads keeps 256 KiB by default. The rest is what sockets, buffers and the allocator take.
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
            Call::Twice => 2,
            Call::Many(count) => count,
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
            total: TOTAL,
        }
    }

    /// How many MiB the client may take at most.
    pub fn memory(&self) -> i64 {
        if self.call == Call::Unread { MEMORY_UNREAD } else { MEMORY }
    }

    /// How long all its calls may take, but for the machine's own delays.
    pub fn limit(&self) -> Duration {
        let calls = if self.call == Call::Twice { 2 } else { 1 };
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
