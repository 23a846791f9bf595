//! The portable dialect, made Converse.
//!
//! A message whose content is a plain string becomes one with a text block, under the role names people bring from elsewhere;
//! system messages move into `system`, in order. A message that is native already stays as it is, to the byte.

use super::document::{Document, Piece};
use crate::error::{Error, Kind, Result, quote};
use crate::json::{self, Json};
use std::fmt;

/// Whose message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    System,
    User,
    Assistant,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        })
    }
}

pub fn role(name: &str) -> Option<Role> {
    match name {
        "system" | "developer" => Some(Role::System),
        "user" | "human" => Some(Role::User),
        "assistant" | "ai" => Some(Role::Assistant),
        _ => None,
    }
}

pub fn unknown_role(name: &str) -> Error {
    let what = format_args!("the role {} is unknown; known are user, assistant and system", quote(name));
    Error::new(Kind::Request, what)
}

/// Makes every portable message of the document native.
pub fn translate(document: &mut Document) -> Result<()> {
    let mut system = Vec::new();
    if document.list("messages").is_some()
        && let Some(messages) = document.list_mut("messages")
    {
        let mut index = 0;
        let mut failed = None;
        messages.retain(|message| {
            let translated = Json::parse(message.text()).map_or(Ok(None), translate_message);
            let kept = match translated {
                Ok(None) => true,
                Ok(Some(Native::Message(native))) => {
                    *message = native;
                    true
                }
                Ok(Some(Native::System(block))) => {
                    system.push(block);
                    false
                }
                Err(error) => {
                    let path = format!("/messages/{index}{}", error.path());
                    failed.get_or_insert(error.at(path));
                    true
                }
            };
            index += 1;
            kept
        });
        if let Some(error) = failed {
            return Err(error);
        }
    }
    for block in system {
        let list = document.list_mut("system").ok_or_else(|| {
            Error::new(Kind::Request, "reading the request: system is not an array, and there are system messages")
                .at("/system")
        })?;
        list.push(block);
    }
    Ok(())
}

enum Native {
    Message(Piece),
    /// A block of the system prompt.
    System(Piece),
}

/// None where the message is native already.
fn translate_message(message: Json<'_>) -> Result<Option<Native>> {
    let Some(content) = message.get("content").filter(|content| content.kind() == json::Kind::String) else {
        return Ok(None);
    };
    // What else the shape may have is not translated yet, and not dropped either.
    if let Some(other) = message.members().find(|member| !member.key.is("role") && !member.key.is("content")) {
        let key = other.key.string().unwrap_or_default();
        let what = format_args!(
            "a message whose content is a string can have role and content alone, not {}; write its content as Converse blocks",
            quote(&key)
        );
        return Err(Error::new(Kind::Request, what).at(format!("/{}", json::pointer_token(&key))));
    }
    let name = message.get("role").and_then(Json::string).unwrap_or_default();
    let role = role(&name).ok_or_else(|| unknown_role(&name).at("/role"))?;
    let block = format!("{{\"text\":{}}}", content.text());
    Ok(Some(match role {
        Role::System => Native::System(Piece::value(&block)?),
        role => Native::Message(Piece::value(&format!("{{\"role\":\"{role}\",\"content\":[{block}]}}"))?),
    }))
}
