//! Wakeups: a callback of the program's that is told, on a thread of its own, that a stream has something to read.
//!
//! The one who tells is the worker, under a stream's lock; so what it does here is to put the wakeup in a queue. The callback runs
//! outside all locks, and may cancel streams.

use super::pipe::Alarm;
use crate::error::{Error, Kind, Result};
use crate::runtime::callback_thread::Courier;
use crate::runtime::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// A function of the program, with its pointer.
pub type Callback = Box<dyn Fn() + Send + Sync>;

/// See the module's documentation. An [`Arc`] of it is an [`Alarm`].
pub struct Wakeup {
    courier: Arc<Courier<Arc<Wakeup>>>,
    call: Mutex<Call>,
    /// The callback has returned.
    returned: Condvar,
}

struct Call {
    /// Taken out when the wakeup retires, so that it is dropped on the thread that retires it.
    callback: Option<Arc<Callback>>,
    /// It is in the queue.
    queued: bool,
    running: bool,
    /// Somebody waits for the callback to return.
    awaited: bool,
}

static COURIER: Mutex<Option<Arc<Courier<Arc<Wakeup>>>>> = Mutex::new(None);

fn courier() -> MutexGuard<'static, Option<Arc<Courier<Arc<Wakeup>>>>> {
    COURIER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the queue's place from changing while the process forks.
pub fn lock_for_fork() -> impl std::any::Any {
    courier()
}

/// Waits until every callback that was due has returned, and the thread has ended; false where the deadline comes first.
pub fn pause(deadline: Instant) -> bool {
    let current = courier().clone().filter(|courier| courier.is_of_this_process());
    current.is_none_or(|courier| courier.pause(deadline))
}

/// This process's queue, whose thread runs.
fn running_courier() -> Result<Arc<Courier<Arc<Wakeup>>>> {
    let courier = {
        let mut place = courier();
        if let Some(inherited) = place.take_if(|courier| !courier.is_of_this_process()) {
            // Not even dropped: its locks may be held for ever.
            std::mem::forget(inherited);
        }
        place.get_or_insert_with(|| Courier::new("bedrock-wakeup", |wakeup: Arc<Wakeup>| wakeup.run())).clone()
    };
    let cannot = |error| Error::new(Kind::Resource, format_args!("starting the thread that calls wakeups: {error}"));
    courier.start().map_err(cannot)?;
    Ok(courier)
}

impl Wakeup {
    /// Starts the thread, where it does not run.
    pub fn new(callback: Callback) -> Result<Arc<Self>> {
        Ok(Wakeup::on(running_courier()?, callback))
    }

    pub(crate) fn on(courier: Arc<Courier<Arc<Wakeup>>>, callback: Callback) -> Arc<Self> {
        let call = Call { callback: Some(Arc::new(callback)), queued: false, running: false, awaited: false };
        Arc::new(Wakeup { courier, call: Mutex::new(call), returned: Condvar::new() })
    }

    fn lock(&self) -> MutexGuard<'_, Call> {
        self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn run(&self) {
        let callback = {
            let mut call = self.lock();
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
        // First, so that whoever retires the wakeup has the last of it.
        self.callback = None;
        // The child of a fork in the callback: the locks are its parent's.
        if !self.wakeup.courier.is_of_this_process() {
            return;
        }
        let mut call = self.wakeup.lock();
        call.running = false;
        if std::mem::take(&mut call.awaited) {
            self.wakeup.returned.notify_all();
        }
    }
}

impl Alarm for Arc<Wakeup> {
    fn ring(&self) {
        let mut call = self.lock();
        if !std::mem::replace(&mut call.queued, true) {
            drop(call);
            self.courier.put(|queue| queue.push_back(self.clone()));
        }
    }

    /// What is in the queue stays there: a program that is told in vain finds nothing, and is told again.
    fn hush(&self) {}

    fn retire(&self) {
        let callback = {
            let mut call = self.lock();
            while call.running {
                call.awaited = true;
                call = self.returned.wait(call).unwrap_or_else(PoisonError::into_inner);
            }
            call.callback.take()
        };
        drop(callback);
    }
}
