//! The network: sends requests to the service, and to the services that give credentials.
//!
//! A request takes a connection of its origin. It is sent again only if it is certain that the service did not process
//! it: the connection was closed before a byte was sent, or the service reports it over HTTP/2. Any other request is an
//! attempt, and the caller decides whether another follows.

use super::body::{Body, ConnectionReturn};
use super::connection::Connection;
use super::connector::{Connector, is_https};
use super::error_message;
use super::limited_body::LimitedBody;
use super::origin::Origin;
use super::origins::Origins;
use super::proxies::Proxies;
use super::send_error::{Delivery, SendError};
use super::transport::{SendOptions, Timeouts, Transport};
use super::transport_error::TransportError;
use crate::config::{Config, HttpVersion, check_plain_host};
use crate::error::{Error, Kind};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response};
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Weak};
use tokio::time::timeout;

/// The number of times that an attempt uses another connection because its request was not sent.
const MAX_NOT_SENT: usize = 3;
/// The longest response of a service that gives credentials.
const MAX_CREDENTIALS: usize = 1 << 20;

/// The network as one config configures it.
#[derive(Clone)]
pub struct Network(Arc<Shared>);

struct Shared {
    /// Whether requests may go over plain HTTP to other machines.
    allow_http: bool,
    /// Whether requests go to the metadata services of the machine, which know no TLS.
    metadata: bool,
    /// The longest body of a response, if there is a limit.
    max_body: Option<usize>,
    connector: Arc<Connector>,
    origins: Origins,
}

impl Network {
    /// Returns the network for requests to the service.
    pub fn new(config: &Config) -> Self {
        Network::build(config, config.http_version, Proxies::new(config), false, None)
    }

    /// Returns the network for requests for credentials.
    pub fn for_credentials(config: &Config) -> Self {
        let version = Network::version_for_credentials(config);
        Network::build(config, version, Proxies::new(config), false, Some(MAX_CREDENTIALS))
    }

    /// Returns the network for requests to the metadata services of the machine.
    pub fn for_metadata(config: &Config) -> Self {
        Network::build(config, Network::version_for_credentials(config), Proxies::none(), true, None)
    }

    /// Not all services that give credentials know HTTP/2, whatever the model's service speaks.
    fn version_for_credentials(config: &Config) -> HttpVersion {
        match config.http_version {
            HttpVersion::Http1 => HttpVersion::Http1,
            HttpVersion::Auto | HttpVersion::Http2 => HttpVersion::Auto,
        }
    }

    fn build(config: &Config, version: HttpVersion, proxies: Proxies, metadata: bool, max_body: Option<usize>) -> Self {
        let connector = Arc::new(Connector::new(config, version, proxies));
        let (allow_http, origins) = (config.allow_http, Origins::default());
        Network(Arc::new(Shared { allow_http, metadata, max_body, connector, origins }))
    }

    async fn send_until_processed(
        &self,
        request: Request<Bytes>,
        options: SendOptions<'_>,
    ) -> Result<Response<Body>, TransportError> {
        let origin = self.origin(&request)?;
        let mut not_sent = 0;
        let mut is_resent = false;
        loop {
            let connection = origin.connection(options.timeouts.connect).await?;
            let lifetime = connection.lifetime();
            options.observer.on_connection(lifetime, lifetime.begin_request());
            let is_http1 = matches!(connection, Connection::Http1(_));
            let pool: Weak<dyn ConnectionReturn> = Arc::<Origin>::downgrade(&origin);
            let SendError { failure, delivery } = match connection.send(copy(&request), pool).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            match delivery {
                Delivery::NotSent if not_sent < MAX_NOT_SENT => {
                    not_sent += 1;
                    if is_http1 {
                        origin.close_idle();
                    }
                }
                Delivery::NotProcessed if !is_resent => {
                    is_resent = true;
                    options.observer.on_resend();
                }
                _ => return Err(error_message::no_response(failure, origin.host())),
            }
        }
    }

    /// Returns the origin of a request. Fails if the request may not be sent there.
    fn origin(&self, request: &Request<Bytes>) -> Result<Arc<Origin>, TransportError> {
        let Shared { allow_http, metadata, connector, origins, .. } = &*self.0;
        if !is_https(request.uri()) {
            check_plain(*allow_http, *metadata, request).map_err(TransportError::configuration)?;
        }
        Ok(origins.origin(request.uri(), connector))
    }
}

impl Transport for Network {
    async fn send(&self, request: Request<Bytes>, options: SendOptions<'_>) -> Result<Response<Body>, TransportError> {
        let sending = self.send_until_processed(request, options);
        let response = match options.timeouts.response {
            None => sending.await?,
            Some(limit) => timeout(limit, sending).await.map_err(|_| error_message::response_timeout(limit))??,
        };
        Ok(match self.0.max_body {
            None => response,
            Some(limit) => response.map(|body| Body::boxed(LimitedBody::new(body, limit))),
        })
    }

    async fn connect(&self, request: Request<Bytes>, timeouts: Timeouts) -> Result<(), TransportError> {
        let origin = self.origin(&request)?;
        if let Connection::Http1(connection) = origin.connection(timeouts.connect).await? {
            origin.return_connection(connection);
        }
        Ok(())
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network")
    }
}

/// Returns the request for one more connection, without its extensions. The body is shared.
fn copy(request: &Request<Bytes>) -> Request<Bytes> {
    let mut copy = Request::new(request.body().clone());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}

/// Checks that a request may go over http://. Requests to the metadata services of the machine may.
fn check_plain(allow_http: bool, metadata: bool, request: &Request<Bytes>) -> Result<(), Error> {
    let host = request.uri().host().unwrap_or_default();
    if metadata && is_metadata_service(host) {
        return Ok(());
    }
    let authorization = request.headers().get(AUTHORIZATION);
    let bearer = authorization.is_some_and(|value| value.as_bytes().starts_with(b"Bearer "));
    check_plain_host(host, allow_http, bearer)
        .map_err(|reason| Error::new(Kind::Config, format_args!("the endpoint {reason}")).at("/base_url"))
}

/// Returns whether the host of a URL can be a container's agent or an instance's metadata service: a link-local
/// address, or one of those that AWS gave them in IPv6.
fn is_metadata_service(host: &str) -> bool {
    const AWS: [&str; 2] = ["fd00:ec2::254", "fd00:ec2::23"];
    match host.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(IpAddr::V4(address)) => address.is_link_local(),
        Ok(address @ IpAddr::V6(_)) => AWS.iter().any(|known| known.parse() == Ok(address)),
        Err(_) => false,
    }
}
