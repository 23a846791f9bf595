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

#[derive(Debug, Default)]
struct Shared {
    sent: AtomicU32,
    /// The attempts of the call, if these are those at one of its targets.
    of_call: Option<Attempts>,
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
    /// The number of requests that were sent again because the service did not process them.
    resent: u32,
    last: LastAttempt,
    /// The number of attempts that ended with a service error, since the last success.
    service_errors: u32,
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
    /// Returns the attempts of this call at one of several targets. They count for the call too.
    pub fn at_target(&self) -> Self {
        Attempts(Arc::new(Shared { of_call: Some(self.clone()), ..Shared::default() }))
    }

    /// Returns the number of requests sent so far.
    pub fn count(&self) -> u32 {
        self.0.sent.load(Ordering::Relaxed)
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
    }

    /// Notes that the service did not process a request and that it is sent again.
    pub fn resend(&self) {
        self.count_one();
        let mut state = self.state();
        state.resent += 1;
        state.log(self.count() - 1, format_args!("the service did not process the request"), "; it is sent again");
        state.started = Some(Instant::now());
        state.last = LastAttempt::Running;
    }

    /// Notes that the attempt has received the head of a successful response.
    pub fn succeed(&self, status: u16, request_id: &str) {
        let mut state = self.state();
        state.log(self.count(), format_args!("HTTP {status}, request id {request_id}"), "");
        state.service_error = None;
        state.service_errors = 0;
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
                let (cause, retryable) = match error.as_connector_error() {
                    Some(error) => (chain(error), error.is_io() || error.is_timeout()),
                    None => ("its response broke off".to_owned(), error.is_response_error()),
                };
                self.fail(cause, retryable);
            }
        }
    }

    fn fail_with_service_error(&self, error: ServiceError) {
        let mut state = self.state();
        state.service_errors += 1;
        state.is_from_last_attempt = true;
        let cause = match error.request_id.as_str() {
            "" => error.title(),
            id => format!("{}, request id {id}", error.title()),
        };
        state.last = LastAttempt::Failed { cause, retryable: retry::class_of(&error).is_some() };
        state.service_error = Some(error);
    }

    /// Notes that the attempt received no response, or a part of one.
    fn fail(&self, cause: String, retryable: bool) {
        let mut state = self.state();
        if let LastAttempt::Running = state.last {
            state.last = LastAttempt::Failed { cause, retryable };
        }
    }

    /// Notes that the next attempt follows after this wait.
    pub fn retry_after(&self, wait: Duration) {
        let mut state = self.state();
        if let LastAttempt::Failed { cause, .. } = &mut state.last {
            let cause = std::mem::take(cause);
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
            LastAttempt::Running => state.log(sent, format_args!("no response"), "; the call ended"),
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
