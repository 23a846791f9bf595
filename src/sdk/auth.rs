//! What authorizes requests: a bearer token, or a signature (SigV4) made with credentials.

use super::credentials::{AccessKeys, CredentialSource, Lookup, Renewing, check_token};
use crate::config::environment::Environment;
use crate::config::environment::variables::BEARER_VARIABLE;
use crate::config::{Auth, Config, Secret, StaticCredentials};
use crate::error::{Error, Kind, Result};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_bedrockruntime::config::{Builder, Region, Token};
use aws_smithy_runtime_api::client::auth::AuthSchemeId;

const SIGV4: AuthSchemeId = AuthSchemeId::new("sigv4");
const BEARER: AuthSchemeId = AuthSchemeId::new("httpBearerAuth");

/// Makes requests carry a bearer token.
pub fn by_token(builder: Builder, token: &Secret) -> Builder {
    builder.bearer_token(Token::new(token.as_str(), None)).auth_scheme_preference([BEARER])
}

/// Makes requests carry a signature. The credentials are fetched when the first request needs them, and again
/// when they expire or change. Returns their provider too, and if they can change, what renews them.
pub fn by_signature(
    builder: Builder,
    config: &Config,
    environment: &Environment,
    region: &Region,
) -> Result<(Builder, Option<SharedCredentialsProvider>, Option<Renewing>)> {
    let (provider, credentials) = match CredentialSource::find(config, environment)? {
        CredentialSource::AccessKeys(keys) if !keys.are_from_file() => {
            (SharedCredentialsProvider::new(keys.without_expiry()), None)
        }
        source => {
            let credentials = Renewing::new(Lookup::new(source, config, environment, region)?);
            (SharedCredentialsProvider::new(credentials.clone()), Some(credentials))
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
    pub token: Secret,
    pub source: &'static str,
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
        return Ok(Some(BearerToken { token: token.clone(), source: "bearer_token in the config" }));
    }
    match environment.bearer_token().filter(|_| may_use_environment) {
        Some(token) => {
            check_token(token, BEARER_VARIABLE)?;
            Ok(Some(BearerToken { token: Secret::new(token.to_owned()), source: BEARER_VARIABLE }))
        }
        None if config.auth == Auth::Bearer => {
            let what = format_args!(
                "auth is \"bearer\", and {BEARER_VARIABLE} is not set any more: set it, or give bearer_token"
            );
            Err(Error::new(Kind::Credentials, what))
        }
        None => Ok(None),
    }
}
