//! Waiting sets: many streams, one waiter, no descriptor for each.
//!
//! A stream is a [`Subscription`] of a set, which is its [`Alarm`]: when it rings, it stands in the set's queue, in the order in which
//! streams became readable, until the waiter takes it or the stream's reader finds nothing.

use super::pipe::Notifier;
use crate::error::{Error, Kind, Result};
use crate::runtime::event_fd::EventFd;
use crate::runtime::sync::{Arc, AtomicU64, Condvar, Mutex, Ordering};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A set whose waiter is told what each member was added with.
pub struct WaitSet<T>(Arc<Shared<T>>);

struct Shared<T> {
    queue: Mutex<Queue<T>>,
    readable: Condvar,
}

struct Queue<T> {
    /// By the order in which they rang.
    ready: BTreeMap<u64, T>,
    rung: u64,
    /// A thread is in [`WaitSet::wait`]...
    waiting: bool,
    /// ...and sleeps, and nobody has woken it.
    sleeps: bool,
    closed: bool,
    event_fd: Option<EventFd>,
}

/// A stream's position in a set. An [`Arc`] of it is an [`Alarm`].
pub struct Subscription<T> {
    set: Arc<Shared<T>>,
    token: T,
    /// Its key in the queue the last time it rang; 0 before that.
    position: AtomicU64,
}

impl<T> Queue<T> {
    fn update_readiness(&mut self) {
        let readable = !self.ready.is_empty();
        if let Some(event_fd) = &mut self.event_fd {
            event_fd.set_readable(readable);
        }
    }
}

impl<T> Default for WaitSet<T> {
    fn default() -> Self {
        let queue =
            Queue { ready: BTreeMap::new(), rung: 0, waiting: false, sleeps: false, closed: false, event_fd: None };
        WaitSet(Arc::new(Shared { queue: Mutex::new(queue), readable: Condvar::new() }))
    }
}

impl<T: Copy> WaitSet<T> {
    /// A position for a stream, of which the waiter will be told by `token`.
    pub fn subscribe(&self, token: T) -> Arc<Subscription<T>> {
        Arc::new(Subscription { set: self.0.clone(), token, position: AtomicU64::new(0) })
    }

    /// The stream that has had something to read for the longest time; None where `timeout` (None: as long as it takes) is over.
    /// [`Kind::Busy`] where another thread waits, [`Kind::Cancelled`] once the set is closed.
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
                queue.update_readiness();
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

    /// A descriptor that is readable exactly while [`WaitSet::wait`] would give a stream at once. It is the set's, which closes it.
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
        queue.update_readiness();
        Ok(queue.event_fd.as_ref().expect("the descriptor has just been made").fd())
    }

    /// Ends the set: its waiter is told so, its descriptor is closed, and its members are told nothing more.
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
    /// Whether its set has been closed, so that it may be repositiond.
    pub fn is_set_closed(&self) -> bool {
        self.set.queue.lock().closed
    }
}

impl<T: Copy + Send + Sync> Notifier for Arc<Subscription<T>> {
    fn notify(&self) {
        let mut queue = self.set.queue.lock();
        if queue.closed {
            return;
        }
        queue.rung += 1;
        let position = queue.rung;
        queue.ready.insert(position, self.token);
        self.position.store(position, Ordering::Relaxed);
        queue.update_readiness();
        let wake = std::mem::take(&mut queue.sleeps);
        drop(queue);
        if wake {
            self.set.readable.notify_one();
        }
    }

    fn withdraw(&self) {
        let position = self.position.swap(0, Ordering::Relaxed);
        if position > 0 {
            let mut queue = self.set.queue.lock();
            queue.ready.remove(&position);
            queue.update_readiness();
        }
    }

    fn detach(&self) {}
}
