//! The source of credentials, found in the order of botocore's chain.

use super::access_keys::AccessKeys;
use super::advice::SET_CREDENTIALS;
use super::assume_role::AssumeRole;
use super::clients::Clients;
use super::container::Container;
use super::credential_process::CredentialProcess;
use super::fetch::provider;
use super::instance_metadata::InstanceMetadata;
use super::login_session::LoginSession;
use super::sso::Sso;
use super::web_identity::WebIdentity;
use crate::config::Config;
use crate::config::environment::{Environment, Profile, Sourced};
use crate::error::{Error, Kind, Result, quote};
use aws_credential_types::provider::SharedCredentialsProvider;
use serde_json::{Value, json};
use std::path::Path;
use std::pin::Pin;

/// A source of credentials. Nothing has been fetched from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialSource {
    AccessKeys(AccessKeys),
    AssumeRole(AssumeRole, Box<CredentialSource>),
    WebIdentity(WebIdentity),
    Sso(Sso),
    LoginSession(LoginSession),
    CredentialProcess(Sourced),
    Container(Container),
    InstanceMetadata(InstanceMetadata),
}

impl CredentialSource {
    /// Finds the source that the config names, or else the first one of the environment. Fetches nothing.
    pub fn find(config: &Config, environment: &Environment) -> Result<Self> {
        let source = match &config.credentials {
            Some(keys) => CredentialSource::AccessKeys(AccessKeys::from_config(keys)),
            // A profile in the config takes precedence over the variables.
            None => CredentialSource::from_environment(environment, config.profile.is_none())?,
        };
        Ok(match &config.role {
            Some(role) => CredentialSource::AssumeRole(AssumeRole::from_config(role), Box::new(source)),
            None => source,
        })
    }

    fn from_environment(environment: &Environment, variables: bool) -> Result<Self> {
        let keys = if variables { AccessKeys::from_variables(&environment.variables)? } else { None };
        if let Some(keys) = keys {
            return Ok(CredentialSource::AccessKeys(keys));
        }
        let profile = &environment.profile;
        if let Some(role) = role_of(profile) {
            return CredentialSource::from_role(environment, profile, role, &mut vec![profile.name.clone()]);
        }
        if let Some(source) = CredentialSource::from_profile(environment, profile, variables)? {
            return Ok(source);
        }
        if let Some(container) = Container::of(&environment.variables) {
            return Ok(CredentialSource::Container(container));
        }
        let instance = InstanceMetadata::of(environment)?.map(CredentialSource::InstanceMetadata);
        instance.ok_or_else(|| {
            Error::new(Kind::Credentials, format_args!("no credentials are configured. {SET_CREDENTIALS}"))
        })
    }

    /// Finds the source that a profile names, except for a role that needs other credentials.
    fn from_profile(environment: &Environment, profile: &Profile, variables: bool) -> Result<Option<Self>> {
        if let Some(identity) = WebIdentity::of(environment, profile, variables)? {
            return Ok(Some(CredentialSource::WebIdentity(identity)));
        }
        if let Some(sso) = Sso::of(environment, profile)? {
            return Ok(Some(CredentialSource::Sso(sso)));
        }
        let keys = |wanted: bool| if wanted { AccessKeys::from_profile(profile) } else { Ok(None) };
        if let Some(keys) = keys(profile.keys_in_credentials_file)? {
            return Ok(Some(CredentialSource::AccessKeys(keys)));
        }
        if let Some(session) = profile.get("login_session") {
            return Ok(Some(CredentialSource::LoginSession(LoginSession::new(
                session,
                &profile.name,
                &environment.variables,
            )?)));
        }
        if let Some(command) = profile.sourced("credential_process") {
            return Ok(Some(CredentialSource::CredentialProcess(command)));
        }
        Ok(keys(true)?.map(CredentialSource::AccessKeys))
    }

    /// Returns the role of a profile and the source of the credentials that it is assumed with.
    fn from_role(environment: &Environment, profile: &Profile, arn: &str, visited: &mut Vec<String>) -> Result<Self> {
        let name = &profile.name;
        let wrong = |what: String| Error::new(Kind::Credentials, format_args!("the profile \"{name}\" {what}"));
        let role = AssumeRole::from_profile(profile, arn)?;
        let source = match (profile.get("source_profile"), profile.get("credential_source")) {
            (Some(_), Some(_)) => return Err(wrong("has source_profile and credential_source: remove one".to_owned())),
            (None, None) => {
                let what = "has role_arn, but nothing to assume the role with: add source_profile or credential_source";
                return Err(wrong(what.to_owned()));
            }
            (None, Some(named)) => CredentialSource::from_credential_source(environment, named, name)?,
            (Some(source), None) => {
                let Some(next) = environment.files.profile(source) else {
                    return Err(environment.files.unknown_profile(source, &profile.source_of("source_profile")));
                };
                let is_same_profile = source == name;
                let has_keys = next.get("aws_access_key_id").is_some() || next.get("aws_secret_access_key").is_some();
                if visited.iter().any(|known| known == source) && !(is_same_profile && has_keys) {
                    let circle = visited.join(", ");
                    return Err(wrong(format!("leads back to itself by source_profile ({circle}): break the circle")));
                }
                visited.push(source.to_owned());
                match role_of(next).filter(|_| !has_keys) {
                    Some(arn) => CredentialSource::from_role(environment, next, arn, visited)?,
                    None => CredentialSource::from_profile(environment, next, false)?.ok_or_else(|| {
                        wrong(format!("has the source_profile {}, which has no credentials", quote(source)))
                    })?,
                }
            }
        };
        Ok(CredentialSource::AssumeRole(role, Box::new(source)))
    }

    /// Returns the source that a `credential_source` names.
    fn from_credential_source(environment: &Environment, named: &str, profile: &str) -> Result<Self> {
        let found = match named.to_ascii_lowercase().as_str() {
            "environment" => AccessKeys::from_variables(&environment.variables)?.map(CredentialSource::AccessKeys),
            "ecscontainer" => Container::of(&environment.variables).map(CredentialSource::Container),
            "ec2instancemetadata" => InstanceMetadata::of(environment)?.map(CredentialSource::InstanceMetadata),
            _ => {
                let what = format_args!(
                    "the profile \"{profile}\" has the credential_source {}: it must be Environment, \
                     EcsContainer or Ec2InstanceMetadata",
                    quote(named)
                );
                return Err(Error::new(Kind::Credentials, what));
            }
        };
        found.ok_or_else(|| {
            let what = format_args!(
                "the profile \"{profile}\" has the credential_source {named}, which has no credentials here"
            );
            Error::new(Kind::Credentials, what)
        })
    }

    /// Returns the kind of source and the setting that chose it, for people. It holds no secret: of a command not even
    /// its text.
    pub fn description(&self) -> Value {
        match self {
            CredentialSource::AccessKeys(keys) => keys.description(),
            CredentialSource::AssumeRole(role, source) => role.description(source.description()),
            CredentialSource::WebIdentity(identity) => identity.description(),
            CredentialSource::Sso(sso) => sso.description(),
            CredentialSource::LoginSession(login) => login.description(),
            CredentialSource::CredentialProcess(command) => {
                json!({"provider": "credential_process", "source": command.source})
            }
            CredentialSource::Container(container) => container.description(),
            CredentialSource::InstanceMetadata(instance) => instance.description(),
        }
    }

    /// Returns the files that the provider reads, apart from AWS's own two.
    pub fn files(&self) -> Vec<&Path> {
        match self {
            CredentialSource::AssumeRole(_, source) => source.files(),
            CredentialSource::WebIdentity(identity) => vec![identity.file()],
            CredentialSource::Sso(sso) => vec![sso.cache()],
            CredentialSource::LoginSession(login) => vec![login.cache()],
            _ => Vec::new(),
        }
    }

    /// Returns the provider that fetches the credentials, on the event loop of `clients`.
    pub fn provider(self, clients: &Clients) -> Pin<Box<dyn Future<Output = SharedCredentialsProvider> + Send + '_>> {
        Box::pin(async move {
            match self {
                CredentialSource::AccessKeys(keys) => SharedCredentialsProvider::new(keys.without_expiry()),
                CredentialSource::AssumeRole(role, source) => {
                    let source = source.provider(clients).await;
                    provider(role.provider(source, &clients.sdk))
                }
                CredentialSource::WebIdentity(identity) => provider(identity.provider(&clients.sdk)),
                CredentialSource::Sso(sso) => provider(sso.provider(&clients.sdk).await),
                CredentialSource::LoginSession(login) => provider(login.provider(clients)),
                CredentialSource::CredentialProcess(command) => provider(CredentialProcess::new(command)),
                CredentialSource::Container(container) => provider(container.provider(clients.metadata.clone())),
                CredentialSource::InstanceMetadata(instance) => provider(instance.provider(clients.metadata.clone())),
            }
        })
    }
}

/// Returns the role that a profile assumes with other credentials, and not with a token.
fn role_of(profile: &Profile) -> Option<&str> {
    profile.get("role_arn").filter(|_| profile.get("web_identity_token_file").is_none())
}
