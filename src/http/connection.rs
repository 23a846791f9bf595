//! A connection to an origin: HTTP/1.1 or HTTP/2.

use super::body::{Body, ConnectionReturn, UntilClose};
use super::connector::Connected;
use super::http1::Http1;
use super::http1_body::Framing;
use super::http1_head::Head;
use super::http2::{Http2, StreamPermit};
use super::http2_driver::CapacityListener;
use super::http2_ping::PingTimes;
use super::lifetime::Lifetime;
use super::send_error::SendError;
use super::transport_error::Failure;
use bytes::Bytes;
use http::{Request, Response};
use std::sync::{Arc, Weak};

/// A new connection.
pub enum NewConnection {
    Http1(Box<Http1>),
    Http2(Http2),
}

impl NewConnection {
    /// Starts HTTP on a link. A service may send `read_ahead` bytes of a response ahead of its reader. Until it announces
    /// its limit over HTTP/2, it is assumed to admit `max_calls`.
    pub async fn start(
        connected: Connected,
        read_ahead: usize,
        max_calls: usize,
        pings: PingTimes,
        listener: Weak<dyn CapacityListener>,
    ) -> Result<Self, Failure> {
        let Connected { link, http2, proxy, times } = connected;
        if http2 {
            Http2::start(link, times, read_ahead, max_calls, pings, listener).await.map(NewConnection::Http2)
        } else {
            Ok(NewConnection::Http1(Box::new(Http1::new(link, times, proxy, read_ahead))))
        }
    }
}

/// A connection for one request: an HTTP/1.1 connection, or a permit for a shared HTTP/2 connection.
pub enum Connection {
    Http1(Box<Http1>),
    Http2(StreamPermit),
}

impl Connection {
    pub fn lifetime(&self) -> &Arc<Lifetime> {
        match self {
            Connection::Http1(http1) => &http1.lifetime,
            Connection::Http2(permit) => permit.lifetime(),
        }
    }

    /// Sends a request, whose URI is absolute, and waits for the head of its response. An HTTP/1.1 connection returns
    /// to `pool`.
    pub async fn send(
        self,
        request: Request<Bytes>,
        pool: Weak<dyn ConnectionReturn>,
    ) -> Result<Response<Body>, SendError> {
        match self {
            Connection::Http1(mut http1) => {
                let Head { mut parts, framing, reusable } = http1.send(request).await?;
                if framing == Framing::UntilClose {
                    parts.extensions.insert(UntilClose);
                }
                Ok(Response::from_parts(parts, Body::http1(http1, framing, reusable.then_some(pool))))
            }
            Connection::Http2(permit) => {
                let (parts, buffer) = permit.send(request).await?;
                Ok(Response::from_parts(parts, Body::http2(buffer, permit)))
            }
        }
    }
}
