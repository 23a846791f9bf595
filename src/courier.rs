//! A thread of the library's that takes things to the program's callbacks, and does nothing else.
//!
//! What is put waits in a queue, so that a slow callback holds nothing up. The thread starts with the first thing that is put,
//! ends when it is told to pause, and is started again by the next.

use crate::process::{self, Generation};
use crate::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::collections::VecDeque;
use std::time::Instant;

/// See the module's documentation.
pub struct Courier<T> {
    name: &'static str,
    process: Generation,
    deliver: Box<dyn Fn(T) + Send + Sync>,
    queue: Mutex<Queue<T>>,
    changed: Condvar,
}

struct Queue<T> {
    things: VecDeque<T>,
    running: bool,
    /// The thread sleeps, and nobody has woken it: waking is a system call, also where there is nobody to wake.
    idle: bool,
    pausing: bool,
    /// It never starts again.
    closed: bool,
}

impl<T: Send + 'static> Courier<T> {
    /// One that has not started. `deliver` is called on its thread, once at a time.
    pub fn new(name: &'static str, deliver: impl Fn(T) + Send + Sync + 'static) -> Arc<Self> {
        let queue = Queue { things: VecDeque::new(), running: false, idle: false, pausing: false, closed: false };
        Arc::new(Courier {
            name,
            process: Generation::current(),
            deliver: Box::new(deliver),
            queue: Mutex::new(queue),
            changed: Condvar::new(),
        })
    }

    /// Whether it was made in this process: else its thread, and perhaps its locks, are the parent's.
    pub fn is_of_this_process(&self) -> bool {
        self.process.is_current()
    }

    fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `put` change what waits, and has that delivered. Where the thread cannot start, it waits for the next time.
    pub fn put(self: &Arc<Self>, put: impl FnOnce(&mut VecDeque<T>)) {
        let mut queue = self.lock();
        put(&mut queue.things);
        if std::mem::take(&mut queue.idle) {
            self.changed.notify_all();
        } else if !queue.running {
            let _ = self.run(queue);
        }
    }

    /// Makes sure that the thread runs.
    pub fn start(self: &Arc<Self>) -> std::io::Result<()> {
        self.run(self.lock())
    }

    fn run(self: &Arc<Self>, mut queue: MutexGuard<'_, Queue<T>>) -> std::io::Result<()> {
        if queue.running || queue.closed {
            return Ok(());
        }
        let courier = self.clone();
        let body = move || {
            process::settle_in();
            courier.deliver();
        };
        process::spawn(self.name, body)?;
        queue.running = true;
        Ok(())
    }

    fn deliver(&self) {
        let mut queue = self.lock();
        while !(queue.closed || queue.pausing && queue.things.is_empty()) {
            match queue.things.pop_front() {
                Some(thing) => {
                    drop(queue);
                    (self.deliver)(thing);
                    queue = self.lock();
                }
                None => {
                    queue.idle = true;
                    queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
        (queue.running, queue.idle) = (false, false);
        // Whoever told it to pause may have gone since.
        queue.pausing = false;
        self.changed.notify_all();
    }

    /// Waits until all is delivered and the thread has ended; false where the deadline comes first.
    pub fn pause(&self, deadline: Instant) -> bool {
        let mut queue = self.lock();
        queue.pausing = true;
        self.changed.notify_all();
        while queue.running {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return false };
            queue = self.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        queue.pausing = false;
        true
    }

    /// Ends it for good. When this returns, nothing is being delivered, and nothing will be.
    pub fn close(&self) {
        let mut queue = self.lock();
        queue.closed = true;
        queue.things.clear();
        self.changed.notify_all();
        while queue.running {
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
