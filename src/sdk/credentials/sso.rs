//! IAM Identity Center (SSO): credentials for who has logged in with `aws sso login`.

use super::document::{self, check_expiry};
use super::keys::Keys;
use super::provider::Fetch;
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
use sha1::{Digest, Sha1};
use std::path::PathBuf;
use std::time::SystemTime;
use zeroize::Zeroizing;

/// Far above any token.
const LONGEST_TOKEN: u64 = 1 << 20;

#[derive(Clone, Debug)]
pub struct Sso {
    profile: String,
    account_id: String,
    role_name: String,
    start_url: String,
    region: String,
    /// The name of the [sso-session], whose token the SDK renews; None: the older form, whose token lasts until it
    /// ends.
    session: Option<String>,
    /// Where the last login left its token.
    cache: PathBuf,
}

impl Sso {
    /// None where the profile wants no account and no role.
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
                    wrong(format!(
                        "names an sso_session that does not stand in the config file: add [sso-session {name}]"
                    ))
                })?)
            }
        };
        let member = |key: &str| {
            let value = match (profile.get(key), session.and_then(|session| session.get(key))) {
                (Some(own), Some(other)) if own != other => {
                    return Err(wrong(format!("and its sso_session have different values for {key}: remove one")));
                }
                (own, other) => own.or(other),
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

    pub async fn log_in_through(self, sdk: &SdkConfig) -> LoggedIn {
        let region = Region::new(self.region.clone());
        let renewing = match &self.session {
            None => None,
            Some(session) => {
                let provider = SsoTokenProvider::builder().configure(sdk).region(region.clone());
                Some(provider.session_name(session).start_url(&self.start_url).build().await)
            }
        };
        let sdk = sdk.to_builder().region(region).build();
        LoggedIn { client: Client::new(&sdk), renewing, sso: self }
    }

    fn log_in(&self) -> String {
        format!("Log in with: aws sso login --profile \"{}\"", self.profile)
    }

    /// What the last login left. The SDK, which renews tokens, reads it once more, without a limit. Blocks.
    fn cached(&self) -> Result<Zeroizing<Vec<u8>>> {
        let read = regular_file::read(&self.cache, LONGEST_TOKEN).map(Zeroizing::new);
        read.map_err(|error| self.cache_failed(&format!("cannot be used: {error}")))
    }

    fn cache_failed(&self, what: &str) -> Error {
        let (cache, log_in) = (&self.cache, self.log_in());
        Error::new(Kind::Credentials, format_args!("the SSO token in {} {what}. {log_in}", cache.display()))
    }

    /// The token that the last login left, in the older form.
    fn cached_token(&self) -> Result<String> {
        let failed = |what| self.cache_failed(what);
        let text = self.cached()?;
        let text = std::str::from_utf8(&text).map_err(|_| failed("is not UTF-8"))?;
        let json = Json::parse(text).map_err(|_| failed("is no JSON"))?;
        let member = |name: &str| json.get(name).and_then(Json::string);
        match (member("accessToken"), member("expiresAt").and_then(|text| document::time(&text))) {
            (Some(token), Some(expiry)) if expiry > SystemTime::now() => Ok(token.into_owned()),
            (Some(_), Some(_)) => Err(failed("has expired")),
            _ => Err(failed("is incomplete")),
        }
    }
}

#[derive(Debug)]
pub struct LoggedIn {
    sso: Sso,
    client: Client,
    renewing: Option<SsoTokenProvider>,
}

impl LoggedIn {
    async fn token(&self) -> Result<String> {
        match &self.renewing {
            Some(provider) => {
                self.sso.cached()?;
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

impl Fetch for LoggedIn {
    async fn fetch(&self) -> Result<Credentials> {
        let token = self.token().await?;
        let Sso { account_id, role_name, .. } = &self.sso;
        let doing = format!("asking SSO for the role {role_name} in the account {account_id}");
        let call = self.client.get_role_credentials().account_id(account_id).role_name(role_name);
        let answer = call.access_token(token).send().await;
        let answer = answer.map_err(|error| sts::refused(&doing, &error, advice))?;
        let given = answer.role_credentials().and_then(|given| {
            let (access, secret) = (given.access_key_id()?, given.secret_access_key()?);
            Some(Keys::fetched(access, secret, given.session_token(), &doing).map(|keys| (keys, given.expiration())))
        });
        let missing = || Error::new(Kind::Credentials, format_args!("{doing}: the answer holds no credentials"));
        let (keys, milliseconds) = given.ok_or_else(missing)??;
        let expiry = SystemTime::try_from(DateTime::from_millis(milliseconds)).ok();
        check_expiry(expiry, &doing, "Look at this machine's clock")?;
        Ok(keys.until(expiry))
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
