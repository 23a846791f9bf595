//! The pipe between a call's writer and its reader: one batch of events, one end, and the notifier.
//!
//! A reader may sleep in [`Pipe::take`], poll a descriptor, or be notified by a [`Notifier`]. All three depend on one
//! condition, *the reader would find something*, which changes under one lock:
//!
//! - The descriptor is readable exactly while the condition holds. The reader's own batch counts:
//!   [`Pipe::update_readiness`] receives whether events are left in it.
//! - The notifier is armed when it is set, and each time the reader finds nothing. It notifies once, as soon as the
//!   condition holds, and is then disarmed. So no event is lost between a look and going to sleep, and none notifies
//!   twice.
//! - There is one end: the first that is set stays. Only a cancel replaces an end, and discards the events before it,
//!   as long as the reader has not returned the end.
//!
//! The worker ends a call whose timer has run out. A reader does not depend on that: it knows the deadline too, and
//! returns with [`Taken::Late`] if the worker is [`GRACE`] behind.

use super::readiness::{Notifier, Readiness};
use super::timer::Deadline;
use crate::error::Error;
use crate::protocol::batch::Batch;
use crate::runtime::event_fd::Signal;
use crate::runtime::sync::{AtomicBool, Condvar, Mutex, MutexGuard, Ordering};
use crate::text::Text;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// The time that the worker may be behind a deadline. It looks at the connection once more before it ends a call, and a
/// process that was stopped finds all of its deadlines in the past.
const GRACE: Duration = Duration::from_millis(200);

/// The end of a call.
#[derive(Clone, Debug)]
pub enum End {
    /// The call is complete. A unary call has its response.
    Done(Option<Arc<Text>>),
    Failed(Error),
    Cancelled(Error),
}

impl End {
    /// Returns the error of a call that has not completed.
    pub fn error(&self) -> Option<&Error> {
        match self {
            End::Done(_) => None,
            End::Failed(error) | End::Cancelled(error) => Some(error),
        }
    }
}

/// The pipe between a call's writer and its reader.
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
    /// The worker has deferred the notification of the batch.
    notification_due: bool,
    /// The batch that the reader took last, and still reads, is huge.
    reader_is_busy: bool,
    /// The writer, if it waits for the batch to be taken.
    writer: Option<Waker>,
    readiness: Readiness,
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

    /// Updates the descriptor and the notifier: is there something to read? `unread`: the reader has events left.
    fn update_readiness(&mut self, unread: bool) -> Option<Signal> {
        let something = unread || self.has_something();
        self.readiness.update(something)
    }

    fn has_room(&self, full: usize) -> bool {
        self.batch.bytes() <= full && !self.reader_is_busy
    }

    fn limit(&mut self, until: Deadline) {
        self.until = Some(until.or_earlier(self.total));
        self.late_since = None;
    }

    /// Returns how long a reader may sleep before it must look at the deadline again, or the deadline if the worker is
    /// late.
    fn max_sleep(&mut self, now: Instant) -> Result<Option<Duration>, Deadline> {
        let Some(until) = self.until else { return Ok(None) };
        let at = until.passes_at();
        if now < at {
            return Ok(Some(at - now));
        }
        let waited = now - *self.late_since.get_or_insert(now);
        if waited < GRACE { Ok(Some(GRACE - waited)) } else { Err(until) }
    }
}

/// The result of a write.
pub struct Written {
    /// The number of events.
    pub events: usize,
    /// Whether the batch is full.
    pub full: bool,
    /// Whether the writer must defer a notification of the reader.
    pub notify: bool,
}

/// The result of [`Pipe::take`].
pub enum Taken {
    /// The batch is filled.
    Events,
    End(End),
    Nothing,
    /// This deadline has passed, and the worker has not ended the call.
    Late(Deadline),
}

impl Pipe {
    /// Returns a pipe for a call with a read-ahead of about `read_ahead` bytes: half of them on the connection, the
    /// others in the batch, where small events take less than they took on the wire.
    pub fn new(read_ahead: usize) -> Self {
        Pipe {
            full: read_ahead / 8 * 3,
            state: Mutex::default(),
            readable: Condvar::default(),
            cancelled: AtomicBool::default(),
        }
    }

    /// The size of a huge batch. While the reader has one, the writer waits, so that only one very large event at a
    /// time is in memory. The writer does not wait for a reader that waits for a notification and still has its last
    /// event: no notification would come.
    fn huge(&self) -> usize {
        2 * self.full
    }

    /// Sets when the worker ends the call: at `until` if nothing comes before, and at `total` in any case.
    pub fn limit(&self, until: Deadline, total: Option<Deadline>) {
        let mut state = self.state.lock();
        state.total = total;
        state.limit(until);
    }

    /// Sets the same for one of several targets that a call has. The deadline of another one is never shortened.
    pub fn prolong(&self, until: Deadline, total: Option<Deadline>) {
        let mut state = self.state.lock();
        state.total = total.or(state.total);
        let until = state.until.filter(|known| known.passes_at() > until.passes_at()).unwrap_or(until);
        state.limit(until);
    }

    /// Lets `decode` append to the batch. A reader that waits sees the events once it is notified. If there are any,
    /// the worker waits for more until `next`.
    pub fn write<R>(&self, next: Option<Deadline>, decode: impl FnOnce(&mut Batch) -> R) -> (R, Written) {
        let mut state = self.state.lock();
        let before = state.batch.len();
        let result = decode(&mut state.batch);
        let events = state.batch.len() - before;
        let any = events > 0;
        let notify = any && !state.notification_due;
        state.notification_due |= notify;
        if any && let Some(next) = next {
            state.limit(next);
        }
        (result, Written { events, full: !state.has_room(self.full), notify })
    }

    /// Notifies the reader of the batch.
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

    /// Ready once the reader has taken everything, and has read a huge batch to its end.
    pub fn poll_read(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if state.batch.is_empty() && !state.reader_is_busy {
            return Poll::Ready(());
        }
        state.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Sets the end if there is none yet.
    pub fn end_with(&self, end: impl FnOnce() -> End) {
        let mut state = self.state.lock();
        if state.end.is_none() {
            self.set_end(&mut state, end());
        }
        self.notify_and_release(state);
    }

    /// Ends the call as cancelled, and discards what the reader has not taken.
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

    /// The lock is released before the reader is woken: one that wakes up while it is held goes to sleep again.
    fn notify_and_release(&self, mut state: MutexGuard<'_, State>) {
        // Whether the reader has events left is not known here, so that nothing becomes unreadable.
        let signal = if state.has_something() { state.update_readiness(false) } else { None };
        let sleeps = state.reader_sleeps;
        drop(state);
        drop(signal);
        if sleeps {
            self.readable.notify_one();
        }
    }

    /// Returns whether a cancel ended the call. Takes no lock.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Returns the cancel that ended the call, if one did.
    pub fn cancelled(&self) -> Option<End> {
        if self.is_cancelled() { self.state.lock().end.clone() } else { None }
    }

    /// Fills `batch`, which is empty, with what was written, or returns the end. If there is neither, sleeps for at
    /// most `timeout` (None: as long as it takes), and arms the notifier before it returns [`Taken::Nothing`].
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
            let max_sleep = match state.max_sleep(now) {
                Ok(max_sleep) => max_sleep,
                Err(passed) => return Taken::Late(passed),
            };
            let left = timeout.and_then(|timeout| {
                let end = *deadline.get_or_insert_with(|| now.checked_add(timeout));
                end.map(|end| end.saturating_duration_since(now))
            });
            if left.is_some_and(|left| left.is_zero()) {
                state.readiness.found_nothing();
                return Taken::Nothing;
            }
            let left = left.into_iter().chain(max_sleep).min();
            state.reader_sleeps = true;
            state = match left {
                None => self.readable.wait(state),
                Some(left) => self.readable.wait_timeout(state, left).0,
            };
            state.reader_sleeps = false;
        }
    }

    /// Wakes the writer if it waits and there is room for it.
    fn wake_writer(&self, mut state: MutexGuard<'_, State>) {
        let room = state.writer.is_some() && state.has_room(self.full);
        let writer = if room { state.writer.take() } else { None };
        // While it waited for room no timer ran but the total one.
        if let Some(until) = state.until.filter(|_| room) {
            state.limit(until.restarted());
        }
        drop(state);
        if let Some(writer) = writer {
            // If the program has closed the event loop's descriptors, this panics, and the event loop ends the call.
            let _ = catch_unwind(AssertUnwindSafe(|| writer.wake()));
        }
    }

    /// Updates the descriptor after the reader has read an event. `unread`: it has events left.
    pub fn update_readiness(&self, unread: bool) {
        let mut state = self.state.lock();
        let signal = state.update_readiness(unread);
        if signal.is_none() {
            state.readiness.settle();
        }
        self.resume_writer(state, unread);
        drop(signal);
    }

    /// Waits until the descriptor is readable. The reader has found the end.
    pub fn settle(&self) {
        self.state.lock().readiness.settle();
    }

    /// Wakes the writer if it waits for the reader's own batch alone, and the reader has returned all of that.
    fn resume_writer(&self, mut state: MutexGuard<'_, State>, unread: bool) {
        state.reader_is_busy &= unread;
        self.wake_writer(state);
    }

    /// Returns the descriptor, and makes it if there is none. Fails after [`Pipe::close`]: nothing would close it.
    pub fn fd(&self, unread: bool) -> std::io::Result<i32> {
        let mut state = self.state.lock();
        let something = unread || state.has_something();
        let (fd, signal) = state.readiness.fd(something)?;
        self.resume_writer(state, unread);
        drop(signal);
        Ok(fd)
    }

    /// Replaces the notifier; None removes it. The new one notifies at once if there is something to read. When this
    /// returns, the old one does not run.
    pub fn set_notifier(&self, notifier: Option<Box<dyn Notifier>>, unread: bool) {
        let mut state = self.state.lock();
        let something = unread || state.has_something();
        let (old, signal) = state.readiness.replace_notifier(notifier, something);
        self.resume_writer(state, unread);
        drop(signal);
        if let Some(old) = old {
            old.detach();
        }
    }

    /// Closes the descriptor and removes the notifier, for good.
    pub fn close(&self) {
        let old = self.state.lock().readiness.close();
        if let Some(old) = old {
            old.detach();
        }
    }
}
