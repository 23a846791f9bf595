//! An origin: its connections, the connects in progress, and the calls that wait for a connection.
//!
//! A connect belongs to no call. A task drives it, and its connection goes to the call that has waited longest. So a
//! cancelled call wastes no connect, and a connect that hangs delays no call that another connection can serve. As many
//! connects are in progress as the waiting calls need. A connect that is slow no longer counts, and others are started
//! in its place: without limit if the endpoint is known to respond, else one at a time, a few, at growing intervals.
//! Calls get an error when no connect is left that may succeed.
//!
//! Idle connections are not watched: whether the peer has closed one is checked when a call takes it. Connections that
//! were idle too long, or are too old, are closed.

use super::body::ConnectionReturn;
use super::connect::Connector;
use super::connection::{Connection, NewConnection};
use super::error_message;
use super::http1::Http1;
use super::http2::{self, Http2, StreamPermit};
use super::http2_driver::CapacityListener;
use super::keepalive::PingTimes;
use super::transport_error::TransportError;
use crate::protocol::host::host_of;
use crate::runtime::sync::{Mutex, MutexGuard};
use http::Uri;
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::{sleep_until, timeout};

/// An idle connection is closed after this time. Services close such connections, some within a few minutes.
const MAX_IDLE_TIME: Duration = Duration::from_secs(90);
/// An older connection takes no further call, so that calls follow changes of the endpoint's addresses.
const MAX_AGE: Duration = Duration::from_secs(15 * 60);
/// The most idle connections of one origin.
const MAX_IDLE: usize = 256;
/// The most HTTP/2 connections of one origin. Over HTTP/1.1 there are as many as there are calls, which
/// `max_concurrency` limits.
const MAX_SHARED: usize = 128;
/// The time after which a connect is slow, unless others took as long, or the connect timeout is long.
const SLOW: Duration = Duration::from_millis(250);
/// The most extra connects if the endpoint is not known to respond.
const MAX_HEDGES: usize = 3;
/// If so many connections admit no call at all, no further one is made.
const MAX_WITHOUT_CAPACITY: usize = 2;

/// An origin, with its connections.
pub struct Origin {
    uri: Uri,
    host: String,
    connector: Arc<Connector>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Ordered by their return. The last one is taken first.
    idle: Vec<(Box<Http1>, Instant)>,
    shared: Vec<Http2>,
    /// Whether the origin was found to speak HTTP/1.1.
    http1_only: bool,
    sweeper_running: bool,
    waiters: VecDeque<Waiter>,
    connects: Vec<Connect>,
    /// The id of the newest waiter or connect.
    last_id: u64,
    /// When a connect last succeeded, and how long it took.
    last_success: Option<(Instant, Duration)>,
}

/// A call that waits for a connection.
struct Waiter {
    id: u64,
    sender: oneshot::Sender<Result<Connection, TransportError>>,
    deadline: Instant,
    /// With less time left than this, no connect is started for it.
    min_time: Duration,
}

/// A connect in progress.
struct Connect {
    id: u64,
    started: Instant,
    slow: bool,
    /// Whether it was started in place of a slow one while the endpoint was not known to respond.
    hedge: bool,
    task: AbortHandle,
}

impl Drop for Connect {
    fn drop(&mut self) {
        self.task.abort();
    }
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
        let (sender, receiver) = oneshot::channel();
        let id = {
            let mut state = self.lock();
            if state.waiters.is_empty()
                && let Some(connection) = state.take_available()
            {
                return Ok(connection);
            }
            let (id, now) = (state.new_id(), Instant::now());
            let min_time = SLOW.min(limit / 4);
            state.waiters.push_back(Waiter { id, sender, deadline: now + limit, min_time });
            self.start_connects(&mut state, limit);
            id
        };
        let mut waiting = Waiting { origin: self, id, receiver };
        match timeout(limit, &mut waiting.receiver).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(error_message::connect_timeout(limit, &self.host, self.lock().is_full())),
        }
    }

    /// Takes a connection back if it can take another request.
    pub fn return_connection(self: &Arc<Self>, mut connection: Box<Http1>) {
        if connection.is_reusable() {
            connection.shrink();
            let mut state = self.lock();
            state.idle.push((connection, Instant::now()));
            self.start_sweeper(&mut state);
            self.serve(state);
        }
    }

    /// Closes the idle connections: one of them was found closed, and most likely the others are, too.
    pub fn close_idle(&self) {
        let idle = std::mem::take(&mut self.lock().idle);
        drop(idle);
    }

    /// Gives available connections to the calls that have waited longest, and starts the connects that the others need.
    fn serve(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let surplus = state.serve();
        let deadline = state.waiters.iter().map(|waiter| waiter.deadline).max();
        if let Some(deadline) = deadline {
            self.start_connects(&mut state, deadline.saturating_duration_since(Instant::now()));
        }
        drop(state);
        drop(surplus);
    }

    /// Starts the connects that waiting calls need and that are not in progress. None takes longer than `limit`.
    fn start_connects(self: &Arc<Self>, state: &mut State, limit: Duration) {
        let shares = !state.http1_only && self.connector.may_speak_http2(&self.uri);
        let calls_each = if shares { state.calls_per_connection() } else { 1 };
        let promising = state.connects.iter().filter(|connect| !connect.slow).count();
        if state.waiters.len() <= promising * calls_each {
            return;
        }
        let now = Instant::now();
        let in_time = state.waiters.iter().filter(|waiter| waiter.deadline >= now + waiter.min_time).count();
        let mut wanted = in_time.div_ceil(calls_each).saturating_sub(promising);
        let mut hedges = 0;
        let first_slow = state.connects.iter().filter(|connect| connect.slow).map(|connect| connect.started).min();
        let is_hedge = first_slow.is_some_and(|started| state.last_success.is_none_or(|(when, _)| when < started));
        if is_hedge {
            hedges = state.connects.iter().filter(|connect| connect.hedge).count();
            wanted = wanted.min(usize::from(promising == 0 && hedges < MAX_HEDGES));
        }
        if shares {
            let room = MAX_SHARED.saturating_sub(state.shared.len() + state.connects.len());
            wanted = if state.without_capacity() < MAX_WITHOUT_CAPACITY { wanted.min(room) } else { 0 };
        }
        let slow_after = state.slow_after(limit) * (1 << hedges);
        for _ in 0..wanted {
            let id = state.new_id();
            let task = self.spawn_connect(id, slow_after, limit);
            state.connects.push(Connect { id, started: now, slow: false, hedge: is_hedge, task });
        }
    }

    /// Spawns a task that connects. The task does not keep the origin alive, and ends with it.
    fn spawn_connect(self: &Arc<Self>, id: u64, mut slow_after: Duration, limit: Duration) -> AbortHandle {
        let (origin, connector, uri) = (Arc::downgrade(self), self.connector.clone(), self.uri.clone());
        let listener: Weak<dyn CapacityListener> = origin.clone();
        let task = tokio::spawn(async move {
            let connecting = async {
                let connected = connector.connect(&uri).await?;
                let pings = PingTimes::for_connect_timeout(limit);
                let started = NewConnection::start(connected, connector.read_ahead() / 2, pings, listener).await;
                started.map_err(|failure| error_message::not_connected(failure, &uri, None))
            };
            let mut connecting = pin!(timeout(limit, connecting));
            let ended = loop {
                if let Ok(ended) = timeout(slow_after, connecting.as_mut()).await {
                    break ended;
                }
                match origin.upgrade().and_then(|origin| origin.on_slow_connect(id, limit)) {
                    Some(more) => slow_after = more,
                    None => break connecting.await,
                }
            };
            if let Some(origin) = origin.upgrade() {
                // The calls that wait have timers of their own: a timeout here is not their error.
                origin.on_connect_ended(id, ended.ok());
            }
        });
        task.abort_handle()
    }

    /// Returns how much longer a connect may take before it is slow, because recent ones took as long on a busy
    /// machine. Returns None after it has marked the connect as slow.
    fn on_slow_connect(self: &Arc<Self>, id: u64, limit: Duration) -> Option<Duration> {
        let mut state = self.lock();
        let slow_after = state.slow_after(limit);
        let connect = state.connects.iter_mut().find(|connect| connect.id == id)?;
        match slow_after.checked_sub(connect.started.elapsed()) {
            Some(more) if !more.is_zero() => Some(more),
            _ => {
                connect.slow = true;
                self.serve(state);
                None
            }
        }
    }

    /// Adds the connection of a connect, or fails the calls that wait if no other connect is in progress. `result` is
    /// None if the connect reached its time limit.
    fn on_connect_ended(self: &Arc<Self>, id: u64, result: Option<Result<NewConnection, TransportError>>) {
        let mut state = self.lock();
        let Some(at) = state.connects.iter().position(|connect| connect.id == id) else { return };
        let started = state.connects.remove(at).started;
        match result {
            Some(Ok(connection)) => {
                let now = Instant::now();
                state.last_success = Some((now, now - started));
                match connection {
                    NewConnection::Http1(connection) => {
                        state.http1_only = true;
                        state.add_new(connection, now);
                    }
                    NewConnection::Http2(connection) => {
                        state.http1_only = false;
                        state.shared.push(connection);
                    }
                }
                self.start_sweeper(&mut state);
            }
            Some(Err(error)) if state.connects.is_empty() => {
                for waiter in state.waiters.drain(..) {
                    let _ = waiter.sender.send(Err(error.clone()));
                }
            }
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
    receiver: oneshot::Receiver<Result<Connection, TransportError>>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.receiver.close();
        match self.receiver.try_recv() {
            // It arrived after the wait was given up. Dropping a permit returns it.
            Ok(Ok(Connection::Http1(connection))) => self.origin.return_connection(connection),
            Ok(Ok(Connection::Http2(_)) | Err(_)) => {}
            Err(_) => self.origin.lock().remove_waiter(self.id),
        }
    }
}

impl State {
    fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Returns an existing connection that can take a request now.
    fn take_available(&mut self) -> Option<Connection> {
        if let Some(permit) = self.stream_permit() {
            return Some(Connection::Http2(permit));
        }
        while let Some((mut connection, _)) = self.idle.pop() {
            if connection.lifetime.is_usable(MAX_AGE) && connection.is_reusable() {
                return Some(Connection::Http1(connection));
            }
        }
        None
    }

    fn stream_permit(&mut self) -> Option<StreamPermit> {
        self.shared.retain(|shared| shared.is_usable(MAX_AGE));
        self.shared.iter().find_map(Http2::permit)
    }

    /// Gives available connections to the calls that have waited longest. Returns the connections to drop.
    fn serve(&mut self) -> Surplus {
        let mut surplus = Surplus::new();
        while !self.waiters.is_empty() {
            let Some(connection) = self.take_available() else { break };
            let waiter = self.waiters.pop_front().expect("there are waiters");
            match waiter.sender.send(Ok(connection)) {
                Err(Ok(Connection::Http1(unused))) => self.idle.push((unused, Instant::now())),
                Err(Ok(unused)) => surplus.push(unused),
                Err(Err(_)) | Ok(()) => {}
            }
        }
        let too_many = self.idle.len().saturating_sub(MAX_IDLE);
        surplus.extend(self.idle.drain(..too_many).map(|(oldest, _)| Connection::Http1(oldest)));
        surplus
    }

    /// Gives a new connection to the call that has waited longest, without a check whether the peer has closed it: the
    /// peer would close the next one, too.
    fn add_new(&mut self, mut connection: Box<Http1>, now: Instant) {
        while let Some(waiter) = self.waiters.pop_front() {
            match waiter.sender.send(Ok(Connection::Http1(connection))) {
                Err(Ok(Connection::Http1(unused))) => connection = unused,
                _ => return,
            }
        }
        self.idle.push((connection, now));
    }

    fn remove_waiter(&mut self, id: u64) {
        if let Ok(at) = self.waiters.binary_search_by_key(&id, |waiter| waiter.id) {
            self.waiters.remove(at);
        }
    }

    /// Returns the time after which a connect is slow: a part of its time limit, and three times as long as the last
    /// success.
    fn slow_after(&self, limit: Duration) -> Duration {
        let usual = SLOW.max(limit / 12);
        self.last_success.map_or(usual, |(_, took)| usual.max(took * 3)).min(limit / 3)
    }

    /// Returns how many calls a new HTTP/2 connection is expected to admit.
    fn calls_per_connection(&self) -> usize {
        let known = self.shared.iter().rev().map(Http2::max_calls).find(|max_calls| *max_calls > 0);
        known.unwrap_or(http2::ASSUMED_MAX_CALLS)
    }

    /// Returns the number of HTTP/2 connections that admit no call at all.
    fn without_capacity(&self) -> usize {
        self.shared.iter().filter(|shared| shared.max_calls() == 0).count()
    }

    /// Returns whether there are as many HTTP/2 connections as are allowed or useful.
    fn is_full(&self) -> bool {
        self.shared.len() >= MAX_SHARED || self.without_capacity() >= MAX_WITHOUT_CAPACITY
    }

    /// Closes the connections that were idle too long. Returns when the next one may be, if any is left.
    fn close_expired(&mut self, now: Instant) -> Option<Instant> {
        self.idle.retain(|(_, since)| *since + MAX_IDLE_TIME > now);
        self.shared.retain(|shared| {
            shared.is_usable(MAX_AGE) && shared.idle_since().is_none_or(|since| since + MAX_IDLE_TIME > now)
        });
        // A connection in use is idle from now on at the earliest.
        let idle = self.idle.iter().map(|(_, since)| *since);
        let shared = self.shared.iter().map(|shared| shared.idle_since().unwrap_or(now));
        let next = idle.chain(shared).min().map(|since| since + MAX_IDLE_TIME);
        self.sweeper_running = next.is_some();
        next
    }
}
