//! The network: the SDK's HTTP client, for the service and for credentials.
//!
//! A request takes a connection of its origin. Nothing is sent twice, unless it is certain that it was not taken the first time:
//! the connection was found closed before a byte of it left, or the service says so over HTTP/2. Whatever a service may have
//! taken is an attempt, and whether another follows is not for us to decide.

use super::body::Body;
use super::connect::{Connector, is_https};
use super::connection::{Connection, Fate, Life, Unanswered};
use super::failure;
use super::limited::Limited;
use super::origin::Origin;
use super::pool::Pool;
use super::proxies::Proxies;
use crate::config::{Config, DEFAULT_CONNECT, HttpVersion, is_loopback};
use crate::error::{Error, Kind};
use crate::sdk::attempts::Attempts;
use crate::sdk::connect::ConnectOnly;
use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http::{Request, Response};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How often an attempt finds another connection for a request that did not leave.
const MOST_UNSENT: usize = 3;
/// The longest answer of a service that gives credentials.
const LONGEST_CREDENTIALS: usize = 1 << 20;

/// The network as one config sees it.
#[derive(Clone)]
pub struct Network(Arc<Inner>);

struct Inner {
    /// Whether requests may go over plain HTTP to other machines.
    allow_http: bool,
    /// Whether they go to the services of the machine that give credentials, which know no TLS.
    metadata: bool,
    /// The longest body of an answer, where there is a limit.
    longest: Option<usize>,
    connector: Arc<Connector>,
    pool: Pool,
}

impl Network {
    /// The way to the service.
    pub fn new(config: &Config) -> Self {
        Network::made(config, config.http_version, Proxies::new(config), false, None)
    }

    /// The way to what gives credentials. Some of it knows no HTTP/2, whatever the service is to speak.
    pub fn for_credentials(config: &Config) -> Self {
        let version = Network::version_for_credentials(config);
        Network::made(config, version, Proxies::new(config), false, Some(LONGEST_CREDENTIALS))
    }

    /// The way to the services of the machine that give credentials.
    pub fn for_metadata(config: &Config) -> Self {
        Network::made(config, Network::version_for_credentials(config), Proxies::none(), true, None)
    }

    fn version_for_credentials(config: &Config) -> HttpVersion {
        match config.http_version {
            HttpVersion::Http1 => HttpVersion::Http1,
            HttpVersion::Auto | HttpVersion::Http2 => HttpVersion::Auto,
        }
    }

    fn made(config: &Config, version: HttpVersion, proxies: Proxies, metadata: bool, longest: Option<usize>) -> Self {
        let connector = Arc::new(Connector::new(config, version, proxies));
        let (allow_http, pool) = (config.allow_http, Pool::default());
        Network(Arc::new(Inner { allow_http, metadata, longest, connector, pool }))
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
                Ok(ConnectOnly::response())
            });
        }
        HttpConnectorFuture::new(async move {
            let answer = match dispatch.read {
                None => dispatch.ask_for_sdk(request).await?,
                Some(read) => timeout(read, dispatch.ask_for_sdk(request)).await.map_err(|_| unanswered(read))??,
            };
            let answer = match dispatch.network.0.longest {
                None => answer.map(SdkBody::from_body_1_x),
                Some(longest) => answer.map(|body| SdkBody::from_body_1_x(Limited::new(body, longest))),
            };
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
        let connection = origin.connection(self.connect).await?;
        origin.give_back(connection);
        Ok(())
    }

    async fn ask_for_sdk(&self, request: HttpRequest) -> Result<Response<Body>, ConnectorError> {
        let capture = request.extension::<CaptureSmithyConnection>().cloned();
        let attempts = request.extension::<Attempts>().cloned();
        let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
        self.send(request, capture, attempts).await
    }

    /// Sends a request, and gives the answer as soon as its head is there.
    pub async fn ask(&self, request: Request<SdkBody>) -> Result<Response<Body>, ConnectorError> {
        self.send(request, None, None).await
    }

    async fn send(
        &self,
        mut request: Request<SdkBody>,
        capture: Option<CaptureSmithyConnection>,
        attempts: Option<Attempts>,
    ) -> Result<Response<Body>, ConnectorError> {
        let origin = self.origin(&request)?;
        let mut unsent = 0;
        let mut untaken = false;
        loop {
            let connection = origin.connection(self.connect).await?;
            tell(capture.as_ref(), connection.life());
            let alone = matches!(connection, Connection::Http1(_));
            let again = copy(&request);
            let Unanswered { error, fate } = match connection.send(request, &origin).await {
                Ok(answer) => return Ok(answer),
                Err(unanswered) => unanswered,
            };
            request = match (fate, again) {
                (Fate::Unsent, Some(again)) if unsent < MOST_UNSENT => {
                    unsent += 1;
                    if alone {
                        origin.forget_idle();
                    }
                    again
                }
                (Fate::Untaken, Some(again)) if !std::mem::replace(&mut untaken, true) => {
                    if let Some(attempts) = &attempts {
                        attempts.resend();
                    }
                    again
                }
                _ => return Err(failure::waiting(error, origin.host())),
            };
        }
    }

    /// Where a request goes. Fails where it may not go there.
    fn origin(&self, request: &Request<SdkBody>) -> Result<Arc<Origin>, ConnectorError> {
        let Inner { allow_http, metadata, connector, pool, .. } = &*self.network.0;
        if !is_https(request.uri()) {
            check_plain(*allow_http, *metadata, request).map_err(|error| ConnectorError::user(error.into()))?;
        }
        Ok(pool.origin(request.uri(), connector))
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
