//! Credentials of the role of an EC2 instance, from its metadata service (IMDS), version 2.
//!
//! Version 1 is never used: an attacker who can make a program send one GET request can steal credentials through it.
//! This is independent of AWS_EC2_METADATA_V1_DISABLED.

use super::advice::SET_CREDENTIALS;
use super::credentials_json::CredentialsJson;
use super::fetch::FetchCredentials;
use crate::config::environment::{Environment, Sourced};
use crate::error::{Error, Kind, Result};
use crate::http::metadata::{Metadata, MetadataError};
use aws_credential_types::Credentials;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

const IPV4: &str = "http://169.254.169.254";
const IPV6: &str = "http://[fd00:ec2::254]";
/// The default maximum time for a request. Short, because without such a service a connect gets no response.
const TIMEOUT: Duration = Duration::from_secs(1);
/// The default number of attempts.
const MAX_ATTEMPTS: u32 = 3;
/// The lifetime of a token, in seconds.
const TOKEN_LIFETIME: &str = "21600";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
/// The time after which expired credentials are fetched again. While the service cannot renew credentials it returns
/// the expired ones, and AWS accepts them.
const EXTENSION: Duration = Duration::from_secs(15 * 60);

/// The metadata service, as the environment configures it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceMetadata {
    base: String,
    timeout: Duration,
    max_attempts: u32,
}

impl InstanceMetadata {
    /// Returns the service, None if the environment disables it.
    pub fn of(environment: &Environment) -> Result<Option<Self>> {
        if environment.variables.get("AWS_EC2_METADATA_DISABLED").is_some_and(|off| off.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let base = match environment.setting("AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint") {
            Some(given) => check_endpoint(given)?,
            None => {
                let mode =
                    environment.setting("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode");
                match mode {
                    Some(mode) if mode.value.eq_ignore_ascii_case("ipv6") => IPV6.to_owned(),
                    Some(mode) if !mode.value.eq_ignore_ascii_case("ipv4") => {
                        return Err(mode.error("must be IPv4 or IPv6"));
                    }
                    _ => IPV4.to_owned(),
                }
            }
        };
        let number = |variable, key| -> Result<Option<u32>> {
            let Some(given) = environment.setting(variable, key) else { return Ok(None) };
            let number = given.value.trim().parse().ok().filter(|number| (1..=60).contains(number));
            number.map(Some).ok_or_else(|| given.error("must be a whole number from 1 to 60"))
        };
        let timeout = number("AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout")?;
        let max_attempts = number("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "metadata_service_num_attempts")?;
        let timeout = timeout.map_or(TIMEOUT, |seconds| Duration::from_secs(seconds.into()));
        Ok(Some(InstanceMetadata { base, timeout, max_attempts: max_attempts.unwrap_or(MAX_ATTEMPTS) }))
    }

    /// Returns the service's address.
    pub fn description(&self) -> Value {
        json!({"provider": "instance_metadata", "source": "default", "url": self.base})
    }

    /// Returns the provider that asks the service.
    pub fn provider(self, metadata: Metadata) -> InstanceProvider {
        InstanceProvider { service: self, metadata }
    }
}

fn check_endpoint(given: Sourced) -> Result<String> {
    crate::config::check_url(&given.value).map_err(|reason| given.error(reason))?;
    Ok(given.value.trim_end_matches('/').to_owned())
}

/// Asks the metadata service for credentials.
#[derive(Debug)]
pub struct InstanceProvider {
    service: InstanceMetadata,
    metadata: Metadata,
}

impl InstanceProvider {
    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Result<String> {
        let url = format!("{}{path}", self.service.base);
        let mut attempts = 1;
        loop {
            match self.metadata.request(method, &url, headers, self.service.timeout).await {
                // A service that does not respond most likely does not exist.
                Err(MetadataError { retryable: true, responded: true, .. }) if attempts < self.service.max_attempts => {
                    attempts += 1
                }
                Ok(text) => return Ok(text),
                Err(error) => {
                    let what = format_args!(
                        "no credentials are configured, and the metadata service of an EC2 instance gives none: {}. {}",
                        error.what, SET_CREDENTIALS
                    );
                    return Err(Error::new(Kind::Credentials, what).with_retryable(error.retryable && error.responded));
                }
            }
        }
    }
}

impl FetchCredentials for InstanceProvider {
    async fn fetch(&self) -> Result<Credentials> {
        let service = "the metadata service of this EC2 instance";
        let token =
            self.ask("PUT", "/latest/api/token", &[("x-aws-ec2-metadata-token-ttl-seconds", TOKEN_LIFETIME)]).await?;
        let headers = [("x-aws-ec2-metadata-token", token.trim())];
        let roles = self.ask("GET", ROLES, &headers).await?;
        let role = roles.lines().next().unwrap_or_default().trim();
        if role.is_empty() {
            return Err(Error::new(
                Kind::Credentials,
                format_args!("{service} knows no role: attach one to the instance"),
            ));
        }
        let text = self.ask("GET", &format!("{ROLES}{role}"), &headers).await?;
        let CredentialsJson { keys, expiry } = CredentialsJson::read(&text, service)?;
        Ok(keys.with_expiry(expiry.map(|expiry| expiry.max(SystemTime::now() + EXTENSION))))
    }
}
