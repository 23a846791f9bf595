//! Credentials of a role that is assumed with a token in a file: EKS, and workflows with OIDC.

use super::assume_role::SESSION_NAME;
use super::fetch::FetchCredentials;
use super::sts;
use crate::config::environment::{Environment, Profile, Sourced};
use crate::error::{Error, Kind, Result};
use crate::sys::regular_file;
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_sdk_sts::Client;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The maximum length of a token file, far above any token.
const MAX_TOKEN: u64 = 64 << 10;

/// A token file, and the role that is assumed with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebIdentity {
    file: PathBuf,
    /// The variable or the profile's key that names the file, for messages.
    by: String,
    role_arn: String,
    session_name: String,
}

impl WebIdentity {
    /// Reads file, role and session name, each from a variable, if `variables` allows them, or from the profile.
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

    /// Returns the file of the token.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Returns where the token is from, and the role.
    pub fn description(&self) -> Value {
        let file = self.file.to_string_lossy();
        json!({"provider": "web_identity", "source": self.by, "role_arn": self.role_arn, "file": file})
    }

    /// Returns the provider that assumes the role.
    pub fn provider(self, sdk: &SdkConfig) -> WebIdentityProvider {
        WebIdentityProvider { identity: self, client: Client::new(sdk) }
    }
}

/// Assumes a role with STS and a web identity token.
#[derive(Debug)]
pub struct WebIdentityProvider {
    identity: WebIdentity,
    client: Client,
}

impl FetchCredentials for WebIdentityProvider {
    async fn fetch(&self) -> Result<Credentials> {
        let WebIdentity { file, by, role_arn, session_name } = &self.identity;
        // The file is read each time, because it is replaced before its token expires.
        let token = read_token(file, by)?;
        let doing = format!("assuming the role {role_arn} with the token of {by}");
        let call = self.client.assume_role_with_web_identity().role_arn(role_arn).role_session_name(session_name);
        let response = call.web_identity_token(token).send().await;
        let response = response.map_err(|error| sts::service_failed(&doing, &error, advice))?;
        sts::read_credentials(response.credentials, &doing)
    }
}

/// Reads the token in the file that `by` names. Blocks.
pub fn read_token(path: &Path, by: &str) -> Result<String> {
    let failed = |what: String| {
        Error::new(Kind::Credentials, format_args!("the file {} ({by}) cannot be used: {what}", path.display()))
    };
    let bytes = regular_file::read(path, MAX_TOKEN).map_err(|error| failed(error.to_string()))?;
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
        "ExpiredTokenException" => "The token in the file has expired: check the process that renews it",
        "InvalidIdentityToken" | "IDPCommunicationError" => {
            "Check that the account has an identity provider for this token's issuer and audience"
        }
        _ => "Check the role and the token in the file",
    }
}
