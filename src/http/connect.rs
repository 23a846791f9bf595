//! The way to an endpoint: TCP, through a proxy or not, and TLS.

use super::alive;
use super::failure;
use super::http1::Http1;
use super::names::Names;
use super::proxies::Proxies;
use super::tls;
use crate::config::environment::variables::Variables;
use crate::config::{CaBundle, Config, HttpVersion};
use crate::error::{Error, Kind};
use crate::runtime::blocking;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use futures::future::join;
use http::header::{HeaderValue, PROXY_AUTHORIZATION};
use http::uri::Scheme;
use http::{Method, Request, StatusCode, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::proxy::matcher::Intercept;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use socket2::SockRef;
use std::fmt;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

/// After this time the addresses of the other family are tried beside those of the first (RFC 8305).
const OTHER_FAMILY: Duration = Duration::from_millis(250);

/// Makes connections as one config wants them.
pub struct Connector {
    ca_bundle: Option<CaBundle>,
    variables: Variables,
    version: HttpVersion,
    read_ahead: usize,
    tcp: HttpConnector<Names>,
    proxies: Proxies,
    tls: OnceCell<Arc<ClientConfig>>,
    /// For the way to a proxy whose URL begins with https://, which speaks HTTP/1.1.
    proxy_tls: OnceCell<Arc<ClientConfig>>,
}

/// A way that is open, to its end.
pub struct Connected {
    pub link: Link,
    pub http2: bool,
    /// Set where a proxy, and not the endpoint, reads the requests.
    pub forward: Option<Forward>,
}

/// What a proxy that passes plain requests on wants to see in each.
#[derive(Clone)]
pub struct Forward {
    pub authorization: Option<HeaderValue>,
}

impl Connector {
    pub fn new(config: &Config, version: HttpVersion, proxies: Proxies) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Names::default());
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_happy_eyeballs_timeout(Some(OTHER_FAMILY));
        alive::watch(&mut tcp);
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

    /// How many bytes of an answer may wait to be read, on the connection and behind it.
    pub fn read_ahead(&self) -> usize {
        self.read_ahead
    }

    /// Whether an endpoint may turn out to speak HTTP/2.
    pub fn may_speak_http2(&self, uri: &Uri) -> bool {
        match self.version {
            HttpVersion::Auto => is_https(uri),
            HttpVersion::Http1 => false,
            HttpVersion::Http2 => true,
        }
    }

    /// Opens the way to the origin of `uri`. Sets no limit to the time it takes.
    pub async fn connect(&self, uri: &Uri) -> Result<Connected, ConnectorError> {
        let proxy = self.proxies.on_the_way_to(uri).map_err(own)?;
        let by = proxy.as_ref().map(|proxy| proxy.uri().clone());
        self.open(uri, proxy).await.map_err(|error| failure::connecting(error, uri, by.as_ref()))
    }

    async fn open(&self, uri: &Uri, proxy: Option<Intercept>) -> Result<Connected, ConnectorError> {
        if !is_https(uri) {
            let (link, forward) = self.way(uri, proxy).await?;
            return Ok(Connected { link, http2: self.version == HttpVersion::Http2, forward });
        }
        let host = uri.host().unwrap_or_default();
        // Certificates are read while the name is looked up.
        let (way, config) = join(self.way(uri, proxy), self.tls_config(&self.tls, self.version)).await;
        let (link, forward) = way?;
        let (link, http2) = secure(link, host, config?).await?;
        if self.version == HttpVersion::Http2 && !http2 {
            let what = format_args!("{host} does not speak HTTP/2, and http_version allows nothing else");
            return Err(own(Error::new(Kind::Network, what)));
        }
        Ok(Connected { link, http2, forward })
    }

    /// Bytes both ways, to the origin or to the proxy that passes plain requests on.
    async fn way(&self, uri: &Uri, proxy: Option<Intercept>) -> Result<(Link, Option<Forward>), ConnectorError> {
        Ok(match proxy {
            None => (self.tcp(uri).await?, None),
            Some(proxy) => {
                let mut link = self.tcp(proxy.uri()).await?;
                if is_https(proxy.uri()) {
                    let config = self.tls_config(&self.proxy_tls, HttpVersion::Http1).await?;
                    link = secure(link, proxy.uri().host().unwrap_or_default(), config).await?.0;
                }
                let authorization = proxy.basic_auth().cloned();
                if is_https(uri) {
                    (tunnel(link, uri, authorization).await?, None)
                } else if self.version == HttpVersion::Http2 {
                    let what = "http_version \"2\" over http:// goes through no proxy: use https://, or name the host in NO_PROXY";
                    return Err(own(Error::new(Kind::Config, what)));
                } else {
                    (link, Some(Forward { authorization }))
                }
            }
        })
    }

    async fn tcp(&self, uri: &Uri) -> Result<Link, ConnectorError> {
        let stream = self.tcp.clone().call(uri.clone()).await.map_err(|error| ConnectorError::io(error.into()))?;
        Ok(Link::Tcp(stream.into_inner()))
    }

    async fn tls_config(
        &self,
        cell: &OnceCell<Arc<ClientConfig>>,
        version: HttpVersion,
    ) -> Result<Arc<ClientConfig>, ConnectorError> {
        let read = || async {
            let bundle = self.ca_bundle.clone();
            let variables = self.variables.clone();
            blocking::FILES.run(move || tls::client_config(bundle.as_ref(), version, &variables)).await
        };
        cell.get_or_try_init(read).await.cloned().map_err(own)
    }
}

pub fn is_https(uri: &Uri) -> bool {
    uri.scheme() == Some(&Scheme::HTTPS)
}

/// What another try would not change, in words of our own.
fn own(error: Error) -> ConnectorError {
    ConnectorError::user(error.into())
}

/// TLS over `link`, and whether HTTP/2 is spoken inside.
async fn secure(link: Link, host: &str, config: Arc<ClientConfig>) -> Result<(Link, bool), ConnectorError> {
    let failed = |error: io::Error| {
        ConnectorError::io(Failed { doing: "the TLS handshake failed", cause: tls::in_words(error) }.into())
    };
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host).map_err(|error| failed(io::Error::other(error)))?;
    let stream = TlsConnector::from(config).connect(name, link).await.map_err(failed)?;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok((Link::Tls(Box::new(stream)), http2))
}

/// Has a proxy connect `link` through to the origin of `uri`.
async fn tunnel(link: Link, uri: &Uri, authorization: Option<HeaderValue>) -> Result<Link, ConnectorError> {
    let host = uri.host().unwrap_or_default();
    let port = uri.port_u16().unwrap_or(if is_https(uri) { 443 } else { 80 });
    let target = format!("{host}:{port}");
    let mut request = Request::new(SdkBody::empty());
    *request.method_mut() = Method::CONNECT;
    *request.uri_mut() = Uri::try_from(target).map_err(|error| ConnectorError::user(error.into()))?;
    if let Some(authorization) = authorization {
        request.headers_mut().insert(PROXY_AUTHORIZATION, authorization);
    }
    let mut proxy = Http1::new(link, None, 0);
    let failed = |cause| ConnectorError::io(Failed { doing: "the proxy opened no tunnel", cause }.into());
    match proxy.ask(request).await.map_err(failed)?.parts.status {
        status if status.is_success() => Ok(proxy.into_link()),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            let what =
                "the proxy wants a user and a password (HTTP 407): put them into its URL, http://user:password@host";
            Err(own(Error::new(Kind::Network, what)))
        }
        status => {
            let refused =
                Error::new(Kind::Network, format_args!("the proxy does not connect to {host}: HTTP {status}"));
            Err(if status.is_server_error() { ConnectorError::io(refused.into()) } else { own(refused) })
        }
    }
}

/// What did not work, and why.
#[derive(Debug)]
struct Failed<E> {
    doing: &'static str,
    cause: E,
}

impl<E> fmt::Display for Failed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.doing)
    }
}

impl<E: std::error::Error + 'static> std::error::Error for Failed<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// Bytes both ways.
pub enum Link {
    Tcp(TcpStream),
    /// Over another, which is TLS itself where the proxy's URL begins with https://.
    Tls(Box<TlsStream<Link>>),
}

impl Link {
    /// Whether the system knows that the peer has left. The runtime may hear of it later.
    pub fn is_left(&self) -> bool {
        match self {
            Link::Tcp(tcp) => match SockRef::from(tcp).peek(&mut [MaybeUninit::uninit()]) {
                Ok(there) => there == 0,
                Err(error) => error.kind() != io::ErrorKind::WouldBlock,
            },
            Link::Tls(tls) => tls.get_ref().0.is_left(),
        }
    }
}

impl AsyncRead for Link {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, space: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Link::Tcp(tcp) => Pin::new(tcp).poll_read(cx, space),
            Link::Tls(tls) => Pin::new(tls).poll_read(cx, space),
        }
    }
}

impl AsyncWrite for Link {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Link::Tcp(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Link::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Link::Tcp(tcp) => Pin::new(tcp).poll_write_vectored(cx, bytes),
            Link::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bytes),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Link::Tcp(tcp) => tcp.is_write_vectored(),
            Link::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Link::Tcp(tcp) => Pin::new(tcp).poll_flush(cx),
            Link::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Link::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Link::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
