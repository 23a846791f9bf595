//! Credentials from the agent of a container: ECS, EKS Pod Identity, and others with the same protocol.

use super::access_keys::check_token;
use super::credentials_json::CredentialsJson;
use super::expiry::check_expiry;
use super::fetch::FetchCredentials;
use crate::config::environment::Sourced;
use crate::config::environment::variables::Variables;
use crate::error::{Error, Kind, Result};
use crate::http::metadata::{Metadata, MetadataError};
use aws_credential_types::Credentials;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// The URL of ECS's agent.
const AGENT: &str = "http://169.254.170.2";
/// The maximum time for a request.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The number of attempts. Agents are under load when many containers start at the same time.
const MAX_ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);

/// A container's agent, as the variables configure it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    url: Sourced,
    token: Option<Token>,
}

/// The value of the header Authorization.
#[derive(Clone, PartialEq, Eq)]
enum Token {
    /// In a file that is replaced from time to time.
    File(PathBuf),
    Value(String),
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(hidden)")
    }
}

impl Container {
    /// Returns the agent if the variables configure one.
    pub fn of(variables: &Variables) -> Option<Self> {
        let relative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
        let full = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
        let url = match variables.get(relative) {
            Some(path) => Sourced::new(format!("{AGENT}{path}"), relative),
            None => Sourced::new(variables.get(full)?, full),
        };
        let file = variables.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        let token = file
            .map(|path| Token::File(variables.expand(path)))
            .or_else(|| variables.get("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(|token| Token::Value(token.to_owned())));
        Some(Container { url, token })
    }

    /// Returns the variable that names the agent.
    pub fn description(&self) -> Value {
        json!({"provider": "container", "source": self.url.source})
    }

    /// Returns the provider that asks the agent.
    pub fn provider(self, metadata: Metadata) -> ContainerProvider {
        ContainerProvider { container: self, metadata }
    }

    /// Returns the agent's name for messages.
    fn name(&self) -> String {
        format!("the container's agent ({})", self.url.source)
    }

    /// Returns the token. Blocks if it is in a file.
    fn token(&self) -> Result<Option<String>> {
        let (token, by) = match &self.token {
            None => return Ok(None),
            Some(Token::Value(token)) => (token.clone(), "AWS_CONTAINER_AUTHORIZATION_TOKEN"),
            Some(Token::File(path)) => {
                let by = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
                (super::web_identity::read_token(path, by)?, by)
            }
        };
        // Some agents require a scheme before the token.
        token.split(' ').try_for_each(|part| check_token(part, &format!("the token of {by}")))?;
        Ok(Some(token))
    }
}

/// Asks a container's agent for credentials.
#[derive(Debug)]
pub struct ContainerProvider {
    container: Container,
    metadata: Metadata,
}

impl FetchCredentials for ContainerProvider {
    async fn fetch(&self) -> Result<Credentials> {
        let agent = self.container.name();
        let token = self.container.token()?;
        let mut headers = vec![("accept", "application/json")];
        headers.extend(token.as_deref().map(|token| ("authorization", token)));
        let mut attempts = 1;
        let text = loop {
            match self.metadata.request("GET", &self.container.url.value, &headers, TIMEOUT).await {
                Ok(text) => break text,
                Err(MetadataError { retryable: true, .. }) if attempts < MAX_ATTEMPTS => {
                    attempts += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => {
                    let what = format_args!("{agent} gives no credentials: {}", error.what);
                    return Err(Error::new(Kind::Credentials, what).with_retryable(error.retryable));
                }
            }
        };
        let document = CredentialsJson::read(&text, &agent)?;
        check_expiry(document.expiry, &agent, "Look at the agent, and at this machine's clock")?;
        Ok(document.keys.with_expiry(document.expiry))
    }
}
