//! The messages of network failures: to which host, through which proxy, what happened, what to do next.

use super::tcp_keepalive;
use super::transport_error::{ErrorClass, Failure, TransportError};
use crate::config::Timeout;
use crate::error::{Error, Kind};
use crate::error::{chain, find};
use crate::protocol::host::host_of;
use http::Uri;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

/// The end of the message of an operating system's error.
const OS_ERROR: &str = " (os error";

/// Returns the error for a connection that could not be made, perhaps through `proxy`.
pub fn not_connected(failure: Failure, uri: &Uri, proxy: Option<&Uri>) -> TransportError {
    let peer = Peer { uri, proxy };
    describe(failure, format_args!("connecting to {peer}"), proxy.is_some())
}

/// Returns the error for a connection that could not be made in time. `full`: the existing connections admit no further
/// call.
pub fn connect_timeout(limit: Duration, host: &str, full: bool) -> TransportError {
    let (why, advice) = if full {
        (": the existing connections admit no further call", "Run fewer calls at once (max_concurrency)")
    } else {
        ("", "Is the endpoint reachable from here?")
    };
    let what = format!("within {limit:?} ({}){why}", Timeout::Connect.name());
    let error = Error::new(Kind::Timeout, format_args!("no connection to {host} {what}")).advise(advice);
    TransportError::new(ErrorClass::Timeout, error).with_event(format!("no connection within {limit:?}"))
}

/// Returns the error for a connection that broke before a response, or whose response is invalid.
pub fn no_response(failure: Failure, host: &str) -> TransportError {
    let is_timeout = find::<Error>(&*failure.cause).is_some_and(|error| error.kind() == Kind::Timeout);
    if is_timeout || tcp_keepalive::is_peer_lost(&*failure.cause) {
        let error = tcp_keepalive::peer_lost();
        let event = error.without_advice().to_owned();
        let error = error.while_doing(format_args!("waiting for {host}"));
        return TransportError::new(ErrorClass::Timeout, error).with_event(event);
    }
    describe(failure, format_args!("waiting for {host}"), false)
}

/// Returns the error for a response that did not arrive within the time limit.
pub fn response_timeout(limit: Duration) -> TransportError {
    let error = Error::new(Kind::Timeout, format_args!("no response within {limit:?}"));
    TransportError::new(ErrorClass::Timeout, error)
}

/// A host with its port, and those of the proxy before it.
struct Peer<'a> {
    uri: &'a Uri,
    proxy: Option<&'a Uri>,
}

impl fmt::Display for Peer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&host_of(self.uri))?;
        match self.proxy {
            Some(proxy) => write!(f, " through the proxy {}", host_of(proxy)),
            None => Ok(()),
        }
    }
}

/// Returns the error for a failure. `proxied`: the proxy may be to blame.
fn describe(failure: Failure, doing: fmt::Arguments<'_>, proxied: bool) -> TransportError {
    let Failure { class, cause } = failure;
    let known = find::<Error>(&*cause);
    if let Some(error) = known.filter(|error| !matches!(error.kind(), Kind::Network | Kind::Protocol)) {
        return TransportError::new(class, error.clone());
    }
    let kind = match known {
        Some(error) => error.kind(),
        None if lacks_resources(&*cause) => Kind::Resource,
        None => Kind::Network,
    };
    let (full, event) = match known {
        Some(error) => (error.without_prefix().to_owned(), error.without_advice().to_owned()),
        None => {
            let text = plain_text(&*cause);
            (text.clone(), text)
        }
    };
    let what = format!("{doing}: {full}");
    let error = Error::new(kind, &what);
    let has_advice = kind != Kind::Protocol && known.is_some();
    let error = if has_advice { error } else { error.advise(advice(kind, &what, proxied)) };
    TransportError::new(class, error).with_event(event)
}

/// Returns what happened, without the names of the layers that pass the error on.
fn plain_text(cause: &(dyn StdError + 'static)) -> String {
    let mut text = chain(cause);
    for layer in ["client error (Connect): ", "tcp connect error: ", "tcp open error: "] {
        text = text.replace(layer, "");
    }
    text = text.replace("dns error: failed to lookup address information", "the name does not resolve");
    if let Some(at) = text.find(OS_ERROR) {
        text.truncate(at);
    }
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
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
        "Check this machine's clock; if it is right, the server needs a new certificate"
    } else if what.contains("CaUsedAsEndEntity") {
        "The server uses the certificate of a CA as its own, which no ca_file makes valid: give the server one that the CA has signed"
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
