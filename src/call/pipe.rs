//! What stands between a call's writer and its reader: one batch of events, one end, and whom to tell of them.
//!
//! The reader may sleep in [`Pipe::take`], poll a [`Flag`], or be told by an [`Notifier`]. All three hang on one question, *would
//! the reader find something?*, which is asked and answered under one lock:
//!
//! - The flag is up exactly while the answer is yes. The reader's own batch counts: [`Pipe::settle`] is told whether it has
//!   events left.
//! - The notifier is armed when it is set and each time the reader finds nothing; it rings once, as soon as the answer is yes, and
//!   is then no longer armed. So no push is lost between a look and going to sleep, and none rings twice.
//! - There is one end, and it is final: the first that is set stays. A cancel alone overtakes an end, and the events that came
//!   before it, as long as the reader has not been told.
//!
//! The worker ends a call whose timer has run out. A reader does not depend on that: it knows the deadline too, and leaves
//! with [`Taken::Late`] if the worker is [`GRACE`] behind it.

use super::timer::Deadline;
use crate::error::Error;
use crate::protocol::batch::Batch;
use crate::runtime::event_fd::EventFd;
use crate::runtime::sync::{AtomicBool, Condvar, Mutex, MutexGuard, Ordering};
use crate::text::Text;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// How far the worker may be behind a deadline. It looks at the connection once more before it ends a call, and a process
/// that was stopped finds all of its deadlines in the past.
const GRACE: Duration = Duration::from_millis(200);

/// How a call ended.
#[derive(Clone, Debug)]
pub enum End {
    /// A stream: complete. A unary call: its answer.
    Done(Option<Arc<Text>>),
    Failed(Error),
    Cancelled(Error),
}

/// Told when there is something to read. Called under the pipe's lock: it must not call back.
pub trait Notifier: Send + Sync {
    fn notify(&self);
    /// The reader has found nothing: what has rung and was not heard yet is over.
    fn withdraw(&self);
    /// It will not ring again. When this returns, nothing of it runs. Called outside all locks.
    fn detach(&self);
}

/// See the module's documentation.
pub struct Pipe {
    /// A batch that holds this many bytes is full: the connection is not read until the reader has taken it.
    full: usize,
    state: Mutex<State>,
    readable: Condvar,
    /// Whether the end is a cancel, readable without the lock, before each event.
    cancelled: AtomicBool,
}

#[derive(Default)]
struct State {
    batch: Batch,
    end: Option<End>,
    reader_sleeps: bool,
    /// The worker has promised to announce the batch.
    notification_due: bool,
    /// The batch that the reader took last, and still reads, is huge.
    reader_is_busy: bool,
    /// The writer, where it waits for the batch to be taken.
    writer: Option<Waker>,
    event_fd: Option<EventFd>,
    notifier: Option<Box<dyn Notifier>>,
    armed: bool,
    closed: bool,
    /// When the worker ends the call if nothing comes before.
    until: Option<Deadline>,
    /// When the worker ends the call, whatever comes.
    total: Option<Deadline>,
    /// When a reader found that `until` had passed.
    late_since: Option<Instant>,
}

impl State {
    fn has_something(&self) -> bool {
        !self.batch.is_empty() || self.end.is_some()
    }

    /// Puts flag and notifier where they belong. The reader has events of its own left, or not.
    fn update_readiness(&mut self, unread: bool) {
        let something = unread || self.has_something();
        if let Some(event_fd) = &mut self.event_fd {
            event_fd.set_readable(something);
        }
        if something
            && std::mem::take(&mut self.armed)
            && let Some(notifier) = &self.notifier
        {
            notifier.notify();
        }
    }

    fn has_room(&self, full: usize) -> bool {
        self.batch.bytes() <= full && !self.reader_is_busy
    }

    fn limit(&mut self, until: Deadline) {
        self.until = Some(until.or_earlier(self.total));
        self.late_since = None;
    }

    /// How long a reader may sleep before it has to look at the deadline again. Err: the worker is too late.
    fn patience(&mut self, now: Instant) -> Result<Option<Duration>, Deadline> {
        let Some(until) = self.until else { return Ok(None) };
        let at = until.passes_at();
        if now < at {
            return Ok(Some(at - now));
        }
        let waited = now - *self.late_since.get_or_insert(now);
        if waited < GRACE { Ok(Some(GRACE - waited)) } else { Err(until) }
    }
}

/// What the writer is to know of what it has written.
pub struct Written {
    /// Whether there was any event.
    pub any: bool,
    /// Whether the batch holds all it may.
    pub full: bool,
    /// Whether the writer is to have the batch announced.
    pub notify: bool,
}

/// What the reader found.
pub enum Taken {
    /// The batch it gave is filled.
    Events,
    End(End),
    Nothing,
    /// This deadline has passed, and the worker has not ended the call.
    Late(Deadline),
}

impl Pipe {
    /// A pipe for a call of which about `read_ahead` bytes may wait: half of them on the connection, the others in the
    /// batch, where small events take less than they took on the wire.
    pub fn new(read_ahead: usize) -> Self {
        Pipe {
            full: read_ahead / 8 * 3,
            state: Mutex::default(),
            readable: Condvar::default(),
            cancelled: AtomicBool::default(),
        }
    }

    /// While the reader holds more than this, which only very large events do, no more is written behind it: one of
    /// them at a time is in memory. A reader that waits to be told of more holds nothing, even while it still looks at
    /// its last event: otherwise nothing would ever come of which it could be told.
    fn huge(&self) -> usize {
        2 * self.full
    }

    /// Sets when the worker ends the call: if nothing comes before `until`, and whatever comes at `total`.
    pub fn limit(&self, until: Deadline, total: Option<Deadline>) {
        let mut state = self.state.lock();
        state.total = total;
        state.limit(until);
    }

    /// Lets `decode` append to the batch. What it appended is read at the latest once it is announced. If it appended
    /// anything, the worker waits for more until `next`.
    pub fn write<R>(&self, next: Option<Deadline>, decode: impl FnOnce(&mut Batch) -> R) -> (R, Written) {
        let mut state = self.state.lock();
        let before = state.batch.len();
        let result = decode(&mut state.batch);
        let any = state.batch.len() > before;
        let notify = any && !state.notification_due;
        state.notification_due |= notify;
        if any && let Some(next) = next {
            state.limit(next);
        }
        (result, Written { any, full: !state.has_room(self.full), notify })
    }

    /// Tells the reader of what was written.
    pub fn notify(&self) {
        let mut state = self.state.lock();
        state.notification_due = false;
        self.notify_and_release(state);
    }

    /// Ready once the reader has taken a full batch.
    pub fn poll_taken(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if state.has_room(self.full) {
            return Poll::Ready(());
        }
        state.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Ready once the reader has taken everything, and is done with what was huge.
    pub fn poll_read(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if state.batch.is_empty() && !state.reader_is_busy {
            return Poll::Ready(());
        }
        state.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Sets the end where there is none yet.
    pub fn end_with(&self, end: impl FnOnce() -> End) {
        let mut state = self.state.lock();
        if state.end.is_none() {
            self.set_end(&mut state, end());
        }
        self.notify_and_release(state);
    }

    /// Ends the call as cancelled, whatever the reader has not been told yet.
    pub fn cancel(&self, why: impl FnOnce() -> Error) {
        let mut state = self.state.lock();
        if !matches!(state.end, Some(End::Cancelled(_))) {
            self.set_end(&mut state, End::Cancelled(why()));
        }
        self.notify_and_release(state);
    }

    fn set_end(&self, state: &mut State, end: End) {
        self.cancelled.store(matches!(end, End::Cancelled(_)), Ordering::Release);
        state.end = Some(end);
    }

    /// The lock is let go before the reader is woken: one that wakes up to find it taken goes to sleep again.
    fn notify_and_release(&self, mut state: MutexGuard<'_, State>) {
        // What the reader has left of its own is not known here, so that nothing is taken back.
        if state.has_something() {
            state.update_readiness(false);
        }
        let sleeps = state.reader_sleeps;
        drop(state);
        if sleeps {
            self.readable.notify_one();
        }
    }

    /// Whether a cancel ended the call. Takes no lock.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// The cancel that ended the call, where one did.
    pub fn cancelled(&self) -> Option<End> {
        if self.is_cancelled() { self.state.lock().end.clone() } else { None }
    }

    /// Fills `batch`, which is empty, with what was written, or says how the call ended. Where there is neither, sleeps for at most
    /// `timeout` (None: as long as it takes), and arms the notifier before it says [`Taken::Nothing`].
    pub fn take(&self, batch: &mut Batch, timeout: Option<Duration>) -> Taken {
        let mut deadline = None;
        let mut state = self.state.lock();
        state.reader_is_busy = false;
        loop {
            if let Some(end @ End::Cancelled(_)) = &state.end {
                return Taken::End(end.clone());
            }
            if !state.batch.is_empty() {
                std::mem::swap(&mut state.batch, batch);
                state.reader_is_busy = batch.bytes() > self.huge();
                self.wake_writer(state);
                return Taken::Events;
            }
            if state.writer.is_some() {
                self.wake_writer(state);
                state = self.state.lock();
                continue;
            }
            if let Some(end) = &state.end {
                return Taken::End(end.clone());
            }
            let now = Instant::now();
            let patience = match state.patience(now) {
                Ok(patience) => patience,
                Err(passed) => return Taken::Late(passed),
            };
            let left = timeout.and_then(|timeout| {
                let end = *deadline.get_or_insert_with(|| now.checked_add(timeout));
                end.map(|end| end.saturating_duration_since(now))
            });
            if left.is_some_and(|left| left.is_zero()) {
                if let Some(notifier) = &state.notifier {
                    notifier.withdraw();
                    state.armed = true;
                }
                return Taken::Nothing;
            }
            let left = left.into_iter().chain(patience).min();
            state.reader_sleeps = true;
            state = match left {
                None => self.readable.wait(state),
                Some(left) => self.readable.wait_timeout(state, left).0,
            };
            state.reader_sleeps = false;
        }
    }

    /// Wakes the writer where it waits and there is room for it.
    fn wake_writer(&self, mut state: MutexGuard<'_, State>) {
        let room = state.writer.is_some() && state.has_room(self.full);
        let writer = if room { state.writer.take() } else { None };
        // While it waited for room no timer ran but the total one.
        if let Some(until) = state.until.filter(|_| room) {
            state.limit(until.restarted());
        }
        drop(state);
        if let Some(writer) = writer {
            // Where the program has closed the event loop's descriptors, this panics, and the loop ends the call.
            let _ = catch_unwind(AssertUnwindSafe(|| writer.wake()));
        }
    }

    /// Puts the flag where it belongs, after the reader has read: `unread` says whether it has events of its own left.
    pub fn update_readiness(&self, unread: bool) {
        let mut state = self.state.lock();
        state.update_readiness(unread);
        self.resume_writer(state, unread);
    }

    /// Wakes the writer where only the reader's own batch was in its way, and the reader has handed out all of that.
    fn resume_writer(&self, mut state: MutexGuard<'_, State>, unread: bool) {
        state.reader_is_busy &= unread;
        self.wake_writer(state);
    }

    /// The flag's descriptor; the flag is made where there is none, but none after [`Pipe::close`]: who would take it down?
    pub fn fd(&self, unread: bool) -> std::io::Result<i32> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(std::io::ErrorKind::NotConnected.into());
        }
        if state.event_fd.is_none() {
            state.event_fd = Some(EventFd::new()?);
        }
        state.update_readiness(unread);
        let fd = state.event_fd.as_ref().expect("the descriptor has just been made").fd();
        self.resume_writer(state, unread);
        Ok(fd)
    }

    /// Replaces the notifier; None takes it down. The new one rings at once where there is something to read. When this returns,
    /// nothing of the old one runs.
    pub fn set_notifier(&self, notifier: Option<Box<dyn Notifier>>, unread: bool) {
        let mut state = self.state.lock();
        let old = if state.closed { notifier } else { self.replace_notifier(&mut state, notifier, unread) };
        self.resume_writer(state, unread);
        if let Some(old) = old {
            old.detach();
        }
    }

    fn replace_notifier(
        &self,
        state: &mut State,
        notifier: Option<Box<dyn Notifier>>,
        unread: bool,
    ) -> Option<Box<dyn Notifier>> {
        let now = unread || state.has_something();
        state.armed = !now && notifier.is_some();
        if let Some(notifier) = notifier.as_ref().filter(|_| now) {
            notifier.notify();
        }
        let old = std::mem::replace(&mut state.notifier, notifier);
        if let Some(old) = &old {
            old.withdraw();
        }
        old
    }

    /// Takes down the flag and the notifier, for good.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.event_fd = None;
        let old = self.replace_notifier(&mut state, None, false);
        drop(state);
        if let Some(old) = old {
            old.detach();
        }
    }
}
