//! The interface of everything that responds to HTTP requests: the network, a recorder, a replay, a script.

use super::body::Body;
use super::lifetime::{ConnectTimes, Lifetime};
use super::transport_error::TransportError;
use bytes::Bytes;
use http::{Request, Response};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Sends HTTP requests. Clones share their connections and their state.
pub trait Transport: Clone + fmt::Debug + Send + Sync + 'static {
    /// Sends a request, whose URI is absolute, and returns the response as soon as its head has arrived.
    fn send(
        &self,
        request: Request<Bytes>,
        options: SendOptions<'_>,
    ) -> impl Future<Output = Result<Response<Body>, TransportError>> + Send;

    /// Makes a connection ready for the next request to the same origin. Sends nothing of this request.
    fn connect(
        &self,
        request: Request<Bytes>,
        timeouts: Timeouts,
    ) -> impl Future<Output = Result<(), TransportError>> + Send;
}

/// The time limits of a request.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For the head of the response, connecting included. Calls of a model have timers of their own.
    pub response: Option<Duration>,
}

/// The options of a request.
#[derive(Clone, Copy)]
pub struct SendOptions<'a> {
    pub timeouts: Timeouts,
    pub observer: &'a dyn SendObserver,
}

/// An observer of a request before its response. All methods do nothing unless they are implemented.
pub trait SendObserver: Send + Sync {
    /// The request is about to be sent on the connection with this lifetime, as its first one if there are times.
    fn on_connection(&self, _lifetime: &Arc<Lifetime>, _connected: Option<ConnectTimes>) {}

    /// The service did not process the request, which is about to be sent once more.
    fn on_resend(&self) {}
}

/// Observes nothing.
impl SendObserver for () {}
