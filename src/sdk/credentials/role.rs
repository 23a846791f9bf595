//! A role that is assumed with other credentials.

use super::provider::Fetch;
use super::sts;
use crate::config;
use crate::config::environment::Profile;
use crate::error::{Error, Kind, Result};
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::Client;

/// The name of a session where nobody gives one.
pub const SESSION_NAME: &str = "libbedrock";

#[derive(Clone)]
pub struct Role {
    arn: String,
    session_name: String,
    external_id: Option<String>,
    /// In seconds. STS says what is allowed.
    duration: Option<i32>,
}

impl std::fmt::Debug for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Role({})", self.arn)
    }
}

impl Role {
    pub fn of_config(role: &config::Role) -> Self {
        Role {
            arn: role.arn.clone(),
            session_name: role.session_name.clone().unwrap_or_else(|| SESSION_NAME.to_owned()),
            external_id: role.external_id.as_ref().map(|id| id.as_str().to_owned()),
            duration: None,
        }
    }

    /// The role of a profile whose `role_arn` is this.
    pub fn of_profile(profile: &Profile, arn: &str) -> Result<Self> {
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
        Ok(Role {
            arn: arn.to_owned(),
            session_name: profile.get("role_session_name").unwrap_or(SESSION_NAME).to_owned(),
            external_id: profile.get("external_id").map(str::to_owned),
            duration: duration.transpose()?,
        })
    }

    /// The role, assumed with the credentials of `source`.
    pub fn assume_with(self, source: SharedCredentialsProvider, sdk: &SdkConfig) -> AssumedRole {
        let sdk = sdk.to_builder().credentials_provider(source).build();
        AssumedRole { role: self, client: Client::new(&sdk) }
    }
}

#[derive(Debug)]
pub struct AssumedRole {
    role: Role,
    client: Client,
}

impl Fetch for AssumedRole {
    async fn fetch(&self) -> Result<Credentials> {
        let Role { arn, session_name, external_id, duration } = &self.role;
        let doing = format!("assuming the role {arn}");
        let call = self.client.assume_role().role_arn(arn).role_session_name(session_name);
        let call = call.set_external_id(external_id.clone()).set_duration_seconds(*duration);
        let answer = call.send().await.map_err(|error| sts::refused(&doing, &error, advice))?;
        sts::credentials(answer.credentials, &doing)
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
