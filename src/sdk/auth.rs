//! What authorizes requests: a bearer token, or a signature (SigV4) made with credentials.

use super::credentials::{AccessKeys, CredentialSource, Lookup, Renewing, TOKEN_FILE_SOURCE, TokenFile, check_token};
use crate::config::environment::Environment;
use crate::config::environment::variables::BEARER_VARIABLE;
use crate::config::{Auth, Config, Secret, StaticCredentials};
use crate::error::{Error, Kind, Result};
use crate::protocol::service_error::refuses_identity;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_bedrockruntime::config::{Builder, Region, Token};
use aws_smithy_runtime_api::client::auth::AuthSchemeId;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Instant;

const SIGV4: AuthSchemeId = AuthSchemeId::new("sigv4");
const BEARER: AuthSchemeId = AuthSchemeId::new("httpBearerAuth");

/// What authorizes requests and can change.
#[derive(Clone)]
pub enum Renewable {
    Credentials(Renewing<Credentials>),
    Token(Renewing<Token>),
}

impl Renewable {
    /// Returns whether the service has refused what authorized a request.
    pub fn is_refused_by(&self, error: &Error) -> bool {
        // The service also refuses an API key that has expired or is not valid as it refuses a missing permission.
        let may_be_token = matches!(self, Renewable::Token(_)) && error.kind() == Kind::AccessDenied;
        may_be_token || refuses_identity(error.code().as_str())
    }

    /// Looks it up because the service has refused an attempt that started at `attempt`. Returns whether it is another
    /// one now.
    pub async fn renew_refused(&self, attempt: Instant) -> bool {
        match self {
            Renewable::Credentials(credentials) => credentials.renew_refused(attempt).await,
            Renewable::Token(token) => token.renew_refused(attempt).await,
        }
    }
}

/// Makes requests carry a bearer token. Returns what renews it, if it can change.
pub fn by_token(builder: Builder, token: Bearer) -> (Builder, Option<Renewable>) {
    let builder = builder.auth_scheme_preference([BEARER]);
    match token {
        Bearer::Token(token) => (builder.bearer_token(Token::new(token.as_str(), None)), None),
        Bearer::File(path) => {
            let token = Renewing::new(TokenFile::new(path));
            (builder.token_provider(token.clone()), Some(Renewable::Token(token)))
        }
    }
}

/// Makes requests carry a signature. The credentials are fetched when the first request needs them, and again
/// when they expire or change. Returns their provider too, and if they can change, what renews them.
pub fn by_signature(
    builder: Builder,
    config: &Config,
    environment: &Environment,
    region: &Region,
) -> Result<(Builder, Option<SharedCredentialsProvider>, Option<Renewable>)> {
    let (provider, credentials) = match CredentialSource::find(config, environment)? {
        CredentialSource::AccessKeys(keys) if !keys.are_from_file() => {
            (SharedCredentialsProvider::new(keys.without_expiry()), None)
        }
        source => {
            let credentials = Renewing::new(Lookup::new(source, config, environment, region)?);
            (SharedCredentialsProvider::new(credentials.clone()), Some(Renewable::Credentials(credentials)))
        }
    };
    let builder = builder.credentials_provider(provider.clone()).auth_scheme_preference([SIGV4]);
    Ok((builder, Some(provider), credentials))
}

/// Returns the credentials that a config holds.
pub fn credentials(keys: &StaticCredentials) -> Credentials {
    AccessKeys::from_config(keys).without_expiry()
}

/// A bearer token, and the setting that has it.
pub struct BearerToken {
    pub token: Bearer,
    pub source: &'static str,
}

impl BearerToken {
    /// Returns the setting that has the token, and the file.
    pub fn description(&self) -> Value {
        match &self.token {
            Bearer::Token(_) => json!({"provider": "bearer_token", "source": self.source}),
            Bearer::File(path) => {
                json!({"provider": "bearer_token", "source": self.source, "file": path.to_string_lossy()})
            }
        }
    }
}

/// A bearer token, or the file that has it.
pub enum Bearer {
    Token(Secret),
    File(PathBuf),
}

/// Returns the token that requests carry instead of a signature. The config takes precedence over the environment.
pub fn bearer_token(config: &Config, environment: &Environment) -> Result<Option<BearerToken>> {
    let keys = config.credentials.is_some() || config.profile.is_some() || config.role.is_some();
    let may_use_environment = match config.auth {
        Auth::SigV4 => return Ok(None),
        Auth::Bearer => true,
        Auth::Auto => !keys,
    };
    if let Some(token) = &config.bearer_token {
        let token = Bearer::Token(token.clone());
        return Ok(Some(BearerToken { token, source: "bearer_token in the config" }));
    }
    if let Some(path) = &config.bearer_token_file {
        return Ok(Some(BearerToken { token: Bearer::File(path.clone()), source: TOKEN_FILE_SOURCE }));
    }
    match environment.bearer_token().filter(|_| may_use_environment) {
        Some(token) => {
            check_token(token, BEARER_VARIABLE)?;
            let token = Bearer::Token(Secret::new(token.to_owned()));
            Ok(Some(BearerToken { token, source: BEARER_VARIABLE }))
        }
        None if config.auth == Auth::Bearer => {
            let what = format_args!(
                "auth is \"bearer\", and {BEARER_VARIABLE} is not set any more: set it, or give bearer_token or bearer_token_file"
            );
            Err(Error::new(Kind::Credentials, what))
        }
        None => Ok(None),
    }
}
