//! The session of who has logged in to the AWS console with `aws login`.

use super::provider::Fetch;
use super::tools::Tools;
use crate::error::{Error, Kind, Result};
use crate::wire::failure;
use aws_config::login::LoginCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;

/// A session by its ARN, and the profile that names it.
#[derive(Clone, Debug)]
pub struct Login {
    session: String,
    profile: String,
}

impl Login {
    pub fn new(session: &str, profile: &str) -> Result<Self> {
        // The SDK's provider reads these variables itself, and panics where one is empty.
        let empty = ["AWS_ENDPOINT_URL_SIGNIN", "AWS_ENDPOINT_URL"]
            .into_iter()
            .find(|name| std::env::var_os(name).is_some_and(|value| value.is_empty()));
        if let Some(name) = empty {
            let what = format_args!("{name} is set and empty, which a login session cannot have: unset it");
            return Err(Error::new(Kind::Credentials, what));
        }
        Ok(Login { session: session.to_owned(), profile: profile.to_owned() })
    }

    pub fn renew_through(self, tools: &Tools) -> Session {
        let config = ProviderConfig::without_region()
            .with_region(tools.sdk.region().cloned())
            .with_http_client(tools.http.clone());
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
        self.provider.provide_credentials().await.map_err(|error| {
            let what = failure::chain(std::error::Error::source(&error).unwrap_or(&error));
            let profile = &self.login.profile;
            let what = format_args!(
                "the login session of the profile \"{profile}\" gives no credentials: {what}. \
                 Log in with: aws login --profile \"{profile}\""
            );
            Error::new(Kind::Credentials, what)
        })
    }
}
