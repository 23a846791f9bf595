//! The tools that a model may call.

use super::cache_points::CachePoints;
use super::errors::rejected;
use crate::error::{Result, quote};
use crate::json::{self, Json};
use crate::request::document::Document;
use crate::request::tool_name::{self, MAX_LENGTH};

/// Checks `toolConfig`. `tool_block` is the path of a tool call or result in the conversation, which needs the tools.
pub fn check_tools(document: &Document, cache_points: &mut CachePoints, tool_block: Option<String>) -> Result<()> {
    let Some(config) = document.given("toolConfig") else {
        return match tool_block {
            Some(path) => {
                let message = "there are tool calls or results, but no toolConfig; the service needs the tools";
                Err(rejected(path, message))
            }
            None => Ok(()),
        };
    };
    if config.kind() != json::Kind::Object {
        return Err(rejected("/toolConfig", format_args!("toolConfig is {}, not an object", config.kind())));
    }
    match config.get("tools").filter(|tools| tools.kind() != json::Kind::Null) {
        None => return Err(rejected("/toolConfig", "toolConfig has no tools; give tools or leave it out")),
        Some(tools) if tools.kind() != json::Kind::Array => {
            return Err(rejected("/toolConfig/tools", format_args!("tools is {}, not an array", tools.kind())));
        }
        Some(tools) if tools.elements().next().is_none() => {
            return Err(rejected(
                "/toolConfig/tools",
                "tools is empty, which the service refuses; leave toolConfig out",
            ));
        }
        Some(_) => {}
    }
    for (index, tool) in config.get("tools").into_iter().flat_map(Json::elements).enumerate() {
        let path = format!("/toolConfig/tools/{index}");
        cache_points.count(tool, &path)?;
        let Some(name) = tool.pointer("/toolSpec/name").and_then(Json::string) else { continue };
        check_tool_name(&name, &format!("{path}/toolSpec/name"))?;
    }
    Ok(())
}

/// Checks the name of a tool, in its definition or in a call.
pub fn check_tool_name(name: &str, path: &str) -> Result<()> {
    if tool_name::is_valid(name) {
        return Ok(());
    }
    let name = quote(name);
    let rule = format_args!("use 1 to {MAX_LENGTH} letters, digits, hyphens and underscores");
    Err(rejected(path, format_args!("{name} is not a valid name for a tool; {rule}")))
}
