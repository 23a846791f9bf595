//! What the library has to say about itself, for whoever asked to hear it.
//!
//! Messages are written by this crate alone, of what is no secret: operations, model ids, statuses, times, counts. Never
//! credentials, prompts or answers; the SDK's own traces hold those and are not passed on. They wait in a queue for a thread
//! of their own, so that a slow listener holds nothing up; when the queue is full they are counted instead of kept.

use super::callback_thread::Courier;
use crate::error::{Error, Kind, Result};
use std::collections::VecDeque;
use std::fmt::Display;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

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
    courier: Arc<Courier<Message>>,
    /// Taken out by whoever replaces it, so that it is dropped on that thread.
    listener: Arc<Mutex<Option<Listener>>>,
}

enum Message {
    Said {
        level: Level,
        target: &'static str,
        text: String,
    },
    /// So many for which there was no place.
    Lost(usize),
}

fn channel() -> MutexGuard<'static, Option<Arc<Channel>>> {
    CHANNEL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the listener from changing while the process forks.
pub fn lock_for_fork() -> impl std::any::Any {
    channel()
}

/// Has `listener` told what is at `level` or graver; None is silence. When this returns, the old listener is not running and
/// will not run, and it has been dropped on this thread. Where the new one's thread cannot start, the old one stays.
pub fn listen(level: Level, listener: Option<Listener>) -> Result<()> {
    let new = listener.map(|listener| Channel::start(listener).map(Arc::new)).transpose()?;
    LEVEL.store(if new.is_some() { level as i32 } else { 0 }, Ordering::Relaxed);
    let old = std::mem::replace(&mut *channel(), new);
    match old {
        Some(old) if old.courier.is_of_this_process() => {
            old.courier.close();
            drop(old.listener.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
        // Not even dropped: its locks may be held for ever.
        inherited => std::mem::forget(inherited),
    }
    Ok(())
}

/// Ends the log's thread; the next message starts it again. False where it has not ended by the deadline.
pub fn pause(deadline: Instant) -> bool {
    current().is_none_or(|channel| channel.courier.pause(deadline))
}

fn current() -> Option<Arc<Channel>> {
    channel().clone().filter(|channel| channel.courier.is_of_this_process())
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

/// Whether anybody listens at this level, for what is dear to say.
pub fn hears(level: Level) -> bool {
    level as i32 <= LEVEL.load(Ordering::Relaxed)
}

fn say(level: Level, target: &'static str, message: impl Display) {
    if !hears(level) {
        return;
    }
    if let Some(channel) = current() {
        let text = message.to_string();
        channel.courier.put(|queue| put(queue, Message::Said { level, target, text }));
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
    /// With its thread, so that a program is told at once where there is none.
    fn start(listener: Listener) -> Result<Self> {
        let listener = Arc::new(Mutex::new(Some(listener)));
        let told = listener.clone();
        let courier = Courier::new("bedrock-log", move |message| {
            if let Some(listener) = &*told.lock().unwrap_or_else(PoisonError::into_inner) {
                match message {
                    Message::Said { level, target, text } => listener(level, target, &text),
                    Message::Lost(lost) => {
                        let text = format!("{lost} messages were lost: the logger is too slow");
                        listener(Level::Warn, "log", &text);
                    }
                }
            }
        });
        let cannot =
            |error| Error::new(Kind::Resource, format_args!("starting the thread that calls the log: {error}"));
        courier.start().map_err(cannot)?;
        Ok(Channel { courier, listener })
    }
}
