//! How requests reach an answer: over the network, perhaps with a recorder beside it, or over a script or a recording that stands
//! in for it.
//!
//! All are the SDK's `HttpClient`, below its signing and its retries, so that with each the whole path above is the same.
//! On the network every part runs on the worker. Only what may block, or takes long, goes to threads of its own: name look-ups,
//! the reading and writing of files, and checks of frames and answers that are very long:
//!
//! ```text
//!   network      the SDK's HttpClient: which connection a request takes, and what becomes of it
//!   pool         the origins; origin is one: its connections, connects, and calls that wait
//!   connection   HTTP/1.1 or HTTP/2 behind one face
//!   http2        HTTP/2; inbox is what is unread of one answer
//!   gather       fewer, longer DATA frames, below HTTP/2
//!   http1        HTTP/1.1; framing knows where a body ends
//!   body         an answer's body; it reads its HTTP/1.1 connection itself
//!   limited      a body that may not be longer than so much
//!   connect      TCP, through a proxy or not, and TLS; names looks up addresses
//!   alive        how a peer that is gone is found
//!   failure      what goes wrong on the way, in words
//!   proxies      which proxy, of the config or the environment
//!   metadata     the services of the machine that give credentials: never through a proxy
//! ```
//!
//! What stands in for it, or beside it:
//!
//! ```text
//!   scripted     answers that are written down in the config
//!   record       writes down what passes; tape is one answer on its way, recorder who writes it
//!   replay       answers from a recording; meaning finds a request in it, differ says where one is not the recorded one
//!   recording    the file's format: parts (of a body), read, write; page is the file that is written
//!   play         a body that comes beat by beat
//! ```

use crate::cassette::record::Record;
use crate::cassette::recorder::Recorder;
use crate::cassette::replay::Replay;
use crate::config::Config;
use crate::config::check_transport::{bad, check_keys};
use crate::error::Result;
use crate::http::network::Network;
use crate::json::OwnedJson;
use crate::script::Script;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use std::sync::Arc;

/// The way of a model's requests.
pub enum Transport {
    Network,
    Script(Script),
    Record(Arc<Recorder>),
    Replay(Replay),
}

impl Transport {
    /// Reads the config's `transport`, where it has one. Touches files: a recording is read here, and begun.
    pub fn parse(transport: Option<&OwnedJson>) -> Result<Self> {
        let Some(json) = transport.map(OwnedJson::json) else { return Ok(Transport::Network) };
        check_keys(json, "/transport", &["replies", "repeat", "record", "replay", "timing"])?;
        let given = ["replies", "record", "replay"].into_iter().filter(|key| json.get(key).is_some());
        match given.collect::<Vec<_>>()[..] {
            ["replies"] => Script::parse(json).map(Transport::Script),
            ["record"] => Recorder::parse(json).map(Transport::Record),
            ["replay"] => Replay::parse(json).map(Transport::Replay),
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
            Transport::Network => SharedHttpClient::new(Network::new(config)),
            Transport::Script(script) => SharedHttpClient::new(script.clone()),
            Transport::Record(recorder) => SharedHttpClient::new(Record::new(config, recorder.clone())),
            Transport::Replay(replay) => SharedHttpClient::new(replay.clone()),
        }
    }
}

/// What credentials are asked for with: whatever the transport, nobody writes it down.
pub fn for_credentials(config: &Config) -> SharedHttpClient {
    SharedHttpClient::new(Network::for_credentials(config))
}
