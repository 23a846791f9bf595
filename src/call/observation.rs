//! What is observed of a call while it runs, for the record of it.

use super::content::Content;
use crate::error::{Error, Kind};
use crate::json::Json;
use crate::protocol::batch::Batch;
use crate::protocol::event::EventKind;
use crate::protocol::operation::Operation;
use crate::protocol::traceparent::Traceparent;
use crate::protocol::unary_response::UnaryBody;
use crate::protocol::usage::Usage;
use crate::request::{Parameters, SerializedRequest};
use crate::runtime::feed;
use crate::runtime::sync::Mutex;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

/// What is observed of a call. A call has it only if somebody listens.
pub struct Observation {
    pub operation: Operation,
    /// The model that the program asked for, or "".
    pub model: String,
    pub parameters: Parameters,
    /// The length of the request's body.
    pub sent: usize,
    /// The span of the call, and the span of the program above it.
    pub span: Option<Traceparent>,
    pub parent: Option<Traceparent>,
    pub began: Instant,
    pub began_at: SystemTime,
    /// None unless a listener asks for it.
    pub content: Option<Content>,
    progress: Mutex<Progress>,
    outcome: OnceLock<Outcome>,
}

/// How far the response has come.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Since the call began.
    pub first_event: Option<Duration>,
    pub first_content: Option<Duration>,
    pub last_event: Option<Duration>,
    pub events: usize,
    /// The number of events when the first content had come.
    pub events_at_first_content: usize,
    /// The length of the response's body.
    pub received: usize,
    pub usage: Usage,
    /// The stop reason under the name of Converse, or "".
    pub stop_reason: String,
}

impl Progress {
    /// Returns the mean time from one event to the next, from the first content on.
    pub fn time_per_event(&self) -> Option<Duration> {
        let following =
            u32::try_from(self.events.checked_sub(self.events_at_first_content)?).ok().filter(|n| *n > 0)?;
        Some(self.last_event?.saturating_sub(self.first_content?) / following)
    }
}

/// How the call has ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Since the call began.
    pub at: Duration,
    pub failure: Option<Failure>,
}

/// The failure that ended a call.
#[derive(Clone, Debug)]
pub struct Failure {
    pub kind: Kind,
    /// The service's name for it, or "".
    pub code: String,
    pub request_id: String,
}

/// messageStop is among so many events at the end of a stream.
const LAST_EVENTS: usize = 4;

impl Observation {
    /// Begins with a request that is about to be sent. `parent` is the trace that the program has named.
    // Not inlined: a call that is not observed needs none of its frame, and its thread may have a small stack.
    #[inline(never)]
    pub fn begin(operation: Operation, request: &SerializedRequest, parent: Option<Traceparent>) -> Box<Self> {
        Box::new(Observation {
            operation,
            model: request.model().to_owned(),
            parameters: Parameters::of(operation, request),
            sent: request.body.as_ref().map_or(0, |body| body.len()),
            span: new_span(parent),
            parent,
            began: Instant::now(),
            began_at: SystemTime::now(),
            content: feed::wants_content().then(|| Content::begin(operation, request.body.clone())),
            progress: Mutex::default(),
            outcome: OnceLock::new(),
        })
    }

    /// Notes the events of `batch` from this index on, and the length of the response so far.
    pub fn events(&self, batch: &Batch, from: usize, received: usize) {
        let mut progress = self.progress.lock();
        progress.received = received;
        if batch.len() == from {
            return;
        }
        self.content.iter().for_each(|content| content.events(batch, from));
        let now = self.began.elapsed();
        let before = progress.events;
        progress.events += batch.len() - from;
        progress.first_event.get_or_insert(now);
        progress.last_event = Some(now);
        if progress.first_content.is_none() {
            let is_content =
                |index: &usize| batch.get(*index).is_some_and(|event| event.kind != EventKind::MessageStart);
            if let Some(content) = (from..batch.len()).find(is_content) {
                progress.first_content = Some(now);
                progress.events_at_first_content = before + content - from + 1;
            }
        }
        // It is among the last events.
        let mut last = (from..batch.len()).rev().take(LAST_EVENTS).filter_map(|index| batch.get(index));
        if let Some(stop) = last.find(|event| event.kind == EventKind::MessageStop) {
            stop.text.as_str().clone_into(&mut progress.stop_reason);
        }
    }

    /// Notes a response that does not stream.
    pub fn response(&self, body: &UnaryBody) {
        self.content.iter().for_each(|content| content.response(&body.text));
        let mut progress = self.progress.lock();
        progress.received = body.text.len();
        if !body.stop_reason.is_empty() {
            let stop_reason = Json::trusted(&body.text[body.stop_reason.clone()]);
            progress.stop_reason = stop_reason.string().unwrap_or_default().into_owned();
        }
    }

    /// Notes usage that the service has reported.
    pub fn usage(&self, usage: Usage) {
        let mut progress = self.progress.lock();
        progress.usage = usage.or(progress.usage);
    }

    /// Notes how the call has ended: with this error, or completely. The first end counts.
    pub fn end(&self, error: Option<&Error>) {
        self.outcome.get_or_init(|| Outcome {
            at: self.began.elapsed(),
            failure: error.map(|error| Failure {
                kind: error.kind(),
                code: error.code().as_str().to_owned(),
                request_id: error.request_id().as_str().to_owned(),
            }),
        });
    }

    /// Returns the length of the bodies that the record has as content, or 0 if it has none.
    pub fn content_length(&self) -> usize {
        self.content.as_ref().map_or(0, |_| self.sent + self.progress.lock().received)
    }

    /// Takes how far the response has come, once the call has ended.
    pub fn take_progress(&self) -> Progress {
        std::mem::take(&mut *self.progress.lock())
    }

    /// Returns how the call has ended, once it has.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.get()
    }

    /// Returns the trace that goes with the request: the span of the call, if the program has named the span above it.
    pub fn trace_to_send(&self) -> Option<Traceparent> {
        self.parent.and(self.span.or(self.parent))
    }
}

/// Returns a new span, in the trace of `parent` if there is one, or None if the system has no random numbers. They are
/// the system's: a generator in the process would repeat them in a forked child.
fn new_span(parent: Option<Traceparent>) -> Option<Traceparent> {
    let mut random = [0; 24];
    getrandom::fill(&mut random).ok()?;
    let (trace, span) = random.split_at(16);
    let trace_id = u128::from_ne_bytes(trace.try_into().ok()?) | 1;
    let span_id = u64::from_ne_bytes(span.try_into().ok()?) | 1;
    Some(match parent {
        Some(parent) => Traceparent { span_id, ..parent },
        None => Traceparent { trace_id, span_id, flags: 1 },
    })
}
