//! Credentials that a program prints: `credential_process` of a profile.

use super::document::check_expiry;
use super::keys::Keys;
use super::provider::Fetch;
use crate::error::{Error, Kind, Result};
use crate::wire::failure;
use aws_config::credential_process::CredentialProcessProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;

/// A command for the shell.
#[derive(Debug)]
pub struct Process {
    provider: CredentialProcessProvider,
    /// The words that name its place.
    by: String,
}

impl Process {
    pub fn new(command: &str, by: &str) -> Self {
        Process { provider: CredentialProcessProvider::new(command.to_owned()), by: by.to_owned() }
    }
}

impl Fetch for Process {
    async fn fetch(&self) -> Result<Credentials> {
        let by = &self.by;
        let printed = self.provider.provide_credentials().await.map_err(|error| {
            let what = failure::chain(std::error::Error::source(&error).unwrap_or(&error));
            Error::new(Kind::Credentials, format_args!("{by} failed: {what}. Run the command by hand to see why"))
        })?;
        let keys = Keys::fetched(printed.access_key_id(), printed.secret_access_key(), printed.session_token(), by)?;
        check_expiry(printed.expiry(), by, "Run the command by hand, and look at this machine's clock")?;
        Ok(keys.until(printed.expiry()))
    }
}
