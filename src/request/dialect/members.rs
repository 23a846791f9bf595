//! The members of a portable request other than messages: settings, tools, the response format.
//!
//! They keep their portable names until a call is made, so that a request and its model's defaults are merged member by
//! member. Then [`translate_members`](super::translate_members) moves each into its member of Converse.

use super::member_values::{check_setting, metadata, service_tier};
use super::object::Object;
use super::response_format::text_format;
use super::tools;
use super::unsupported_members;
use crate::error::Result;
use crate::json::{Json, Kind};
use crate::request::document::{Document, pointer_to};
use crate::request::errors::{beneath, given_twice};
use crate::request::source_map::SourceLocation;

/// An inference setting.
pub struct Setting {
    pub name: &'static str,
    /// The member of inferenceConfig with the same meaning.
    pub native: &'static str,
    /// Another portable name.
    alias: Option<&'static str>,
}

pub const SETTINGS: [Setting; 4] = [
    Setting { name: "max_tokens", native: "maxTokens", alias: Some("max_completion_tokens") },
    Setting { name: "temperature", native: "temperature", alias: None },
    Setting { name: "top_p", native: "topP", alias: None },
    Setting { name: "stop", native: "stopSequences", alias: Some("stop_sequences") },
];
pub const INFERENCE_CONFIG: &str = "inferenceConfig";
pub const TOOLS: &str = "tools";
pub const TOOL_CHOICE: &str = "tool_choice";
pub const TOOL_CONFIG: &str = "toolConfig";
pub const RESPONSE_FORMAT: &str = "response_format";
pub const OUTPUT_CONFIG: &str = "outputConfig";
/// Members that become a member of Converse when they are given, and the name of that member.
pub const RENAMED: [(&str, &str); 2] = [("metadata", "requestMetadata"), ("service_tier", "serviceTier")];

/// Returns the names of all portable members, including those that Converse does not support.
pub fn names() -> impl Iterator<Item = &'static str> {
    let settings = SETTINGS.iter().flat_map(|setting| [Some(setting.name), setting.alias]).flatten();
    let renamed = RENAMED.iter().map(|(name, _)| *name);
    settings.chain([TOOLS, TOOL_CHOICE, RESPONSE_FORMAT]).chain(renamed).chain(unsupported_members::names())
}

/// Returns the setting with this name or alias.
pub fn setting(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name || setting.alias == Some(name))
}

/// Returns whether a member keeps its portable name until a call is made.
pub fn is_translated_for_call(name: &str) -> bool {
    setting(name).is_some() || [TOOLS, TOOL_CHOICE, RESPONSE_FORMAT].contains(&name)
}

/// Returns whether an object of Converse has the member `key`.
pub fn has_member(document: &Document, object: &str, key: &str) -> bool {
    document.value(object).is_some_and(|value| Object::of(value).given(key).is_some())
}

/// Checks the portable members of a document, and normalizes them: aliases get the main name, and members that set
/// nothing are removed.
pub fn normalize(document: &mut Document) -> Result<()> {
    unsupported_members::remove_defaults(document)?;
    remove_unset(document);
    let names: Vec<String> = document.names().map(str::to_owned).collect();
    for name in &names {
        let at = || pointer_to(name);
        let Some(value) = document.value(name) else { continue };
        if let Some(setting) = setting(name) {
            check_setting(setting.name, value).map_err(|error| beneath(&at(), error))?;
            let is_given = |alias: &&str| name == setting.name && names.iter().any(|name| name == alias);
            if let Some(alias) = setting.alias.filter(is_given) {
                return Err(given_twice(at(), name, alias));
            }
            if has_member(document, INFERENCE_CONFIG, setting.native) {
                return Err(given_twice(at(), name, &format!("{INFERENCE_CONFIG}.{}", setting.native)));
            }
            let json = value.text().to_owned();
            document.replace(name, setting.name, &json)?;
        } else if let Some((_, native)) = RENAMED.iter().find(|(known, _)| known == name) {
            rename(document, name, native)?;
        } else if [TOOLS, TOOL_CHOICE, RESPONSE_FORMAT].contains(&name.as_str()) {
            check_object(document, name, value).map_err(|error| beneath(&at(), error))?;
        }
    }
    Ok(())
}

/// Translates one of the members in [`RENAMED`].
fn rename(document: &mut Document, name: &str, native: &str) -> Result<()> {
    let Some(value) = document.value(name) else { return Ok(()) };
    let at = pointer_to(name);
    if document.given(native).is_some() {
        return Err(given_twice(at, name, native));
    }
    let is_tier = native == "serviceTier";
    let json = if is_tier { service_tier(value) } else { metadata(value) };
    let json = json.map_err(|error| beneath(&at, error))?;
    document.remove(native);
    document.replace(name, native, &json)?;
    if let Some(source_map) = document.source_map_mut(native).filter(|_| is_tier) {
        source_map.insert("", SourceLocation::composed(at, &[]));
    }
    Ok(())
}

/// Removes the members that set nothing: null, a max_tokens of 0, which some clients send for "no limit", and service
/// tiers and metadata that are empty.
fn remove_unset(document: &mut Document) {
    let names: Vec<String> = document.names().map(str::to_owned).collect();
    for name in &names {
        let is_unset = |value: Json<'_>| match name.as_str() {
            _ if value.kind() == Kind::Null => true,
            "max_tokens" | "max_completion_tokens" => value.f64() == Some(0.0),
            "service_tier" => value.is("auto"),
            "metadata" => value.kind() == Kind::Object && value.members().next().is_none(),
            _ => false,
        };
        let is_portable = is_translated_for_call(name) || RENAMED.iter().any(|(known, _)| known == name);
        if is_portable && document.value(name).is_some_and(is_unset) {
            document.remove(name);
        }
    }
}

fn check_object(document: &Document, name: &str, value: Json<'_>) -> Result<()> {
    let (is_given_twice, native) = match name {
        TOOLS => {
            tools::translate_tools(value)?;
            (document.given(TOOL_CONFIG).is_some(), TOOL_CONFIG)
        }
        TOOL_CHOICE => {
            tools::translate_choice(value)?;
            (has_member(document, TOOL_CONFIG, "toolChoice"), "toolConfig.toolChoice")
        }
        _ => {
            text_format(value)?;
            (has_member(document, OUTPUT_CONFIG, "textFormat"), "outputConfig.textFormat")
        }
    };
    if is_given_twice { Err(given_twice("", name, native)) } else { Ok(()) }
}
