//! The network: the SDK's HTTP client, for the service and for credentials.
//!
//! A request takes a connection that waits for one, or has one made. Where a connection was left by its peer while it waited,
//! which shows only when it is used, the request is sent once more on a new one, and nobody hears of it.

use super::body::Body;
use super::connect::{Connector, is_https};
use super::connection::{Connection, Life, Unanswered};
use super::failure;
use super::pool::{Origin, Pool};
use super::proxies::Proxies;
use crate::config::{Config, HttpVersion, is_loopback};
use crate::error::{Error, Kind};
use crate::wire::connect::ConnectOnly;
use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http::{Request, Response, Uri};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Where nobody says how long a connection may take.
const DEFAULT_CONNECT: Duration = Duration::from_millis(3100);

/// The network as one config sees it.
#[derive(Clone)]
pub struct Network(Arc<Inner>);

struct Inner {
    /// Whether requests may go over plain HTTP to other machines.
    allow_http: bool,
    /// Whether they go to the services of the machine that give credentials, which know no TLS.
    metadata: bool,
    connector: Connector,
    pool: Pool,
}

impl Network {
    /// The way to the service.
    pub fn new(config: &Config) -> Self {
        Network::made(config, config.http_version, Proxies::new(config), false)
    }

    /// The way to what gives credentials. Some of it knows no HTTP/2, whatever the service is to speak.
    pub fn for_credentials(config: &Config) -> Self {
        Network::made(config, Network::version_for_credentials(config), Proxies::new(config), false)
    }

    /// The way to the services of the machine that give credentials.
    pub fn for_metadata(config: &Config) -> Self {
        Network::made(config, Network::version_for_credentials(config), Proxies::none(), true)
    }

    fn version_for_credentials(config: &Config) -> HttpVersion {
        match config.http_version {
            HttpVersion::Http1 => HttpVersion::Http1,
            HttpVersion::Auto | HttpVersion::Http2 => HttpVersion::Auto,
        }
    }

    fn made(config: &Config, version: HttpVersion, proxies: Proxies, metadata: bool) -> Self {
        let connector = Connector::new(config, version, proxies);
        Network(Arc::new(Inner { allow_http: config.allow_http, metadata, connector, pool: Pool::default() }))
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network")
    }
}

impl HttpClient for Network {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Dispatch {
            network: self.clone(),
            connect: settings.connect_timeout().unwrap_or(DEFAULT_CONNECT),
            read: settings.read_timeout(),
        })
    }
}

/// The network, and how long its requests wait.
#[derive(Clone, Debug)]
pub struct Dispatch {
    network: Network,
    /// For a connection to stand, TLS included.
    connect: Duration,
    /// For the head of an answer. Calls of ours have timers of their own.
    read: Option<Duration>,
}

impl HttpConnector for Dispatch {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let dispatch = self.clone();
        if ConnectOnly::is_with(&request) {
            return HttpConnectorFuture::new(async move {
                dispatch.make_ready(request).await?;
                Ok(ConnectOnly::answer())
            });
        }
        HttpConnectorFuture::new(async move {
            let answer = match dispatch.read {
                None => dispatch.ask_for_sdk(request).await?,
                Some(read) => timeout(read, dispatch.ask_for_sdk(request)).await.map_err(|_| unanswered(read))??,
            };
            let answer = answer.map(SdkBody::from_body_1_x);
            HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

impl Dispatch {
    /// Whoever asks with it limits the time for the answer.
    pub fn new(network: &Network, connect: Duration) -> Self {
        Dispatch { network: network.clone(), connect, read: None }
    }

    /// Sees to it that the next request to the same origin finds a connection. Sends nothing of this one.
    async fn make_ready(&self, request: HttpRequest) -> Result<(), ConnectorError> {
        let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
        let origin = self.origin(&request)?;
        if !origin.is_ready() {
            self.open(&origin, request.uri()).await?.keep(&origin);
        }
        Ok(())
    }

    async fn ask_for_sdk(&self, request: HttpRequest) -> Result<Response<Body>, ConnectorError> {
        let capture = request.extension::<CaptureSmithyConnection>().cloned();
        let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
        self.send(request, capture).await
    }

    /// Sends a request, and gives the answer as soon as its head is there.
    pub async fn ask(&self, request: Request<SdkBody>) -> Result<Response<Body>, ConnectorError> {
        self.send(request, None).await
    }

    async fn send(
        &self,
        mut request: Request<SdkBody>,
        capture: Option<CaptureSmithyConnection>,
    ) -> Result<Response<Body>, ConnectorError> {
        let origin = self.origin(&request)?;
        if let Some(kept) = origin.take() {
            let life = kept.life().clone();
            tell(capture.as_ref(), &life);
            let again = copy(&request);
            let sent = Instant::now();
            match (kept.send(request, &origin).await, again) {
                // Whoever has left says so at once. What takes longer is no such thing, and not for us to ask twice.
                (Err(Unanswered { unheard: true, .. }), Some(again)) if sent.elapsed() < self.connect => {
                    origin.forget(&life);
                    request = again;
                }
                (result, _) => return result.map_err(|unanswered| failure::waiting(unanswered.into(), &origin.host())),
            }
        }
        let fresh = self.open(&origin, request.uri()).await?;
        tell(capture.as_ref(), fresh.life());
        fresh.send(request, &origin).await.map_err(|unanswered| failure::waiting(unanswered.into(), &origin.host()))
    }

    /// Where a request goes. Fails where it may not go there.
    fn origin(&self, request: &Request<SdkBody>) -> Result<Arc<Origin>, ConnectorError> {
        let Inner { allow_http, metadata, pool, .. } = &*self.network.0;
        if !is_https(request.uri()) {
            check_plain(*allow_http, *metadata, request).map_err(|error| ConnectorError::user(error.into()))?;
        }
        Ok(pool.origin(request.uri()))
    }

    async fn open(&self, origin: &Arc<Origin>, uri: &Uri) -> Result<Connection, ConnectorError> {
        let opening = origin.open(&self.network.0.connector, uri, self.connect);
        timeout(self.connect, opening).await.map_err(|_| failure::late(self.connect, &origin.host()))?
    }
}

/// The answer of a credentials provider that takes too long.
fn unanswered(limit: Duration) -> ConnectorError {
    ConnectorError::timeout(format!("no answer within {limit:?}").into())
}

/// The request once more, where its body can be had once more.
fn copy(request: &Request<SdkBody>) -> Option<Request<SdkBody>> {
    let mut copy = Request::new(request.body().try_clone()?);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

/// Lets the SDK, which sees from some failures that a connection is no good, have it retired.
fn tell(capture: Option<&CaptureSmithyConnection>, life: &Arc<Life>) {
    let Some(capture) = capture else { return };
    let life = life.clone();
    capture.set_connection_retriever(move || {
        let life = life.clone();
        Some(ConnectionMetadata::builder().proxied(false).poison_fn(move || life.retire()).build())
    });
}

/// Whatever set the endpoint, config or environment: nothing secret goes over plain HTTP to another host. Only the services
/// of the machine that give credentials know no other.
fn check_plain(allow_http: bool, metadata: bool, request: &Request<SdkBody>) -> Result<(), Error> {
    let host = request.uri().host().unwrap_or_default();
    if is_loopback(host) || (metadata && is_metadata(host)) {
        return Ok(());
    }
    let refused = |what: fmt::Arguments<'_>| Err(Error::new(Kind::Config, what).at("/base_url"));
    let authorization = request.headers().get("authorization");
    if authorization.is_some_and(|value| value.as_bytes().starts_with(b"Bearer ")) {
        return refused(format_args!("a bearer token is not sent over http:// to {host}; use https://"));
    }
    if !allow_http {
        return refused(format_args!(
            "the endpoint is http:// on {host}; use https://, or set allow_http where that is meant"
        ));
    }
    Ok(())
}

/// Whether a host, as it stands in a URL, is where a container's agent or an instance's metadata service is: at a
/// link-local address, or at those that AWS gave them in IPv6.
fn is_metadata(host: &str) -> bool {
    const OF_AWS: [&str; 2] = ["fd00:ec2::254", "fd00:ec2::23"];
    match host.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(IpAddr::V4(address)) => address.is_link_local(),
        Ok(address @ IpAddr::V6(_)) => OF_AWS.iter().any(|known| known.parse() == Ok(address)),
        Err(_) => false,
    }
}
