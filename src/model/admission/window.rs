//! The requests and tokens of the last minute.
//!
//! The service counts a request at some time between its sending and the head of its response. So a request counts here
//! from its sending until a minute after the latest time at which the service can have counted it: whatever window of a
//! minute the service looks at, it finds no more than the limits.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

pub const MINUTE: Duration = Duration::from_secs(60);

/// What is sent in a window. None: any number.
#[derive(Clone, Copy, Debug, Default)]
pub struct Room {
    pub requests: Option<u64>,
    pub tokens: Option<u64>,
}

/// How long a request has to wait for its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Until requests leave the window.
    Until(Instant),
    /// Until a request that is under way gives tokens back, or has been counted by the service.
    ForAnother,
}

/// The requests and tokens of the last minute.
#[derive(Default)]
pub struct Window {
    /// The tokens of each request in the window.
    tokens_of: HashMap<u64, u64>,
    /// The requests that the service has counted, in the order of that, each with the time when it leaves.
    leaving: VecDeque<(Instant, u64)>,
    tokens: u64,
    next: u64,
}

impl Window {
    pub fn requests(&mut self, now: Instant) -> u64 {
        self.forget(now);
        self.tokens_of.len() as u64
    }

    pub fn tokens(&mut self, now: Instant) -> u64 {
        self.forget(now);
        self.tokens
    }

    /// Adds a request with this number of tokens, if there is room for it. One that needs more than all the room is
    /// added to an empty window.
    pub fn add(&mut self, tokens: u64, room: Room, now: Instant) -> Result<u64, Wait> {
        self.forget(now);
        let fits = |requests: u64, sum: u64| {
            let has_room = room.requests.is_none_or(|most| requests < most);
            has_room && (requests == 0 || room.tokens.is_none_or(|most| sum.saturating_add(tokens) <= most))
        };
        let (mut requests, mut sum) = (self.tokens_of.len() as u64, self.tokens);
        if fits(requests, sum) {
            return Ok(self.insert(tokens));
        }
        for (leaves, id) in &self.leaving {
            requests -= 1;
            sum -= self.tokens_of[id];
            if fits(requests, sum) {
                return Err(Wait::Until(*leaves));
            }
        }
        Err(Wait::ForAnother)
    }

    fn insert(&mut self, tokens: u64) -> u64 {
        self.next += 1;
        self.tokens += tokens;
        self.tokens_of.insert(self.next, tokens);
        self.next
    }

    /// Adds a request that has been sent already.
    pub fn add_sent(&mut self, now: Instant) {
        let id = self.insert(0);
        self.count(id, now);
    }

    /// Notes that the service has counted the request at `at` at the latest.
    pub fn count(&mut self, id: u64, at: Instant) {
        let leaves = at + MINUTE;
        let position = self.leaving.iter().rposition(|(other, _)| *other <= leaves).map_or(0, |before| before + 1);
        self.leaving.insert(position, (leaves, id));
    }

    /// Changes the tokens of a request.
    pub fn settle(&mut self, id: u64, tokens: u64) {
        if let Some(reserved) = self.tokens_of.get_mut(&id) {
            self.tokens = self.tokens - *reserved + tokens;
            *reserved = tokens;
        }
    }

    /// Returns the tokens of a request.
    pub fn tokens_of(&self, id: u64) -> u64 {
        self.tokens_of.get(&id).copied().unwrap_or_default()
    }

    /// Returns the most tokens of a request.
    pub fn largest(&self) -> u64 {
        self.tokens_of.values().copied().max().unwrap_or_default()
    }

    /// Removes a request that the service has not counted, because it was not sent.
    pub fn remove(&mut self, id: u64) {
        self.tokens -= self.tokens_of.remove(&id).unwrap_or_default();
    }

    fn forget(&mut self, now: Instant) {
        while let Some((_, id)) = self.leaving.front().copied().filter(|(leaves, _)| *leaves <= now) {
            self.leaving.pop_front();
            self.tokens -= self.tokens_of.remove(&id).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_request_counts_until_a_minute_after_the_service_has_counted_it() {
        let start = Instant::now();
        let room = Room { requests: Some(2), tokens: None };
        let mut window = Window::default();
        let first = window.add(0, room, start).unwrap();
        let second = window.add(0, room, start).unwrap();
        assert_eq!(window.add(0, room, start + 90 * SECOND), Err(Wait::ForAnother), "neither has been counted");
        window.count(second, start + 2 * SECOND);
        window.count(first, start + SECOND);
        assert_eq!(window.add(0, room, start + 3 * SECOND), Err(Wait::Until(start + 61 * SECOND)));
        assert!(window.add(0, room, start + 61 * SECOND).is_ok());
        assert_eq!(window.requests(start + 62 * SECOND), 1);
    }

    #[test]
    fn tokens_that_were_reserved_and_not_used_are_given_back() {
        let start = Instant::now();
        let room = Room { requests: None, tokens: Some(100) };
        let mut window = Window::default();
        let first = window.add(90, room, start).unwrap();
        assert_eq!(window.add(20, room, start), Err(Wait::ForAnother));
        window.count(first, start);
        assert_eq!(window.add(20, room, start), Err(Wait::Until(start + MINUTE)));
        window.settle(first, 80);
        assert!(window.add(20, room, start).is_ok());
        assert_eq!(window.tokens(start), 100);
    }

    #[test]
    fn a_request_that_is_larger_than_the_quota_waits_for_an_empty_window() {
        let start = Instant::now();
        let room = Room { requests: None, tokens: Some(100) };
        let mut window = Window::default();
        let large = window.add(1_000, room, start).unwrap();
        window.count(large, start);
        assert_eq!(window.add(1_000, room, start + SECOND), Err(Wait::Until(start + MINUTE)));
    }
}
