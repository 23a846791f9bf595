//! The network: one HTTP client for the service and for credentials, TLS roots, proxies.
//!
//! The trust store is loaded with the first `https` request and not before it: reading it is most of what a cold start costs.

use crate::config::{CaBundle, Config, is_loopback};
use crate::error::{Error, Kind, Result};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;

/// The network as one config sees it. Connections are kept and used again, apart by connect timeout.
pub struct Network {
    settings: Arc<Settings>,
    pools: Mutex<Vec<(Option<Duration>, Arc<Pool>)>>,
}

struct Settings {
    ca_bundle: Option<CaBundle>,
    proxy: Option<String>,
    allow_http: bool,
}

/// Connections made under one connect timeout.
struct Pool {
    settings: Arc<Settings>,
    connect: Option<Duration>,
    plain: OnceCell<Connector>,
    tls: OnceCell<Connector>,
}

impl Network {
    pub fn new(config: &Config) -> Self {
        let settings = Settings {
            ca_bundle: config.ca_bundle.clone(),
            proxy: config.proxy.clone(),
            allow_http: config.allow_http,
        };
        Network { settings: Arc::new(settings), pools: Mutex::default() }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network")
    }
}

impl HttpClient for Network {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let connect = settings.connect_timeout();
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let known = pools.iter().find(|(timeout, _)| *timeout == connect).map(|(_, pool)| pool.clone());
        let pool = known.unwrap_or_else(|| {
            let settings = self.settings.clone();
            let pool = Arc::new(Pool { settings, connect, plain: OnceCell::new(), tls: OnceCell::new() });
            pools.push((connect, pool.clone()));
            pool
        });
        SharedHttpConnector::new(Dispatch(pool))
    }
}

#[derive(Clone)]
struct Dispatch(Arc<Pool>);

impl fmt::Debug for Dispatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dispatch")
    }
}

impl HttpConnector for Dispatch {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let tls = request.uri().starts_with("https:");
        if !tls && let Err(refused) = self.0.settings.check_plain(&request) {
            return HttpConnectorFuture::ready(Err(ConnectorError::user(refused.into())));
        }
        if let Some(connector) = if tls { self.0.tls.get() } else { self.0.plain.get() } {
            return connector.call(request);
        }
        let pool = self.0.clone();
        HttpConnectorFuture::new(async move {
            let connector = if tls { pool.tls().await } else { pool.plain().await };
            connector.map_err(|error| ConnectorError::user(error.into()))?.call(request).await
        })
    }
}

impl Pool {
    async fn plain(&self) -> Result<&Connector> {
        let make = async || {
            let builder = Connector::builder().connector_settings(connector_settings(self.connect));
            Ok(builder.proxy_config(self.settings.proxy()?).build_http())
        };
        self.plain.get_or_try_init(make).await
    }

    async fn tls(&self) -> Result<&Connector> {
        let make = async || {
            let (settings, connect) = (self.settings.clone(), self.connect);
            let built = tokio::task::spawn_blocking(move || {
                let context = TlsContext::builder().with_trust_store(settings.trust_store()?).build();
                let context =
                    context.map_err(|error| Error::new(Kind::Config, format_args!("setting up TLS: {error}")))?;
                let builder = Connector::builder().connector_settings(connector_settings(connect));
                let builder = builder.proxy_config(settings.proxy()?);
                Ok(builder.tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(context).build())
            });
            built.await.unwrap_or_else(|_| {
                Err(Error::new(Kind::Config, "setting up TLS: this system has no usable trust store; set ca_file"))
            })
        };
        self.tls.get_or_try_init(make).await
    }
}

fn connector_settings(connect: Option<Duration>) -> HttpConnectorSettings {
    let mut settings = HttpConnectorSettings::builder();
    settings.set_connect_timeout(connect);
    settings.build()
}

impl Settings {
    fn trust_store(&self) -> Result<TrustStore> {
        Ok(match &self.ca_bundle {
            Some(bundle) => TrustStore::empty().with_pem_certificate(bundle.pem()?),
            None => TrustStore::default(),
        })
    }

    fn proxy(&self) -> Result<ProxyConfig> {
        let Some(url) = &self.proxy else { return Ok(ProxyConfig::from_env()) };
        let proxy = ProxyConfig::all(url.as_str())
            .map_err(|error| Error::new(Kind::Config, format_args!("setting up the proxy: {error}")).at("/proxy"))?;
        let except = std::env::var("NO_PROXY").or_else(|_| std::env::var("no_proxy")).unwrap_or_default();
        Ok(proxy.no_proxy(except))
    }

    /// Whatever set the endpoint, config or environment: nothing secret goes over plain HTTP to another host. The metadata
    /// services of EC2 and ECS, at link-local addresses, know no other.
    fn check_plain(&self, request: &HttpRequest) -> Result<()> {
        let uri = request.uri();
        let authority = uri.split("://").nth(1).unwrap_or_default().split(['/', '?']).next().unwrap_or_default();
        let host = match authority.strip_prefix('[') {
            Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        };
        if is_loopback(host) || host.starts_with("169.254.") {
            return Ok(());
        }
        let bearer = request.headers().get("authorization").is_some_and(|value| value.starts_with("Bearer "));
        if bearer {
            let what = format_args!("a bearer token is not sent over http:// to {host}; use https://");
            return Err(Error::new(Kind::Config, what).at("/base_url"));
        }
        if !self.allow_http {
            let what =
                format_args!("the endpoint is http:// on {host}; use https://, or set allow_http where that is meant");
            return Err(Error::new(Kind::Config, what).at("/base_url"));
        }
        Ok(())
    }
}
