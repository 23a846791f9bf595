//! Credentials from IAM Identity Center (SSO), after a login with `aws sso login`.

use super::access_keys::AccessKeys;
use super::expiry::{check_expiry, parse_time};
use super::fetch::FetchCredentials;
use super::sts;
use crate::config::environment::{Environment, Profile};
use crate::error::{Error, Kind, Result, chain};
use crate::json::Json;
use crate::sys::regular_file;
use aws_config::sso::SsoTokenProvider;
use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::token::ProvideToken;
use aws_sdk_sso::Client;
use aws_smithy_types::DateTime;
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use zeroize::Zeroizing;

/// The maximum length of a token file, far above any token.
const MAX_TOKEN: u64 = 1 << 20;

/// The SSO settings of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sso {
    profile: String,
    account_id: String,
    role_name: String,
    start_url: String,
    region: String,
    /// The name of the [sso-session], whose token the SDK renews. None for the older form, whose token is not renewed.
    session: Option<String>,
    /// The token file of the last login.
    cache: PathBuf,
}

impl Sso {
    /// Returns the settings, None if the profile names neither an account nor a role.
    pub fn of(environment: &Environment, profile: &Profile) -> Result<Option<Self>> {
        if profile.get("sso_account_id").is_none() && profile.get("sso_role_name").is_none() {
            return Ok(None);
        }
        let wrong =
            |what: String| Error::new(Kind::Credentials, format_args!("the profile \"{}\" {what}", profile.name));
        let session = match profile.get("sso_session") {
            None => None,
            Some(name) => {
                let session = environment.files.sso_session(name);
                Some(session.ok_or_else(|| {
                    wrong(format!("names an sso_session that is not in the config file: add [sso-session {name}]"))
                })?)
            }
        };
        let member = |key: &str| {
            let value = match (profile.get(key), session.and_then(|session| session.get(key))) {
                (Some(value), Some(other)) if value != other => {
                    return Err(wrong(format!("and its sso_session have different values for {key}: remove one")));
                }
                (value, other) => value.or(other),
            };
            value.map(str::to_owned).ok_or_else(|| wrong(format!("uses SSO but has no {key}: add it")))
        };
        let start_url = member("sso_start_url")?;
        let session = session.map(|session| session.name.clone());
        let name = Sha1::digest(session.as_ref().unwrap_or(&start_url).as_bytes());
        let name = name.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Ok(Some(Sso {
            cache: environment.variables.expand(&format!("~/.aws/sso/cache/{name}.json")),
            profile: profile.name.clone(),
            account_id: member("sso_account_id")?,
            role_name: member("sso_role_name")?,
            region: member("sso_region")?,
            start_url,
            session,
        }))
    }

    /// Returns the file of the token.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// Returns the profile, the account and role, and the file of the token.
    pub fn description(&self) -> Value {
        json!({
            "provider": "sso",
            "source": format!("the profile \"{}\"", self.profile),
            "account_id": self.account_id,
            "role_name": self.role_name,
            "file": self.cache.to_string_lossy(),
        })
    }

    /// Returns the provider that asks SSO.
    pub async fn provider(self, sdk: &SdkConfig) -> SsoProvider {
        let region = Region::new(self.region.clone());
        let token_provider = match &self.session {
            None => None,
            Some(session) => {
                let provider = SsoTokenProvider::builder().configure(sdk).region(region.clone());
                Some(provider.session_name(session).start_url(&self.start_url).build().await)
            }
        };
        let sdk = sdk.to_builder().region(region).build();
        SsoProvider { client: Client::new(&sdk), token_provider, sso: self }
    }

    /// Returns the advice to log in.
    fn log_in(&self) -> String {
        format!("Log in with: aws sso login --profile \"{}\"", self.profile)
    }

    /// Reads the token file. The SDK, which renews tokens, reads it again, without a limit. Blocks.
    fn read_cache(&self) -> Result<Zeroizing<Vec<u8>>> {
        let read = regular_file::read(&self.cache, MAX_TOKEN).map(Zeroizing::new);
        read.map_err(|error| self.cache_failed(&format!("cannot be used: {error}")))
    }

    fn cache_failed(&self, what: &str) -> Error {
        let (cache, log_in) = (&self.cache, self.log_in());
        Error::new(Kind::Credentials, format_args!("the SSO token in {} {what}. {log_in}", cache.display()))
    }

    /// Returns the token of the older form.
    fn cached_token(&self) -> Result<String> {
        let failed = |what| self.cache_failed(what);
        let text = self.read_cache()?;
        let text = std::str::from_utf8(&text).map_err(|_| failed("is not UTF-8"))?;
        let json = Json::parse(text).map_err(|_| failed("is not JSON"))?;
        let member = |name: &str| json.get(name).and_then(Json::string);
        match (member("accessToken"), member("expiresAt").and_then(|text| parse_time(&text))) {
            (Some(token), Some(expiry)) if expiry > SystemTime::now() => Ok(token.into_owned()),
            (Some(_), Some(_)) => Err(failed("has expired")),
            _ => Err(failed("is incomplete")),
        }
    }
}

/// Asks SSO for the credentials of a role.
#[derive(Debug)]
pub struct SsoProvider {
    sso: Sso,
    client: Client,
    /// Renews the token of an [sso-session].
    token_provider: Option<SsoTokenProvider>,
}

impl SsoProvider {
    async fn token(&self) -> Result<String> {
        match &self.token_provider {
            Some(provider) => {
                self.sso.read_cache()?;
                let token = provider.provide_token().await.map_err(|error| {
                    let what = chain(std::error::Error::source(&error).unwrap_or(&error));
                    let (profile, log_in) = (&self.sso.profile, self.sso.log_in());
                    let what = format_args!("the profile \"{profile}\" has no SSO token: {what}. {log_in}");
                    Error::new(Kind::Credentials, what)
                })?;
                Ok(token.token().to_owned())
            }
            None => self.sso.cached_token(),
        }
    }
}

impl FetchCredentials for SsoProvider {
    async fn fetch(&self) -> Result<Credentials> {
        let token = self.token().await?;
        let Sso { account_id, role_name, .. } = &self.sso;
        let doing = format!("asking SSO for the role {role_name} in the account {account_id}");
        let call = self.client.get_role_credentials().account_id(account_id).role_name(role_name);
        let response = call.access_token(token).send().await;
        let response = response.map_err(|error| sts::service_failed(&doing, &error, advice))?;
        let found = response.role_credentials().and_then(|found| {
            let (access, secret) = (found.access_key_id()?, found.secret_access_key()?);
            Some(
                AccessKeys::fetched(access, secret, found.session_token(), &doing)
                    .map(|keys| (keys, found.expiration())),
            )
        });
        let missing = || Error::new(Kind::Credentials, format_args!("{doing}: the response has no credentials"));
        let (keys, milliseconds) = found.ok_or_else(missing)??;
        let expiry = SystemTime::try_from(DateTime::from_millis(milliseconds)).ok();
        check_expiry(expiry, &doing, "Look at this machine's clock")?;
        Ok(keys.with_expiry(expiry))
    }
}

fn advice(code: &str) -> &'static str {
    match code {
        "UnauthorizedException" => "Log in again: aws sso login",
        "ForbiddenException" | "ResourceNotFoundException" => {
            "Check sso_account_id and sso_role_name, and that the role is assigned to you"
        }
        _ => "Check the profile's SSO settings, or log in again: aws sso login",
    }
}
