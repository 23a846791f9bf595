//! The session of who has logged in to the AWS console with `aws login`.

use super::provider::Fetch;
use super::tools::Clients;
use crate::config::environment::variables::Variables;
use crate::error::{Error, Kind, Result, chain};
use crate::sys::regular_file;
use aws_config::login::LoginCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Far above any token.
const LONGEST_TOKEN: u64 = 1 << 20;

/// A session by its ARN, and the profile that names it.
#[derive(Clone, Debug)]
pub struct Login {
    session: String,
    profile: String,
    /// Where the login left its token, as the SDK's provider finds it.
    cache: PathBuf,
}

impl Login {
    pub fn new(session: &str, profile: &str, variables: &Variables) -> Result<Self> {
        // The SDK's provider reads these variables itself, and panics where one is empty.
        let empty = ["AWS_ENDPOINT_URL_SIGNIN", "AWS_ENDPOINT_URL"]
            .into_iter()
            .find(|name| variables.is_set(name) && variables.get(name).is_none());
        if let Some(name) = empty {
            let what = format_args!("{name} is set and empty, which a login session cannot have: unset it");
            return Err(Error::new(Kind::Credentials, what));
        }
        let name =
            Sha256::digest(session.trim().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let folder = variables.get("AWS_LOGIN_CACHE_DIRECTORY").map(PathBuf::from);
        let cache = folder.unwrap_or_else(|| variables.expand("~/.aws/login/cache")).join(name + ".json");
        Ok(Login { session: session.to_owned(), profile: profile.to_owned(), cache })
    }

    fn failed(&self, what: &str) -> Error {
        let profile = &self.profile;
        let what = format_args!(
            "the login session of the profile \"{profile}\" gives no credentials: {what}. \
             Log in with: aws login --profile \"{profile}\""
        );
        Error::new(Kind::Credentials, what)
    }

    pub fn renew_through(self, clients: &Clients) -> Session {
        let config = ProviderConfig::without_region()
            .with_region(clients.sdk.region().cloned())
            .with_http_client(clients.http.clone());
        let provider = LoginCredentialsProvider::builder(&self.session).configure(&config).build();
        Session { login: self, provider }
    }
}

#[derive(Debug)]
pub struct Session {
    login: Login,
    provider: LoginCredentialsProvider,
}

impl Fetch for Session {
    async fn fetch(&self) -> Result<Credentials> {
        // The provider reads the file without a limit.
        let cache = &self.login.cache;
        regular_file::read(cache, LONGEST_TOKEN)
            .map(Zeroizing::new)
            .map_err(|error| self.login.failed(&format!("its token in {} cannot be used: {error}", cache.display())))?;
        let given = self.provider.provide_credentials().await;
        given.map_err(|error| self.login.failed(&chain(std::error::Error::source(&error).unwrap_or(&error))))
    }
}
