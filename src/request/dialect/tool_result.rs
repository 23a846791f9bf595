//! A message of the role tool: the result of a tool call.

use super::block::Block;
use super::content::{self, Content};
use super::object::Object;
use crate::error::Result;
use crate::json::Kind;
use crate::request::conversation::tool_result_block;
use crate::request::document_names::DocumentNames;
use crate::request::errors::wrong_type;
use crate::request::zeroized::ZeroizedText;

/// The beginning of a block that was made of a cache mark.
const CACHE_POINT: &str = "{\"cachePoint\":";
/// The content of an empty result. Recorded traffic shows that the service accepts it.
const EMPTY_TEXT: &str = "{\"text\":\"\"}";

/// Translates a message of the role tool: a toolResult block, and the cache point after it. Only content that is an
/// object becomes JSON.
pub fn tool_result(message: &Object<'_>, content: &Content<'_>, names: &mut DocumentNames) -> Result<Vec<Block>> {
    let id = message.text("tool_call_id", "a tool's message")?;
    let is_error = match message.given("is_error") {
        None => false,
        Some(value) => value.bool().ok_or_else(|| wrong_type("is_error", "true or false", value))?,
    };
    let (inner, cache_points): (Vec<_>, Vec<_>) = match content {
        Content::Other(object) if object.kind() == Kind::Object => {
            let json = ZeroizedText::format(object.text().len() + 16, format_args!("{{\"json\":{}}}", object.text()));
            (vec![Block::composed(json, "/content", &[])], Vec::new())
        }
        // A result cannot hold a cache point, so the cache point goes after the result.
        content => content::blocks(content, names)?.into_iter().partition(|block| !block.json.starts_with(CACHE_POINT)),
    };
    let content: Vec<_> = inner.iter().map(|block| &*block.json).collect();
    let content = if content.is_empty() { EMPTY_TEXT.into() } else { ZeroizedText::join(&content) };
    let pairs = &[("/toolUseId", "/tool_call_id"), ("/content", "/content"), ("/status", "/is_error")];
    let mut block = Block::composed(tool_result_block(&id, &content, is_error), "", pairs);
    for (index, inner) in inner.into_iter().enumerate() {
        let at = |(inside, location)| (format!("/toolResult/content/{index}{inside}"), location);
        block.locations.extend(inner.locations.into_iter().map(at));
    }
    Ok([block].into_iter().chain(cache_points.into_iter().take(1)).collect())
}
