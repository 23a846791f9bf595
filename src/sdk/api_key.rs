//! Short-term Bedrock API keys: a presigned URL of the service, in base64. Nothing is sent to make one.
//!
//! The service accepts a key as a bearer token until its seconds have passed, or the credentials that signed it expire.

use super::sdk_config::Shared;
use crate::error::{Error, Kind, Result, chain, find};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use base64_simd::STANDARD;
use std::error::Error as StdError;
use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// The lifetimes that the service accepts, in seconds.
pub const SECONDS: RangeInclusive<u64> = 1..=12 * 60 * 60;

const HOST: &str = "bedrock.amazonaws.com";
const ACTION: &str = "/?Action=CallWithBearerToken";

/// Makes a key that is valid from now on, with the credentials that sign requests.
pub async fn api_key(shared: &Shared, seconds: u64) -> Result<Zeroizing<String>> {
    let Some(provider) = &shared.provider else {
        let what = "an API key is signed with credentials, and the model has a bearer token";
        return Err(Error::new(Kind::Credentials, what).advise("Use the token itself, or give api_key or a profile"));
    };
    let credentials = provider.provide_credentials().await.map_err(|error| {
        let found = find::<Error>(&error).cloned();
        found.unwrap_or_else(|| Error::new(Kind::Credentials, chain(&error)))
    })?;
    let region = shared.config.region().map_or("", |region| region.as_ref());
    presign(credentials, region, seconds, SystemTime::now())
}

/// Makes a key that is valid from `time` on.
fn presign(credentials: Credentials, region: &str, seconds: u64, time: SystemTime) -> Result<Zeroizing<String>> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(Duration::from_secs(seconds));
    let identity = credentials.into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("bedrock")
        .time(time)
        .settings(settings)
        .build()
        .map_err(|error| failed(&error))?
        .into();
    let headers = [("host", HOST)].into_iter();
    let url = format!("https://{HOST}{ACTION}");
    let request =
        SignableRequest::new("POST", url, headers, SignableBody::Bytes(b"")).map_err(|error| failed(&error))?;
    let signed = sign(request, &parameters).map_err(|error| failed(&error))?;
    let (_, mut added) = signed.into_parts().0.into_parts();
    // The signature comes last, as in the keys that AWS's generators make.
    added.sort_by_key(|(name, _)| *name == "X-Amz-Signature");
    let mut url = Zeroizing::new(format!("{HOST}{ACTION}"));
    for (name, value) in &added {
        url.extend(["&", name, "="]);
        push_encoded(&mut url, value);
    }
    url.push_str("&Version=1");
    Ok(Zeroizing::new(format!("bedrock-api-key-{}", *Zeroizing::new(STANDARD.encode_to_string(url.as_bytes())))))
}

fn failed(reason: &(dyn StdError + 'static)) -> Error {
    Error::new(Kind::Internal, format_args!("signing: {}", chain(reason)))
}

/// Appends a value of a query. Only characters that a URL reserves for nothing stay as they are.
fn push_encoded(url: &mut String, value: &str) {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            url.push(byte.into());
        } else {
            url.extend(['%', DIGITS[usize::from(byte >> 4)].into(), DIGITS[usize::from(byte & 15)].into()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(keys: (&str, &str, Option<&str>), region: &str, seconds: u64, time: u64) -> String {
        let (id, secret, token) = keys;
        let credentials = Credentials::new(id, secret, token.map(str::to_owned), None, "test");
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(time);
        presign(credentials, region, seconds, time).unwrap().to_string()
    }

    /// The expected keys are those of aws-bedrock-token-generator 1.1.0, by tests/api_key/generate.py.
    #[test]
    fn a_key_equals_that_of_the_token_generator_at_the_same_time() {
        let permanent = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None);
        // 2026-11-27 08:15:00
        assert_eq!(key(permanent, "us-east-1", 43200, 1_795_767_300), include_str!("api_key/permanent.txt").trim_end());
        let temporary = ("ASIAIOSFODNN7EXAMPLE", "secret/+=", Some("IQoJb3JpZ2luX2VjE/a+b=~-_.c"));
        // 2026-01-01 00:00:00
        assert_eq!(
            key(temporary, "eu-central-1", 900, 1_767_225_600),
            include_str!("api_key/temporary.txt").trim_end()
        );
    }
}
