//! What STS answers: credentials, or why there are none.

use super::document::check_expiry;
use super::keys::Keys;
use crate::error::{Error, Kind, Result, chain, find};
use aws_credential_types::Credentials;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use std::error::Error as StdError;
use std::time::SystemTime;

/// The credentials of an answer.
pub fn credentials(answer: Option<aws_sdk_sts::types::Credentials>, by: &str) -> Result<Credentials> {
    let given =
        answer.ok_or_else(|| Error::new(Kind::Credentials, format_args!("{by}: the answer holds no credentials")))?;
    let keys = Keys::fetched(&given.access_key_id, &given.secret_access_key, Some(&given.session_token), by)?;
    let expiry = SystemTime::try_from(given.expiration).ok();
    check_expiry(expiry, by, "Look at this machine's clock")?;
    Ok(keys.until(expiry))
}

/// Why a service that gives credentials gave none. `advice` gives the next step for a code of the service's.
pub fn refused<E>(doing: &str, error: &SdkError<E, HttpResponse>, advice: impl Fn(&str) -> &'static str) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    let failed = |what: &str, advice| Error::new(Kind::Credentials, format_args!("{doing}: {what}")).advise(advice);
    let unreachable = |what: &str| failed(what, "Check the network, the proxy and the region").with_retryable(true);
    // Our own transport, or the source of the credentials below, says itself what was wrong.
    if let Some(own) = find::<Error>(error) {
        return match own.kind() {
            Kind::Network | Kind::Timeout => unreachable(own.without_advice()),
            Kind::Protocol => failed(own.without_advice(), "Check the endpoint (AWS_ENDPOINT_URL) and the proxy"),
            _ => own.clone().while_doing(doing),
        };
    }
    let SdkError::ServiceError(service) = error else {
        return unreachable(&chain(error.source().unwrap_or(error)));
    };
    let (status, code) = (service.raw().status().as_u16(), service.err().code().unwrap_or_default());
    let name = if code.is_empty() { format!("HTTP {status}") } else { format!("{code} (HTTP {status})") };
    let message = service.err().message().unwrap_or_default().trim().trim_end_matches('.');
    let separator = if message.is_empty() { "" } else { ": " };
    let advice = advice(code);
    Error::new(Kind::Credentials, format_args!("{doing}: {name}{separator}{message}. {advice}"))
        .with_code(code)
        .with_http_status(status)
        .with_retryable(status >= 500 || status == 429 || code.contains("Throttl"))
}
