//! The list of config keys. The parser uses it, unknown keys are compared with it, and the tables of keys in the README
//! and in the header are generated from it (`documentation`).
//!
//! To add a key, add an entry to [`KEYS`] and run `BLESS=1 cargo test --lib config`, then `cargo xtask header`.

use super::ca_bundle::CaBundle;
use super::cache::{CachePlace, CacheTtl};
use super::call_settings::CallSettings;
use super::check::{self, check_header, check_model_id, check_region, check_secret};
use super::draft::Draft;
use super::nearest;
use super::retry::RetryMode;
use super::timeouts::Timeout;
use super::transport::Transport;
use super::url::check_proxy;
use super::value::Value;
use super::{Auth, HttpVersion};
use crate::error::Result;

/// A config key.
pub(super) struct Key {
    /// The name that messages and the README use: `timeouts.idle` is the member `idle` of `timeouts`.
    pub(super) name: &'static str,
    pub(super) reader: Reader,
    #[cfg(test)]
    pub(super) documentation: Documentation,
}

/// The function that reads the value of a key.
pub(super) enum Reader {
    /// A setting of the model.
    Model(fn(&mut Draft, &Value<'_>) -> Result<()>),
    /// A setting of each call. `defaults` and derived models may have it too.
    Call(fn(&mut CallSettings, &Value<'_>) -> Result<()>),
    /// A timer of each call.
    Timer(Timeout),
    /// An object of call settings, each of which is a key of its own.
    CallObject,
    /// An object of settings of the model, each of which is a key of its own.
    ModelObject,
    /// An object that may hold any of the other keys.
    Options,
}

/// The text of a key in the README and in the header. Only tests compile it in.
#[cfg(test)]
pub(super) struct Documentation {
    /// The type of the value.
    pub(super) kind: &'static str,
    /// The default, in words.
    pub(super) default: &'static str,
    /// Complete sentences in Markdown. The first is the summary. The last may be a link, for the README alone.
    pub(super) text: &'static str,
}

impl Key {
    /// Returns whether `defaults` and derived models may have this key too.
    pub(super) fn is_call_setting(&self) -> bool {
        matches!(self.reader, Reader::Call(_) | Reader::Timer(_) | Reader::CallObject)
    }

    /// Returns whether the key is one of those that authorize calls, which can be replaced later.
    pub(super) fn authorizes(&self) -> bool {
        AUTHORIZING.contains(&self.name)
    }

    /// Returns the object that the key is a member of, if any, and the key as it is in the JSON.
    fn parts(&self) -> (Option<&'static str>, &'static str) {
        match self.name.split_once('.') {
            Some((object, member)) => (Some(object), member),
            None => (None, self.name),
        }
    }
}

/// Returns the key `key` of `object`, or of the config itself for None.
pub(super) fn find(key: &str, object: Option<&str>) -> Option<&'static Key> {
    KEYS.iter().find(|known| known.parts() == (object, key))
}

/// Returns the names of all keys that can be at the top of a config.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    KEYS.iter().map(Key::parts).filter(|(object, _)| object.is_none()).map(|(_, name)| name)
}

/// Returns the key that `name` stands for in another spelling or under another name.
pub fn meant(name: &str) -> Option<&'static str> {
    nearest::meant(name, names())
}

/// Returns the names of the members of the key `object`.
pub(super) fn members(object: &str) -> impl Iterator<Item = &'static str> + Clone {
    KEYS.iter().map(Key::parts).filter(move |(parent, _)| *parent == Some(object)).map(|(_, name)| name)
}

/// Returns the names of the keys that `defaults` and derived models may have too.
pub fn call_settings() -> impl Iterator<Item = &'static str> + Clone {
    KEYS.iter()
        .filter(|key| key.is_call_setting())
        .map(Key::parts)
        .filter(|(object, _)| object.is_none())
        .map(|(_, name)| name)
}

/// Returns the members of call settings, each with the key of its object.
pub fn members_of_call_settings() -> impl Iterator<Item = (&'static str, &'static str)> {
    let settings = KEYS.iter().filter(|key| key.is_call_setting());
    settings.map(Key::parts).filter_map(|(object, name)| Some((object?, name)))
}

pub(super) const OPTIONS: &str = "options";

/// The keys that authorize calls.
pub(super) const AUTHORIZING: [&str; 10] = [
    "api_key",
    "secret_key",
    "session_token",
    "bearer_token",
    "bearer_token_file",
    "auth",
    "profile",
    "role_arn",
    "role_session_name",
    "external_id",
];

/// The default of a key that must be given.
pub(super) const REQUIRED: &str = "required";

const AUTHS: [(&str, Auth); 3] = [("auto", Auth::Auto), ("sigv4", Auth::SigV4), ("bearer", Auth::Bearer)];
const HTTP_VERSIONS: [(&str, HttpVersion); 3] =
    [("auto", HttpVersion::Auto), ("1.1", HttpVersion::Http1), ("2", HttpVersion::Http2)];
const LINTS: [(&str, bool); 2] = [("error", true), ("off", false)];

/// Smaller buffers save nothing, and the program would wait for every event.
const SMALLEST_READ_AHEAD: u64 = 16 << 10;
/// HTTP/2 has no window of 2 GiB.
const LARGEST_READ_AHEAD: u64 = 1 << 30;

/// Makes a key. The documentation is dropped at compile time, unless the crate is compiled for tests.
const fn key(name: &'static str, reader: Reader, kind: &'static str, default: &'static str, text: &'static str) -> Key {
    #[cfg(not(test))]
    let _ = (kind, default, text);
    Key {
        name,
        reader,
        #[cfg(test)]
        documentation: Documentation { kind, default, text },
    }
}

/// Makes the key of a timer.
const fn timer(timeout: Timeout, default: &'static str, text: &'static str) -> Key {
    key(timeout.name(), Reader::Timer(timeout), "duration", default, text)
}

/// Every config key, in the order of the README.
pub(super) static KEYS: [Key; 53] = [
    key(
        "model",
        Reader::Model(|draft, value| value.checked(check_model_id).map(|id| draft.config.model = id)),
        "string",
        REQUIRED,
        "A model id, an inference profile id or an ARN that Converse accepts. See [Model ids](#model-ids).",
    ),
    key(
        "region",
        Reader::Model(|draft, value| value.checked(check_region).map(|region| draft.config.region = Some(region))),
        "string",
        "`AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's region, `us-east-1`, in this order",
        "The region that is called. The library never asks the metadata service of the instance (IMDS) for it.",
    ),
    key(
        "api_key",
        Reader::Model(|draft, value| value.secret(check_secret).map(|key| draft.api_key = Some(key))),
        "string",
        "the credentials of the AWS environment",
        "An access key id. It needs `secret_key`.",
    ),
    key(
        "secret_key",
        Reader::Model(|draft, value| value.secret(check_secret).map(|key| draft.secret_key = Some(key))),
        "string",
        "the credentials of the AWS environment",
        "The secret access key of `api_key`.",
    ),
    key(
        "session_token",
        Reader::Model(|draft, value| value.secret(check_secret).map(|token| draft.session_token = Some(token))),
        "string",
        "none",
        "The session token of `api_key`, if its credentials are temporary.",
    ),
    key(
        "bearer_token",
        Reader::Model(|draft, value| value.secret(check_secret).map(|token| draft.config.bearer_token = Some(token))),
        "string",
        "`AWS_BEARER_TOKEN_BEDROCK`",
        "A Bedrock API key. It takes the place of credentials.",
    ),
    key(
        "bearer_token_file",
        Reader::Model(|draft, value| draft.read_token_file(value)),
        "string",
        "none",
        "A file with nothing but a Bedrock API key, which another program replaces before it expires. The file is read \
         again when it changes, and when the service refuses the key.",
    ),
    key(
        "auth",
        Reader::Model(|draft, value| value.choice(&AUTHS).map(|auth| draft.config.auth = auth)),
        "`\"auto\"`, `\"sigv4\"` or `\"bearer\"`",
        "`\"auto\"`",
        "How requests are authorized. `\"auto\"`: a token, keys, a profile or a role in the config decides; otherwise a \
         bearer token of the environment is used; otherwise SigV4.",
    ),
    key(
        "profile",
        Reader::Model(|draft, value| value.text().map(|name| draft.config.profile = Some(name))),
        "string",
        "`AWS_PROFILE`, `AWS_DEFAULT_PROFILE`, `default`, in this order",
        "A profile of `~/.aws/config` and `~/.aws/credentials`. A profile that the config names wins over keys in the \
         environment. Credentials of SSO, login sessions, processes, web identity, ECS and EC2 work.",
    ),
    key(
        "role_arn",
        Reader::Model(|draft, value| value.checked(check::role_arn).map(|arn| draft.role_arn = Some(arn))),
        "string",
        "none",
        "A role to assume with the credentials that are found.",
    ),
    key(
        "role_session_name",
        Reader::Model(|draft, value| {
            value.checked(check::role_session_name).map(|name| draft.role_session_name = Some(name))
        }),
        "string",
        "`libbedrock`",
        "The name of the session of `role_arn`.",
    ),
    key(
        "external_id",
        Reader::Model(|draft, value| value.secret(check::external_id).map(|id| draft.external_id = Some(id))),
        "string",
        "none",
        "The external id for `role_arn`.",
    ),
    key(
        "base_url",
        // The check of the URL needs other keys: `combinations`.
        Reader::Model(|draft, value| value.text().map(|url| draft.config.base_url = Some(url))),
        "string",
        "`AWS_ENDPOINT_URL_BEDROCK_RUNTIME`, `AWS_ENDPOINT_URL`, the profile's endpoints, the region's endpoint, in \
         this order",
        "Another endpoint for Bedrock. Credentials are still fetched from AWS. `http://` is only allowed to this \
         machine, or with `allow_http`. A bearer token is never sent over `http://` to another machine.",
    ),
    key(
        "allow_http",
        Reader::Model(|draft, value| value.bool().map(|allow| draft.config.allow_http = allow)),
        "boolean",
        "`false`",
        "Permits a `base_url` of `http://` to another machine.",
    ),
    key(
        "timeout",
        Reader::Call(|calls, value| value.duration().map(|limit| calls.set_timeout(limit))),
        "duration",
        "`\"5m\"`",
        "The longest wait without progress. For a stream it limits the wait for the first event and for each next \
         event. For a call that does not stream it limits the whole call.",
    ),
    key(
        "timeouts",
        Reader::CallObject,
        "object",
        "`{}`",
        "The timers one by one. For a call that does not stream, `timeout` or `timeouts.total` limits \
         the whole call: the shorter one if both are given.",
    ),
    timer(Timeout::Connect, "`\"3.1s\"`", "The limit for a new connection, its TLS handshake included."),
    timer(
        Timeout::FirstEvent,
        "`timeout`",
        "The wait for the first event of a stream. It takes precedence over `timeout`, even over that \
         of a derived model.",
    ),
    timer(
        Timeout::Idle,
        "`timeout`",
        "The wait for each next event of a stream. It takes precedence over `timeout` in the same way.",
    ),
    timer(Timeout::Total, "none", "The limit for a whole call."),
    timer(
        Timeout::Queue,
        "none",
        "The wait for `max_concurrency`, and that for `limits`. If it is set, the other timers start when these waits have \
         ended; otherwise they start with the call.",
    ),
    key("retry", Reader::CallObject, "object", "`{}`", "How failed attempts are repeated. See [Retries](#errors)."),
    key(
        "retry.max_attempts",
        Reader::Call(|calls, value| value.count().map(|attempts| calls.retry.max_attempts = attempts)),
        "number",
        "`3`",
        "The most attempts of a call, the first included. 1 turns retries off. With `fallbacks`, only the last target has \
         more than one.",
    ),
    key(
        "retry.mode",
        Reader::Call(|calls, value| value.choice(&RetryMode::NAMES).map(|mode| calls.retry.mode = mode)),
        "`\"standard\"` or `\"adaptive\"`",
        "`\"standard\"`",
        "The retry mode of the AWS SDK.",
    ),
    key(
        "retry.max_backoff",
        Reader::Call(|calls, value| value.duration().map(|limit| calls.retry.max_backoff = limit)),
        "duration",
        "`\"20s\"`",
        "The longest wait between two attempts.",
    ),
    key(
        "retry.throttling",
        Reader::Call(|calls, value| {
            let members = value.members()?;
            value.expect_members(&members, &["max_elapsed"])?;
            let elapsed = members.first().ok_or_else(|| value.error("needs \"max_elapsed\", such as \"2m\""))?;
            calls.retry.throttled_for = Some(elapsed.duration()?);
            Ok(())
        }),
        "object",
        "none",
        "`{\"max_elapsed\": \"2m\"}` tries a throttled call again for that time, beyond `max_attempts`, so that it \
         survives a quota of a minute.",
    ),
    key(
        "fallbacks",
        Reader::Model(|draft, value| draft.config.failover.read_fallbacks(value)),
        "array",
        "none",
        "Other targets for Converse and ConverseStream, in their order: objects with `model`, `region` or `base_url`, \
         and `request` with members that replace the request's. `region` alone calls an endpoint of that region, and needs \
         `base_url` beside it if the config has one. All timers but `timeouts.total` start anew at each. See \
         [Failover](#errors).",
    ),
    key(
        "fallback_on",
        Reader::Model(|draft, value| draft.config.failover.read_on(value)),
        "array of `\"access_denied\"`, `\"context_overflow\"`, `\"not_found\"` and `\"validation\"`",
        "`[]`",
        "More failures after which the next target is called.",
    ),
    key(
        "cooldown",
        Reader::Model(|draft, value| value.duration().map(|time| draft.config.failover.cooldown = time)),
        "duration",
        "`\"30s\"`",
        "The time for which a target that failed is not called while another can be. Then one call tries it. It is \
         shared by the models derived from this one.",
    ),
    key(
        "hedge",
        Reader::ModelObject,
        "object",
        "none",
        "A second call beside one that is slow. The first content wins, and the other call is cancelled. Its tokens may \
         be billed.",
    ),
    key(
        "hedge.after",
        Reader::Model(|draft, value| value.duration().map(|time| draft.config.failover.hedge_after = Some(time))),
        "duration",
        REQUIRED,
        "The time without content after which the next target is called too.",
    ),
    key(
        "cache",
        Reader::CallObject,
        "object",
        "`{}`",
        "Cache points that are added to the requests of Converse. See [Prompt caching](#requests).",
    ),
    key(
        "cache.points",
        Reader::Call(|calls, value| {
            let places = value.elements()?;
            calls.cache.points.clear();
            for place in places {
                let found = place.choice(&CachePlace::NAMES)?;
                if calls.cache.points.contains(&found) {
                    return Err(place.error("is given twice: remove one"));
                }
                calls.cache.points.push(found);
            }
            Ok(())
        }),
        "array of `\"system\"`, `\"tools\"` and `\"last_user\"`",
        "`[]`",
        "The places at whose end a cache point is added, if the request has none there and the model takes one: the \
         system prompt, the tools, the last message of the user. A request gets no more than 4 cache points: the first \
         places come first.",
    ),
    key(
        "cache.ttl",
        Reader::Call(|calls, value| value.choice(&CacheTtl::NAMES).map(|ttl| calls.cache.ttl = Some(ttl))),
        "`\"5m\"` or `\"1h\"`",
        "the service's, which is 5 minutes",
        "How long the service keeps what is before these cache points.",
    ),
    key(
        "max_concurrency",
        Reader::Model(|draft, value| value.count().map(|calls| draft.config.max_concurrency = Some(calls as usize))),
        "number",
        "no limit",
        "The most calls that run at once on this model and the models derived from it. More calls wait, within \
         `timeouts.queue`, or within their other timers if it is not set.",
    ),
    key(
        "max_queue",
        Reader::Model(|draft, value| value.whole(0).map(|calls| draft.config.max_queue = Some(calls))),
        "number",
        "no limit",
        "The most calls that wait for `max_concurrency`. One more fails at once with `BEDROCK_E_THROTTLED`. With 0 none \
         waits.",
    ),
    key(
        "limits",
        Reader::ModelObject,
        "object",
        "none",
        "The quota of a minute, for this model and the models derived from it. See [Limits](#errors).",
    ),
    key(
        "limits.requests_per_minute",
        Reader::Model(|draft, value| value.count().map(|count| draft.limits().requests_per_minute = Some(count))),
        "number",
        "no limit",
        "The most requests that are sent in a minute.",
    ),
    key(
        "limits.tokens_per_minute",
        Reader::Model(|draft, value| value.count().map(|count| draft.limits().tokens_per_minute = Some(count))),
        "number",
        "no limit",
        "The most tokens that calls reserve and use in a minute.",
    ),
    key(
        "limits.adaptive",
        Reader::Model(|draft, value| value.bool().map(|adaptive| draft.limits().adaptive = adaptive)),
        "boolean",
        "`false`",
        "Whether lower limits are learned from the refusals of the service.",
    ),
    key(
        "max_answer",
        Reader::Model(|draft, value| value.count().map(|bytes| draft.config.max_answer = bytes as usize)),
        "number",
        "`268435456` (256 MiB)",
        "The most bytes of one response, all frames of a stream together. A longer response fails with \
         `BEDROCK_E_PROTOCOL`.",
    ),
    key(
        "keep_answer",
        Reader::Call(|calls, value| value.bool().map(|keep| calls.keep_answer = keep)),
        "boolean",
        "`true`",
        "Whether the library keeps the events that it has delivered. If not, the response of a stream has the stop \
         reason and the usage but no content, and cannot be added to a request.",
    ),
    key(
        "read_ahead",
        Reader::Call(|calls, value| {
            let size = value.size()?;
            if !(SMALLEST_READ_AHEAD..=LARGEST_READ_AHEAD).contains(&size) {
                return Err(value.error("must be from 16KiB to 1GiB"));
            }
            calls.read_ahead = size as usize;
            Ok(())
        }),
        "size",
        "`\"256KiB\"`",
        "About how much of a stream may wait in memory until the program reads it: from 16 KiB to 1 GiB, as a text \
         such as `\"1MiB\"` or as a number of bytes. Up to half of it may wait in the buffers of the connection. \
         An event is always read completely, also a larger one. A derived model has the buffers of the first model.",
    ),
    key(
        "ca_file",
        Reader::Model(|draft, value| {
            let bundle = CaBundle::read(&value.text()?).map_err(|reason| value.error(reason))?;
            draft.config.ca_bundle = Some(bundle);
            Ok(())
        }),
        "string",
        "`AWS_CA_BUNDLE`, the profile's `ca_bundle`, `REQUESTS_CA_BUNDLE`, `SSL_CERT_FILE`, the system's \
         certificates, in this order",
        "A PEM file of at most 16 MiB with the certificates to trust.",
    ),
    key(
        "proxy",
        Reader::Model(|draft, value| value.secret(check_proxy).map(|url| draft.config.proxy = Some(url))),
        "string",
        "`HTTPS_PROXY` (`HTTP_PROXY` for an `http://` endpoint), `ALL_PROXY`, in this order",
        "The URL of an HTTP proxy, perhaps with a user: `http://user:password@proxy:3128`. No proxy is used for this \
         machine, for the metadata services of containers and EC2 instances, and for the hosts in `NO_PROXY`.",
    ),
    key(
        "http_version",
        Reader::Model(|draft, value| value.choice(&HTTP_VERSIONS).map(|version| draft.config.http_version = version)),
        "`\"auto\"`, `\"1.1\"` or `\"2\"`",
        "`\"auto\"`",
        "The version of HTTP. `\"auto\"` is HTTP/2 if the endpoint offers it, else HTTP/1.1. `\"1.1\"` and `\"2\"` force \
         one. `\"2\"` over `http://` starts without negotiation. Calls that fetch credentials never insist on HTTP/2.",
    ),
    key(
        "fips",
        Reader::Model(|draft, value| value.bool().map(|fips| draft.config.fips = Some(fips))),
        "boolean",
        "`AWS_USE_FIPS_ENDPOINT`, the profile's `use_fips_endpoint`, `false`, in this order",
        "Whether the region's FIPS endpoint is called.",
    ),
    key(
        "dual_stack",
        Reader::Model(|draft, value| value.bool().map(|dual| draft.config.dual_stack = Some(dual))),
        "boolean",
        "`AWS_USE_DUALSTACK_ENDPOINT`, the profile's `use_dualstack_endpoint`, `false`, in this order",
        "Whether the region's dual-stack endpoint is called.",
    ),
    key(
        "user_agent",
        Reader::Model(|draft, value| value.checked(check_header).map(|agent| draft.config.user_agent = Some(agent))),
        "string",
        "none",
        "A text such as `app/1.2`, added to the SDK's user agent.",
    ),
    key(
        "defaults",
        Reader::Model(|draft, value| value.object().map(|json| draft.config.defaults = Some(json))),
        "object",
        "`{}`",
        "Request members for every request, as in `bedrock_model_with`. See [Requests](#requests).",
    ),
    key(
        "lint",
        Reader::Model(|draft, value| value.choice(&LINTS).map(|lint| draft.config.lint = lint)),
        "`\"error\"` or `\"off\"`",
        "`\"error\"`",
        "Whether requests are checked locally before they are sent. `\"off\"` sends a request unchecked.",
    ),
    key(
        "transport",
        Reader::Model(|draft, value| Transport::parse(value).map(|transport| draft.config.transport = transport)),
        "object",
        "the network",
        "`{\"replies\": [...]}`, `{\"record\": \"file\"}` or `{\"replay\": \"file\"}`: a script in place of the network, a \
         recording of the calls, or a recording in place of the network. See [Test your program without \
         AWS](#test-your-program-without-aws) and [Record and replay](#record-and-replay).",
    ),
    key(
        OPTIONS,
        Reader::Options,
        "object",
        "`{}`",
        "Any of the other keys may be given in this object instead of at the top.",
    ),
];
