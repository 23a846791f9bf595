//! Durations with a unit: "30s", "500ms".
//!
//! A number without a unit is an error: 30 can mean seconds or milliseconds.

use crate::error::{QUOTE, quote};
use crate::json::{Json, Kind};
use std::time::Duration;

/// The maximum. A longer duration probably has the wrong unit.
const MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// The minimum: the timers of the worker have a resolution of one millisecond.
const MIN: Duration = Duration::from_millis(1);

/// Seconds in each unit.
const UNITS: [(&str, f64); 4] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// Reads a string with a unit. A duration is never 0, so that no timer is off by accident.
pub(super) fn parse(json: Json<'_>) -> Result<Duration, String> {
    let seconds = match json.kind() {
        Kind::Number => return Err(without_unit(json.text())),
        Kind::String => from_text(&json.string().unwrap_or_default())?,
        other => return Err(format!("must be a duration such as \"30s\" or \"500ms\", not {other}")),
    };
    if seconds <= 0.0 {
        return Err("must be longer than 0: no timer can be switched off".to_owned());
    }
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if duration < MIN => Err("is shorter than 1ms, the shortest that is allowed".to_owned()),
        Ok(duration) if duration <= MAX => Ok(duration),
        _ => Err("is longer than 24h, the longest that is allowed".to_owned()),
    }
}

/// Returns the reason for a number without a unit. It shows the number in both of the units that can be meant.
fn without_unit(number: &str) -> String {
    let is_plausible = number.len() <= QUOTE && number.parse().is_ok_and(|number: f64| number > 0.0);
    let number = if is_plausible { number } else { "30" };
    format!("needs a unit: write \"{number}s\" for seconds or \"{number}ms\" for milliseconds")
}

fn from_text(text: &str) -> Result<f64, String> {
    if Json::parse(text).is_ok_and(|json| json.kind() == Kind::Number && json.text() == text) {
        return Err(without_unit(text));
    }
    let malformed = || format!("must be a number and a unit (ms, s, m, h) such as \"30s\", not {}", quote(text));
    let number_end = text.rfind(|c: char| c.is_ascii_digit()).map_or(0, |at| at + 1);
    let (number, unit) = text.split_at(number_end);
    let &(_, scale) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(malformed)?;
    // A number of JSON: `f64` would also read "inf" and ".5".
    let number = Json::parse(number).ok().filter(|json| json.text() == number).ok_or_else(malformed)?;
    Ok(number.f64().ok_or_else(malformed)? * scale)
}
