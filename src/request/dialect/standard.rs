//! Members of the chat-completions shape that Converse has no member for.
//!
//! A value that asks for what happens anyway says nothing, and passes: client libraries send such values of themselves.
//! Any other value has a meaning that would be lost, and is an error that says where the meaning can go.

use super::refuse;
use crate::error::{Result, quote};
use crate::json::{Json, Kind, pointer_token};
use crate::request::Document;

struct Standard {
    name: &'static str,
    /// Whether a value asks for what happens anyway. Null always does.
    silent: fn(Json<'_>) -> bool,
    /// Where the meaning of another value can go.
    place: &'static str,
}

const fn member(name: &'static str, silent: fn(Json<'_>) -> bool, place: &'static str) -> Standard {
    Standard { name, silent, place }
}

const FIELDS: &str =
    "what a model knows beyond Converse goes into additionalModelRequestFields, under the model's own name for it";
const EFFORT: &str = "use outputConfig.effort, or additionalModelRequestFields under the model's own name for it: \
    {\"reasoning\": {\"effort\": ...}} for GPT, \
    {\"thinking\": {\"type\": \"adaptive\"}, \"output_config\": {\"effort\": ...}} for Claude";
const METADATA: &str = "use requestMetadata, which is written into the logs of invocations";
const CACHE: &str = "mark what is to be cached with cache_control, or set cachePoint blocks";

const STANDARD: [Standard; 28] = [
    member("audio", never, FIELDS),
    member("cache_control", never, "set it on a message, a part or a tool, or set cachePoint blocks"),
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
        "a model's own way to forbid it goes into additionalModelRequestFields: \
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
    member("web_search_options", never, "give the model a tool that searches; some have one as a systemTool"),
];

/// The names of all of them.
pub fn names() -> impl Iterator<Item = &'static str> {
    STANDARD.iter().map(|standard| standard.name)
}

fn never(_: Json<'_>) -> bool {
    false
}

/// The function that is called decides how the answer comes.
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

/// Takes out the members that say nothing. The first one that says something is an error.
pub fn check(document: &mut Document) -> Result<()> {
    let names: Vec<String> = document.names().map(str::to_owned).collect();
    for name in &names {
        let Some(standard) = STANDARD.iter().find(|standard| standard.name == name) else { continue };
        let says_nothing = |value: Json<'_>| value.kind() == Kind::Null || (standard.silent)(value);
        if document.value(name).is_some_and(says_nothing) {
            document.remove(name);
        } else {
            let what = format_args!("Converse has no place for {}; {}", quote(name), standard.place);
            return Err(refuse(format!("/{}", pointer_token(name)), what));
        }
    }
    Ok(())
}
