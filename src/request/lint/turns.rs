//! Turns: each call has its result, and each document a text beside it.

use super::refuse;
use crate::error::{Result, quote};
use crate::json::Json;
use crate::response::is_of_service;
use std::collections::HashSet;

/// Who owes whom a tool's result, and a document its text. Messages of one role that follow each other are one turn,
/// which what comes from the system does not end.
#[derive(Default)]
pub struct Turns {
    users: bool,
    /// The calls of the assistant's turn before this one, and where they stand.
    called: Vec<(String, String)>,
    answered: HashSet<String>,
    /// Where the first call or result stands.
    pub with_tools: Option<String>,
    /// The first document of this turn, and whether there is a text beside it.
    document: Option<String>,
    text: bool,
}

impl Turns {
    pub fn begin(&mut self, message: Json<'_>, stored: bool) -> Result<()> {
        let users = match message.get("role") {
            Some(role) if role.is("user") => true,
            Some(role) if role.is("assistant") => false,
            _ => return Ok(()),
        };
        if users != self.users {
            self.check_documents()?;
            if !users && !stored {
                self.settle()?;
            }
        }
        self.users = users;
        Ok(())
    }

    pub fn check_documents(&mut self) -> Result<()> {
        let (document, text) = (self.document.take(), std::mem::take(&mut self.text));
        match document.filter(|_| !text) {
            Some(path) => {
                Err(refuse(path, "a message with a document needs a text block too, which says what to do with it"))
            }
            None => Ok(()),
        }
    }

    pub fn count(&mut self, block: Json<'_>, path: &str, stored: bool) -> Result<()> {
        self.text |= block.get("text").is_some() || block.get("guardContent").is_some();
        if self.document.is_none() && block.get("document").is_some() {
            self.document = Some(format!("{path}/document"));
        }
        // A tool that the service runs itself has a type, and its result is the service's.
        let call = block.get("toolUse").filter(|call| !is_of_service(*call));
        let result = block.get("toolResult").filter(|result| result.get("type").is_none());
        let id = |held: Json<'_>| held.get("toolUseId").and_then(Json::string).map(|id| id.into_owned());
        if let (Some(call), false) = (call, self.users) {
            self.with_tools.get_or_insert_with(|| format!("{path}/toolUse"));
            self.called.extend(id(call).map(|id| (id, format!("{path}/toolUse"))));
        }
        if let (Some(result), true) = (result, self.users) {
            self.with_tools.get_or_insert_with(|| format!("{path}/toolResult"));
            let Some(id) = id(result) else { return Ok(()) };
            if !stored && !self.called.iter().any(|(called, _)| *called == id) {
                let what = format_args!("no tool call {} of the assistant's is just before this result", quote(&id));
                return Err(refuse(format!("{path}/toolResult/toolUseId"), what));
            }
            self.answered.insert(id);
        }
        Ok(())
    }

    /// At the end of the user's turn every call of the assistant's turn before it has to be answered.
    pub fn settle(&mut self) -> Result<()> {
        let unanswered = self.called.iter().find(|(id, _)| !self.answered.contains(id));
        if let Some((id, path)) = unanswered {
            let what =
                format_args!("the tool call {} has no result in the user's message after it; add one", quote(id));
            return Err(refuse(path, what));
        }
        self.called.clear();
        self.answered.clear();
        Ok(())
    }
}
