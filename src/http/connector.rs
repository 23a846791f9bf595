//! Connects to an origin: TCP, directly or through a proxy, and TLS.

use super::error_message;
use super::http1::ForwardProxy;
use super::lifetime::ConnectTimes;
use super::link::Link;
use super::proxies::Proxies;
use super::resolver::{self, Resolver};
use super::tcp_keepalive;
use super::tls::{self, handshake};
use super::transport_error::{Failure, TransportError};
use super::tunnel::tunnel;
use crate::config::environment::variables::Variables;
use crate::config::{CaBundle, Config, HttpVersion};
use crate::error::{Error, Kind};
use crate::runtime::blocking;
use futures::future::join;
use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::proxy::matcher::Intercept;
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;
use tower_service::Service;

/// The delay after which the addresses of the other family are tried as well (RFC 8305).
const HAPPY_EYEBALLS_DELAY: Duration = Duration::from_millis(250);

/// A maker of connections, with the settings of one config.
pub struct Connector {
    ca_bundle: Option<CaBundle>,
    variables: Variables,
    version: HttpVersion,
    read_ahead: usize,
    tcp: HttpConnector<Resolver>,
    proxies: Proxies,
    tls: OnceCell<Arc<ClientConfig>>,
    /// For a proxy whose URL begins with https://, which speaks HTTP/1.1.
    proxy_tls: OnceCell<Arc<ClientConfig>>,
}

/// A new connection on which nothing was sent.
pub struct Connected {
    pub link: Link,
    pub http2: bool,
    /// The proxy that reads the requests in place of the endpoint, if there is one.
    pub proxy: Option<ForwardProxy>,
    pub times: ConnectTimes,
}

/// A byte stream, and the proxy behind it that reads the requests.
type Linked = (Link, Option<ForwardProxy>);

impl Connector {
    pub fn new(config: &Config, version: HttpVersion, proxies: Proxies) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver::default());
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_happy_eyeballs_timeout(Some(HAPPY_EYEBALLS_DELAY));
        tcp_keepalive::configure(&mut tcp);
        Connector {
            ca_bundle: config.ca_bundle.clone(),
            variables: config.variables.clone(),
            version,
            read_ahead: config.calls.read_ahead,
            tcp,
            proxies,
            tls: OnceCell::new(),
            proxy_tls: OnceCell::new(),
        }
    }

    /// Returns how many bytes of a response may wait for their reader, on the connection and behind it.
    pub fn read_ahead(&self) -> usize {
        self.read_ahead
    }

    /// Returns whether an endpoint may turn out to speak HTTP/2.
    pub fn may_speak_http2(&self, uri: &Uri) -> bool {
        match self.version {
            HttpVersion::Auto => is_https(uri),
            HttpVersion::Http1 => false,
            HttpVersion::Http2 => true,
        }
    }

    /// Connects to the origin of `uri`. The caller limits the time.
    pub async fn connect(&self, uri: &Uri) -> Result<Connected, TransportError> {
        let proxy = self.proxies.proxy_for(uri).map_err(TransportError::configuration)?;
        let proxy_uri = proxy.as_ref().map(|proxy| proxy.uri().clone());
        let connected = self.connect_through(uri, proxy).await;
        connected.map_err(|failure| error_message::not_connected(failure, uri, proxy_uri.as_ref()))
    }

    async fn connect_through(&self, uri: &Uri, proxy: Option<Intercept>) -> Result<Connected, Failure> {
        if !is_https(uri) {
            let ((link, proxy), times) = self.timed_link(uri, proxy).await?;
            return Ok(Connected { link, http2: self.version == HttpVersion::Http2, proxy, times });
        }
        let host = uri.host().unwrap_or_default();
        // Certificates are read while the name is resolved.
        let (link, config) = join(self.timed_link(uri, proxy), self.tls_config(&self.tls, self.version)).await;
        let ((link, proxy), mut times) = link?;
        let config = config?;
        let began = Instant::now();
        let (link, http2) = handshake(link, host, config).await?;
        times.tls = Some(began.elapsed());
        if self.version == HttpVersion::Http2 && !http2 {
            let what = format_args!("{host} does not speak HTTP/2, and http_version allows nothing else");
            return Err(Failure::configuration(Error::new(Kind::Network, what)));
        }
        Ok(Connected { link, http2, proxy, times })
    }

    /// Does the same as [`Connector::link`], and measures it.
    async fn timed_link(&self, uri: &Uri, proxy: Option<Intercept>) -> Result<(Linked, ConnectTimes), Failure> {
        let began = Instant::now();
        let (linked, dns) = resolver::timed(self.link(uri, proxy)).await;
        let tcp = Some(began.elapsed().saturating_sub(dns.unwrap_or_default()));
        Ok((linked?, ConnectTimes { dns, tcp, tls: None }))
    }

    /// Opens a byte stream to the origin, or to the proxy that forwards plain requests to it.
    async fn link(&self, uri: &Uri, proxy: Option<Intercept>) -> Result<Linked, Failure> {
        let Some(proxy) = proxy else { return Ok((self.tcp(uri).await?, None)) };
        let mut link = self.tcp(proxy.uri()).await?;
        if is_https(proxy.uri()) {
            let config = self.tls_config(&self.proxy_tls, HttpVersion::Http1).await?;
            link = handshake(link, proxy.uri().host().unwrap_or_default(), config).await?.0;
        }
        let authorization = proxy.basic_auth().cloned();
        if is_https(uri) {
            Ok((tunnel(link, uri, authorization).await?, None))
        } else if self.version == HttpVersion::Http2 {
            let what =
                "http_version \"2\" over http:// cannot go through a proxy: use https://, or name the host in NO_PROXY";
            Err(Failure::configuration(Error::new(Kind::Config, what)))
        } else {
            Ok((link, Some(ForwardProxy { authorization })))
        }
    }

    async fn tcp(&self, uri: &Uri) -> Result<Link, Failure> {
        let stream = self.tcp.clone().call(uri.clone()).await.map_err(Failure::io)?;
        Ok(Link::Tcp(stream.into_inner()))
    }

    async fn tls_config(
        &self,
        cell: &OnceCell<Arc<ClientConfig>>,
        version: HttpVersion,
    ) -> Result<Arc<ClientConfig>, Failure> {
        let make = || async {
            let bundle = self.ca_bundle.clone();
            let variables = self.variables.clone();
            blocking::FILES.run(move || tls::client_config(bundle.as_ref(), version, &variables)).await
        };
        cell.get_or_try_init(make).await.cloned().map_err(Failure::configuration)
    }
}

pub fn is_https(uri: &Uri) -> bool {
    uri.scheme() == Some(&Scheme::HTTPS)
}
