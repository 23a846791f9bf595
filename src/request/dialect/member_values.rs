//! Checks the values of portable members, and translates them to Converse.

use crate::error::{Result, quote};
use crate::json::{Json, Kind, pointer_token};
use crate::request::errors::invalid;
use crate::request::inference_config::{check_max_tokens, check_stop_sequence};
use serde_json::json;

/// Checks the value of an inference setting. `name` is its portable name.
pub fn check_setting(name: &str, value: Json<'_>) -> Result<()> {
    let expected = |what: &str| Err(invalid("", format_args!("expected {what}, found {}", value.kind())));
    match (name, value.kind()) {
        ("stop", Kind::String) => check_stop_sequence(value, ""),
        ("stop", Kind::Array) => {
            value.elements().enumerate().try_for_each(|(index, stop)| check_stop_sequence(stop, &format!("/{index}")))
        }
        ("stop", _) => expected("a string or an array of strings"),
        ("max_tokens", Kind::Number) => check_max_tokens(value, ""),
        (_, Kind::Number) => Ok(()),
        _ => expected("a number"),
    }
}

/// Translates `service_tier` to serviceTier.
pub fn service_tier(value: Json<'_>) -> Result<String> {
    let Some(tier) = value.string() else {
        return Err(invalid("", format_args!("expected a string, found {}", value.kind())));
    };
    match &*tier {
        "default" | "flex" | "priority" | "reserved" => Ok(json!({"type": tier}).to_string()),
        other => {
            let message =
                format_args!("Converse has no tier {}; it has default, flex, priority and reserved", quote(other));
            Err(invalid("", message))
        }
    }
}

/// Translates `metadata` to requestMetadata, and checks the limits that the service has for it.
pub fn metadata(value: Json<'_>) -> Result<String> {
    const MAX_PAIRS: usize = 16;
    const MAX_LENGTH: usize = 256;
    let invalid_at = |at: String, what: &str| {
        let rule =
            "requestMetadata allows up to 16 pairs of texts, each of up to 256 letters, digits, spaces and :_@$#=/+,-.";
        Err(invalid(at, format_args!("{what}; {rule}")))
    };
    if value.kind() != Kind::Object {
        return Err(invalid("", format_args!("expected an object, found {}", value.kind())));
    }
    if value.members().count() > MAX_PAIRS {
        return invalid_at(String::new(), "there are too many pairs");
    }
    let is_valid = |text: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || ":_@$#=/+,-.".contains(c);
        text.chars().all(allowed) && text.len() <= MAX_LENGTH
    };
    for member in value.members() {
        let key = member.key.string().unwrap_or_default();
        let at = format!("/{}", pointer_token(&key));
        match member.value.string() {
            None => return invalid_at(at, &format!("a value is {}", member.value.kind())),
            Some(text) if !is_valid(&text) => return invalid_at(at, "a value is not valid"),
            Some(_) if key.is_empty() || !is_valid(&key) => return invalid_at(at, "a key is not valid"),
            Some(_) => {}
        }
    }
    Ok(value.text().to_owned())
}
