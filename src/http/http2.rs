//! An HTTP/2 connection, which many calls share.
//!
//! A peer that floods the connection with frames without content loses it, and all calls on it fail: by a limit of h2,
//! or of [`CoalescedLink`](super::frame_coalescer::CoalescedLink). Such a peer is broken, or hostile to all of its
//! calls.

use super::frame_coalescer::{CoalescedLink, MAX_PAYLOAD, Traffic};
use super::http1_head::MAX_INTERIM;
use super::http2_driver::{CapacityListener, ConnectionState, Driver};
use super::http2_error::{Http2Error, Http2Failure, invalid};
use super::http2_ping::PingTimes;
use super::lifetime::{ConnectTimes, Lifetime};
use super::link::Link;
use super::send_error::{Delivery, SendError};
use super::stream_buffer::StreamBuffer;
use super::tcp_keepalive;
use super::transport_error::{BoxError, Failure};
use crate::error::{Error, Kind};
use crate::runtime::sync::Mutex;
use bytes::Bytes;
use h2::Reason;
use h2::client::{Builder, SendRequest};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, TE, TRANSFER_ENCODING, UPGRADE};
use http::{Method, Request, Response, response};
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// The flow-control window of a connection: large enough that unread responses do not stall the others.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;
/// The longest head of a response.
const MAX_HEAD: u32 = 16 << 10;
/// The time after which a request that h2 holds back, because the peer admits none, is withdrawn.
const MAX_HELD_BACK: Duration = Duration::from_millis(300);

/// A connection. Each call on it holds a clone. Dropping the last clone closes the connection.
#[derive(Clone)]
pub struct Http2(Arc<Shared>);

struct Shared {
    send: SendRequest<Bytes>,
    lifetime: Arc<Lifetime>,
    /// When the last call left.
    last_used: Mutex<Instant>,
    listener: Weak<dyn CapacityListener>,
    state: Arc<ConnectionState>,
    /// Dropped after `send`: h2 closes a connection without senders when its task is woken.
    _wake: WakeOnDrop,
}

/// Wakes the connection's task when it is dropped.
struct WakeOnDrop(Arc<ConnectionState>);

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        self.0.driver.wake();
    }
}

impl Http2 {
    /// Starts HTTP/2 on a link. The peer may send `read_ahead` bytes of each response ahead of its reader. It is assumed
    /// to admit `max_calls`.
    pub async fn start(
        link: Link,
        times: ConnectTimes,
        read_ahead: usize,
        max_calls: usize,
        pings: PingTimes,
        listener: Weak<dyn CapacityListener>,
    ) -> Result<Self, Failure> {
        let traffic = Arc::<Traffic>::default();
        let handshake = Builder::new()
            .initial_window_size(read_ahead.try_into().unwrap_or(CONNECTION_WINDOW))
            .initial_connection_window_size(CONNECTION_WINDOW)
            .initial_max_send_streams(max_calls)
            .max_frame_size(MAX_PAYLOAD as u32)
            .max_header_list_size(MAX_HEAD)
            .enable_push(false)
            .handshake(CoalescedLink::new(link, traffic.clone()));
        let (send, connection) = handshake.await.map_err(|error| Failure::io(Http2Error(error)))?;
        let state = Arc::new(ConnectionState::new(traffic, max_calls));
        tokio::spawn(Driver::new(connection, state.clone(), pings, listener.clone()));
        let (lifetime, last_used) = (Lifetime::new(times), Mutex::new(Instant::now()));
        let wake = WakeOnDrop(state.clone());
        Ok(Http2(Arc::new(Shared { send, lifetime, last_used, listener, state, _wake: wake })))
    }

    pub fn is_usable(&self, max_age: Duration) -> bool {
        self.0.state.is_open() && self.0.lifetime.is_usable(max_age)
    }

    /// Returns how many calls the peer admits at once, as far as is known.
    pub fn max_calls(&self) -> usize {
        self.0.state.max_calls()
    }

    /// Returns a permit for a call, if the connection takes another one.
    pub fn permit(&self) -> Option<StreamPermit> {
        self.0.state.admit_call().then(|| StreamPermit(self.clone()))
    }

    /// Returns since when the connection has had no calls, and None while it has some.
    pub fn idle_since(&self) -> Option<Instant> {
        let last_used = *self.0.last_used.lock();
        Some(last_used).filter(|_| self.0.state.calls() == 0)
    }
}

/// The right to one call on a shared connection. Dropping it frees the capacity.
pub struct StreamPermit(Http2);

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let shared = &self.0.0;
        *shared.last_used.lock() = Instant::now();
        shared.state.release_call();
        if let Some(listener) = shared.listener.upgrade() {
            listener.on_capacity();
        }
    }
}

impl StreamPermit {
    pub fn lifetime(&self) -> &Arc<Lifetime> {
        &self.0.0.lifetime
    }

    /// Sends a request, whose URI is absolute, and waits for the head of its response.
    pub async fn send(&self, request: Request<Bytes>) -> Result<(response::Parts, Arc<StreamBuffer>), SendError> {
        let state = &self.0.0.state;
        let (mut parts, body) = request.into_parts();
        // RFC 9113, section 8.2.2.
        const HTTP1_ONLY: [HeaderName; 4] = [CONNECTION, TRANSFER_ENCODING, UPGRADE, TE];
        HTTP1_ONLY.iter().for_each(|name| drop(parts.headers.remove(name)));
        if (!body.is_empty() || parts.method == Method::POST) && !parts.headers.contains_key(CONTENT_LENGTH) {
            parts.headers.insert(CONTENT_LENGTH, body.len().into());
        }
        let not_sent = |error| self.send_error(error, Delivery::NotSent);
        let started = self.0.0.send.clone().send_request(Request::from_parts(parts, ()), body.is_empty());
        let (mut response, mut upload) = started.map_err(not_sent)?;
        if !body.is_empty() {
            upload.send_data(body, true).map_err(not_sent)?;
        }
        let stream = response.stream_id().as_u32();
        let mut interim = 0;
        let mut not_admitted = pin!(self.not_admitted(stream));
        let response = poll_fn(|cx| {
            // h2 keeps interim responses until they are polled.
            while let Poll::Ready(Some(Ok(_))) = response.poll_informational(cx) {
                interim += 1;
                if interim > MAX_INTERIM {
                    return Poll::Ready(Err(NoResponse::TooManyInterim));
                }
            }
            if let Poll::Ready(response) = Pin::new(&mut response).poll(cx) {
                return Poll::Ready(Ok(response));
            }
            not_admitted.as_mut().poll(cx).map(|()| Err(NoResponse::NotAdmitted))
        });
        match response.await {
            Ok(Ok(response)) => Ok(self.buffered(response)),
            Ok(Err(error)) => {
                let delivery = match &error {
                    error if is_not_processed(error) => Delivery::NotProcessed,
                    error if error.is_io() && !state.traffic.has_opened(stream) => Delivery::NotSent,
                    _ => Delivery::Unknown,
                };
                Err(self.send_error(error, delivery))
            }
            Err(NoResponse::TooManyInterim) => {
                let failure = Failure::other(invalid("too many interim responses (1xx)"));
                Err(SendError { failure, delivery: Delivery::Unknown })
            }
            Err(NoResponse::NotAdmitted) => {
                let error = Error::new(Kind::Network, "the service admits no further request on this connection");
                Err(SendError { failure: Failure::io(error), delivery: Delivery::NotSent })
            }
        }
    }

    /// Ends when h2 holds a request back because the peer admits none at all.
    ///
    /// If the peer admits some, the request waits for its turn: as soon as a request that was withdrawn is admitted, h2
    /// begins and resets it, and services take many of those for an attack.
    async fn not_admitted(&self, stream: u32) {
        let state = &self.0.0.state;
        loop {
            sleep(MAX_HELD_BACK).await;
            if state.traffic.has_opened(stream) {
                return pending().await;
            }
            if state.max_calls() == 0 {
                return;
            }
        }
    }

    fn buffered(&self, response: Response<h2::RecvStream>) -> (response::Parts, Arc<StreamBuffer>) {
        let (parts, stream) = response.into_parts();
        let buffer = Arc::new(StreamBuffer::new(stream));
        self.0.0.state.add_buffer(&buffer);
        (parts, buffer)
    }

    fn send_error(&self, error: h2::Error, delivery: Delivery) -> SendError {
        let retried = error.is_io() || delivery != Delivery::Unknown;
        let failure = match self.failure(error) {
            Http2Failure::PeerLost(lost) => Failure::timeout(lost),
            Http2Failure::Invalid(invalid) => Failure::other(invalid),
            // A broken connection is worth another attempt. A request that the service processed and reset is not.
            Http2Failure::Broken(broken) if retried => Failure::io(broken),
            Http2Failure::Broken(broken) => Failure::other(broken),
        };
        SendError { failure, delivery }
    }

    /// Returns the error of a body that breaks off.
    pub fn body_error(&self, error: h2::Error) -> BoxError {
        match self.failure(error) {
            Http2Failure::PeerLost(error) | Http2Failure::Invalid(error) => error.into(),
            Http2Failure::Broken(broken) => broken.into(),
        }
    }

    fn failure(&self, error: h2::Error) -> Http2Failure {
        let state = &self.0.0.state;
        if state.is_peer_lost() {
            return Http2Failure::PeerLost(tcp_keepalive::peer_lost());
        }
        if !tcp_keepalive::is_peer_lost(&error) && state.traffic.is_flooded() {
            let what = "the peer sends more frames without content than any service needs";
            return Http2Failure::Invalid(Error::new(Kind::Protocol, what));
        }
        Http2Failure::of(error)
    }
}

/// Returns whether the service reports that it did not process the request.
fn is_not_processed(error: &h2::Error) -> bool {
    error.is_remote() && (error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM))
}

/// The reason why waiting for a response ended early.
enum NoResponse {
    /// The peer admits no further request.
    NotAdmitted,
    TooManyInterim,
}
