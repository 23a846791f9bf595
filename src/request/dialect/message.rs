//! A portable message: its role, and its content as Converse's blocks.

use super::names::Names;
use super::{given, mistyped, only, part, refuse, tools, within};
use crate::error::{Error, Kind, Result, quote};
use crate::json::{self, Json};
use std::fmt;

/// Whose message it is. What a tool gave is the user's to Converse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    System,
    User,
    Assistant,
    Tool,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::System => "system",
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        })
    }
}

pub fn role(name: &str) -> Option<Role> {
    match name {
        "system" | "developer" => Some(Role::System),
        "user" | "human" => Some(Role::User),
        "assistant" | "ai" => Some(Role::Assistant),
        "tool" => Some(Role::Tool),
        _ => None,
    }
}

pub fn unknown_role(name: &str) -> Error {
    let what = format_args!("the role {} is unknown; known are user, assistant, system and tool", quote(name));
    Error::new(Kind::Request, what)
}

/// A message in Converse's terms.
pub struct Translated {
    pub role: Role,
    /// The JSON of each block.
    pub blocks: Vec<String>,
}

/// What other clients leave in the messages that they hand on; it says nothing where it is empty.
const LEFT_OVER: [&str; 5] = ["refusal", "audio", "function_call", "annotations", "name"];
/// Members by which a message is known to be portable, whatever its content.
const PORTABLE: [&str; 3] = ["tool_calls", "tool_call_id", "is_error"];

/// None where the message is native already. `names` are those of the documents before it.
pub fn translate(message: Json<'_>, names: &mut Names) -> Result<Option<Translated>> {
    if message.kind() != json::Kind::Object {
        return Err(refuse("", format_args!("expected a message, which is an object, found {}", message.kind())));
    }
    let name = match given(message, "role") {
        Some(role) => role.string().ok_or_else(|| mistyped("role", "a string", role))?,
        None => "".into(),
    };
    let content = given(message, "content");
    let typed = |block: Json<'_>| block.get("type").is_some();
    let native = matches!(&*name, "user" | "assistant") || role(&name).is_none();
    // Changes to the tools come in native system messages, in the middle of a conversation.
    let no_prompt = |block: Json<'_>| {
        !typed(block) && !["text", "guardContent", "cachePoint"].iter().any(|key| block.get(key).is_some())
    };
    if name == "system" && content.is_some_and(|content| content.elements().any(no_prompt)) {
        return Ok(None);
    }
    if native
        && content.is_some_and(|content| content.kind() != json::Kind::String && !content.elements().any(typed))
        && !message.members().any(|member| PORTABLE.iter().chain(&LEFT_OVER).any(|known| member.key.is(known)))
    {
        return Ok(None);
    }
    let role = role(&name).ok_or_else(|| within(unknown_role(&name), "/role"))?;
    let blocks = match role {
        Role::System => {
            check_members(message, "a system message", &[])?;
            system(content)?
        }
        Role::User => {
            check_members(message, "a user's message", &[])?;
            part::blocks(content, names)?
        }
        Role::Assistant => {
            check_members(message, "an assistant's message", &["tool_calls"])?;
            let mut blocks = part::blocks(content, names)?;
            if let Some(calls) = given(message, "tool_calls") {
                blocks.extend(tools::calls(calls).map_err(|error| within(error, "/tool_calls"))?);
            }
            blocks
        }
        Role::Tool => {
            check_members(message, "a tool's message", &["tool_call_id", "is_error"])?;
            vec![tools::result(message, content, names)?]
        }
    };
    Ok(Some(Translated { role, blocks }))
}

fn check_members(message: Json<'_>, what: &str, more: &[&str]) -> Result<()> {
    let left_over = |key: &&&str| {
        // An empty list says as little as null.
        message.get(key).is_some_and(|value| value.kind() == json::Kind::Array && value.elements().next().is_none())
    };
    let known: Vec<_> = ["role", "content"].iter().chain(more).copied().collect();
    let passed: Vec<_> = known.iter().chain(LEFT_OVER.iter().filter(left_over)).copied().collect();
    only(message, what, &passed)
}

/// A system prompt is of text; what is native in it is the service's to judge.
fn system(content: Option<Json<'_>>) -> Result<Vec<String>> {
    let parts = content.into_iter().flat_map(Json::elements);
    let strange = parts.enumerate().find(|(_, part)| part.get("type").is_some_and(|kind| !kind.is("text")));
    if let Some((index, _)) = strange {
        return Err(refuse(format!("/content/{index}/type"), "a system message can have text parts alone"));
    }
    part::blocks(content, &mut Names::default())
}
