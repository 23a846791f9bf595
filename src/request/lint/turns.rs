//! Turns of a conversation: each tool call needs its result, and each document a text.

use super::errors::rejected;
use crate::error::{Result, quote};
use crate::json::Json;
use crate::response::is_server_tool_use;
use std::collections::HashSet;

/// The turn that is being checked. Messages of one role that follow each other are one turn; a system message does not
/// end a turn.
#[derive(Default)]
pub struct Turns {
    /// Whether calls and results are matched.
    checks_results: bool,
    is_users: bool,
    /// The tool calls of the assistant's turn before this one: their ids and paths.
    calls: Vec<(String, String)>,
    /// The ids of the calls that have a result in this turn.
    with_result: HashSet<String>,
    /// The path of the first tool call or result in the conversation.
    pub first_tool_block: Option<String>,
    /// The path of the first document in this turn.
    document: Option<String>,
    /// Whether this turn has a text.
    has_text: bool,
}

impl Turns {
    pub fn new(checks_results: bool) -> Self {
        Turns { checks_results, ..Turns::default() }
    }

    /// Begins a message, and checks the turn before it if the message begins a turn.
    pub fn begin_message(&mut self, message: Json<'_>) -> Result<()> {
        let is_users = match message.get("role") {
            Some(role) if role.is("user") => true,
            Some(role) if role.is("assistant") => false,
            _ => return Ok(()),
        };
        if is_users != self.is_users {
            self.check_document_has_text()?;
            if !is_users {
                self.check_all_calls_have_results()?;
            }
        }
        self.is_users = is_users;
        Ok(())
    }

    /// Checks, at the end of a turn, that a turn with a document has a text.
    pub fn check_document_has_text(&mut self) -> Result<()> {
        let (document, has_text) = (self.document.take(), std::mem::take(&mut self.has_text));
        match document.filter(|_| !has_text) {
            Some(path) => {
                let message = "a message with a document needs a text block too, which asks for something about it";
                Err(rejected(path, message))
            }
            None => Ok(()),
        }
    }

    /// Adds a block of the message. Checks that a tool result has its call.
    pub fn add_block(&mut self, block: Json<'_>, path: &str) -> Result<()> {
        self.has_text |= block.get("text").is_some() || block.get("guardContent").is_some();
        if self.document.is_none() && block.get("document").is_some() {
            self.document = Some(format!("{path}/document"));
        }
        // The calls and results of server tools have a type; the service matches them.
        let call = block.get("toolUse").filter(|call| !is_server_tool_use(*call));
        let result = block.get("toolResult").filter(|result| !is_server_tool_result(*result));
        let id = |value: Json<'_>| value.get("toolUseId").and_then(Json::string).map(|id| id.into_owned());
        if let (Some(call), false) = (call, self.is_users) {
            self.first_tool_block.get_or_insert_with(|| format!("{path}/toolUse"));
            self.calls.extend(id(call).map(|id| (id, format!("{path}/toolUse"))));
        }
        if let (Some(result), true) = (result, self.is_users) {
            self.first_tool_block.get_or_insert_with(|| format!("{path}/toolResult"));
            let Some(id) = id(result) else { return Ok(()) };
            if self.checks_results && !self.calls.iter().any(|(call, _)| *call == id) {
                let message = format_args!("the assistant's turn before this result has no tool call {}", quote(&id));
                return Err(rejected(format!("{path}/toolResult/toolUseId"), message));
            }
            self.with_result.insert(id);
        }
        Ok(())
    }

    /// Checks, at the end of the user's turn, that every call of the assistant's turn before it has a result.
    pub fn check_all_calls_have_results(&mut self) -> Result<()> {
        if !self.checks_results {
            return Ok(());
        }
        let without_result = self.calls.iter().find(|(id, _)| !self.with_result.contains(id));
        if let Some((id, path)) = without_result {
            let message =
                format_args!("the tool call {} has no result in the user's message after it; add one", quote(id));
            return Err(rejected(path, message));
        }
        self.calls.clear();
        self.with_result.clear();
        Ok(())
    }
}

/// Returns whether a `toolResult` is that of a tool that the service runs.
pub fn is_server_tool_result(result: Json<'_>) -> bool {
    result.get("type").is_some()
}
