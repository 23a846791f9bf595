//! The roles of messages, under the names that both dialects have for them.

use crate::error::{Error, Kind, quote};
use std::fmt;

/// The author of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    System,
    User,
    Assistant,
    /// A tool's result, which Converse has in a message of the user.
    Tool,
}

const KNOWN: &str = "known are user, assistant, system and tool";

impl Role {
    /// Returns the role with this name in either dialect.
    pub fn named(name: &str) -> Option<Role> {
        match name {
            "system" | "developer" => Some(Role::System),
            "user" | "human" => Some(Role::User),
            "assistant" | "ai" => Some(Role::Assistant),
            "tool" => Some(Role::Tool),
            _ => None,
        }
    }

    /// Returns the name that Converse has for the role.
    pub fn converse_name(self) -> &'static str {
        match self {
            Role::System => "system",
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        }
    }

    /// Returns the error for a name that [`Role::named`] does not know.
    pub fn unknown(name: &str) -> Error {
        let message = match name {
            "" => format!("role is missing; {KNOWN}"),
            "function" => {
                "the role function is not known any more; use tool, with the tool_call_id of the call".to_owned()
            }
            other => format!("the role {} is unknown; {KNOWN}", quote(other)),
        };
        Error::new(Kind::Request, message)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.converse_name())
    }
}
