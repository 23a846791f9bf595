//! The tool calls of an assistant.

use super::block::Block;
use super::object::Object;
use super::part::STREAM_INDEX;
use super::tools::check_type;
use crate::error::{Result, quote};
use crate::json::{Json, Kind, Quoted};
use crate::request::errors::{beneath, invalid};
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
