//! Credentials of a role that is assumed with other credentials: `role_arn` of the config or of a profile.

use super::fetch::FetchCredentials;
use super::sts;
use crate::config;
use crate::config::environment::Profile;
use crate::error::{Error, Kind, Result};
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::Client;
use serde_json::{Value, json};

/// The default name of a session.
pub const SESSION_NAME: &str = "libbedrock";

/// A role, and how it is to be assumed.
#[derive(Clone, PartialEq, Eq)]
pub struct AssumeRole {
    arn: String,
    /// The setting that names the role.
    source: String,
    session_name: String,
    external_id: Option<String>,
    /// In seconds. STS limits it.
    duration: Option<i32>,
}

impl std::fmt::Debug for AssumeRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AssumeRole({})", self.arn)
    }
}

impl AssumeRole {
    /// Returns the role of the config.
    pub fn from_config(role: &config::Role) -> Self {
        AssumeRole {
            arn: role.arn.clone(),
            source: "role_arn in the config".to_owned(),
            session_name: role.session_name.clone().unwrap_or_else(|| SESSION_NAME.to_owned()),
            external_id: role.external_id.as_ref().map(|id| id.as_str().to_owned()),
            duration: None,
        }
    }

    /// Returns the role of a profile with this `role_arn`.
    pub fn from_profile(profile: &Profile, arn: &str) -> Result<Self> {
        if let Some(device) = profile.get("mfa_serial") {
            let what = format_args!(
                "{} wants a code of the device {device}, and a library cannot ask for one. Assume the role \
                 outside of this program (credential_process, aws configure export-credentials) or remove mfa_serial",
                profile.source_of("mfa_serial")
            );
            return Err(Error::new(Kind::Credentials, what));
        }
        let duration = profile.sourced("duration_seconds").map(|given| {
            let seconds = given.value.trim().parse().ok().filter(|seconds: &i32| *seconds > 0);
            seconds.ok_or_else(|| given.error("must be a whole number of seconds"))
        });
        Ok(AssumeRole {
            arn: arn.to_owned(),
            source: profile.source_of("role_arn"),
            session_name: profile.get("role_session_name").unwrap_or(SESSION_NAME).to_owned(),
            external_id: profile.get("external_id").map(str::to_owned),
            duration: duration.transpose()?,
        })
    }

    /// Returns where the role is from, and the `description` of the credentials that it is assumed with.
    pub fn description(&self, with: Value) -> Value {
        json!({"provider": "assume_role", "source": self.source, "role_arn": self.arn, "assumed_with": with})
    }

    /// Returns the provider that assumes the role with the credentials of `source`.
    pub fn provider(self, source: SharedCredentialsProvider, sdk: &SdkConfig) -> AssumeRoleProvider {
        let sdk = sdk.to_builder().credentials_provider(source).build();
        AssumeRoleProvider { role: self, client: Client::new(&sdk) }
    }
}

/// Assumes a role with STS.
#[derive(Debug)]
pub struct AssumeRoleProvider {
    role: AssumeRole,
    client: Client,
}

impl FetchCredentials for AssumeRoleProvider {
    async fn fetch(&self) -> Result<Credentials> {
        let AssumeRole { arn, session_name, external_id, duration, .. } = &self.role;
        let doing = format!("assuming the role {arn}");
        let call = self.client.assume_role().role_arn(arn).role_session_name(session_name);
        let call = call.set_external_id(external_id.clone()).set_duration_seconds(*duration);
        let response = call.send().await.map_err(|error| sts::service_failed(&doing, &error, advice))?;
        sts::read_credentials(response.credentials, &doing)
    }
}

fn advice(code: &str) -> &'static str {
    match code {
        "AccessDenied" | "AccessDeniedException" => {
            "The role's trust policy must name the identity in use, and that identity needs \
             the IAM permission sts:AssumeRole; where the policy asks for an external id, set external_id"
        }
        "ExpiredToken" | "ExpiredTokenException" => "Get fresh credentials for the identity that assumes the role",
        "InvalidClientTokenId" | "SignatureDoesNotMatch" => {
            "Check the access key, the secret key and, for temporary credentials, the session token"
        }
        "RegionDisabledException" => "Enable STS for this region in the account, or use another region",
        _ => "Check role_arn, role_session_name, external_id and duration_seconds",
    }
}
