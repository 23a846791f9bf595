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
    /// By [`Route`].
    connectors: [OnceCell<Connector>; 4],
}

/// What tells one request's way from another's.
#[derive(Clone, Copy)]
struct Route {
    tls: bool,
    /// Goes through no proxy: a proxy on the way to this machine only sees what is not meant for it.
    loopback: bool,
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
            let pool = Arc::new(Pool { settings, connect, connectors: Default::default() });
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
        let host = host(request.uri());
        let route = Route { tls, loopback: is_loopback(host) };
        if !tls && let Err(refused) = self.0.settings.check_plain(host, &request) {
            return HttpConnectorFuture::ready(Err(ConnectorError::user(refused.into())));
        }
        if let Some(connector) = self.0.connector_cell(route).get() {
            return connector.call(request);
        }
        let pool = self.0.clone();
        HttpConnectorFuture::new(async move {
            let connector = pool.connector(route).await.map_err(|error| ConnectorError::user(error.into()))?;
            connector.call(request).await
        })
    }
}

impl Pool {
    fn connector_cell(&self, route: Route) -> &OnceCell<Connector> {
        &self.connectors[usize::from(route.tls) * 2 + usize::from(route.loopback)]
    }

    async fn connector(&self, route: Route) -> Result<&Connector> {
        let make = async || {
            let builder = Connector::builder()
                .connector_settings(connector_settings(self.connect))
                .proxy_config(if route.loopback { ProxyConfig::disabled() } else { self.settings.proxy()? });
            if !route.tls {
                return Ok(builder.build_http());
            }
            let settings = self.settings.clone();
            let built = tokio::task::spawn_blocking(move || {
                let context = TlsContext::builder().with_trust_store(settings.trust_store()?).build();
                let context =
                    context.map_err(|error| Error::new(Kind::Config, format_args!("setting up TLS: {error}")))?;
                Ok(builder.tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(context).build())
            });
            built.await.unwrap_or_else(|_| {
                Err(Error::new(Kind::Config, "setting up TLS: this system has no usable trust store; set ca_file"))
            })
        };
        self.connector_cell(route).get_or_try_init(make).await
    }
}

/// The host of a URL, whatever else its authority holds.
fn host(uri: &str) -> &str {
    let authority = uri.split("://").nth(1).unwrap_or_default().split(['/', '?', '#']).next().unwrap_or_default();
    let address = authority.rsplit('@').next().unwrap_or_default();
    match address.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => address.split(':').next().unwrap_or_default(),
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
    fn check_plain(&self, host: &str, request: &HttpRequest) -> Result<()> {
        let metadata = host.parse().is_ok_and(|ip: std::net::Ipv4Addr| ip.is_link_local());
        if is_loopback(host) || metadata {
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
