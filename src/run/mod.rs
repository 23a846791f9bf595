//! The tool loop: a run asks the model, returns the events, collects the results of the tools that the model calls,
//! adds both to the request, and asks again, until the model stops.
//!
//! A [`Run`] has no thread of its own. The thread that reads it does each step, as the reader of a stream does. A run
//! outlives the streams of its rounds, so it has a descriptor and a notifier of its own.
//!
//! ```text
//!              the message is complete and calls tools          all results are there: the round
//!              ------------------------------------>            is added to the request
//!   streaming                                         calling  -------------------------------> streaming ...
//!       |  the message is complete and calls no tool     |                                          or stopped
//!       +--> done                                        |  cancel, deadline, shutdown
//!       |  the call failed                               +--> failed
//!       +--> failed
//! ```
//!
//! A round is in the request with the message of the model and the results of all of its calls, or it is not in the
//! request at all. It is not added if a request with it cannot be sent.
//!
//! [`shared`] is the part that other threads use: results, the end that another thread sets, and readiness.

mod shared;

pub use shared::Remote;

use crate::call::notified_by::NotifiedBy;
use crate::call::waitset::WaitSet;
use crate::call::wakeup;
use crate::call::{Readiness, Stream};
use crate::config::RunOptions;
use crate::error::{Error, Kind, Result, in_words, quote};
use crate::model::Model;
use crate::protocol::event::{Event, EventKind};
use crate::protocol::operation::Operation;
use crate::request::{Request, ResultKind, ToolDeclarations, ToolResult};
use crate::response::{Response, ToolCall, Usage};
use crate::runtime::cancel::{self, Cancel, Registration};
use crate::runtime::sync::Mutex;
use crate::runtime::worker;
use crate::text::CText;
use shared::{Shared, Waited};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::AbortHandle;

/// The time that the worker may be behind the deadline of a run, before the reader acts on it.
const GRACE: Duration = Duration::from_millis(200);

/// The result of [`Run::next`].
#[derive(Debug)]
pub enum Next<'a> {
    /// An event of a round, or a tool call to do, with the number of the round.
    Event(Event<'a>, u32),
    /// The model has stopped.
    Done,
    /// The last of the permitted rounds is complete, and the model has not stopped.
    Stopped,
    /// The timeout is over.
    Again,
}

/// The result of [`Run::wait`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    Event,
    Done,
    Stopped,
    Again,
}

/// What a run needs.
pub struct Start {
    pub model: Arc<Model>,
    pub request: Arc<Mutex<Request>>,
    pub cancel: Option<Cancel>,
    pub tools: ToolDeclarations,
    pub options: RunOptions,
}

/// The program's side of a tool loop. One thread at a time reads it.
pub struct Run {
    shared: Arc<Shared>,
    start: Start,
    deadline: Option<Instant>,
    _registration: Registration,
    timer: Option<AbortHandle>,
    notified_by: NotifiedBy,
    /// Whether the program polls the descriptor.
    polled: bool,
    /// The number of the current round, from 1.
    round: u32,
    phase: Phase,
    /// Of the complete messages.
    usage: Usage,
    /// The last message, once it has ended.
    last: Option<Response>,
}

enum Phase {
    Streaming(Box<Stream>),
    Calling(Calling),
    Done,
    Stopped,
    Failed(Error),
}

/// A complete message whose calls await their results.
struct Calling {
    response: Response,
    /// The calls that the program gets.
    calls: Vec<ToolCall>,
    /// How many of them have been returned.
    returned: usize,
}

impl Run {
    /// Returns a run that has not begun. It is on the heap, because threads with small stacks make runs.
    // Not inlined, so that no caller has a run in its frame.
    #[inline(never)]
    pub fn new(start: Start) -> Result<Box<Self>> {
        let shared = Arc::new(Shared::default());
        let registration = cancel::register(start.cancel.as_ref(), Arc::downgrade(&shared) as _)?;
        let deadline = start.options.total.and_then(|total| Instant::now().checked_add(total));
        Ok(Box::new(Run {
            shared,
            start,
            deadline,
            _registration: registration,
            timer: None,
            notified_by: NotifiedBy::new("run"),
            polled: false,
            round: 0,
            phase: Phase::Stopped,
            usage: Usage::default(),
            last: None,
        }))
    }

    /// Starts the first round without waiting for the network.
    pub fn begin(&mut self) -> Result<()> {
        let stream = self.ask(&self.request())?;
        self.begin_round(stream);
        self.timer = self.start_timer()?;
        Ok(())
    }

    /// Ends the run at its deadline, also if the program waits for a notification and not in [`Run::next`].
    #[inline(never)]
    fn start_timer(&self) -> Result<Option<AbortHandle>> {
        let Some(total) = self.start.options.total else { return Ok(None) };
        let runtime = worker::start()?;
        let shared = Arc::downgrade(&self.shared);
        let timer = async move {
            tokio::time::sleep(total).await;
            if let Some(shared) = shared.upgrade() {
                shared.end(missed(total));
            }
        };
        runtime.spawn(timer).map(Some)
    }

    fn begin_round(&mut self, mut stream: Box<Stream>) {
        self.round += 1;
        let notifier = self.shared.begin_round(self.round, stream.remote());
        stream.notify(notifier);
        if self.polled {
            stream.follow_level();
        }
        self.phase = Phase::Streaming(stream);
    }

    /// Opens the stream of a round.
    // Not inlined, as the functions below: they have large frames, and threads with small stacks call this.
    #[inline(never)]
    fn ask(&self, request: &Request) -> Result<Box<Stream>> {
        self.start.model.open_with_content(request, self.start.cancel.as_ref()).map(Box::new)
    }

    /// Returns the program's request, with the tools of the run.
    #[inline(never)]
    fn request(&self) -> Box<Request> {
        Box::new(self.start.request.lock().clone().declaring(&self.start.tools))
    }

    /// Returns the number of the current round, from 1.
    pub fn round(&self) -> u32 {
        self.round
    }

    /// Returns the next event, or the terminal status, which every later call returns again. Without a `timeout` it
    /// waits for as long as it takes.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Next<'_>> {
        Ok(match self.wait(timeout)? {
            Ready::Event => {
                let round = self.round;
                Next::Event(self.take().expect("an event was waited for"), round)
            }
            Ready::Done => Next::Done,
            Ready::Stopped => Next::Stopped,
            Ready::Again => Next::Again,
        })
    }

    /// Waits until [`Run::take`] has an event, or the run has ended. It does the steps of the run that are due.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<Ready> {
        let ready = self.step(timeout);
        if self.polled && !matches!(ready, Ok(Ready::Again)) {
            self.shared.settle();
        }
        ready
    }

    fn step(&mut self, timeout: Option<Duration>) -> Result<Ready> {
        let mut until = None;
        loop {
            let step = match &mut self.phase {
                Phase::Done => return Ok(Ready::Done),
                Phase::Stopped => return Ok(Ready::Stopped),
                Phase::Failed(error) => return Err(error.clone()),
                Phase::Calling(calling) => {
                    let has_ended = has_ended(&self.shared, self.start.cancel.as_ref());
                    if calling.returned < calling.calls.len() && !has_ended {
                        return Ok(Ready::Event);
                    }
                    match self.shared.wait(left(timeout, &mut until, self.deadline)) {
                        Waited::Results(results) => self.complete_round(&results),
                        Waited::Ended(error) => Err(error),
                        Waited::Nothing => Ok(true),
                    }
                }
                // The first look costs an event no more than that of a stream.
                Phase::Streaming(stream) => match stream.wait(Some(Duration::ZERO)) {
                    Ok(Readiness::Ready) => return Ok(Ready::Event),
                    Ok(Readiness::Again) => match stream.wait(left(timeout, &mut until, self.deadline)) {
                        Ok(Readiness::Ready) => return Ok(Ready::Event),
                        // Another thread that ends the run may not have cancelled the stream yet.
                        Ok(Readiness::Again) => self.shared.ended().map_or(Ok(true), Err),
                        Ok(Readiness::Done) => self.complete_message(),
                        Err(error) => Err(error),
                    },
                    Ok(Readiness::Done) => self.complete_message(),
                    Err(error) => Err(error),
                },
            };
            match step {
                Ok(false) => {}
                Ok(true) => {
                    if self.deadline.is_some_and(|deadline| Instant::now() >= deadline + GRACE) {
                        self.shared.end(missed(self.start.options.total.unwrap_or_default()));
                    } else if until.is_some_and(|until: Instant| until <= Instant::now()) && self.shared.found_nothing()
                    {
                        return Ok(Ready::Again);
                    }
                }
                Err(error) => self.fail(error),
            }
        }
    }

    /// Returns the event that [`Run::wait`] has found.
    pub fn take(&mut self) -> Option<Event<'_>> {
        match &mut self.phase {
            Phase::Streaming(stream) => stream.take(),
            Phase::Calling(calling) => {
                calling.returned += 1;
                if calling.returned == calling.calls.len() {
                    self.shared.all_calls_returned();
                }
                calling.calls.get(calling.returned - 1).map(event_of_call)
            }
            _ => None,
        }
    }

    /// Returns whether the run was ended from outside, so that no further call of a tool should begin.
    pub fn has_ended(&self) -> bool {
        has_ended(&self.shared, self.start.cancel.as_ref())
    }

    /// Goes on after a complete message: to its calls, or to the end. Returns false: nothing has been waited for.
    fn complete_message(&mut self) -> Result<bool> {
        let Phase::Streaming(stream) = &mut self.phase else { return Ok(false) };
        let response = stream.response();
        self.usage = self.usage.plus(response.usage());
        self.last = Some(response.clone());
        if let Some(error) = self.shared.ended() {
            return Err(error);
        }
        // The request gets no call without an id or a name: it cannot have a result.
        let calls = response.tool_calls().iter().filter(|call| !call.id.is_empty() && !call.name.is_empty());
        let mut awaited = Vec::new();
        let mut to_do = Vec::new();
        for call in calls {
            let result = self.result_without_program(call)?;
            if result.is_none() {
                to_do.push(call.clone());
            }
            awaited.push((call.id.as_str().to_owned(), result));
        }
        if awaited.is_empty() {
            self.start.request.lock().add_round(&response, &[])?;
            self.shared.finish();
            self.phase = Phase::Done;
            return Ok(false);
        }
        self.shared.await_results(awaited, !to_do.is_empty());
        self.phase = Phase::Calling(Calling { response, calls: to_do, returned: 0 });
        Ok(false)
    }

    /// Returns the result of a call that the program does not get.
    fn result_without_program(&self, call: &ToolCall) -> Result<Option<ToolResult>> {
        let tools = &self.start.tools;
        let what = if !tools.is_known(call.name.as_str()) {
            let names = tools.names().collect::<Vec<_>>().join(", ");
            format!("There is no tool {}. The tools are: {names}.", quote(call.name.as_str()))
        } else if !call.input_valid {
            "The input is not a JSON object, or it was cut off. Call again, with a JSON object as input.".to_owned()
        } else {
            return Ok(None);
        };
        ToolResult::new(call.id.as_str(), &what, ResultKind::Error).map(Some)
    }

    /// Adds the round to the request, and begins the next one. Returns false: nothing has been waited for.
    fn complete_round(&mut self, results: &[ToolResult]) -> Result<bool> {
        let Phase::Calling(calling) = &self.phase else { return Ok(false) };
        let response = calling.response.clone();
        let mut with_round = self.request();
        with_round.add_round(&response, results)?;
        if self.round >= self.start.options.max_rounds {
            self.start.model.serialize(Operation::ConverseStream, &with_round).map_err(not_added)?;
            self.start.request.lock().add_round(&response, results)?;
            self.shared.finish();
            self.phase = Phase::Stopped;
            return Ok(false);
        }
        let opened = self.ask(&with_round);
        // A round that cannot be sent would keep every later request of the program from being sent.
        if let Err(error) = &opened
            && error.kind() == Kind::Request
        {
            return Err(not_added(error.clone()));
        }
        self.start.request.lock().add_round(&response, results)?;
        self.begin_round(opened?);
        Ok(false)
    }

    fn fail(&mut self, error: Error) {
        // The stream of a run that was ended only knows that it was cancelled.
        let error = self.shared.ended().unwrap_or(error);
        if let Phase::Streaming(stream) = &mut self.phase
            && let Some(response) = stream.finish()
            && !response.is_complete()
        {
            self.usage = self.usage.plus(response.usage());
            self.last = Some(response);
        }
        self.shared.finish();
        self.phase = Phase::Failed(error);
    }

    /// Returns the last message, as far as it has been received, with the usage of all rounds. None if no event has.
    pub fn response(&mut self) -> Option<Response> {
        match &mut self.phase {
            Phase::Streaming(stream) => {
                let response = stream.response();
                let usage = self.usage.plus(response.usage());
                Some(response.with_usage(usage))
            }
            _ => self.last.as_ref().map(|last| last.with_usage(self.usage)),
        }
    }

    /// Returns a descriptor that is readable exactly while [`Run::next`] would not return [`Next::Again`]. It stays the
    /// same over all rounds, and the run owns it.
    pub fn fd(&mut self) -> Result<i32> {
        let fd = self.shared.fd()?;
        if let Phase::Streaming(stream) = &mut self.phase
            && !self.polled
        {
            stream.follow_level();
        }
        self.polled = true;
        Ok(fd)
    }

    /// Does the same as [`Stream::set_wakeup`], for all rounds.
    pub fn set_wakeup(&mut self, make: impl FnOnce() -> wakeup::Callback) -> Result<()> {
        let wakeup = self.notified_by.wakeup(make)?;
        self.shared.set_notifier(Some(wakeup));
        Ok(())
    }

    /// Does the same as [`Stream::remove_wakeup`].
    pub fn remove_wakeup(&mut self) -> Result<()> {
        if self.notified_by.no_wakeup()? {
            self.shared.set_notifier(None);
        }
        Ok(())
    }

    /// Does the same as [`Stream::join`], for all rounds.
    pub fn join<T: Copy + Send + Sync + 'static>(&mut self, set: &WaitSet<T>, token: T) -> Result<()> {
        let subscription = self.notified_by.set(set, token)?;
        self.shared.set_notifier(Some(subscription));
        Ok(())
    }

    /// Returns a handle by which other threads give results and end the run.
    pub fn remote(&self) -> Remote {
        Remote::new(self.shared.clone())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.shared.end(shared::cancelled());
        self.shared.finish();
        if let Some(timer) = &self.timer {
            worker::wake(|| timer.abort());
        }
    }
}

fn has_ended(shared: &Shared, cancel: Option<&Cancel>) -> bool {
    // The listener may not have seen yet that the latch has fired.
    if cancel.is_some_and(Cancel::is_fired) {
        shared.end(shared::cancelled());
    }
    shared.is_ended()
}

/// Returns how long a step may wait: until the timeout of the caller, and no longer than until the run ends itself at
/// its deadline. `until` is when the timeout is over; it is computed with the first wait.
fn left(timeout: Option<Duration>, until: &mut Option<Instant>, deadline: Option<Instant>) -> Option<Duration> {
    if timeout == Some(Duration::ZERO) && until.is_none() {
        *until = Some(Instant::now());
        return timeout;
    }
    let now = Instant::now();
    if until.is_none() {
        *until = timeout.and_then(|timeout| now.checked_add(timeout));
    }
    let ends = until.iter().copied().chain(deadline.map(|deadline| deadline + GRACE)).min();
    ends.map(|end| end.saturating_duration_since(now))
}

fn not_added(error: Error) -> Error {
    error.advise("The round was not added to the request, because no request with it can be sent")
}

fn missed(total: Duration) -> Error {
    Error::new(Kind::Timeout, format_args!("the run was not complete within {} (total)", in_words(total)))
        .advise("Its complete rounds are in the request: another run goes on from there. Or raise total")
}

fn event_of_call(call: &ToolCall) -> Event<'_> {
    Event {
        kind: EventKind::ToolCall,
        block: -1,
        text: call.input.as_c(),
        tool_id: call.id.as_c(),
        tool_name: call.name.as_c(),
        json: CText::EMPTY,
        payload: &[],
        input_valid: true,
        more: false,
    }
}
