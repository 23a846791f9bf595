//! The part of a call that both of its sides use.

use super::pipe::{End, Pipe};
use crate::error::{Error, Kind};
use crate::protocol::response_head::ResponseHead;
use crate::runtime::cancel::{Call, Why};
use crate::runtime::notify::Notify;
use crate::runtime::sync::Mutex;
use crate::runtime::worker;
use crate::sdk::attempts::Attempts;
use std::sync::{Arc, OnceLock};
use tokio::task::AbortHandle;

/// The part of a call that both of its sides use.
pub struct Shared {
    pub pipe: Pipe,
    pub attempts: Attempts,
    head: Mutex<ResponseHead>,
    /// The task on the worker, once it is spawned.
    pub task: OnceLock<AbortHandle>,
}

impl Shared {
    pub fn new(read_ahead: usize) -> Arc<Self> {
        Arc::new(Shared {
            pipe: Pipe::new(read_ahead),
            attempts: Attempts::default(),
            head: Mutex::default(),
            task: OnceLock::new(),
        })
    }

    pub fn set_head(&self, head: &ResponseHead) {
        *self.head.lock() = head.clone();
    }

    pub fn head(&self) -> ResponseHead {
        self.head.lock().clone()
    }

    /// Ends the call as cancelled, and ends its task.
    pub fn cancel(&self, why: &str) {
        self.pipe.cancel(|| Error::new(Kind::Cancelled, why).with_attempts(self.attempts.count()));
        self.abort();
    }

    /// Ends the call as failed, and ends its task.
    pub fn fail(&self, error: impl FnOnce() -> Error) {
        self.pipe.end_with(|| End::Failed(self.attempts.explain(error())));
        self.abort();
    }

    pub fn abort(&self) {
        if let Some(task) = self.task.get() {
            worker::wake(|| task.abort());
        }
    }
}

impl Notify for Shared {
    fn notify(&self) {
        self.pipe.notify();
    }
}

impl Call for Shared {
    fn end(&self, why: Why) {
        match why {
            Why::Fired => self.cancel(CANCELLED),
            Why::ShutDown => self.cancel(SHUT_DOWN),
            Why::LoopBroken => self.fail(worker::loop_broken),
        }
    }
}

pub const CANCELLED: &str = "the call was cancelled";
pub const SHUT_DOWN: &str = "the library was shut down during the call";

/// Ends a call when its task is dropped without an end: the worker has been shut down.
pub struct EndOnDrop(pub Arc<Shared>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.pipe.end_with(|| End::Cancelled(Error::new(Kind::Cancelled, SHUT_DOWN)));
    }
}
