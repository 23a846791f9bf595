//! What the config's `transport` may hold, and how it is told what it may not.

use crate::error::{Error, Kind, Result, quote};
use crate::json::{self, Json};

pub fn bad(path: &str, what: &str) -> Error {
    Error::new(Kind::Config, format_args!("config: {}: {what}", path.trim_start_matches('/').replace('/', ".")))
        .at(path)
}

pub fn expect_kind(json: Json<'_>, kind: json::Kind, path: &str) -> Result<()> {
    if json.kind() == kind { Ok(()) } else { Err(bad(path, &format!("expected {kind}, found {}", json.kind()))) }
}

pub fn check_keys(json: Json<'_>, path: &str, known: &[&str]) -> Result<()> {
    match unknown_key(json, known) {
        Some((pointer, what)) => Err(bad(path, &what).at(format!("{path}{pointer}"))),
        None => Ok(()),
    }
}

/// The first key that is none of these, as a pointer below the object, and what to say of it.
pub fn unknown_key(json: Json<'_>, known: &[&str]) -> Option<(String, String)> {
    let unknown = json.members().find(|member| !known.iter().any(|key| member.key.is(key)))?;
    let key = unknown.key.string().unwrap_or_default();
    let what = format!("the key {} is unknown; known are {}", quote(&key), known.join(", "));
    Some((format!("/{}", json::pointer_token(&key)), what))
}
