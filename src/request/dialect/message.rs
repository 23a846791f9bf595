//! A portable message: its role, and its content as Converse's blocks.

use super::names::{Names, Taken};
use super::object::Object;
use super::part::Content;
use crate::error::{Error, Kind, Result, quote};
use crate::json::{self, Json};
use crate::request::Wiped;
use crate::request::dialect::{Speakers, cache, mistyped, part, refuse, thought, tools, within};
use crate::request::places::Block;
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
    let known = "known are user, assistant, system and tool";
    Error::new(
        Kind::Request,
        match name {
            "" => format!("role is missing; {known}"),
            "function" => {
                "the role function is not known any more; use tool, with the tool_call_id of the call".to_owned()
            }
            other => format!("the role {} is unknown; {known}", quote(other)),
        },
    )
}

/// A message in Converse's terms.
pub struct Translated {
    pub role: Role,
    /// The JSON of each block.
    pub blocks: Vec<Wiped>,
    /// The names of the documents among them.
    pub names: Taken,
}

/// A message in Converse's terms, which knows where it came from.
pub struct Made {
    pub role: Role,
    pub blocks: Vec<Block>,
}

impl Made {
    /// The same, with `before` in front of where its blocks came from.
    pub fn within(mut self, before: &str) -> Self {
        self.blocks = self.blocks.into_iter().map(|block| block.within(before)).collect();
        self
    }
}

/// Members that are known in messages of every role.
const COMMON: [&str; 5] = ["role", "content", "name", cache::MARKS[0], cache::MARKS[1]];
/// What other clients leave in the messages that they hand on; it says nothing where it is empty.
const LEFT_OVER: [&str; 6] =
    ["refusal", "audio", "function_call", "annotations", "provider_specific_fields", "reasoning_items"];
/// Members by which a message is known to be portable, whatever its content.
const PORTABLE: [&str; 5] = ["tool_calls", "tool_call_id", "is_error", thought::TEXT, thought::BLOCKS];

/// None where the message is native already. `names` are those of the documents before it, `speakers` those of its
/// participants.
pub fn translate(message: Json<'_>, names: &mut Names, speakers: &mut Speakers) -> Result<Option<Made>> {
    if message.kind() != json::Kind::Object {
        return Err(refuse("", format_args!("expected a message, which is an object, found {}", message.kind())));
    }
    let message = Object::of(message);
    let name = message.optional_text("role")?.unwrap_or_default();
    let content = Content::of(message.given("content"));
    let typed = |block: &Object<'_>| block.get("type").is_some();
    let native = matches!(&*name, "user" | "assistant") || role(&name).is_none();
    // Changes to the tools come in native system messages, in the middle of a conversation.
    let no_prompt = |block: &Object<'_>| {
        !typed(block) && !["text", "guardContent", "cachePoint"].iter().any(|key| block.get(key).is_some())
    };
    if name == "system" && content.parts().iter().any(no_prompt) {
        return Ok(None);
    }
    let portable = |key: Json<'_>| PORTABLE.iter().chain(&LEFT_OVER).chain(&COMMON[2..]).any(|known| key.is(known));
    if native
        && matches!(content, Content::Parts(_) | Content::Other(_))
        && !content.parts().iter().any(typed)
        && !message.members().iter().any(|member| portable(member.key))
    {
        return Ok(None);
    }
    let role = role(&name).ok_or_else(|| within(unknown_role(&name), "/role"))?;
    let mut blocks = match role {
        Role::System => {
            check_members(&message, "a system message", &[])?;
            prompt(&content, "/content")?
        }
        Role::User => {
            check_members(&message, "a user's message", &[])?;
            part::blocks(&content, names)?
        }
        Role::Assistant => assistant(&message, &content, names)?,
        Role::Tool => {
            check_members(&message, "a tool's message", &["tool_call_id", "is_error"])?;
            tools::result(&message, &content, names)?
        }
    };
    // A null is what an assistant's message has beside its calls; a message without anything is a slip, and no blank text.
    let content = if role == Role::Assistant { message.get("content") } else { message.given("content") };
    if blocks.is_empty() && content.is_none() {
        return Err(refuse("/content", "the message has no content"));
    }
    let point = cache::point(&message)?;
    if !blocks.is_empty() {
        blocks.extend(point);
    }
    speakers.hear(role, &message)?;
    Ok(Some(Made { role, blocks }))
}

/// What was thought, what was said, and what was called, in this order.
fn assistant(message: &Object<'_>, content: &Content<'_>, names: &mut Names) -> Result<Vec<Block>> {
    check_members(message, "an assistant's message", &["tool_calls", "refusal", thought::TEXT, thought::BLOCKS])?;
    let mut blocks = thought::beside(message)?;
    blocks.extend(part::blocks(content, names)?);
    if let Some(refusal) = message.given("refusal").filter(|refusal| refusal.kind() != json::Kind::Array) {
        if refusal.kind() != json::Kind::String {
            return Err(mistyped("refusal", "a string", refusal));
        }
        blocks.extend(part::text_block(refusal, "/refusal", &[]));
    }
    if let Some(calls) = message.given("tool_calls") {
        let calls = tools::calls(calls).map_err(|error| within(error, "/tool_calls"))?;
        blocks.extend(calls.into_iter().map(|block| block.within("/tool_calls")));
    }
    Ok(blocks)
}

fn check_members(message: &Object<'_>, what: &str, more: &[&str]) -> Result<()> {
    let left_over = |key: &&&str| {
        // An empty list or object says as little as null.
        message.get(key).is_some_and(|value| match value.kind() {
            json::Kind::Array => value.elements().next().is_none(),
            json::Kind::Object => value.members().next().is_none(),
            _ => value.is(""),
        })
    };
    let place = |key: &str| match key {
        "function_call" => Some("Converse has tool calls alone; use tool_calls"),
        "audio" => Some("Bedrock keeps no audio; say in content what was said"),
        _ => None,
    };
    for key in LEFT_OVER.iter().filter(|key| !more.contains(key) && message.given(key).is_some() && !left_over(key)) {
        if let Some(place) = place(key) {
            return Err(refuse(format!("/{key}"), place));
        }
    }
    let known: Vec<_> = COMMON.iter().chain(more).copied().collect();
    let passed: Vec<_> = known.iter().chain(LEFT_OVER.iter().filter(left_over)).copied().collect();
    message.only(what, &passed)
}

/// The blocks of a system prompt that is a text or holds parts. It is of text; what is native in it is the service's to
/// judge. `at` is where the prompt stands.
pub fn prompt(content: &Content<'_>, at: &str) -> Result<Vec<Block>> {
    let strange =
        content.parts().iter().enumerate().find(|(_, part)| part.get("type").is_some_and(|kind| !kind.is("text")));
    if let Some((index, _)) = strange {
        return Err(refuse(format!("{at}/{index}/type"), "a system message can have text parts alone"));
    }
    let moved = |path: &str| format!("{at}{}", path.strip_prefix("/content").unwrap_or(path));
    let blocks = part::blocks(content, &mut Names::default()).map_err(|error| {
        let path = moved(error.path().as_str());
        error.at(path)
    })?;
    let moved = |mut block: Block| {
        block.places.iter_mut().for_each(|(_, origin)| origin.given = moved(&origin.given));
        block
    };
    Ok(blocks.into_iter().map(moved).collect())
}
