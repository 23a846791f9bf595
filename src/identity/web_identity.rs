//! A role that is assumed with a token in a file: EKS, and workflows with OIDC.

use super::provider::Fetch;
use super::role::SESSION_NAME;
use super::sts;
use crate::blocking;
use crate::environment::{Environment, Given, Profile, expand};
use crate::error::{Error, Kind, Result};
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_sdk_sts::Client;
use std::fs::File;
use std::io::Read;

/// Far above any token.
const LONGEST_TOKEN: u64 = 64 << 10;

#[derive(Clone, Debug)]
pub struct WebIdentity {
    file: Given,
    role_arn: String,
    session_name: String,
}

impl WebIdentity {
    /// Each of the three may stand in a variable, where those count, or in the profile.
    pub fn of(environment: &Environment, profile: &Profile, variables: bool) -> Result<Option<Self>> {
        let given = |variable: &str, key: &str| {
            let value = environment.variables.get(variable).filter(|_| variables);
            value.map(|value| Given::new(value, variable)).or_else(|| profile.given(key))
        };
        let Some(file) = given("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file") else { return Ok(None) };
        let role_arn = given("AWS_ROLE_ARN", "role_arn").ok_or_else(|| {
            let what = format_args!("{} is given, but no role: set AWS_ROLE_ARN, or role_arn in the profile", file.by);
            Error::new(Kind::Credentials, what)
        })?;
        let session_name = given("AWS_ROLE_SESSION_NAME", "role_session_name").map(|given| given.value);
        Ok(Some(WebIdentity {
            file,
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
        let WebIdentity { file, role_arn, session_name } = &self.identity;
        // Read each time: the file is replaced before the token in it expires.
        let token = token_of(&file.value, &file.by).await?;
        let doing = format!("assuming the role {role_arn} with the token of {}", file.by);
        let call = self.client.assume_role_with_web_identity().role_arn(role_arn).role_session_name(session_name);
        let answer = call.web_identity_token(token).send().await;
        let answer = answer.map_err(|error| sts::refused(&doing, &error, advice))?;
        sts::credentials(answer.credentials, &doing)
    }
}

/// The token in a file that `by` names. The file is read where it blocks nobody.
pub async fn token_of(path: &str, by: &str) -> Result<String> {
    let (path, by) = (expand(path), by.to_owned());
    let read = move || {
        let mut text = String::new();
        let name = path.display();
        // A pipe could keep its reader for ever.
        if path.exists() && !path.is_file() {
            return Err(Error::new(Kind::Credentials, format_args!("{name} ({by}) is no file")));
        }
        let read = File::open(&path).and_then(|file| file.take(LONGEST_TOKEN).read_to_string(&mut text));
        match read {
            Ok(_) if text.is_empty() => {
                Err(Error::new(Kind::Credentials, format_args!("the file {name} ({by}) is empty")))
            }
            Ok(_) => Ok(text),
            Err(error) => {
                let what = format_args!("the file {name} ({by}) cannot be read: {error}");
                Err(Error::new(Kind::Credentials, what))
            }
        }
    };
    blocking::FILES.run(read).await
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
