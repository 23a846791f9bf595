//! Tool calls of an assistant, and the results of tools.

use super::block::Block;
use super::content::{self, Content};
use super::object::Object;
use super::part::STREAM_INDEX;
use super::tools::check_type;
use crate::error::{Result, quote};
use crate::json::{Json, Kind, Quoted};
use crate::request::conversation::tool_result_block;
use crate::request::document_names::DocumentNames;
use crate::request::errors::{beneath, invalid, wrong_type};
use crate::request::zeroized::ZeroizedText;

/// Translates an assistant's `tool_calls` to toolUse blocks.
pub fn tool_calls(calls: Json<'_>) -> Result<Vec<Block>> {
    if calls.kind() != Kind::Array {
        return Err(invalid("", format_args!("expected an array of tool calls, found {}", calls.kind())));
    }
    let translate = |(index, call)| {
        let at = format!("/{index}");
        tool_use_block(&Object::of(call)).map(|block| block.beneath(&at)).map_err(|error| beneath(&at, error))
    };
    calls.elements().enumerate().map(translate).collect()
}

/// Translates `{id, name, arguments}` or `{id, type, function: {name, arguments}}`.
fn tool_use_block(call: &Object<'_>) -> Result<Block> {
    check_type(call, "tool call")?;
    let nested = call.given("function").map(Object::of);
    let (function, at) = match &nested {
        Some(function) => {
            call.check_members("a tool call", &["id", "type", "function", STREAM_INDEX])?;
            (function, "/function")
        }
        None => (call, ""),
    };
    let inside = |error| beneath(at, error);
    let known: &[&str] =
        if at.is_empty() { &["id", "type", "name", "arguments", STREAM_INDEX] } else { &["name", "arguments"] };
    function.check_members("a tool call", known).map_err(inside)?;
    let id = call.text("id", "a tool call")?;
    let name = function.text("name", "a tool call").map_err(inside)?;
    let input = arguments(function, &id).map_err(inside)?;
    let (length, id, name) = (input.len() + id.len() + name.len() + 64, Quoted(&id), Quoted(&name));
    let json = format_args!("{{\"toolUse\":{{\"toolUseId\":{id},\"name\":{name},\"input\":{}}}}}", &*input);
    let json = ZeroizedText::format(length, json);
    let pairs = if at.is_empty() {
        &[("/toolUseId", "/id"), ("/name", "/name"), ("/input", "/arguments")]
    } else {
        &[("/toolUseId", "/id"), ("/name", "/function/name"), ("/input", "/function/arguments")]
    };
    Ok(Block::composed(json, "", pairs))
}

/// Reads `arguments`: an object, or its text. Empty means no arguments.
fn arguments(function: &Object<'_>, id: &str) -> Result<ZeroizedText> {
    let Some(arguments) = function.given("arguments") else { return Ok("{}".into()) };
    let wrong = |found: String| {
        Err(invalid("/arguments", format_args!("the arguments of the tool call {} are {found}", quote(id))))
    };
    match arguments.kind() {
        Kind::Object => Ok(arguments.text().into()),
        Kind::String => {
            let text = arguments.string().unwrap_or_default();
            if text.trim().is_empty() {
                return Ok("{}".into());
            }
            match Json::parse(&text) {
                Ok(json) if json.kind() == Kind::Object => Ok(json.text().into()),
                Ok(json) => wrong(format!("{}; they must be an object", json.kind())),
                Err(invalid) => wrong(format!("not valid JSON: {invalid}")),
            }
        }
        other => wrong(format!("{other}; they must be an object or its text")),
    }
}

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

/// The beginning of a block that was made of a cache mark.
const CACHE_POINT: &str = "{\"cachePoint\":";
/// The content of an empty result. Recorded traffic shows that the service accepts it.
const EMPTY_TEXT: &str = "{\"text\":\"\"}";
