//! A connection to an origin: HTTP/1.1 or HTTP/2 behind one face.
//!
//! HTTP/1.1 has no task. Whoever waits for an answer drives the connection, and so does the answer's body after it ([`Body`]):
//! what arrives is read, decoded and handed on in the task that uses it. An HTTP/2 connection is shared by many calls, so it
//! has a task of its own.

use super::body::Body;
use super::connect::{Connected, Forward, Link};
use super::pool::Origin;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use http::{Request, Response, Uri};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a connection may read ahead. A quiet one needs some 8 KiB.
const MAX_READ_AHEAD: usize = 64 << 10;
/// What a service may send of one answer that nobody has read yet.
const STREAM_WINDOW: u32 = 256 << 10;
/// What it may send of all answers on one connection: enough that some which nobody reads do not hold up the others.
const CONNECTION_WINDOW: u32 = 32 << 20;
/// A ping is sent after at most this much silence, and answered within at most this.
const LONGEST_PING: Duration = Duration::from_secs(10);

/// What outlives a request on its connection.
pub struct Life {
    born: Instant,
    /// Whether anything came since the last request was sent.
    heard: AtomicBool,
    /// Set where the connection is to take no further request.
    retired: AtomicBool,
}

impl Life {
    fn new() -> Arc<Self> {
        Arc::new(Life { born: Instant::now(), heard: AtomicBool::new(false), retired: AtomicBool::new(false) })
    }

    pub fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    fn may_go_on(&self, longest_life: Duration) -> bool {
        !self.retired.load(Ordering::Relaxed) && self.born.elapsed() < longest_life
    }
}

/// A request that got no answer.
pub struct Unanswered {
    error: hyper::Error,
    /// Whether the connection was over before the service said anything, so that it may be asked once more.
    pub unheard: bool,
}

impl From<Unanswered> for ConnectorError {
    fn from(unanswered: Unanswered) -> Self {
        failure(unanswered.error)
    }
}

/// What the SDK is to make of a failure: it tries again where the connection broke, and not where the other side speaks no HTTP.
fn failure(error: hyper::Error) -> ConnectorError {
    let refusal = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<h2::Error>());
    let other_side = error.is_parse() || refusal.is_some_and(|refusal| !refusal.is_io() && !is_unread(refusal));
    if error.is_user() {
        ConnectorError::user(error.into())
    } else if other_side {
        ConnectorError::other(error.into(), None)
    } else {
        ConnectorError::io(error.into())
    }
}

/// Whether the service says that it has not looked at the request.
fn is_unread(error: &h2::Error) -> bool {
    error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM)
}

pub enum Connection {
    Http1(Box<Http1>),
    Http2(Http2),
}

impl Connection {
    /// Begins to speak on a way that is open. `patience` is how long a peer may take for a sign of life.
    pub async fn begin(connected: Connected, patience: Duration) -> Result<Connection, ConnectorError> {
        let life = Life::new();
        let io = TokioIo::new(Listened { link: connected.link, life: life.clone() });
        let begun = if connected.http2 {
            Http2::begin(io, life, patience).await.map(Connection::Http2)
        } else {
            Http1::begin(io, life, connected.forward).await.map(|http1| Connection::Http1(Box::new(http1)))
        };
        begun.map_err(failure)
    }

    pub fn life(&self) -> &Arc<Life> {
        match self {
            Connection::Http1(http1) => &http1.life,
            Connection::Http2(http2) => &http2.shared.life,
        }
    }

    /// Sends a request, whose URI is absolute, and waits for the head of its answer. `origin` gets the connection back.
    pub async fn send(self, request: Request<SdkBody>, origin: &Arc<Origin>) -> Result<Response<Body>, Unanswered> {
        match self {
            Connection::Http1(http1) => http1.send(request, Arc::downgrade(origin)).await,
            Connection::Http2(http2) => http2.send(request).await,
        }
    }
}

/// One request at a time.
pub struct Http1 {
    send: http1::SendRequest<SdkBody>,
    connection: http1::Connection<TokioIo<Listened>, SdkBody>,
    over: bool,
    forward: Option<Forward>,
    life: Arc<Life>,
}

impl Http1 {
    async fn begin(io: TokioIo<Listened>, life: Arc<Life>, forward: Option<Forward>) -> hyper::Result<Self> {
        let (send, connection) = http1::Builder::new().max_buf_size(MAX_READ_AHEAD).handshake(io).await?;
        Ok(Http1 { send, connection, over: false, forward, life })
    }

    /// Lets the connection work. Ready once it is over.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.over = self.over || Pin::new(&mut self.connection).poll(cx).is_ready();
        if self.over { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Whether it waits for a request, and its peer has not left meanwhile as far as can be told from here.
    pub fn is_ready(&mut self, longest_life: Duration) -> bool {
        let gone = self.poll(&mut Context::from_waker(Waker::noop())).is_ready();
        !gone && self.send.is_ready() && self.life.may_go_on(longest_life)
    }

    async fn send(
        mut self: Box<Self>,
        mut request: Request<SdkBody>,
        origin: Weak<Origin>,
    ) -> Result<Response<Body>, Unanswered> {
        self.address(&mut request);
        self.life.heard.store(false, Ordering::Relaxed);
        let mut answer = pin!(self.send.try_send_request(request));
        let answer = poll_fn(|cx| {
            // An answer and the connection's end may come together.
            let _ = self.poll(cx);
            answer.as_mut().poll(cx)
        });
        match answer.await {
            Ok(answer) => Ok(answer.map(|incoming| Body::http1(incoming, self, origin))),
            Err(unsent) => {
                let unheard = !self.life.heard.load(Ordering::Relaxed);
                Err(Unanswered { error: unsent.into_error(), unheard })
            }
        }
    }

    /// An endpoint is told the path, a proxy the whole URL.
    fn address(&self, request: &mut Request<SdkBody>) {
        let host = request.uri().authority().map(|authority| HeaderValue::from_str(authority.as_str()));
        if let Some(Ok(host)) = host {
            request.headers_mut().entry(HOST).or_insert(host);
        }
        match &self.forward {
            Some(Forward { authorization: Some(authorization) }) => {
                request.headers_mut().insert(PROXY_AUTHORIZATION, authorization.clone());
            }
            Some(Forward { authorization: None }) => {}
            None => {
                let path = request.uri().path_and_query().cloned();
                *request.uri_mut() = path.map(Uri::from).unwrap_or_default();
            }
        }
    }
}

/// A handle to a connection with many requests at a time.
#[derive(Clone)]
pub struct Http2 {
    send: http2::SendRequest<SdkBody>,
    shared: Arc<Shared>,
}

struct Shared {
    life: Arc<Life>,
    /// How many calls are on it.
    calls: AtomicUsize,
    /// Knows how many the service allows.
    connection: Mutex<http2::Connection<TokioIo<Listened>, SdkBody, TokioExecutor>>,
    /// When the last call left.
    left: Mutex<Instant>,
}

impl Http2 {
    async fn begin(io: TokioIo<Listened>, life: Arc<Life>, patience: Duration) -> hyper::Result<Self> {
        let handshake = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(LONGEST_PING.min(patience.saturating_mul(3)))
            .keep_alive_timeout(LONGEST_PING.min(patience))
            .handshake(io);
        let (send, connection) = handshake.await?;
        let (calls, left, connection) = (AtomicUsize::new(0), Mutex::new(Instant::now()), Mutex::new(connection));
        let shared = Arc::new(Shared { life, calls, connection, left });
        let driven = shared.clone();
        tokio::spawn(poll_fn(move |cx| Pin::new(&mut *driven.connection()).poll(cx).map(drop)));
        Ok(Http2 { send, shared })
    }

    pub fn is_usable(&self, longest_life: Duration) -> bool {
        !self.send.is_closed() && self.shared.life.may_go_on(longest_life)
    }

    pub fn has_room(&self) -> bool {
        self.shared.calls.load(Ordering::Relaxed) < self.shared.connection().current_max_send_streams()
    }

    /// Since when no call is on it.
    pub fn idle_since(&self) -> Option<Instant> {
        let left = *self.shared.left.lock().unwrap_or_else(PoisonError::into_inner);
        Some(left).filter(|_| self.shared.calls.load(Ordering::Relaxed) == 0)
    }

    async fn send(mut self, request: Request<SdkBody>) -> Result<Response<Body>, Unanswered> {
        let place = Place::take(&self.shared);
        match self.send.try_send_request(request).await {
            Ok(answer) => Ok(answer.map(|incoming| Body::http2(incoming, place))),
            Err(unsent) => {
                let never_sent = unsent.message().is_some();
                let error = unsent.into_error();
                let unread = std::error::Error::source(&error)
                    .and_then(|cause| cause.downcast_ref::<h2::Error>())
                    .is_some_and(|cause| cause.is_io() || is_unread(cause));
                Err(Unanswered { unheard: never_sent || unread, error })
            }
        }
    }
}

impl Shared {
    fn connection(&self) -> MutexGuard<'_, http2::Connection<TokioIo<Listened>, SdkBody, TokioExecutor>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call's place on a shared connection.
pub struct Place(Arc<Shared>);

impl Place {
    fn take(shared: &Arc<Shared>) -> Self {
        shared.calls.fetch_add(1, Ordering::Relaxed);
        Place(shared.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.left.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A link that remembers whether anything came.
struct Listened {
    link: Link,
    life: Arc<Life>,
}

impl AsyncRead for Listened {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, space: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = space.filled().len();
        let polled = Pin::new(&mut self.link).poll_read(cx, space);
        if space.filled().len() > before {
            self.life.heard.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl AsyncWrite for Listened {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.link).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.link).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.link.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.link).poll_shutdown(cx)
    }
}
