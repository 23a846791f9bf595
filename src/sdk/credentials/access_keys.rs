//! Access keys: an access key id, its secret key, and the session token of temporary keys.

use crate::config::environment::Profile;
use crate::config::environment::variables::Variables;
use crate::config::{Secret, StaticCredentials, check_secret};
use crate::error::{Error, Kind, Result};
use aws_credential_types::Credentials;
use serde_json::{Value, json};
use std::fmt;
use std::time::SystemTime;

/// A key id of at least this length is shown by its first and last four characters. AWS's have twenty.
const SHOWN_FROM: usize = 16;

/// An access key id, its secret key, and the session token of temporary keys.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKeys {
    /// The setting that has the access key id, or what has returned it.
    source: String,
    is_from_file: bool,
    access_key: Secret,
    secret_key: Secret,
    session_token: Option<Secret>,
}

impl fmt::Debug for AccessKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKeys(hidden)")
    }
}

/// The names of the three values in a source.
struct Names {
    access_key: &'static str,
    secret_key: &'static str,
    session_token: [&'static str; 2],
}

const VARIABLES: Names = Names {
    access_key: "AWS_ACCESS_KEY_ID",
    secret_key: "AWS_SECRET_ACCESS_KEY",
    session_token: ["AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"],
};
const MEMBERS: Names = Names {
    access_key: "aws_access_key_id",
    secret_key: "aws_secret_access_key",
    session_token: ["aws_session_token", "aws_security_token"],
};

impl AccessKeys {
    /// Returns the keys of the config.
    pub fn from_config(keys: &StaticCredentials) -> Self {
        AccessKeys {
            source: "api_key in the config".to_owned(),
            is_from_file: false,
            access_key: keys.access_key.clone(),
            secret_key: keys.secret_key.clone(),
            session_token: keys.session_token.clone(),
        }
    }

    /// Returns the keys of the environment variables, None without an access key id.
    pub fn from_variables(variables: &Variables) -> Result<Option<Self>> {
        AccessKeys::find(&VARIABLES, |name| variables.get(name), str::to_owned)
    }

    /// Returns the keys of a profile, None without an access key id.
    pub fn from_profile(profile: &Profile) -> Result<Option<Self>> {
        let found = AccessKeys::find(&MEMBERS, |key| profile.get(key), |key| profile.source_of(key))?;
        Ok(found.map(|keys| AccessKeys { is_from_file: true, ..keys }))
    }

    fn find<'a>(
        names: &Names,
        get: impl Fn(&str) -> Option<&'a str>,
        source: impl Fn(&str) -> String,
    ) -> Result<Option<Self>> {
        let take = |name: &str| match get(name) {
            Some(value) => check(value, &source(name)).map(|()| Some(secret(value))),
            None => Ok(None),
        };
        let Some(access_key) = take(names.access_key)? else { return Ok(None) };
        let secret_key = take(names.secret_key)?.ok_or_else(|| {
            let (given, missing) = (source(names.access_key), source(names.secret_key));
            Error::new(Kind::Credentials, format_args!("{given} is given, but not {missing}: give both"))
        })?;
        let [usual, old] = names.session_token;
        let session_token = match take(usual)? {
            None => take(old)?,
            token => token,
        };
        Ok(Some(AccessKeys {
            source: source(names.access_key),
            is_from_file: false,
            access_key,
            secret_key,
            session_token,
        }))
    }

    /// Returns keys that `by` has returned.
    pub fn fetched(access_key: &str, secret_key: &str, session_token: Option<&str>, by: &str) -> Result<Self> {
        for value in [Some(access_key), Some(secret_key), session_token].into_iter().flatten() {
            check(value, &format!("a key or token from {by}"))?;
        }
        Ok(AccessKeys {
            source: by.to_owned(),
            is_from_file: false,
            access_key: secret(access_key),
            secret_key: secret(secret_key),
            session_token: session_token.filter(|token| !token.is_empty()).map(secret),
        })
    }

    /// Returns where the keys are from, and which they are, without a secret.
    pub fn description(&self) -> Value {
        json!({
            "provider": "access_keys",
            "source": self.source,
            "access_key_id": masked(&self.access_key),
            "session_token": self.session_token.is_some(),
        })
    }

    /// Returns whether the keys are from a file, where another program may replace them.
    pub fn are_from_file(&self) -> bool {
        self.is_from_file
    }

    /// Returns credentials that do not expire.
    pub fn without_expiry(&self) -> Credentials {
        self.with_expiry(None)
    }

    /// Returns credentials that have to be fetched again before `expiry`.
    pub fn with_expiry(&self, expiry: Option<SystemTime>) -> Credentials {
        // Of the three, the SDK zeroes only the secret key.
        let token = self.session_token.as_ref().map(|token| token.to_string());
        Credentials::new(self.access_key.as_str(), self.secret_key.as_str(), token, expiry, "libbedrock")
    }
}

/// Returns the first and the last characters of an access key id, by which its owner recognizes it.
fn masked(key: &str) -> String {
    let characters: Vec<char> = key.chars().collect();
    let shown = if characters.len() < SHOWN_FROM { 0 } else { 4 };
    let is_shown = |index: usize| index < shown || index + shown >= characters.len();
    characters.iter().enumerate().map(|(index, c)| if is_shown(index) { *c } else { '*' }).collect()
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

/// Returns an error if a token cannot be the value of a header.
pub fn check_token(token: &str, by: &str) -> Result<()> {
    check(token, by)
}

fn check(value: &str, by: &str) -> Result<()> {
    check_secret(value).map_err(|reason| {
        let what = format_args!("{by} {reason}. Set it again without a line break or space, inside or at its end");
        Error::new(Kind::Credentials, what)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_id_is_shown_by_its_ends_and_a_short_one_not_at_all() {
        assert_eq!(masked("AKIAIOSFODNN7EXAMPLE"), "AKIA************MPLE");
        assert_eq!(masked("test"), "****");
        assert_eq!(masked("fifteen-letters"), "***************");
        assert_eq!(masked(""), "");
    }
}
