//! The clients with which credentials are fetched: for STS, SSO and the metadata services.

use crate::config::Config;
use crate::config::environment::{Environment, Service};
use crate::error::Result;
use crate::http::metadata::Metadata;
use crate::sdk::behavior_version::behavior;
use crate::sdk::transport;
use aws_config::{Region, SdkConfig};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use std::sync::Arc;
use std::time::Duration;

/// The timeout for connecting to a service that returns credentials.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3100);

/// Makes clients as the config and the environment configure them.
#[derive(Clone)]
pub struct ClientFactory(Arc<Settings>);

struct Settings {
    config: Config,
    region: Region,
    fips: bool,
    dual_stack: bool,
    endpoints: Endpoints,
}

/// Clients for the services that return credentials. They work on the event loop on which they were made.
pub struct Clients {
    /// For STS and SSO. It has no setting of Bedrock, whose endpoint is not theirs.
    pub sdk: SdkConfig,
    pub http: SharedHttpClient,
    pub metadata: Metadata,
}

impl std::fmt::Debug for ClientFactory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientFactory")
    }
}

impl ClientFactory {
    /// Returns a factory for these settings.
    pub fn new(config: &Config, environment: &Environment, region: &Region) -> Result<Self> {
        Ok(ClientFactory(Arc::new(Settings {
            config: config.clone(),
            region: region.clone(),
            fips: environment.fips(config),
            dual_stack: environment.dual_stack(config),
            endpoints: Endpoints::of(config, environment)?,
        })))
    }

    /// Returns whether the profile gives both factories, which are of one config, the same settings.
    pub fn is_same(&self, other: &ClientFactory) -> bool {
        let of_profile = |factory: &Self| (factory.0.fips, factory.0.dual_stack);
        of_profile(self) == of_profile(other) && self.0.endpoints == other.0.endpoints
    }

    /// Makes clients for the event loop of the calling thread.
    pub fn make(&self) -> Clients {
        let Settings { config, region, fips, dual_stack, endpoints } = &*self.0;
        let http = transport::for_credentials(config);
        let sdk = SdkConfig::builder()
            .behavior_version(behavior())
            .http_client(http.clone())
            .region(region.clone())
            .use_fips(*fips)
            .use_dual_stack(*dual_stack)
            .retry_config(RetryConfig::standard())
            .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .time_source(SharedTimeSource::new(SystemTimeSource::new()))
            .identity_cache(super::fetch::credentials_cache())
            .service_config(endpoints.clone())
            .build();
        Clients { sdk, http, metadata: Metadata::new(config) }
    }
}

/// The configured endpoints of the services that return credentials, by their names in the SDK.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Endpoints(Vec<(&'static str, String)>);

impl Endpoints {
    fn of(config: &Config, environment: &Environment) -> Result<Self> {
        let mut endpoints = Vec::new();
        for (id, service) in Service::OF_CREDENTIALS {
            if let Some(endpoint) = environment.endpoint(service, config.allow_http, false)? {
                endpoints.push((id, endpoint.value));
            }
        }
        Ok(Endpoints(endpoints))
    }
}

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let of_endpoint = key.env() == "AWS_ENDPOINT_URL";
        let found = self.0.iter().find(|(id, _)| of_endpoint && *id == key.service_id());
        found.map(|(_, url)| url.clone())
    }
}
