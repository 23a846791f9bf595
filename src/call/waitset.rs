//! Waiting sets: many streams, one thread that waits, no descriptor for each.
//!
//! A stream joins a set by a [`Subscription`], which is its [`Notifier`]. A readable stream is in the set's queue, in
//! the order in which streams became readable, until the waiting thread takes it or the stream's reader finds nothing.

use super::readiness::Notifier;
use crate::error::{Error, Kind, Result};
use crate::runtime::event_fd::{EventFd, Signal};
use crate::runtime::sync::{Arc, AtomicU64, Condvar, Mutex, Ordering};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A set of streams. Each is named by the token of its subscription.
pub struct WaitSet<T>(Arc<Shared<T>>);

struct Shared<T> {
    queue: Mutex<Queue<T>>,
    readable: Condvar,
}

struct Queue<T> {
    /// The readable streams, by the order in which they became readable.
    ready: BTreeMap<u64, T>,
    last_position: u64,
    /// Whether a thread is in [`WaitSet::wait`].
    waiting: bool,
    /// Whether that thread sleeps and has not been notified.
    sleeps: bool,
    closed: bool,
    event_fd: Option<EventFd>,
}

/// The membership of a stream in a set. An [`Arc`] of it is a [`Notifier`].
pub struct Subscription<T> {
    set: Arc<Shared<T>>,
    token: T,
    /// Its last position in the queue, or 0 without one.
    position: AtomicU64,
}

impl<T> Queue<T> {
    /// Updates the descriptor: is there a readable stream?
    fn update_readiness(&mut self) -> Option<Signal> {
        let readable = !self.ready.is_empty();
        self.event_fd.as_mut()?.set_readable(readable)
    }

    /// Updates the descriptor after a look that has taken one stream or found none.
    fn has_read(&mut self) {
        let left = !self.ready.is_empty();
        self.event_fd.iter_mut().for_each(|event_fd| event_fd.has_read(left));
    }
}

impl<T> Default for WaitSet<T> {
    fn default() -> Self {
        let queue = Queue {
            ready: BTreeMap::new(),
            last_position: 0,
            waiting: false,
            sleeps: false,
            closed: false,
            event_fd: None,
        };
        WaitSet(Arc::new(Shared { queue: Mutex::new(queue), readable: Condvar::new() }))
    }
}

impl<T: Copy> WaitSet<T> {
    /// Returns a subscription for a stream that [`WaitSet::wait`] returns as `token`.
    pub fn subscribe(&self, token: T) -> Arc<Subscription<T>> {
        Arc::new(Subscription { set: self.0.clone(), token, position: AtomicU64::new(0) })
    }

    /// Returns the stream that has been readable for the longest time, or None after `timeout` (None: waits as long as
    /// it takes). [`Kind::Busy`] if another thread waits, [`Kind::Cancelled`] once the set is closed.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<Option<T>> {
        let mut deadline = None;
        let mut queue = self.0.queue.lock();
        if queue.waiting {
            return Err(Error::new(Kind::Busy, "another thread waits for this waiting set"));
        }
        loop {
            if queue.closed {
                return Err(Error::new(Kind::Cancelled, "the waiting set was freed while a thread waited for it"));
            }
            if let Some((_, token)) = queue.ready.pop_first() {
                queue.has_read();
                return Ok(Some(token));
            }
            let left = match timeout {
                None => None,
                Some(timeout) => {
                    let now = Instant::now();
                    let end = *deadline.get_or_insert_with(|| now.checked_add(timeout));
                    end.map(|end| end.saturating_duration_since(now))
                }
            };
            if left.is_some_and(|left| left.is_zero()) {
                queue.has_read();
                return Ok(None);
            }
            (queue.waiting, queue.sleeps) = (true, true);
            queue = match left {
                None => self.0.readable.wait(queue),
                Some(left) => self.0.readable.wait_timeout(queue, left).0,
            };
            (queue.waiting, queue.sleeps) = (false, false);
        }
    }

    /// Returns a descriptor that is readable exactly while [`WaitSet::wait`] would return a stream at once. The set
    /// owns it.
    pub fn fd(&self) -> Result<i32> {
        let mut queue = self.0.queue.lock();
        if queue.closed {
            return Err(Error::new(Kind::Cancelled, "the waiting set was freed"));
        }
        if queue.event_fd.is_none() {
            let event_fd = EventFd::new().map_err(|error| {
                Error::new(Kind::Resource, format_args!("making a descriptor for a waiting set: {error}"))
            })?;
            queue.event_fd = Some(event_fd);
        }
        let signal = queue.update_readiness();
        let fd = queue.event_fd.as_ref().expect("the descriptor has just been made").fd();
        drop(queue);
        drop(signal);
        Ok(fd)
    }

    /// Ends the set: a thread that waits returns, the descriptor is closed, and no stream is returned any more.
    pub fn close(&self) {
        let mut queue = self.0.queue.lock();
        queue.closed = true;
        queue.ready.clear();
        queue.event_fd = None;
        drop(queue);
        self.0.readable.notify_all();
    }
}

impl<T> Subscription<T> {
    /// Returns whether the set has been closed. The stream may then join another.
    pub fn is_set_closed(&self) -> bool {
        self.set.queue.lock().closed
    }
}

impl<T: Copy + Send + Sync> Notifier for Arc<Subscription<T>> {
    fn notify(&self) -> Option<Signal> {
        let mut queue = self.set.queue.lock();
        if queue.closed {
            return None;
        }
        queue.last_position += 1;
        let position = queue.last_position;
        queue.ready.insert(position, self.token);
        self.position.store(position, Ordering::Relaxed);
        let signal = queue.update_readiness();
        let wake = std::mem::take(&mut queue.sleeps);
        drop(queue);
        if wake {
            self.set.readable.notify_one();
        }
        signal
    }

    fn withdraw(&self) {
        let position = self.position.swap(0, Ordering::Relaxed);
        if position > 0 {
            let mut queue = self.set.queue.lock();
            queue.ready.remove(&position);
            let none = queue.update_readiness();
            debug_assert!(none.is_none(), "one stream less makes nothing readable");
        }
    }

    fn detach(&self) {}
}
