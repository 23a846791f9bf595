//! The engine: every call of every door is a [`Stream`].
//!
//! A call has two sides. The [`Writer`] is a task on the worker: it sends the request, decodes the answer next to its connection
//! and appends events to a batch. A very long frame is checked on another thread, and the writer waits for it. The [`reader`] is a [`Stream`]'s, in the hands of a thread of the program: it takes the batch as
//! a whole and hands out event by event; where there is none it sleeps, or says so. Between them stands a [`pipe`]: one batch,
//! one end, and whom to tell of them. A call that blocks is a stream that is opened, read to its end and dropped.
//!
//! ```text
//!             first event            messageStop, end of the body
//!   waiting ---------------> open ------------------------------------> done
//!      |                      |  cut, exception, damage, timer
//!      +----------------------+---------------------------------------> failed
//!      |                      |  a latch fired, cancel(), shutdown
//!      +----------------------+---------------------------------------> cancelled
//! ```
//!
//! - There is one end, and it is final: the first that is set stays. What the reader has been told is repeated for ever.
//! - Events that came before `done` or `failed` are read first. `cancelled` overtakes them: no event is handed out after it.
//! - A stream is done only after `messageStop`. However else its bytes end, that is [`Kind::Truncated`].
//! - While the batch is full the writer does not read its connection, and no timer but `total` runs.
//! - Dropping the stream ends the task, and with it the connection.

mod pipe;
mod reader;
pub mod timer;
pub mod waitset;
pub mod wakeup;
mod writer;

pub use writer::{StreamLimits, Writer};

use crate::call::timer::Deadline;
use crate::error::{Error, Kind, Result};
use crate::protocol::event::Event;
use crate::protocol::operation::Operation;
use crate::protocol::response_head::ResponseHead;
use crate::response::Response;
use crate::response::assemble::Assembler;
use crate::runtime::cancel::{self, Call, Cancel, Registration, Why};
use crate::runtime::notify::Notify;
use crate::runtime::sync::Mutex;
use crate::runtime::worker;
use crate::sdk::attempts::Attempts;
use futures::FutureExt;
use pipe::{End, Notifier, Pipe};
use reader::Reader;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::task::AbortHandle;
use waitset::WaitSet;
use wakeup::Wakeup;

/// What both sides of a call hold.
struct Shared {
    pipe: Pipe,
    attempts: Attempts,
    head: Mutex<ResponseHead>,
    task: OnceLock<AbortHandle>,
}

impl Shared {
    fn new(read_ahead: usize) -> Arc<Self> {
        Arc::new(Shared {
            pipe: Pipe::new(read_ahead),
            attempts: Attempts::default(),
            head: Mutex::default(),
            task: OnceLock::new(),
        })
    }

    fn set_head(&self, head: &ResponseHead) {
        *self.head.lock() = head.clone();
    }

    fn head(&self) -> ResponseHead {
        self.head.lock().clone()
    }

    /// Ends the call as cancelled, and its task with it.
    fn cancel(&self, why: &str) {
        self.pipe.cancel(|| Error::new(Kind::Cancelled, why).with_attempts(self.attempts.count()));
        self.abort();
    }

    /// Ends the call as failed, and its task with it.
    fn fail(&self, error: impl FnOnce() -> Error) {
        self.pipe.end_with(|| End::Failed(self.attempts.explain(error())));
        self.abort();
    }

    fn abort(&self) {
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

const CANCELLED: &str = "the call was cancelled";
const SHUT_DOWN: &str = "the library was shut down during the call";

/// What [`Stream::next`] found.
#[derive(Debug)]
pub enum Next<'a> {
    Event(Event<'a>),
    /// The call has ended completely.
    Done,
    /// Nothing came within the time given.
    Again,
}

/// What a call is started with.
pub struct StartOptions {
    pub operation: Operation,
    pub cancel: Option<Cancel>,
    /// How many bytes may wait to be read, about.
    pub read_ahead: usize,
    /// When its first timer runs out.
    pub until: Deadline,
}

/// What a reader adds to a timer that the worker has not obeyed.
const BEHIND: &str = "; the library's worker is behind: is its thread stopped, or the machine overloaded?";

/// What [`Stream::wait`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// There is an event.
    Ready,
    /// The call has ended completely.
    Done,
    /// Nothing came within the time given.
    Again,
}

/// What notifies the program that there is something to read, besides the stream's descriptor: a wakeup or a waiting set, not both.
enum NotifiedBy {
    None,
    Wakeup,
    /// A function that returns whether the set was freed.
    Set(Box<dyn Fn() -> bool + Send>),
}

/// The program's side of a call. One thread at a time reads it.
pub struct Stream {
    shared: Arc<Shared>,
    cancel: Option<Cancel>,
    /// Dropped with the stream, so that a latch does not keep what it can no longer stop.
    _registration: Option<Registration>,
    reader: Reader,
    notified_by: NotifiedBy,
    /// None where the answer does not come in events, or nobody asks for it.
    assembler: Option<Assembler>,
    operation: Operation,
    /// The answer of a call that has ended, once it was asked for.
    answer: Option<Response>,
    /// Whether any event has been handed out.
    begun: bool,
}

impl Stream {
    /// Starts a call on the worker. `write` drives it to its end: nothing for a stream, the answer for a unary call.
    // Its frame holds the task before it has memory of its own. The caller's is not to be as large: threads have small stacks.
    #[inline(never)]
    pub fn start<F>(
        runtime: &worker::Runtime,
        options: StartOptions,
        write: impl FnOnce(Writer) -> F + Send + 'static,
    ) -> Result<Self>
    where
        F: Future<Output = Result<Option<String>>> + Send + 'static,
    {
        let StartOptions { operation, cancel, read_ahead, until } = options;
        let shared = Shared::new(read_ahead);
        shared.pipe.limit(until, None);
        let registration = cancel::register(cancel.as_ref(), Arc::downgrade(&shared) as _)?;
        let end_on_drop = EndOnDrop(shared.clone());
        let writer = Writer { shared: shared.clone() };
        let work = async move {
            let end = AssertUnwindSafe(write(writer)).catch_unwind().await;
            end_on_drop.0.pipe.end_with(|| match end {
                Ok(Ok(answer)) => End::Done(answer.map(|answer| Arc::new(answer.into()))),
                Ok(Err(error)) => End::Failed(error),
                Err(panic) => End::Failed(Error::from_panic(&*panic)),
            });
        };
        let Some(task) = worker::wake(|| runtime.handle.spawn(work)) else {
            worker::give_up(runtime.epoch);
            return Err(worker::loop_broken());
        };
        let _ = shared.task.set(task.abort_handle());
        // What has ended the call meanwhile found no task, and a latch that fired meanwhile no call.
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

    /// A call that was cancelled before it began.
    pub fn cancelled(operation: Operation) -> Self {
        let shared = Shared::new(0);
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
            notified_by: NotifiedBy::None,
            assembler,
            operation,
            answer: None,
            begun: false,
        }
    }

    /// The next event, or how the call ended, which every later call gives again. `timeout` None waits as long as it takes.
    #[inline]
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Next<'_>> {
        Ok(match self.wait(timeout)? {
            // A cancel that is fired from here on is for the next call to find.
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
        // A latch is obeyed here and now, not only when another thread has heard of it.
        if self.reader.end().is_none() && self.cancel.as_ref().is_some_and(Cancel::is_fired) {
            self.shared.cancel(CANCELLED);
        }
        // So is a timer.
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

    /// Whether there is an event that has come and may be handed out.
    #[inline]
    fn is_ready(&self) -> bool {
        let cancelled = self.shared.pipe.is_cancelled() || self.cancel.as_ref().is_some_and(Cancel::is_fired);
        self.reader.end().is_none() && self.reader.has_unread() && !cancelled
    }

    /// The next event, if one has come. It makes no system call unless the stream's descriptor is polled.
    #[inline]
    pub fn ready(&mut self) -> Option<Event<'_>> {
        if self.is_ready() { self.take() } else { None }
    }

    #[inline(always)]
    fn take(&mut self) -> Option<Event<'_>> {
        self.begun = true;
        let event = self.reader.next(&self.shared.pipe)?;
        if let Some(assembler) = &mut self.assembler {
            assembler.push(&event);
        }
        Some(event)
    }

    /// Has events handed out without keeping what they say: [`Stream::response`] then tells only why the answer ended
    /// and what it cost.
    pub fn keep_outline(&mut self) {
        self.assembler = Assembler::outline(self.operation);
    }

    /// Has events handed out without keeping anything of them, for who never asks for a response.
    pub fn keep_nothing(&mut self) {
        self.assembler = None;
    }

    /// The answer: complete after [`Next::Done`], before that what has been handed out.
    pub fn response(&mut self) -> Response {
        if self.reader.end().is_none() {
            return self.response_of(self.assembler.clone());
        }
        // Nothing comes any more: the answer is put together once, of what is kept, and shared.
        let assembler = self.assembler.take();
        let made = self.answer.take().unwrap_or_else(|| self.response_of(assembler));
        self.answer.insert(made).clone()
    }

    /// The answer of a call that is read no further, or what had arrived of it; None where nothing had.
    pub fn finish(&mut self) -> Option<Response> {
        let done = matches!(self.reader.end(), Some(End::Done(_)));
        let assembler = self.assembler.take();
        (done || self.begun).then(|| self.response_of(assembler))
    }

    fn response_of(&self, assembler: Option<Assembler>) -> Response {
        let head = self.shared.head();
        let attempts = self.shared.attempts.count();
        match self.reader.end() {
            Some(End::Done(Some(answer))) => Response::unary(answer.clone(), head, attempts),
            end => Response::assembled(assembler, matches!(end, Some(End::Done(_))), head, attempts),
        }
    }

    /// A descriptor that is readable exactly while [`Stream::next`] would not say [`Next::Again`]. It is the stream's, which
    /// closes it.
    pub fn fd(&mut self) -> Result<i32> {
        self.reader
            .fd(&self.shared.pipe)
            .map_err(|error| Error::new(Kind::Resource, format_args!("making a descriptor for a stream: {error}")))
    }

    /// Has a wakeup call the program once there is something to read: now, and after each [`Next::Again`]. It replaces the wakeup
    /// before. `make` is called if the stream may have one.
    ///
    /// [`Kind::Busy`] if the stream is in a waiting set.
    pub fn set_wakeup(&mut self, make: impl FnOnce() -> wakeup::Callback) -> Result<()> {
        self.check_not_in_set()?;
        let wakeup = Wakeup::new(make())?;
        self.set_notifier(Some(Box::new(wakeup)));
        self.notified_by = NotifiedBy::Wakeup;
        Ok(())
    }

    /// Removes the wakeup, if there is one. [`Kind::Busy`] if the stream is in a waiting set.
    pub fn remove_wakeup(&mut self) -> Result<()> {
        self.check_not_in_set()?;
        if matches!(self.notified_by, NotifiedBy::Wakeup) {
            self.set_notifier(None);
            self.notified_by = NotifiedBy::None;
        }
        Ok(())
    }

    /// Adds the stream to a waiting set, which returns `token` once there is something to read: now, and after each
    /// [`Next::Again`].
    ///
    /// [`Kind::Busy`] if the stream has a wakeup or is in a set.
    pub fn join<T: Copy + Send + Sync + 'static>(&mut self, set: &WaitSet<T>, token: T) -> Result<()> {
        self.check_not_in_set()?;
        if matches!(self.notified_by, NotifiedBy::Wakeup) {
            return Err(Error::new(Kind::Busy, "the stream has a wakeup; remove it first"));
        }
        let subscription = set.subscribe(token);
        self.set_notifier(Some(Box::new(subscription.clone())));
        self.notified_by = NotifiedBy::Set(Box::new(move || subscription.is_set_closed()));
        Ok(())
    }

    fn check_not_in_set(&self) -> Result<()> {
        match &self.notified_by {
            NotifiedBy::Set(is_freed) if !is_freed() => {
                let what = "the stream is in a waiting set, and can have no wakeup and be in no other set";
                Err(Error::new(Kind::Busy, what))
            }
            _ => Ok(()),
        }
    }

    /// When this returns, the notifier before is not running and will not run.
    fn set_notifier(&mut self, notifier: Option<Box<dyn Notifier>>) {
        self.shared.pipe.set_notifier(notifier, self.reader.has_unread());
    }

    /// Ends the call, and its connection, where it has not ended.
    pub fn cancel(&self) {
        self.shared.cancel(CANCELLED);
    }

    /// What another thread may do to this stream.
    pub fn remote(&self) -> Remote {
        Remote(self.shared.clone())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.shared.cancel(CANCELLED);
    }
}

/// What may be done to a stream from any thread, also while another reads it.
#[derive(Clone)]
pub struct Remote(Arc<Shared>);

impl Remote {
    /// Never blocks. The reader then gets [`Kind::Cancelled`], unless it had been told of another end before.
    pub fn cancel(&self) {
        self.0.cancel(CANCELLED);
    }

    /// Cancels, closes the stream's descriptor and takes down its notifier. When this returns, nothing of that runs, nor will.
    pub fn close(&self) {
        self.0.cancel(CANCELLED);
        self.0.pipe.close();
    }
}

/// A task that goes away without having said how its call ended, says so when it is dropped.
struct EndOnDrop(Arc<Shared>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.pipe.end_with(|| End::Cancelled(Error::new(Kind::Cancelled, SHUT_DOWN)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::timer::Wait;

    fn options(operation: Operation) -> StartOptions {
        let until = Deadline::after(Wait::FirstEvent, Duration::from_secs(300));
        StartOptions { operation, cancel: None, read_ahead: 0, until }
    }

    #[test]
    fn a_panic_in_a_call_is_that_calls_error_for_ever_and_the_next_call_works() {
        let runtime = worker::start().unwrap();
        let panics = |_| async { panic!("on purpose") };
        let mut broken = Stream::start(&runtime, options(Operation::ConverseStream), panics).unwrap();
        for _ in 0..2 {
            let error = broken.next(None).unwrap_err();
            assert_eq!(error.kind(), Kind::Internal);
            assert!(error.message().as_str().contains("on purpose"), "{error}");
        }
        let answers = |_| async { Ok(Some("{}".to_owned())) };
        let mut fine = Stream::start(&runtime, options(Operation::Converse), answers).unwrap();
        assert!(matches!(fine.next(None), Ok(Next::Done)));
        assert_eq!(fine.response().json().as_str(), "{}");
    }

    #[test]
    fn a_call_that_never_ends_is_waited_for_as_long_as_asked_and_can_be_cancelled_from_any_thread() {
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
    fn a_reader_leaves_when_its_timer_has_run_out_although_the_worker_does_nothing() {
        let runtime = worker::start().unwrap();
        let until = Deadline::after(Wait::FirstEvent, Duration::from_millis(50));
        let options = StartOptions { until, ..options(Operation::ConverseStream) };
        // No timer of the worker's ends this call.
        let mut stream = Stream::start(&runtime, options, |_| std::future::pending()).unwrap();
        let began = std::time::Instant::now();
        let error = stream.next(None).unwrap_err();
        assert_eq!(error.kind(), Kind::Timeout);
        assert!(error.message().as_str().contains("within 50ms (timeouts.first_event"), "{error}");
        assert!(began.elapsed() >= Duration::from_millis(50));
        assert_eq!(stream.next(Some(Duration::ZERO)).unwrap_err().kind(), Kind::Timeout, "an end is final");
    }
}
