//! The log of a server: requests, connections, problems. Tests wait for entries without polling.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::PATIENCE;
use super::request::Request;

/// The side that closed a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosedBy {
    Client,
    Server,
}

/// The log of one connection.
#[derive(Clone, Debug, Default)]
pub struct ConnectionLog {
    /// The number of requests, including those that were rejected.
    pub requests: usize,
    /// The number of bytes read.
    pub read: u64,
    /// The number of bytes of replies that the kernel accepted: read by the client, or in the buffers of the sockets.
    pub written: u64,
    /// The number of writes that sent them.
    pub writes: u64,
    /// Set when the connection ends.
    pub closed: Option<ClosedBy>,
    /// Whether the socket is closed as well, if the server closed the connection.
    pub socket_closed: bool,
    /// The number of HTTP/2 streams that the client reset.
    pub streams_reset: usize,
    /// The time since which a write is blocked. None if no write is blocked.
    blocked_since: Option<Instant>,
    /// The number of HTTP/2 streams whose flow-control window is empty.
    empty_windows: usize,
}

#[derive(Default)]
struct State {
    requests: Vec<Request>,
    /// Requests are not kept.
    forgetful: bool,
    connections: Vec<ConnectionLog>,
    problems: Vec<String>,
}

/// The log of one server.
#[derive(Default)]
pub struct ServerLog {
    state: Mutex<State>,
    changed: Condvar,
}

/// A connection, for the code that logs its events.
#[derive(Clone)]
pub struct Connection {
    log: Arc<ServerLog>,
    number: usize,
}

impl ServerLog {
    /// Adds a connection.
    pub fn connect(self: &Arc<Self>) -> Connection {
        let mut state = self.state();
        state.connections.push(ConnectionLog::default());
        let number = state.connections.len();
        drop(state);
        self.changed.notify_all();
        Connection { log: self.clone(), number }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    pub fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.state().requests)
    }

    pub fn forget_requests(&self) {
        self.change(|state| {
            state.requests.clear();
            state.forgetful = true;
        });
    }

    pub fn connections(&self) -> Vec<ConnectionLog> {
        self.state().connections.clone()
    }

    /// Logs a mistake that a test must not overlook.
    pub fn problem(&self, what: String) {
        self.change(|state| state.problems.push(what));
    }

    pub fn problems(&self) -> Vec<String> {
        self.state().problems.clone()
    }

    #[track_caller]
    pub fn wait_requests(&self, count: usize) -> Vec<Request> {
        self.wait_until(&format!("{count} requests"), |state| {
            (state.requests.len() >= count).then(|| state.requests.clone()).ok_or(None)
        })
    }

    #[track_caller]
    pub fn wait_connections(&self, count: usize) {
        self.wait_until(&format!("{count} connections"), |state| {
            (state.connections.len() >= count).then_some(()).ok_or(None)
        })
    }

    #[track_caller]
    pub fn wait_closed(&self, connection: usize) -> ClosedBy {
        self.wait_on(connection, "the end", |log| {
            log.closed.filter(|by| *by == ClosedBy::Client || log.socket_closed).ok_or(None)
        })
    }

    #[track_caller]
    pub fn wait_stream_reset(&self, connection: usize) {
        self.wait_on(connection, "a stream that the client resets", |log| {
            (log.streams_reset > 0).then_some(()).ok_or(None)
        })
    }

    #[track_caller]
    pub fn wait_written(&self, connection: usize, bytes: u64) {
        self.wait_on(connection, &format!("{bytes} bytes written"), |log| {
            (log.written >= bytes).then_some(()).ok_or(None)
        })
    }

    #[track_caller]
    pub fn wait_blocked(&self, connection: usize, quiet: Duration) -> u64 {
        self.wait_on(connection, &format!("a write that waited {quiet:?}"), |log| {
            let Some(since) = log.blocked_since else { return log.closed.map(|_| log.written).ok_or(None) };
            let waited = since.elapsed();
            if waited >= quiet { Ok(log.written) } else { Err(Some(quiet - waited)) }
        })
    }

    #[track_caller]
    fn wait_on<T>(
        &self,
        connection: usize,
        what: &str,
        mut ready: impl FnMut(&ConnectionLog) -> Result<T, Option<Duration>>,
    ) -> T {
        assert!(connection > 0, "connections are counted from 1");
        self.wait_until(&format!("{what} on connection {connection}"), |state| {
            match state.connections.get(connection - 1) {
                Some(log) => ready(log),
                None => Err(None),
            }
        })
    }

    /// Blocks until `ready` returns Ok. Calls it after every change, and after the time in its Err.
    #[track_caller]
    fn wait_until<T>(&self, what: &str, mut ready: impl FnMut(&State) -> Result<T, Option<Duration>>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.state();
        loop {
            let check_again = match ready(&state) {
                Ok(done) => return done,
                Err(check_again) => check_again,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                // Panics without the lock, so that the server can continue.
                let seen = format!(
                    "{} requests, connections {:?}, problems {:?}",
                    state.requests.len(),
                    state.connections,
                    state.problems
                );
                drop(state);
                panic!("waited {PATIENCE:?} for {what}; seen so far: {seen}");
            }
            let wait = check_again.map_or(left, |again| again.min(left));
            state = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Returns the number of the connection, from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    pub fn request(&self, request: Request) {
        self.log.change(|state| {
            state.connections[self.number - 1].requests += 1;
            if !state.forgetful {
                state.requests.push(request);
            }
        });
    }

    pub fn read(&self, bytes: usize) {
        self.update(|log| log.read += bytes as u64);
    }

    pub fn written(&self, bytes: usize) {
        self.update(|log| {
            log.written += bytes as u64;
            log.writes += 1;
            log.blocked_since = (log.empty_windows > 0).then(Instant::now);
        });
    }

    /// Logs that a write is blocked.
    pub fn blocked(&self) {
        self.update(|log| {
            log.blocked_since.get_or_insert_with(Instant::now);
        });
    }

    /// Logs that the flow-control window of a stream is empty.
    pub fn window_empty(&self) {
        self.update(|log| {
            log.empty_windows += 1;
            log.blocked_since.get_or_insert_with(Instant::now);
        });
    }

    /// Logs that such a window is open again, or that its stream has ended.
    pub fn window_open(&self) {
        self.update(|log| {
            log.empty_windows -= 1;
            if log.empty_windows == 0 {
                log.blocked_since = None;
            }
        });
    }

    pub fn stream_reset(&self) {
        self.update(|log| log.streams_reset += 1);
    }

    pub fn closed(&self, by: ClosedBy) {
        self.update(|log| {
            log.closed.get_or_insert(by);
            log.blocked_since = None;
        });
    }

    /// Logs that the socket is closed.
    pub fn socket_closed(&self) {
        self.update(|log| log.socket_closed = true);
    }

    pub fn problem(&self, what: &str) {
        self.log.problem(format!("connection {}: {what}", self.number));
    }

    fn update(&self, change: impl FnOnce(&mut ConnectionLog)) {
        self.log.change(|state| change(&mut state.connections[self.number - 1]));
    }
}
