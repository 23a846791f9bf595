//! The calls that wait for a connection of one origin.

use super::connection::Connection;
use super::transport_error::TransportError;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The receiver of a call's connection, or of the error of the last connect.
pub type Receiver = oneshot::Receiver<Result<Connection, TransportError>>;

/// The calls that wait, in the order of their arrival.
#[derive(Default)]
pub struct Waiters {
    queue: VecDeque<Waiter>,
    last_id: u64,
}

/// A call that waits for a connection.
struct Waiter {
    id: u64,
    sender: oneshot::Sender<Result<Connection, TransportError>>,
    deadline: Instant,
    /// With less time left than this, no connect is started for it.
    min_time: Duration,
}

impl Waiters {
    /// Adds a call. Returns its id and the receiver of its connection. With less than `min_time` left before the
    /// deadline, no connect is started for it.
    pub fn add(&mut self, deadline: Instant, min_time: Duration) -> (u64, Receiver) {
        let (sender, receiver) = oneshot::channel();
        self.last_id += 1;
        self.queue.push_back(Waiter { id: self.last_id, sender, deadline, min_time });
        (self.last_id, receiver)
    }

    /// Removes a call, unless it has got its result.
    pub fn remove(&mut self, id: u64) {
        if let Ok(at) = self.queue.binary_search_by_key(&id, |waiter| waiter.id) {
            self.queue.remove(at);
        }
    }

    /// Removes the call that has waited longest, and gives it a connection. Returns the connection if it no longer
    /// waits.
    pub fn give(&mut self, connection: Connection) -> Option<Connection> {
        match self.queue.pop_front() {
            Some(waiter) => waiter.sender.send(Ok(connection)).err().and_then(Result::ok),
            None => Some(connection),
        }
    }

    /// Removes all calls, and gives them an error.
    pub fn fail(&mut self, error: &TransportError) {
        for waiter in self.queue.drain(..) {
            let _ = waiter.sender.send(Err(error.clone()));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Returns the number of calls that have time for a connect that starts now.
    pub fn in_time(&self, now: Instant) -> usize {
        self.queue.iter().filter(|waiter| waiter.deadline >= now + waiter.min_time).count()
    }

    /// Returns the latest deadline of a call.
    pub fn last_deadline(&self) -> Option<Instant> {
        self.queue.iter().map(|waiter| waiter.deadline).max()
    }
}
