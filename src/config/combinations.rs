//! Checks that concern several keys of a config together.

use super::Auth;
use super::draft::Draft;
use super::environment::variables::BEARER_VARIABLE;
use super::url::check_plain_http;
use crate::error::{Error, Kind, Result};

/// Keys that have no effect alone: the key, the key that it needs, a hint.
pub(super) const NEEDS: [(&str, &str, &str); 9] = [
    ("api_key", "secret_key", "; a Bedrock API key goes into \"bearer_token\""),
    ("secret_key", "api_key", ""),
    ("session_token", "api_key", ""),
    ("role_session_name", "role_arn", ""),
    ("external_id", "role_arn", ""),
    ("fallback_on", "fallbacks", ""),
    ("cooldown", "fallbacks", ""),
    ("hedge", "fallbacks", ""),
    ("max_queue", "max_concurrency", ""),
];

/// Pairs of keys that exclude each other, because one would silently win, and the reason.
pub(super) const EXCLUDES: [(&str, &str, &str); 6] = [
    ("bearer_token", "api_key", "a bearer token takes the place of credentials"),
    ("bearer_token", "role_arn", "a bearer token assumes no role"),
    ("bearer_token_file", "bearer_token", "one would silently win"),
    ("bearer_token_file", "api_key", "a bearer token takes the place of credentials"),
    ("bearer_token_file", "role_arn", "a bearer token assumes no role"),
    ("profile", "api_key", "a profile takes the place of credentials given here"),
];

/// Checks that the keys of a config fit together.
pub(super) fn check(draft: &Draft) -> Result<()> {
    if !draft.has("model") {
        return Err(draft.error("model", "is missing: give a model id, an inference profile or an ARN"));
    }
    check_objects(draft)?;
    check_authorization(draft)
}

/// Checks that the keys that authorize calls fit together, and to the endpoints.
pub(super) fn check_authorization(draft: &Draft) -> Result<()> {
    check_pairs(draft)?;
    check_auth(draft)?;
    check_endpoints(draft)
}

fn check_pairs(draft: &Draft) -> Result<()> {
    for (key, needed, hint) in NEEDS {
        if draft.has(key) && !draft.has(needed) {
            return Err(draft.error(key, format_args!("needs \"{needed}\" beside it{hint}")));
        }
    }
    for (key, other, reason) in EXCLUDES {
        if draft.has(key) && draft.has(other) {
            return Err(draft.error(key, format_args!("and \"{other}\" exclude each other ({reason}): remove one")));
        }
    }
    Ok(())
}

/// Checks that an object has the members without which it has no effect.
fn check_objects(draft: &Draft) -> Result<()> {
    let config = &draft.config;
    if draft.has("hedge") && config.failover.hedge_after.is_none() {
        return Err(draft.error("hedge", "needs \"after\", such as {\"after\": \"4s\"}"));
    }
    if draft.has("limits") && config.limits.is_none_or(|limits| limits.is_empty()) {
        let reason = "limits nothing: give \"requests_per_minute\", \"tokens_per_minute\" or \"adaptive\"";
        return Err(draft.error("limits", reason));
    }
    Ok(())
}

fn check_auth(draft: &Draft) -> Result<()> {
    let config = &draft.config;
    let (auth, unused): (_, &[&str]) = match config.auth {
        Auth::Auto => return Ok(()),
        Auth::SigV4 => ("sigv4", &["bearer_token", "bearer_token_file"]),
        Auth::Bearer => ("bearer", &["api_key", "role_arn"]),
    };
    if let Some(key) = unused.iter().find(|key| draft.has(key)) {
        return Err(draft.error("auth", format_args!("is \"{auth}\", which has no use for \"{key}\": remove one")));
    }
    let token_in_environment = || config.variables.get(BEARER_VARIABLE).is_some();
    if config.auth == Auth::Bearer && !config.has_bearer_token() && !token_in_environment() {
        let reason =
            format_args!("is \"bearer\", but there is no token: give \"bearer_token\" or set {BEARER_VARIABLE}");
        return Err(draft.error("auth", reason));
    }
    Ok(())
}

fn check_endpoints(draft: &Draft) -> Result<()> {
    let config = &draft.config;
    let bearer = config.has_bearer_token() || config.auth == Auth::Bearer;
    let check = |url: &str| check_plain_http(url, config.allow_http, bearer);
    for (index, fallback) in config.failover.fallbacks.iter().enumerate() {
        if let (Some(_), None, Some(_)) = (&fallback.region, &fallback.base_url, &config.base_url) {
            let what = format_args!(
                "config: \"fallbacks.{index}.region\" would leave \"base_url\" for the region's endpoint: give this fallback a \
                 \"base_url\" too"
            );
            return Err(Error::new(Kind::Config, what).at(format!("{}/region", fallback.path)));
        }
        if let Some(Err(reason)) = fallback.base_url.as_deref().map(check) {
            let what = format_args!("config: \"fallbacks.{index}.base_url\" {reason}");
            return Err(Error::new(Kind::Config, what).at(format!("{}/base_url", fallback.path)));
        }
    }
    if let Some(url) = &config.base_url {
        check(url).map_err(|reason| draft.error("base_url", reason))?;
    }
    let fallback_urls = config.failover.fallbacks.iter().map(|fallback| &fallback.base_url);
    if fallback_urls.chain([&config.base_url]).all(Option::is_none) {
        return Ok(());
    }
    // The SDK's endpoint rules reject both, but only at the first call.
    for (key, on) in [("fips", config.fips), ("dual_stack", config.dual_stack)] {
        if on == Some(true) {
            let reason = "chooses among the region's endpoints and \"base_url\" is none: remove one";
            return Err(draft.error(key, reason));
        }
    }
    Ok(())
}
