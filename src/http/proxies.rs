//! Which proxy a request takes: the config's, else the environment's.

use crate::config::environment::variables::Variables;
use crate::config::{Config, Secret, check_proxy, is_loopback};
use crate::error::{Error, Kind, Result};
use http::Uri;
use http::uri::Scheme;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use std::sync::OnceLock;

/// The proxies that one config and the environment name.
pub struct Proxies {
    of: Names,
    variables: Variables,
    /// For https:// and for http://. Read with the first request, so that a config without network reads nothing.
    read: [OnceLock<Result<Matcher>>; 2],
}

/// Who names a proxy.
enum Names {
    Nobody,
    Config(Secret),
    Environment,
}

impl Proxies {
    pub fn new(config: &Config) -> Self {
        let of = config.proxy.clone().map_or(Names::Environment, Names::Config);
        Proxies::named_by(of, config.variables.clone())
    }

    /// No proxy at all, whatever anybody names.
    pub fn none() -> Self {
        Proxies::named_by(Names::Nobody, Variables::default())
    }

    fn named_by(of: Names, variables: Variables) -> Self {
        Proxies { of, variables, read: [const { OnceLock::new() }; 2] }
    }

    /// The proxy on the way to `uri`. A proxy on the way to this machine would only see what is not meant for it.
    pub fn on_the_way_to(&self, uri: &Uri) -> Result<Option<Intercept>> {
        if is_loopback(uri.host().unwrap_or_default()) {
            return Ok(None);
        }
        let tls = uri.scheme() == Some(&Scheme::HTTPS);
        let matcher = self.read[usize::from(tls)].get_or_init(|| self.of.read(tls, &self.variables));
        Ok(matcher.as_ref().map_err(Error::clone)?.intercept(uri))
    }
}

impl Names {
    fn read(&self, tls: bool, variables: &Variables) -> Result<Matcher> {
        let url = match self {
            Names::Nobody => return Ok(Matcher::builder().build()),
            Names::Config(url) => url.clone(),
            Names::Environment => of_environment(tls, variables)?,
        };
        let except = variables.first(&["no_proxy", "NO_PROXY"]).map_or("", |(_, value)| value);
        Ok(Matcher::builder().all(url.as_str()).no(except).build())
    }
}

/// The URL of the environment's proxy, or "". A matcher would silently do without a proxy whose URL it does not
/// understand.
fn of_environment(tls: bool, variables: &Variables) -> Result<Secret> {
    const TLS: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    const PLAIN: [&str; 4] = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
    // Where a web server starts a program for a request (CGI), HTTP_PROXY is that request's header "Proxy".
    const CGI: [&str; 3] = ["http_proxy", "all_proxy", "ALL_PROXY"];
    let cgi = variables.is_set("REQUEST_METHOD");
    let names: &[&str] = if tls {
        &TLS
    } else if cgi {
        &CGI
    } else {
        &PLAIN
    };
    let Some((name, url)) = variables.first(names) else { return Ok(Secret::default()) };
    let url = Secret::new(if url.contains("://") {
        url.to_owned()
    } else {
        format!("http://{}", url.trim_start_matches("//"))
    });
    match check_proxy(&url) {
        Ok(()) => Ok(url),
        Err(reason) => Err(Error::new(Kind::Config, format_args!("{name} {reason}. Mend the variable, or unset it"))),
    }
}
