//! The carriers of a call: the versions of HTTP, with and without TLS.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::interface::Interface;
use crate::support::capi::{config, with};
use crate::support::{Flaw, LocalBedrock, Protocol, Tls};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// HTTP/1.1 over TCP.
    Http1,
    /// HTTP/1.1 over TLS.
    Tls,
    /// HTTP/2 over TLS, which both sides choose by ALPN.
    Http2,
    /// HTTP/2 over TCP, set in the client's config.
    PriorKnowledge,
}

/// Made once, because key generation is slow.
static TLS: LazyLock<Tls> = LazyLock::new(|| Tls::new(Flaw::Nothing, &["http/1.1"]));
static HTTP2: LazyLock<Tls> = LazyLock::new(|| Tls::new(Flaw::Nothing, &["h2", "http/1.1"]));

impl Carrier {
    pub fn title(self) -> &'static str {
        match self {
            Carrier::Http1 => "over HTTP/1.1",
            Carrier::Tls => "over HTTP/1.1 and TLS",
            Carrier::Http2 => "over HTTP/2 and TLS",
            Carrier::PriorKnowledge => "over HTTP/2 by prior knowledge",
        }
    }

    pub fn is_http2(self) -> bool {
        matches!(self, Carrier::Http2 | Carrier::PriorKnowledge)
    }

    pub fn is_tls(self) -> bool {
        matches!(self, Carrier::Tls | Carrier::Http2)
    }

    /// The step of a sweep: `all` over plain HTTP/1.1, and `sample` over the other carriers, because all use the same
    /// engine.
    pub fn step(self, all: usize, sample: usize) -> usize {
        if self == Carrier::Http1 { all } else { sample }
    }

    /// Whether calls are made through that interface: all of them over plain HTTP/1.1, one of each kind over the other
    /// carriers.
    pub fn is_for(self, interface: Interface) -> bool {
        self == Carrier::Http1 || interface == Interface::Unary || Interface::THREE.contains(&interface)
    }

    #[track_caller]
    pub fn start(self) -> LocalBedrock {
        LocalBedrock::with_protocol(match self {
            Carrier::Http1 => Protocol::Http1,
            Carrier::Tls => Protocol::Tls(TLS.clone()),
            Carrier::Http2 => Protocol::Tls(HTTP2.clone()),
            Carrier::PriorKnowledge => Protocol::HTTP2,
        })
    }

    /// The config of a model that calls `bedrock`. It has a bearer token, because signing is the largest cost of a
    /// call.
    pub fn config(self, bedrock: &LocalBedrock) -> Value {
        let bearer = json!({"bearer_token": "bedrock-api-key==", "api_key": null, "secret_key": null});
        let ca_file = bedrock.tls().map(Tls::ca_file);
        let version = (self == Carrier::PriorKnowledge).then_some("2");
        with(with(config(bedrock), bearer), json!({"ca_file": ca_file, "http_version": version}))
    }
}
