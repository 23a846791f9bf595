//! Converts a [`Config`] into the SDK's configuration: region, endpoint, user agent, and what authorizes requests
//! ([`auth`]).

use super::auth::{self, Renewable};
use super::behavior_version::behavior;
use super::transport::Transport;
use super::user_agent::UserAgent;
use crate::config::Config;
use crate::config::environment::{BEDROCK_RUNTIME, DEFAULT_REGION, Environment, Files, Sourced};
use crate::error::Result;
use crate::runtime::blocking;
use aws_config::identity::IdentityCache;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_bedrockruntime::config::{AppName, Builder, Region, StalledStreamProtectionConfig};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use std::sync::Arc;

pub use aws_sdk_bedrockruntime::Config as SdkConfig;

/// What all calls of a model share on a worker, whatever authorizes them.
#[derive(Clone)]
pub struct Connections {
    http: SharedHttpClient,
    /// None if requests do not leave the process.
    environment: Option<Arc<Environment>>,
}

/// What all calls of a model share while nothing else authorizes them.
#[derive(Clone)]
pub struct Shared {
    pub config: SdkConfig,
    /// What gives the credentials that sign requests. None with a bearer token.
    pub provider: Option<SharedCredentialsProvider>,
    /// What authorizes requests, unless it can never change.
    pub renewable: Option<Renewable>,
}

/// Reads the environment and returns connections, none of which is open.
pub async fn connections(config: &Config, transport: &Transport) -> Result<Connections> {
    if !transport.is_network() {
        return Ok(Connections { http: transport.http_client(config), environment: None });
    }
    let environment = read_environment(config).await?;
    let http = transport.http_client(&with_ca_bundle(config, &environment));
    Ok(Connections { http, environment: Some(Arc::new(environment)) })
}

/// Returns what all calls of a model share. If the config `has_new_credentials`, AWS's files are read anew for them.
pub async fn shared(config: &Config, connections: &Connections, has_new_credentials: bool) -> Result<Shared> {
    let Connections { http, environment } = connections;
    let Some(environment) = environment else {
        return Ok(offline(config, http.clone()));
    };
    let own = with_ca_bundle(&config.for_credentials(), environment);
    if has_new_credentials && !own.brings_identity() {
        let of_credentials = read_environment(&own).await?;
        return online(config, http, environment, &own, &of_credentials);
    }
    online(config, http, environment, &own, environment)
}

fn with_ca_bundle(config: &Config, environment: &Environment) -> Config {
    let ca_bundle = config.ca_bundle.clone().or_else(|| environment.ca_bundle());
    Config { ca_bundle, ..config.clone() }
}

/// Reads the environment and its files on another thread. Models that read the same files at the same time share the
/// result.
async fn read_environment(config: &Config) -> Result<Environment> {
    let variables = config.variables.clone();
    let key = format!("{:?}", Files::VARIABLES.map(|name| variables.get(name)));
    let files = blocking::FILES.share(key, move || Files::read(&variables).map(Arc::new)).await?;
    Environment::new(config, files)
}

/// Returns the configuration for calls over the network, with credentials of a config and an environment of their own.
/// The SDK itself reads neither variables nor files.
fn online(
    config: &Config,
    http: &SharedHttpClient,
    environment: &Environment,
    own: &Config,
    of_credentials: &Environment,
) -> Result<Shared> {
    let region = Region::new(environment.region(config)?.value);
    let mut builder = SdkConfig::builder()
        .behavior_version(behavior())
        .http_client(http.clone())
        .region(region.clone())
        // The credentials are kept by `Renewing`, which the clients, one for each set of call settings, share.
        .identity_cache(IdentityCache::no_cache())
        // The library has its own timers for responses.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    let token = auth::bearer_token(own, of_credentials)?;
    builder = set_endpoint(builder, config, environment, token.is_some())?;
    let (mut builder, provider, renewable) = match token {
        Some(bearer) => {
            let (builder, renewable) = auth::by_token(builder, bearer.token);
            (builder, None, renewable)
        }
        None => auth::by_signature(builder, own, of_credentials, &region)?,
    };
    if let Some(app) = environment.app_id().and_then(|app| AppName::new(app).ok()) {
        builder = builder.app_name(app);
    }
    if let Some(agent) = &config.user_agent {
        builder = builder.interceptor(UserAgent(agent.clone()));
    }
    Ok(Shared { config: builder.build(), provider, renewable })
}

/// Sets the endpoint: a configured one, or else one of the region's.
fn set_endpoint(builder: Builder, config: &Config, environment: &Environment, bearer: bool) -> Result<Builder> {
    let endpoint = configured_endpoint(config, environment, bearer)?;
    let builder = builder.use_fips(environment.fips(config)).use_dual_stack(environment.dual_stack(config));
    Ok(match endpoint {
        Some(endpoint) => builder.endpoint_url(endpoint.value),
        None => builder,
    })
}

/// Returns the endpoint that the config or the environment names. None for one of the region's.
pub fn configured_endpoint(config: &Config, environment: &Environment, bearer: bool) -> Result<Option<Sourced>> {
    let endpoint = match &config.base_url {
        Some(url) => Some(Sourced::new(url, "base_url in the config")),
        None => environment.endpoint(BEDROCK_RUNTIME, config.allow_http, bearer)?,
    };
    let choices = [
        ("fips (use_fips_endpoint)", environment.fips(config)),
        ("dual_stack (use_dualstack_endpoint)", environment.dual_stack(config)),
    ];
    if let (Some(endpoint), Some((choice, _))) = (&endpoint, choices.iter().find(|(_, on)| *on)) {
        let reason = format_args!("is an endpoint, and {choice} chooses among the region's: remove one");
        return Err(endpoint.error(reason));
    }
    Ok(endpoint)
}

/// Returns the configuration with another endpoint: that of `region`, unless `url` is one. The identity stays the same.
pub fn with_endpoint(base: &SdkConfig, region: Option<&str>, url: Option<&str>) -> SdkConfig {
    let mut builder = base.to_builder();
    if let Some(region) = region {
        builder = builder.region(Region::new(region.to_owned()));
        builder.set_endpoint_url(None);
    }
    if let Some(url) = url {
        builder = builder.endpoint_url(url);
    }
    builder.build()
}

/// Returns the configuration for a transport that needs neither credentials nor the environment.
fn offline(config: &Config, http: SharedHttpClient) -> Shared {
    let scripted = || Credentials::new("scripted", "scripted", None, None, "scripted");
    let credentials = config.credentials.as_ref().map_or_else(scripted, auth::credentials);
    let provider = SharedCredentialsProvider::new(credentials);
    let mut builder = SdkConfig::builder()
        .behavior_version(behavior())
        .http_client(http)
        .credentials_provider(provider.clone())
        .region(Region::new(config.region.clone().unwrap_or_else(|| DEFAULT_REGION.to_owned())))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if let Some(url) = &config.base_url {
        builder = builder.endpoint_url(url);
    }
    Shared { config: builder.build(), provider: (!config.has_bearer_token()).then_some(provider), renewable: None }
}
