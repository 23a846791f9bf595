//! The members of a portable request that are no messages: settings, tools, the response's format.
//!
//! They stay under their portable names until a call is made, so that a request and the defaults of its model are merged member by
//! member; then each goes into its place in Converse ([`settle`]).

use super::tools::{self, Choice};
use super::{given, mistyped, only, refuse, text, within};
use crate::error::{Result, quote};
use crate::json::{Json, Kind, pointer_token, quoted};
use crate::request::Document;

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
/// Which of them is called decides how the answer comes.
const OF_THE_CALL: [&str; 2] = ["stream", "stream_options"];
/// Members of the chat-completions shape that Converse has no place for, and where what they mean can go.
const NO_PLACE: [(&str, &str); 22] = [
    ("audio", FIELDS),
    ("frequency_penalty", FIELDS),
    ("function_call", "use tool_choice"),
    ("functions", "use tools"),
    ("logit_bias", FIELDS),
    ("logprobs", FIELDS),
    ("metadata", "use requestMetadata"),
    ("modalities", FIELDS),
    ("n", "make a call for each"),
    ("parallel_tool_calls", FIELDS),
    ("prediction", FIELDS),
    ("presence_penalty", FIELDS),
    ("prompt_cache_key", "set cachePoint blocks"),
    ("reasoning_effort", FIELDS),
    ("safety_identifier", "use requestMetadata"),
    ("seed", FIELDS),
    ("service_tier", "use serviceTier"),
    ("store", "leave it out"),
    ("top_logprobs", FIELDS),
    ("user", "use requestMetadata"),
    ("verbosity", FIELDS),
    ("web_search_options", FIELDS),
];
const FIELDS: &str =
    "what a model knows beyond Converse goes into additionalModelRequestFields, under the model's own name for it";

/// Checks the portable members of a document, gives each one name, and takes out what says nothing.
pub fn check(document: &mut Document) -> Result<()> {
    remove_unsaid(document);
    let names: Vec<String> = document.names().map(str::to_owned).collect();
    for name in &names {
        let at = || format!("/{}", pointer_token(name));
        if let Some((_, place)) = NO_PLACE.iter().find(|(known, _)| known == name) {
            return Err(refuse(at(), format_args!("Converse has no member {}; {place}", quote(name))));
        }
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
        } else if [TOOLS, CHOICE, FORMAT].contains(&name.as_str()) {
            check_object(document, name, value).map_err(|error| within(error, &at()))?;
        }
    }
    Ok(())
}

/// Null says nothing, and so does a max_tokens of 0: some clients say so where they have no limit in mind. How the answer comes is
/// for the call to say.
fn remove_unsaid(document: &mut Document) {
    let names: Vec<String> = document.names().map(str::to_owned).collect();
    for name in &names {
        let tokens = name == "max_tokens" || name == "max_completion_tokens";
        let portable = NO_PLACE.iter().any(|(known, _)| known == name) || has_place(name);
        let unsaid = |value: Json<'_>| {
            value.kind() == Kind::Null || tokens && value.kind() == Kind::Number && value.f64() == Some(0.0)
        };
        if OF_THE_CALL.contains(&name.as_str()) || portable && document.value(name).is_some_and(unsaid) {
            document.remove(name);
        }
    }
}

/// The portable members, those that Converse has no place for among them.
pub fn names() -> impl Iterator<Item = &'static str> {
    let settings = SETTINGS.iter().flat_map(|(name, _, alias)| [Some(*name), *alias]).flatten();
    settings.chain([TOOLS, CHOICE, FORMAT]).chain(OF_THE_CALL).chain(NO_PLACE.iter().map(|(name, _)| *name))
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
    let strings = || value.kind() == Kind::Array && value.elements().all(|element| element.kind() == Kind::String);
    let (good, expected) = match name {
        "stop" => (value.kind() == Kind::String || strings(), "a string or an array of strings"),
        _ => (value.kind() == Kind::Number, "a number"),
    };
    if good { Ok(()) } else { Err(refuse("", format_args!("expected {expected}, found {}", value.kind()))) }
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
    document.value(name).is_some_and(|value| given(value, key).is_some())
}

/// outputConfig.textFormat; None where the answer is to be free text.
fn text_format(format: Json<'_>) -> Result<Option<String>> {
    match &*text(format, "type", "response_format")? {
        "text" => only(format, "response_format", &["type"]).map(|()| None),
        "json_schema" => {
            only(format, "response_format", &["type", "json_schema"])?;
            let at = |error| within(error, "/json_schema");
            let given_schema = given(format, "json_schema");
            let json = given_schema.ok_or_else(|| refuse("/json_schema", "response_format needs json_schema"))?;
            // The service is strict with every schema.
            let strict = json.get("strict").is_some_and(|strict| strict.bool() == Some(true));
            let known: &[&str] =
                if strict { &["name", "description", "schema", "strict"] } else { &["name", "description", "schema"] };
            only(json, "json_schema", known).map_err(at)?;
            let schema =
                given(json, "schema").ok_or_else(|| refuse("/json_schema/schema", "json_schema needs schema"))?;
            if schema.kind() != Kind::Object {
                return Err(at(mistyped("schema", "a JSON schema", schema)));
            }
            let mut structure = format!("\"schema\":{}", quoted(schema.text()));
            for key in ["name", "description"] {
                if given(json, key).is_some() {
                    structure.push_str(&format!(",\"{key}\":{}", quoted(&text(json, key, "json_schema").map_err(at)?)));
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

/// Takes over the members of `newer`, under either of their names.
pub fn replace(document: &mut Document, newer: Document) {
    supersede(document, &newer);
    document.replace_with(newer);
}

/// Takes out a member, and what means the same in the other dialect.
pub fn remove(document: &mut Document, name: &str) -> Result<()> {
    document.remove(name);
    if let Some((setting, native, _)) = setting(name) {
        document.remove(setting);
        return take_from(document, INFERENCE, native);
    }
    match name {
        INFERENCE => SETTINGS.iter().for_each(|(setting, ..)| document.remove(setting)),
        TOOL_CONFIG => [TOOLS, CHOICE].iter().for_each(|member| document.remove(member)),
        OUTPUT => document.remove(FORMAT),
        // A toolConfig without its tools is refused.
        TOOLS => document.remove(TOOL_CONFIG),
        CHOICE => return take_from(document, TOOL_CONFIG, "toolChoice"),
        FORMAT => return take_from(document, OUTPUT, "textFormat"),
        _ => {}
    }
    Ok(())
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
    Ok(())
}

/// An object with a member set to a value; what else it holds stays as it was written.
fn with_member(object: Json<'_>, key: &str, json: &str) -> String {
    let text = object.text();
    if let Some(old) = object.get(key) {
        let start = crate::json::offset(text, old.text());
        return format!("{}{json}{}", &text[..start], &text[start + old.text().len()..]);
    }
    let comma = if object.members().next().is_some() { "," } else { "" };
    let inside = text.strip_suffix('}').unwrap_or(text).trim_end();
    format!("{inside}{comma}\"{key}\":{json}}}")
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
            put_within(document, TOOLS, TOOL_CONFIG, "tools", &format!("[{}]", tools.join(",")))?;
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
        let content = Json::parse(message.text()).ok().and_then(|message| message.get("content"));
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
