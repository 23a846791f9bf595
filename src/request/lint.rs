//! Local checks: what the service is sure to refuse is refused here, with a pointer to it, before anything is sent.
//!
//! None may refuse what the service would accept. The config's `lint` turns them off.

use super::document::Document;
use crate::error::{Error, Kind, Result};
use crate::json::{self, Json};

pub fn check(document: &Document) -> Result<()> {
    let refuse = |path: String, what: &str| {
        Err(Error::new(Kind::Request, format_args!("checking the request: {what}")).at(path))
    };
    let Some(messages) = document.list("messages") else {
        return match document.value("messages") {
            // Stored prompts bring their own messages.
            None if document.names().any(|name| name == "promptVariables") => Ok(()),
            None => refuse("/messages".into(), "it has no messages; add at least one of the user's"),
            Some(other) => refuse("/messages".into(), &format!("messages is {}, not an array", other.kind())),
        };
    };
    if messages.items().is_empty() {
        return refuse("/messages".into(), "messages is empty; add at least one of the user's");
    }
    for (index, message) in messages.items().iter().enumerate() {
        let Ok(message) = Json::parse(message.text()) else { continue };
        let Some(content) = message.get("content") else { continue };
        for (part, block) in content.elements().enumerate() {
            let Some(text) = block.get("text").filter(|text| text.kind() == json::Kind::String) else { continue };
            if block.members().count() == 1 && text.pieces().all(|piece| piece.as_str().is_empty()) {
                let path = format!("/messages/{index}/content/{part}/text");
                return refuse(path, "a text block is empty, which the service refuses; leave it out or fill it");
            }
        }
    }
    Ok(())
}
