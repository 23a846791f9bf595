//! Wakeups: a callback of the program that runs, on a callback thread, when a stream has something to read.
//!
//! The worker notifies a wakeup while it holds a stream's lock. This only puts the wakeup into a queue. The callback
//! runs outside all locks, and may cancel streams.

use super::readiness::Notifier;
use crate::error::{Error, Kind, Result};
use crate::runtime::callback_thread::CallbackThread;
use crate::runtime::event_fd::Signal;
use crate::runtime::fork::{ForkLock, HeldOverFork, Rank};
use crate::runtime::per_process::PerProcess;
use crate::runtime::sync::{Arc, Condvar, Mutex};
use std::collections::VecDeque;
use std::time::Instant;

/// A function of the program, with its pointer.
pub type Callback = Box<dyn Fn() + Send + Sync>;
type WakeupThread = CallbackThread<VecDeque<Arc<Wakeup>>>;

/// A callback that runs when a stream has something to read. An [`Arc`] of it is a [`Notifier`].
pub struct Wakeup {
    thread: Arc<WakeupThread>,
    call: Mutex<Call>,
    /// Notified when the callback has returned.
    returned: Condvar,
}

struct Call {
    /// Taken out when the wakeup is detached, so that it is dropped on the thread that detaches it.
    callback: Option<Arc<Callback>>,
    /// Whether the wakeup is in the queue.
    queued: bool,
    running: bool,
    /// Whether a thread waits for the callback to return.
    awaited: bool,
}

static THREAD: ForkLock<PerProcess<Arc<WakeupThread>>> = ForkLock::new(Rank::WakeupThread, PerProcess::empty());
pub const FORK_LOCK: &dyn HeldOverFork = &THREAD;

/// Waits until every callback that is due has returned, and the thread has ended. Returns false if the deadline comes
/// first.
pub fn pause(deadline: Instant) -> bool {
    let current = THREAD.lock().get().cloned();
    current.is_none_or(|thread| thread.pause(deadline))
}

/// Returns the thread of this process, and starts it if it does not run.
fn running_thread() -> Result<Arc<WakeupThread>> {
    let new = || CallbackThread::new("bedrock-wakeup", |wakeup: Arc<Wakeup>| wakeup.run());
    let thread = THREAD.lock().get_or_insert_with(new).clone();
    let cannot = |error| Error::new(Kind::Resource, format_args!("starting the thread that calls wakeups: {error}"));
    thread.start().map_err(cannot)?;
    Ok(thread)
}

impl Wakeup {
    /// Starts the thread if it does not run.
    pub fn new(callback: Callback) -> Result<Arc<Self>> {
        Ok(Wakeup::on(running_thread()?, callback))
    }

    pub(crate) fn on(thread: Arc<WakeupThread>, callback: Callback) -> Arc<Self> {
        let call = Call { callback: Some(Arc::new(callback)), queued: false, running: false, awaited: false };
        Arc::new(Wakeup { thread, call: Mutex::new(call), returned: Condvar::new() })
    }

    pub(crate) fn run(&self) {
        let callback = {
            let mut call = self.call.lock();
            call.queued = false;
            call.running = call.callback.is_some();
            call.callback.clone()
        };
        let Some(callback) = callback else { return };
        let running = Running { wakeup: self, callback: Some(callback) };
        running.callback.iter().for_each(|callback| callback());
    }
}

/// A callback that runs. It may return, or end its thread.
struct Running<'a> {
    wakeup: &'a Wakeup,
    callback: Option<Arc<Callback>>,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // First, so that the thread that detaches the wakeup drops the callback.
        self.callback = None;
        // In the child of a fork in the callback the locks are the parent's.
        if !self.wakeup.thread.is_of_this_process() {
            return;
        }
        let mut call = self.wakeup.call.lock();
        call.running = false;
        if std::mem::take(&mut call.awaited) {
            self.wakeup.returned.notify_all();
        }
    }
}

impl Notifier for Arc<Wakeup> {
    fn notify(&self) -> Option<Signal> {
        let mut call = self.call.lock();
        if !std::mem::replace(&mut call.queued, true) {
            drop(call);
            self.thread.put(|queue| queue.push_back(self.clone()));
        }
        None
    }

    /// Does nothing. A wakeup in the queue stays there: its callback finds nothing to read, and is called again later.
    fn withdraw(&self) {}

    fn detach(&self) {
        let callback = {
            let mut call = self.call.lock();
            while call.running {
                call.awaited = true;
                call = self.returned.wait(call);
            }
            call.callback.take()
        };
        drop(callback);
    }
}
