//! The members of a portable request that are no messages: settings, tools, the response's format.
//!
//! They stay under their portable names until a call is made, so that a request and the defaults of its model are
//! merged member by member; then each goes into its place in Converse ([`super::settle`]).

use super::object::Object;
use super::values::{check_setting, metadata, service_tier, text_format};
use crate::error::Result;
use crate::json::{Json, Kind, pointer_token};
use crate::request::Document;
use crate::request::dialect::{refuse, standard, tools, within};
use crate::request::places::Origin;

/// Settings, where they go in inferenceConfig, and what they are also called.
const SETTINGS: [(&str, &str, Option<&str>); 4] = [
    ("max_tokens", "maxTokens", Some("max_completion_tokens")),
    ("temperature", "temperature", None),
    ("top_p", "topP", None),
    ("stop", "stopSequences", Some("stop_sequences")),
];
pub const INFERENCE: &str = "inferenceConfig";
pub const TOOLS: &str = "tools";
pub const CHOICE: &str = "tool_choice";
pub const TOOL_CONFIG: &str = "toolConfig";
pub const FORMAT: &str = "response_format";
pub const OUTPUT: &str = "outputConfig";
/// Members that become one of Converse's as soon as they are given.
const RENAMED: [(&str, &str); 2] = [("metadata", "requestMetadata"), ("service_tier", "serviceTier")];

/// Checks the portable members of a document, gives each one name, and takes out what says nothing.
pub fn check(document: &mut Document) -> Result<()> {
    standard::check(document)?;
    remove_unsaid(document);
    let names: Vec<String> = document.names().map(str::to_owned).collect();
    for name in &names {
        let at = || format!("/{}", pointer_token(name));
        let Some(value) = document.value(name) else { continue };
        if let Some((setting, native, alias)) = setting(name) {
            check_setting(setting, value).map_err(|error| within(error, &at()))?;
            let twice =
                |other: &str| refuse(at(), format_args!("{name} and {other} are both given; they mean the same"));
            if let Some(alias) = alias.filter(|alias| name == setting && names.iter().any(|name| name == alias)) {
                return Err(twice(alias));
            }
            if member_of(document, INFERENCE, native) {
                return Err(twice(&format!("{INFERENCE}.{native}")));
            }
            let json = value.text().to_owned();
            document.replace(name, setting, &json)?;
        } else if let Some((_, native)) = RENAMED.iter().find(|(known, _)| known == name) {
            if has(document, native) {
                return Err(refuse(at(), format_args!("{name} and {native} are both given; they mean the same")));
            }
            let json = match *native {
                "serviceTier" => service_tier(value),
                _ => metadata(value),
            };
            let json = json.map_err(|error| within(error, &at()))?;
            document.remove(native);
            document.replace(name, native, &json)?;
            if *native == "serviceTier"
                && let Some(places) = document.places_mut(native)
            {
                places.put("", Origin::composed(at(), &[]));
            }
        } else if [TOOLS, CHOICE, FORMAT].contains(&name.as_str()) {
            check_object(document, name, value).map_err(|error| within(error, &at()))?;
        }
    }
    Ok(())
}

/// Null says nothing, and neither does a max_tokens of 0, which some clients send where they have no limit in mind, nor
/// tiers and metadata that name none.
fn remove_unsaid(document: &mut Document) {
    let names: Vec<String> = document.names().map(str::to_owned).collect();
    for name in &names {
        let unsaid = |value: Json<'_>| match name.as_str() {
            _ if value.kind() == Kind::Null => true,
            "max_tokens" | "max_completion_tokens" => value.f64() == Some(0.0),
            "service_tier" => value.is("auto"),
            "metadata" => value.kind() == Kind::Object && value.members().next().is_none(),
            _ => false,
        };
        let portable = has_place(name) || RENAMED.iter().any(|(known, _)| known == name);
        if portable && document.value(name).is_some_and(unsaid) {
            document.remove(name);
        }
    }
}

/// The portable members, those that Converse has no place for among them.
pub fn names() -> impl Iterator<Item = &'static str> {
    let settings = SETTINGS.iter().flat_map(|(name, _, alias)| [Some(*name), *alias]).flatten();
    let renamed = RENAMED.iter().map(|(name, _)| *name);
    settings.chain([TOOLS, CHOICE, FORMAT]).chain(renamed).chain(standard::names())
}

/// The setting that goes by this name, or by it too.
pub fn setting(name: &str) -> Option<&'static (&'static str, &'static str, Option<&'static str>)> {
    SETTINGS.iter().find(|(known, _, alias)| *known == name || *alias == Some(name))
}

/// Whether a member is portable and has a place in Converse.
pub fn has_place(name: &str) -> bool {
    setting(name).is_some() || [TOOLS, CHOICE, FORMAT].contains(&name)
}

fn check_object(document: &Document, name: &str, value: Json<'_>) -> Result<()> {
    let twice = |other: &str| refuse("", format_args!("{name} and {other} are both given; they mean the same"));
    match name {
        TOOLS => {
            tools::tools(value)?;
            if has(document, TOOL_CONFIG) { Err(twice(TOOL_CONFIG)) } else { Ok(()) }
        }
        CHOICE => {
            tools::choice(value)?;
            if member_of(document, TOOL_CONFIG, "toolChoice") { Err(twice("toolConfig.toolChoice")) } else { Ok(()) }
        }
        _ => {
            text_format(value)?;
            if member_of(document, OUTPUT, "textFormat") { Err(twice("outputConfig.textFormat")) } else { Ok(()) }
        }
    }
}

pub fn has(document: &Document, name: &str) -> bool {
    document.value(name).is_some_and(|value| value.kind() != Kind::Null)
}

fn member_of(document: &Document, name: &str, key: &str) -> bool {
    document.value(name).is_some_and(|value| Object::of(value).given(key).is_some())
}

/// Takes out of `older` what `newer` gives in the other dialect.
pub fn supersede(older: &mut Document, newer: &Document) {
    for (setting, native, _) in SETTINGS {
        if member_of(newer, INFERENCE, native) {
            older.remove(setting);
        }
    }
    if has(newer, TOOL_CONFIG) {
        older.remove(TOOLS);
        older.remove(CHOICE);
    }
    if has(newer, TOOLS) {
        older.remove(TOOL_CONFIG);
    }
    if member_of(newer, OUTPUT, "textFormat") {
        older.remove(FORMAT);
    }
}

/// Takes a member out, in whichever dialect it was given.
pub fn remove(document: &mut Document, name: &str) -> Result<()> {
    document.remove(name);
    if let Some((setting, native, _)) = setting(name) {
        document.remove(setting);
        return take_from(document, INFERENCE, native);
    }
    if let Some((_, native)) = RENAMED.iter().find(|(known, _)| *known == name) {
        document.remove(native);
    }
    match name {
        INFERENCE => SETTINGS.iter().for_each(|(setting, ..)| document.remove(setting)),
        TOOLS => document.remove(TOOL_CONFIG),
        TOOL_CONFIG => [TOOLS, CHOICE].iter().for_each(|name| document.remove(name)),
        OUTPUT => document.remove(FORMAT),
        CHOICE => return take_from(document, TOOL_CONFIG, "toolChoice"),
        FORMAT => return take_from(document, OUTPUT, "textFormat"),
        _ => {}
    }
    Ok(())
}

/// Takes over the members of `newer`, under either of their names.
pub fn replace(document: &mut Document, newer: Document) {
    supersede(document, &newer);
    document.replace_with(newer);
}

/// Takes a member out of a native object, and the object with it where nothing else is in it.
pub fn take_from(document: &mut Document, object: &str, key: &str) -> Result<()> {
    let Some(value) = document.value(object).filter(|value| value.get(key).is_some()) else { return Ok(()) };
    let left: Vec<_> =
        value.members().filter(|member| !member.key.is(key)).map(|member| member.segment.to_owned()).collect();
    if left.is_empty() {
        document.remove(object);
        return Ok(());
    }
    document.replace(object, object, &format!("{{{}}}", left.join(",")))
}
