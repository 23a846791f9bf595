//! From our [`Config`] to the SDK's client: credentials, region, endpoint, retries, user agent.

use super::credentials::{Source, Tools, check_token, credentials, credentials_cache};
use super::retry;
use super::transport::Transport;
use crate::config::environment::variables::BEARER_VARIABLE;
use crate::config::environment::{BEDROCK_RUNTIME, DEFAULT_REGION, Environment, Files, Sourced};
use crate::config::{Auth, CallSettings, Config, RetryMode, Secret};
use crate::error::{Error, Kind, Result};
use crate::runtime::blocking;
use crate::runtime::sync::Mutex;
use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_sdk_bedrockruntime::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
use aws_sdk_bedrockruntime::config::{AppName, Builder, Region, StalledStreamProtectionConfig, Token};
use aws_sdk_bedrockruntime::{Client, Config as SdkConfig};
use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::AuthSchemeId;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextMut;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Which of the SDK's defaults we live with. Pinned, because what changes with a later one (timers, retries, identities)
/// has to be looked at, and not to come with an update of the SDK.
pub fn behavior() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

const SIGV4: AuthSchemeId = AuthSchemeId::new("sigv4");
const BEARER: AuthSchemeId = AuthSchemeId::new("httpBearerAuth");

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
            let mut current = self.0.lock();
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
    if !transport.is_network() {
        return Ok(offline(config, transport.http_client(config)));
    }
    let environment = read_environment(config).await?;
    let mut config = config.clone();
    if config.ca_bundle.is_none() {
        config.ca_bundle = environment.ca_bundle();
    }
    online(&config, transport, &environment).await
}

/// Reads files where that blocks nobody, once for all models that want the same at the same time.
async fn read_environment(config: &Config) -> Result<Environment> {
    let variables = config.variables.clone();
    let which = format!("{:?}", Files::VARIABLES.map(|name| variables.get(name)));
    let files = blocking::FILES.share(which, move || Files::read(&variables).map(Arc::new)).await?;
    Environment::new(config, files)
}

/// A configuration for calls over the network. The SDK is given everything, and reads neither variables nor files.
async fn online(config: &Config, transport: &Transport, environment: &Environment) -> Result<SdkConfig> {
    let region = Region::new(environment.region(config)?);
    let mut builder = SdkConfig::builder()
        .behavior_version(behavior())
        .http_client(transport.http_client(config))
        .region(region.clone())
        // Without it each client, one for every set of call settings, would fetch credentials of its own.
        .identity_cache(credentials_cache())
        // Our own timers watch over answers.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    let token = bearer_token(config, environment)?;
    builder = place(builder, config, environment, token.is_some())?;
    builder = match token {
        Some(token) => builder.bearer_token(Token::new(token.as_str(), None)).auth_scheme_preference([BEARER]),
        None => {
            let source = Source::find(config, environment)?;
            let tools = Tools::new(config, environment, &region)?;
            builder.credentials_provider(credentials(source, tools)).auth_scheme_preference([SIGV4])
        }
    };
    if let Some(app) = environment.app_id().and_then(|app| AppName::new(app).ok()) {
        builder = builder.app_name(app);
    }
    if let Some(agent) = &config.user_agent {
        builder = builder.interceptor(UserAgent(agent.clone()));
    }
    Ok(builder.build())
}

/// Sets where the service is: an endpoint that somebody names, else which of the region's.
fn place(mut builder: Builder, config: &Config, environment: &Environment, bearer: bool) -> Result<Builder> {
    let endpoint = match &config.base_url {
        Some(url) => Some(Sourced::new(url, "base_url")),
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
    let [(_, fips), (_, dual_stack)] = choices;
    builder = builder.use_fips(fips).use_dual_stack(dual_stack);
    Ok(match endpoint {
        Some(endpoint) => builder.endpoint_url(endpoint.value),
        None => builder,
    })
}

/// The token that requests carry in place of a signature: what the config holds wins over the environment.
fn bearer_token(config: &Config, environment: &Environment) -> Result<Option<Secret>> {
    let keys = config.credentials.is_some() || config.profile.is_some() || config.role.is_some();
    let of_machine = match config.auth {
        Auth::SigV4 => return Ok(None),
        Auth::Bearer => true,
        Auth::Auto => !keys,
    };
    if let Some(token) = &config.bearer_token {
        return Ok(Some(token.clone()));
    }
    match environment.bearer_token().filter(|_| of_machine) {
        Some(token) => {
            check_token(token, BEARER_VARIABLE)?;
            Ok(Some(Secret::new(token.to_owned())))
        }
        None if config.auth == Auth::Bearer => {
            let what = format_args!(
                "auth is \"bearer\", and {BEARER_VARIABLE} is not set any more: set it, or give bearer_token"
            );
            Err(Error::new(Kind::Credentials, what))
        }
        None => Ok(None),
    }
}

/// A configuration for a transport that needs neither credentials nor a machine that has some.
fn offline(config: &Config, http: SharedHttpClient) -> SdkConfig {
    let mut builder = SdkConfig::builder()
        .behavior_version(behavior())
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
