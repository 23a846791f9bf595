//! What stands under portable names goes into its place in Converse, once it is known what the model's defaults add.

use super::members::{
    CHOICE, FORMAT, INFERENCE, OUTPUT, TOOL_CONFIG, TOOLS, has, has_place, setting, supersede, take_from,
};
use super::tools::{self, Choice};
use super::values::text_format;
use crate::error::Result;
use crate::json::{Json, Kind};
use crate::request::Document;
use crate::request::dialect::{mistyped, refuse, with_member, within};
use crate::request::places::Origin;

/// Adds the members of `defaults` that the request lacks, by either name, and puts all portable ones into their places.
pub fn settle(document: &mut Document, defaults: &Document) -> Result<()> {
    if !document.names().chain(defaults.names()).any(has_place) {
        document.fill_from(defaults);
        return Ok(());
    }
    let mut defaults = defaults.clone();
    supersede(&mut defaults, document);
    document.fill_from(&defaults);
    settle_settings(document)?;
    settle_tools(document)?;
    settle_format(document)
}

fn settle_settings(document: &mut Document) -> Result<()> {
    let names: Vec<String> = document.names().map(str::to_owned).collect();
    for name in &names {
        let Some((_, native, _)) = setting(name) else { continue };
        let Some(value) = document.value(name) else { continue };
        let json = match value.kind() {
            Kind::String => format!("[{}]", value.text()),
            _ => value.text().to_owned(),
        };
        put_within(document, name, INFERENCE, native, &json)?;
    }
    Ok(())
}

/// Moves a portable member into a native object: the one there is, or a new one in the portable member's place.
fn put_within(document: &mut Document, name: &str, object: &str, key: &str, json: &str) -> Result<()> {
    let given = document.origin(&format!("/{name}"));
    let there = match document.value(object) {
        Some(value) if value.kind() == Kind::Object => Some(with_member(value, key, json)),
        Some(value) if value.kind() != Kind::Null => return Err(mistyped(object, "an object", value)),
        _ => None,
    };
    match there {
        Some(whole) => {
            document.replace(object, object, &whole)?;
            document.remove(name);
        }
        None => {
            document.remove(object);
            document.replace(name, object, &format!("{{\"{key}\":{json}}}"))?;
        }
    }
    if let Some(places) = document.places_mut(object) {
        places.put(format!("/{key}"), Origin::same(given));
    }
    Ok(())
}

fn settle_tools(document: &mut Document) -> Result<()> {
    if let Some(value) = document.value(TOOLS) {
        let tools = tools::tools(value).map_err(|error| within(error, "/tools"))?;
        if tools.is_empty() {
            document.remove(TOOLS);
        } else {
            let given = document.origin("/tools");
            let json: Vec<_> = tools.iter().map(|tool| &*tool.json).collect();
            put_within(document, TOOLS, TOOL_CONFIG, "tools", &format!("[{}]", json.join(",")))?;
            if let Some(places) = document.places_mut(TOOL_CONFIG) {
                for (index, tool) in tools.into_iter().enumerate() {
                    places.put_block(&format!("/tools/{index}"), tool.within(&given).places);
                }
            }
        }
    }
    let Some(value) = document.value(CHOICE) else { return Ok(()) };
    let choice = tools::choice(value).map_err(|error| within(error, "/tool_choice"))?;
    let tools = has(document, TOOL_CONFIG);
    match choice {
        Choice::Native(json) if tools => put_within(document, CHOICE, TOOL_CONFIG, "toolChoice", &json),
        // Without tools there is nothing to choose.
        Choice::Native(json) if Json::parse(&json).is_ok_and(|choice| choice.get("auto").is_some()) => {
            document.remove(CHOICE);
            Ok(())
        }
        Choice::Native(_) => Err(refuse("/tool_choice", "there are no tools to choose from; give tools")),
        Choice::None => {
            document.remove(CHOICE);
            // The service refuses a conversation with tool calls that comes without their tools.
            if holds_tool_blocks(document) {
                return take_from(document, TOOL_CONFIG, "toolChoice");
            }
            document.remove(TOOL_CONFIG);
            Ok(())
        }
    }
}

fn holds_tool_blocks(document: &Document) -> bool {
    document.items("messages").iter().any(|message| {
        let content = message.json().get("content");
        let mut blocks = content.into_iter().flat_map(Json::elements);
        blocks.any(|block| block.get("toolUse").is_some() || block.get("toolResult").is_some())
    })
}

fn settle_format(document: &mut Document) -> Result<()> {
    let Some(value) = document.value(FORMAT) else { return Ok(()) };
    match text_format(value).map_err(|error| within(error, "/response_format"))? {
        Some(json) => put_within(document, FORMAT, OUTPUT, "textFormat", &json),
        None => {
            document.remove(FORMAT);
            take_from(document, OUTPUT, "textFormat")
        }
    }
}
