//! The connections that are kept, by origin.
//!
//! What waits here is not watched: whether its peer has left is looked at when it is taken. What has waited too long, or lived
//! too long, is closed.

use super::connect::Connector;
use super::connection::{Connection, Http2, Life};
use super::http1::Http1;
use aws_smithy_runtime_api::client::result::ConnectorError;
use http::Uri;
use http::uri::{Authority, Scheme};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::sleep_until;

/// A connection without a call is closed after this time: services drop such connections, some within a few minutes.
const LONGEST_IDLE: Duration = Duration::from_secs(90);
/// A connection takes no further call after this time, so that calls find their way to where the endpoint's name points now.
const LONGEST_LIFE: Duration = Duration::from_secs(15 * 60);
/// More than this many connections to one origin are not kept for later.
const MOST_IDLE: usize = 256;

/// All origins of one network.
#[derive(Default)]
pub struct Pool(Mutex<Vec<Arc<Origin>>>);

impl Pool {
    /// The origin of a URI. There are few: the service's, and those of credentials.
    pub fn origin(&self, uri: &Uri) -> Arc<Origin> {
        let mut origins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = origins.iter().find(|origin| origin.is_of(uri)) {
            return known.clone();
        }
        let origin = Arc::new(Origin {
            scheme: uri.scheme().cloned(),
            authority: uri.authority().cloned(),
            gate: tokio::sync::Mutex::default(),
            kept: Mutex::default(),
        });
        origins.push(origin.clone());
        origin
    }
}

/// Scheme, host and port, and the connections there.
pub struct Origin {
    scheme: Option<Scheme>,
    authority: Option<Authority>,
    /// Held by who makes a connection that others may be able to share.
    gate: tokio::sync::Mutex<()>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// The last to come back is the last in it, and the first to be taken.
    idle: Vec<(Box<Http1>, Instant)>,
    shared: Vec<Http2>,
    /// Whether the origin has been found to speak HTTP/1.1.
    alone: bool,
    swept: bool,
}

impl Origin {
    /// Host and port, for people.
    pub fn host(&self) -> String {
        let host = self.authority.as_ref().map(Authority::host).unwrap_or_default();
        let port = self.authority.as_ref().and_then(Authority::port_u16);
        format!("{host}:{}", port.unwrap_or(if self.scheme == Some(Scheme::HTTPS) { 443 } else { 80 }))
    }

    fn is_of(&self, uri: &Uri) -> bool {
        self.scheme.as_ref() == uri.scheme() && self.authority.as_ref() == uri.authority()
    }

    /// A connection that is there and can take a request now.
    pub fn take(&self) -> Option<Connection> {
        let mut kept = self.lock();
        if let Some(shared) = kept.shared_with_room() {
            return Some(Connection::Http2(shared));
        }
        while let Some((mut connection, _)) = kept.idle.pop() {
            if connection.life.may_go_on(LONGEST_LIFE) && connection.is_quiet() {
                return Some(Connection::Http1(connection));
            }
        }
        None
    }

    /// Whether [`Origin::take`] would give a connection. None is used by asking.
    pub fn is_ready(&self) -> bool {
        let mut kept = self.lock();
        if kept.shared_with_room().is_some() {
            return true;
        }
        while let Some((last, _)) = kept.idle.last_mut() {
            if last.life.may_go_on(LONGEST_LIFE) && last.is_quiet() {
                return true;
            }
            kept.idle.pop();
        }
        false
    }

    /// Makes a connection. Where it may be shared, calls that come together wait for the first of them to make it.
    pub async fn open(
        self: &Arc<Self>,
        connector: &Connector,
        uri: &Uri,
        patience: Duration,
    ) -> Result<Connection, ConnectorError> {
        let mut gate = None;
        if connector.may_speak_http2(uri) && !self.lock().alone {
            gate = Some(self.gate.lock().await);
            let mut kept = self.lock();
            if let Some(shared) = kept.shared_with_room() {
                return Ok(Connection::Http2(shared));
            }
            if kept.alone {
                gate = None;
            }
        }
        let connected = connector.connect(uri).await?;
        let connection = Connection::begin(connected, connector.read_ahead() / 2, patience).await?;
        match &connection {
            Connection::Http1(_) => self.lock().alone = true,
            Connection::Http2(shared) => {
                let mut kept = self.lock();
                kept.alone = false;
                kept.shared.push(shared.clone());
                self.sweep_later(&mut kept);
            }
        }
        drop(gate);
        Ok(connection)
    }

    /// A connection whose answer has come to its end.
    pub fn give_back(self: &Arc<Self>, mut connection: Box<Http1>) {
        if connection.is_quiet() {
            connection.rest();
            let mut kept = self.lock();
            if kept.idle.len() < MOST_IDLE {
                kept.idle.push((connection, Instant::now()));
                self.sweep_later(&mut kept);
            }
        }
    }

    /// A connection was found dead. So are those, most likely, that have waited as long.
    pub fn forget(&self, life: &Life) {
        life.retire();
        self.lock().idle.clear();
    }

    /// Closes what waits too long, by a task that ends when nothing is kept. It does not keep the origin.
    fn sweep_later(self: &Arc<Self>, kept: &mut Kept) {
        if std::mem::replace(&mut kept.swept, true) {
            return;
        }
        let origin = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut next = Instant::now() + LONGEST_IDLE;
            loop {
                sleep_until(next.into()).await;
                let Some(origin) = origin.upgrade() else { return };
                match origin.lock().sweep(Instant::now()) {
                    Some(later) => next = later,
                    None => return,
                }
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn shared_with_room(&mut self) -> Option<Http2> {
        self.shared.retain(|shared| shared.is_usable(LONGEST_LIFE));
        self.shared.iter().find(|shared| shared.has_room()).cloned()
    }

    /// Drops what has waited too long. When to look again, where anything is left.
    fn sweep(&mut self, now: Instant) -> Option<Instant> {
        self.idle.retain(|(_, since)| *since + LONGEST_IDLE > now);
        self.shared.retain(|shared| {
            shared.is_usable(LONGEST_LIFE) && shared.idle_since().is_none_or(|since| since + LONGEST_IDLE > now)
        });
        // A connection that is in use now is idle from now on at the earliest.
        let idle = self.idle.iter().map(|(_, since)| *since);
        let shared = self.shared.iter().map(|shared| shared.idle_since().unwrap_or(now));
        let next = idle.chain(shared).min().map(|since| since + LONGEST_IDLE);
        self.swept = next.is_some();
        next
    }
}
