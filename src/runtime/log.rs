//! Log messages of the library, for the program's callback.
//!
//! Only this crate writes messages. They hold operations, model ids, statuses, times and counts, and no secret: no
//! credentials, prompts or responses. The SDK's own traces contain secrets, and are not passed on. Messages wait in a
//! queue for a callback thread, so that a slow callback blocks no other thread. While the queue is full, messages are
//! counted and dropped.

use super::callback_thread::CallbackThread;
use super::fork::{ForkLock, HeldOverFork, Rank};
use super::per_process::PerProcess;
use super::sync::Mutex;
use crate::error::{Error, Kind, Result};
use std::collections::VecDeque;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Instant;

/// The severity of a message. The numbers are those of the C API's `BEDROCK_LOG_...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Level {
    Error = 1,
    Warn = 2,
    Info = 3,
    Debug = 4,
}

/// Receives level, target and message, on the log's own thread. Calls are serialized.
pub type Listener = Box<dyn Fn(Level, &str, &str) + Send + Sync>;

/// The least severe level that has a listener, or 0 without one.
static LEVEL: AtomicI32 = AtomicI32::new(0);
static CHANNEL: ForkLock<PerProcess<Arc<Channel>>> = ForkLock::new(Rank::LogChannel, PerProcess::empty());
pub const FORK_LOCK: &dyn HeldOverFork = &CHANNEL;

/// The maximum number of messages in the queue.
const QUEUE: usize = 1024;

struct Channel {
    thread: Arc<CallbackThread<Message>>,
    /// Taken out when it is replaced, so that it is dropped on the thread that replaces it.
    listener: Arc<Mutex<Option<Listener>>>,
}

enum Message {
    Text {
        level: Level,
        target: &'static str,
        text: String,
    },
    /// The number of messages that were dropped here.
    Lost(usize),
}

/// Sends messages of `level` and of more severe levels to `listener`; None ends the log. When this returns, the old
/// listener does not run and will not, and it has been dropped on this thread. If the new one's thread cannot start,
/// the old one stays.
pub fn listen(level: Level, listener: Option<Listener>) -> Result<()> {
    let new = listener.map(|listener| Channel::start(listener).map(Arc::new)).transpose()?;
    LEVEL.store(if new.is_some() { level as i32 } else { 0 }, Ordering::Relaxed);
    let old = CHANNEL.lock().replace(new);
    if let Some(old) = old {
        old.thread.close();
        drop(old.listener.lock().take());
    }
    Ok(())
}

/// Ends the log's thread; the next message starts it again. Returns false if it has not ended by the deadline.
pub fn pause(deadline: Instant) -> bool {
    current().is_none_or(|channel| channel.thread.pause(deadline))
}

fn current() -> Option<Arc<Channel>> {
    CHANNEL.lock().get().cloned()
}

pub fn error(target: &'static str, message: impl Display) {
    write(Level::Error, target, message);
}

pub fn info(target: &'static str, message: impl Display) {
    write(Level::Info, target, message);
}

pub fn debug(target: &'static str, message: impl Display) {
    write(Level::Debug, target, message);
}

/// Returns whether there is a listener for this level. A caller asks first if a message is expensive to make.
pub fn is_enabled(level: Level) -> bool {
    level as i32 <= LEVEL.load(Ordering::Relaxed)
}

fn write(level: Level, target: &'static str, message: impl Display) {
    if !is_enabled(level) {
        return;
    }
    if let Some(channel) = current() {
        let text = message.to_string();
        channel.thread.put(|queue| put(queue, Message::Text { level, target, text }));
    }
}

fn put(queue: &mut VecDeque<Message>, message: Message) {
    let full = queue.len() >= QUEUE;
    match queue.back_mut() {
        Some(Message::Lost(lost)) => *lost += 1,
        _ if full => queue.push_back(Message::Lost(1)),
        _ => queue.push_back(message),
    }
}

impl Channel {
    /// Starts the thread too, so that a program learns at once if that fails.
    fn start(listener: Listener) -> Result<Self> {
        let listener = Arc::new(Mutex::new(Some(listener)));
        let receiver = listener.clone();
        let thread = CallbackThread::new("bedrock-log", move |message| {
            if let Some(listener) = &*receiver.lock() {
                match message {
                    Message::Text { level, target, text } => listener(level, target, &text),
                    Message::Lost(lost) => {
                        let text = format!("{lost} messages were lost: the log callback is too slow");
                        listener(Level::Warn, "log", &text);
                    }
                }
            }
        });
        let cannot =
            |error| Error::new(Kind::Resource, format_args!("starting the thread that calls the log: {error}"));
        thread.start().map_err(cannot)?;
        Ok(Channel { thread, listener })
    }
}
