//! The keys of an access, wherever they come from.

use crate::config::environment::Profile;
use crate::config::environment::variables::Variables;
use crate::config::{Secret, StaticCredentials, check_secret};
use crate::error::{Error, Kind, Result};
use aws_credential_types::Credentials;
use std::fmt;
use std::time::SystemTime;

/// An access key id, its secret key, and the session token of temporary ones.
#[derive(Clone)]
pub struct Keys {
    access_key: Secret,
    secret_key: Secret,
    session_token: Option<Secret>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(hidden)")
    }
}

/// The names that the three have in one place.
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

impl Keys {
    pub fn of_config(keys: &StaticCredentials) -> Self {
        Keys {
            access_key: keys.access_key.clone(),
            secret_key: keys.secret_key.clone(),
            session_token: keys.session_token.clone(),
        }
    }

    /// The keys of the variables, where an access key id is given.
    pub fn of_variables(variables: &Variables) -> Result<Option<Self>> {
        Keys::find(&VARIABLES, |name| variables.get(name), str::to_owned)
    }

    /// The keys of a profile, where it has an access key id.
    pub fn of_profile(profile: &Profile) -> Result<Option<Self>> {
        Keys::find(&MEMBERS, |key| profile.get(key), |key| profile.source_of(key))
    }

    fn find<'a>(
        names: &Names,
        get: impl Fn(&str) -> Option<&'a str>,
        place: impl Fn(&str) -> String,
    ) -> Result<Option<Self>> {
        let take = |name: &str| match get(name) {
            Some(value) => check(value, &place(name)).map(|()| Some(secret(value))),
            None => Ok(None),
        };
        let Some(access_key) = take(names.access_key)? else { return Ok(None) };
        let secret_key = take(names.secret_key)?.ok_or_else(|| {
            let (given, missing) = (place(names.access_key), place(names.secret_key));
            Error::new(Kind::Credentials, format_args!("{given} is given, but not {missing}: give both"))
        })?;
        let [usual, old] = names.session_token;
        let session_token = match take(usual)? {
            None => take(old)?,
            token => token,
        };
        Ok(Some(Keys { access_key, secret_key, session_token }))
    }

    /// Keys that were fetched. `by` names who gave them.
    pub fn fetched(access_key: &str, secret_key: &str, session_token: Option<&str>, by: &str) -> Result<Self> {
        for value in [Some(access_key), Some(secret_key), session_token].into_iter().flatten() {
            check(value, &format!("what {by} gives as a key or token"))?;
        }
        Ok(Keys {
            access_key: secret(access_key),
            secret_key: secret(secret_key),
            session_token: session_token.filter(|token| !token.is_empty()).map(secret),
        })
    }

    pub fn lasting(&self) -> Credentials {
        self.until(None)
    }

    /// These keys as the SDK has them, until the time at which they have to be fetched anew.
    pub fn until(&self, expiry: Option<SystemTime>) -> Credentials {
        // Of these three the SDK zeroes the secret key.
        let token = self.session_token.as_ref().map(|token| token.to_string());
        Credentials::new(self.access_key.as_str(), self.secret_key.as_str(), token, expiry, "libbedrock")
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

/// Refuses a bearer token of the environment that can be no header.
pub fn check_token(token: &str, by: &str) -> Result<()> {
    check(token, by)
}

fn check(value: &str, by: &str) -> Result<()> {
    check_secret(value).map_err(|reason| {
        let what = format_args!("{by} {reason}. Set it again without a line break or space, inside or at its end");
        Error::new(Kind::Credentials, what)
    })
}
