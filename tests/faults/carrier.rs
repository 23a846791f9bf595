//! What carries a call: the versions of HTTP, with and without TLS.

use serde_json::{Value, json};

use crate::support::LocalBedrock;
use crate::support::capi::{config, with};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// HTTP/1.1 over TCP.
    Http1,
}

impl Carrier {
    pub fn title(self) -> &'static str {
        match self {
            Carrier::Http1 => "over HTTP/1.1",
        }
    }

    /// The scheme of its URLs.
    pub fn scheme(self) -> &'static str {
        match self {
            Carrier::Http1 => "http",
        }
    }

    /// Whether a body's length can be told in several ways.
    pub fn has_framings(self) -> bool {
        self == Carrier::Http1
    }

    /// How much of a sweep is made: all of it over plain HTTP/1.1, and a sample over what lies below the same engine.
    pub fn step(self, all: usize, sample: usize) -> usize {
        if self == Carrier::Http1 { all } else { sample }
    }

    #[track_caller]
    pub fn start(self) -> LocalBedrock {
        match self {
            Carrier::Http1 => LocalBedrock::start(),
        }
    }

    /// The config of a model that calls `bedrock`. A token, because signing is most of what a call costs.
    pub fn config(self, bedrock: &LocalBedrock) -> Value {
        let bearer = json!({"bearer_token": "bedrock-api-key==", "api_key": null, "secret_key": null});
        with(config(bedrock), bearer)
    }
}
