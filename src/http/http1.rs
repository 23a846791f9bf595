//! An HTTP/1.1 connection: one request at a time.
//!
//! There is no task and no channel: the task that waits for a response reads and decodes it, from the connection's own
//! buffer. Chunks that arrive together are returned together.

use super::http1_body::{Framing, InvalidFraming};
use super::http1_head::{Head, InterimResponses, InvalidHead, MAX_HEAD, parse_head};
use super::lifetime::{ConnectTimes, Lifetime};
use super::link::Link;
use super::read_buffer::{self, FIRST_READ, MAX_READ};
use super::send_error::{Delivery, SendError};
use super::tcp_keepalive;
use super::transport_error::{BoxError, Failure};
use crate::error::{Error, Kind};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HOST, HeaderValue, PROXY_AUTHORIZATION};
use http::{Method, Request, request};
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

/// An HTTP/1.1 connection.
pub struct Http1 {
    link: Link,
    /// Read and not yet decoded.
    input: BytesMut,
    next_read: usize,
    max_read: usize,
    /// The number of bytes of the last request that were written.
    written: usize,
    interim: InterimResponses,
    proxy: Option<ForwardProxy>,
    pub lifetime: Arc<Lifetime>,
}

/// A proxy that forwards requests over plain HTTP, and not bytes.
#[derive(Clone)]
pub struct ForwardProxy {
    /// Accompanies each request.
    pub authorization: Option<HeaderValue>,
}

/// The reason why a response did not arrive, or is incomplete.
#[derive(Debug)]
pub enum Http1Error {
    Io(io::Error),
    /// The peer closed the connection too early.
    Closed,
    Invalid(String),
}

impl fmt::Display for Http1Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Http1Error::Io(error) => write!(f, "the connection broke: {error}"),
            Http1Error::Closed => f.write_str("the connection was closed before the response was complete"),
            Http1Error::Invalid(why) => write!(f, "the response is not valid HTTP: {why}"),
        }
    }
}

impl std::error::Error for Http1Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Http1Error::Io(error) => Some(error),
            Http1Error::Closed | Http1Error::Invalid(_) => None,
        }
    }
}

impl From<io::Error> for Http1Error {
    fn from(error: io::Error) -> Self {
        Http1Error::Io(error)
    }
}

impl From<InvalidHead> for Http1Error {
    fn from(invalid: InvalidHead) -> Self {
        Http1Error::Invalid(invalid.to_string())
    }
}

impl From<InvalidFraming> for Http1Error {
    fn from(invalid: InvalidFraming) -> Self {
        Http1Error::Invalid(invalid.to_string())
    }
}

impl Http1Error {
    /// Returns the error of a body that breaks off.
    pub fn into_body_error(self) -> BoxError {
        match self {
            error if tcp_keepalive::is_peer_lost(&error) => tcp_keepalive::peer_lost().into(),
            Http1Error::Invalid(_) => Error::new(Kind::Protocol, self).into(),
            error => error.into(),
        }
    }
}

impl Http1 {
    /// Returns a connection that reads at most `read_ahead` bytes at once.
    pub fn new(link: Link, times: ConnectTimes, proxy: Option<ForwardProxy>, read_ahead: usize) -> Self {
        Http1 {
            link,
            input: BytesMut::new(),
            next_read: FIRST_READ,
            max_read: read_ahead.clamp(FIRST_READ, MAX_READ),
            written: 0,
            interim: InterimResponses::default(),
            proxy,
            lifetime: Lifetime::new(times),
        }
    }

    /// Returns the byte stream. It is a tunnel if the last request was a successful CONNECT.
    pub fn into_link(self) -> Link {
        self.link
    }

    /// Sends a request, whose URI is absolute, and waits for the head of its response.
    pub async fn send(&mut self, request: Request<Bytes>) -> Result<Head, SendError> {
        self.exchange(request).await.map_err(|error| {
            let failure = match error {
                Http1Error::Io(_) | Http1Error::Closed => Failure::io(error),
                Http1Error::Invalid(_) => Failure::other(Error::new(Kind::Protocol, error)),
            };
            SendError { failure, delivery: if self.written == 0 { Delivery::NotSent } else { Delivery::Unknown } }
        })
    }

    /// Does the same as [`Http1::send`], and returns the error unchanged.
    pub async fn exchange(&mut self, request: Request<Bytes>) -> Result<Head, Http1Error> {
        (self.written, self.interim) = (0, InterimResponses::default());
        let (parts, body) = request.into_parts();
        let head = self.encode_head(&parts, body.len());
        let mut output = head.freeze().chain(body);
        let mut flushed = false;
        poll_fn(|cx| {
            let sending = self.poll_send(&mut output, &mut flushed, cx);
            // A response may arrive before all of the request is sent, or although it cannot be sent.
            match (self.poll_head(&parts.method, cx), sending) {
                (Poll::Ready(Ok(mut head)), _) => {
                    head.reusable &= flushed;
                    Poll::Ready(Ok(head))
                }
                // The kernel reports once why it closed a connection. The next operation only sees its end.
                (Poll::Ready(Err(_)), Poll::Ready(Err(error))) if tcp_keepalive::is_peer_lost(&error) => {
                    Poll::Ready(Err(error.into()))
                }
                (Poll::Ready(Err(error)), _) => Poll::Ready(Err(error)),
                (Poll::Pending, Poll::Ready(Err(error))) => Poll::Ready(Err(error.into())),
                (Poll::Pending, _) => Poll::Pending,
            }
        })
        .await
    }

    /// Returns the head of a request: with the path for an endpoint, with the URL for a proxy.
    fn encode_head(&self, parts: &request::Parts, length: usize) -> BytesMut {
        let mut head = BytesMut::with_capacity(1024);
        head.put_slice(parts.method.as_str().as_bytes());
        head.put_u8(b' ');
        let host = parts.uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        match (&self.proxy, parts.uri.path_and_query()) {
            (Some(_), _) => head.put_slice(parts.uri.to_string().as_bytes()),
            (None, Some(path)) => head.put_slice(path.as_str().as_bytes()),
            // CONNECT has a host and no path.
            (None, None) => head.put_slice(host.as_bytes()),
        }
        head.put_slice(b" HTTP/1.1\r\n");
        if !parts.headers.contains_key(HOST) {
            put_header(&mut head, HOST.as_str(), host.as_bytes());
        }
        for (name, value) in &parts.headers {
            put_header(&mut head, name.as_str(), value.as_bytes());
        }
        if let Some(ForwardProxy { authorization: Some(authorization) }) = &self.proxy {
            put_header(&mut head, PROXY_AUTHORIZATION.as_str(), authorization.as_bytes());
        }
        if (length > 0 || parts.method == Method::POST) && !parts.headers.contains_key(CONTENT_LENGTH) {
            put_header(&mut head, CONTENT_LENGTH.as_str(), length.to_string().as_bytes());
        }
        head.put_slice(b"\r\n");
        head
    }

    fn poll_send(&mut self, output: &mut impl Buf, flushed: &mut bool, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while output.has_remaining() {
            match ready!(pin!(self.link.write_buf(output)).poll(cx))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        if !*flushed {
            ready!(Pin::new(&mut self.link).poll_flush(cx))?;
            *flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_head(&mut self, method: &Method, cx: &mut Context<'_>) -> Poll<Result<Head, Http1Error>> {
        loop {
            if let Some(head) = parse_head(&mut self.input, method, &mut self.interim)? {
                return Poll::Ready(Ok(head));
            }
            if self.input.len() >= MAX_HEAD {
                return Poll::Ready(Err(Http1Error::Invalid(format!(
                    "its head is longer than {} KiB",
                    MAX_HEAD >> 10
                ))));
            }
            if ready!(self.poll_fill(cx))? == 0 {
                return Poll::Ready(Err(Http1Error::Closed));
            }
        }
    }

    /// Returns the next data of a body, and None at its end.
    pub fn poll_data(
        &mut self,
        framing: &mut Framing,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Http1Error>>> {
        loop {
            match framing.decode(&mut self.input) {
                Ok(Some(data)) => return Poll::Ready(Some(Ok(data))),
                Ok(None) if framing.is_complete() => return Poll::Ready(None),
                Ok(None) => {}
                Err(invalid) => return Poll::Ready(Some(Err(invalid.into()))),
            }
            match ready!(self.poll_fill(cx)) {
                Ok(0) if *framing == Framing::UntilClose => return Poll::Ready(None),
                Ok(0) => return Poll::Ready(Some(Err(Http1Error::Closed))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        }
    }

    /// Reads into `input`. Returns 0 at the end of the connection.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        read_buffer::reserve(&mut self.input, self.next_read);
        let read = ready!(pin!(self.link.read_buf(&mut self.input)).poll(cx))?;
        if read >= self.next_read {
            self.next_read = self.max_read.min(self.next_read * 2);
        }
        Poll::Ready(Ok(read))
    }

    /// Frees the memory that an idle connection does not need.
    pub fn shrink(&mut self) {
        self.input = BytesMut::new();
        self.next_read = FIRST_READ;
    }

    /// Returns whether the connection can take another request: it is open, as far as is known here, and nothing
    /// unrequested has arrived.
    pub fn is_reusable(&mut self) -> bool {
        let mut byte = [0; 1];
        let polled =
            Pin::new(&mut self.link).poll_read(&mut Context::from_waker(Waker::noop()), &mut ReadBuf::new(&mut byte));
        self.input.is_empty() && polled.is_pending() && !self.link.is_closed_by_peer()
    }
}

fn put_header(head: &mut BytesMut, name: &str, value: &[u8]) {
    head.put_slice(name.as_bytes());
    head.put_slice(b": ");
    head.put_slice(value);
    head.put_slice(b"\r\n");
}
