//! The config key `transport`: the network, a script, a recorder or a replay.

use super::script::Script;
use super::value::Value;
use crate::error::{Error, Kind, Result, quote, quote_up_to};
use std::fmt;
use std::sync::Arc;

/// The maximum length of a file name that a message quotes, in bytes.
const MAX_QUOTED_NAME: usize = 512;

/// The members that choose a transport.
const CHOICES: [&str; 3] = ["replies", "record", "replay"];
const TIMINGS: [(&str, bool); 2] = [("at_once", false), ("recorded", true)];

/// The sender of requests.
#[derive(Clone, Debug)]
pub enum Transport {
    Network,
    /// A script in place of the network.
    Script(Arc<Script>),
    /// The network, with a recording of requests and responses.
    Record(RecordingPath),
    /// A recording in place of the network.
    Replay {
        path: RecordingPath,
        /// Whether responses take as long as they did when they were recorded.
        recorded_timing: bool,
    },
}

/// A file that the config names.
#[derive(Clone, Debug)]
pub struct RecordingPath {
    name: String,
    key: String,
    path: String,
}

impl Transport {
    /// Reads the value of the key.
    pub(super) fn parse(value: &Value<'_>) -> Result<Self> {
        let members = value.members()?;
        let mut choices = members.iter().filter(|member| CHOICES.contains(&&*member.key));
        let Some(choice) = choices.next() else {
            let known = ["replies", "repeat", "record", "replay", "timing"].into_iter();
            return Err(match members.iter().find(|member| !known.clone().any(|key| member.key == key)) {
                Some(unknown) => unknown.unknown(known),
                None => value.error("needs one of replies, record and replay"),
            });
        };
        if let Some(second) = choices.next() {
            return Err(second.error(format_args!("and \"{}\" exclude each other: give one of them", choice.key)));
        }
        match &*choice.key {
            "replies" => Script::parse(&members).map(|script| Transport::Script(Arc::new(script))),
            "record" => {
                value.expect_members(&members, &["record"])?;
                RecordingPath::parse(choice).map(Transport::Record)
            }
            _ => {
                value.expect_members(&members, &["replay", "timing"])?;
                let timing = members.iter().find(|member| member.key == "timing");
                let recorded_timing = timing.map_or(Ok(false), |timing| timing.choice(&TIMINGS))?;
                Ok(Transport::Replay { path: RecordingPath::parse(choice)?, recorded_timing })
            }
        }
    }
}

impl RecordingPath {
    fn parse(value: &Value<'_>) -> Result<Self> {
        let name = value.text()?;
        Ok(RecordingPath { name, key: value.name().to_owned(), path: value.path.clone() })
    }

    /// Returns the path as the config has it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the error for a file that cannot be used.
    pub fn error(&self, reason: impl fmt::Display) -> Error {
        let (key, name) = (quote(&self.key), quote_up_to(&self.name, MAX_QUOTED_NAME));
        Error::new(Kind::Config, format_args!("config: {key} names {name}: {reason}")).at(self.path.as_str())
    }
}
