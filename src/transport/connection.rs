//! A connection to an origin: HTTP/1.1 or HTTP/2 behind one face.
//!
//! HTTP/1.1 is [`http1`](super::http1). An HTTP/2 connection is shared by many calls, so it has a task of its own.

use super::alive;
use super::body::Body;
use super::connect::Connected;
use super::gather::{self, Gathered};
use super::http1::{Broken, Http1};
use super::pool::Origin;
use crate::wire::failure::find;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http::{Request, Response};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// What it may send of all answers on one connection: enough that some which nobody reads do not hold up the others.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;

/// What outlives a request on its connection.
pub struct Life {
    born: Instant,
    /// Set where the connection is to take no further request.
    retired: AtomicBool,
}

impl Life {
    pub fn new() -> Arc<Self> {
        Arc::new(Life { born: Instant::now(), retired: AtomicBool::new(false) })
    }

    pub fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    pub fn may_go_on(&self, longest_life: Duration) -> bool {
        !self.retired.load(Ordering::Relaxed) && self.born.elapsed() < longest_life
    }
}

/// A request that got no answer.
pub struct Unanswered {
    error: ConnectorError,
    /// Whether the connection was over before the service said anything, so that it may be asked once more.
    pub unheard: bool,
}

impl Unanswered {
    pub fn http1(broken: Broken, unheard: bool) -> Self {
        let error = match broken {
            Broken::Io(_) | Broken::Closed => ConnectorError::io(broken.into()),
            Broken::NotHttp(_) => ConnectorError::other(broken.into(), None),
        };
        Unanswered { error, unheard }
    }

    fn http2(error: hyper::Error) -> Self {
        let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<h2::Error>());
        // The SDK tries again where the connection broke, and not where the service took the request and did not like it.
        let refused = cause.is_some_and(|cause| !cause.is_io() && !is_unread(cause));
        let unheard = !refused && !error.is_user();
        let error = match error {
            error if error.is_user() => ConnectorError::user(error.into()),
            error if refused => ConnectorError::other(error.into(), None),
            error => ConnectorError::io(error.into()),
        };
        Unanswered { error, unheard }
    }
}

impl From<Unanswered> for ConnectorError {
    fn from(unanswered: Unanswered) -> Self {
        unanswered.error
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
    /// Begins to speak on a way that is open. A service may send `ahead` bytes of an answer that nobody has read yet.
    /// `patience` is how long a peer may take for a sign of life.
    pub async fn begin(connected: Connected, ahead: usize, patience: Duration) -> Result<Connection, ConnectorError> {
        let Connected { link, http2, forward } = connected;
        if !http2 {
            return Ok(Connection::Http1(Box::new(Http1::new(link, forward, ahead))));
        }
        let begun = Http2::begin(TokioIo::new(Gathered::new(link)), ahead, patience).await;
        begun.map(Connection::Http2).map_err(|error| Unanswered::http2(error).into())
    }

    pub fn life(&self) -> &Arc<Life> {
        match self {
            Connection::Http1(http1) => &http1.life,
            Connection::Http2(http2) => &http2.shared.life,
        }
    }

    /// Leaves the connection to the next request.
    pub fn keep(self, origin: &Arc<Origin>) {
        match self {
            Connection::Http1(http1) => origin.give_back(http1),
            // It is kept since it was made.
            Connection::Http2(_) => {}
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

/// A handle to a connection with many requests at a time.
#[derive(Clone)]
pub struct Http2 {
    send: http2::SendRequest<SdkBody>,
    shared: Arc<Shared>,
}

type Driven = http2::Connection<TokioIo<Gathered>, SdkBody, TokioExecutor>;

struct Shared {
    life: Arc<Life>,
    /// How many calls are on it.
    calls: AtomicUsize,
    /// Knows how many the service allows. None once it is over, so that no request waits in it.
    connection: Mutex<Option<Driven>>,
    /// When the last call left.
    left: Mutex<Instant>,
    /// Whether it was given up because no ping was answered.
    silent: AtomicBool,
}

impl Http2 {
    async fn begin(io: TokioIo<Gathered>, ahead: usize, patience: Duration) -> hyper::Result<Self> {
        let (before_ping, ping) = alive::ping(patience);
        let handshake = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(ahead.try_into().unwrap_or(CONNECTION_WINDOW))
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(gather::MAX_PAYLOAD as u32)
            .keep_alive_interval(before_ping)
            .keep_alive_timeout(ping)
            .handshake(io);
        let (send, connection) = handshake.await?;
        let (life, calls, left, connection) =
            (Life::new(), AtomicUsize::new(0), Mutex::new(Instant::now()), Mutex::new(Some(connection)));
        let shared = Arc::new(Shared { life, calls, connection, left, silent: AtomicBool::new(false) });
        let driven = shared.clone();
        tokio::spawn(poll_fn(move |cx| driven.poll_over(cx)));
        Ok(Http2 { send, shared })
    }

    pub fn is_usable(&self, longest_life: Duration) -> bool {
        !self.send.is_closed() && self.shared.life.may_go_on(longest_life)
    }

    pub fn has_room(&self) -> bool {
        let limit = self.shared.connection().as_ref().map_or(0, Driven::current_max_send_streams);
        self.shared.calls.load(Ordering::Relaxed) < limit
    }

    /// Since when no call is on it.
    pub fn idle_since(&self) -> Option<Instant> {
        let left = *self.shared.left.lock().unwrap_or_else(PoisonError::into_inner);
        Some(left).filter(|_| self.shared.calls.load(Ordering::Relaxed) == 0)
    }

    async fn send(mut self, request: Request<SdkBody>) -> Result<Response<Body>, Unanswered> {
        let place = Place::take(&self.shared);
        let answer = self.send.send_request(request).await.map_err(Unanswered::http2)?;
        Ok(answer.map(|incoming| Body::http2(incoming, place)))
    }
}

impl Shared {
    fn poll_over(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut connection = self.connection();
        if let Some(driven) = connection.as_mut() {
            let end = ready!(Pin::new(driven).poll(cx));
            self.silent.store(end.is_err_and(|error| error.is_timeout()), Ordering::Relaxed);
            *connection = None;
        }
        Poll::Ready(())
    }

    fn connection(&self) -> MutexGuard<'_, Option<Driven>> {
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

    /// Whether a call failed because no ping was answered. The call hears of the connection's end before its own task does, which
    /// is polled here: nothing can wake it any more.
    pub fn is_silent(&self, error: &hyper::Error, cx: &mut Context<'_>) -> bool {
        let over = find::<h2::Error>(error).is_some_and(h2::Error::is_io);
        over && self.0.poll_over(cx).is_ready() && self.0.silent.load(Ordering::Relaxed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.left.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}
