//! The JSON in which the agent of a container and the metadata service of an instance return credentials.

use super::access_keys::AccessKeys;
use super::expiry::parse_time;
use crate::error::{Error, Kind, Result};
use crate::json::Json;
use std::time::SystemTime;

/// Access keys and their expiry.
pub struct CredentialsJson {
    pub keys: AccessKeys,
    pub expiry: Option<SystemTime>,
}

impl CredentialsJson {
    /// Reads the text that `by` has returned.
    pub fn read(text: &str, by: &str) -> Result<Self> {
        let json = Json::parse(text).map_err(|_| failed(by, "returns something other than JSON"))?;
        let member = |name: &str| json.get(name).and_then(Json::string).filter(|value| !value.is_empty());
        let (Some(access), Some(secret)) = (member("AccessKeyId"), member("SecretAccessKey")) else {
            let reason = member("Code").map(|code| format!(": {code} {}", member("Message").unwrap_or_default()));
            return Err(failed(by, &format!("returns no credentials{}", reason.unwrap_or_default())));
        };
        let keys = AccessKeys::fetched(&access, &secret, member("Token").as_deref(), by)?;
        let expiry =
            member("Expiration").map(|text| parse_time(&text).ok_or_else(|| failed(by, "returns no valid Expiration")));
        Ok(CredentialsJson { keys, expiry: expiry.transpose()? })
    }
}

fn failed(by: &str, what: &str) -> Error {
    Error::new(Kind::Credentials, format_args!("{by} {what}"))
}
