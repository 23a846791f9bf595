//! A check of Signature Version 4 that shares no code with the SDK, which makes the signatures.
//!
//! It follows the rules of services other than S3: the path is normalized and percent-encoded once more, and the hash
//! of the body is calculated from the body that was received.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::auth::Rejection;
use super::request::{Request, percent_decode};

/// The largest difference between the times of a request and of the service.
pub const SKEW: Duration = Duration::from_secs(5 * 60);

/// Checks requests against one key.
#[derive(Clone, Debug)]
pub struct Verifier {
    pub access_key: String,
    pub secret_key: String,
    pub session_token: Option<String>,
    pub region: String,
    /// "bedrock" for the operations of the runtime.
    pub service: String,
}

/// The parts of an Authorization header.
struct Authorization<'a> {
    access_key: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

impl Verifier {
    /// Checks that the request was signed with this key, for this region and service, at about `now`. The error is that
    /// of the service.
    pub fn verify(&self, request: &Request, now: SystemTime) -> Result<(), Rejection> {
        let header = request.header("authorization").ok_or_else(Rejection::missing)?;
        let authorization = Authorization::parse(header)?;
        if authorization.access_key != self.access_key {
            return Err(Rejection::unknown_client());
        }
        let stamp = request.header("x-amz-date").ok_or_else(|| {
            Rejection::incomplete(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
            )
        })?;
        let signed_at = parse_stamp(stamp).ok_or_else(|| {
            Rejection::incomplete(&format!("Date must be in ISO-8601 'basic format'. Got '{stamp}'."))
        })?;
        check_skew(stamp, signed_at, now)?;
        if authorization.date != &stamp[..8] {
            return Err(Rejection::signature(&format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{}' != '{}', from '{stamp}'.",
                authorization.date,
                &stamp[..8]
            )));
        }
        if authorization.region != self.region {
            return Err(Rejection::signature("Credential should be scoped to a valid region. "));
        }
        if authorization.service != self.service {
            return Err(Rejection::signature(&format!(
                "Credential should be scoped to correct service: '{}'. ",
                self.service
            )));
        }
        if !authorization.signed_headers.contains(&"host") {
            return Err(Rejection::signature(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
            ));
        }
        if let Some(absent) = authorization.signed_headers.iter().find(|name| request.header(name).is_none()) {
            return Err(Rejection::signature(&format!("The signed header '{absent}' is not in the request.")));
        }
        let expected = self.signature(request, &authorization.signed_headers, stamp);
        if !same(&expected, authorization.signature) {
            return Err(Rejection::signature(
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                 Access Key and signing method. Consult the service documentation for details.",
            ));
        }
        if request.header("x-amz-security-token") != self.session_token.as_deref() {
            return Err(Rejection::unknown_client());
        }
        Ok(())
    }

    /// Returns the signature that the request should have.
    pub fn signature(&self, request: &Request, signed_headers: &[&str], stamp: &str) -> String {
        let date = stamp.get(..8).unwrap_or(stamp);
        let canonical = canonical_request(request, signed_headers);
        let scope = format!("{date}/{}/{}/aws4_request", self.region, self.service);
        let to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", sha256_hex(canonical.as_bytes()));
        let mut key = format!("AWS4{}", self.secret_key).into_bytes();
        for part in [date, &self.region, &self.service, "aws4_request"] {
            key = hmac(&key, part.as_bytes());
        }
        hex(&hmac(&key, to_sign.as_bytes()))
    }

    /// Signs a request, for tests of the check.
    pub fn sign(&self, mut request: Request, at: SystemTime) -> Request {
        let stamp = format_stamp(at);
        request.headers.push(("x-amz-date".into(), stamp.clone()));
        if let Some(token) = &self.session_token {
            request.headers.push(("x-amz-security-token".into(), token.clone()));
        }
        let mut names: Vec<String> = request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort_unstable();
        names.dedup();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{}/{}/{}/aws4_request, SignedHeaders={}, Signature={}",
            self.access_key,
            &stamp[..8],
            self.region,
            self.service,
            names.join(";"),
            self.signature(&request, &names, &stamp)
        );
        request.headers.push(("Authorization".into(), authorization));
        request
    }
}

impl<'a> Authorization<'a> {
    fn parse(header: &'a str) -> Result<Authorization<'a>, Rejection> {
        let Some(parts) = header.strip_prefix("AWS4-HMAC-SHA256") else {
            return Err(Rejection::incomplete(
                "Authorization header requires an algorithm known here: AWS4-HMAC-SHA256.",
            ));
        };
        let part = |name: &str| {
            parts.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('=')).ok_or_else(|| {
                Rejection::incomplete(&format!(
                    "Authorization header requires '{name}' parameter. Authorization={header}"
                ))
            })
        };
        let scope = part("Credential")?;
        let [access_key, date, region, service, "aws4_request"] = scope.split('/').collect::<Vec<_>>()[..] else {
            return Err(Rejection::incomplete(&format!(
                "Credential must have exactly 5 slash-delimited elements, ending in aws4_request: '{scope}'"
            )));
        };
        let signed_headers = part("SignedHeaders")?.split(';').collect();
        Ok(Authorization { access_key, date, region, service, signed_headers, signature: part("Signature")? })
    }
}

fn check_skew(stamp: &str, signed_at: SystemTime, now: SystemTime) -> Result<(), Rejection> {
    let (earliest, latest) = (now - SKEW, now + SKEW);
    if signed_at < earliest {
        let (earliest, now) = (format_stamp(earliest), format_stamp(now));
        return Err(Rejection::signature(&format!(
            "Signature expired: {stamp} is now earlier than {earliest} ({now} - 5 min.)"
        )));
    }
    if signed_at > latest {
        let (latest, now) = (format_stamp(latest), format_stamp(now));
        return Err(Rejection::signature(&format!(
            "Signature not yet current: {stamp} is still later than {latest} ({now} + 5 min.)"
        )));
    }
    Ok(())
}

/// Returns the canonical request.
pub fn canonical_request(request: &Request, signed_headers: &[&str]) -> String {
    let mut names = signed_headers.to_vec();
    names.sort_unstable();
    let mut headers = String::new();
    for name in &names {
        let values: Vec<String> =
            request.header_values(name).map(|value| value.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        writeln!(headers, "{name}:{}", values.join(",")).expect("a String takes all text");
    }
    format!(
        "{}\n{}\n{}\n{headers}\n{}\n{}",
        request.method,
        canonical_path(request.path()),
        canonical_query(request.query()),
        names.join(";"),
        sha256_hex(&request.body)
    )
}

/// Returns the path without empty and dot segments, percent-encoded once more.
fn canonical_path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    let mut canonical = String::from("/");
    canonical
        .push_str(&segments.iter().map(|segment| percent_encode(segment.as_bytes())).collect::<Vec<_>>().join("/"));
    if path.ends_with('/') && !segments.is_empty() {
        canonical.push('/');
    }
    canonical
}

/// Returns the parameters of the query, encoded once and sorted.
fn canonical_query(query: &str) -> String {
    let encode = |part: &str| percent_encode(&percent_decode(part.as_bytes()));
    let mut parameters: Vec<(String, String)> = query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    parameters.sort();
    parameters.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn percent_encode(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte as char);
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes all text");
        }
    }
    encoded
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all text");
        text
    })
}

/// Compares two texts in constant time, as a service must.
fn same(left: &str, right: &str) -> bool {
    left.len() == right.len() && left.bytes().zip(right.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

/// Returns a time such as "20150830T123600Z".
pub fn format_stamp(time: SystemTime) -> String {
    let civil = Civil::of(time);
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        civil.year, civil.month, civil.day, civil.hour, civil.minute, civil.second
    )
}

/// Parses a time that [`format_stamp`] has written.
pub fn parse_stamp(stamp: &str) -> Option<SystemTime> {
    let well_formed = stamp.len() == 16
        && stamp.bytes().enumerate().all(|(at, byte)| match at {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    if !well_formed {
        return None;
    }
    let number = |from: usize, to: usize| stamp[from..to].parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60
    {
        return None;
    }
    let days = days_before(year) + (1..month).map(|month| days_of(year, month)).sum::<u64>() + day - 1;
    Some(UNIX_EPOCH + Duration::from_secs(((days * 24 + hour) * 60 + minute) * 60 + second))
}

/// Returns a time such as "Sun, 30 Aug 2015 12:36:00 GMT".
pub fn http_date(time: SystemTime) -> String {
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let civil = Civil::of(time);
    format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        WEEKDAYS[(civil.days % 7) as usize],
        civil.day,
        MONTHS[(civil.month - 1) as usize],
        civil.year,
        civil.hour,
        civil.minute,
        civil.second
    )
}

/// A date and time in UTC, from 1970 on.
struct Civil {
    days: u64,
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Civil {
    fn of(time: SystemTime) -> Civil {
        let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let days = seconds / 86_400;
        let mut year = 1970 + days / 366;
        while days_before(year + 1) <= days {
            year += 1;
        }
        let mut day = days - days_before(year);
        let mut month = 1;
        while day >= days_of(year, month) {
            day -= days_of(year, month);
            month += 1;
        }
        Civil {
            days,
            year,
            month,
            day: day + 1,
            hour: seconds / 3600 % 24,
            minute: seconds / 60 % 60,
            second: seconds % 60,
        }
    }
}

/// Returns the days from 1970 to the start of the year.
fn days_before(year: u64) -> u64 {
    let leaps = |year: u64| year / 4 - year / 100 + year / 400;
    (year - 1970) * 365 + leaps(year - 1) - leaps(1969)
}

fn days_of(year: u64, month: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
