//! A thread of the library's that takes things to the program's callbacks, and does nothing else.
//!
//! What is put waits in a queue, so that a slow callback holds nothing up. The thread starts with the first thing that is put,
//! ends when it is told to pause, and is started again by the next. A callback may end it, too (pthread_exit): what waits is then
//! delivered by another.

use super::process::{self, Generation, HostSignals};
use super::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::collections::VecDeque;
use std::time::Instant;

/// See the module's documentation.
pub struct Courier<T> {
    name: &'static str,
    process: Generation,
    signals: HostSignals,
    deliver: Box<dyn Fn(T) + Send + Sync>,
    queue: Mutex<Queue<T>>,
    changed: Condvar,
}

struct Queue<T> {
    things: VecDeque<T>,
    /// How many things have been taken out.
    taken: u64,
    /// The thread ends once so many have been: those that waited when it was told to pause.
    pause_at: Option<u64>,
    running: bool,
    /// How often the thread has ended. Who waits for its end waits for this to move: others may have started it again by then.
    ends: u64,
    /// The thread sleeps, and nobody has woken it: waking is a system call, also where there is nobody to wake.
    idle: bool,
    /// It never starts again.
    closed: bool,
}

impl<T> Queue<T> {
    fn is_to_end(&self) -> bool {
        self.closed || self.pause_at.is_some_and(|pause_at| self.taken >= pause_at)
    }
}

impl<T: Send + 'static> Courier<T> {
    /// One that has not started. `deliver` is called on its thread, once at a time. To be called on a thread of the program's.
    pub fn new(name: &'static str, deliver: impl Fn(T) + Send + Sync + 'static) -> Arc<Self> {
        let queue = Queue {
            things: VecDeque::new(),
            taken: 0,
            pause_at: None,
            running: false,
            ends: 0,
            idle: false,
            closed: false,
        };
        Arc::new(Courier {
            name,
            process: Generation::current(),
            signals: HostSignals::here(),
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
        } else {
            let _ = self.run(&mut queue);
        }
    }

    /// Makes sure that the thread runs.
    pub fn start(self: &Arc<Self>) -> std::io::Result<()> {
        self.run(&mut self.lock())
    }

    fn run(self: &Arc<Self>, queue: &mut Queue<T>) -> std::io::Result<()> {
        if queue.running || queue.closed {
            return Ok(());
        }
        let courier = self.clone();
        process::spawn_for_host(self.name, self.signals, move || Thread(courier).deliver())?;
        queue.running = true;
        Ok(())
    }

    /// Waits until what waits now is delivered and the thread has ended; false where the deadline comes first.
    pub fn pause(&self, deadline: Instant) -> bool {
        let mut queue = self.lock();
        let ends = queue.ends;
        if queue.running {
            queue.pause_at = Some(queue.taken + queue.things.len() as u64);
            self.changed.notify_all();
        }
        while queue.running && queue.ends == ends {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return false };
            queue = self.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
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

/// The courier's thread. However it ends, dropping this says so.
struct Thread<T: Send + 'static>(Arc<Courier<T>>);

impl<T: Send + 'static> Thread<T> {
    fn deliver(&self) {
        let courier = &*self.0;
        let mut queue = courier.lock();
        while !queue.is_to_end() {
            match queue.things.pop_front() {
                Some(thing) => {
                    queue.taken += 1;
                    drop(queue);
                    (courier.deliver)(thing);
                    if !courier.is_of_this_process() {
                        return;
                    }
                    queue = courier.lock();
                }
                None => {
                    queue.idle = true;
                    queue = courier.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

impl<T: Send + 'static> Drop for Thread<T> {
    fn drop(&mut self) {
        let courier = &self.0;
        // The child of a fork in a callback: the locks are its parent's.
        if !courier.is_of_this_process() {
            return;
        }
        let mut queue = courier.lock();
        let was_to_end = queue.is_to_end();
        (queue.running, queue.idle) = (false, false);
        if !was_to_end && !queue.things.is_empty() && courier.run(&mut queue).is_ok() {
            return;
        }
        queue.ends += 1;
        // Whoever told it to pause may have gone since.
        queue.pause_at = None;
        if !queue.things.is_empty() {
            let _ = courier.run(&mut queue);
        }
        courier.changed.notify_all();
    }
}
