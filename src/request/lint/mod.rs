//! Local checks: what the service is sure to refuse is refused here, with a pointer to it, before anything is sent.
//!
//! None may refuse what the service would accept, which is more than its documentation says: recorded traffic has it
//! take a conversation that begins with the assistant, consecutive messages of one role, texts of a space, names of
//! documents with an underscore, and a video whose format is a MIME type. What differs from model to model, such as how
//! large an image may be, is not checked either. The config's `lint` turns all of them off.

mod media;
mod shape;
mod tools;
mod turns;

use super::attachment::Attachments;
use super::dialect::values::{check_max_tokens, check_stop};
use super::document::{Document, Piece};
use crate::error::{Error, Kind, Result};
use crate::json::{self, Json};
use media::check_media;
use shape::{check_block, check_message, check_text};
use std::fmt;
use tools::check_tools;
use turns::Turns;

const MAX_CACHE_POINTS: usize = 4;
/// `answered`: whether a model is to answer the conversation. To count its tokens it may end anywhere.
pub fn check(document: &Document, attachments: &Attachments, model_id: &str, answered: bool) -> Result<()> {
    // A stored prompt brings messages and tools of its own, which are not seen here.
    let stored = model_id.contains(":prompt/") || document.names().any(|name| name == "promptVariables");
    if !stored {
        check_present(document)?;
    }
    check_inference(document)?;
    let mut cache_points = CachePoints::default();
    let mut turns = Turns::default();
    for (index, message) in items(document, "messages").enumerate() {
        check_message(message, &format!("/messages/{index}"))?;
        let path = format!("/messages/{index}/content");
        turns.begin(message, stored)?;
        let content = message.get("content").into_iter().flat_map(Json::elements);
        for (index, block) in content.enumerate() {
            let path = format!("{path}/{index}");
            check_block(block, &path)?;
            check_text(block, &path)?;
            check_media(block, attachments, &path)?;
            cache_points.count(block, &path)?;
            turns.count(block, &path, stored)?;
        }
    }
    turns.check_documents()?;
    if answered && !stored {
        turns.settle()?;
    }
    check_system(document, &mut cache_points)?;
    check_tools(document, &mut cache_points, turns.with_tools.filter(|_| !stored))
}

fn refuse(path: impl Into<String>, what: impl fmt::Display) -> Error {
    Error::new(Kind::Request, format_args!("checking the request: {what}")).at(path)
}

/// There has to be a message.
fn check_present(document: &Document) -> Result<()> {
    let nothing = "add at least one of the user's";
    match (document.list("messages"), document.value("messages")) {
        (Some(list), _) if list.items().is_empty() => {
            Err(refuse("/messages", format_args!("messages is empty; {nothing}")))
        }
        (Some(_), _) => Ok(()),
        (None, None) => Err(refuse("/messages", format_args!("it has no messages; {nothing}"))),
        (None, Some(other)) => Err(refuse("/messages", format_args!("messages is {}, not an array", other.kind()))),
    }
}

/// What a list of the document's holds.
fn items<'a>(document: &'a Document, list: &str) -> impl Iterator<Item = Json<'a>> {
    document.items(list).iter().map(Piece::json)
}

#[derive(Default)]
struct CachePoints(usize);

impl CachePoints {
    fn count(&mut self, block: Json<'_>, path: &str) -> Result<()> {
        self.0 += usize::from(block.get("cachePoint").is_some());
        if self.0 > MAX_CACHE_POINTS {
            return Err(refuse(
                path,
                format_args!("a request can have {MAX_CACHE_POINTS} cache points, and this is one more"),
            ));
        }
        Ok(())
    }
}

fn check_system(document: &Document, cache_points: &mut CachePoints) -> Result<()> {
    if let Some(other) = document.value("system").filter(|system| system.kind() != json::Kind::Null) {
        return Err(refuse("/system", format_args!("system is {}, not an array of blocks", other.kind())));
    }
    for (index, block) in items(document, "system").enumerate() {
        let path = format!("/system/{index}");
        check_block(block, &path)?;
        check_text(block, &path)?;
        cache_points.count(block, &path)?;
    }
    Ok(())
}

fn check_inference(document: &Document) -> Result<()> {
    let Some(config) = document.value("inferenceConfig") else { return Ok(()) };
    let checking = |error: Error| refuse(error.path().as_str(), error.without_prefix());
    let limit = config.get("maxTokens").filter(|limit| limit.kind() == json::Kind::Number);
    if let Some(limit) = limit {
        check_max_tokens(limit, "/inferenceConfig/maxTokens").map_err(checking)?;
    }
    let stops = config.get("stopSequences").into_iter().flat_map(Json::elements).enumerate();
    for (index, stop) in stops {
        check_stop(stop, &format!("/inferenceConfig/stopSequences/{index}")).map_err(checking)?;
    }
    Ok(())
}
