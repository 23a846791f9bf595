//! The expiry of credentials.

use crate::error::{Error, Kind, Result};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use std::time::SystemTime;

/// Parses a time in AWS's format (RFC 3339). The colon of its offset may be missing, as strftime's %z writes it.
pub fn parse_time(text: &str) -> Option<SystemTime> {
    let (time, minutes) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let lacks_colon = time.rfind(['+', '-']).is_some_and(|sign| sign + 3 == time.len());
    let text = if lacks_colon { format!("{time}:{minutes}") } else { text.to_owned() };
    SystemTime::try_from(DateTime::from_str(&text, Format::DateTimeWithOffset).ok()?).ok()
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
