//! From our [`Config`] to the SDK's client: credentials, region, endpoint, retries, user agent.

use crate::config::{Auth, CallSettings, Config, RetryMode};
use crate::error::Result;
use crate::transport::{self, Transport};
use crate::wire::retry;
use aws_config::BehaviorVersion;
use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::Credentials;
use aws_sdk_bedrockruntime::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
use aws_sdk_bedrockruntime::config::{Region, StalledStreamProtectionConfig, Token};
use aws_sdk_bedrockruntime::{Client, Config as SdkConfig};
use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::AuthSchemeId;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

const SIGV4: AuthSchemeId = AuthSchemeId::new("sigv4");
const BEARER: AuthSchemeId = AuthSchemeId::new("httpBearerAuth");
const DEFAULT_REGION: &str = "us-east-1";

/// Something that is made once on each worker, and anew on the next: connections do not outlive their event loop.
pub struct PerWorker<T>(Mutex<(u64, Arc<OnceCell<T>>)>);

impl<T> Default for PerWorker<T> {
    fn default() -> Self {
        PerWorker(Mutex::new((0, Arc::default())))
    }
}

impl<T: Clone> PerWorker<T> {
    pub async fn get<F: Future<Output = Result<T>>>(&self, epoch: u64, make: impl FnOnce() -> F) -> Result<T> {
        let cell = {
            let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if current.0 != epoch {
                *current = (epoch, Arc::default());
            }
            current.1.clone()
        };
        cell.get_or_try_init(make).await.cloned()
    }
}

/// What the SDK is to know that calls cannot change.
pub async fn sdk_config(config: &Config, transport: &Transport) -> Result<SdkConfig> {
    let service = transport.http_client(config);
    if !transport.is_network() {
        return Ok(offline(config, service));
    }
    let http = transport::for_credentials(config);
    let region = region(config).region().await;
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http.clone()).region(region.clone());
    if let Some(name) = &config.profile {
        // The SDK's own chain would look at the environment first; a profile that the config names wins over it.
        let provider = ProviderConfig::without_region().with_region(region).with_http_client(http);
        let profile = ProfileFileCredentialsProvider::builder().profile_name(name).configure(&provider).build();
        loader = loader.profile_name(name).credentials_provider(profile);
    }
    if let Some(keys) = &config.credentials {
        let (access, secret, token) = (&keys.access_key, &keys.secret_key, &keys.session_token);
        loader = loader.credentials_provider(Credentials::new(access, secret, token.clone(), None, "config"));
    }
    if let Some(url) = &config.base_url {
        loader = loader.endpoint_url(url);
    }
    if let Some(fips) = config.fips {
        loader = loader.use_fips(fips);
    }
    if let Some(dual_stack) = config.dual_stack {
        loader = loader.use_dual_stack(dual_stack);
    }
    let shared = loader.load().await;
    let mut builder = aws_sdk_bedrockruntime::config::Builder::from(&shared).http_client(service);
    if let Some(role) = &config.role {
        let mut assumed = AssumeRoleProvider::builder(&role.arn).configure(&shared);
        assumed = assumed.session_name(role.session_name.as_deref().unwrap_or("libbedrock"));
        if let Some(external_id) = &role.external_id {
            assumed = assumed.external_id(external_id);
        }
        let assumed = match shared.credentials_provider() {
            Some(source) => assumed.build_from_provider(source).await,
            None => assumed.build().await,
        };
        builder = builder.credentials_provider(assumed);
    }
    if let Some(token) = &config.bearer_token {
        builder = builder.bearer_token(Token::new(token, None));
    }
    builder = match scheme(config) {
        Some(scheme) => builder.auth_scheme_preference([scheme]),
        None => builder,
    };
    if let Some(agent) = &config.user_agent {
        builder = builder.interceptor(UserAgent(agent.clone()));
    }
    // Our own timers watch over answers.
    Ok(builder.stalled_stream_protection(StalledStreamProtectionConfig::disabled()).build())
}

/// A configuration for a transport that needs neither credentials nor a machine that has some.
fn offline(config: &Config, http: SharedHttpClient) -> SdkConfig {
    let mut builder = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .credentials_provider(Credentials::new("scripted", "scripted", None, None, "scripted"))
        .region(Region::new(config.region.clone().unwrap_or_else(|| DEFAULT_REGION.to_owned())))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if let Some(url) = &config.base_url {
        builder = builder.endpoint_url(url);
    }
    builder.build()
}

/// A client for calls with these settings.
pub fn client(base: &SdkConfig, calls: &CallSettings) -> Client {
    let retry = match calls.retry.mode {
        RetryMode::Standard => RetryConfig::standard(),
        RetryMode::Adaptive => RetryConfig::adaptive(),
    };
    let retry = retry.with_max_attempts(calls.retry.max_attempts).with_max_backoff(calls.retry.max_backoff);
    // The SDK shares a budget of retries among all clients of a region, and keeps it for ever. One model's trouble is not to be
    // another's: a partition of its own has its own budget, and goes with the client.
    let config = base
        .to_builder()
        .retry_config(retry)
        .retry_partition(RetryPartition::custom("libbedrock").build())
        .retry_classifier(retry::Classifier)
        .sleep_impl(SharedAsyncSleep::new(retry::Pause))
        .timeout_config(TimeoutConfig::builder().connect_timeout(calls.timeouts.connect).build())
        .build();
    Client::from_conf(config)
}

/// The config's region, else the environment's, else the profile's, else us-east-1. Never the instance's: to ask for it takes
/// seconds where there is none.
fn region(config: &Config) -> RegionProviderChain {
    let mut profile = ProfileFileRegionProvider::builder();
    if let Some(name) = &config.profile {
        profile = profile.profile_name(name);
    }
    RegionProviderChain::first_try(config.region.clone().map(Region::new))
        .or_else(EnvironmentVariableRegionProvider::new())
        .or_else(profile.build())
        .or_else(Region::new(DEFAULT_REGION))
}

/// How to prove who we are, where that is not left to the SDK: what the config holds wins over the environment.
fn scheme(config: &Config) -> Option<AuthSchemeId> {
    let keys = config.credentials.is_some() || config.profile.is_some() || config.role.is_some();
    match config.auth {
        Auth::SigV4 => Some(SIGV4),
        Auth::Bearer => Some(BEARER),
        Auth::Auto if config.bearer_token.is_some() => Some(BEARER),
        Auth::Auto if keys => Some(SIGV4),
        Auth::Auto => None,
    }
}

/// Adds the program's name to the SDK's user agent, which is not signed.
#[derive(Debug)]
struct UserAgent(String);

#[dyn_dispatch_hint]
impl Intercept for UserAgent {
    fn name(&self) -> &'static str {
        "UserAgent"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        let headers = context.request_mut().headers_mut();
        let agent = format!("{} {}", headers.get("user-agent").unwrap_or_default(), self.0);
        headers.try_insert("user-agent", agent)?;
        Ok(())
    }
}
