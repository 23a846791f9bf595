//! A config while its keys are read, in any order.

use super::call_settings::CallSettings;
use super::environment::variables::Variables;
use super::failover::Failover;
use super::limits::Limits;
use super::secret::Secret;
use super::transport::Transport;
use super::value::Value;
use super::{Auth, Config, HttpVersion, Role, StaticCredentials};
use crate::error::{Error, Kind, Result};
use std::fmt;

/// Far more than any model writes, except for images.
const DEFAULT_MAX_ANSWER: usize = 256 << 20;

/// The settings that were read so far. [`Draft::into_config`] completes the settings that consist of several keys.
pub(super) struct Draft {
    pub(super) config: Config,
    /// The keys that were read, each with its JSON pointer.
    pointers: Vec<(&'static str, String)>,
    pub(super) api_key: Option<Secret>,
    pub(super) secret_key: Option<Secret>,
    pub(super) session_token: Option<Secret>,
    pub(super) role_arn: Option<String>,
    pub(super) role_session_name: Option<String>,
    pub(super) external_id: Option<Secret>,
}

impl Draft {
    pub(super) fn new(variables: Variables) -> Self {
        let config = Config {
            model: String::new(),
            auth: Auth::Auto,
            credentials: None,
            bearer_token: None,
            bearer_token_file: None,
            profile: None,
            credentials_profile: None,
            role: None,
            region: None,
            base_url: None,
            allow_http: false,
            calls: CallSettings::default(),
            failover: Failover::default(),
            max_concurrency: None,
            max_queue: None,
            limits: None,
            max_answer: DEFAULT_MAX_ANSWER,
            ca_bundle: None,
            proxy: None,
            http_version: HttpVersion::Auto,
            fips: None,
            dual_stack: None,
            user_agent: None,
            defaults: None,
            lint: true,
            transport: Transport::Network,
            variables,
        };
        Draft::of(config)
    }

    /// Returns the draft of a config that changes this one.
    pub(super) fn of(config: Config) -> Self {
        Draft {
            config,
            pointers: Vec::new(),
            api_key: None,
            secret_key: None,
            session_token: None,
            role_arn: None,
            role_session_name: None,
            external_id: None,
        }
    }

    /// Returns the limits that were read so far.
    pub(super) fn limits(&mut self) -> &mut Limits {
        self.config.limits.get_or_insert_default()
    }

    /// Reads `bearer_token_file`. A relative path is that of the present working directory, which may change before the
    /// file is read.
    pub(super) fn read_token_file(&mut self, value: &Value<'_>) -> Result<()> {
        let path = value.text()?;
        let path = std::path::absolute(&path).map_err(|why| value.error(format_args!("cannot be used: {why}")))?;
        self.config.bearer_token_file = Some(path);
        Ok(())
    }

    /// Records that `key` was read at the JSON pointer `path`.
    pub(super) fn note(&mut self, key: &'static str, path: String) {
        self.pointers.push((key, path));
    }

    /// Returns whether `key` was read.
    pub(super) fn has(&self, key: &str) -> bool {
        self.pointer(key).is_some()
    }

    fn pointer(&self, key: &str) -> Option<&str> {
        self.pointers.iter().find(|(read, _)| *read == key).map(|(_, path)| path.as_str())
    }

    /// Returns the error for `key`. The message is the key's name and `reason`.
    pub(super) fn error(&self, key: &str, reason: impl fmt::Display) -> Error {
        Error::new(Kind::Config, format_args!("config: \"{key}\" {reason}")).at(self.pointer(key).unwrap_or_default())
    }

    /// Completes the config, whose keys were checked to fit together (`combinations`).
    pub(super) fn into_config(mut self) -> Config {
        if let (Some(access_key), Some(secret_key)) = (self.api_key, self.secret_key) {
            let session_token = self.session_token;
            self.config.credentials = Some(StaticCredentials { access_key, secret_key, session_token });
        }
        if let Some(arn) = self.role_arn {
            let (session_name, external_id) = (self.role_session_name, self.external_id);
            self.config.role = Some(Role { arn, session_name, external_id });
        }
        self.config
    }
}
