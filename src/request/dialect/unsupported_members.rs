//! Members of chat completions for which Converse has no member.
//!
//! A value that asks for the default is ignored: client libraries send such values on their own. Any other value has a
//! meaning that would be lost, so it is an error that names an alternative.

use crate::error::{Result, quote};
use crate::json::{Json, Kind};
use crate::request::document::{Document, pointer_to};
use crate::request::errors::invalid;

struct UnsupportedMember {
    name: &'static str,
    /// Returns whether a value asks for the default. Null always does.
    is_default: fn(Json<'_>) -> bool,
    /// What a program can use instead, for errors.
    advice: &'static str,
}

const fn member(name: &'static str, is_default: fn(Json<'_>) -> bool, advice: &'static str) -> UnsupportedMember {
    UnsupportedMember { name, is_default, advice }
}

const FIELDS: &str = "use additionalModelRequestFields, under the model's own name for it";
const EFFORT: &str = "use outputConfig.effort, or additionalModelRequestFields under the model's own name for it: \
    {\"reasoning\": {\"effort\": ...}} for GPT, \
    {\"thinking\": {\"type\": \"adaptive\"}, \"output_config\": {\"effort\": ...}} for Claude";
const METADATA: &str = "use requestMetadata, which is written into the logs of invocations";
const CACHE: &str = "use cache_control on a message, a part or a tool, or cachePoint blocks";

const UNSUPPORTED: [UnsupportedMember; 28] = [
    member("audio", never, FIELDS),
    member("cache_control", never, "use it on a message, a part or a tool, or use cachePoint blocks"),
    member("frequency_penalty", zero, FIELDS),
    member("function_call", |value| value.is("auto"), "use tool_choice"),
    member("functions", empty, "use tools"),
    member("logit_bias", empty, FIELDS),
    member("logprobs", no, FIELDS),
    member("modalities", |value| empty(value) || only_text(value), FIELDS),
    member("moderation", empty, "use guardrailConfig"),
    member("n", |value| value.f64() == Some(1.0), "make a call for each"),
    member("output_config", empty, "use outputConfig"),
    member(
        "parallel_tool_calls",
        |value| value.bool() == Some(true),
        "use additionalModelRequestFields, under the model's own name for it: \
         {\"tool_choice\": {\"type\": \"auto\", \"disable_parallel_tool_use\": true}} for Claude",
    ),
    member("prediction", never, FIELDS),
    member("presence_penalty", zero, FIELDS),
    member("prompt_cache_key", empty, CACHE),
    member("prompt_cache_options", empty, CACHE),
    member("prompt_cache_retention", never, CACHE),
    member("reasoning_effort", never, EFFORT),
    member("safety_identifier", empty, METADATA),
    member("seed", never, FIELDS),
    member("store", no, "Bedrock keeps no completions; leave it out"),
    member("stream", any, ""),
    member("stream_options", any, ""),
    member("thinking", never, FIELDS),
    member("top_logprobs", zero, FIELDS),
    member("user", empty, METADATA),
    member("verbosity", |value| value.is("medium"), FIELDS),
    member("web_search_options", never, "give the model a tool that searches; some models have one as a systemTool"),
];

/// Returns the names of all unsupported members.
pub fn names() -> impl Iterator<Item = &'static str> {
    UNSUPPORTED.iter().map(|member| member.name)
}

fn never(_: Json<'_>) -> bool {
    false
}

/// Accepts every value. The function that the program calls decides whether the response streams, not the request.
fn any(_: Json<'_>) -> bool {
    true
}

fn no(value: Json<'_>) -> bool {
    value.bool() == Some(false)
}

fn zero(value: Json<'_>) -> bool {
    value.f64() == Some(0.0)
}

fn empty(value: Json<'_>) -> bool {
    match value.kind() {
        Kind::String => value.is(""),
        Kind::Array => value.elements().next().is_none(),
        Kind::Object => value.members().next().is_none(),
        _ => false,
    }
}

fn only_text(value: Json<'_>) -> bool {
    value.kind() == Kind::Array && value.elements().all(|element| element.is("text"))
}

/// Removes the members that ask for the default. Any other unsupported member is an error.
pub fn remove_defaults(document: &mut Document) -> Result<()> {
    let names: Vec<String> = document.names().map(str::to_owned).collect();
    for name in &names {
        let Some(member) = UNSUPPORTED.iter().find(|member| member.name == name) else { continue };
        let is_default = |value: Json<'_>| value.kind() == Kind::Null || (member.is_default)(value);
        if document.value(name).is_some_and(is_default) {
            document.remove(name);
        } else {
            let message = format_args!("Converse has no member {}; {}", quote(name), member.advice);
            return Err(invalid(pointer_to(name), message));
        }
    }
    Ok(())
}
