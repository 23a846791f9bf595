//! Sizes in bytes, with or without a unit: "256KiB", "1MiB", 65536.

use crate::error::quote;
use crate::json::{Json, Kind};

/// Bytes in each unit.
const UNITS: [(&str, u64); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Reads a string with a unit, or a number of bytes.
pub(super) fn parse(json: Json<'_>) -> Result<u64, String> {
    match json.kind() {
        Kind::Number => json.i64().and_then(|bytes| u64::try_from(bytes).ok()).ok_or_else(|| malformed(json.text())),
        Kind::String => {
            let text = json.string().unwrap_or_default();
            from_text(&text).ok_or_else(|| malformed(&quote(&text)))
        }
        other => Err(format!("must be a size such as \"256KiB\" or \"1MiB\", or a number of bytes, not {other}")),
    }
}

fn malformed(text: &str) -> String {
    format!("must be a whole number and a unit (KiB, MiB, GiB) such as \"256KiB\", or a number of bytes, not {text}")
}

fn from_text(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let &(_, bytes) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(bytes)
}
