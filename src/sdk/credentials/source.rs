//! Where credentials come from: botocore's chain.

use super::container::Container;
use super::instance::Instance;
use super::keys::Keys;
use super::login::Login;
use super::process::Process;
use super::provider::{NO_CREDENTIALS, provider};
use super::role::Role;
use super::sso::Sso;
use super::tools::Clients;
use super::web_identity::WebIdentity;
use crate::config::Config;
use crate::config::environment::{Environment, Profile, Sourced};
use crate::error::{Error, Kind, Result, quote};
use aws_credential_types::provider::SharedCredentialsProvider;
use std::pin::Pin;

/// Everything that is needed to fetch credentials, and nothing fetched yet.
#[derive(Clone, Debug)]
pub enum Source {
    Keys(Keys),
    Role(Role, Box<Source>),
    WebIdentity(WebIdentity),
    Sso(Sso),
    Login(Login),
    Process(Sourced),
    Container(Container),
    Instance(Instance),
}

impl Source {
    /// Finds what the config names, or else what the machine has. Nothing is fetched.
    pub fn find(config: &Config, environment: &Environment) -> Result<Self> {
        let source = match &config.credentials {
            Some(keys) => Source::Keys(Keys::of_config(keys)),
            // A profile that the config names wins over what the variables say.
            None => Source::of_machine(environment, config.profile.is_none())?,
        };
        Ok(match &config.role {
            Some(role) => Source::Role(Role::of_config(role), Box::new(source)),
            None => source,
        })
    }

    fn of_machine(environment: &Environment, variables: bool) -> Result<Self> {
        let keys = if variables { Keys::of_variables(&environment.variables)? } else { None };
        if let Some(keys) = keys {
            return Ok(Source::Keys(keys));
        }
        let profile = &environment.profile;
        if let Some(role) = role_of(profile) {
            return Source::of_role(environment, profile, role, &mut vec![profile.name.clone()]);
        }
        if let Some(source) = Source::of_profile(environment, profile, variables)? {
            return Ok(source);
        }
        if let Some(container) = Container::of(&environment.variables) {
            return Ok(Source::Container(container));
        }
        let instance = Instance::of(environment)?.map(Source::Instance);
        instance.ok_or_else(|| {
            Error::new(Kind::Credentials, format_args!("no credentials are configured. {NO_CREDENTIALS}"))
        })
    }

    /// What a profile says, but for a role that needs a source.
    fn of_profile(environment: &Environment, profile: &Profile, variables: bool) -> Result<Option<Self>> {
        if let Some(identity) = WebIdentity::of(environment, profile, variables)? {
            return Ok(Some(Source::WebIdentity(identity)));
        }
        if let Some(sso) = Sso::of(environment, profile)? {
            return Ok(Some(Source::Sso(sso)));
        }
        let keys = |wanted: bool| if wanted { Keys::of_profile(profile) } else { Ok(None) };
        if let Some(keys) = keys(profile.keys_in_credentials_file)? {
            return Ok(Some(Source::Keys(keys)));
        }
        if let Some(session) = profile.get("login_session") {
            return Ok(Some(Source::Login(Login::new(session, &profile.name, &environment.variables)?)));
        }
        if let Some(command) = profile.sourced("credential_process") {
            return Ok(Some(Source::Process(command)));
        }
        Ok(keys(true)?.map(Source::Keys))
    }

    /// The role of a profile, and what it is assumed with.
    fn of_role(environment: &Environment, profile: &Profile, arn: &str, visited: &mut Vec<String>) -> Result<Self> {
        let name = &profile.name;
        let wrong = |what: String| Error::new(Kind::Credentials, format_args!("the profile \"{name}\" {what}"));
        let role = Role::of_profile(profile, arn)?;
        let source = match (profile.get("source_profile"), profile.get("credential_source")) {
            (Some(_), Some(_)) => return Err(wrong("has source_profile and credential_source: remove one".to_owned())),
            (None, None) => {
                let what = "has role_arn, but nothing to assume the role with: add source_profile or credential_source";
                return Err(wrong(what.to_owned()));
            }
            (None, Some(named)) => Source::named(environment, named, name)?,
            (Some(source), None) => {
                let Some(next) = environment.files.profile(source) else {
                    return Err(environment.files.unknown_profile(source, &profile.source_of("source_profile")));
                };
                let own = source == name;
                let has_keys = next.get("aws_access_key_id").is_some() || next.get("aws_secret_access_key").is_some();
                if visited.iter().any(|known| known == source) && !(own && has_keys) {
                    let round = visited.join(", ");
                    return Err(wrong(format!("leads back to itself by source_profile ({round}): break the circle")));
                }
                visited.push(source.to_owned());
                match role_of(next).filter(|_| !has_keys) {
                    Some(arn) => Source::of_role(environment, next, arn, visited)?,
                    None => Source::of_profile(environment, next, false)?.ok_or_else(|| {
                        wrong(format!("has the source_profile {}, which has no credentials", quote(source)))
                    })?,
                }
            }
        };
        Ok(Source::Role(role, Box::new(source)))
    }

    /// A `credential_source`.
    fn named(environment: &Environment, named: &str, profile: &str) -> Result<Self> {
        let found = match named.to_ascii_lowercase().as_str() {
            "environment" => Keys::of_variables(&environment.variables)?.map(Source::Keys),
            "ecscontainer" => Container::of(&environment.variables).map(Source::Container),
            "ec2instancemetadata" => Instance::of(environment)?.map(Source::Instance),
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

    /// What fetches the credentials, on the event loop of `clients`.
    pub fn provider(self, clients: &Clients) -> Pin<Box<dyn Future<Output = SharedCredentialsProvider> + Send + '_>> {
        Box::pin(async move {
            match self {
                Source::Keys(keys) => SharedCredentialsProvider::new(keys.lasting()),
                Source::Role(role, source) => {
                    let source = source.provider(clients).await;
                    provider(role.assume_with(source, &clients.sdk))
                }
                Source::WebIdentity(identity) => provider(identity.assume_through(&clients.sdk)),
                Source::Sso(sso) => provider(sso.log_in_through(&clients.sdk).await),
                Source::Login(login) => provider(login.renew_through(clients)),
                Source::Process(command) => provider(Process::new(command)),
                Source::Container(container) => provider(container.ask_through(clients.metadata.clone())),
                Source::Instance(instance) => provider(instance.ask_through(clients.metadata.clone())),
            }
        })
    }
}

/// The role that a profile assumes with other credentials, and not with a token.
fn role_of(profile: &Profile) -> Option<&str> {
    profile.get("role_arn").filter(|_| profile.get("web_identity_token_file").is_none())
}
