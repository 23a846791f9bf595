//! What the library has to say about itself, for whoever asked to hear it.
//!
//! Messages are written by this crate alone, of what is no secret: operations, model ids, statuses, times, counts. Never
//! credentials, prompts or answers; the SDK's own traces hold those and are not passed on. They wait in a queue for a thread
//! of their own, so that a slow listener holds nothing up; when the queue is full they are counted instead of kept.

use crate::process::{self, Generation};
use std::collections::VecDeque;
use std::fmt::Display;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How much is said. The numbers are those of the C API's `BEDROCK_LOG_...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Level {
    Error = 1,
    Warn = 2,
    Info = 3,
    Debug = 4,
}

/// Takes level, target and message, on the log's own thread, one call at a time.
pub type Listener = Box<dyn Fn(Level, &str, &str) + Send + Sync>;

const QUEUE: usize = 1024;

/// The most talkative level that is listened to; 0 is silence.
static LEVEL: AtomicI32 = AtomicI32::new(0);
static CHANNEL: Mutex<Option<Arc<Channel>>> = Mutex::new(None);

struct Channel {
    process: Generation,
    /// Taken out by whoever replaces it, so that it is dropped on that thread.
    listener: Mutex<Option<Listener>>,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Message>,
    lost: usize,
    running: bool,
    stopping: bool,
    /// Replaced by another channel: it never starts again.
    closed: bool,
}

struct Message {
    level: Level,
    target: &'static str,
    text: String,
}

fn channel() -> MutexGuard<'static, Option<Arc<Channel>>> {
    CHANNEL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the listener from changing while the process forks.
pub fn lock_for_fork() -> impl std::any::Any {
    channel()
}

/// Has `listener` told what is at `level` or graver; None is silence. When this returns, the old listener is not running and
/// will not run, and it has been dropped on this thread.
pub fn listen(level: Level, listener: Option<Listener>) {
    let new = listener.map(|listener| {
        Arc::new(Channel {
            process: Generation::current(),
            listener: Mutex::new(Some(listener)),
            queue: Mutex::default(),
            changed: Condvar::new(),
        })
    });
    LEVEL.store(if new.is_some() { level as i32 } else { 0 }, Ordering::Relaxed);
    let old = std::mem::replace(&mut *channel(), new);
    if let Some(old) = old {
        if old.process.is_current() {
            old.lock().closed = true;
            old.stop(None);
            drop(old.listener.lock().unwrap_or_else(PoisonError::into_inner).take());
        } else {
            // Its thread, and perhaps its locks, are the parent's.
            std::mem::forget(old);
        }
    }
}

/// Ends the log's thread; the next message starts it again. False where it has not ended by the deadline.
pub fn pause(deadline: Instant) -> bool {
    let current = channel().clone().filter(|channel| channel.process.is_current());
    current.is_none_or(|channel| channel.stop(Some(deadline)))
}

pub fn error(target: &'static str, message: impl Display) {
    say(Level::Error, target, message);
}

pub fn info(target: &'static str, message: impl Display) {
    say(Level::Info, target, message);
}

pub fn debug(target: &'static str, message: impl Display) {
    say(Level::Debug, target, message);
}

fn say(level: Level, target: &'static str, message: impl Display) {
    if level as i32 > LEVEL.load(Ordering::Relaxed) {
        return;
    }
    let current = channel().clone().filter(|channel| channel.process.is_current());
    if let Some(channel) = current {
        channel.put(Message { level, target, text: message.to_string() });
    }
}

impl Channel {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(self: &Arc<Self>, message: Message) {
        let mut queue = self.lock();
        if queue.messages.len() == QUEUE {
            queue.lost += 1;
            return;
        }
        queue.messages.push_back(message);
        let running = queue.running;
        drop(queue);
        if running {
            self.changed.notify_all();
        } else {
            self.run();
        }
    }

    /// Starts the thread; false where it cannot start.
    fn run(self: &Arc<Self>) -> bool {
        let mut queue = self.lock();
        if queue.running || queue.stopping || queue.closed {
            return true;
        }
        let channel = self.clone();
        let body = move || {
            process::settle_in();
            channel.tell();
        };
        queue.running = process::spawn("bedrock-log", body).is_ok();
        queue.running
    }

    fn tell(&self) {
        let mut queue = self.lock();
        while !(queue.closed || queue.stopping && queue.messages.is_empty()) {
            let lost = std::mem::take(&mut queue.lost);
            let message = match queue.messages.pop_front() {
                Some(message) => message,
                None if lost > 0 => {
                    let text = format!("{lost} messages were lost: the logger is too slow");
                    Message { level: Level::Warn, target: "log", text }
                }
                None => {
                    queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
            };
            queue.lost += if queue.messages.is_empty() { 0 } else { lost };
            drop(queue);
            if let Some(listener) = &*self.listener.lock().unwrap_or_else(PoisonError::into_inner) {
                listener(message.level, message.target, &message.text);
            }
            queue = self.lock();
        }
        queue.running = false;
        // Whoever told it to end may have gone since; the next message starts it again, unless it is closed.
        queue.stopping = false;
        self.changed.notify_all();
    }

    /// Waits until the thread has ended; False where the deadline comes first.
    fn stop(&self, deadline: Option<Instant>) -> bool {
        let mut queue = self.lock();
        queue.stopping = true;
        self.changed.notify_all();
        while queue.running {
            let left = match deadline {
                None => Duration::from_secs(1),
                Some(deadline) => match deadline.checked_duration_since(Instant::now()) {
                    Some(left) => left,
                    None => return false,
                },
            };
            queue = self.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        queue.stopping = false;
        true
    }
}
