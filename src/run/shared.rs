//! The part of a run that all threads use.

use crate::call::Remote as StreamRemote;
use crate::call::readiness::{Notifier, Readiness};
use crate::error::{Error, Kind, Result, quote};
use crate::request::ToolResult;
use crate::runtime::cancel::{Call, Why};
use crate::runtime::event_fd::Signal;
use crate::runtime::sync::{Condvar, Mutex};
use crate::runtime::worker;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// The part of a run that all threads use.
///
/// The lock of a stream's pipe may be held when this lock is acquired, and never the other way round.
#[derive(Default)]
pub struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    round: u32,
    /// The stream of the current round.
    stream: Option<StreamRemote>,
    /// Whether the stream has something to read.
    stream_readable: bool,
    /// The calls of the message that is complete, in their order, each with its result once it is there.
    calls: Vec<(String, Option<ToolResult>)>,
    /// Whether the reader has calls to return.
    calls_unread: bool,
    /// Why the run was ended by something other than its rounds.
    ended: Option<Error>,
    /// Whether the terminal status is set.
    finished: bool,
    readiness: Readiness,
}

/// The result of [`Shared::wait`].
pub enum Waited {
    /// The results of all calls, in the order of the calls.
    Results(Vec<ToolResult>),
    Ended(Error),
    Nothing,
}

impl State {
    fn has_all_results(&self) -> bool {
        !self.calls.is_empty() && self.calls.iter().all(|(_, result)| result.is_some())
    }

    fn has_something(&self) -> bool {
        self.finished || self.ended.is_some() || self.stream_readable || self.calls_unread || self.has_all_results()
    }

    fn update_readiness(&mut self) -> Option<Signal> {
        let something = self.has_something();
        self.readiness.update(something)
    }
}

impl Shared {
    /// Changes the state, and notifies the program.
    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state.lock();
        let result = change(&mut state);
        let signal = state.update_readiness();
        drop(state);
        drop(signal);
        self.changed.notify_all();
        result
    }

    /// Begins a round. Returns the notifier for its stream.
    pub fn begin_round(self: &Arc<Self>, round: u32, stream: StreamRemote) -> Box<dyn Notifier> {
        let (ended, old) = self.change(|state| {
            state.round = round;
            state.calls = Vec::new();
            state.calls_unread = false;
            state.stream_readable = false;
            (state.ended.is_some(), state.stream.replace(stream.clone()))
        });
        drop(old);
        if ended {
            stream.cancel();
        }
        Box::new(StreamNotifier { run: Arc::downgrade(self), round })
    }

    /// Begins to wait for the results of calls. Those with a result are done. `unread` is whether the reader has calls
    /// to return.
    pub fn await_results(&self, calls: Vec<(String, Option<ToolResult>)>, unread: bool) {
        let old = self.change(|state| {
            state.calls = calls;
            state.calls_unread = unread;
            state.stream_readable = false;
            // Notifications of its stream no longer count.
            state.round += 1;
            state.stream.take()
        });
        drop(old);
    }

    /// The reader has returned all calls.
    pub fn all_calls_returned(&self) {
        self.change(|state| state.calls_unread = false);
    }

    /// Waits for the results of all calls.
    pub fn wait(&self, timeout: Option<Duration>) -> Waited {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut state = self.state.lock();
        loop {
            if let Some(error) = &state.ended {
                return Waited::Ended(error.clone());
            }
            if state.has_all_results() {
                let calls = std::mem::take(&mut state.calls);
                return Waited::Results(calls.into_iter().filter_map(|(_, result)| result).collect());
            }
            state = match until {
                None if timeout.is_none() => self.changed.wait(state),
                None => return Waited::Nothing,
                Some(until) => match until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                    Some(left) => self.changed.wait_timeout(state, left).0,
                    None => return Waited::Nothing,
                },
            };
        }
    }

    /// Arms the notifier: the reader has found nothing. Returns false if there is something by now.
    pub fn found_nothing(&self) -> bool {
        let mut state = self.state.lock();
        if state.has_something() {
            return false;
        }
        state.readiness.found_nothing();
        true
    }

    fn give(&self, result: ToolResult) -> Result<()> {
        self.change(|state| {
            let open = state.calls.iter_mut().find(|(id, given)| *id == result.tool_use_id() && given.is_none());
            match open.filter(|_| state.ended.is_none() && !state.finished) {
                Some((_, given)) => {
                    *given = Some(result);
                    Ok(())
                }
                None => {
                    let id = quote(result.tool_use_id());
                    let what = format_args!(
                        "no call {id} waits for a result: it has one, the run has ended, or there is no such call"
                    );
                    Err(Error::new(Kind::InvalidArgument, what))
                }
            }
        })
    }

    /// Ends the run, unless it has ended.
    pub fn end(&self, error: Error) {
        let stream = self.change(|state| {
            if !state.finished && state.ended.is_none() {
                state.ended = Some(error);
            }
            if state.finished { None } else { state.stream.clone() }
        });
        if let Some(stream) = stream {
            stream.cancel();
        }
    }

    /// Returns why the run was ended from outside, if it was.
    pub fn ended(&self) -> Option<Error> {
        self.state.lock().ended.clone()
    }

    pub fn is_ended(&self) -> bool {
        self.state.lock().ended.is_some()
    }

    /// The terminal status is set: from now on there is always something to read.
    pub fn finish(&self) {
        let old = self.change(|state| {
            state.finished = true;
            state.calls = Vec::new();
            state.stream.take()
        });
        drop(old);
    }

    /// Waits until the descriptor is readable. The reader has found something.
    pub fn settle(&self) {
        self.state.lock().readiness.settle();
    }

    pub fn fd(&self) -> Result<i32> {
        let mut state = self.state.lock();
        let something = state.has_something();
        let (fd, signal) = state
            .readiness
            .fd(something)
            .map_err(|error| Error::new(Kind::Resource, format_args!("making a descriptor for a run: {error}")))?;
        drop(state);
        drop(signal);
        Ok(fd)
    }

    /// When this returns, the earlier notifier does not run, and will not.
    pub fn set_notifier(&self, notifier: Option<Box<dyn Notifier>>) {
        let mut state = self.state.lock();
        let something = state.has_something();
        let (old, signal) = state.readiness.replace_notifier(notifier, something);
        drop(state);
        drop(signal);
        if let Some(old) = old {
            old.detach();
        }
    }
}

/// The error of a run that was cancelled.
pub fn cancelled() -> Error {
    Error::new(Kind::Cancelled, "the run was cancelled")
}

impl Call for Shared {
    fn end(&self, why: Why) {
        self.end(match why {
            Why::Fired => cancelled(),
            Why::ShutDown => Error::new(Kind::Cancelled, "the library was shut down during the run"),
            Why::LoopBroken => worker::loop_broken(),
        });
    }
}

/// Notifies a run of what the stream of one of its rounds has.
struct StreamNotifier {
    run: Weak<Shared>,
    round: u32,
}

impl StreamNotifier {
    fn set(&self, readable: bool) -> Option<Signal> {
        let run = self.run.upgrade()?;
        let mut state = run.state.lock();
        if state.round != self.round {
            return None;
        }
        state.stream_readable = readable;
        state.update_readiness()
    }
}

impl Notifier for StreamNotifier {
    fn notify(&self) -> Option<Signal> {
        self.set(true)
    }

    fn withdraw(&self) {
        // Something else may have come.
        drop(self.set(false));
    }

    fn detach(&self) {}

    fn follows_level(&self) -> bool {
        true
    }
}

/// A handle by which any thread gives results to a run, and ends it.
#[derive(Clone)]
pub struct Remote(Arc<Shared>);

impl Remote {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Remote(shared)
    }

    /// Gives the result of a call. [`Kind::InvalidArgument`] if no such call waits for one.
    pub fn give(&self, result: ToolResult) -> Result<()> {
        self.0.give(result)
    }

    /// Ends the run. Never blocks. The reader then gets [`Kind::Cancelled`], unless it has got another terminal status
    /// before.
    pub fn cancel(&self) {
        self.0.end(cancelled());
    }

    /// Ends the run, closes its descriptor and removes its notifier. When this returns, the notifier does not run, and
    /// will not.
    pub fn close(&self) {
        self.0.end(cancelled());
        let old = self.0.state.lock().readiness.close();
        if let Some(old) = old {
            old.detach();
        }
    }
}
