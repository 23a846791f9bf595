//! The shape of messages and content blocks.

use super::errors::rejected;
use super::tools::check_tool_name;
use crate::error::{Result, quote};
use crate::json::{self, Json};
use std::collections::HashSet;

const ROLES: [&str; 3] = ["user", "assistant", "system"];
/// The known content blocks of messages and of tool results. A block of another name may be a newer one.
const BLOCKS: [&str; 13] = [
    "text",
    "image",
    "document",
    "video",
    "audio",
    "toolUse",
    "toolResult",
    "guardContent",
    "cachePoint",
    "reasoningContent",
    "citationsContent",
    "searchResult",
    "json",
];
/// Those of tool results.
const BLOCKS_OF_RESULTS: [&str; 6] = ["text", "json", "image", "document", "video", "searchResult"];

/// Checks that a message has a known role, and content that is not empty.
pub fn check_message(message: Json<'_>, path: &str) -> Result<()> {
    if message.kind() != json::Kind::Object {
        return Err(rejected(path, format_args!("expected a message, which is an object, found {}", message.kind())));
    }
    let known = "known are user, assistant and system";
    match message.get("role").map(|role| (role, role.string())) {
        Some((_, Some(role))) if ROLES.contains(&&*role) => {}
        Some((_, Some(role))) => {
            return Err(rejected(
                format!("{path}/role"),
                format_args!("the role {} is unknown; {known}", quote(&role)),
            ));
        }
        Some((other, None)) if other.kind() != json::Kind::Null => {
            return Err(rejected(format!("{path}/role"), format_args!("role is {}, not a string", other.kind())));
        }
        _ => return Err(rejected(format!("{path}/role"), format_args!("role is missing; {known}"))),
    }
    let path = format!("{path}/content");
    match message.get("content") {
        None => Err(rejected(path, "content is missing; it is an array of blocks, or a text")),
        Some(content) if content.kind() != json::Kind::Array => {
            Err(rejected(path, format_args!("content is {}, not an array of blocks", content.kind())))
        }
        Some(content) if content.elements().next().is_none() => {
            Err(rejected(path, "content is empty, which the service refuses; leave the message out or add a block"))
        }
        Some(content) => check_ids(content, &path),
    }
}

/// Checks that the tool calls of a message have different ids.
fn check_ids(content: Json<'_>, path: &str) -> Result<()> {
    let mut seen = HashSet::new();
    for (index, block) in content.elements().enumerate() {
        let id = block.pointer("/toolUse/toolUseId").and_then(Json::string);
        if let Some(id) = id.filter(|id| !seen.insert(id.to_string())) {
            let message = format_args!("the id {} is that of another tool call in this message", quote(&id));
            return Err(rejected(format!("{path}/{index}/toolUse/toolUseId"), message));
        }
    }
    Ok(())
}

/// Checks a block of a message, except the blocks in a tool result.
pub fn check_block(block: Json<'_>, path: &str) -> Result<()> {
    check_kind(block, path)?;
    match block.pointer("/toolUse/name").and_then(Json::string) {
        Some(name) => check_tool_name(&name, &format!("{path}/toolUse/name")),
        None => Ok(()),
    }
}

/// Checks the blocks of a tool's result.
pub fn check_result(content: Json<'_>, path: &str) -> Result<()> {
    for (index, block) in content.elements().enumerate() {
        let path = format!("{path}/{index}");
        let kind = check_kind(block, &path)?;
        if let Some(kind) = kind.filter(|kind| !BLOCKS_OF_RESULTS.contains(kind)) {
            let known = BLOCKS_OF_RESULTS.join(", ");
            return Err(rejected(path, format_args!("the result of a tool cannot have {kind}; it can have {known}")));
        }
        if let Some(json) = block.get("json").filter(|json| json.kind() != json::Kind::Object) {
            let message =
                format_args!("json is {}, and the service accepts only an object; pass it as text", json.kind());
            return Err(rejected(format!("{path}/json"), message));
        }
    }
    Ok(())
}

/// Checks that a block has at most one of the known members, and at least one member. Returns the known one.
fn check_kind(block: Json<'_>, path: &str) -> Result<Option<&'static str>> {
    if block.kind() != json::Kind::Object {
        let message = format_args!("expected a content block, which is an object, found {}", block.kind());
        return Err(rejected(path, message));
    }
    let mut members = block.members().filter(|member| member.value.kind() != json::Kind::Null).peekable();
    if members.peek().is_none() {
        return Err(rejected(path, "the content block is empty; leave it out or fill it"));
    }
    let known: Vec<_> =
        members.filter_map(|member| BLOCKS.iter().copied().find(|known| member.key.is(known))).collect();
    if let [one, other, ..] = known.as_slice() {
        return Err(rejected(path, format_args!("a content block has one kind, and this one is {one} and {other}")));
    }
    match block.get("text") {
        Some(text) if !matches!(text.kind(), json::Kind::String | json::Kind::Null) => {
            Err(rejected(format!("{path}/text"), format_args!("text is {}, not a string", text.kind())))
        }
        _ => Ok(known.first().copied()),
    }
}

/// Checks that a text block is not empty. In a tool result the service accepts an empty text.
pub fn check_text(block: Json<'_>, path: &str) -> Result<()> {
    let text = block.get("text").filter(|text| text.kind() == json::Kind::String && block.members().count() == 1);
    match text {
        Some(text) if text.pieces().all(|piece| piece.as_str().is_empty()) => {
            let message = "a text block is empty, which the service refuses; leave it out or fill it";
            Err(rejected(format!("{path}/text"), message))
        }
        _ => Ok(()),
    }
}
