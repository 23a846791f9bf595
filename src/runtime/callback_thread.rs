//! A thread of the library that passes items to the program's callbacks, and does nothing else.
//!
//! Items wait in a queue, so that a slow callback blocks no other thread. The thread starts with the first item. It
//! ends when it is paused, and the next item starts it again. A callback may end it, too (pthread_exit): another thread
//! then passes on what is left.

use super::process_generation::Generation;
use super::signals::CallbackSignals;
use super::sync::{Arc, Condvar, Mutex};
use super::thread;
use std::collections::VecDeque;
use std::time::Instant;

/// Items that wait, in their order.
pub trait Line: Default + Send + 'static {
    type Item;

    fn pop(&mut self) -> Option<Self::Item>;

    fn count(&self) -> usize;
}

impl<T: Send + 'static> Line for VecDeque<T> {
    type Item = T;

    fn pop(&mut self) -> Option<T> {
        self.pop_front()
    }

    fn count(&self) -> usize {
        self.len()
    }
}

/// A thread that passes items to callbacks, and its queue.
pub struct CallbackThread<L: Line> {
    name: &'static str,
    process: Generation,
    signals: CallbackSignals,
    deliver: Box<dyn Fn(L::Item) + Send + Sync>,
    queue: Mutex<Queue<L>>,
    changed: Condvar,
}

struct Queue<L> {
    items: L,
    /// The number of items that have been taken out.
    taken: u64,
    /// The value of `taken` at which the thread ends: all items that waited when it was paused are delivered.
    pause_at: Option<u64>,
    running: bool,
    /// The number of times that the thread has ended. `pause` waits for a change: the thread may have been started
    /// again by then.
    ends: u64,
    /// Whether the thread sleeps and has not been notified: a notification is a system call, even if no thread waits
    /// for it.
    idle: bool,
    /// Whether the thread has been ended for good.
    closed: bool,
}

impl<L> Queue<L> {
    fn is_to_end(&self) -> bool {
        self.closed || self.pause_at.is_some_and(|pause_at| self.taken >= pause_at)
    }
}

impl<L: Line> CallbackThread<L> {
    /// Returns a thread that has not started. It calls `deliver` for one item after the other. The caller must be a
    /// thread of the program.
    pub fn new(name: &'static str, deliver: impl Fn(L::Item) + Send + Sync + 'static) -> Arc<Self> {
        let queue = Queue {
            items: L::default(),
            taken: 0,
            pause_at: None,
            running: false,
            ends: 0,
            idle: false,
            closed: false,
        };
        Arc::new(CallbackThread {
            name,
            process: Generation::current(),
            signals: CallbackSignals::of_this_thread(),
            deliver: Box::new(deliver),
            queue: Mutex::new(queue),
            changed: Condvar::new(),
        })
    }

    /// Returns whether it was made in this process. The child of a fork in a callback must not use it: its locks are
    /// the parent's.
    pub fn is_of_this_process(&self) -> bool {
        self.process.is_current()
    }

    /// Lets `put` change the queue, and has its items delivered. If the thread cannot start, they wait for the next
    /// call. Returns false, and does nothing, if the thread has been ended for good.
    pub fn put(self: &Arc<Self>, put: impl FnOnce(&mut L)) -> bool {
        let mut queue = self.queue.lock();
        if queue.closed {
            return false;
        }
        put(&mut queue.items);
        if std::mem::take(&mut queue.idle) {
            // A thread that is woken while the lock is held goes to sleep again.
            drop(queue);
            self.changed.notify_all();
        } else {
            let _ = self.ensure_running(&mut queue);
        }
        true
    }

    /// Starts the thread if it does not run.
    pub fn start(self: &Arc<Self>) -> std::io::Result<()> {
        self.ensure_running(&mut self.queue.lock())
    }

    fn ensure_running(self: &Arc<Self>, queue: &mut Queue<L>) -> std::io::Result<()> {
        if queue.running || queue.closed {
            return Ok(());
        }
        let this = self.clone();
        thread::spawn_for_callbacks(self.name, self.signals, move || Running(this).deliver())?;
        queue.running = true;
        Ok(())
    }

    /// Waits until the items that wait now are delivered and the thread has ended. Returns false if the deadline comes
    /// first.
    pub fn pause(&self, deadline: Instant) -> bool {
        let mut queue = self.queue.lock();
        let ends = queue.ends;
        if queue.running {
            queue.pause_at = Some(queue.taken + queue.items.count() as u64);
            self.changed.notify_all();
        }
        self.changed.wait_until(queue, deadline, |queue| !queue.running || queue.ends != ends).1
    }

    /// Ends the thread for good, and returns the items that wait. When this returns, no item is being delivered, and
    /// none will be.
    pub fn close(&self) -> L {
        let mut queue = self.queue.lock();
        queue.closed = true;
        let left = std::mem::take(&mut queue.items);
        self.changed.notify_all();
        while queue.running {
            queue = self.changed.wait(queue);
        }
        left
    }
}

/// The thread itself. However it ends, dropping this notes the end.
struct Running<L: Line>(Arc<CallbackThread<L>>);

impl<L: Line> Running<L> {
    fn deliver(&self) {
        let thread = &*self.0;
        let mut queue = thread.queue.lock();
        while !queue.is_to_end() {
            match queue.items.pop() {
                Some(item) => {
                    queue.taken += 1;
                    drop(queue);
                    (thread.deliver)(item);
                    if !thread.is_of_this_process() {
                        return;
                    }
                    queue = thread.queue.lock();
                }
                None => {
                    queue.idle = true;
                    queue = thread.changed.wait(queue);
                }
            }
        }
    }
}

impl<L: Line> Drop for Running<L> {
    fn drop(&mut self) {
        let thread = &self.0;
        // In the child of a fork in a callback the locks are the parent's.
        if !thread.is_of_this_process() {
            return;
        }
        let mut queue = thread.queue.lock();
        let was_to_end = queue.is_to_end();
        (queue.running, queue.idle) = (false, false);
        if !was_to_end && queue.items.count() > 0 && thread.ensure_running(&mut queue).is_ok() {
            return;
        }
        queue.ends += 1;
        // The deadline of the caller of `pause` may have passed.
        queue.pause_at = None;
        if queue.items.count() > 0 {
            let _ = thread.ensure_running(&mut queue);
        }
        thread.changed.notify_all();
    }
}
