//! The error that ends a call, explained by its attempts.

use crate::error::{Error, Kind, in_words};
use crate::protocol::service_error::ServiceError;
use std::time::Duration;

/// The facts about the attempts of a call that has ended.
pub struct AttemptFacts<'a> {
    /// The number of requests sent.
    pub sent: u32,
    /// Whether the call had left the queue of `max_concurrency`.
    pub started: bool,
    /// The number of attempts that ended with a service error, since the last success.
    pub service_errors: u32,
    /// The last of these service errors.
    pub service_error: Option<&'a ServiceError>,
    /// Whether the last attempt ended with it.
    pub is_from_last_attempt: bool,
    /// Whether the service asked for a longer wait than the call had time for.
    pub wait_too_long: bool,
    /// Whether the retry budget was used up.
    pub budget_exhausted: bool,
}

/// Adds the facts to the error.
pub fn explain(error: Error, facts: &AttemptFacts<'_>) -> Error {
    let sent = facts.sent;
    let is_local = matches!(error.kind(), Kind::Timeout | Kind::Network);
    match facts.service_error {
        Some(last) if is_local && error.code().is_empty() && error.http_status() == 0 => {
            let (title, failed) = (last.title(), facts.service_errors);
            let error = match (facts.is_from_last_attempt, sent) {
                (true, 1) => error.note(format_args!("; the only attempt ended with {title}")),
                (true, _) => error.note(format_args!("; the last of {sent} attempts ended with {title}")),
                (false, _) => error.note(format_args!(
                    "; {failed} of {sent} attempts ended with a service error, the last with {title}"
                )),
            };
            last.describe(error).advise(last.advice())
        }
        Some(last) if error.http_status() == last.status => explain_end(error, facts, last.retry_after),
        // Either the credentials were not there yet, or the SDK's own rate limit held the request back.
        None if error.kind() == Kind::Timeout && sent == 0 && facts.started => error
            .note("; no request was sent: it waited for credentials, or for the SDK's rate limit (retry.mode adaptive)")
            .advise("Check the source of the credentials: the profile's command or services, or the metadata service"),
        None if is_local => explain_end(error, facts, None),
        _ => error,
    }
}

/// Adds the reason why no attempt followed the last one.
fn explain_end(error: Error, facts: &AttemptFacts<'_>, retry_after: Option<Duration>) -> Error {
    let attempts = (facts.sent > 1).then(|| format!("after {} attempts", facts.sent));
    let wait = retry_after.map(|wait| {
        let more = if facts.wait_too_long { ", longer than the call may still take" } else { "" };
        format!("the service asks to wait {}{more}", in_words(wait))
    });
    let budget = facts.budget_exhausted.then(|| "the model's retry budget is used up for now".to_owned());
    match [attempts, wait, budget].into_iter().flatten().collect::<Vec<_>>() {
        reasons if reasons.is_empty() => error,
        reasons => error.note(format_args!(" ({})", reasons.join("; "))),
    }
}
