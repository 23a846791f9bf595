//! A role that is assumed with a token in a file: EKS, and workflows with OIDC.

use super::provider::Fetch;
use super::role::SESSION_NAME;
use super::sts;
use crate::config::environment::{Environment, Profile, Sourced};
use crate::error::{Error, Kind, Result};
use crate::sys::regular_file;
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_sdk_sts::Client;
use std::path::{Path, PathBuf};

/// Far above any token.
const LONGEST_TOKEN: u64 = 64 << 10;

#[derive(Clone, Debug)]
pub struct WebIdentity {
    file: PathBuf,
    /// The words that name its place.
    by: String,
    role_arn: String,
    session_name: String,
}

impl WebIdentity {
    /// Each of the three may stand in a variable, where those count, or in the profile.
    pub fn of(environment: &Environment, profile: &Profile, variables: bool) -> Result<Option<Self>> {
        let given = |variable: &str, key: &str| {
            let value = environment.variables.get(variable).filter(|_| variables);
            value.map(|value| Sourced::new(value, variable)).or_else(|| profile.sourced(key))
        };
        let Some(file) = given("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file") else { return Ok(None) };
        let role_arn = given("AWS_ROLE_ARN", "role_arn").ok_or_else(|| {
            let what =
                format_args!("{} is given, but no role: set AWS_ROLE_ARN, or role_arn in the profile", file.source);
            Error::new(Kind::Credentials, what)
        })?;
        let session_name = given("AWS_ROLE_SESSION_NAME", "role_session_name").map(|given| given.value);
        Ok(Some(WebIdentity {
            file: environment.variables.expand(&file.value),
            by: file.source,
            role_arn: role_arn.value,
            session_name: session_name.unwrap_or_else(|| SESSION_NAME.to_owned()),
        }))
    }

    pub fn assume_through(self, sdk: &SdkConfig) -> FederatedRole {
        FederatedRole { identity: self, client: Client::new(sdk) }
    }
}

#[derive(Debug)]
pub struct FederatedRole {
    identity: WebIdentity,
    client: Client,
}

impl Fetch for FederatedRole {
    async fn fetch(&self) -> Result<Credentials> {
        let WebIdentity { file, by, role_arn, session_name } = &self.identity;
        // Read each time: the file is replaced before the token in it expires.
        let token = token_of(file, by)?;
        let doing = format!("assuming the role {role_arn} with the token of {by}");
        let call = self.client.assume_role_with_web_identity().role_arn(role_arn).role_session_name(session_name);
        let answer = call.web_identity_token(token).send().await;
        let answer = answer.map_err(|error| sts::refused(&doing, &error, advice))?;
        sts::credentials(answer.credentials, &doing)
    }
}

/// The token in a file that `by` names. Blocks.
pub fn token_of(path: &Path, by: &str) -> Result<String> {
    let failed = |what: String| {
        Error::new(Kind::Credentials, format_args!("the file {} ({by}) cannot be used: {what}", path.display()))
    };
    let bytes = regular_file::read(path, LONGEST_TOKEN).map_err(|error| failed(error.to_string()))?;
    match String::from_utf8(bytes) {
        Ok(text) if text.is_empty() => Err(failed("it is empty".to_owned())),
        Ok(text) => Ok(text),
        Err(_) => Err(failed("it is not UTF-8".to_owned())),
    }
}

fn advice(code: &str) -> &'static str {
    match code {
        "AccessDenied" => {
            "The role's trust policy must allow sts:AssumeRoleWithWebIdentity to this token's issuer and subject"
        }
        "ExpiredTokenException" => "The token in the file has expired: look at what renews it",
        "InvalidIdentityToken" | "IDPCommunicationError" => {
            "Check that the account has an identity provider for this token's issuer and audience"
        }
        _ => "Check the role and the token in the file",
    }
}
