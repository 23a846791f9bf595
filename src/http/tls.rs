//! TLS connections.

use super::link::Link;
use super::transport_error::Failure;
use super::trust_store;
use crate::config::environment::variables::Variables;
use crate::config::{CaBundle, HttpVersion};
use crate::error::{Error, Kind, Result};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig};
use std::fmt;
use std::io;
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// Returns the settings of TLS connections. Blocks: it may read files.
pub fn client_config(
    bundle: Option<&CaBundle>,
    version: HttpVersion,
    variables: &Variables,
) -> Result<Arc<ClientConfig>> {
    let roots = match bundle {
        Some(bundle) => Arc::new(trust_store::of_bundle(bundle)?),
        None => trust_store::of_system(variables)?,
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    if cfg!(slow_entropy) {
        // The first random number of the process takes tens of milliseconds. It is drawn here, and not on the worker.
        // An error here occurs there again.
        let _ = provider.secure_random.fill(&mut [0]);
    }
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(Kind::Config, format_args!("setting up TLS: {error}")))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = match version {
        HttpVersion::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        HttpVersion::Http1 => vec![b"http/1.1".to_vec()],
        HttpVersion::Http2 => vec![b"h2".to_vec()],
    };
    Ok(Arc::new(config))
}

/// Starts TLS on `link`. Returns the encrypted link, and whether the peer chose HTTP/2.
pub async fn handshake(
    link: Link,
    host: &str,
    config: Arc<ClientConfig>,
) -> std::result::Result<(Link, bool), Failure> {
    let failed = |error: io::Error| Failure::io(HandshakeError(with_plain_dates(error)));
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host).map_err(|error| failed(io::Error::other(error)))?;
    let stream = TlsConnector::from(config).connect(name, link).await.map_err(failed)?;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok((Link::Tls(Box::new(stream)), http2))
}

#[derive(Debug)]
struct HandshakeError(io::Error);

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the TLS handshake failed")
    }
}

impl std::error::Error for HandshakeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// Gives errors about the dates of certificates a text that is the same for each call: that of rustls holds the current
/// time, in seconds since 1970.
fn with_plain_dates(error: io::Error) -> io::Error {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    let Some(rustls::Error::InvalidCertificate(invalid)) = cause else { return error };
    let text = match invalid {
        CertificateError::ExpiredContext { not_after, .. } => format!("certificate expired at {}", date(*not_after)),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("certificate not valid before {}", date(*not_before))
        }
        _ => return error,
    };
    io::Error::new(error.kind(), text)
}

/// Returns a time in the form of RFC 3339, such as `2001-02-03T04:05:06Z`.
fn date(time: UnixTime) -> String {
    let (days, second) = (time.as_secs() / 86_400, time.as_secs() % 86_400);
    // Years begin in March here, so that the leap day is the last day of a year. 719,468 days lie between the 1st of
    // March of the year 0 and 1970; an era of 400 years has 146,097 days.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn date_of(seconds: u64) -> String {
        date(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        let mut days = 0;
        for year in 1970..=2500 {
            let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let february = if is_leap { 29 } else { 28 };
            let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            for (month, length) in (1..).zip(lengths) {
                for day in 1..=length {
                    assert_eq!(date_of(days * 86_400), format!("{year}-{month:02}-{day:02}T00:00:00Z"));
                    days += 1;
                }
            }
        }
        assert_eq!(date_of(1_009_843_199), "2001-12-31T23:59:59Z");
        assert_eq!(date_of(253_402_300_799), "9999-12-31T23:59:59Z");
    }
}
