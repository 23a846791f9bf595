//! An origin: its connections, the connects in progress, and the calls that wait for a connection.
//!
//! A connect belongs to no call. A task drives it, and its connection goes to the call that has waited longest. So a
//! cancelled call wastes no connect, and a connect that hangs delays no call that another connection can serve. As many
//! connects are in progress as the waiting calls need. A connect that is slow no longer counts, and others are started
//! in its place: without limit if the endpoint is known to respond, else one at a time, a few, at growing intervals.
//! Calls get an error when no connect is left that may succeed.

use super::body::ConnectionReturn;
use super::connect_timer::connect_within;
use super::connection::{Connection, NewConnection};
use super::connector::Connector;
use super::error_message;
use super::http1::Http1;
use super::http2_driver::CapacityListener;
use super::http2_ping::PingTimes;
use super::pending_connects::{Connects, Pace, SLOW};
use super::pool::{MAX_IDLE_TIME, Pool};
use super::transport_error::TransportError;
use super::waiters::{Receiver, Waiters};
use crate::protocol::host::host_of;
use crate::runtime::sync::{Mutex, MutexGuard};
use http::Uri;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio::task::AbortHandle;
use tokio::time::{sleep_until, timeout};

/// An origin, with its connections.
pub struct Origin {
    uri: Uri,
    host: String,
    connector: Arc<Connector>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pool: Pool,
    connects: Connects,
    waiters: Waiters,
    /// Whether the origin was found to speak HTTP/1.1.
    http1_only: bool,
    sweeper_running: bool,
}

/// Connections that are dropped after the lock is released: dropping a permit locks the state.
type Surplus = Vec<Connection>;

impl Origin {
    pub fn new(uri: &Uri, connector: Arc<Connector>) -> Self {
        Origin { uri: uri.clone(), host: host_of(uri), connector, state: Mutex::default() }
    }

    /// Returns host and port for messages.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns whether requests to `uri` go to this origin.
    pub fn is_of(&self, uri: &Uri) -> bool {
        self.uri.scheme() == uri.scheme() && self.uri.authority() == uri.authority()
    }

    /// Returns a connection that can take a request now. Waits at most `limit` for one.
    pub async fn connection(self: &Arc<Self>, limit: Duration) -> Result<Connection, TransportError> {
        let (id, receiver) = {
            let mut state = self.lock();
            if state.waiters.is_empty()
                && let Some(connection) = state.pool.take_available()
            {
                return Ok(connection);
            }
            let waiter = state.waiters.add(Instant::now() + limit, SLOW.min(limit / 4));
            self.start_connects(&mut state, limit);
            waiter
        };
        let mut waiting = Waiting { origin: self, id, receiver };
        match timeout(limit, &mut waiting.receiver).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(error_message::connect_timeout(limit, &self.host, self.lock().pool.is_full())),
        }
    }

    /// Takes a connection back if it can take another request.
    pub fn return_connection(self: &Arc<Self>, mut connection: Box<Http1>) {
        if connection.is_reusable() {
            connection.shrink();
            let mut state = self.lock();
            state.pool.add_idle(connection, Instant::now());
            self.start_sweeper(&mut state);
            self.serve(state);
        }
    }

    /// Closes the idle connections: one of them was found closed, and most likely the others are, too.
    pub fn close_idle(&self) {
        let idle = self.lock().pool.take_idle();
        drop(idle);
    }

    /// Gives available connections to the calls that have waited longest, and starts the connects that the others need.
    fn serve(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let surplus = state.serve();
        if let Some(deadline) = state.waiters.last_deadline() {
            self.start_connects(&mut state, deadline.saturating_duration_since(Instant::now()));
        }
        drop(state);
        drop(surplus);
    }

    /// Starts the connects that waiting calls need and that are not in progress. None takes longer than `limit`.
    fn start_connects(self: &Arc<Self>, state: &mut State, limit: Duration) {
        let shares = !state.http1_only && self.connector.may_speak_http2(&self.uri);
        let calls_each = if shares { state.pool.calls_per_connection() } else { 1 };
        let promising = state.connects.promising();
        if state.waiters.len() <= promising * calls_each {
            return;
        }
        let now = Instant::now();
        let mut wanted = state.waiters.in_time(now).div_ceil(calls_each).saturating_sub(promising);
        let mut slow_after = state.connects.slow_after(limit);
        let hedge = state.connects.are_hedged();
        if hedge {
            wanted = wanted.min(usize::from(state.connects.may_hedge()));
            slow_after *= 1 << state.connects.hedges();
        }
        if shares {
            wanted = wanted.min(state.pool.room_for_shared(state.connects.len()));
        }
        for _ in 0..wanted {
            state.connects.add(hedge, now, |id| self.spawn_connect(id, slow_after, limit));
        }
    }

    /// Spawns a task that connects. The task does not keep the origin alive, and ends with it.
    fn spawn_connect(self: &Arc<Self>, id: u64, slow_after: Duration, limit: Duration) -> AbortHandle {
        let (origin, connector, uri) = (Arc::downgrade(self), self.connector.clone(), self.uri.clone());
        let listener: Weak<dyn CapacityListener> = origin.clone();
        let task = tokio::spawn(async move {
            let connect = async {
                let connected = connector.connect(&uri).await?;
                // Another connection may have learned it meanwhile. If the origin is gone, no call waits.
                let expected = |origin: Arc<Self>| origin.lock().pool.calls_per_connection();
                let max_calls = origin.upgrade().map_or(1, expected);
                let (pings, read_ahead) = (PingTimes::for_connect_timeout(limit), connector.read_ahead() / 2);
                let started = NewConnection::start(connected, read_ahead, max_calls, pings, listener).await;
                started.map_err(|failure| error_message::not_connected(failure, &uri, None))
            };
            let on_slow = || origin.upgrade()?.on_slow_connect(id, limit);
            let ended = connect_within(limit, connect, slow_after, on_slow).await;
            if let Some(origin) = origin.upgrade() {
                // The calls that wait have timers of their own: a timeout here is not their error.
                origin.on_connect_ended(id, ended);
            }
        });
        task.abort_handle()
    }

    /// Returns how much longer a connect may take before it is slow. Returns None after it has marked the connect as
    /// slow.
    fn on_slow_connect(self: &Arc<Self>, id: u64, limit: Duration) -> Option<Duration> {
        let mut state = self.lock();
        match state.connects.check_slow(id, limit) {
            Pace::SlowAfter(more) => Some(more),
            Pace::Slow => {
                self.serve(state);
                None
            }
            Pace::Ended => None,
        }
    }

    /// Adds the connection of a connect, or fails the calls that wait if no other connect is in progress. `result` is
    /// None if the connect reached its time limit.
    fn on_connect_ended(self: &Arc<Self>, id: u64, result: Option<Result<NewConnection, TransportError>>) {
        let mut state = self.lock();
        let Some(started) = state.connects.remove(id) else { return };
        match result {
            Some(Ok(connection)) => {
                let now = Instant::now();
                state.connects.note_success(started, now);
                match connection {
                    NewConnection::Http1(connection) => {
                        state.http1_only = true;
                        state.add_new(connection, now);
                    }
                    NewConnection::Http2(connection) => {
                        state.http1_only = false;
                        state.pool.add_shared(connection);
                    }
                }
                self.start_sweeper(&mut state);
            }
            Some(Err(error)) if state.connects.is_empty() => state.waiters.fail(&error),
            // The other connects may succeed.
            Some(Err(_)) => return,
            None => {}
        }
        self.serve(state);
    }

    /// Spawns a task that closes connections that are idle too long. It ends when none is left, and does not keep the
    /// origin alive.
    fn start_sweeper(self: &Arc<Self>, state: &mut State) {
        if std::mem::replace(&mut state.sweeper_running, true) {
            return;
        }
        let origin = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut next = Instant::now() + MAX_IDLE_TIME;
            loop {
                sleep_until(next.into()).await;
                let Some(origin) = origin.upgrade() else { return };
                match origin.lock().close_expired(Instant::now()) {
                    Some(later) => next = later,
                    None => return,
                }
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl ConnectionReturn for Origin {
    fn return_connection(self: Arc<Self>, connection: Box<Http1>) {
        Origin::return_connection(&self, connection);
    }
}

impl CapacityListener for Origin {
    fn on_capacity(self: Arc<Self>) {
        let state = self.lock();
        if !state.waiters.is_empty() {
            self.serve(state);
        }
    }
}

/// Removes its waiter when it is dropped.
struct Waiting<'o> {
    origin: &'o Arc<Origin>,
    id: u64,
    receiver: Receiver,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.receiver.close();
        match self.receiver.try_recv() {
            // It arrived after the wait was given up. Dropping a permit returns it.
            Ok(Ok(Connection::Http1(connection))) => self.origin.return_connection(connection),
            Ok(Ok(Connection::Http2(_)) | Err(_)) => {}
            Err(_) => self.origin.lock().waiters.remove(self.id),
        }
    }
}

impl State {
    /// Gives available connections to the calls that have waited longest. Returns the connections to drop.
    fn serve(&mut self) -> Surplus {
        let mut surplus = Surplus::new();
        while !self.waiters.is_empty() {
            let Some(connection) = self.pool.take_available() else { break };
            match self.waiters.give(connection) {
                Some(Connection::Http1(unused)) => self.pool.add_idle(unused, Instant::now()),
                unused => surplus.extend(unused),
            }
        }
        surplus.extend(self.pool.take_surplus());
        surplus
    }

    /// Gives a new connection to the call that has waited longest, without a check whether the peer has closed it: the
    /// peer would close the next one, too.
    fn add_new(&mut self, connection: Box<Http1>, now: Instant) {
        let mut unused = Some(Connection::Http1(connection));
        while !self.waiters.is_empty()
            && let Some(connection) = unused
        {
            unused = self.waiters.give(connection);
        }
        if let Some(Connection::Http1(connection)) = unused {
            self.pool.add_idle(connection, now);
        }
    }

    /// Closes the connections that were idle too long. Returns when the next one may be, if any is left.
    fn close_expired(&mut self, now: Instant) -> Option<Instant> {
        let next = self.pool.close_expired(now);
        self.sweeper_running = next.is_some();
        next
    }
}
