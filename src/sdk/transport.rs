//! The transport of a model: the network, perhaps with a recorder, or a script or a replay in place of the network.
//!
//! Each is an HTTP client of the SDK, below its signing and its retries. So the path above is the same with all of them.

use super::http_client::http_client;
use crate::cassette::open_recordings;
use crate::cassette::recorder::{MAX_QUOTED_NAME, Recorder};
use crate::cassette::recording_transport::RecordingTransport;
use crate::cassette::replay_transport::ReplayTransport;
use crate::config::Config;
use crate::config::check_transport::{bad, check_keys};
use crate::error::{Result, quote_up_to};
use crate::http::network::Network;
use crate::json::{Json, OwnedJson};
use crate::script::Script;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use std::sync::Arc;

pub enum Transport {
    Network,
    Script(Script),
    Record(Arc<Recorder>),
    Replay(ReplayTransport),
}

impl Transport {
    /// Reads the config's `transport`, where it has one. Touches files: a recording is read here, and begun.
    pub fn parse(transport: Option<&OwnedJson>) -> Result<Self> {
        let Some(json) = transport.map(OwnedJson::json) else { return Ok(Transport::Network) };
        check_keys(json, "/transport", &["replies", "repeat", "record", "replay", "timing"])?;
        let given = ["replies", "record", "replay"].into_iter().filter(|key| json.get(key).is_some());
        match given.collect::<Vec<_>>()[..] {
            ["replies"] => Script::parse(json).map(Transport::Script),
            ["record"] => record(json),
            ["replay"] => replay(json),
            [] => Err(bad("/transport", "one of replies, record and replay is needed")),
            [first, second, ..] => {
                Err(bad(&format!("/transport/{second}"), &format!("it cannot stand beside {first}: give one of them")))
            }
            [_] => unreachable!("one of three keys, and neither of them"),
        }
    }

    /// Whether requests leave the process, and need credentials for that.
    pub fn is_network(&self) -> bool {
        matches!(self, Transport::Network | Transport::Record(_))
    }

    /// The way to the service.
    pub fn http_client(&self, config: &Config) -> SharedHttpClient {
        match self {
            Transport::Network => http_client(Network::new(config)),
            Transport::Script(script) => http_client(script.clone()),
            Transport::Record(recorder) => http_client(RecordingTransport::new(config, recorder.clone())),
            Transport::Replay(replay) => http_client(replay.clone()),
        }
    }
}

fn record(json: Json<'_>) -> Result<Transport> {
    check_keys(json, "/transport", &["record"])?;
    let name = file_name(json, "record")?;
    let recorder = open_recordings::open(&name)
        .map_err(|reason| bad("/transport/record", &format!("{}: {reason}", quote_up_to(&name, MAX_QUOTED_NAME))))?;
    Ok(Transport::Record(recorder))
}

fn replay(json: Json<'_>) -> Result<Transport> {
    check_keys(json, "/transport", &["replay", "timing"])?;
    let recorded_timing = match json.get("timing") {
        None => false,
        Some(timing) if timing.is("at_once") => false,
        Some(timing) if timing.is("recorded") => true,
        Some(_) => return Err(bad("/transport/timing", "\"at_once\" or \"recorded\" is needed")),
    };
    let name = file_name(json, "replay")?;
    let replay = ReplayTransport::open(&name, recorded_timing)
        .map_err(|reason| bad("/transport/replay", &format!("{}: {reason}", quote_up_to(&name, MAX_QUOTED_NAME))))?;
    Ok(Transport::Replay(replay))
}

/// The file that stands under `key` of the config's `transport`.
fn file_name(json: Json<'_>, key: &str) -> Result<String> {
    let name = json.get(key).and_then(Json::string).filter(|name| !name.is_empty());
    name.map(|name| name.into_owned()).ok_or_else(|| bad(&format!("/transport/{key}"), "the name of a file is needed"))
}

/// What credentials are asked for with: whatever the transport, nobody writes it down.
pub fn for_credentials(config: &Config) -> SharedHttpClient {
    http_client(Network::for_credentials(config))
}
