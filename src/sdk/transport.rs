//! The transport of a model: the network, perhaps with a recorder, or a script or a replay in place of the network.
//!
//! Each is an HTTP client of the SDK, below its signing and its retries. So the path above is the same with all of
//! them.

use super::http_client::http_client;
use crate::cassette::open_recordings;
use crate::cassette::recorder::Recorder;
use crate::cassette::recording_transport::RecordingTransport;
use crate::cassette::replay_transport::ReplayTransport;
use crate::config::{self, Config};
use crate::error::Result;
use crate::http::network::Network;
use crate::script::Script;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use std::sync::Arc;

/// A transport whose files are open. All workers of a model share it.
pub enum Transport {
    Network,
    Script(Script),
    Record(Arc<Recorder>),
    Replay(ReplayTransport),
}

impl Transport {
    /// Opens the transport of a config: begins a recording, or reads one. Blocks.
    pub fn open(transport: &config::Transport) -> Result<Self> {
        Ok(match transport {
            config::Transport::Network => Transport::Network,
            config::Transport::Script(script) => Transport::Script(Script::new(script)),
            config::Transport::Record(path) => {
                Transport::Record(open_recordings::open(path.name()).map_err(|reason| path.error(reason))?)
            }
            config::Transport::Replay { path, recorded_timing } => {
                let replay = ReplayTransport::open(path.name(), *recorded_timing);
                Transport::Replay(replay.map_err(|reason| path.error(reason))?)
            }
        })
    }

    /// Returns the kind of transport: "network", or the member of the config's `transport`.
    pub fn name(&self) -> &'static str {
        match self {
            Transport::Network => "network",
            Transport::Script(_) => "replies",
            Transport::Record(_) => "record",
            Transport::Replay(_) => "replay",
        }
    }

    /// Returns whether requests leave the process, which takes credentials.
    pub fn is_network(&self) -> bool {
        matches!(self, Transport::Network | Transport::Record(_))
    }

    /// Returns the HTTP client for requests to the service.
    pub fn http_client(&self, config: &Config) -> SharedHttpClient {
        match self {
            Transport::Network => http_client(Network::new(config)),
            Transport::Script(script) => http_client(script.clone()),
            Transport::Record(recorder) => http_client(RecordingTransport::new(config, recorder.clone())),
            Transport::Replay(replay) => http_client(replay.clone()),
        }
    }
}

/// Returns the HTTP client for requests for credentials. They are never recorded.
pub fn for_credentials(config: &Config) -> SharedHttpClient {
    http_client(Network::for_credentials(config))
}
