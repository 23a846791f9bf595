//! Which refusals the library tries again, by the SDK's own extension points.
//!
//! The SDK retries what breaks on the way, and knows some of the service's refusals by name and by status. [`Classifier`] comes
//! after the SDK's own classifiers and decides every refusal that [`class_of`] knows:
//!
//! | refusal | class |
//! |---|---|
//! | HTTP 429, whatever its body; every name of throttling, whatever its status | throttling |
//! | HTTP 500, 502, 503 and 504; RequestTimeout, RequestTimeoutException, ModelNotReadyException | transient |
//! | RequestExpired, RequestInTheFuture, RequestTimeTooSkewed: once, signed by the service's clock | transient |
//!
//! Each retry costs tokens of the client's budget: 5 for throttling, 10 for what is transient or broke on the way. The budget
//! holds 500. A call that succeeds gives 1 back, or what its last retry cost.

use super::attempts::{Attempts, Verdict};
use crate::error::Kind;
use crate::protocol::service_error::ServiceError;
use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority, RetryReason,
};
use aws_smithy_types::retry::ErrorKind;
use std::future::Future;
use std::time::Duration;

/// What another try is worth, None where it is worth nothing.
pub fn class_of(refusal: &ServiceError) -> Option<ErrorKind> {
    let transient = ["RequestTimeout", "RequestTimeoutException", "ModelNotReadyException"];
    if refusal.status == 429 || refusal.kind() == Kind::Throttled {
        Some(ErrorKind::ThrottlingError)
    } else if [500, 502, 503, 504].contains(&refusal.status) || transient.iter().any(|name| refusal.is_named(name)) {
        Some(ErrorKind::TransientError)
    } else {
        None
    }
}

/// Decides by what the call's [`Attempts`] say of the last one. They come with the answer.
#[derive(Debug)]
pub struct Classifier;

impl ClassifyRetry for Classifier {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let failed = context.output_or_error().is_some_and(|outcome| outcome.is_err());
        let attempts = context.response().and_then(|response| response.extension::<Attempts>());
        match attempts.filter(|_| failed).map(Attempts::verdict) {
            Some(Verdict::Again { kind, retry_after }) => {
                RetryAction::RetryIndicated(RetryReason::RetryableError { kind, retry_after })
            }
            Some(Verdict::InVain) => RetryAction::RetryForbidden,
            Some(Verdict::LeftToOthers) | None => RetryAction::NoActionIndicated,
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
    /// The attempts of the call that the SDK works for. Its timers know no call.
    static CALL: Attempts;
}

/// Drives the SDK's part of a call, so that [`Pause`] knows whose pause it is.
pub async fn of_call<T>(attempts: &Attempts, sdk: impl Future<Output = T>) -> T {
    CALL.scope(attempts.clone(), sdk).await
}

/// The SDK's clock: it sleeps between two attempts, and tells the call how long.
#[derive(Debug)]
pub struct Pause;

impl AsyncSleep for Pause {
    fn sleep(&self, duration: Duration) -> Sleep {
        // What has no call, such as the fetching of credentials, sleeps just the same.
        let _ = CALL.try_with(|attempts| attempts.pause(duration));
        Sleep::new(tokio::time::sleep(duration))
    }
}
