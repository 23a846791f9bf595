//! The settings in effect, each with its source, for people who look for a mistake.
//!
//! They are found as for a call, by the same code, but nothing is fetched and nothing is sent. The result holds no
//! secret.

use super::auth;
use super::credentials::CredentialSource;
use super::sdk_config::configured_endpoint;
use super::transport::Transport;
use crate::config::environment::{Environment, Files, Sourced};
use crate::config::{CaBundle, Config, Failover, Fallback, Limits};
use crate::error::{Error, Kind, Result, quote};
use crate::http::proxies::Proxies;
use aws_sdk_bedrockruntime::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use futures::FutureExt;
use http::Uri;
use serde_json::{Map, Value, json};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Returns the settings of calls of `model` as JSON. Reads AWS's files. Fails if one of them is not valid, or if they
/// lack the profile. A setting that is wrong has the message of its error in place of a value.
pub fn effective_settings(config: &Config, transport: &Transport, model: &str) -> Result<String> {
    let mut settings = Map::new();
    settings.insert("transport".to_owned(), transport.name().into());
    let environment = match transport.is_network() {
        true => Some(Environment::new(config, Arc::new(Files::read(&config.variables)?))?),
        false => None,
    };
    let place = environment.as_ref().map(|environment| add_network(&mut settings, config, environment));
    let Failover { fallbacks, hedge_after, .. } = &config.failover;
    if !fallbacks.is_empty() {
        let target = |(index, fallback)| {
            let mut target = Map::from_iter([("model".to_owned(), model_of(index, fallback, model))]);
            if let Some(place) = &place {
                place.of_fallback(index, fallback).add_to(&mut target);
            }
            Value::from(target)
        };
        settings.insert("fallbacks".to_owned(), fallbacks.iter().enumerate().map(target).collect());
    }
    if let Some(after) = hedge_after {
        settings.insert("hedge".to_owned(), json!({"after": format!("{after:?}")}));
    }
    if let Some(limits) = config.limits {
        settings.insert("limits".to_owned(), members_of(limits));
    }
    Ok(Value::from(settings).to_string())
}

/// Adds what a call over the network uses. Returns where it goes.
fn add_network<'a>(settings: &mut Map<String, Value>, config: &'a Config, environment: &'a Environment) -> Place<'a> {
    let bearer = auth::bearer_token(config, environment);
    let place = Place::of_model(config, environment, matches!(bearer, Ok(Some(_))));
    let files = &environment.files;
    add(settings, "config_file", Ok(file(&files.config, environment, "AWS_CONFIG_FILE")));
    add(settings, "credentials_file", Ok(file(&files.credentials, environment, "AWS_SHARED_CREDENTIALS_FILE")));
    add(settings, "profile", Ok(profile(environment)));
    place.add_to(settings);
    add(settings, "ca_file", ca_file(config, environment));
    let credentials = bearer.and_then(|bearer| match bearer {
        Some(bearer) => Ok(bearer.description()),
        None => Ok(CredentialSource::find(config, environment)?.description()),
    });
    add(settings, "credentials", credentials);
    place
}

fn add(settings: &mut Map<String, Value>, name: &str, value: Result<Value>) {
    let value = value.unwrap_or_else(|error| json!({"error": error.message().as_str()}));
    settings.insert(name.to_owned(), value);
}

/// Where the calls of a target go.
struct Place<'a> {
    config: &'a Config,
    environment: &'a Environment,
    region: Result<Sourced>,
    endpoint: Result<Sourced>,
}

impl<'a> Place<'a> {
    fn of_model(config: &'a Config, environment: &'a Environment, is_bearer: bool) -> Self {
        let region = environment.region(config);
        let endpoint = region.as_ref().map_err(Error::clone).and_then(|region| {
            let configured = configured_endpoint(config, environment, is_bearer)?;
            configured.map_or_else(|| endpoint_of(region, config, environment), Ok)
        });
        Place { config, environment, region, endpoint }
    }

    /// Returns the place of a fallback of the model whose place this is.
    fn of_fallback(&self, index: usize, fallback: &Fallback) -> Self {
        let Place { config, environment, .. } = *self;
        let own = |value: &Option<String>, key| value.as_ref().map(|value| of_fallback(index, key, value));
        let region = own(&fallback.region, "region");
        let endpoint = match (own(&fallback.base_url, "base_url"), &region) {
            (Some(url), _) => Ok(url),
            (None, Some(region)) => endpoint_of(region, config, environment),
            (None, None) => self.endpoint.clone(),
        };
        Place { config, environment, region: region.map_or_else(|| self.region.clone(), Ok), endpoint }
    }

    fn add_to(&self, settings: &mut Map<String, Value>) {
        add(settings, "region", self.region.clone().map(value));
        add(settings, "endpoint", self.endpoint.clone().map(value));
        let proxy = self.endpoint.as_ref().map_err(Error::clone).and_then(|endpoint| proxy(self.config, endpoint));
        add(settings, "proxy", proxy);
    }
}

/// Returns a setting that a fallback has of its own.
fn of_fallback(index: usize, key: &str, value: &str) -> Sourced {
    Sourced::new(value, format!("fallbacks.{index}.{key} in the config"))
}

/// Returns the model id to which a fallback sends calls of `model`.
fn model_of(index: usize, fallback: &Fallback, model: &str) -> Value {
    let own = fallback.model.as_ref().map(|own| of_fallback(index, "model", own));
    value(own.unwrap_or_else(|| Sourced::new(model, "the model")))
}

/// Returns limits in the form of the config.
fn members_of(limits: Limits) -> Value {
    let Limits { requests_per_minute, tokens_per_minute, adaptive } = limits;
    let given = [("requests_per_minute", requests_per_minute), ("tokens_per_minute", tokens_per_minute)];
    let given = given.into_iter().filter_map(|(name, limit)| Some((name.to_owned(), Value::from(limit?))));
    given.chain([("adaptive".to_owned(), adaptive.into())]).collect()
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
