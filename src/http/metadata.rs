//! The metadata services of the machine, which give credentials: a container's agent, an instance's metadata service.
//!
//! They are on this machine or next to it. On another machine, their addresses lead to other services. So requests to
//! them use no proxy: a proxy would return the credentials of its own machine, or read those of this one.

use super::body::Body;
use super::network::Network;
use super::transport::{SendOptions, Timeouts, Transport};
use super::transport_error::TransportError;
use crate::config::Config;
use crate::error::{Error, Kind, find};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as _;
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;
use tokio::time::timeout;

/// The longest response.
const MAX_RESPONSE: usize = 64 << 10;

/// A client of the metadata services.
#[derive(Clone, Debug)]
pub struct Metadata(Network);

/// The reason why a metadata service gave no credentials.
pub struct MetadataError {
    /// The URL, and what happened.
    pub what: String,
    /// Whether the service responded at all.
    pub responded: bool,
    /// Whether another attempt may succeed.
    pub retryable: bool,
}

impl Metadata {
    pub fn new(config: &Config) -> Self {
        Metadata(Network::for_metadata(config))
    }

    /// Returns the text of a successful response. `limit` is the time for the connection, and again for the response.
    pub async fn request(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        limit: Duration,
    ) -> Result<String, MetadataError> {
        let shown = without_secrets(url);
        let mut builder = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let request = builder.body(Bytes::new()).map_err(|error| MetadataError {
            what: format!("{shown} cannot be requested: {error}"),
            responded: false,
            retryable: false,
        })?;
        let timeouts = Timeouts { connect: limit, response: None };
        let requesting = async {
            let response = self.0.send(request, SendOptions { timeouts, observer: &() }).await;
            read(shown, response.map_err(|error| no_response(shown, &error))?).await
        };
        timeout(limit * 2, requesting).await.unwrap_or_else(|_| {
            let what = format!("{shown} does not respond within {limit:?}");
            Err(MetadataError { what, responded: false, retryable: true })
        })
    }
}

/// Returns the part of a URL that holds no secret: neither user and password nor query.
fn without_secrets(url: &str) -> &str {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let from = url.find("://").map_or(0, |scheme| scheme + 3);
    let path = url[from..end].find('/').map_or(end, |path| from + path);
    let user = url[from..path].rfind('@').map_or(0, |at| from + at + 1);
    &url[user..end]
}

fn no_response(url: &str, error: &TransportError) -> MetadataError {
    let cause = find::<Error>(error);
    let what = cause.map_or_else(|| error.to_string(), |cause| cause.without_advice().to_owned());
    let retryable = cause.is_none_or(|cause| matches!(cause.kind(), Kind::Network | Kind::Timeout));
    MetadataError { what: format!("{url}: {what}"), responded: false, retryable }
}

async fn read(url: &str, response: Response<Body>) -> Result<String, MetadataError> {
    let fail =
        |what: String, retryable| Err(MetadataError { what: format!("{url} {what}"), responded: true, retryable });
    let status = response.status();
    let mut bytes = Vec::new();
    let mut body = pin!(response.into_body());
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        match frame.map(|frame| frame.into_data().unwrap_or_default()) {
            Ok(data) => bytes.extend_from_slice(&data),
            Err(_) => return fail("broke off its response".to_owned(), true),
        }
        if bytes.len() > MAX_RESPONSE {
            return fail(format!("sends more than {} KiB", MAX_RESPONSE >> 10), false);
        }
    }
    if status != http::StatusCode::OK {
        let retryable = status.is_server_error() || matches!(status.as_u16(), 401 | 429);
        return fail(format!("responds with HTTP {}", status.as_u16()), retryable);
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(_) => fail("sends something that is not text".to_owned(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_hold_no_password_and_no_query_of_a_url() {
        for (url, expected) in [
            ("http://169.254.170.2/v2/credentials/a@b", "http://169.254.170.2/v2/credentials/a@b"),
            ("http://user:pass@word@127.0.0.1:80/x?token=t", "127.0.0.1:80/x"),
            ("http://127.0.0.1?token=a@b/c", "http://127.0.0.1"),
            ("no url", "no url"),
        ] {
            assert_eq!(without_secrets(url), expected);
        }
    }
}
