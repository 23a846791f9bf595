//! The agent of a container: ECS, EKS, and whatever speaks as they do.

use super::document::{Document, check_expiry};
use super::keys::check_token;
use super::provider::Fetch;
use crate::config::environment::Sourced;
use crate::config::environment::variables::Variables;
use crate::error::{Error, Kind, Result};
use crate::http::metadata::{Metadata, Refusal};
use aws_credential_types::Credentials;
use std::path::PathBuf;
use std::time::Duration;

/// Where ECS's agent is.
const AGENT: &str = "http://169.254.170.2";
const PATIENCE: Duration = Duration::from_secs(2);
/// Agents are under load when many containers start at once.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);

/// A container's agent, as its variables describe it.
#[derive(Clone, Debug)]
pub struct Container {
    url: Sourced,
    token: Option<Token>,
}

/// What the agent wants to see in the header Authorization.
#[derive(Clone)]
enum Token {
    /// In a file, which is replaced from time to time.
    File(PathBuf),
    Value(String),
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(hidden)")
    }
}

impl Container {
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

    pub fn ask_through(self, metadata: Metadata) -> Agent {
        Agent { container: self, metadata }
    }

    fn who(&self) -> String {
        format!("the container's agent ({})", self.url.source)
    }

    /// Blocks, where it is in a file.
    fn token(&self) -> Result<Option<String>> {
        let (token, by) = match &self.token {
            None => return Ok(None),
            Some(Token::Value(token)) => (token.clone(), "AWS_CONTAINER_AUTHORIZATION_TOKEN"),
            Some(Token::File(path)) => {
                let by = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
                (super::web_identity::token_of(path, by)?, by)
            }
        };
        // Some agents want a scheme before the token.
        token.split(' ').try_for_each(|part| check_token(part, &format!("the token of {by}")))?;
        Ok(Some(token))
    }
}

#[derive(Debug)]
pub struct Agent {
    container: Container,
    metadata: Metadata,
}

impl Fetch for Agent {
    async fn fetch(&self) -> Result<Credentials> {
        let who = self.container.who();
        let token = self.container.token()?;
        let mut headers = vec![("accept", "application/json")];
        headers.extend(token.as_deref().map(|token| ("authorization", token)));
        let mut tried = 1;
        let text = loop {
            match self.metadata.ask("GET", &self.container.url.value, &headers, PATIENCE).await {
                Ok(text) => break text,
                Err(Refusal { again: true, .. }) if tried < TRIES => {
                    tried += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(refusal) => {
                    let what = format_args!("{who} gives no credentials: {}", refusal.what);
                    return Err(Error::new(Kind::Credentials, what).with_retryable(refusal.again));
                }
            }
        };
        let document = Document::read(&text, &who)?;
        check_expiry(document.expiry, &who, "Look at the agent, and at this machine's clock")?;
        Ok(document.keys.until(document.expiry))
    }
}
