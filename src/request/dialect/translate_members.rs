//! Moves the portable members into their members of Converse when a call is made.

use super::equivalents::remove_from_object;
use super::members::{
    INFERENCE_CONFIG, OUTPUT_CONFIG, RESPONSE_FORMAT, TOOL_CHOICE, TOOL_CONFIG, TOOLS, is_translated_for_call, setting,
};
use super::response_format::text_format;
use super::tools::{self, ToolChoice};
use super::with_member::with_member;
use crate::error::Result;
use crate::json::{Json, Kind};
use crate::request::document::{Document, pointer_to};
use crate::request::errors::{beneath, invalid, wrong_type};
use crate::request::source_map::SourceLocation;

/// Moves all portable members of a request into their members of Converse. The model's defaults must be in the request
/// already.
pub fn translate_members(document: &mut Document) -> Result<()> {
    if !document.names().any(is_translated_for_call) {
        return Ok(());
    }
    translate_settings(document)?;
    translate_tools(document)?;
    translate_tool_choice(document)?;
    translate_response_format(document)
}

fn translate_settings(document: &mut Document) -> Result<()> {
    let names: Vec<String> = document.names().map(str::to_owned).collect();
    for name in &names {
        let Some(setting) = setting(name) else { continue };
        let Some(value) = document.value(name) else { continue };
        let json = match value.kind() {
            // One stop sequence.
            Kind::String => format!("[{}]", value.text()),
            _ => value.text().to_owned(),
        };
        move_into_object(document, name, INFERENCE_CONFIG, setting.native, &json)?;
    }
    Ok(())
}

/// Moves a portable member into a native object, as `key` with the value `json`. A new object takes the position of the
/// portable member.
fn move_into_object(document: &mut Document, name: &str, object: &str, key: &str, json: &str) -> Result<()> {
    let given = document.given_pointer(&pointer_to(name));
    let changed = match document.value(object) {
        Some(value) if value.kind() == Kind::Object => Some(with_member(value, key, json)),
        Some(value) if value.kind() != Kind::Null => return Err(wrong_type(object, "an object", value)),
        _ => None,
    };
    match changed {
        Some(changed) => {
            document.replace(object, object, &changed)?;
            document.remove(name);
        }
        None => {
            document.remove(object);
            document.replace(name, object, &format!("{{\"{key}\":{json}}}"))?;
        }
    }
    if let Some(source_map) = document.source_map_mut(object) {
        source_map.insert(format!("/{key}"), SourceLocation::same(given));
    }
    Ok(())
}

fn translate_tools(document: &mut Document) -> Result<()> {
    let Some(value) = document.value(TOOLS) else { return Ok(()) };
    let tools = tools::translate_tools(value).map_err(|error| beneath("/tools", error))?;
    if tools.is_empty() {
        document.remove(TOOLS);
        return Ok(());
    }
    let given = document.given_pointer("/tools");
    let json: Vec<_> = tools.iter().map(|tool| &*tool.json).collect();
    move_into_object(document, TOOLS, TOOL_CONFIG, "tools", &format!("[{}]", json.join(",")))?;
    if let Some(source_map) = document.source_map_mut(TOOL_CONFIG) {
        for (index, tool) in tools.into_iter().enumerate() {
            source_map.insert_block(&format!("/tools/{index}"), tool.beneath(&given).locations);
        }
    }
    Ok(())
}

fn translate_tool_choice(document: &mut Document) -> Result<()> {
    let Some(value) = document.value(TOOL_CHOICE) else { return Ok(()) };
    let choice = tools::translate_choice(value).map_err(|error| beneath("/tool_choice", error))?;
    let has_tools = document.given(TOOL_CONFIG).is_some();
    match choice {
        ToolChoice::Native(json) if has_tools => {
            move_into_object(document, TOOL_CHOICE, TOOL_CONFIG, "toolChoice", &json)
        }
        // Without tools, auto changes nothing.
        ToolChoice::Native(json) if Json::parse(&json).is_ok_and(|choice| choice.get("auto").is_some()) => {
            document.remove(TOOL_CHOICE);
            Ok(())
        }
        ToolChoice::Native(_) => Err(invalid("/tool_choice", "there are no tools to choose from; give tools")),
        ToolChoice::None => {
            document.remove(TOOL_CHOICE);
            // The service refuses a conversation with tool calls but without their tools.
            if has_tool_blocks(document) {
                return remove_from_object(document, TOOL_CONFIG, "toolChoice");
            }
            document.remove(TOOL_CONFIG);
            Ok(())
        }
    }
}

fn has_tool_blocks(document: &Document) -> bool {
    document.items("messages").iter().any(|message| {
        let content = message.json().get("content");
        let mut blocks = content.into_iter().flat_map(Json::elements);
        blocks.any(|block| block.get("toolUse").is_some() || block.get("toolResult").is_some())
    })
}

fn translate_response_format(document: &mut Document) -> Result<()> {
    let Some(value) = document.value(RESPONSE_FORMAT) else { return Ok(()) };
    match text_format(value).map_err(|error| beneath("/response_format", error))? {
        Some(json) => {
            let given = document.given_pointer(&pointer_to(RESPONSE_FORMAT));
            move_into_object(document, RESPONSE_FORMAT, OUTPUT_CONFIG, "textFormat", &json)?;
            if let Some(source_map) = document.source_map_mut(OUTPUT_CONFIG) {
                let schema = SourceLocation::same(format!("{given}/json_schema/schema"));
                source_map.insert("/textFormat/structure/jsonSchema/schema", schema);
            }
            Ok(())
        }
        None => {
            document.remove(RESPONSE_FORMAT);
            remove_from_object(document, OUTPUT_CONFIG, "textFormat")
        }
    }
}
