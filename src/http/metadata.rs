//! The services of the machine that give credentials: a container's agent, an instance's metadata.
//!
//! They stand on this machine or beside it, at addresses that mean something else anywhere else. So a proxy is never
//! asked for them: it would answer with what it is itself, and would see the keys. An answer is short.

use super::body::Body;
use super::network::{Dispatch, Network};
use crate::config::Config;
use crate::error::{Error, Kind};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http::{Request, Response};
use http_body::Body as _;
use std::error::Error as StdError;
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;
use tokio::time::timeout;

/// The longest answer that is read.
const LONGEST: usize = 64 << 10;

/// The way to them.
#[derive(Clone, Debug)]
pub struct Metadata(Network);

/// Why a service of the machine gave nothing.
pub struct Refusal {
    /// Where was asked, and what happened.
    pub what: String,
    /// Whether it answered at all.
    pub answered: bool,
    /// Whether it may give something if it is asked again.
    pub again: bool,
}

impl Metadata {
    pub fn new(config: &Config) -> Self {
        Metadata(Network::for_metadata(config))
    }

    /// The text of a successful answer. `patience` is for the connection, and once more for the answer.
    pub async fn ask(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        patience: Duration,
    ) -> Result<String, Refusal> {
        let shown = shown(url);
        let mut builder = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let request = builder.body(SdkBody::empty()).map_err(|error| Refusal {
            what: format!("{shown} cannot be asked: {error}"),
            answered: false,
            again: false,
        })?;
        let dispatch = Dispatch::new(&self.0, patience);
        let asking = async {
            let answer = dispatch.ask(request).await.map_err(|error| unanswered(shown, &error))?;
            read(shown, answer).await
        };
        timeout(patience * 2, asking).await.unwrap_or_else(|_| {
            Err(Refusal { what: format!("{shown} does not answer within {patience:?}"), answered: false, again: true })
        })
    }
}

/// The part of a URL that holds no secret: neither a user and a password nor a query.
fn shown(url: &str) -> &str {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let from = url.find("://").map_or(0, |scheme| scheme + 3);
    let path = url[from..end].find('/').map_or(end, |path| from + path);
    let user = url[from..path].rfind('@').map_or(0, |at| from + at + 1);
    &url[user..end]
}

fn unanswered(url: &str, error: &ConnectorError) -> Refusal {
    let causes = std::iter::successors(Some(error as &(dyn StdError + 'static)), |&error| error.source());
    let own = causes.clone().find_map(|error| error.downcast_ref::<Error>());
    let what = match own {
        Some(own) => own.without_advice().to_owned(),
        None => causes.last().map(ToString::to_string).unwrap_or_default(),
    };
    let again = own.is_none_or(|own| matches!(own.kind(), Kind::Network | Kind::Timeout));
    Refusal { what: format!("{url}: {what}"), answered: false, again }
}

async fn read(url: &str, answer: Response<Body>) -> Result<String, Refusal> {
    let refusal = |what: String, again| Err(Refusal { what: format!("{url} {what}"), answered: true, again });
    let status = answer.status();
    let mut bytes = Vec::new();
    let mut body = pin!(answer.into_body());
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        match frame.map(|frame| frame.into_data().unwrap_or_default()) {
            Ok(data) => bytes.extend_from_slice(&data),
            Err(_) => return refusal("broke off its answer".to_owned(), true),
        }
        if bytes.len() > LONGEST {
            return refusal(format!("gives more than {} KiB", LONGEST >> 10), false);
        }
    }
    if status != http::StatusCode::OK {
        let again = status.is_server_error() || matches!(status.as_u16(), 401 | 429);
        return refusal(format!("answers HTTP {}", status.as_u16()), again);
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(_) => refusal("gives something else than text".to_owned(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_url_holds_no_password_and_no_query() {
        for (url, wanted) in [
            ("http://169.254.170.2/v2/credentials/a@b", "http://169.254.170.2/v2/credentials/a@b"),
            ("http://user:pass@word@127.0.0.1:80/x?token=t", "127.0.0.1:80/x"),
            ("http://127.0.0.1?token=a@b/c", "http://127.0.0.1"),
            ("no url", "no url"),
        ] {
            assert_eq!(shown(url), wanted);
        }
    }
}
