//! The program's side of a call.

use super::notified_by::NotifiedBy;
use super::observation::Observation;
use super::pipe::End;
use super::reader::Reader;
use super::readiness::Notifier;
use super::shared::{CANCELLED, EndOnDrop, Shared};
use super::timer::Deadline;
use super::waitset::WaitSet;
use super::wakeup;
use super::writer::Writer;
use crate::error::{Error, Kind, Result};
use crate::protocol::event::Event;
use crate::protocol::operation::Operation;
use crate::response::Response;
use crate::response::assembler::Assembler;
use crate::runtime::cancel::{self, Cancel, Registration};
use crate::runtime::worker;
use futures::FutureExt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// The result of [`Stream::next`].
#[derive(Debug)]
pub enum Next<'a> {
    Event(Event<'a>),
    /// The call is complete.
    Done,
    /// The timeout is over.
    Again,
}

/// The settings of a call that starts.
pub struct StartOptions {
    pub operation: Operation,
    pub cancel: Option<Cancel>,
    /// The size of the read-ahead, in bytes; an approximate limit.
    pub read_ahead: usize,
    /// The deadline of its first timer.
    pub until: Deadline,
    /// What is observed of it, if somebody listens.
    pub observation: Option<Box<Observation>>,
}

/// The note in the error of a timer on which the worker has not acted.
const BEHIND: &str = "; the library's worker is behind, because its thread is stopped or the machine overloaded";

/// The result of [`Stream::wait`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// There is an event.
    Ready,
    /// The call is complete.
    Done,
    /// The timeout is over.
    Again,
}

/// The program's side of a call. One thread at a time reads it.
pub struct Stream {
    shared: Arc<Shared>,
    cancel: Option<Cancel>,
    /// Dropped with the stream: a latch that fires afterwards has no call to end.
    _registration: Option<Registration>,
    reader: Reader,
    notified_by: NotifiedBy,
    /// None if the response does not come in events, or is not wanted.
    assembler: Option<Assembler>,
    operation: Operation,
    /// The response of a call that has ended, once it has been made.
    response: Option<Response>,
    /// Whether an event has been returned.
    begun: bool,
}

impl Stream {
    /// Starts a call on the worker. `write` runs it to its end, and returns the response of a unary call.
    // Never inlined: its frame holds the task, and a caller's thread may have a small stack.
    #[inline(never)]
    pub fn start<F>(
        runtime: &worker::Runtime,
        options: StartOptions,
        write: impl FnOnce(Writer) -> F + Send + 'static,
    ) -> Result<Self>
    where
        F: Future<Output = Result<Option<String>>> + Send + 'static,
    {
        let StartOptions { operation, cancel, read_ahead, until, observation } = options;
        let shared = Shared::new(read_ahead, observation);
        shared.pipe.limit(until, None);
        let registration = cancel::register(cancel.as_ref(), Arc::downgrade(&shared) as _)?;
        let end_on_drop = EndOnDrop(shared.clone());
        let writer = Writer::new(shared.clone());
        let work = async move {
            let end = AssertUnwindSafe(write(writer)).catch_unwind().await;
            end_on_drop.0.end_with(|| match end {
                Ok(Ok(response)) => End::Done(response.map(|json| Arc::new(json.into()))),
                Ok(Err(error)) => End::Failed(error),
                Err(panic) => End::Failed(worker::task_panicked(&*panic)),
            });
        };
        let _ = shared.task.set(runtime.spawn(work)?);
        // If the call ended in the meantime, there was no task to abort. If the latch has fired before, there was no
        // call to end.
        if cancel.as_ref().is_some_and(Cancel::is_fired) {
            shared.cancel(CANCELLED);
        } else if shared.pipe.is_cancelled() {
            shared.abort();
        }
        let mut stream = Stream::on(shared, operation);
        stream._registration = Some(registration);
        stream.cancel = cancel;
        Ok(stream)
    }

    /// Returns a call that was cancelled before it began.
    pub fn cancelled(operation: Operation) -> Self {
        let shared = Shared::new(0, None);
        shared.pipe.cancel(|| Error::new(Kind::Cancelled, "the call was cancelled before it began"));
        Stream::on(shared, operation)
    }

    fn on(shared: Arc<Shared>, operation: Operation) -> Self {
        let assembler = Assembler::of(operation);
        Stream {
            shared,
            cancel: None,
            _registration: None,
            reader: Reader::default(),
            notified_by: NotifiedBy::new("stream"),
            assembler,
            operation,
            response: None,
            begun: false,
        }
    }

    /// Returns the next event, or the terminal status, which every later call returns again. Without a `timeout` it
    /// waits for as long as it takes.
    #[inline]
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Next<'_>> {
        Ok(match self.wait(timeout)? {
            // A cancel that fires from here on is found by the next call.
            Readiness::Ready => Next::Event(self.take().expect("an event was waited for")),
            Readiness::Done => Next::Done,
            Readiness::Again => Next::Again,
        })
    }

    /// Waits until [`Stream::ready`] has an event, or the call has ended.
    #[inline]
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<Readiness> {
        if self.is_ready() { Ok(Readiness::Ready) } else { self.wait_for_more(timeout) }
    }

    fn wait_for_more(&mut self, timeout: Option<Duration>) -> Result<Readiness> {
        // The reader acts on its latch itself, before the listener does.
        if self.reader.end().is_none() && self.cancel.as_ref().is_some_and(Cancel::is_fired) {
            self.shared.cancel(CANCELLED);
        }
        // And on its timer, if the worker does not.
        if let Some(late) = self.reader.wait(&self.shared.pipe, timeout) {
            self.shared.fail(|| late.missed().note(BEHIND).while_doing(self.operation.name()));
            self.reader.wait(&self.shared.pipe, Some(Duration::ZERO));
        }
        match self.reader.end() {
            Some(End::Done(_)) => Ok(Readiness::Done),
            Some(End::Failed(error) | End::Cancelled(error)) => Err(error.clone()),
            None if self.reader.has_unread() => Ok(Readiness::Ready),
            None => Ok(Readiness::Again),
        }
    }

    /// Returns whether an event can be returned without a wait.
    #[inline]
    fn is_ready(&self) -> bool {
        let cancelled = self.shared.pipe.is_cancelled() || self.cancel.as_ref().is_some_and(Cancel::is_fired);
        self.reader.end().is_none() && self.reader.has_unread() && !cancelled
    }

    /// Returns the next event, if one has arrived. It makes no system call unless the program polls the stream's
    /// descriptor.
    #[inline]
    pub fn ready(&mut self) -> Option<Event<'_>> {
        if self.is_ready() { self.take() } else { None }
    }

    /// Returns the event that [`Stream::wait`] has found.
    #[inline(always)]
    pub fn take(&mut self) -> Option<Event<'_>> {
        self.begun = true;
        let event = self.reader.next(&self.shared.pipe)?;
        if let Some(assembler) = &mut self.assembler {
            assembler.push(&event);
        }
        Some(event)
    }

    /// Stops collecting the content of events: [`Stream::response`] then has the stop reason and the usage alone.
    pub fn drop_content(&mut self) {
        self.assembler = Assembler::without_content(self.operation);
    }

    /// Stops collecting events: there will be no call of [`Stream::response`].
    pub fn keep_nothing(&mut self) {
        self.assembler = None;
    }

    /// Returns the response: complete after [`Next::Done`], before that the events that have been returned.
    pub fn response(&mut self) -> Response {
        if self.reader.end().is_none() {
            return self.response_of(self.assembler.clone());
        }
        // No event comes any more: the response is made once, and shared.
        let assembler = self.assembler.take();
        let made = self.response.take().unwrap_or_else(|| self.response_of(assembler));
        self.response.insert(made).clone()
    }

    /// Returns the response of a call that is read no further, or its part that has arrived; None if no event has.
    pub fn finish(&mut self) -> Option<Response> {
        let done = matches!(self.reader.end(), Some(End::Done(_)));
        let assembler = self.assembler.take();
        (done || self.begun).then(|| self.response_of(assembler))
    }

    fn response_of(&self, assembler: Option<Assembler>) -> Response {
        let head = self.shared.head();
        let attempts = self.shared.attempts.count();
        match self.reader.end() {
            Some(End::Done(Some(json))) => Response::unary(json.clone(), head, attempts),
            end => Response::assembled(assembler, matches!(end, Some(End::Done(_))), head, attempts),
        }
    }

    /// Returns a descriptor that is readable exactly while [`Stream::next`] would not return [`Next::Again`]. The
    /// stream owns it.
    pub fn fd(&mut self) -> Result<i32> {
        self.reader
            .fd(&self.shared.pipe)
            .map_err(|error| Error::new(Kind::Resource, format_args!("making a descriptor for a stream: {error}")))
    }

    /// Sets a wakeup, which calls the program once there is something to read: now, and after each [`Next::Again`]. It
    /// replaces an earlier wakeup. `make` is called if the stream may have one.
    ///
    /// [`Kind::Busy`] if the stream is in a waiting set.
    pub fn set_wakeup(&mut self, make: impl FnOnce() -> wakeup::Callback) -> Result<()> {
        let wakeup = self.notified_by.wakeup(make)?;
        self.set_notifier(Some(wakeup));
        Ok(())
    }

    /// Removes the wakeup, if there is one. [`Kind::Busy`] if the stream is in a waiting set.
    pub fn remove_wakeup(&mut self) -> Result<()> {
        if self.notified_by.no_wakeup()? {
            self.set_notifier(None);
        }
        Ok(())
    }

    /// Adds the stream to a waiting set, which returns `token` once there is something to read: now, and after each
    /// [`Next::Again`].
    ///
    /// [`Kind::Busy`] if the stream has a wakeup or is in a set.
    pub fn join<T: Copy + Send + Sync + 'static>(&mut self, set: &WaitSet<T>, token: T) -> Result<()> {
        let subscription = self.notified_by.set(set, token)?;
        self.set_notifier(Some(subscription));
        Ok(())
    }

    /// Sets a notifier of the library's own.
    pub fn notify(&mut self, notifier: Box<dyn Notifier>) {
        self.set_notifier(Some(notifier));
    }

    /// From now on, a notifier that [follows the level](Notifier::follows_level) is withdrawn as soon as all events
    /// have been returned.
    pub fn follow_level(&mut self) {
        self.reader.follow_level(&self.shared.pipe);
    }

    /// When this returns, the earlier notifier does not run, and will not.
    fn set_notifier(&mut self, notifier: Option<Box<dyn Notifier>>) {
        self.shared.pipe.set_notifier(notifier, self.reader.has_unread());
    }

    /// Cancels the call if it has not ended.
    pub fn cancel(&self) {
        self.shared.cancel(CANCELLED);
    }

    /// Returns a handle by which another thread may end this stream.
    pub fn remote(&self) -> Remote {
        Remote(self.shared.clone())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // A call that is complete has nothing left to end.
        if !matches!(self.reader.end(), Some(End::Done(_))) {
            self.shared.cancel(CANCELLED);
        }
    }
}

/// A handle that ends a stream from any thread, also while another thread reads it.
#[derive(Clone)]
pub struct Remote(Arc<Shared>);

impl Remote {
    /// Cancels the call. Never blocks. The reader then gets [`Kind::Cancelled`], unless it has got another terminal
    /// status before.
    pub fn cancel(&self) {
        self.0.cancel(CANCELLED);
    }

    /// Cancels the call, closes the stream's descriptor and removes its notifier. When this returns, the notifier does
    /// not run, and will not.
    pub fn close(&self) {
        self.0.cancel(CANCELLED);
        self.0.pipe.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::timer::Wait;

    fn options(operation: Operation) -> StartOptions {
        let until = Deadline::after(Wait::FirstEvent, Duration::from_secs(300));
        StartOptions { operation, cancel: None, read_ahead: 0, until, observation: None }
    }

    #[test]
    fn a_panic_in_a_call_is_its_terminal_error_and_the_next_call_works() {
        let runtime = worker::start().unwrap();
        let panics = |_| async { panic!("on purpose") };
        let mut broken = Stream::start(&runtime, options(Operation::ConverseStream), panics).unwrap();
        for _ in 0..2 {
            let error = broken.next(None).unwrap_err();
            assert_eq!(error.kind(), Kind::Internal);
            assert!(error.message().as_str().contains("on purpose"), "{error}");
        }
        let responds = |_| async { Ok(Some("{}".to_owned())) };
        let mut fine = Stream::start(&runtime, options(Operation::Converse), responds).unwrap();
        assert!(matches!(fine.next(None), Ok(Next::Done)));
        assert_eq!(fine.response().json().as_str(), "{}");
    }

    #[test]
    fn a_call_that_cannot_wake_the_event_loop_names_the_cause_and_not_a_bug() {
        let runtime = worker::start().unwrap();
        let panics = |_| async { panic!("failed to wake I/O driver: Os {{ code: 9 }}") };
        let mut broken = Stream::start(&runtime, options(Operation::ConverseStream), panics).unwrap();
        let error = broken.next(None).unwrap_err();
        assert_eq!(error.kind(), Kind::Resource);
        assert!(error.message().as_str().contains("the program has closed descriptors"), "{error}");
    }

    #[test]
    fn a_wait_for_a_call_ends_at_its_timeout_and_the_call_can_be_cancelled_from_any_thread() {
        let runtime = worker::start().unwrap();
        let mut stream =
            Stream::start(&runtime, options(Operation::ConverseStream), |_| std::future::pending()).unwrap();
        assert!(matches!(stream.next(Some(Duration::ZERO)), Ok(Next::Again)));
        assert!(matches!(stream.next(Some(Duration::from_millis(1))), Ok(Next::Again)));
        let remote = stream.remote();
        std::thread::spawn(move || remote.cancel());
        assert_eq!(stream.next(None).unwrap_err().kind(), Kind::Cancelled);
        assert_eq!(stream.next(None).unwrap_err().kind(), Kind::Cancelled, "an end is final");
    }

    #[test]
    fn a_reader_returns_when_its_timer_has_run_out_although_the_worker_does_nothing() {
        let runtime = worker::start().unwrap();
        let until = Deadline::after(Wait::FirstEvent, Duration::from_millis(50));
        let options = StartOptions { until, ..options(Operation::ConverseStream) };
        // The worker has no timer for this call.
        let mut stream = Stream::start(&runtime, options, |_| std::future::pending()).unwrap();
        let began = std::time::Instant::now();
        let error = stream.next(None).unwrap_err();
        assert_eq!(error.kind(), Kind::Timeout);
        assert!(error.message().as_str().contains("within 50ms (timeouts.first_event"), "{error}");
        assert!(began.elapsed() >= Duration::from_millis(50));
        assert_eq!(stream.next(Some(Duration::ZERO)).unwrap_err().kind(), Kind::Timeout, "an end is final");
    }
}
