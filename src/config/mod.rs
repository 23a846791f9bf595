//! The config of a model: its keys, their checks, and the AWS environment.
//!
//! A config is parsed once. Every error that can be found without the network is found then. The message names the key,
//! the reason and what is allowed; for an unknown key it suggests the nearest known one. It never quotes a secret
//! (`secret`).
//!
//! ```text
//!   keys            the list of config keys: how each is read, its default, its documentation
//!   parse           reads the JSON of a config; draft holds what was read so far; value is one member
//!   combinations    checks that concern several keys
//!   call_settings   the settings that a derived model may change: timeouts, retry, cache
//!   failover        other targets for a call
//!   limits          quotas of a minute
//!   run_options     the options of a run, which are read as a config is
//!   feed            the options of a feed of records and messages
//!   duration, size  values with a unit
//!   check, url      texts that go into a header or a path; URLs, and the rule for http://
//!   transport       the network, a script, a recorder or a replay; script holds the replies
//!   ca_bundle       certificates in place of the system's
//!   nearest         the known key that is nearest to an unknown one
//!   secret          texts that are zeroed, and that no message shows
//!   environment     AWS's environment variables and files
//!   documentation   the tables of keys in the README and in the header
//! ```

mod ca_bundle;
mod cache;
mod call_settings;
mod check;
mod combinations;
#[cfg(test)]
mod documentation;
mod draft;
mod duration;
pub mod environment;
mod failover;
pub mod feed;
mod keys;
mod limits;
mod nearest;
mod parse;
mod retry;
mod run_options;
mod script;
mod secret;
mod size;
#[cfg(test)]
mod tests;
mod timeouts;
mod transport;
mod url;
mod value;

pub use ca_bundle::CaBundle;
pub use cache::{Cache, CachePlace, CacheTtl};
pub use call_settings::CallSettings;
pub use check::{check_header, check_model_id, check_region, check_secret, check_segment};
pub use failover::{Failover, Fallback};
pub use keys::{call_settings, meant as key_meant, members_of_call_settings, names as keys};
pub use limits::Limits;
pub use nearest::{near_miss, same_word, unknown_name};
pub use retry::{Retry, RetryMode};
pub use run_options::RunOptions;
pub use script::{ErrorReply, Reply, Script, ScriptEvent};
pub use secret::Secret;
pub use timeouts::{DEFAULT_CONNECT, Timeout, Timeouts};
pub use transport::{RecordingPath, Transport};
pub use url::{check_plain_host, check_plain_http, check_proxy, check_url, is_loopback};

use crate::json::OwnedJson;
use environment::variables::Variables;
use std::path::PathBuf;

/// The config of a model.
#[derive(Clone, Debug)]
pub struct Config {
    /// A model id, inference profile or ARN that passed [`check_model_id`].
    pub model: String,
    pub auth: Auth,
    pub credentials: Option<StaticCredentials>,
    /// A Bedrock API key. `credentials` and `role` are then None.
    pub bearer_token: Option<Secret>,
    /// A file with a Bedrock API key. `bearer_token`, `credentials` and `role` are then None.
    pub bearer_token_file: Option<PathBuf>,
    pub profile: Option<String>,
    /// The profile of the credentials that have replaced those of the config. None if none have: then it is `profile`,
    /// which is always that of the region and the endpoint. Some(None) if they replaced it by the environment's.
    pub credentials_profile: Option<Option<String>>,
    pub role: Option<Role>,
    pub region: Option<String>,
    /// A URL that passed [`check_plain_http`].
    pub base_url: Option<String>,
    pub allow_http: bool,
    pub calls: CallSettings,
    pub failover: Failover,
    /// At least 1.
    pub max_concurrency: Option<usize>,
    /// The most calls that wait for `max_concurrency`.
    pub max_queue: Option<u32>,
    pub limits: Option<Limits>,
    /// The maximum size of one response in bytes, all frames of a stream together.
    pub max_answer: usize,
    /// The certificates of `ca_file`.
    pub ca_bundle: Option<CaBundle>,
    /// The URL of an HTTP or HTTPS proxy. It may hold a password.
    pub proxy: Option<Secret>,
    pub http_version: HttpVersion,
    pub fips: Option<bool>,
    pub dual_stack: Option<bool>,
    pub user_agent: Option<String>,
    /// An object of request members for every request.
    pub defaults: Option<OwnedJson>,
    /// Whether requests are checked before they are sent.
    pub lint: bool,
    pub transport: Transport,
    /// The environment when the config was parsed.
    pub variables: Variables,
}

/// How requests are authorized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// The config wins over the environment. Then a bearer token is used, if there is one, else SigV4.
    Auto,
    SigV4,
    Bearer,
}

/// The version of HTTP that is spoken with the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    /// The one that the endpoint chooses during the TLS handshake. HTTP/1.1 over http://.
    Auto,
    Http1,
    /// Over http:// without negotiation.
    Http2,
}

/// Credentials that the config holds.
#[derive(Clone, Debug)]
pub struct StaticCredentials {
    /// The access key id: the config's `api_key`.
    pub access_key: Secret,
    pub secret_key: Secret,
    pub session_token: Option<Secret>,
}

/// A role to assume with the credentials that are found.
#[derive(Clone, Debug)]
pub struct Role {
    pub arn: String,
    pub session_name: Option<String>,
    pub external_id: Option<Secret>,
}

impl Config {
    /// Returns whether requests can be authorized without the environment.
    pub fn brings_identity(&self) -> bool {
        self.credentials.is_some() || self.has_bearer_token()
    }

    /// Returns whether the config has a bearer token, or names a file with one.
    pub fn has_bearer_token(&self) -> bool {
        self.bearer_token.is_some() || self.bearer_token_file.is_some()
    }

    /// Returns the config with which credentials are found: its profile is theirs.
    pub fn for_credentials(&self) -> Config {
        let profile = self.credentials_profile.clone().unwrap_or_else(|| self.profile.clone());
        Config { profile, ..self.clone() }
    }
}
