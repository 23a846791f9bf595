//! The expiry of credentials.

use crate::error::{Error, Kind, Result};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use std::time::SystemTime;

/// Parses a time in AWS's format (RFC 3339).
pub fn parse_time(text: &str) -> Option<SystemTime> {
    SystemTime::try_from(DateTime::from_str(text, Format::DateTimeWithOffset).ok()?).ok()
}

/// Returns an error for credentials that have expired.
pub fn check_expiry(expiry: Option<SystemTime>, by: &str, advice: &str) -> Result<()> {
    match expiry {
        Some(expiry) if expiry <= SystemTime::now() => {
            Err(Error::new(Kind::Credentials, format_args!("{by} returned credentials that have expired. {advice}")))
        }
        _ => Ok(()),
    }
}
