//! Credentials that a program prints: `credential_process` of a profile.

use super::command::{self, Printed};
use super::document::{self, check_expiry};
use super::keys::Keys;
use super::provider::Fetch;
use crate::config::environment::Sourced;
use crate::error::{Error, Kind, Result};
use crate::json::Json;
use aws_credential_types::Credentials;
use std::borrow::Cow;

/// A command for the shell, with the words that name its place.
#[derive(Debug)]
pub struct Process(Sourced);

/// What to do next.
const ADVICE: &str = "Run the command by hand to see why";

impl Process {
    pub fn new(command: Sourced) -> Self {
        Process(command)
    }

    fn failed(&self, what: &str) -> Error {
        Error::new(Kind::Credentials, format_args!("{} failed: {what}. {ADVICE}", self.0.source))
    }
}

impl Fetch for Process {
    async fn fetch(&self) -> Result<Credentials> {
        let by = &self.0.source;
        let printed = command::run(&self.0.value).await;
        let Printed { output, complaint, status } = printed.map_err(|error| self.failed(&error.to_string()))?;
        if let Some(failed) = status.filter(|status| !status.success()) {
            let complaint = complaint.trim();
            let separator = if complaint.is_empty() { "" } else { ": " };
            return Err(self.failed(&format!("it ended with {failed}{separator}{complaint}")));
        }
        let json = std::str::from_utf8(&output).ok().and_then(|text| Json::parse(text).ok());
        let json = json.ok_or_else(|| self.failed("it printed something else than JSON"))?;
        // botocore takes these names as they are, and other SDKs in any case.
        let member = |name: &str| {
            let is = |key: Json<'_>| key.string().is_some_and(|key| key.eq_ignore_ascii_case(name));
            json.members().find(|member| is(member.key)).map(|member| member.value)
        };
        let text = |name: &str| member(name).and_then(Json::string).filter(|value| !value.is_empty());
        let lacks = |name: &str| self.failed(&format!("what it printed has no {name}"));
        match member("Version").map(|version| version.i64()) {
            Some(Some(1)) => {}
            Some(_) => return Err(self.failed("what it printed is of a Version that is not 1")),
            None => return Err(lacks("Version")),
        }
        let (access, secret) = (text("AccessKeyId"), text("SecretAccessKey"));
        let access = access.ok_or_else(|| lacks("AccessKeyId"))?;
        let secret = secret.ok_or_else(|| lacks("SecretAccessKey"))?;
        let token: Option<Cow<'_, str>> = text("SessionToken");
        let keys = Keys::fetched(&access, &secret, token.as_deref(), by)?;
        let expiry = text("Expiration")
            .map(|text| document::time(&text).ok_or_else(|| self.failed("what it printed has no valid Expiration")));
        let expiry = expiry.transpose()?;
        check_expiry(expiry, by, "Run the command by hand, and look at this machine's clock")?;
        Ok(keys.until(expiry))
    }
}
