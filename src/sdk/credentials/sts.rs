//! The responses of STS and SSO: credentials or an error.

use super::access_keys::AccessKeys;
use super::expiry::check_expiry;
use crate::error::{Error, Kind, Result, chain, find};
use aws_credential_types::Credentials;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use std::error::Error as StdError;
use std::time::SystemTime;

/// Reads the credentials in a response of STS.
pub fn read_credentials(found: Option<aws_sdk_sts::types::Credentials>, by: &str) -> Result<Credentials> {
    let found =
        found.ok_or_else(|| Error::new(Kind::Credentials, format_args!("{by}: the response has no credentials")))?;
    let keys = AccessKeys::fetched(&found.access_key_id, &found.secret_access_key, Some(&found.session_token), by)?;
    let expiry = SystemTime::try_from(found.expiration).ok();
    check_expiry(expiry, by, "Look at this machine's clock")?;
    Ok(keys.with_expiry(expiry))
}

/// Returns the error for a failed request to STS or SSO. `advice` returns the next step for an error code.
pub fn service_failed<E>(doing: &str, error: &SdkError<E, HttpResponse>, advice: impl Fn(&str) -> &'static str) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    let failed = |what: &str, advice| Error::new(Kind::Credentials, format_args!("{doing}: {what}")).advise(advice);
    let unreachable = |what: &str| failed(what, "Check the network, the proxy and the region").with_retryable(true);
    // An error of the library's own transport, or of the source of the credentials for this request, is complete.
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
