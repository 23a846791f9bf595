//! The config JSON of `bedrock_model_new`, read once and checked whole.
//!
//! Whatever can be known to be wrong here is an error here, and not at the first call: each names the key, the reason, what is
//! allowed, and for an unknown key the nearest known one. A message never quotes a secret, nor does `Debug` show one.
//!
//! Members under `"options"` count as if they stood at the top. The order of keys never matters. `null` is a wrong type and not
//! "not given": a program whose secret is missing by mistake should hear of it, and not sign with what the machine has.

mod calls;
mod check;
pub mod check_transport;
mod duration;
mod endpoint;
pub mod environment;
mod nearest;
mod reading;
mod size;
#[cfg(test)]
mod tests;
mod timeouts;
mod trust;
mod value;
pub mod variables;

pub use calls::{CALL_SETTINGS, CallSettings, Retry, RetryMode};
pub use check::{check_header, check_model_id, check_region, check_secret, check_segment};
pub use endpoint::{check_plain_http, check_proxy, check_url, is_loopback};
pub use nearest::{near_miss, same_word};
pub use reading::Reading;
pub use timeouts::{DEFAULT_CONNECT, Timeout, Timeouts};
pub use trust::CaBundle;

use crate::config::variables::Variables;
use crate::error::{Error, Kind, Result};
use crate::json::{Json, Kind as JsonKind};
use std::fmt;
use value::Value;
use zeroize::Zeroizing;

/// Text that is zeroed when it is freed. Who holds it must not show it.
pub type Secret = Zeroizing<String>;

/// What a model is made from.
#[derive(Clone)]
pub struct Config {
    /// A model id, inference profile or ARN that passed [`check_model_id`].
    pub model: String,
    pub auth: Auth,
    pub credentials: Option<StaticCredentials>,
    /// A Bedrock API key; never together with `credentials` or `role`.
    pub bearer_token: Option<Secret>,
    pub profile: Option<String>,
    pub role: Option<Role>,
    pub region: Option<String>,
    /// Passed [`check_plain_http`] with what is configured.
    pub base_url: Option<String>,
    pub allow_http: bool,
    pub calls: CallSettings,
    /// At least 1.
    pub max_concurrency: Option<usize>,
    /// The most bytes of one answer, all of a stream's frames together.
    pub max_answer: usize,
    /// What takes the place of the system's trust store: `ca_file`, or later what the environment names.
    pub ca_bundle: Option<CaBundle>,
    /// The URL of an HTTP or HTTPS proxy; it may hold a password.
    pub proxy: Option<Secret>,
    pub http_version: HttpVersion,
    pub fips: Option<bool>,
    pub dual_stack: Option<bool>,
    pub user_agent: Option<String>,
    /// The text of a JSON object: request members that stand under every request.
    pub defaults: String,
    /// Whether requests are checked before they are sent.
    pub lint: bool,
    /// The text of a JSON object that tells which transport takes the network's place.
    pub transport: Option<String>,
    /// What the environment held when the config was read.
    pub variables: Variables,
}

/// How requests prove who sends them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// What the config holds wins over the environment; then a bearer token where there is one, else SigV4.
    Auto,
    SigV4,
    Bearer,
}

/// What is spoken with the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    /// What the endpoint chooses during the TLS handshake; HTTP/1.1 over http://.
    Auto,
    Http1,
    /// Over http:// without asking first.
    Http2,
}

#[derive(Clone)]
pub struct StaticCredentials {
    /// The access key id: the config's `api_key`.
    pub access_key: Secret,
    pub secret_key: Secret,
    pub session_token: Option<Secret>,
}

/// A role to assume with whatever credentials are found.
#[derive(Clone)]
pub struct Role {
    pub arn: String,
    pub session_name: Option<String>,
    pub external_id: Option<String>,
}

impl Config {
    pub fn parse(text: &str) -> Result<Config> {
        Config::parse_in(text, Variables::of_process())
    }

    /// Whether requests can be signed or carry a token without anything that the machine has.
    pub fn brings_identity(&self) -> bool {
        self.credentials.is_some() || self.bearer_token.is_some()
    }

    /// [`Config::parse`] in an environment of the caller's choice.
    fn parse_in(text: &str, variables: Variables) -> Result<Config> {
        let json =
            Json::parse(text).map_err(|fault| Error::new(Kind::Config, format_args!("config: not JSON: {fault}")))?;
        if json.kind() != JsonKind::Object {
            return Err(Error::new(Kind::Config, format_args!("config: expected an object, found {}", json.kind())));
        }
        let mut draft = Draft::new();
        for member in Value::root(json).members()? {
            if member.key == "options" {
                member.members()?.into_iter().try_for_each(|option| draft.take(option))?;
            } else {
                draft.take(member)?;
            }
        }
        draft.config.variables = variables;
        draft.finish()
    }
}

/// The duration that `json` is, which stands under `key` at `path`: in the config, but not among the keys of this module.
pub fn duration_of(json: Json<'_>, key: &str, path: &str) -> Result<std::time::Duration> {
    Value::new(key, json, path).duration()
}

/// What a key does with its value.
type Take = fn(&mut Draft, &Value<'_>) -> Result<()>;

/// Every key that can stand at the top or under "options".
const KEYS: [(&str, Take); 29] = [
    ("model", |draft, value| value.checked(check_model_id).map(|id| draft.config.model = id)),
    ("auth", |draft, value| value.choice(&AUTHS).map(|auth| draft.config.auth = auth)),
    ("api_key", |draft, value| value.secret(check_secret).map(|key| draft.api_key = Some(key))),
    ("secret_key", |draft, value| value.secret(check_secret).map(|key| draft.secret_key = Some(key))),
    ("session_token", |draft, value| value.secret(check_secret).map(|token| draft.session_token = Some(token))),
    ("bearer_token", |draft, value| value.secret(check_secret).map(|token| draft.config.bearer_token = Some(token))),
    ("profile", |draft, value| value.text().map(|name| draft.config.profile = Some(name))),
    ("role_arn", |draft, value| value.checked(check::role_arn).map(|arn| draft.role_arn = Some(arn))),
    ("role_session_name", |draft, value| {
        value.checked(check::role_session_name).map(|name| draft.role_session_name = Some(name))
    }),
    ("external_id", |draft, value| value.checked(check::external_id).map(|id| draft.external_id = Some(id))),
    ("region", |draft, value| value.checked(check_region).map(|region| draft.config.region = Some(region))),
    // Whether a URL will do depends on other keys: it is checked when all are there.
    ("base_url", |draft, value| value.text().map(|url| draft.config.base_url = Some(url))),
    ("allow_http", |draft, value| value.bool().map(|allow| draft.config.allow_http = allow)),
    ("timeout", Draft::take_call_setting),
    ("timeouts", Draft::take_call_setting),
    ("retry", Draft::take_call_setting),
    ("keep_answer", Draft::take_call_setting),
    ("read_ahead", Draft::take_call_setting),
    ("max_concurrency", |draft, value| value.count().map(|calls| draft.config.max_concurrency = Some(calls as usize))),
    ("max_answer", |draft, value| value.count().map(|bytes| draft.config.max_answer = bytes as usize)),
    ("ca_file", |draft, value| {
        let bundle = CaBundle::read(&value.text()?).map_err(|reason| value.refuse(reason))?;
        draft.config.ca_bundle = Some(bundle);
        Ok(())
    }),
    ("proxy", |draft, value| value.secret(check_proxy).map(|url| draft.config.proxy = Some(url))),
    ("http_version", |draft, value| value.choice(&HTTP_VERSIONS).map(|version| draft.config.http_version = version)),
    ("fips", |draft, value| value.bool().map(|fips| draft.config.fips = Some(fips))),
    ("dual_stack", |draft, value| value.bool().map(|dual| draft.config.dual_stack = Some(dual))),
    ("user_agent", |draft, value| value.checked(check_header).map(|agent| draft.config.user_agent = Some(agent))),
    ("defaults", |draft, value| value.object().map(|json| draft.config.defaults = json)),
    ("lint", |draft, value| value.choice(&LINTS).map(|lint| draft.config.lint = lint)),
    ("transport", |draft, value| value.object().map(|json| draft.config.transport = Some(json))),
];

/// Far more than any model writes, images aside.
const MAX_ANSWER: usize = 256 << 20;

const AUTHS: [(&str, Auth); 3] = [("auto", Auth::Auto), ("sigv4", Auth::SigV4), ("bearer", Auth::Bearer)];
const HTTP_VERSIONS: [(&str, HttpVersion); 3] =
    [("auto", HttpVersion::Auto), ("1.1", HttpVersion::Http1), ("2", HttpVersion::Http2)];
const LINTS: [(&str, bool); 2] = [("error", true), ("off", false)];

/// Keys that are of no use alone: (the key, what it needs, what else to say).
const NEEDS: [(&str, &str, &str); 5] = [
    ("api_key", "secret_key", "; a Bedrock API key goes into \"bearer_token\""),
    ("secret_key", "api_key", ""),
    ("session_token", "api_key", ""),
    ("role_session_name", "role_arn", ""),
    ("external_id", "role_arn", ""),
];

/// Keys of which one would silently win over the other.
const EXCLUDES: [(&str, &str, &str); 3] = [
    ("bearer_token", "api_key", "a bearer token takes the place of credentials"),
    ("bearer_token", "role_arn", "a bearer token assumes no role"),
    ("profile", "api_key", "a profile takes the place of credentials given here"),
];

/// The names of all keys.
pub fn keys() -> impl Iterator<Item = &'static str> + Clone {
    KEYS.iter().map(|&(key, _)| key).chain(["options"])
}

/// The key that `name` is, or is in another spelling or elsewhere.
pub fn key_meant(name: &str) -> Option<&'static str> {
    nearest::meant(name, keys())
}

fn unknown(value: &Value<'_>) -> Error {
    if nearest::is_of_requests(&value.key) {
        return value.refuse("is a member of requests: put it under \"defaults\"");
    }
    let options = Some("options").filter(|_| value.key != "options");
    value.unknown(KEYS.iter().map(|&(key, _)| key).chain(options))
}

/// A config in the making.
struct Draft {
    config: Config,
    /// The keys that were given, each with the pointer to it.
    given: Vec<(&'static str, String)>,
    api_key: Option<Secret>,
    secret_key: Option<Secret>,
    session_token: Option<Secret>,
    role_arn: Option<String>,
    role_session_name: Option<String>,
    external_id: Option<String>,
}

impl Draft {
    fn new() -> Self {
        let config = Config {
            model: String::new(),
            auth: Auth::Auto,
            credentials: None,
            bearer_token: None,
            profile: None,
            role: None,
            region: None,
            base_url: None,
            allow_http: false,
            calls: CallSettings::default(),
            max_concurrency: None,
            max_answer: MAX_ANSWER,
            ca_bundle: None,
            proxy: None,
            http_version: HttpVersion::Auto,
            fips: None,
            dual_stack: None,
            user_agent: None,
            defaults: "{}".to_owned(),
            lint: true,
            transport: None,
            variables: Variables::default(),
        };
        Draft {
            config,
            given: Vec::new(),
            api_key: None,
            secret_key: None,
            session_token: None,
            role_arn: None,
            role_session_name: None,
            external_id: None,
        }
    }

    fn take(&mut self, value: Value<'_>) -> Result<()> {
        let Some(&(key, take)) = KEYS.iter().find(|(key, _)| value.key == *key) else {
            return Err(unknown(&value));
        };
        if self.place(key).is_some() {
            return Err(value.refuse("stands both at the top and under \"options\": remove one"));
        }
        take(self, &value)?;
        self.given.push((key, value.path));
        Ok(())
    }

    fn take_call_setting(&mut self, value: &Value<'_>) -> Result<()> {
        self.config.calls.take(&value.key, value.json, &value.path).map(drop)
    }

    /// The pointer to a key, where it was given.
    fn place(&self, key: &str) -> Option<&str> {
        self.given.iter().find(|(given, _)| *given == key).map(|(_, path)| path.as_str())
    }

    fn refuse(&self, key: &str, reason: impl fmt::Display) -> Error {
        Error::new(Kind::Config, format_args!("config: \"{key}\" {reason}")).at(self.place(key).unwrap_or_default())
    }

    /// Checks what no key can know alone.
    fn finish(mut self) -> Result<Config> {
        if self.place("model").is_none() {
            return Err(self.refuse("model", "is missing: give a model id, an inference profile or an ARN"));
        }
        self.check_company()?;
        self.check_auth()?;
        self.check_endpoint()?;
        if let (Some(access_key), Some(secret_key)) = (self.api_key, self.secret_key) {
            let session_token = self.session_token;
            self.config.credentials = Some(StaticCredentials { access_key, secret_key, session_token });
        }
        if let Some(arn) = self.role_arn {
            let (session_name, external_id) = (self.role_session_name, self.external_id);
            self.config.role = Some(Role { arn, session_name, external_id });
        }
        Ok(self.config)
    }

    fn check_company(&self) -> Result<()> {
        for (key, needed, hint) in NEEDS {
            if self.place(key).is_some() && self.place(needed).is_none() {
                return Err(self.refuse(key, format_args!("needs \"{needed}\" beside it{hint}")));
            }
        }
        for (key, other, reason) in EXCLUDES {
            if self.place(key).is_some() && self.place(other).is_some() {
                return Err(self.refuse(key, format_args!("and \"{other}\" exclude each other ({reason}): remove one")));
            }
        }
        Ok(())
    }

    fn check_auth(&self) -> Result<()> {
        let (auth, idle): (_, &[&str]) = match self.config.auth {
            Auth::Auto => return Ok(()),
            Auth::SigV4 => ("sigv4", &["bearer_token"]),
            Auth::Bearer => ("bearer", &["api_key", "role_arn"]),
        };
        if let Some(key) = idle.iter().find(|key| self.place(key).is_some()) {
            return Err(self.refuse("auth", format_args!("is \"{auth}\", which has no use for \"{key}\": remove one")));
        }
        let token_in_env = || self.config.variables.get(BEARER_VARIABLE).is_some();
        if self.config.auth == Auth::Bearer && self.config.bearer_token.is_none() && !token_in_env() {
            let reason =
                format_args!("is \"bearer\", but there is no token: give \"bearer_token\" or set {BEARER_VARIABLE}");
            return Err(self.refuse("auth", reason));
        }
        Ok(())
    }

    fn check_endpoint(&self) -> Result<()> {
        let Some(url) = &self.config.base_url else {
            return Ok(());
        };
        let bearer = self.config.bearer_token.is_some() || self.config.auth == Auth::Bearer;
        check_plain_http(url, self.config.allow_http, bearer).map_err(|reason| self.refuse("base_url", reason))?;
        // The SDK's endpoint rules refuse both, at the first call.
        for (key, on) in [("fips", self.config.fips), ("dual_stack", self.config.dual_stack)] {
            if on == Some(true) {
                return Err(
                    self.refuse(key, "chooses among the region's endpoints and \"base_url\" is none: remove one")
                );
            }
        }
        Ok(())
    }
}

/// Where the environment holds a Bedrock API key.
pub const BEARER_VARIABLE: &str = "AWS_BEARER_TOKEN_BEDROCK";

/// Stands in `Debug` output where a secret, or what people wrote to a model, would.
struct Hidden;

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Taken apart, so that a field that comes later cannot be forgotten here.
        let Config {
            model,
            auth,
            credentials,
            bearer_token,
            profile,
            role,
            region,
            base_url,
            allow_http,
            calls,
            max_concurrency,
            max_answer,
            ca_bundle,
            proxy,
            http_version,
            fips,
            dual_stack,
            user_agent,
            defaults: _,
            lint,
            transport,
            variables: _,
        } = self;
        f.debug_struct("Config")
            .field("model", model)
            .field("auth", auth)
            .field("credentials", credentials)
            .field("bearer_token", &bearer_token.as_ref().map(|_| Hidden))
            .field("profile", profile)
            .field("role", role)
            .field("region", region)
            .field("base_url", base_url)
            .field("allow_http", allow_http)
            .field("calls", calls)
            .field("max_concurrency", max_concurrency)
            .field("max_answer", max_answer)
            .field("ca_bundle", &ca_bundle.is_some())
            .field("proxy", &proxy.as_ref().map(|_| Hidden))
            .field("http_version", http_version)
            .field("fips", fips)
            .field("dual_stack", dual_stack)
            .field("user_agent", user_agent)
            .field("defaults", &Hidden)
            .field("lint", lint)
            .field("transport", &transport.as_ref().map(|_| Hidden))
            .finish()
    }
}

impl fmt::Debug for StaticCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StaticCredentials { access_key: _, secret_key: _, session_token } = self;
        f.debug_struct("StaticCredentials")
            .field("access_key", &Hidden)
            .field("secret_key", &Hidden)
            .field("session_token", &session_token.as_ref().map(|_| Hidden))
            .finish()
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Role { arn, session_name, external_id } = self;
        f.debug_struct("Role")
            .field("arn", arn)
            .field("session_name", session_name)
            .field("external_id", &external_id.as_ref().map(|_| Hidden))
            .finish()
    }
}
