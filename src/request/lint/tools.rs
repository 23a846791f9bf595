//! The tools that a model may call, and their names.

use crate::error::{Result, quote};
use crate::json::{self, Json};
use crate::request::document::Document;
use crate::request::lint::{CachePoints, refuse};

const MAX_TOOL_NAME: usize = 64;

pub fn check_tools(document: &Document, cache_points: &mut CachePoints, with_tools: Option<String>) -> Result<()> {
    let Some(config) = document.value("toolConfig").filter(|config| config.kind() != json::Kind::Null) else {
        return match with_tools {
            Some(path) => {
                let what = "there are tool calls or results, and no toolConfig; the service wants to see the tools";
                Err(refuse(path, what))
            }
            None => Ok(()),
        };
    };
    if config.kind() != json::Kind::Object {
        return Err(refuse("/toolConfig", format_args!("toolConfig is {}, not an object", config.kind())));
    }
    match config.get("tools").filter(|tools| tools.kind() != json::Kind::Null) {
        None => return Err(refuse("/toolConfig", "toolConfig has no tools; give tools or leave it out")),
        Some(tools) if tools.kind() != json::Kind::Array => {
            return Err(refuse("/toolConfig/tools", format_args!("tools is {}, not an array", tools.kind())));
        }
        Some(tools) if tools.elements().next().is_none() => {
            return Err(refuse("/toolConfig/tools", "tools is empty, which the service refuses; leave toolConfig out"));
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

pub fn check_tool_name(name: &str, path: &str) -> Result<()> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.len() <= MAX_TOOL_NAME && name.chars().all(good) {
        return Ok(());
    }
    let name = quote(name);
    let rule = format_args!("it takes 1 to {MAX_TOOL_NAME} letters, digits, hyphens and underscores");
    Err(refuse(path, format_args!("{name} is no name for a tool; {rule}")))
}
