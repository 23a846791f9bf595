//! The SDK's extension points for retries: the classifier of failed attempts, and the sleep before the next one.

use super::attempts::Attempts;
use super::retry::Decision;
use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority, RetryReason,
};
use aws_smithy_types::retry::ErrorKind;
use std::future::Future;
use std::time::Duration;

/// Classifies a failed attempt by the call's [`Attempts`], which accompany the response.
#[derive(Debug)]
pub struct Classifier;

impl ClassifyRetry for Classifier {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let failed = context.output_or_error().is_some_and(|outcome| outcome.is_err());
        let attempts = context.response().and_then(|response| response.extension::<Attempts>());
        let retry = |kind, retry_after| RetryAction::RetryIndicated(RetryReason::RetryableError { kind, retry_after });
        match attempts.filter(|_| failed).map(Attempts::decide_retry) {
            Some(Decision::Retry { kind, retry_after }) => retry(kind, retry_after),
            Some(Decision::RetryWithServiceClock) => retry(ErrorKind::ServerError, None),
            Some(Decision::WaitTooLong) => RetryAction::RetryForbidden,
            Some(Decision::Undecided) | None => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "libbedrock"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}

tokio::task_local! {
    /// The attempts of the call that the SDK performs. Its sleep does not get the call.
    static CALL: Attempts;
}

/// Runs the SDK's part of a call, so that [`BackoffSleep`] knows the call.
pub async fn with_attempts<T>(attempts: &Attempts, sdk: impl Future<Output = T>) -> T {
    CALL.scope(attempts.clone(), sdk).await
}

/// The SDK's sleep. Reports to the call the wait before its next attempt.
#[derive(Debug)]
pub struct BackoffSleep;

impl AsyncSleep for BackoffSleep {
    fn sleep(&self, duration: Duration) -> Sleep {
        // Outside of a call, as in the fetching of credentials, it only sleeps.
        let _ = CALL.try_with(|attempts| attempts.retry_after(duration));
        Sleep::new(tokio::time::sleep(duration))
    }
}
