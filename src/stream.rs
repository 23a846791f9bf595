//! The engine: every call of every door is a [`Stream`].
//!
//! A call has two sides. The *writer* is a task on the worker: it sends the request, decodes the answer next to its connection
//! and appends events to a batch. The *reader* is a [`Stream`] in the hands of a thread of the program: it takes the batch as a
//! whole, hands out event by event and sleeps when there is none. Between them stands [`Pipe`]: one batch, one end.
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

use crate::cancel::{Cancel, Cancellable, Watch};
use crate::error::{Error, Kind, Result};
use crate::json::{self, Json};
use crate::response::Response;
use crate::response::assemble::Assembler;
use crate::runtime::{self, Announce};
use crate::timer::{Deadline, Timer};
use crate::wire::event::{Batch, Event, EventDecoder};
use crate::wire::failure;
use crate::wire::frame::Decoder;
use crate::wire::operation::{self, Answer, Attempts};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures::FutureExt;
use http_body::Body;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};
use tokio::task::AbortHandle;

/// A batch that holds this much is full: the connection is not read until the reader has taken it.
const FULL: usize = 1 << 20;
/// The longest answer, all its events together.
const MAX_ANSWER: usize = 256 << 20;

/// How a call ended.
#[derive(Clone, Debug)]
enum End {
    /// A stream: complete. A unary call: its answer.
    Done(Option<String>),
    Failed(Error),
    Cancelled(Error),
}

/// What stands between the writer and the reader.
struct Pipe {
    state: Mutex<State>,
    readable: Condvar,
    attempts: Attempts,
    task: OnceLock<AbortHandle>,
}

#[derive(Default)]
struct State {
    batch: Batch,
    end: Option<End>,
    request_id: String,
    reader_sleeps: bool,
    /// The worker has promised to announce the batch.
    announced: bool,
    /// The writer, where it waits for the batch to be taken.
    writer: Option<Waker>,
}

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the end where there is none yet.
    fn end(&self, end: End) {
        let mut state = self.lock();
        if state.end.is_none() {
            state.end = Some(end);
        }
        self.wake_reader(state);
    }

    /// The lock is let go first: a reader that wakes up to find it taken goes to sleep again.
    fn wake_reader(&self, state: MutexGuard<'_, State>) {
        let sleeps = state.reader_sleeps;
        drop(state);
        if sleeps {
            self.readable.notify_one();
        }
    }

    /// Ends the call as cancelled, and its task with it.
    fn cancel(&self) {
        let mut state = self.lock();
        // It overtakes an end of which the reader has not been told.
        if !matches!(state.end, Some(End::Cancelled(_))) {
            let error = Error::new(Kind::Cancelled, "the call was cancelled").with_attempts(self.attempts.get());
            state.end = Some(End::Cancelled(error));
        }
        self.wake_reader(state);
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

impl Announce for Pipe {
    fn announce(&self) {
        let mut state = self.lock();
        state.announced = false;
        self.wake_reader(state);
    }
}

impl Cancellable for Pipe {
    fn cancel(&self) {
        Pipe::cancel(self);
    }
}

/// The worker's side of a call.
pub struct Writer {
    pipe: Arc<Pipe>,
}

/// The timers of an answer that streams; each is on.
#[derive(Clone, Copy, Debug)]
pub struct StreamTimers {
    /// From the call to the first event.
    pub first_event: Deadline,
    /// From one event to the next.
    pub idle: Duration,
    /// From the call to its end, where it is set.
    pub total: Option<Deadline>,
}

impl Writer {
    pub fn attempts(&self) -> &Attempts {
        &self.pipe.attempts
    }

    /// Decodes an answer that streams until it ends, one way or another.
    pub async fn stream(&self, answer: Answer, timers: StreamTimers) -> Result<()> {
        let request_id = answer.request_id.clone();
        self.pipe.lock().request_id.clone_from(&request_id);
        self.read_events(answer.body, timers).await.map_err(|error| error.with_request_id(&request_id))
    }

    /// Collects the answer of a unary call. The timer is set by the caller.
    pub async fn unary(&self, answer: Answer) -> Result<String> {
        let name = |error: Error| error.with_request_id(&answer.request_id).with_http_status(answer.status);
        self.pipe.lock().request_id.clone_from(&answer.request_id);
        let bytes = operation::collect(answer.body, MAX_ANSWER).await.map_err(name)?;
        let text = String::from_utf8(bytes).map_err(|_| name(Error::new(Kind::Protocol, "the answer is not UTF-8")))?;
        match Json::parse(&text) {
            Ok(json) if json.kind() == json::Kind::Object => match failure::in_success(json, answer.status) {
                None => Ok(text),
                Some(error) => Err(name(error)),
            },
            Ok(json) => Err(name(Error::new(
                Kind::Protocol,
                format_args!("the answer is {}, where a JSON object is expected", json.kind()),
            ))),
            Err(invalid) => {
                let what = if text.is_empty() { "it is empty".to_owned() } else { invalid.to_string() };
                Err(name(Error::new(Kind::Protocol, format_args!("the answer is not JSON: {what}"))))
            }
        }
    }

    async fn read_events(&self, mut body: SdkBody, timers: StreamTimers) -> Result<()> {
        let mut timer = Timer::new(timers.first_event.or_earlier(timers.total));
        let mut frames = Decoder::default();
        let mut events = EventDecoder::default();
        let mut received = 0;
        let ending = loop {
            let chunk = match poll_fn(|cx| next_chunk(&mut body, &mut timer, cx)).await {
                Ok(Chunk::Data(data)) => data,
                Ok(Chunk::End) => break None,
                Ok(Chunk::Broken(what)) => break Some(what),
                // Nothing is missing but the end of the body.
                Err(_) if events.message_stopped() && events.has_metadata() && frames.is_between_frames() => {
                    break None;
                }
                Err(missed) => return Err(missed),
            };
            received += chunk.len();
            if received > MAX_ANSWER {
                return Err(Error::new(Kind::Protocol, format_args!("the answer is longer than {MAX_ANSWER} bytes")));
            }
            let Decoded { any, full } = self.decode(&mut frames, &mut events, &chunk)?;
            if full {
                self.batch_taken(timers.total).await?;
            }
            if any {
                timer.restart(Deadline::after("idle", timers.idle).or_earlier(timers.total));
            }
        };
        let complete = events.message_stopped() && frames.is_between_frames();
        match ending {
            _ if complete && (ending.is_none() || events.has_metadata()) => Ok(()),
            cut => {
                let how = cut.unwrap_or_else(|| "the connection was closed".to_owned());
                let when = match (events.message_stopped(), events.has_metadata()) {
                    (false, _) => "before messageStop",
                    (true, false) => "after messageStop but before its metadata",
                    (true, true) => "after its metadata, inside a frame",
                };
                Err(Error::new(Kind::Truncated, format_args!("the answer's stream ended {when}: {how}")))
            }
        }
    }

    fn decode(&self, frames: &mut Decoder, events: &mut EventDecoder, chunk: &[u8]) -> Result<Decoded> {
        let mut state = self.pipe.lock();
        let before = state.batch.len();
        let decoded = frames.feed(chunk, |frame| events.decode(&frame, &mut state.batch));
        let any = state.batch.len() > before;
        let full = state.batch.bytes() > FULL;
        let announce = any && !state.announced;
        state.announced |= announce;
        drop(state);
        if announce {
            runtime::later(self.pipe.clone());
        }
        runtime::announce_overdue();
        decoded.map(|()| Decoded { any, full })
    }

    /// Waits until the reader has taken the batch. Only the total timer runs meanwhile.
    async fn batch_taken(&self, total: Option<Deadline>) -> Result<()> {
        let taken = poll_fn(|cx| {
            let mut state = self.pipe.lock();
            if state.batch.bytes() <= FULL {
                return Poll::Ready(());
            }
            state.writer = Some(cx.waker().clone());
            Poll::Pending
        });
        match total {
            Some(deadline) => deadline.limit(taken).await,
            None => {
                taken.await;
                Ok(())
            }
        }
    }
}

struct Decoded {
    /// Whether there was any event.
    any: bool,
    /// Whether the batch holds all it may.
    full: bool,
}

enum Chunk {
    Data(Bytes),
    End,
    Broken(String),
}

fn next_chunk(body: &mut SdkBody, timer: &mut Timer, cx: &mut std::task::Context<'_>) -> Poll<Result<Chunk>> {
    loop {
        return match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => Poll::Ready(Ok(Chunk::Data(data))),
                // Trailers say nothing about whether the stream is whole.
                Err(_) => continue,
            },
            Poll::Ready(Some(Err(error))) => Poll::Ready(Ok(Chunk::Broken(failure::chain(&*error)))),
            Poll::Ready(None) => Poll::Ready(Ok(Chunk::End)),
            Poll::Pending => timer.poll_expired(cx).map(Err),
        };
    }
}

/// What [`Stream::next`] found.
#[derive(Debug)]
pub enum Next<'a> {
    Event(Event<'a>),
    /// The call has ended completely.
    Done,
    /// Nothing came within the time given.
    Again,
}

/// The program's side of a call. One thread at a time reads it.
pub struct Stream {
    pipe: Arc<Pipe>,
    cancel: Option<Cancel>,
    /// Dropped with the stream, so that a latch does not keep what it can no longer stop.
    _watch: Option<Watch>,
    streams: bool,
    reading: Batch,
    /// How many events of `reading` have been handed out.
    read: usize,
    assembler: Assembler,
    /// Set once the reader has been told how the call ended.
    end: Option<End>,
}

impl Stream {
    /// Starts a call on the worker. `write` drives it to its end: nothing for a stream, the answer for a unary call.
    pub fn start<F>(
        runtime: &runtime::Runtime,
        streams: bool,
        cancel: Option<Cancel>,
        write: impl FnOnce(Writer) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Option<String>>> + Send + 'static,
    {
        let pipe = Arc::new(Pipe {
            state: Mutex::default(),
            readable: Condvar::new(),
            attempts: Attempts::default(),
            task: OnceLock::new(),
        });
        let unfinished = Unfinished(pipe.clone());
        let writer = Writer { pipe: pipe.clone() };
        let task = runtime.handle.spawn(async move {
            let end = AssertUnwindSafe(write(writer)).catch_unwind().await;
            unfinished.0.end(match end {
                Ok(Ok(answer)) => End::Done(answer),
                Ok(Err(error)) => End::Failed(error),
                Err(panic) => End::Failed(Error::panicked(&*panic)),
            });
        });
        let _ = pipe.task.set(task.abort_handle());
        let watch = cancel.as_ref().map(|cancel| cancel.watch(Arc::downgrade(&pipe) as _));
        Stream {
            pipe,
            cancel,
            _watch: watch,
            streams,
            reading: Batch::default(),
            read: 0,
            assembler: Assembler::default(),
            end: None,
        }
    }

    /// The next event, or how the call ended, which is then said for ever. `timeout` None waits as long as it takes.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Next<'_>> {
        self.obey_cancel();
        while self.end.is_none() && self.read == self.reading.len() {
            if !self.take_batch(timeout) {
                return Ok(Next::Again);
            }
        }
        match &self.end {
            None => {}
            Some(End::Done(_)) => return Ok(Next::Done),
            Some(End::Failed(error) | End::Cancelled(error)) => return Err(error.clone()),
        }
        let event = self.reading.get(self.read).expect("an event that was not handed out");
        self.read += 1;
        self.assembler.push(&event);
        Ok(Next::Event(event))
    }

    /// The answer: complete after [`Next::Done`], before that what has been handed out.
    pub fn response(&self) -> Response {
        let request_id = self.pipe.lock().request_id.clone();
        let attempts = self.pipe.attempts.get();
        match &self.end {
            Some(End::Done(Some(answer))) => Response::unary(answer.clone(), &request_id, attempts),
            end => {
                let complete = matches!(end, Some(End::Done(_)));
                let json = if self.streams { self.assembler.answer() } else { String::new() };
                Response::streamed(json, complete, &request_id, attempts)
            }
        }
    }

    /// Ends the call, and its connection, where it has not ended.
    pub fn cancel(&self) {
        self.pipe.cancel();
    }

    /// Cancels from any thread.
    pub fn canceller(&self) -> Canceller {
        Canceller(self.pipe.clone())
    }

    /// A latch is obeyed here and now, not only when the worker has heard of it.
    fn obey_cancel(&mut self) {
        if self.end.is_some() {
            return;
        }
        if self.cancel.as_ref().is_some_and(Cancel::is_fired) {
            self.pipe.cancel();
        }
        if let Some(end @ End::Cancelled(_)) = &self.pipe.lock().end {
            self.end = Some(end.clone());
        }
    }

    /// Takes what the writer has; sleeps where it has nothing. False where the time is over.
    fn take_batch(&mut self, timeout: Option<Duration>) -> bool {
        self.reading.clear();
        self.read = 0;
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = self.pipe.lock();
        loop {
            if let Some(end @ End::Cancelled(_)) = &state.end {
                self.end = Some(end.clone());
                return true;
            }
            if !state.batch.is_empty() {
                std::mem::swap(&mut state.batch, &mut self.reading);
                let writer = state.writer.take();
                drop(state);
                if let Some(writer) = writer {
                    writer.wake();
                }
                return true;
            }
            if state.end.is_some() {
                self.end.clone_from(&state.end);
                return true;
            }
            state.reader_sleeps = true;
            state = match deadline {
                None => self.pipe.readable.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
                    else {
                        state.reader_sleeps = false;
                        return false;
                    };
                    self.pipe.readable.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state.reader_sleeps = false;
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.pipe.cancel();
    }
}

/// Cancels a stream from any thread, also while another reads it.
#[derive(Clone)]
pub struct Canceller(Arc<Pipe>);

impl Canceller {
    /// Never blocks. The reader then gets [`Kind::Cancelled`], unless it had been told of another end before.
    pub fn cancel(&self) {
        self.0.cancel();
    }
}

/// A task that goes away without having said how its call ended, says so when it is dropped.
struct Unfinished(Arc<Pipe>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.0.end(End::Cancelled(Error::new(Kind::Cancelled, "the library was shut down during the call")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_a_call_is_that_calls_error_for_ever_and_the_next_call_works() {
        let runtime = runtime::start().unwrap();
        let mut broken = Stream::start(&runtime, true, None, |_| async { panic!("on purpose") });
        for _ in 0..2 {
            let error = broken.next(None).unwrap_err();
            assert_eq!(error.kind(), Kind::Internal);
            assert!(error.message().as_str().contains("on purpose"), "{error}");
        }
        let mut fine = Stream::start(&runtime, false, None, |_| async { Ok(Some("{}".to_owned())) });
        assert!(matches!(fine.next(None), Ok(Next::Done)));
        assert_eq!(fine.response().json().as_str(), "{}");
    }

    #[test]
    fn a_call_that_never_ends_is_waited_for_as_long_as_asked_and_can_be_cancelled_from_any_thread() {
        let runtime = runtime::start().unwrap();
        let mut stream = Stream::start(&runtime, true, None, |_| std::future::pending());
        assert!(matches!(stream.next(Some(Duration::ZERO)), Ok(Next::Again)));
        assert!(matches!(stream.next(Some(Duration::from_millis(1))), Ok(Next::Again)));
        let canceller = stream.canceller();
        std::thread::spawn(move || canceller.cancel());
        assert_eq!(stream.next(None).unwrap_err().kind(), Kind::Cancelled);
        assert_eq!(stream.next(None).unwrap_err().kind(), Kind::Cancelled, "an end is final");
    }
}
