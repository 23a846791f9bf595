//! The settings in effect, each with its source, for people who look for a mistake.
//!
//! They are found as for a call, by the same code, but nothing is fetched and nothing is sent. The result holds no
//! secret.

use super::auth;
use super::credentials::CredentialSource;
use super::sdk_config::configured_endpoint;
use super::transport::Transport;
use crate::config::environment::{Environment, Files, Sourced};
use crate::config::{CaBundle, Config};
use crate::error::{Error, Kind, Result, quote};
use crate::http::proxies::Proxies;
use aws_sdk_bedrockruntime::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use futures::FutureExt;
use http::Uri;
use serde_json::{Map, Value, json};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Returns the settings as JSON. Reads AWS's files. Fails if one of them is not valid, or if they lack the profile. A
/// setting that is wrong has the message of its error in place of a value.
pub fn effective_settings(config: &Config, transport: &Transport) -> Result<String> {
    let mut settings = Map::new();
    settings.insert("transport".to_owned(), transport.name().into());
    if transport.is_network() {
        let files = Files::read(&config.variables)?;
        let environment = Environment::new(config, Arc::new(files))?;
        let mut add = |name: &str, value: Result<Value>| {
            let value = value.unwrap_or_else(|error| json!({"error": error.message().as_str()}));
            settings.insert(name.to_owned(), value);
        };
        let bearer = auth::bearer_token(config, &environment);
        let region = environment.region(config);
        let is_bearer = matches!(bearer, Ok(Some(_)));
        let endpoint = region.as_ref().map_err(Error::clone).and_then(|region| {
            let configured = configured_endpoint(config, &environment, is_bearer)?;
            configured.map_or_else(|| endpoint_of(region, config, &environment), Ok)
        });
        add("config_file", Ok(file(&environment.files.config, &environment, "AWS_CONFIG_FILE")));
        let credentials_file = file(&environment.files.credentials, &environment, "AWS_SHARED_CREDENTIALS_FILE");
        add("credentials_file", Ok(credentials_file));
        add("profile", Ok(profile(&environment)));
        add("region", region.map(value));
        add("proxy", endpoint.as_ref().map_err(Error::clone).and_then(|endpoint| proxy(config, endpoint)));
        add("endpoint", endpoint.map(value));
        add("ca_file", ca_file(config, &environment));
        let credentials = bearer.and_then(|bearer| match bearer {
            Some(bearer) => Ok(json!({"provider": "bearer_token", "source": bearer.source})),
            None => Ok(CredentialSource::find(config, &environment)?.description()),
        });
        add("credentials", credentials);
    }
    Ok(Value::from(settings).to_string())
}

fn value(setting: Sourced) -> Value {
    json!({"value": setting.value, "source": setting.source})
}

/// Returns the endpoint that the SDK chooses for a region.
fn endpoint_of(region: &Sourced, config: &Config, environment: &Environment) -> Result<Sourced> {
    let unknown = |reason: &dyn fmt::Display| {
        let what = format_args!("the region {} has no known endpoint: {reason}", quote(&region.value));
        Error::new(Kind::Config, what)
    };
    let parameters = Params::builder()
        .region(&region.value)
        .use_fips(environment.fips(config))
        .use_dual_stack(environment.dual_stack(config))
        .build()
        .map_err(|error| unknown(&error))?;
    // The resolver of the SDK computes the endpoint at once.
    let endpoint = DefaultResolver::new().resolve_endpoint(&parameters).now_or_never();
    let endpoint = endpoint.ok_or_else(|| unknown(&"it is not at hand"))?.map_err(|error| unknown(&error))?;
    Ok(Sourced::new(endpoint.url(), "the region"))
}

fn file(path: &Path, environment: &Environment, variable: &str) -> Value {
    let source = if environment.variables.get(variable).is_some() { variable } else { "default" };
    json!({"value": path.to_string_lossy(), "source": source, "found": path.is_file()})
}

fn profile(environment: &Environment) -> Value {
    match &*environment.profile.name {
        "" => Value::Null,
        name => json!({"value": name, "source": environment.profile_source}),
    }
}

/// Returns the proxy to the endpoint, without its password. Null if there is none.
fn proxy(config: &Config, endpoint: &Sourced) -> Result<Value> {
    let proxies = Proxies::new(config);
    let Ok(uri) = endpoint.value.parse::<Uri>() else { return Ok(Value::Null) };
    let tls = uri.scheme_str() != Some("http");
    Ok(match (proxies.proxy_for(&uri)?, proxies.source(tls)) {
        (Some(proxy), Some(source)) => json!({"value": proxy.uri().to_string(), "source": source}),
        _ => Value::Null,
    })
}

/// Returns the file whose certificates are trusted. Its value is null for the system's store.
fn ca_file(config: &Config, environment: &Environment) -> Result<Value> {
    if config.ca_bundle.is_some() {
        return Ok(json!({"value": null, "source": "ca_file in the config"}));
    }
    Ok(match environment.ca_bundle() {
        Some(bundle) => {
            bundle.pem()?;
            let CaBundle::Named { path, source } = bundle else { return Ok(Value::Null) };
            json!({"value": path.to_string_lossy(), "source": source})
        }
        None => match environment.variables.first(&["SSL_CERT_FILE", "SSL_CERT_DIR"]) {
            Some((variable, path)) => json!({"value": path, "source": variable}),
            None => json!({"value": null, "source": "default"}),
        },
    })
}
