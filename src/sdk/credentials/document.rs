//! The JSON in which containers and instances give credentials.

use super::keys::Keys;
use crate::error::{Error, Kind, Result};
use crate::json::Json;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use std::time::SystemTime;

/// Keys and their expiry.
pub struct Document {
    pub keys: Keys,
    pub expiry: Option<SystemTime>,
}

impl Document {
    /// Reads what `by` gives.
    pub fn read(text: &str, by: &str) -> Result<Self> {
        let json = Json::parse(text).map_err(|_| failed(by, "gives something else than JSON"))?;
        let member = |name: &str| json.get(name).and_then(Json::string).filter(|value| !value.is_empty());
        let (Some(access), Some(secret)) = (member("AccessKeyId"), member("SecretAccessKey")) else {
            let said = member("Code").map(|code| format!(": {code} {}", member("Message").unwrap_or_default()));
            return Err(failed(by, &format!("gives no credentials{}", said.unwrap_or_default())));
        };
        let keys = Keys::fetched(&access, &secret, member("Token").as_deref(), by)?;
        let expiry =
            member("Expiration").map(|text| time(&text).ok_or_else(|| failed(by, "gives no valid Expiration")));
        Ok(Document { keys, expiry: expiry.transpose()? })
    }
}

fn failed(by: &str, what: &str) -> Error {
    Error::new(Kind::Credentials, format_args!("{by} {what}"))
}

/// A time as AWS writes it.
pub fn time(text: &str) -> Option<SystemTime> {
    SystemTime::try_from(DateTime::from_str(text, Format::DateTimeWithOffset).ok()?).ok()
}

/// Refuses credentials that cannot be used any more.
pub fn check_expiry(expiry: Option<SystemTime>, by: &str, advice: &str) -> Result<()> {
    match expiry {
        Some(expiry) if expiry <= SystemTime::now() => {
            Err(Error::new(Kind::Credentials, format_args!("{by} gives credentials that have expired. {advice}")))
        }
        _ => Ok(()),
    }
}
