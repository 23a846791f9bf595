//! Translates one message to Converse, unless it is native.

use super::block::Block;
use super::cache_control::{MARKS, cache_point};
use super::content::{self, Content, is_part};
use super::object::Object;
use super::reasoning::{REASONING_CONTENT, THINKING_BLOCKS, reasoning_members};
use super::tool_calls::tool_calls;
use super::tool_result::tool_result;
use crate::error::{Error, Result};
use crate::json::{Json, Kind};
use crate::request::document_names::DocumentNames;
use crate::request::errors::{beneath, invalid, wrong_type};
use crate::request::participants::Participants;
use crate::request::role::Role;

/// A message in Converse's form, with the source locations of its parts.
pub struct TranslatedMessage {
    pub role: Role,
    pub blocks: Vec<Block>,
}

impl TranslatedMessage {
    /// Puts `parent` in front of the pointers into the given JSON.
    pub fn beneath(mut self, parent: &str) -> Self {
        self.blocks = self.blocks.into_iter().map(|block| block.beneath(parent)).collect();
        self
    }
}

/// Members that messages of every role may have.
const COMMON: [&str; 5] = ["role", "content", "name", MARKS[0], MARKS[1]];
/// Members that client libraries leave in the messages that they return. Empty ones are ignored.
const LEFT_OVER: [&str; 6] =
    ["refusal", "audio", "function_call", "annotations", "provider_specific_fields", "reasoning_items"];
/// Members that only messages of the portable dialect have, besides those above.
const PORTABLE: [&str; 5] = ["tool_calls", "tool_call_id", "is_error", REASONING_CONTENT, THINKING_BLOCKS];
/// The native blocks that a system prompt may have.
const PROMPT_BLOCKS: [&str; 3] = ["text", "guardContent", "cachePoint"];

/// Translates a message. Returns None if the message is native. `names` are the names of the documents, and
/// `participants` those of the participants, in the messages before it.
pub fn translate(
    message: Json<'_>,
    names: &mut DocumentNames,
    participants: &mut Participants,
) -> Result<Option<TranslatedMessage>> {
    if message.kind() != Kind::Object {
        return Err(invalid("", format_args!("expected a message, which is an object, found {}", message.kind())));
    }
    let message = Object::of(message);
    let role = message.optional_text("role")?.unwrap_or_default();
    let content = Content::of(message.given("content"));
    if is_native(&message, &role, &content) {
        return Ok(None);
    }
    let role = Role::named(&role).ok_or_else(|| beneath("/role", Role::unknown(&role)))?;
    let mut blocks = match role {
        Role::System => {
            check_members(&message, "a system message", &[])?;
            system_prompt(&content, "/content")?
        }
        Role::User => {
            check_members(&message, "a user's message", &[])?;
            content::blocks(&content, names)?
        }
        Role::Assistant => assistant_blocks(&message, &content, names)?,
        Role::Tool => {
            check_members(&message, "a tool's message", &["tool_call_id", "is_error"])?;
            tool_result(&message, &content, names)?
        }
    };
    // An assistant's message has null beside its tool calls. Otherwise missing content is a mistake of the program.
    let content = if role == Role::Assistant { message.get("content") } else { message.given("content") };
    if blocks.is_empty() && content.is_none() {
        return Err(invalid("/content", "the message has no content"));
    }
    let cache_point = cache_point(&message)?;
    if !blocks.is_empty() {
        blocks.extend(cache_point);
    }
    participants.add(role, &message.optional_text("name")?.unwrap_or_default())?;
    Ok(Some(TranslatedMessage { role, blocks }))
}

/// Returns whether a message is in Converse's form already, so that it is sent as it is.
fn is_native(message: &Object<'_>, role: &str, content: &Content<'_>) -> bool {
    // Native system messages change the tools in the middle of a conversation.
    let is_prompt_block =
        |block: &Object<'_>| is_part(block) || PROMPT_BLOCKS.iter().any(|member| block.get(member).is_some());
    if role == "system" {
        return !content.parts().iter().all(is_prompt_block);
    }
    // A message with an unknown role is left to the service, unless it is clearly portable.
    let is_converse_role = matches!(role, "user" | "assistant") || Role::named(role).is_none();
    let is_text = matches!(content, Content::Missing | Content::Text(_));
    let portable_members = || PORTABLE.iter().chain(&LEFT_OVER).chain(&COMMON[2..]);
    let is_portable_member = |key: Json<'_>| portable_members().any(|known| key.is(known));
    is_converse_role
        && !is_text
        && !content.parts().iter().any(is_part)
        && !message.members().iter().any(|member| is_portable_member(member.key))
}

/// Returns the blocks of an assistant's message: reasoning, content and tool calls, in this order.
fn assistant_blocks(message: &Object<'_>, content: &Content<'_>, names: &mut DocumentNames) -> Result<Vec<Block>> {
    let members = ["tool_calls", "refusal", REASONING_CONTENT, THINKING_BLOCKS];
    check_members(message, "an assistant's message", &members)?;
    let mut blocks = reasoning_members(message)?;
    blocks.extend(content::blocks(content, names)?);
    if let Some(refusal) = message.given("refusal").filter(|refusal| refusal.kind() != Kind::Array) {
        if refusal.kind() != Kind::String {
            return Err(wrong_type("refusal", "a string", refusal));
        }
        blocks.extend(content::text_block(refusal, "/refusal", &[]));
    }
    if let Some(calls) = message.given("tool_calls") {
        let calls = tool_calls(calls).map_err(|error| beneath("/tool_calls", error))?;
        blocks.extend(calls.into_iter().map(|block| block.beneath("/tool_calls")));
    }
    Ok(blocks)
}

/// Checks that a message, which `what` names, has only known members. `more` are those that its role has.
fn check_members(message: &Object<'_>, what: &str, more: &[&str]) -> Result<()> {
    let is_empty_left_over = |key: &&&str| {
        message.get(key).is_some_and(|value| match value.kind() {
            Kind::Array => value.elements().next().is_none(),
            Kind::Object => value.members().next().is_none(),
            _ => value.is(""),
        })
    };
    let advice = |key: &str| match key {
        "function_call" => Some("Converse has only tool calls; use tool_calls"),
        "audio" => Some("Bedrock keeps no audio; put the transcript into content"),
        _ => None,
    };
    let is_used = |key: &&&str| !more.contains(*key) && message.given(key).is_some() && !is_empty_left_over(key);
    for key in LEFT_OVER.iter().filter(is_used) {
        if let Some(advice) = advice(key) {
            return Err(invalid(format!("/{key}"), advice));
        }
    }
    let known: Vec<_> = COMMON.iter().chain(more).copied().collect();
    let accepted: Vec<_> = known.iter().chain(LEFT_OVER.iter().filter(is_empty_left_over)).copied().collect();
    message.check_members(what, &accepted)
}

/// Translates a system prompt: a text, or text parts and native blocks. `at` is the pointer to it.
pub fn system_prompt(content: &Content<'_>, at: &str) -> Result<Vec<Block>> {
    let is_other_part = |(_, part): &(usize, &Object<'_>)| part.get("type").is_some_and(|kind| !kind.is("text"));
    if let Some((index, _)) = content.parts().iter().enumerate().find(is_other_part) {
        return Err(invalid(format!("{at}/{index}/type"), "a system message can have only text parts"));
    }
    let from_prompt = |path: &str| format!("{at}{}", path.strip_prefix("/content").unwrap_or(path));
    let blocks = content::blocks(content, &mut DocumentNames::default()).map_err(|error: Error| {
        let path = from_prompt(error.path().as_str());
        error.at(path)
    })?;
    Ok(blocks.into_iter().map(|block| block.map_source(from_prompt)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_native_if_its_role_its_content_and_its_members_all_are() {
        for (message, expected) in [
            (r#"{"role":"user","content":[{"text":"a"}]}"#, true),
            (r#"{"role":"assistant","content":[{"text":"a"}]}"#, true),
            (r#"{"role":"user","content":[],"new":1}"#, true),
            (r#"{"role":"user","content":{"text":"a"}}"#, true),
            // Roles.
            (r#"{"role":"human","content":[{"text":"a"}]}"#, false),
            (r#"{"role":"ai","content":[{"text":"a"}]}"#, false),
            (r#"{"role":"tool","content":[{"text":"a"}]}"#, false),
            (r#"{"role":"developer","content":[{"text":"a"}]}"#, false),
            (r#"{"role":"new","content":[{"text":"a"}]}"#, true),
            (r#"{"content":[{"text":"a"}]}"#, true),
            // Content.
            (r#"{"role":"user","content":"a"}"#, false),
            (r#"{"role":"user","content":null}"#, false),
            (r#"{"role":"user"}"#, false),
            (r#"{"role":"user","content":[{"text":"a"},{"type":"text","text":"b"}]}"#, false),
            (r#"{"role":"new","content":"a"}"#, false),
            // Members.
            (r#"{"role":"user","content":[{"text":"a"}],"name":"Ann"}"#, false),
            (r#"{"role":"user","content":[{"text":"a"}],"cache_control":{}}"#, false),
            (r#"{"role":"assistant","content":[{"text":"a"}],"tool_calls":[]}"#, false),
            (r#"{"role":"assistant","content":[{"text":"a"}],"refusal":null}"#, false),
            // System messages.
            (r#"{"role":"system","content":"a"}"#, false),
            (r#"{"role":"system","content":[{"text":"a"},{"cachePoint":{}}]}"#, false),
            (r#"{"role":"system","content":[{"type":"text","text":"a"}]}"#, false),
            (r#"{"role":"system","content":[{"text":"a"},{"toolAddition":{}}]}"#, true),
        ] {
            let json = Object::of(Json::parse(message).unwrap());
            let role = json.optional_text("role").unwrap().unwrap_or_default();
            assert_eq!(is_native(&json, &role, &Content::of(json.given("content"))), expected, "{message}");
        }
    }
}
