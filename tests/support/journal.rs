//! What the server has seen so far, and waiting, without polling, until it has seen something.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::PATIENCE;
use super::request::Request;

/// Which side ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosedBy {
    Client,
    Server,
}

/// One connection's part of the journal.
#[derive(Clone, Debug, Default)]
pub struct ConnectionLog {
    /// Requests that came on it, refused ones included.
    pub requests: usize,
    /// Bytes read from it.
    pub read: u64,
    /// Bytes of its answers that the kernel took: what the client has read, plus what the two sockets' buffers hold.
    pub written: u64,
    /// Set once it is over.
    pub closed: Option<ClosedBy>,
    /// Whether its socket is closed as well, where the server did it.
    pub gone: bool,
    /// Streams of HTTP/2 that the client reset: what leaving is where the connection stays.
    pub given_up: usize,
    /// Since when a write waits for the client to read; None while writes go through.
    blocked_since: Option<Instant>,
    /// HTTP/2: streams for which the client gives no room, whatever else is still being written.
    starved: usize,
}

#[derive(Default)]
struct State {
    requests: Vec<Request>,
    connections: Vec<ConnectionLog>,
    problems: Vec<String>,
}

/// The journal of one server.
#[derive(Default)]
pub struct Journal {
    state: Mutex<State>,
    changed: Condvar,
}

/// The entry of one connection.
#[derive(Clone)]
pub struct Connection {
    journal: Arc<Journal>,
    number: usize,
}

impl Journal {
    /// Begins the entry of a new connection.
    pub fn connect(self: &Arc<Self>) -> Connection {
        let mut state = self.state();
        state.connections.push(ConnectionLog::default());
        let number = state.connections.len();
        drop(state);
        self.changed.notify_all();
        Connection { journal: self.clone(), number }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.state().requests.clone()
    }

    pub fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.state().requests)
    }

    pub fn connections(&self) -> Vec<ConnectionLog> {
        self.state().connections.clone()
    }

    /// Writes down something that no test wants to happen unseen.
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
        self.wait_on(connection, "its end", |log| {
            log.closed.filter(|by| *by == ClosedBy::Client || log.gone).ok_or(None)
        })
    }

    #[track_caller]
    pub fn wait_given_up(&self, connection: usize) {
        self.wait_on(connection, "a stream given up", |log| (log.given_up > 0).then_some(()).ok_or(None))
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

    /// Blocks until `ready` says Ok; looks after every change, and after the time that its Err names.
    #[track_caller]
    fn wait_until<T>(&self, what: &str, mut ready: impl FnMut(&State) -> Result<T, Option<Duration>>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.state();
        loop {
            let look_again = match ready(&state) {
                Ok(done) => return done,
                Err(look_again) => look_again,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                // Say it without the lock: the server goes on.
                let seen = format!(
                    "{} requests, connections {:?}, problems {:?}",
                    state.requests.len(),
                    state.connections,
                    state.problems
                );
                drop(state);
                panic!("waited {PATIENCE:?} for {what}; seen so far: {seen}");
            }
            let wait = look_again.map_or(left, |again| again.min(left));
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
    /// 1 for the first connection.
    pub fn number(&self) -> usize {
        self.number
    }

    pub fn request(&self, request: Request) {
        self.journal.change(|state| {
            state.connections[self.number - 1].requests += 1;
            state.requests.push(request);
        });
    }

    pub fn read(&self, bytes: usize) {
        self.log(|log| log.read += bytes as u64);
    }

    pub fn written(&self, bytes: usize) {
        self.log(|log| {
            log.written += bytes as u64;
            log.blocked_since = (log.starved > 0).then(Instant::now);
        });
    }

    /// A write found no room.
    pub fn blocked(&self) {
        self.log(|log| {
            log.blocked_since.get_or_insert_with(Instant::now);
        });
    }

    /// A stream is given no room.
    pub fn starved(&self) {
        self.log(|log| {
            log.starved += 1;
            log.blocked_since.get_or_insert_with(Instant::now);
        });
    }

    /// It is given room, or is over.
    pub fn fed(&self) {
        self.log(|log| {
            log.starved -= 1;
            if log.starved == 0 {
                log.blocked_since = None;
            }
        });
    }

    pub fn given_up(&self) {
        self.log(|log| log.given_up += 1);
    }

    pub fn closed(&self, by: ClosedBy) {
        self.log(|log| {
            log.closed.get_or_insert(by);
            log.blocked_since = None;
        });
    }

    /// The socket is closed, too.
    pub fn gone(&self) {
        self.log(|log| log.gone = true);
    }

    pub fn problem(&self, what: &str) {
        self.journal.problem(format!("connection {}: {what}", self.number));
    }

    fn log(&self, change: impl FnOnce(&mut ConnectionLog)) {
        self.journal.change(|state| change(&mut state.connections[self.number - 1]));
    }
}
