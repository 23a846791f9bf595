//! What the machine says: AWS's files, read once for each model and worker, and the variables of the model, by AWS's own
//! rules as botocore has them.
//!
//! Nothing of it reaches the SDK by itself. What is read here is checked here, and given to the SDK as values. Where we
//! differ from botocore, the README says so, and `tests/oracle` holds the list.

mod files;
mod given;
mod ini;
mod profile;
#[cfg(test)]
pub mod tests;

pub use files::Files;
pub use given::Given;
pub use profile::Profile;

use super::variables::Variables;
use crate::config::{CaBundle, Config, check_plain_http, check_region};
use crate::error::{Error, Kind, Result, quote};
use std::sync::Arc;

/// The region that is called where nobody names one.
pub const DEFAULT_REGION: &str = "us-east-1";

/// Variables and files, and the profile in use.
pub struct Environment {
    pub variables: Variables,
    pub files: Arc<Files>,
    /// Empty where no profile is named and there is no default one.
    pub profile: Profile,
}

/// A service that is called, by the names that AWS gives its settings.
#[derive(Clone, Copy)]
pub struct Service {
    /// At the end of `AWS_ENDPOINT_URL_`.
    variable: &'static str,
    /// In a `[services]` section.
    key: &'static str,
}

pub const BEDROCK_RUNTIME: Service = Service { variable: "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", key: "bedrock_runtime" };

impl Service {
    /// The services that give credentials, by their names in the SDK.
    pub const OF_CREDENTIALS: [(&str, Service); 3] = [
        ("STS", Service { variable: "AWS_ENDPOINT_URL_STS", key: "sts" }),
        ("SSO", Service { variable: "AWS_ENDPOINT_URL_SSO", key: "sso" }),
        ("SSO OIDC", Service { variable: "AWS_ENDPOINT_URL_SSO_OIDC", key: "sso_oidc" }),
    ];
}

impl Environment {
    /// What the files and the variables of the config say.
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
        let named = match &config.profile {
            Some(name) => Some((name.as_str(), "profile in the config")),
            None => variables.first(&["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]).map(|(by, name)| (name, by)),
        };
        let (name, by) = named.unwrap_or(("default", ""));
        let profile = match files.profile(name) {
            Some(profile) => profile.clone(),
            // Whoever brings an identity along needs no profile: a name that is left over from other programs does no
            // harm.
            None if name == "default" || config.brings_identity() && config.profile.is_none() => Profile::default(),
            None => return Err(files.lacks(name, by)),
        };
        Ok(Environment { variables, files, profile })
    }

    /// A setting: the variable's value, else the profile's.
    pub fn given(&self, variable: &str, key: &str) -> Option<Given> {
        let of_variable = self.variables.get(variable).map(|value| Given::new(value, variable));
        of_variable.or_else(|| self.profile.given(key))
    }

    /// The region to call. It is never asked of the machine: that takes seconds where there is nobody to answer.
    pub fn region(&self, config: &Config) -> Result<String> {
        if let Some(region) = &config.region {
            return Ok(region.clone());
        }
        let of_variable = self.variables.first(&["AWS_REGION", "AWS_DEFAULT_REGION"]);
        let of_variable = of_variable.map(|(name, value)| Given::new(value, name));
        let Some(region) = of_variable.or_else(|| self.profile.given("region")) else {
            return Ok(DEFAULT_REGION.to_owned());
        };
        check_region(&region.value).map_err(|reason| refuse(&region, reason))?;
        Ok(region.value)
    }

    pub fn fips(&self, config: &Config) -> bool {
        config.fips.unwrap_or_else(|| self.is_on("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"))
    }

    pub fn dual_stack(&self, config: &Config) -> bool {
        config.dual_stack.unwrap_or_else(|| self.is_on("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"))
    }

    /// The endpoint that is configured for a service, whose place is checked: requests to it may carry secrets.
    pub fn endpoint(&self, service: Service, allow_http: bool, bearer: bool) -> Result<Option<Given>> {
        let Some(endpoint) = self.configured_endpoint(service) else { return Ok(None) };
        check_plain_http(&endpoint.value, allow_http, bearer).map_err(|reason| refuse(&endpoint, reason))?;
        Ok(Some(endpoint))
    }

    fn configured_endpoint(&self, service: Service) -> Option<Given> {
        if self.is_on("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls") {
            return None;
        }
        if let Some((name, url)) = self.variables.first(&[service.variable, "AWS_ENDPOINT_URL"]) {
            return Some(Given::new(url, name));
        }
        let of_service = || {
            let services = self.profile.get("services")?;
            let url = self.files.of_service(services, service.key, "endpoint_url")?;
            Some(Given::new(url, format!("endpoint_url of {} in [services {services}]", service.key)))
        };
        of_service().or_else(|| self.profile.given("endpoint_url"))
    }

    /// What is trusted in place of the system's certificates.
    pub fn ca_bundle(&self) -> Option<CaBundle> {
        let bundle = self.given("AWS_CA_BUNDLE", "ca_bundle").or_else(|| {
            let path = self.variables.get("REQUESTS_CA_BUNDLE")?;
            Some(Given::new(path, "REQUESTS_CA_BUNDLE"))
        })?;
        Some(CaBundle::Named { path: self.variables.expand(&bundle.value), by: bundle.by })
    }

    pub fn bearer_token(&self) -> Option<&str> {
        self.variables.get("AWS_BEARER_TOKEN_BEDROCK")
    }

    /// The program's name in the SDK's user agent. What cannot stand there becomes '-', as botocore does it.
    pub fn app_id(&self) -> Option<String> {
        let given = self.given("AWS_SDK_UA_APP_ID", "sdk_ua_app_id")?;
        let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        Some(given.value.chars().map(|c| if fits(c) { c } else { '-' }).collect())
    }

    pub fn is_on(&self, variable: &str, key: &str) -> bool {
        self.given(variable, key).is_some_and(|given| given.value.eq_ignore_ascii_case("true"))
    }
}

/// The error for a setting that cannot be used. `reason` reads on behind its place.
pub fn refuse(given: &Given, reason: impl std::fmt::Display) -> Error {
    Error::new(Kind::Config, format_args!("{} {reason}", given.by))
}
