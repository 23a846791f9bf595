//! The connection pool of one origin: idle ones over HTTP/1.1, and shared ones over HTTP/2.
//!
//! Idle connections are not watched: whether the peer has closed one is checked when a call takes it. Connections that
//! were idle too long, or are too old, are closed.

use super::connection::Connection;
use super::http1::Http1;
use super::http2::{Http2, StreamPermit};
use std::time::{Duration, Instant};

/// An idle connection is closed after this time. Services close such connections, some within a few minutes.
pub const MAX_IDLE_TIME: Duration = Duration::from_secs(90);
/// An older connection takes no further call, so that calls follow changes of the endpoint's addresses.
const MAX_AGE: Duration = Duration::from_secs(15 * 60);
/// The most idle connections of one origin.
const MAX_IDLE: usize = 256;
/// The most HTTP/2 connections of one origin. Over HTTP/1.1 there are as many as there are calls, which
/// `max_concurrency` limits.
const MAX_SHARED: usize = 128;
/// How many calls a peer is expected to admit, if none of its connections has announced a limit.
const ASSUMED_MAX_CALLS: usize = 100;
/// If so many connections admit no call at all, no further one is made.
const MAX_WITHOUT_CAPACITY: usize = 2;

/// An idle connection, and when it returned.
type Idle = (Box<Http1>, Instant);

/// The connections of one origin that can take calls.
#[derive(Default)]
pub struct Pool {
    /// Ordered by their return. The last one is taken first.
    idle: Vec<Idle>,
    shared: Vec<Http2>,
}

impl Pool {
    pub fn add_idle(&mut self, connection: Box<Http1>, now: Instant) {
        self.idle.push((connection, now));
    }

    pub fn add_shared(&mut self, connection: Http2) {
        self.shared.push(connection);
    }

    /// Returns an existing connection that can take a request now.
    pub fn take_available(&mut self) -> Option<Connection> {
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

    /// Removes all idle connections, and returns them.
    pub fn take_idle(&mut self) -> Vec<Idle> {
        std::mem::take(&mut self.idle)
    }

    /// Removes the oldest idle connections if there are too many, and returns them.
    pub fn take_surplus(&mut self) -> impl Iterator<Item = Connection> + '_ {
        let too_many = self.idle.len().saturating_sub(MAX_IDLE);
        self.idle.drain(..too_many).map(|(oldest, _)| Connection::Http1(oldest))
    }

    /// Returns how many calls a new HTTP/2 connection is expected to admit.
    pub fn calls_per_connection(&self) -> usize {
        let known = self.shared.iter().rev().map(Http2::max_calls).find(|max_calls| *max_calls > 0);
        known.unwrap_or(ASSUMED_MAX_CALLS)
    }

    /// Returns how many more HTTP/2 connections may be made, besides those that are being made.
    pub fn room_for_shared(&self, connects: usize) -> usize {
        if self.admits_calls() { MAX_SHARED.saturating_sub(self.shared.len() + connects) } else { 0 }
    }

    /// Returns whether there are as many HTTP/2 connections as are allowed or useful.
    pub fn is_full(&self) -> bool {
        self.shared.len() >= MAX_SHARED || !self.admits_calls()
    }

    /// Returns whether the peer usually admits calls: few HTTP/2 connections admit none at all.
    fn admits_calls(&self) -> bool {
        self.shared.iter().filter(|shared| shared.max_calls() == 0).count() < MAX_WITHOUT_CAPACITY
    }

    /// Closes the connections that were idle too long. Returns when the next one may be, if any is left.
    pub fn close_expired(&mut self, now: Instant) -> Option<Instant> {
        self.idle.retain(|(_, since)| *since + MAX_IDLE_TIME > now);
        self.shared.retain(|shared| {
            shared.is_usable(MAX_AGE) && shared.idle_since().is_none_or(|since| since + MAX_IDLE_TIME > now)
        });
        // A connection in use is idle from now on at the earliest.
        let idle = self.idle.iter().map(|(_, since)| *since);
        let shared = self.shared.iter().map(|shared| shared.idle_since().unwrap_or(now));
        idle.chain(shared).min().map(|since| since + MAX_IDLE_TIME)
    }
}
