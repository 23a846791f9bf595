//! The attempts of a call: their number, their lines in the log, and the facts that explain how the call ended.
//!
//! An attempt is a request that was signed and given to a connection, or that failed to connect. A call that ends
//! earlier, in the queue of `max_concurrency` or for lack of credentials, has none. A request that the service did not
//! process and that was sent again is counted because it was sent, but `retry` does not limit it.
//!
//! Each attempt is one line of the log, written once its result and the wait before the next attempt are known.

use super::error::service_error;
use super::final_error::{self, AttemptFacts};
use super::retry::{self, Decision, RetryLimits};
use crate::error::{Error, Kind, chain};
use crate::http::lifetime::ConnectTimes;
use crate::protocol::host::host_of;
use crate::protocol::redact::Secrets;
use crate::protocol::service_error::ServiceError;
use crate::runtime::log::{self, Level};
use crate::runtime::sync::{Mutex, MutexGuard};
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The attempts of one call so far, readable while the call runs. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Attempts(Arc<Shared>);

/// What is known of an attempt, for the record of its call.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The position of its target, from 0.
    pub target: usize,
    /// The model that it asks, or "".
    pub model: String,
    /// Host and port.
    pub host: String,
    pub began: Instant,
    /// The time until its result, once there is one.
    pub took: Option<Duration>,
    /// The status of its response, or 0.
    pub status: u16,
    pub request_id: String,
    /// The kind and the service's name of its failure.
    pub failure: Option<(Kind, String)>,
    /// The wait before the next attempt, if one follows.
    pub wait: Option<Duration>,
    pub connection: Option<AttemptConnection>,
    /// Whether its response is that of the call. The last attempt may be a hedge that lost.
    pub is_of_response: bool,
}

/// The connection of an attempt.
#[derive(Clone, Copy, Debug)]
pub struct AttemptConnection {
    /// The time until it was there.
    pub wait: Duration,
    /// The times of its connect, if the attempt is the first one on it.
    pub connected: Option<ConnectTimes>,
}

#[derive(Debug, Default)]
struct Shared {
    sent: AtomicU32,
    /// The attempts of the call, if these are those at one of its targets.
    of_call: Option<Attempts>,
    /// All attempts of the call, at all its targets, if a record of it is made.
    trail: Option<Arc<Mutex<Vec<Attempt>>>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// None before the call has left the queue.
    limits: Option<RetryLimits>,
    /// The call's name in the log. None if the log is disabled.
    call: Option<String>,
    /// Host and port of the last attempt.
    host: String,
    /// The secrets that authorize the last attempt.
    secrets: Secrets,
    started: Option<Instant>,
    /// The position of the target, and the model that it is asked for.
    target: (usize, String),
    /// The position of the last attempt in the trail.
    in_trail: usize,
    /// The number of requests that were sent again because the service did not process them.
    resent: u32,
    last: LastAttempt,
    /// The number of attempts that ended with a service error, since the last success.
    service_errors: u32,
    /// The number of attempts that were refused for throttling.
    throttled: u32,
    /// The last of these service errors.
    service_error: Option<ServiceError>,
    /// Whether the last attempt ended with it.
    is_from_last_attempt: bool,
    /// Whether an attempt was retried with the service's clock.
    clock_retried: bool,
    /// Whether the service asks for a longer wait than the call has time for.
    wait_too_long: bool,
    /// Whether another attempt would have followed if the retry budget were not used up.
    budget_exhausted: bool,
}

/// The state of the last attempt.
#[derive(Debug, Default)]
enum LastAttempt {
    /// There is none.
    #[default]
    None,
    Running,
    /// Its line is not yet in the log. `retryable` says whether a failure like this is retried.
    Failed {
        cause: String,
        retryable: bool,
    },
    Logged,
}

impl Attempts {
    /// Returns the attempts of a call of which a record is made.
    pub fn recorded() -> Self {
        Attempts(Arc::new(Shared { trail: Some(Arc::default()), ..Shared::default() }))
    }

    /// Returns the attempts of this call at one of several targets. They count for the call too.
    pub fn at_target(&self) -> Self {
        let (of_call, trail) = (Some(self.clone()), self.0.trail.clone());
        Attempts(Arc::new(Shared { of_call, trail, ..Shared::default() }))
    }

    /// Takes all attempts of the call, at all its targets, once it has ended and a record of it is made.
    pub fn take_trail(&self) -> Vec<Attempt> {
        self.0.trail.as_ref().map(|trail| std::mem::take(&mut *trail.lock())).unwrap_or_default()
    }

    /// Notes, for the record of the call, which target is asked for which model.
    pub fn ask(&self, target: usize, model: &str) {
        if self.0.trail.is_some() {
            self.state().target = (target, model.to_owned());
        }
    }

    /// Notes the connection that the attempt has got, with the times of its connect if it is new.
    pub fn take_connection(&self, connected: Option<ConnectTimes>) {
        self.record(&self.state(), |attempt| {
            attempt.connection = Some(AttemptConnection { wait: attempt.began.elapsed(), connected });
        });
    }

    /// Notes, for the record of the call, that its response is that of the last attempt.
    pub fn give_response(&self) {
        self.record(&self.state(), |attempt| attempt.is_of_response = true);
    }

    /// Adds an attempt that starts now to the trail.
    fn begin_record(&self, state: &mut State) {
        let Some(trail) = &self.0.trail else { return };
        let (target, model) = state.target.clone();
        let mut trail = trail.lock();
        state.in_trail = trail.len();
        trail.push(Attempt {
            target,
            model,
            host: state.host.clone(),
            began: Instant::now(),
            took: None,
            status: 0,
            request_id: String::new(),
            failure: None,
            wait: None,
            connection: None,
            is_of_response: false,
        });
    }

    /// Changes the last attempt in the trail.
    fn record(&self, state: &State, change: impl FnOnce(&mut Attempt)) {
        let Some(trail) = &self.0.trail else { return };
        if let Some(attempt) = trail.lock().get_mut(state.in_trail) {
            change(attempt);
        }
    }

    /// Returns the number of requests sent so far.
    pub fn count(&self) -> u32 {
        self.0.sent.load(Ordering::Relaxed)
    }

    /// Returns the number of attempts that were refused for throttling so far.
    pub fn throttled(&self) -> u32 {
        self.state().throttled
    }

    fn count_one(&self) {
        self.0.sent.fetch_add(1, Ordering::Relaxed);
        if let Some(of_call) = &self.0.of_call {
            of_call.count_one();
        }
    }

    /// Returns the secrets that authorize the last attempt.
    pub fn secrets(&self) -> Secrets {
        self.state().secrets.clone()
    }

    /// Returns host and port of the last attempt, or "".
    pub fn host(&self) -> String {
        self.state().host.clone()
    }

    /// Returns the start of the last attempt.
    pub fn last_started(&self) -> Option<Instant> {
        self.state().started
    }

    /// Starts the call, before its first attempt.
    pub fn start_call(&self, call: impl fmt::Display, limits: RetryLimits) {
        let mut state = self.state();
        state.limits = Some(limits);
        state.call = log::is_enabled(Level::Debug).then(|| call.to_string());
    }

    /// Starts an attempt that sends this request.
    pub fn start(&self, request: &HttpRequest) {
        self.count_one();
        let mut state = self.state();
        state.host = request.uri().parse().map(|uri| host_of(&uri)).unwrap_or_default();
        state.secrets = Secrets::in_headers(request.headers());
        state.started = Some(Instant::now());
        state.last = LastAttempt::Running;
        state.is_from_last_attempt = false;
        self.begin_record(&mut state);
    }

    /// Notes that the service did not process a request and that it is sent again.
    pub fn resend(&self) {
        self.count_one();
        let mut state = self.state();
        state.resent += 1;
        state.log(self.count() - 1, format_args!("the service did not process the request"), "; it is sent again");
        state.started = Some(Instant::now());
        state.last = LastAttempt::Running;
        self.record(&state, |attempt| attempt.end(Some((Kind::Network, "NotProcessed".to_owned()))));
        self.begin_record(&mut state);
    }

    /// Notes that the attempt has received the head of a successful response.
    pub fn succeed(&self, status: u16, request_id: &str) {
        let mut state = self.state();
        state.log(self.count(), format_args!("HTTP {status}, request id {request_id}"), "");
        state.service_error = None;
        state.service_errors = 0;
        self.record(&state, |attempt| {
            attempt.end(None);
            (attempt.status, attempt.request_id) = (status, request_id.to_owned());
        });
    }

    /// Notes that the attempt, which only connects, is connected.
    pub fn connect(&self) {
        self.state().log(self.count(), format_args!("connected"), "");
    }

    /// Notes how the attempt failed, if it did.
    pub fn finish(&self, attempt: &FinalizerInterceptorContextRef<'_>) {
        match (attempt.response(), attempt.output_or_error()) {
            (_, None | Some(Ok(_))) => {}
            (Some(response), Some(Err(error))) if error.is_operation_error() => {
                self.fail_with_service_error(service_error(response))
            }
            (_, Some(Err(error))) => {
                let (cause, kind, retryable) = match error.as_connector_error() {
                    Some(error) if error.is_timeout() => (chain(error), Kind::Timeout, true),
                    Some(error) => (chain(error), Kind::Network, error.is_io()),
                    None => ("its response broke off".to_owned(), Kind::Network, error.is_response_error()),
                };
                self.fail(cause, kind, retryable);
            }
        }
    }

    fn fail_with_service_error(&self, error: ServiceError) {
        let mut state = self.state();
        state.service_errors += 1;
        state.throttled += u32::from(error.kind() == Kind::Throttled);
        state.is_from_last_attempt = true;
        let cause = match error.request_id.as_str() {
            "" => error.title(),
            id => format!("{}, request id {id}", error.title()),
        };
        state.last = LastAttempt::Failed { cause, retryable: retry::class_of(&error).is_some() };
        self.record(&state, |attempt| {
            attempt.end(Some((error.kind(), error.code.clone())));
            (attempt.status, attempt.request_id) = (error.status, error.request_id.clone());
        });
        state.service_error = Some(error);
    }

    /// Notes that the attempt received no response, or a part of one.
    fn fail(&self, cause: String, kind: Kind, retryable: bool) {
        let mut state = self.state();
        if let LastAttempt::Running = state.last {
            self.record(&state, |attempt| attempt.end(Some((kind, String::new()))));
            state.last = LastAttempt::Failed { cause, retryable };
        }
    }

    /// Notes that the next attempt follows after this wait.
    pub fn retry_after(&self, wait: Duration) {
        let mut state = self.state();
        if let LastAttempt::Failed { cause, .. } = &mut state.last {
            let cause = std::mem::take(cause);
            self.record(&state, |attempt| attempt.wait = Some(wait));
            state.log(self.count(), format_args!("{cause}"), &format!("; the next attempt follows in {wait:?}"));
        }
    }

    /// Decides whether a retry follows the last service error.
    pub fn decide_retry(&self) -> Decision {
        let mut state = self.state();
        let Some(error) = &state.service_error else { return Decision::Undecided };
        let decision = retry::decide(error, state.limits, state.clock_retried);
        state.wait_too_long = matches!(decision, Decision::WaitTooLong);
        state.clock_retried |= matches!(decision, Decision::RetryWithServiceClock);
        decision
    }

    /// Returns a guard that [closes](Self::close) the attempts when it is dropped, which a cancelled call does as well.
    pub fn close_on_drop(&self) -> CloseOnDrop {
        CloseOnDrop(self.clone())
    }

    /// Notes that no attempt follows.
    pub fn close(&self) {
        let mut state = self.state();
        let sent = self.count();
        let has_attempts = state.limits.is_some_and(|limits| sent - state.resent < limits.max_attempts);
        match std::mem::replace(&mut state.last, LastAttempt::Logged) {
            LastAttempt::Failed { cause, retryable } => {
                state.budget_exhausted = retryable && has_attempts && !state.wait_too_long;
                let reason = if state.budget_exhausted { " (the retry budget is used up)" } else { "" };
                state.log(sent, format_args!("{cause}"), &format!("; no further attempt follows{reason}"));
            }
            LastAttempt::Running => {
                self.record(&state, |attempt| attempt.end(Some((Kind::Cancelled, String::new()))));
                state.log(sent, format_args!("no response"), "; the call ended");
            }
            LastAttempt::None | LastAttempt::Logged => {}
        }
    }

    /// Adds the number and the failures of the attempts to the error that ends the call, after [`close`](Self::close).
    /// Removes the request's secrets, which any response may repeat.
    pub fn explain(&self, error: Error) -> Error {
        // A request with a bad configuration was never sent, although the SDK tried.
        let sent = if error.kind() == Kind::Config { 0 } else { self.count() };
        let state = self.state();
        let error = error.with_attempts(sent).with_texts(|text| state.secrets.redact(text));
        let facts = AttemptFacts {
            sent,
            started: state.limits.is_some(),
            service_errors: state.service_errors,
            service_error: state.service_error.as_ref(),
            is_from_last_attempt: state.is_from_last_attempt,
            wait_too_long: state.wait_too_long,
            budget_exhausted: state.budget_exhausted,
        };
        final_error::explain(error, &facts)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }
}

/// A guard that closes the attempts when it is dropped.
pub struct CloseOnDrop(Attempts);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Attempt {
    /// Ends the attempt now, unless it has ended.
    fn end(&mut self, failure: Option<(Kind, String)>) {
        if self.took.is_none() {
            (self.took, self.failure) = (Some(self.began.elapsed()), failure);
        }
    }
}

impl State {
    /// Writes the line of the last attempt.
    fn log(&mut self, number: u32, result: fmt::Arguments<'_>, next: &str) {
        self.last = LastAttempt::Logged;
        if let (Some(call), Some(started)) = (&self.call, self.started) {
            let (host, took) = (&self.host, started.elapsed());
            log::debug("call", format_args!("{call}: attempt {number} at {host}: {result} after {took:?}{next}"));
        }
    }
}
