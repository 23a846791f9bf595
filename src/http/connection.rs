//! A connection to an origin: HTTP/1.1 or HTTP/2 behind one face.

use super::body::Body;
use super::connect::Connected;
use super::http1::{Broken, Http1};
use super::http2::{Http2, Place};
use super::origin::Origin;
use crate::error::{Error, Kind};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http::{Request, Response};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

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

/// What became of a request that got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Not a byte of it left.
    Unsent,
    /// The service says that it has not taken it.
    Untaken,
    /// The service may have taken it.
    Unknown,
}

/// A request that got no answer.
pub struct Unanswered {
    pub error: ConnectorError,
    pub fate: Fate,
}

impl Unanswered {
    pub fn http1(broken: Broken, fate: Fate) -> Self {
        let error = match broken {
            Broken::Io(_) | Broken::Closed => ConnectorError::io(broken.into()),
            Broken::NotHttp(_) => ConnectorError::other(Error::new(Kind::Protocol, broken).into(), None),
        };
        Unanswered { error, fate }
    }
}

/// A connection that has just been made.
pub enum Begun {
    Http1(Box<Http1>),
    Http2(Http2),
}

impl Begun {
    /// Begins to speak on a way that is open. A service may send `ahead` bytes of an answer that nobody has read yet.
    /// `patience` is how long a peer may take for a sign of life.
    pub async fn on(
        connected: Connected,
        ahead: usize,
        patience: Duration,
        origin: Weak<Origin>,
    ) -> Result<Self, ConnectorError> {
        let Connected { link, http2, forward } = connected;
        if http2 {
            Http2::begin(link, ahead, patience, origin).await.map(Begun::Http2)
        } else {
            Ok(Begun::Http1(Box::new(Http1::new(link, forward, ahead))))
        }
    }
}

/// A connection for one request: of its own, or a place on one that is shared.
pub enum Connection {
    Http1(Box<Http1>),
    Http2(Place),
}

impl Connection {
    pub fn life(&self) -> &Arc<Life> {
        match self {
            Connection::Http1(http1) => &http1.life,
            Connection::Http2(place) => place.life(),
        }
    }

    /// Sends a request, whose URI is absolute, and waits for the head of its answer. `origin` gets the connection back.
    pub async fn send(self, request: Request<SdkBody>, origin: &Arc<Origin>) -> Result<Response<Body>, Unanswered> {
        match self {
            Connection::Http1(http1) => http1.send(request, Arc::downgrade(origin)).await,
            Connection::Http2(place) => place.send(request).await,
        }
    }
}
