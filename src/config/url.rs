//! URLs of endpoints and proxies, and the rule for requests over http://.
//!
//! Only URLs of listed characters pass. So the host that is checked here is the host that is connected to, also if the
//! HTTP client parses unusual URLs differently.
//!
//! The error of a check is a reason. A message puts the name of the setting before it: `"base_url" ...`,
//! `AWS_ENDPOINT_URL ...`. A reason never quotes the complete URL, which may hold a password.

use crate::error::quote;
use std::net::{IpAddr, Ipv6Addr};

type Check = Result<(), String>;

/// Checks that requests may go to `url`: over https:// to any host; over http:// to this machine; over http:// to
/// another host only with `allow_http` and without a bearer token, which others on the network could read and use.
pub fn check_plain_http(url: &str, allow_http: bool, bearer: bool) -> Check {
    let url = Url::parse(url)?;
    if url.user.is_some() {
        return Err("must not hold a user name or password".to_owned());
    }
    if url.tls { Ok(()) } else { check_plain_host(url.host, allow_http, bearer) }
}

/// Checks that requests may go over http:// to `host`, which is the rule of [`check_plain_http`] without the URL.
pub fn check_plain_host(host: &str, allow_http: bool, bearer: bool) -> Check {
    if is_loopback(host) {
        return Ok(());
    }
    let host = quote(host);
    if bearer {
        return Err(format!("would send a bearer token over http:// to {host}, readable on the way: use https://"));
    }
    if !allow_http {
        return Err(format!(
            "is http:// to {host}, which is not this machine: use https://, or set \"allow_http\" to true"
        ));
    }
    Ok(())
}

/// Checks that `url` can be the URL of a proxy.
pub fn check_proxy(url: &str) -> Check {
    let url = Url::parse(url)?;
    if !matches!(url.path, "" | "/") {
        return Err("must end behind the proxy's host and port".to_owned());
    }
    Ok(())
}

/// Checks that `url` is a plain URL without a user.
pub fn check_url(url: &str) -> Check {
    match Url::parse(url)?.user {
        Some(_) => Err("must not hold a user name or password".to_owned()),
        None => Ok(()),
    }
}

/// Returns whether the host of a URL is this machine: 127.0.0.0/8, ::1 or localhost. Names are not resolved.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

struct Url<'a> {
    tls: bool,
    user: Option<&'a str>,
    /// An IPv6 address is in brackets.
    host: &'a str,
    path: &'a str,
}

impl<'a> Url<'a> {
    fn parse(url: &'a str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err("must be a URL that begins with https:// or http://".to_owned()),
        };
        if rest.contains(['?', '#']) {
            return Err("must be a URL without a query (?) or fragment (#)".to_owned());
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, host_port) = match authority.rsplit_once('@') {
            Some((user, host_port)) => (Some(user), host_port),
            None => (None, authority),
        };
        if !path.bytes().chain(user.unwrap_or_default().bytes()).all(is_plain) {
            return Err("holds a character that must be percent-encoded in a URL".to_owned());
        }
        let (host, port) = split_port(host_port)?;
        check_host(host)?;
        if let Some(port) = port
            && !(port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0))
        {
            // Not quoted, because it may be a part of a password.
            return Err("has a port that is no number from 1 to 65535".to_owned());
        }
        Ok(Url { tls, user, host, path })
    }
}

/// Returns whether RFC 3986 allows the byte in a path or before the '@' without an escape.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/".contains(&byte)
}

fn split_port(host_port: &str) -> Result<(&str, Option<&str>), String> {
    let host_end = if host_port.starts_with('[') {
        host_port.find(']').ok_or("has a '[' without its ']'")? + 1
    } else {
        host_port.find(':').unwrap_or(host_port.len())
    };
    let (host, port) = host_port.split_at(host_end);
    match port.strip_prefix(':') {
        None if !port.is_empty() => Err("has something between its host and its port".to_owned()),
        port => Ok((host, port)),
    }
}

fn check_host(host: &str) -> Check {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return match address.parse::<Ipv6Addr>() {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("has the host {}, which is no IPv6 address", quote(host))),
        };
    }
    if !host.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
        return Err("names no host".to_owned());
    }
    if host.len() > 253 || !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)) {
        return Err(format!("has the host {}, which is no host name", quote(host)));
    }
    Ok(())
}
