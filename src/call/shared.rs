//! The part of a call that both of its sides use.

use super::observation::Observation;
use super::pipe::{End, Pipe};
use super::record::Record;
use crate::error::{Error, Kind};
use crate::protocol::response_head::ResponseHead;
use crate::runtime::blocking;
use crate::runtime::cancel::{Call, Why};
use crate::runtime::feed;
use crate::runtime::notify::Notify;
use crate::runtime::sync::Mutex;
use crate::runtime::worker;
use crate::sdk::attempts::Attempts;
use std::sync::{Arc, OnceLock};
use tokio::task::AbortHandle;

/// Content of more bytes makes a record on another thread.
const LONG_CONTENT: usize = 64 << 10;

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

    /// Does the same as [`Self::report`], on another thread if the record has long content: it is read and written, and
    /// the worker's other calls would wait for that. [`blocking`] ends before the feeds at a shutdown.
    fn report_elsewhere_if_long(self: &Arc<Self>) {
        if self.observation.as_ref().is_some_and(|call| call.content_length() > LONG_CONTENT) {
            let this = self.clone();
            let report = move || {
                this.report();
                Ok(())
            };
            let report = move || drop(Error::catch(report));
            if blocking::CHECKS.submit(report).is_ok() {
                return;
            }
        }
        self.report();
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
        self.0.report_elsewhere_if_long();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::operation::Operation;
    use crate::request::SerializedRequest;
    use crate::runtime::feed::{Form, Item, Queue, Subscription};
    use std::sync::mpsc;
    use std::time::Duration;

    /// Ends a call whose request has content of this length.
    fn end_call(model: &str, length: usize) {
        let body = format!(r#"{{"messages":[{{"role":"user","content":[{{"text":"{}"}}]}}]}}"#, "x".repeat(length));
        let request = SerializedRequest {
            subject: model.to_owned(),
            path: format!("/model/{model}/converse"),
            headers: Vec::new(),
            body: Some(body.into()),
        };
        let observation = Observation::begin(Operation::Converse, &request, None);
        drop(EndOnDrop(Shared::new(0, Some(observation))));
    }

    #[test]
    fn a_record_with_long_content_is_made_on_another_thread_while_others_are_reported() {
        let form = Form::WithContent;
        let queue = Queue::open(Subscription { level: None, records: Some(form), capacity: 1_000_000 });
        // Other tests of this process may have calls too.
        let next = |timeout| {
            std::iter::from_fn(|| queue.next(Some(timeout)).unwrap()).find_map(|item| match item {
                Item::Record(_, json) => {
                    ["a-long-call", "a-short-call"].into_iter().find(|name| json.as_str().contains(name))
                }
                _ => None,
            })
        };
        let (release, hang) = mpsc::channel::<()>();
        let hang = Arc::new(std::sync::Mutex::new(hang));
        let (begun, begins) = mpsc::channel();
        // The pool has two threads.
        for _ in 0..2 {
            let (hang, begun) = (hang.clone(), begun.clone());
            blocking::CHECKS
                .submit(move || {
                    let _ = begun.send(());
                    let _ = hang.lock().unwrap().recv();
                })
                .unwrap();
        }
        (0..2).for_each(|_| begins.recv().unwrap());
        end_call("a-long-call", LONG_CONTENT);
        end_call("a-short-call", 10);
        assert_eq!(next(Duration::ZERO), Some("a-short-call"));
        assert_eq!(next(Duration::ZERO), None, "the long record has no thread yet");
        (0..2).for_each(|_| release.send(()).unwrap());
        assert_eq!(next(Duration::from_secs(60)), Some("a-long-call"));
        queue.close();
    }
}
