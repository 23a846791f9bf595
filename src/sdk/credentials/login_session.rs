//! Credentials of a console login, after `aws login`: `login_session` of a profile.

use super::clients::Clients;
use super::fetch::FetchCredentials;
use crate::config::environment::variables::Variables;
use crate::error::{Error, Kind, Result, chain};
use crate::sys::regular_file;
use aws_config::login::LoginCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The maximum length of a token file, far above any token.
const MAX_TOKEN: u64 = 1 << 20;

/// A login session, and the profile that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginSession {
    session: String,
    profile: String,
    /// The token file of the login, which the SDK's provider reads.
    cache: PathBuf,
}

impl LoginSession {
    /// Returns the session with this ARN.
    pub fn new(session: &str, profile: &str, variables: &Variables) -> Result<Self> {
        // The SDK's provider reads these variables itself, and panics if one is empty.
        let empty = ["AWS_ENDPOINT_URL_SIGNIN", "AWS_ENDPOINT_URL"]
            .into_iter()
            .find(|name| variables.is_set(name) && variables.get(name).is_none());
        if let Some(name) = empty {
            let what = format_args!("{name} is set and empty, which a login session does not allow: unset it");
            return Err(Error::new(Kind::Credentials, what));
        }
        let name =
            Sha256::digest(session.trim().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let folder = variables.get("AWS_LOGIN_CACHE_DIRECTORY").map(PathBuf::from);
        let cache = folder.unwrap_or_else(|| variables.expand("~/.aws/login/cache")).join(name + ".json");
        Ok(LoginSession { session: session.to_owned(), profile: profile.to_owned(), cache })
    }

    fn failed(&self, what: &str) -> Error {
        let profile = &self.profile;
        let what = format_args!(
            "the login session of the profile \"{profile}\" gives no credentials: {what}. \
             Log in with: aws login --profile \"{profile}\""
        );
        Error::new(Kind::Credentials, what)
    }

    /// Returns the file of the token.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// Returns the profile, and the file of the token.
    pub fn description(&self) -> Value {
        json!({
            "provider": "login_session",
            "source": format!("login_session of the profile \"{}\"", self.profile),
            "file": self.cache.to_string_lossy(),
        })
    }

    /// Returns the provider that renews the session.
    pub fn provider(self, clients: &Clients) -> LoginSessionProvider {
        let config = ProviderConfig::without_region()
            .with_region(clients.sdk.region().cloned())
            .with_http_client(clients.http.clone());
        let provider = LoginCredentialsProvider::builder(&self.session).configure(&config).build();
        LoginSessionProvider { session: self, provider }
    }
}

/// Renews a login session.
#[derive(Debug)]
pub struct LoginSessionProvider {
    session: LoginSession,
    provider: LoginCredentialsProvider,
}

impl FetchCredentials for LoginSessionProvider {
    async fn fetch(&self) -> Result<Credentials> {
        // The SDK's provider reads the file without a limit.
        let cache = &self.session.cache;
        regular_file::read(cache, MAX_TOKEN).map(Zeroizing::new).map_err(|error| {
            self.session.failed(&format!("its token in {} cannot be used: {error}", cache.display()))
        })?;
        let credentials = self.provider.provide_credentials().await;
        credentials.map_err(|error| self.session.failed(&chain(std::error::Error::source(&error).unwrap_or(&error))))
    }
}
