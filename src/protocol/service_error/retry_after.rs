//! The time that the service asks to wait before the next attempt.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Reads the header `x-amz-retry-after`, in milliseconds, or else `retry-after`, in seconds or as a date. A date is
/// compared with the service's own clock. A wait of 0 is none: the library then waits as it does without the header.
pub fn retry_after<'a>(headers: impl Fn(&str) -> Option<&'a str>) -> Option<Duration> {
    asked_for(headers).filter(|wait| !wait.is_zero())
}

fn asked_for<'a>(headers: impl Fn(&str) -> Option<&'a str>) -> Option<Duration> {
    let header = |name| headers(name).map(str::trim);
    if let Some(milliseconds) = header("x-amz-retry-after").and_then(|text| text.parse().ok()) {
        return Some(Duration::from_millis(milliseconds));
    }
    let value = header("retry-after")?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let now = header("date").and_then(|text| httpdate::parse_http_date(text).ok()).unwrap_or_else(SystemTime::now);
    Some(Duration::from_secs(in_seconds(date).saturating_sub(in_seconds(now))))
}

fn in_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_read_from_every_form_of_the_headers() {
        let date = ("date", "Wed, 21 Oct 2015 07:28:00 GMT");
        for (headers, wait) in [
            (&[("retry-after", " 3 ")][..], Some(Duration::from_secs(3))),
            (&[("retry-after", "3"), ("x-amz-retry-after", "1500")], Some(Duration::from_millis(1500))),
            (&[("retry-after", "3"), ("x-amz-retry-after", "soon")], Some(Duration::from_secs(3))),
            (&[("retry-after", "Wed, 21 Oct 2015 07:29:30 GMT"), date], Some(Duration::from_secs(90))),
            (&[("retry-after", "Wed, 21 Oct 2015 07:27:00 GMT"), date], None),
            (&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")], None),
            (&[("retry-after", "0")], None),
            (&[("retry-after", "-1")], None),
            (&[("retry-after", "soon")], None),
            (&[date], None),
        ] {
            let header = |name: &str| headers.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
            assert_eq!(retry_after(header), wait, "{headers:?}");
        }
    }
}
