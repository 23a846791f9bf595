//! The part of a call that both of its sides use.

use super::observation::Observation;
use super::pipe::{End, Pipe};
use super::record::Record;
use crate::error::{Error, Kind};
use crate::protocol::response_head::ResponseHead;
use crate::runtime::cancel::{Call, Why};
use crate::runtime::feed;
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
    /// Boxed, because most calls have none.
    pub observation: Option<Box<Observation>>,
    head: Mutex<ResponseHead>,
    /// The task on the worker, once it is spawned.
    pub task: OnceLock<AbortHandle>,
}

impl Shared {
    pub fn new(read_ahead: usize, observation: Option<Box<Observation>>) -> Arc<Self> {
        Arc::new(Shared {
            pipe: Pipe::new(read_ahead),
            attempts: if observation.is_some() { Attempts::recorded() } else { Attempts::default() },
            observation,
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

    /// Sets the end of the call if there is none yet.
    pub fn end_with(&self, end: impl FnOnce() -> End) {
        self.pipe.end_with(|| {
            let end = end();
            self.observation.iter().for_each(|observation| observation.end(end.error()));
            end
        });
    }

    /// Ends the call as cancelled, and ends its task.
    pub fn cancel(&self, why: &str) {
        self.pipe.cancel(|| {
            let error = Error::new(Kind::Cancelled, why).with_attempts(self.attempts.count());
            self.observation.iter().for_each(|observation| observation.end(Some(&error)));
            error
        });
        self.abort();
    }

    /// Ends the call as failed, and ends its task.
    pub fn fail(&self, error: impl FnOnce() -> Error) {
        self.end_with(|| End::Failed(self.attempts.explain(error())));
        self.abort();
    }

    /// Reports the record of the call, which has ended, if it is observed.
    fn report(&self) {
        let Some(call) = &self.observation else { return };
        let Some(outcome) = call.outcome() else { return };
        let (progress, attempts) = (call.take_progress(), self.attempts.take_trail());
        feed::report_record(call.began, |form| {
            let head = self.head.lock();
            let record = Record { call, progress: &progress, outcome, attempts: &attempts, head: &head };
            record.to_json(form).into()
        });
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

/// Ends a call when its task is dropped without an end: the worker has been shut down. Reports the record of the call,
/// once for each task.
pub struct EndOnDrop(pub Arc<Shared>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end_with(|| End::Cancelled(Error::new(Kind::Cancelled, SHUT_DOWN)));
        self.0.report();
    }
}
