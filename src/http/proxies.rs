//! The proxy of a request: that of the config, else that of the environment.

use crate::config::environment::variables::Variables;
use crate::config::{Config, Secret, check_proxy, is_loopback};
use crate::error::{Error, Kind, Result};
use http::Uri;
use http::uri::Scheme;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use std::sync::OnceLock;

/// The proxies of one config and its environment.
pub struct Proxies {
    source: Source,
    variables: Variables,
    /// For https:// and for http://. Made by the first request: a model without network needs none.
    matchers: [OnceLock<Result<Matcher>>; 2],
}

/// The source of the proxies.
enum Source {
    None,
    Config(Secret),
    Environment,
}

impl Proxies {
    pub fn new(config: &Config) -> Self {
        let source = config.proxy.clone().map_or(Source::Environment, Source::Config);
        Proxies::of_source(source, config.variables.clone())
    }

    /// Returns proxies for no request. The config and the environment are ignored.
    pub fn none() -> Self {
        Proxies::of_source(Source::None, Variables::default())
    }

    fn of_source(source: Source, variables: Variables) -> Self {
        Proxies { source, variables, matchers: [const { OnceLock::new() }; 2] }
    }

    /// Returns the setting that names the proxies for https:// or http://.
    pub fn source(&self, tls: bool) -> Option<&'static str> {
        match &self.source {
            Source::None => None,
            Source::Config(_) => Some("proxy in the config"),
            Source::Environment => variable(tls, &self.variables).map(|(name, _)| name),
        }
    }

    /// Returns the proxy for requests to `uri`. Requests to this machine take none.
    pub fn proxy_for(&self, uri: &Uri) -> Result<Option<Intercept>> {
        if is_loopback(uri.host().unwrap_or_default()) {
            return Ok(None);
        }
        let tls = uri.scheme() == Some(&Scheme::HTTPS);
        let matcher = self.matchers[usize::from(tls)].get_or_init(|| self.source.matcher(tls, &self.variables));
        Ok(matcher.as_ref().map_err(Error::clone)?.intercept(uri))
    }
}

impl Source {
    fn matcher(&self, tls: bool, variables: &Variables) -> Result<Matcher> {
        let url = match self {
            Source::None => return Ok(Matcher::builder().build()),
            Source::Config(url) => url.clone(),
            Source::Environment => of_environment(tls, variables)?,
        };
        let except = variables.first(&["no_proxy", "NO_PROXY"]).map_or("", |(_, value)| value);
        Ok(Matcher::builder().all(url.as_str()).no(except).build())
    }
}

/// Returns the variable that names the proxy, and its value.
fn variable(tls: bool, variables: &Variables) -> Option<(&'static str, &str)> {
    const TLS: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    const PLAIN: [&str; 4] = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
    // If a web server has started the program for a request (CGI), HTTP_PROXY is the request's header "Proxy".
    const CGI: [&str; 3] = ["http_proxy", "all_proxy", "ALL_PROXY"];
    let cgi = variables.is_set("REQUEST_METHOD");
    let names: &[&str] = if tls {
        &TLS
    } else if cgi {
        &CGI
    } else {
        &PLAIN
    };
    variables.first(names)
}

/// Returns the URL of the environment's proxy, or "". It is checked here, because a matcher silently ignores an invalid
/// URL.
fn of_environment(tls: bool, variables: &Variables) -> Result<Secret> {
    let Some((name, url)) = variable(tls, variables) else { return Ok(Secret::default()) };
    let url = Secret::new(if url.contains("://") {
        url.to_owned()
    } else {
        format!("http://{}", url.trim_start_matches("//"))
    });
    match check_proxy(&url) {
        Ok(()) => Ok(url),
        Err(reason) => {
            Err(Error::new(Kind::Config, format_args!("{name} {reason}. Correct the variable, or unset it")))
        }
    }
}
