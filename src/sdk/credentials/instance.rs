//! The role of an EC2 instance, from its metadata service (IMDS), version 2.
//!
//! Version 1 is never spoken: whoever can make a program send one GET request can steal credentials through it. A
//! service that knows no version 2 gives none here, whether or not AWS_EC2_METADATA_V1_DISABLED is set.

use super::document::Document;
use super::provider::{Fetch, NO_CREDENTIALS};
use crate::config::environment::{Environment, Sourced};
use crate::error::{Error, Kind, Result};
use crate::http::metadata::{Metadata, Refusal};
use aws_credential_types::Credentials;
use std::time::{Duration, SystemTime};

const IPV4: &str = "http://169.254.169.254";
const IPV6: &str = "http://[fd00:ec2::254]";
/// Where there is no such service, nobody refuses the connection: it has to be given up soon.
const PATIENCE: Duration = Duration::from_secs(1);
const TRIES: u32 = 3;
/// In seconds, as the service wants it.
const TOKEN_LIFE: &str = "21600";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
/// The service goes on giving what it has while it cannot renew it, and AWS accepts it that long: it is asked again
/// after this time.
const EXTENSION: Duration = Duration::from_secs(15 * 60);

/// Where the metadata service is, and how long it is waited for.
#[derive(Clone, Debug)]
pub struct Instance {
    base: String,
    patience: Duration,
    tries: u32,
}

impl Instance {
    /// None where the environment forbids it.
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
        let patience = number("AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout")?;
        let tries = number("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "metadata_service_num_attempts")?;
        let patience = patience.map_or(PATIENCE, |seconds| Duration::from_secs(seconds.into()));
        Ok(Some(Instance { base, patience, tries: tries.unwrap_or(TRIES) }))
    }

    pub fn ask_through(self, metadata: Metadata) -> Service {
        Service { instance: self, metadata }
    }
}

fn check_endpoint(given: Sourced) -> Result<String> {
    crate::config::check_url(&given.value).map_err(|reason| given.error(reason))?;
    Ok(given.value.trim_end_matches('/').to_owned())
}

#[derive(Debug)]
pub struct Service {
    instance: Instance,
    metadata: Metadata,
}

impl Service {
    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Result<String> {
        let url = format!("{}{path}", self.instance.base);
        let mut tried = 1;
        loop {
            match self.metadata.ask(method, &url, headers, self.instance.patience).await {
                // A service that does not answer is most likely not there.
                Err(Refusal { again: true, answered: true, .. }) if tried < self.instance.tries => tried += 1,
                Ok(text) => return Ok(text),
                Err(refusal) => {
                    let what = format_args!(
                        "no credentials are configured, and the metadata service of an EC2 instance gives none: {}. {}",
                        refusal.what, NO_CREDENTIALS
                    );
                    return Err(Error::new(Kind::Credentials, what).with_retryable(refusal.again && refusal.answered));
                }
            }
        }
    }
}

impl Fetch for Service {
    async fn fetch(&self) -> Result<Credentials> {
        let who = "the metadata service of this EC2 instance";
        let token =
            self.ask("PUT", "/latest/api/token", &[("x-aws-ec2-metadata-token-ttl-seconds", TOKEN_LIFE)]).await?;
        let headers = [("x-aws-ec2-metadata-token", token.trim())];
        let roles = self.ask("GET", ROLES, &headers).await?;
        let role = roles.lines().next().unwrap_or_default().trim();
        if role.is_empty() {
            return Err(Error::new(Kind::Credentials, format_args!("{who} knows no role: attach one to the instance")));
        }
        let text = self.ask("GET", &format!("{ROLES}{role}"), &headers).await?;
        let Document { keys, expiry } = Document::read(&text, who)?;
        Ok(keys.until(expiry.map(|expiry| expiry.max(SystemTime::now() + EXTENSION))))
    }
}
