//! What goes wrong between here and an endpoint, in words: to which host, through which proxy, what happened, what to do next.

use super::alive;
use crate::config::Timeout;
use crate::error::{Error, Kind};
use crate::error::{chain, find};
use crate::protocol::host::host_of;
use aws_smithy_runtime_api::client::result::ConnectorError;
use http::Uri;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// What an operating system's error ends with.
const OS_ERROR: &str = " (os error";

/// A failure in words of ours, and what happened without a word about to whom: recordings name no host.
#[derive(Debug)]
pub struct OnTheWay {
    error: Error,
    what: String,
}

impl OnTheWay {
    /// What happened to a request to `host`, for a recording.
    pub fn without_host(error: &ConnectorError, host: &str) -> String {
        match find::<OnTheWay>(error) {
            Some(OnTheWay { what, .. }) if host.is_empty() => what.clone(),
            Some(OnTheWay { what, .. }) => what.replace(host, "the endpoint"),
            None => error.source().map_or_else(|| error.to_string(), chain),
        }
    }
}

impl fmt::Display for OnTheWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.error.without_prefix())
    }
}

impl StdError for OnTheWay {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.error)
    }
}

/// No connection came about. `proxy` is the one that it was to go through.
pub fn connecting(error: ConnectorError, uri: &Uri, proxy: Option<&Uri>) -> ConnectorError {
    let proxied = proxy.is_some();
    let way = Way { uri, proxy };
    in_words(error, |what| (format!("connecting to {way}: {what}"), proxied))
}

/// The connection did not stand in time. `full`: there are connections, and they take no further call.
pub fn late(limit: Duration, host: &str, full: bool) -> ConnectorError {
    let (why, advice) = if full {
        (": those that there are take no further call", "Run fewer calls at once (max_concurrency)")
    } else {
        ("", "Is the endpoint reachable from here?")
    };
    let what = format!("within {limit:?} ({}){why}", Timeout::Connect.name());
    let error = Error::new(Kind::Timeout, format_args!("no connection to {host} {what}")).advise(advice);
    ConnectorError::timeout(OnTheWay { error, what: format!("no connection within {limit:?}") }.into())
}

/// The same failure for each of those that waited for one connect.
pub fn shared(error: &Arc<ConnectorError>) -> ConnectorError {
    let same = || Shared(error.clone()).into();
    match error.as_other() {
        _ if error.is_timeout() => ConnectorError::timeout(same()),
        _ if error.is_io() => ConnectorError::io(same()),
        _ if error.is_user() => ConnectorError::user(same()),
        kind => ConnectorError::other(same(), kind),
    }
}

#[derive(Debug)]
struct Shared(Arc<ConnectorError>);

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Shared {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

/// The connection broke before it gave an answer, or what it gave is none.
pub fn waiting(error: ConnectorError, host: &str) -> ConnectorError {
    let is_told = find::<Error>(&error).is_some_and(|own| own.kind() == Kind::Timeout);
    if is_told || alive::is_silence(&error) {
        let silence = alive::silence();
        let what = silence.without_advice().to_owned();
        let error = silence.while_doing(format_args!("waiting for {host}"));
        return ConnectorError::timeout(OnTheWay { error, what }.into());
    }
    in_words(error, |what| (format!("waiting for {host}: {what}"), false))
}

/// Host and port, and those of the proxy.
struct Way<'a> {
    uri: &'a Uri,
    proxy: Option<&'a Uri>,
}

impl fmt::Display for Way<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&host_of(self.uri))?;
        match self.proxy {
            Some(proxy) => write!(f, " through the proxy {}", host_of(proxy)),
            None => Ok(()),
        }
    }
}

/// The same failure for the SDK, with an error of ours in it. `tell` says it, and whether a proxy may be to blame.
fn in_words(error: ConnectorError, tell: impl FnOnce(String) -> (String, bool)) -> ConnectorError {
    if let Some(own) = find::<Error>(&error)
        && !matches!(own.kind(), Kind::Network | Kind::Protocol)
    {
        return error;
    }
    let kind = match find::<Error>(&error) {
        Some(own) => own.kind(),
        None if lacks_resources(&error) => Kind::Resource,
        None => Kind::Network,
    };
    let cause = find::<Error>(&error).map(|own| own.without_prefix().to_owned()).unwrap_or_else(|| words(&error));
    let bare = find::<Error>(&error).map(|own| own.without_advice().to_owned()).unwrap_or_else(|| cause.clone());
    let advised = kind != Kind::Protocol && find::<Error>(&error).is_some();
    let (what, proxied) = tell(cause);
    let told = Error::new(kind, &what);
    let told = if advised { told } else { told.advise(advice(kind, &what, proxied)) };
    let told = OnTheWay { error: told, what: bare };
    match error.as_other() {
        _ if error.is_timeout() => ConnectorError::timeout(told.into()),
        _ if error.is_io() => ConnectorError::io(told.into()),
        _ if error.is_user() => ConnectorError::user(told.into()),
        kind => ConnectorError::other(told.into(), kind),
    }
}

/// What happened, without the names of the layers that pass it on.
fn words(error: &ConnectorError) -> String {
    let mut text = chain(error.source().unwrap_or(error));
    for layer in ["client error (Connect): ", "tcp connect error: ", "tcp open error: "] {
        text = text.replace(layer, "");
    }
    text = text.replace("dns error: failed to lookup address information", "the name does not resolve");
    if let Some(at) = text.find(OS_ERROR) {
        text.truncate(at);
    }
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text,
    }
}

fn lacks_resources(error: &(dyn StdError + 'static)) -> bool {
    let code = find::<io::Error>(error).and_then(io::Error::raw_os_error);
    code.is_some_and(|code| [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::ENOBUFS].contains(&code))
}

fn advice(kind: Kind, what: &str, proxied: bool) -> &'static str {
    if what.contains("NotValidForName") || what.contains("not valid for name") {
        "The server's certificate is for another name: check base_url and the proxy"
    } else if kind == Kind::Protocol {
        "Check base_url and http_version; is this really a Bedrock endpoint?"
    } else if kind == Kind::Resource {
        "Raise the limit of open files (ulimit -n) or run fewer calls at once (max_concurrency)"
    } else if what.contains("certificate expired") || what.contains("certificate not valid before") {
        "Check this machine's clock; where it is right, the server needs a new certificate"
    } else if what.contains("CaUsedAsEndEntity") {
        "The server shows the certificate of a CA as its own, which no ca_file makes valid: give the server one that the CA has signed"
    } else if what.contains("certificate") {
        "The server's certificate is not trusted; for a private CA set ca_file"
    } else if proxied {
        "Check the proxy (HTTPS_PROXY, or proxy in the config) and the network"
    } else if what.contains("does not resolve") {
        "Check the region or base_url"
    } else {
        "Check the network, the proxy and base_url"
    }
}
