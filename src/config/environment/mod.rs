//! The AWS environment: AWS's variables and files, by the rules of botocore.
//!
//! The variables are read when a model is made. The files are read once for each model and worker, and again for
//! credentials. The SDK reads neither: it is given values that were checked here. The README lists the differences from
//! botocore, and `tests/oracle` checks them.
//!
//! ```text
//!   variables    the environment variables
//!   files        the config file and the credentials file; ini is their syntax, profile a section of them
//!   file_stamps  whether files were written after they were read
//!   sourced      a setting and its source, for errors
//! ```

mod file_stamps;
mod files;
mod ini;
mod profile;
mod sourced;
#[cfg(test)]
pub mod tests;
pub mod variables;

pub use file_stamps::FileStamps;
pub use files::Files;
pub use profile::Profile;
pub use sourced::Sourced;

use crate::config::{CaBundle, Config, check_plain_http, check_region};
use crate::error::{Error, Kind, Result, quote};
use std::sync::Arc;
use variables::{BEARER_VARIABLE, Variables};

/// The region that is called if neither config nor environment name one.
pub const DEFAULT_REGION: &str = "us-east-1";

/// The variables, the files, and the profile in use.
pub struct Environment {
    pub variables: Variables,
    pub files: Arc<Files>,
    /// Empty if no profile is named and there is no default profile.
    pub profile: Profile,
    /// The setting that names the profile, or "default".
    pub profile_source: &'static str,
}

/// The names of a service in the settings of its endpoint.
#[derive(Clone, Copy)]
pub struct Service {
    /// The environment variable.
    variable: &'static str,
    /// The key in a `[services]` section.
    key: &'static str,
}

pub const BEDROCK_RUNTIME: Service = Service { variable: "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", key: "bedrock_runtime" };

impl Service {
    /// The services that return credentials, by their names in the SDK.
    pub const OF_CREDENTIALS: [(&str, Service); 3] = [
        ("STS", Service { variable: "AWS_ENDPOINT_URL_STS", key: "sts" }),
        ("SSO", Service { variable: "AWS_ENDPOINT_URL_SSO", key: "sso" }),
        ("SSO OIDC", Service { variable: "AWS_ENDPOINT_URL_SSO_OIDC", key: "sso_oidc" }),
    ];
}

impl Environment {
    /// Combines the files with the variables of the config.
    pub fn new(config: &Config, files: Arc<Files>) -> Result<Self> {
        let variables = config.variables.with_home(files.home.as_deref());
        if let Some(name) = config.profile.as_ref().filter(|_| variables.are_withheld()) {
            let what = format_args!(
                "the profile {} is not read: this program has more rights than its user (it is setuid, setgid, or has \
                 capabilities), and so takes nothing from the user's environment and files. Give api_key and secret_key",
                quote(name)
            );
            return Err(Error::new(Kind::Credentials, what));
        }
        let selected = match &config.profile {
            Some(name) => Some((name.as_str(), "profile in the config")),
            None => variables.first(&["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]).map(|(source, name)| (name, source)),
        };
        let (name, source) = selected.unwrap_or(("default", "default"));
        let profile = match files.profile(name) {
            Some(profile) => profile.clone(),
            // A program that brings its own credentials needs no profile. AWS_PROFILE may be meant for other programs.
            None if name == "default" || config.brings_identity() && config.profile.is_none() => Profile::default(),
            None => return Err(files.unknown_profile(name, source)),
        };
        Ok(Environment { variables, files, profile, profile_source: source })
    }

    /// Returns a setting: the value of the variable, else that of the profile.
    pub fn setting(&self, variable: &str, key: &str) -> Option<Sourced> {
        let of_variable = self.variables.get(variable).map(|value| Sourced::new(value, variable));
        of_variable.or_else(|| self.profile.sourced(key))
    }

    /// Returns the region to call. The metadata service is not called: on a machine without one, that would
    /// take seconds.
    pub fn region(&self, config: &Config) -> Result<Sourced> {
        if let Some(region) = &config.region {
            return Ok(Sourced::new(region, "region in the config"));
        }
        let of_variable = self.variables.first(&["AWS_REGION", "AWS_DEFAULT_REGION"]);
        let of_variable = of_variable.map(|(name, value)| Sourced::new(value, name));
        let Some(region) = of_variable.or_else(|| self.profile.sourced("region")) else {
            return Ok(Sourced::new(DEFAULT_REGION, "default"));
        };
        check_region(&region.value).map_err(|reason| region.error(reason))?;
        Ok(region)
    }

    /// Returns whether the FIPS endpoint is called.
    pub fn fips(&self, config: &Config) -> bool {
        config.fips.unwrap_or_else(|| self.is_on("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"))
    }

    /// Returns whether the dual-stack endpoint is called.
    pub fn dual_stack(&self, config: &Config) -> bool {
        config.dual_stack.unwrap_or_else(|| self.is_on("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"))
    }

    /// Returns the endpoint that is configured for a service. It passed [`check_plain_http`], because requests may
    /// carry secrets.
    pub fn endpoint(&self, service: Service, allow_http: bool, bearer: bool) -> Result<Option<Sourced>> {
        let Some(endpoint) = self.configured_endpoint(service) else { return Ok(None) };
        check_plain_http(&endpoint.value, allow_http, bearer).map_err(|reason| endpoint.error(reason))?;
        Ok(Some(endpoint))
    }

    fn configured_endpoint(&self, service: Service) -> Option<Sourced> {
        if self.is_on("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls") {
            return None;
        }
        if let Some((name, url)) = self.variables.first(&[service.variable, "AWS_ENDPOINT_URL"]) {
            return Some(Sourced::new(url, name));
        }
        let of_service = || {
            let services = self.profile.get("services")?;
            let url = self.files.of_service(services, service.key, "endpoint_url")?;
            Some(Sourced::new(url, format!("endpoint_url of {} in [services {services}]", service.key)))
        };
        of_service().or_else(|| self.profile.sourced("endpoint_url"))
    }

    /// Returns the certificates that are trusted in place of the system's.
    pub fn ca_bundle(&self) -> Option<CaBundle> {
        let bundle = self.setting("AWS_CA_BUNDLE", "ca_bundle").or_else(|| {
            let path = self.variables.get("REQUESTS_CA_BUNDLE")?;
            Some(Sourced::new(path, "REQUESTS_CA_BUNDLE"))
        })?;
        Some(CaBundle::Named { path: self.variables.expand(&bundle.value), source: bundle.source })
    }

    /// Returns the Bedrock API key of the environment.
    pub fn bearer_token(&self) -> Option<&str> {
        self.variables.get(BEARER_VARIABLE)
    }

    /// Returns the program's name in the SDK's user agent. Like botocore, it replaces characters that are not allowed
    /// by '-'.
    pub fn app_id(&self) -> Option<String> {
        let name = self.setting("AWS_SDK_UA_APP_ID", "sdk_ua_app_id")?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        Some(name.value.chars().map(|c| if allowed(c) { c } else { '-' }).collect())
    }

    /// Returns whether a setting is `true`.
    pub fn is_on(&self, variable: &str, key: &str) -> bool {
        self.setting(variable, key).is_some_and(|setting| setting.value.eq_ignore_ascii_case("true"))
    }
}
