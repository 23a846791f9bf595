//! Timestamps in a query: seconds since 1970, written in ISO 8601.

/// Writes a number of seconds since 1970 in ISO 8601, with up to six decimals. Returns None outside of the years 1 to
/// 9999: a time that was given in milliseconds by mistake is mostly outside.
pub fn iso_8601(seconds: f64) -> Option<String> {
    const SECONDS_PER_DAY: i64 = 86_400;
    if !seconds.is_finite() || seconds.abs() >= 1e12 {
        return None;
    }
    let whole = seconds.floor();
    let micros = ((seconds - whole) * 1e9) as u32 / 1000;
    let seconds = whole as i64;
    let (year, month, day) = date(seconds.div_euclid(SECONDS_PER_DAY));
    if !(1..=9999).contains(&year) {
        return None;
    }
    let second = seconds.rem_euclid(SECONDS_PER_DAY);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
    let fraction = fraction.trim_end_matches('0');
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z"))
}

/// Returns the year, month and day of a number of days since 1970-01-01, in the Gregorian calendar.
///
/// Years are counted from March, so that the leap day is the last day of a year. 146,097 days are 400 years.
/// See <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>.
fn date(days_since_1970: i64) -> (i64, i64, i64) {
    const DAYS_FROM_0000_03_01: i64 = 719_468;
    let days = days_since_1970 + DAYS_FROM_0000_03_01;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (400 * era + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_since_1970_are_written_in_iso_8601() {
        for (seconds, expected) in [
            (0.0, "1970-01-01T00:00:00Z"),
            (-1.0, "1969-12-31T23:59:59Z"),
            (-0.5, "1969-12-31T23:59:59.5Z"),
            (951_782_399.0, "2000-02-28T23:59:59Z"),
            (951_782_400.0, "2000-02-29T00:00:00Z"),
            (951_868_800.0, "2000-03-01T00:00:00Z"),
            (1_735_689_600.25, "2025-01-01T00:00:00.25Z"),
            (1_709_210_096.015_625, "2024-02-29T12:34:56.015625Z"),
            (-2_203_891_200.0, "1900-03-01T00:00:00Z"),
            (-62_135_596_800.0, "0001-01-01T00:00:00Z"),
            (253_402_300_799.0, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(iso_8601(seconds).as_deref(), Some(expected), "{seconds}");
        }
        for seconds in [-62_135_596_801.0, 253_402_300_800.0, 1_735_689_600_000.0, f64::NAN, f64::INFINITY] {
            assert_eq!(iso_8601(seconds), None, "{seconds}");
        }
    }

    #[test]
    fn days_that_follow_each_other_are_dates_that_follow_each_other() {
        let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let (mut year, mut month, mut day) = date(-200_000);
        for days in -199_999..200_000 {
            let last = [31, 28 + i64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            (year, month, day) = match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                (month, day) if day == last[month as usize - 1] => (year, month + 1, 1),
                (month, day) => (year, month, day + 1),
            };
            assert_eq!(date(days), (year, month, day));
        }
    }
}
