//! The values of portable members: what each may be, and what it is in Converse.

use super::object::Object;
use crate::error::{Result, quote};
use crate::json::{Json, Kind, pointer_token, quoted};
use crate::request::dialect::{mistyped, refuse, within};

/// The most that a maxTokens can be.
const MAX_TOKENS: i64 = i32::MAX as i64;

/// A setting, under the name that it has here.
pub fn check_setting(name: &str, value: Json<'_>) -> Result<()> {
    let expected = |what: &str| Err(refuse("", format_args!("expected {what}, found {}", value.kind())));
    match (name, value.kind()) {
        ("stop", Kind::String) => check_stop(value, ""),
        ("stop", Kind::Array) => {
            value.elements().enumerate().try_for_each(|(index, stop)| check_stop(stop, &format!("/{index}")))
        }
        ("stop", _) => expected("a string or an array of strings"),
        ("max_tokens", Kind::Number) => check_max_tokens(value, ""),
        (_, Kind::Number) => Ok(()),
        _ => expected("a number"),
    }
}

/// A text at which the model stops.
pub fn check_stop(stop: Json<'_>, path: &str) -> Result<()> {
    match stop.kind() {
        Kind::String if stop.is("") => Err(refuse(path, "a stop sequence is empty; leave it out")),
        Kind::String => Ok(()),
        other => Err(refuse(path, format_args!("expected a string, found {other}"))),
    }
}

/// A limit of tokens.
pub fn check_max_tokens(limit: Json<'_>, path: &str) -> Result<()> {
    match limit.i64() {
        Some(1..=MAX_TOKENS) => Ok(()),
        _ => {
            let text = limit.text();
            let what = format_args!("{text} is no number of tokens; it takes a whole number from 1 to {MAX_TOKENS}");
            Err(refuse(path, what))
        }
    }
}

/// serviceTier of a service_tier.
pub fn service_tier(value: Json<'_>) -> Result<String> {
    let Some(tier) = value.string() else {
        return Err(refuse("", format_args!("expected a string, found {}", value.kind())));
    };
    match &*tier {
        "default" | "flex" | "priority" | "reserved" => Ok(format!("{{\"type\":{}}}", quoted(&tier))),
        other => {
            let what =
                format_args!("Converse has no tier {}; it has default, flex, priority and reserved", quote(other));
            Err(refuse("", what))
        }
    }
}

/// requestMetadata of a metadata, where the service takes it.
pub fn metadata(value: Json<'_>) -> Result<String> {
    const MOST: usize = 16;
    const LONGEST: usize = 256;
    let refuse_at = |at: String, what: &str| {
        let rule =
            "requestMetadata takes up to 16 pairs of texts, each of up to 256 letters, digits, spaces and :_@$#=/+,-.";
        Err(refuse(at, format_args!("{what}; {rule}")))
    };
    if value.kind() != Kind::Object {
        return Err(refuse("", format_args!("expected an object, found {}", value.kind())));
    }
    if value.members().count() > MOST {
        return refuse_at(String::new(), "there are too many pairs");
    }
    let fits = |text: &str| {
        let good = |c: char| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || ":_@$#=/+,-.".contains(c);
        text.chars().all(good) && text.len() <= LONGEST
    };
    for member in value.members() {
        let key = member.key.string().unwrap_or_default();
        let at = format!("/{}", pointer_token(&key));
        match member.value.string() {
            None => return refuse_at(at, &format!("a value is {}", member.value.kind())),
            Some(text) if !fits(&text) => return refuse_at(at, "a value does not fit"),
            Some(_) if key.is_empty() || !fits(&key) => return refuse_at(at, "a key does not fit"),
            Some(_) => {}
        }
    }
    Ok(value.text().to_owned())
}

/// outputConfig.textFormat; None where the answer is to be free text.
pub fn text_format(format: Json<'_>) -> Result<Option<String>> {
    let format = Object::of(format);
    match &*format.text("type", "response_format")? {
        "text" => format.only("response_format", &["type"]).map(|()| None),
        "json_schema" => {
            format.only("response_format", &["type", "json_schema"])?;
            let at = |error| within(error, "/json_schema");
            let given_schema = format.given("json_schema");
            let json = given_schema.ok_or_else(|| refuse("/json_schema", "response_format needs json_schema"))?;
            let json = Object::of(json);
            json.only("json_schema", &["name", "description", "schema", "strict"]).map_err(at)?;
            // The service is strict with every schema, whatever is asked for.
            if let Some(strict) = json.given("strict").filter(|strict| strict.bool().is_none()) {
                return Err(at(mistyped("strict", "true or false", strict)));
            }
            let schema =
                json.given("schema").ok_or_else(|| refuse("/json_schema/schema", "json_schema needs schema"))?;
            if schema.kind() != Kind::Object {
                return Err(at(mistyped("schema", "a JSON schema", schema)));
            }
            let mut structure = format!("\"schema\":{}", quoted(schema.text()));
            for key in ["name", "description"] {
                if let Some(text) = json.optional_text(key).map_err(at)? {
                    structure.push_str(&format!(",\"{key}\":{}", quoted(&text)));
                }
            }
            Ok(Some(format!("{{\"type\":\"json_schema\",\"structure\":{{\"jsonSchema\":{{{structure}}}}}}}")))
        }
        other => {
            let what =
                format_args!("{} is no response format that Bedrock has; it has text and json_schema", quote(other));
            Err(refuse("/type", what))
        }
    }
}
