//! Members that stand at the wrong place: keys of a model's config among the members of a request, and names that
//! nearly are those of known members.
//!
//! A member that resembles nothing passes: it may be one that the service learns tomorrow. What is refused here would
//! be sent otherwise, and the service would ignore it or refuse it; a credential would be shown to whoever reads the
//! request.

use super::beside::{OF_APPLY_GUARDRAIL, OF_GET_ASYNC_INVOKE, OF_INVOKE_MODEL, OF_LIST_ASYNC_INVOKES};
use super::dialect::members as portable;
use super::document::Document;
use crate::config::{call_settings, key_meant, keys, members_of_call_settings, near_miss, same_word};
use crate::error::{Error, Kind, Result, quote};
use crate::json::pointer_token;

/// Where members were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// bedrock_request_new and bedrock_request_set.
    Request,
    /// bedrock_model_with.
    Derived,
    /// "defaults" of the config.
    Defaults,
}

impl Place {
    /// What is being done, for errors.
    pub fn doing(self) -> &'static str {
        match self {
            Place::Request => "reading the request",
            Place::Derived => "deriving a model",
            Place::Defaults => "config: defaults",
        }
    }

    /// Where a key of the config belongs.
    fn of_key(self, key: &str) -> &'static str {
        match self {
            Place::Defaults => "put it beside \"defaults\", not into it",
            Place::Request if call_settings().any(|setting| setting == key) => {
                "give it to bedrock_model_new or bedrock_model_with"
            }
            _ => "give it to bedrock_model_new",
        }
    }
}

/// Members of Converse, and of the other operations where they go into the body.
const NATIVE: [&str; 25] = [
    "additionalModelRequestFields",
    "additionalModelResponseFieldPaths",
    "body",
    "checks",
    "clientRequestToken",
    "content",
    "guardrailConfig",
    "inferenceConfig",
    "input",
    "messages",
    "model",
    "modelId",
    "modelInput",
    "outputConfig",
    "outputDataConfig",
    "outputScope",
    "performanceConfig",
    "promptVariables",
    "requestMetadata",
    "serviceTier",
    "source",
    "system",
    "tags",
    "toolConfig",
    // It is no member, but recorded traffic has the service pass over it.
    "top_k",
];

/// Members that Converse has, but not at the top, and where they belong.
const DEEPER: [(&str, &str); 6] = [
    ("maxTokens", "it goes into inferenceConfig, or at the top as max_tokens"),
    ("topP", "it goes into inferenceConfig, or at the top as top_p"),
    ("stopSequences", "it goes into inferenceConfig, or at the top as stop"),
    ("toolChoice", "it goes into toolConfig, or at the top as tool_choice"),
    ("textFormat", "it goes into outputConfig, or at the top as response_format"),
    ("topK", "it goes into additionalModelRequestFields, under the model's own name for it"),
];

/// Members of call settings that may be members of a request as well, by their names.
const AMBIGUOUS: [&str; 2] = ["max_attempts", "mode"];

/// Words that are part of a credential's name, in lower case and without separators.
const CREDENTIALS: [&str; 8] =
    ["accesskey", "apikey", "authorization", "bearertoken", "credential", "password", "secretkey", "sessiontoken"];

/// That no member of the document is at the wrong place.
pub fn check(document: &Document, place: Place) -> Result<()> {
    for name in document.names() {
        if let Some(what) = what_is_wrong(name, place) {
            let error = Error::new(Kind::Request, format_args!("{}: {} {what}", place.doing(), quote(name)));
            return Err(error.at(format!("/{}", pointer_token(name))));
        }
    }
    Ok(())
}

fn what_is_wrong(name: &str, place: Place) -> Option<String> {
    if known(place).any(|known| known == name) {
        return None;
    }
    let meant = key_meant(name);
    let may_stand_here = |key: &str| known(place).any(|known| known == key);
    if let Some(key) = meant.filter(|key| !may_stand_here(key)) {
        let spelling = if key == name { String::new() } else { format!(", {}", quote(key)) };
        return Some(format!("is a key of the config{spelling}: {}", place.of_key(key)));
    }
    let word = name.to_ascii_lowercase().replace(['-', '_'], "");
    if CREDENTIALS.iter().any(|credential| word.contains(credential)) {
        let at = place.of_key("api_key");
        return Some(format!("names a credential, which is never sent; where it is one for the service, {at}"));
    }
    if let Some((_, belongs)) = DEEPER.iter().find(|(deeper, _)| same_word(deeper, name)) {
        return Some(format!("is no member of a request: {belongs}"));
    }
    // Sent in a body, a call setting would leave the call without the limit that was meant.
    let of_settings =
        members_of_call_settings().filter(|(_, member)| place != Place::Request && !AMBIGUOUS.contains(member));
    if let Some((object, _)) = of_settings.into_iter().find(|(_, member)| same_word(member, name)) {
        return Some(format!("is no member of a request: it goes into {object}"));
    }
    let meant = near_miss(name, known(place).chain(keys())).or(meant)?;
    let of_config = if may_stand_here(meant) { "" } else { ", which is a key of the config" };
    Some(format!("is no member of a request that is known; did you mean {}{of_config}?", quote(meant)))
}

/// The members that may stand here.
fn known(place: Place) -> impl Iterator<Item = &'static str> {
    let beside = OF_INVOKE_MODEL.iter().chain(&OF_APPLY_GUARDRAIL).chain(&OF_GET_ASYNC_INVOKE);
    let beside = beside.chain(&OF_LIST_ASYNC_INVOKES).map(|beside| beside.name);
    let settings = call_settings().filter(move |_| place != Place::Request);
    NATIVE.into_iter().chain(portable::names()).chain(beside).chain(settings)
}
