//! Members of a request that are a mistake: keys of the config, misspelled names, and credentials.
//!
//! A member that resembles no known name is accepted, because the service may know it. Without this check, a mistake
//! would be sent, and the service would ignore or refuse it; a credential would be visible to all readers of the
//! request.

use super::dialect::members as portable;
use super::document::{Document, pointer_to};
use super::errors::invalid;
use super::operation_members;
use crate::config::{call_settings, key_meant, keys, members_of_call_settings, near_miss, same_word, unknown_name};
use crate::error::{Result, quote};

/// The JSON that has the members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembersOf {
    /// bedrock_request_new and bedrock_request_set.
    Request,
    /// bedrock_model_with.
    DerivedModel,
    /// `defaults` of the config.
    Defaults,
    /// `request` of an element of the config's `fallbacks`.
    Fallback,
}

impl MembersOf {
    /// Returns the operation, for errors.
    pub fn doing(self) -> &'static str {
        match self {
            MembersOf::Request => "reading the request",
            MembersOf::DerivedModel => "deriving a model",
            MembersOf::Defaults => "config: defaults",
            MembersOf::Fallback => "config: request of a fallback",
        }
    }

    /// Returns whether the JSON may have call settings too.
    fn has_call_settings(self) -> bool {
        matches!(self, MembersOf::DerivedModel | MembersOf::Defaults)
    }

    /// Returns the advice on the right function or object for a key of the config.
    fn advice_for_key(self, key: &str) -> &'static str {
        match self {
            MembersOf::Defaults => "give it beside \"defaults\", not in it",
            MembersOf::Request if call_settings().any(|setting| setting == key) => {
                "give it to bedrock_model_new or bedrock_model_with"
            }
            _ => "give it to bedrock_model_new",
        }
    }
}

/// Members that no operation has in its body. The service ignores `top_k`, as recorded traffic shows.
const OTHER: [&str; 2] = ["model", "top_k"];

/// Names that Converse has in a nested object, and where they belong.
const NESTED: [(&str, &str); 6] = [
    ("maxTokens", "it goes into inferenceConfig, or at the top as max_tokens"),
    ("topP", "it goes into inferenceConfig, or at the top as top_p"),
    ("stopSequences", "it goes into inferenceConfig, or at the top as stop"),
    ("toolChoice", "it goes into toolConfig, or at the top as tool_choice"),
    ("textFormat", "it goes into outputConfig, or at the top as response_format"),
    ("topK", "it goes into additionalModelRequestFields, under the model's own name for it"),
];

/// Members of call settings that may be members of a request as well.
const AMBIGUOUS: [&str; 2] = ["max_attempts", "mode"];

/// Parts of the names of credentials, in lower case and without separators.
const CREDENTIALS: [&str; 8] =
    ["accesskey", "apikey", "authorization", "bearertoken", "credential", "password", "secretkey", "sessiontoken"];

/// Returns an error if a member of the document is a mistake.
pub fn check(document: &Document, given: MembersOf) -> Result<()> {
    for name in document.names() {
        if let Some(mistake) = find_mistake(name, given) {
            return Err(invalid(pointer_to(name), format_args!("{}: {} {mistake}", given.doing(), quote(name))));
        }
    }
    Ok(())
}

fn find_mistake(name: &str, given: MembersOf) -> Option<String> {
    let is_known = |name: &str| known(given).any(|known| known == name);
    if is_known(name) {
        return None;
    }
    let meant = key_meant(name);
    if let Some(key) = meant.filter(|key| !is_known(key)) {
        let spelling = if key == name { String::new() } else { format!(", {}", quote(key)) };
        return Some(format!("is a key of the config{spelling}: {}", given.advice_for_key(key)));
    }
    let word = name.to_ascii_lowercase().replace(['-', '_'], "");
    if CREDENTIALS.iter().any(|credential| word.contains(credential)) {
        let advice = given.advice_for_key("api_key");
        return Some(format!(
            "is the name of a credential, which is never sent; if it is one for the service, {advice}"
        ));
    }
    if let Some((_, advice)) = NESTED.iter().find(|(nested, _)| same_word(nested, name)) {
        return Some(format!("is no member of a request: {advice}"));
    }
    // In a body, a call setting would have no effect.
    let mut settings =
        members_of_call_settings().filter(|(_, member)| given.has_call_settings() && !AMBIGUOUS.contains(member));
    if let Some((object, _)) = settings.find(|(_, member)| same_word(member, name)) {
        return Some(format!("is no member of a request: it goes into {object}"));
    }
    let meant = near_miss(name, known(given).chain(keys())).or(meant)?;
    let of_config = if is_known(meant) { "" } else { ", which is a key of the config" };
    Some(unknown_name("member", format_args!("{}{of_config}", quote(meant))))
}

/// Returns the names that the JSON may have.
fn known(given: MembersOf) -> impl Iterator<Item = &'static str> {
    let settings = call_settings().filter(move |_| given.has_call_settings());
    operation_members::names().chain(OTHER).chain(portable::names()).chain(settings)
}
