//! The attempts of a call: what each of them met, and what that adds to the error with which the call ends.
//!
//! An attempt is a request that was signed and given to a connection, or for which connecting was tried. It is not counted where
//! the call ended before that: in the queue of `max_concurrency`, or for want of credentials. A request that the service did not
//! take and that was sent once more is counted as well, because it was sent, but not among those that `retry` allows.
//!
//! Each attempt becomes one line of the log, once it is known how it ended and how long the call waits before the next.

use super::failure;
use super::retry;
use crate::error::{Error, Kind, chain, in_words};
use crate::protocol::host::host_of;
use crate::protocol::redact::Secrets;
use crate::protocol::service_error::ServiceError;
use crate::runtime::log::{self, Level};
use crate::runtime::sync::{Mutex, MutexGuard};
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::retry::ErrorKind;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The attempts of one call so far, readable while it runs. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Attempts(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    sent: AtomicU32,
    journal: Mutex<Journal>,
}

/// What a call allows its attempts.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub max_attempts: u32,
    pub max_backoff: Duration,
    /// When a timer ends the call, as far as it is known before an answer comes.
    pub ends: tokio::time::Instant,
}

#[derive(Debug, Default)]
struct Journal {
    terms: Option<Terms>,
    /// The call's name in the log. None where nobody listens.
    name: Option<String>,
    /// Host and port of the last attempt.
    host: String,
    /// What authorized the last attempt.
    secrets: Secrets,
    began: Option<Instant>,
    /// How many requests were sent besides the attempts that are allowed.
    again: u32,
    phase: Phase,
    /// How many were refused, and with what the last of them.
    refused: u32,
    refusal: Option<ServiceError>,
    /// Whether it was the last attempt that was refused.
    last_refused: bool,
    /// Whether a retry with the service's clock has been granted.
    resigned: bool,
    /// Whether the service asked for a longer wait than the call has time for.
    in_vain: bool,
    /// Whether another attempt would have followed if there were still a budget for it.
    lacks_budget: bool,
}

/// Where the last attempt stands.
#[derive(Debug, Default)]
enum Phase {
    #[default]
    Before,
    UnderWay,
    /// It failed, and its line is not yet written. `again` says whether such a failure is tried again.
    Failed {
        what: String,
        again: bool,
    },
    Over,
}

/// What is to follow the last attempt.
pub enum Verdict {
    Again {
        kind: ErrorKind,
        retry_after: Option<Duration>,
    },
    /// A timer would end the call before the time that the service asks for has passed.
    InVain,
    /// The SDK's own classifiers know better.
    LeftToOthers,
}

impl Attempts {
    /// How many requests have been sent so far.
    pub fn get(&self) -> u32 {
        self.0.sent.load(Ordering::Relaxed)
    }

    /// What authorized the last attempt.
    pub fn secrets(&self) -> Secrets {
        self.lock().secrets.clone()
    }

    /// Host and port of the last attempt, or "".
    pub fn host(&self) -> String {
        self.lock().host.clone()
    }

    /// Before the first attempt.
    pub fn open(&self, call: impl fmt::Display, terms: Terms) {
        let mut journal = self.lock();
        journal.terms = Some(terms);
        journal.name = log::is_enabled(Level::Debug).then(|| call.to_string());
    }

    /// This request goes out.
    pub fn begin(&self, request: &HttpRequest) {
        self.0.sent.fetch_add(1, Ordering::Relaxed);
        let mut journal = self.lock();
        journal.host = request.uri().parse().map(|uri| host_of(&uri)).unwrap_or_default();
        journal.secrets = Secrets::in_headers(request.headers());
        journal.began = Some(Instant::now());
        journal.phase = Phase::UnderWay;
        journal.last_refused = false;
    }

    /// A request that a service refused to take has been sent once more. It is counted, and costs no attempt of those allowed.
    pub fn sent_again(&self) {
        self.0.sent.fetch_add(1, Ordering::Relaxed);
        let mut journal = self.lock();
        journal.again += 1;
        journal.write(self.get() - 1, format_args!("the service did not take the request"), "; it is sent again");
        journal.began = Some(Instant::now());
        journal.phase = Phase::UnderWay;
    }

    /// It was answered with success.
    pub fn answered(&self, status: u16, request_id: &str) {
        let mut journal = self.lock();
        journal.write(self.get(), format_args!("HTTP {status}, request id {request_id}"), "");
        journal.refusal = None;
        journal.refused = 0;
    }

    /// Its connection stands, and nothing is to be sent.
    pub fn connected(&self) {
        self.lock().write(self.get(), format_args!("connected"), "");
    }

    /// Notes how an attempt failed, where it did.
    pub fn failed(&self, attempt: &FinalizerInterceptorContextRef<'_>) {
        match (attempt.response(), attempt.output_or_error()) {
            (_, None | Some(Ok(_))) => {}
            (Some(response), Some(Err(error))) if error.is_operation_error() => {
                self.refused(failure::refusal_of(response))
            }
            (_, Some(Err(error))) => {
                let (what, again) = match error.as_connector_error() {
                    Some(error) => (chain(error), error.is_io() || error.is_timeout()),
                    None => ("its answer broke off".to_owned(), error.is_response_error()),
                };
                self.broke(&what, again);
            }
        }
    }

    /// It was refused.
    fn refused(&self, refusal: ServiceError) {
        let mut journal = self.lock();
        journal.refused += 1;
        journal.last_refused = true;
        let what = match refusal.request_id.as_str() {
            "" => refusal.title(),
            id => format!("{}, request id {id}", refusal.title()),
        };
        journal.phase = Phase::Failed { what, again: retry::class_of(&refusal).is_some() };
        journal.refusal = Some(refusal);
    }

    /// It got no answer, or not all of one. `again` says whether such a failure is tried again.
    fn broke(&self, what: &str, again: bool) {
        let mut journal = self.lock();
        if let Phase::UnderWay = journal.phase {
            journal.phase = Phase::Failed { what: what.to_owned(), again };
        }
    }

    /// The call waits so long before its next attempt.
    pub fn pause(&self, wait: Duration) {
        let mut journal = self.lock();
        if let Phase::Failed { what, .. } = &mut journal.phase {
            let what = std::mem::take(what);
            journal.write(self.get(), format_args!("{what}"), &format!("; the next attempt follows in {wait:?}"));
        }
    }

    /// Closes them when it is dropped, as it is where a call is cancelled.
    pub fn closing(&self) -> Closing {
        Closing(self.clone())
    }

    /// No attempt follows.
    pub fn close(&self) {
        let mut journal = self.lock();
        let more =
            journal.terms.is_some_and(|terms| self.get() - journal.again < terms.max_attempts) && !journal.in_vain;
        match std::mem::replace(&mut journal.phase, Phase::Over) {
            Phase::Failed { what, again } => {
                journal.lacks_budget = again && more;
                let spent = if journal.lacks_budget { " (the retry budget is used up)" } else { "" };
                journal.write(self.get(), format_args!("{what}"), &format!("; no further attempt follows{spent}"));
            }
            Phase::UnderWay => journal.write(self.get(), format_args!("no answer"), "; the call ended"),
            Phase::Before | Phase::Over => {}
        }
    }

    /// What is to follow a refusal.
    pub fn verdict(&self) -> Verdict {
        let mut journal = self.lock();
        let Journal { terms, refusal: Some(refusal), .. } = &*journal else { return Verdict::LeftToOthers };
        let retry_after = refusal.retry_after;
        if let Some(kind) = retry::class_of(refusal) {
            let in_vain = terms.is_some_and(|terms| terms.is_too_long(retry_after));
            journal.in_vain = in_vain;
            return if in_vain { Verdict::InVain } else { Verdict::Again { kind, retry_after } };
        }
        if refusal.is_clock_error() && !std::mem::replace(&mut journal.resigned, true) {
            return Verdict::Again { kind: ErrorKind::ServerError, retry_after: None };
        }
        Verdict::LeftToOthers
    }

    /// Adds to the error that ended the call what its attempts met, after [`close`](Self::close).
    pub fn explain(&self, error: Error) -> Error {
        // What is refused for its configuration was never sent, however often it was tried.
        let sent = if error.kind() == Kind::Config { 0 } else { self.get() };
        let journal = self.lock();
        // An answer that began well may repeat its request as well as one that did not.
        let error = error.with_attempts(sent).with_texts(|text| journal.secrets.redact(text));
        let timer = matches!(error.kind(), Kind::Timeout | Kind::Network);
        match &journal.refusal {
            Some(refusal) if timer && error.code().is_empty() && error.http_status() == 0 => {
                let (name, refused) = (refusal.title(), journal.refused);
                let error = match (journal.last_refused, sent) {
                    (true, 1) => error.note(format_args!("; the one attempt was refused: {name}")),
                    (true, _) => error.note(format_args!("; the last of {sent} attempts was refused: {name}")),
                    (false, _) => error.note(format_args!("; refused attempts: {refused} of {sent}, last with {name}")),
                };
                refusal.describe(error).advise(refusal.advice())
            }
            Some(refusal) if error.http_status() == refusal.status => {
                journal.explain_end(error, sent, refusal.retry_after)
            }
            // A call that has its place, and has sent nothing, waits for what signs its request, or is held back by the
            // SDK's own limit to the rate of calls.
            None if error.kind() == Kind::Timeout && sent == 0 && journal.terms.is_some() => error
                .note("; no request was sent: it waited for credentials, or for its turn (retry.mode adaptive)")
                .advise("Check what gives the credentials: the profile's command or services, or the metadata service"),
            None if timer => journal.explain_end(error, sent, None),
            _ => error,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Journal> {
        self.0.journal.lock()
    }
}

/// See [`Attempts::closing`].
pub struct Closing(Attempts);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Terms {
    fn is_too_long(&self, retry_after: Option<Duration>) -> bool {
        let left = self.ends.saturating_duration_since(tokio::time::Instant::now());
        retry_after.is_some_and(|wait| wait.min(self.max_backoff) >= left)
    }
}

impl Journal {
    /// Writes the line of the last attempt.
    fn write(&mut self, number: u32, what: fmt::Arguments<'_>, then: &str) {
        self.phase = Phase::Over;
        if let (Some(name), Some(began)) = (&self.name, self.began) {
            let (host, took) = (&self.host, began.elapsed());
            log::debug("call", format_args!("{name}: attempt {number} at {host}: {what} after {took:?}{then}"));
        }
    }

    /// Adds why no attempt followed the last.
    fn explain_end(&self, error: Error, sent: u32, retry_after: Option<Duration>) -> Error {
        let attempts = (sent > 1).then(|| format!("after {sent} attempts"));
        let wait = retry_after.map(|wait| {
            let more = if self.in_vain { ", longer than the call may still take" } else { "" };
            format!("the service asks to wait {}{more}", in_words(wait))
        });
        let budget = self.lacks_budget.then(|| "the model's retry budget is used up for now".to_owned());
        match [attempts, wait, budget].into_iter().flatten().collect::<Vec<_>>() {
            why if why.is_empty() => error,
            why => error.note(format_args!(" ({})", why.join("; "))),
        }
    }
}
