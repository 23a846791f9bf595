//! A tunnel through a proxy: HTTP's CONNECT.

use super::http1::{Http1, Http1Error};
use super::lifetime::ConnectTimes;
use super::link::Link;
use super::transport_error::Failure;
use crate::error::{Error, Kind};
use bytes::Bytes;
use http::header::{HeaderValue, PROXY_AUTHORIZATION};
use http::{Method, Request, StatusCode, Uri};
use std::fmt;

/// The port of a URI that names none. Tunnels lead to https:// alone.
const HTTPS_PORT: u16 = 443;

/// Makes a proxy connect `link` to the origin of `uri`.
pub async fn tunnel(link: Link, uri: &Uri, authorization: Option<HeaderValue>) -> Result<Link, Failure> {
    let host = uri.host().unwrap_or_default();
    let target = format!("{host}:{}", uri.port_u16().unwrap_or(HTTPS_PORT));
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = Method::CONNECT;
    *request.uri_mut() = Uri::try_from(target).map_err(Failure::configuration)?;
    if let Some(authorization) = authorization {
        request.headers_mut().insert(PROXY_AUTHORIZATION, authorization);
    }
    let mut connection = Http1::new(link, ConnectTimes::default(), None, 0);
    match connection.exchange(request).await.map_err(|cause| Failure::io(NoTunnel(cause)))?.parts.status {
        status if status.is_success() => Ok(connection.into_link()),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            let what =
                "the proxy wants a user and a password (HTTP 407): put them into its URL, http://user:password@host";
            Err(Failure::configuration(Error::new(Kind::Network, what)))
        }
        status => {
            let error = Error::new(Kind::Network, format_args!("the proxy does not connect to {host}: HTTP {status}"));
            Err(if status.is_server_error() { Failure::io(error) } else { Failure::configuration(error) })
        }
    }
}

/// The proxy did not respond to CONNECT.
#[derive(Debug)]
struct NoTunnel(Http1Error);

impl fmt::Display for NoTunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the proxy opened no tunnel")
    }
}

impl std::error::Error for NoTunnel {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}
