//! Waiting sets: many streams, one waiter, no descriptor for each.
//!
//! A stream is a [`Member`] of a set, which is its [`Alarm`]: when it rings, it stands in the set's queue, in the order in which
//! streams became readable, until the waiter takes it or the stream's reader finds nothing.

use super::pipe::Alarm;
use crate::error::{Error, Kind, Result};
use crate::runtime::event_fd::Flag;
use crate::runtime::sync::{Arc, AtomicU64, Condvar, Mutex, MutexGuard, Ordering, PoisonError};
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
    flag: Option<Flag>,
}

/// A stream's place in a set. An [`Arc`] of it is an [`Alarm`].
pub struct Member<T> {
    set: Arc<Shared<T>>,
    token: T,
    /// Its key in the queue the last time it rang; 0 before that.
    place: AtomicU64,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Queue<T> {
    fn settle(&mut self) {
        let up = !self.ready.is_empty();
        if let Some(flag) = &mut self.flag {
            flag.set(up);
        }
    }
}

impl<T> Default for WaitSet<T> {
    fn default() -> Self {
        let queue = Queue { ready: BTreeMap::new(), rung: 0, waiting: false, sleeps: false, closed: false, flag: None };
        WaitSet(Arc::new(Shared { queue: Mutex::new(queue), readable: Condvar::new() }))
    }
}

impl<T: Copy> WaitSet<T> {
    /// A place for a stream, of which the waiter will be told by `token`.
    pub fn member(&self, token: T) -> Arc<Member<T>> {
        Arc::new(Member { set: self.0.clone(), token, place: AtomicU64::new(0) })
    }

    /// The stream that has had something to read for the longest time; None where `timeout` (None: as long as it takes) is over.
    /// [`Kind::Busy`] where another thread waits, [`Kind::Cancelled`] once the set is closed.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<Option<T>> {
        let mut deadline = None;
        let mut queue = self.0.lock();
        if queue.waiting {
            return Err(Error::new(Kind::Busy, "another thread waits for this waiting set"));
        }
        loop {
            if queue.closed {
                return Err(Error::new(Kind::Cancelled, "the waiting set was freed while a thread waited for it"));
            }
            if let Some((_, token)) = queue.ready.pop_first() {
                queue.settle();
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
                None => self.0.readable.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(left) => self.0.readable.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0,
            };
            (queue.waiting, queue.sleeps) = (false, false);
        }
    }

    /// A descriptor that is readable exactly while [`WaitSet::wait`] would give a stream at once. It is the set's, which closes it.
    pub fn fd(&self) -> Result<i32> {
        let mut queue = self.0.lock();
        if queue.closed {
            return Err(Error::new(Kind::Cancelled, "the waiting set was freed"));
        }
        if queue.flag.is_none() {
            let flag = Flag::new().map_err(|error| {
                Error::new(Kind::Resource, format_args!("making a descriptor for a waiting set: {error}"))
            })?;
            queue.flag = Some(flag);
        }
        queue.settle();
        Ok(queue.flag.as_ref().expect("a flag was just made sure of").fd())
    }

    /// Ends the set: its waiter is told so, its descriptor is closed, and its members are told nothing more.
    pub fn close(&self) {
        let mut queue = self.0.lock();
        queue.closed = true;
        queue.ready.clear();
        queue.flag = None;
        drop(queue);
        self.0.readable.notify_all();
    }
}

impl<T> Member<T> {
    /// Whether its set has been closed, so that it may be replaced.
    pub fn is_orphan(&self) -> bool {
        self.set.lock().closed
    }
}

impl<T: Copy + Send + Sync> Alarm for Arc<Member<T>> {
    fn ring(&self) {
        let mut queue = self.set.lock();
        if queue.closed {
            return;
        }
        queue.rung += 1;
        let place = queue.rung;
        queue.ready.insert(place, self.token);
        self.place.store(place, Ordering::Relaxed);
        queue.settle();
        let wake = std::mem::take(&mut queue.sleeps);
        drop(queue);
        if wake {
            self.set.readable.notify_one();
        }
    }

    fn hush(&self) {
        let place = self.place.swap(0, Ordering::Relaxed);
        if place > 0 {
            let mut queue = self.set.lock();
            queue.ready.remove(&place);
            queue.settle();
        }
    }

    fn retire(&self) {}
}
