//! The members of a portable request that are no messages: settings, tools, the response's format.
//!
//! They stay under their portable names until a call is made, so that a request and the defaults of its model are merged member by
//! member; then each goes into its place in Converse ([`settle`]).

use super::object::Object;
use super::tools::{self, Choice};
use super::{mistyped, refuse, standard, with_member, within};
use crate::error::{Result, quote};
use crate::json::{Json, Kind, pointer_token, quoted};
use crate::request::Document;
use crate::request::places::Origin;

/// Settings, where they go in inferenceConfig, and what they are also called.
const SETTINGS: [(&str, &str, Option<&str>); 4] = [
    ("max_tokens", "maxTokens", Some("max_completion_tokens")),
    ("temperature", "temperature", None),
    ("top_p", "topP", None),
    ("stop", "stopSequences", Some("stop_sequences")),
];
const INFERENCE: &str = "inferenceConfig";
const TOOLS: &str = "tools";
const CHOICE: &str = "tool_choice";
const TOOL_CONFIG: &str = "toolConfig";
const FORMAT: &str = "response_format";
const OUTPUT: &str = "outputConfig";
/// Members that become one of Converse's as soon as they are given.
const RENAMED: [(&str, &str); 2] = [("metadata", "requestMetadata"), ("service_tier", "serviceTier")];
/// The most that a maxTokens can be.
const MAX_TOKENS: i64 = i32::MAX as i64;

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

/// serviceTier of a service_tier.
fn service_tier(value: Json<'_>) -> Result<String> {
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
fn metadata(value: Json<'_>) -> Result<String> {
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

/// Null says nothing, and neither does a max_tokens of 0, which some clients send where they have no limit in mind, nor tiers and
/// metadata that name none.
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

/// The setting that goes by this name, or by it too.
fn setting(name: &str) -> Option<&'static (&'static str, &'static str, Option<&'static str>)> {
    SETTINGS.iter().find(|(known, _, alias)| *known == name || *alias == Some(name))
}

/// Whether a member is portable and has a place in Converse.
fn has_place(name: &str) -> bool {
    setting(name).is_some() || [TOOLS, CHOICE, FORMAT].contains(&name)
}

fn check_setting(name: &str, value: Json<'_>) -> Result<()> {
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

fn has(document: &Document, name: &str) -> bool {
    document.value(name).is_some_and(|value| value.kind() != Kind::Null)
}

fn member_of(document: &Document, name: &str, key: &str) -> bool {
    document.value(name).is_some_and(|value| Object::of(value).given(key).is_some())
}

/// outputConfig.textFormat; None where the answer is to be free text.
fn text_format(format: Json<'_>) -> Result<Option<String>> {
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

/// Takes out of `older` what `newer` gives in the other dialect.
fn supersede(older: &mut Document, newer: &Document) {
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

/// Adds the members of `defaults` that the request lacks, by either name, and puts all portable ones into their places.
pub fn settle(document: &mut Document, defaults: &Document) -> Result<()> {
    if !document.names().chain(defaults.names()).any(has_place) {
        document.fill_from(defaults);
        return Ok(());
    }
    let mut defaults = defaults.clone();
    supersede(&mut defaults, document);
    document.fill_from(&defaults);
    settle_settings(document)?;
    settle_tools(document)?;
    settle_format(document)
}

fn settle_settings(document: &mut Document) -> Result<()> {
    let names: Vec<String> = document.names().map(str::to_owned).collect();
    for name in &names {
        let Some((_, native, _)) = setting(name) else { continue };
        let Some(value) = document.value(name) else { continue };
        let json = match value.kind() {
            Kind::String => format!("[{}]", value.text()),
            _ => value.text().to_owned(),
        };
        put_within(document, name, INFERENCE, native, &json)?;
    }
    Ok(())
}

/// Moves a portable member into a native object: the one there is, or a new one in the portable member's place.
fn put_within(document: &mut Document, name: &str, object: &str, key: &str, json: &str) -> Result<()> {
    let given = document.origin(&format!("/{name}"));
    let there = match document.value(object) {
        Some(value) if value.kind() == Kind::Object => Some(with_member(value, key, json)),
        Some(value) if value.kind() != Kind::Null => return Err(mistyped(object, "an object", value)),
        _ => None,
    };
    match there {
        Some(whole) => {
            document.replace(object, object, &whole)?;
            document.remove(name);
        }
        None => {
            document.remove(object);
            document.replace(name, object, &format!("{{\"{key}\":{json}}}"))?;
        }
    }
    if let Some(places) = document.places_mut(object) {
        places.put(format!("/{key}"), Origin::same(given));
    }
    Ok(())
}

/// Takes a member out of a native object, and the object with it where nothing else is in it.
fn take_from(document: &mut Document, object: &str, key: &str) -> Result<()> {
    let Some(value) = document.value(object).filter(|value| value.get(key).is_some()) else { return Ok(()) };
    let left: Vec<_> =
        value.members().filter(|member| !member.key.is(key)).map(|member| member.segment.to_owned()).collect();
    if left.is_empty() {
        document.remove(object);
        return Ok(());
    }
    document.replace(object, object, &format!("{{{}}}", left.join(",")))
}

fn settle_tools(document: &mut Document) -> Result<()> {
    if let Some(value) = document.value(TOOLS) {
        let tools = tools::tools(value).map_err(|error| within(error, "/tools"))?;
        if tools.is_empty() {
            document.remove(TOOLS);
        } else {
            let given = document.origin("/tools");
            let json: Vec<_> = tools.iter().map(|tool| tool.json.as_str()).collect();
            put_within(document, TOOLS, TOOL_CONFIG, "tools", &format!("[{}]", json.join(",")))?;
            if let Some(places) = document.places_mut(TOOL_CONFIG) {
                for (index, tool) in tools.into_iter().enumerate() {
                    places.put_block(&format!("/tools/{index}"), tool.within(&given).places);
                }
            }
        }
    }
    let Some(value) = document.value(CHOICE) else { return Ok(()) };
    let choice = tools::choice(value).map_err(|error| within(error, "/tool_choice"))?;
    let tools = has(document, TOOL_CONFIG);
    match choice {
        Choice::Native(json) if tools => put_within(document, CHOICE, TOOL_CONFIG, "toolChoice", &json),
        // Without tools there is nothing to choose.
        Choice::Native(json) if Json::parse(&json).is_ok_and(|choice| choice.get("auto").is_some()) => {
            document.remove(CHOICE);
            Ok(())
        }
        Choice::Native(_) => Err(refuse("/tool_choice", "there are no tools to choose from; give tools")),
        Choice::None => {
            document.remove(CHOICE);
            // The service refuses a conversation with tool calls that comes without their tools.
            if holds_tool_blocks(document) {
                return take_from(document, TOOL_CONFIG, "toolChoice");
            }
            document.remove(TOOL_CONFIG);
            Ok(())
        }
    }
}

fn holds_tool_blocks(document: &Document) -> bool {
    document.items("messages").iter().any(|message| {
        let content = message.json().get("content");
        let mut blocks = content.into_iter().flat_map(Json::elements);
        blocks.any(|block| block.get("toolUse").is_some() || block.get("toolResult").is_some())
    })
}

fn settle_format(document: &mut Document) -> Result<()> {
    let Some(value) = document.value(FORMAT) else { return Ok(()) };
    match text_format(value).map_err(|error| within(error, "/response_format"))? {
        Some(json) => put_within(document, FORMAT, OUTPUT, "textFormat", &json),
        None => {
            document.remove(FORMAT);
            take_from(document, OUTPUT, "textFormat")
        }
    }
}
