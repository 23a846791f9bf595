//! The JSON in which the agent of a container and the metadata service of an instance return credentials.

use super::access_keys::AccessKeys;
use super::expiry::parse_time;
use crate::error::{Error, Kind, Result};
use crate::json::{Json, Kind as JsonKind};
use std::borrow::Cow;
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
        let member = |name: &str| {
            text_of(json.get(name)).map_err(|wrong| failed(by, &format!("returns a member {name} that {wrong}")))
        };
        let (Some(access), Some(secret)) = (member("AccessKeyId")?, member("SecretAccessKey")?) else {
            let reason = match member("Code")? {
                Some(code) => format!(": {code} {}", member("Message")?.unwrap_or_default()),
                None => String::new(),
            };
            return Err(failed(by, &format!("returns no credentials{reason}")));
        };
        let keys = AccessKeys::fetched(&access, &secret, member("Token")?.as_deref(), by)?;
        let expiry = member("Expiration")?
            .map(|text| parse_time(&text).ok_or_else(|| failed(by, "returns no valid Expiration")));
        Ok(CredentialsJson { keys, expiry: expiry.transpose()? })
    }
}

/// Returns the text of a member of credentials, None if it is null or empty. Any other value is an error: an expiry
/// that was ignored would make credentials eternal.
pub fn text_of(member: Option<Json<'_>>) -> std::result::Result<Option<Cow<'_, str>>, &'static str> {
    let Some(member) = member.filter(|member| member.kind() != JsonKind::Null) else { return Ok(None) };
    let text = member.string().ok_or("is not a string")?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn failed(by: &str, what: &str) -> Error {
    Error::new(Kind::Credentials, format_args!("{by} {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(members: &str) -> Result<CredentialsJson> {
        CredentialsJson::read(&format!(r#"{{"AccessKeyId":"AKIA","SecretAccessKey":"s"{members}}}"#), "the agent")
    }

    #[test]
    fn a_member_that_is_no_string_is_an_error_that_names_it_and_null_counts_as_not_given() {
        for (members, name) in [
            (r#","Expiration":1893456000"#, "Expiration"),
            (r#","Expiration":{}"#, "Expiration"),
            (r#","Token":5"#, "Token"),
        ] {
            let error = read(members).err().expect("an error");
            let expected = format!("bedrock: the agent returns a member {name} that is not a string");
            assert_eq!(error.message().as_str(), expected);
        }
        assert_eq!(read(r#","Expiration":null,"Token":null"#).unwrap().expiry, None);
        assert!(read(r#","Expiration":"2030-01-01T00:00:00Z""#).unwrap().expiry.is_some());
    }
}
