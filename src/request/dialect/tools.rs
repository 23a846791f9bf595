//! Tools that a model may call, and the choice among them.

use super::block::Block;
use super::cache_control::{MARKS, cache_point};
use super::object::Object;
use super::with_member::with_member;
use crate::error::{Result, quote};
use crate::json::{Json, Kind, quoted};
use crate::request::errors::{beneath, invalid, wrong_type};
use crate::request::source_map::SourceLocation;
use serde_json::json;

/// Checks the type of a tool, a tool call or a tool choice, which `what` names. Converse has functions only.
pub fn check_type(object: &Object<'_>, what: &str) -> Result<()> {
    let kind = object.optional_text("type")?;
    let advice = match kind.as_deref() {
        None | Some("function") => return Ok(()),
        Some("custom") => "; describe it as a function that takes an object with one text",
        Some(_) => "",
    };
    let kind = quote(kind.as_deref().unwrap_or_default());
    Err(invalid("/type", format_args!("Converse has no {what} of type {kind}, only function{advice}")))
}

/// Translates `tools` to the elements of toolConfig.tools. A native tool stays as it is.
pub fn translate_tools(tools: Json<'_>) -> Result<Vec<Block>> {
    if tools.kind() != Kind::Array {
        return Err(invalid("", format_args!("expected an array of tools, found {}", tools.kind())));
    }
    let mut blocks = Vec::new();
    for (index, tool) in tools.elements().enumerate() {
        let at = format!("/{index}");
        let translated = translate_tool(&Object::of(tool)).map_err(|error| beneath(&at, error))?;
        blocks.extend(translated.into_iter().map(|block| block.beneath(&at)));
    }
    Ok(blocks)
}

/// Translates `{name, description, input_schema}` or `{type, function: {name, description, parameters, strict}}`, and
/// its cache mark.
fn translate_tool(tool: &Object<'_>) -> Result<Vec<Block>> {
    if !tool.is_object() {
        return Err(invalid("", format_args!("expected a tool, which is an object, found {}", tool.json().kind())));
    }
    let [control, breakpoint] = MARKS;
    let nested = tool.given("function").map(Object::of);
    let (function, at, schema_key) = match &nested {
        Some(function) => {
            check_type(tool, "tool")?;
            tool.check_members("a tool", &["type", "function", control, breakpoint])?;
            (function, "/function", "parameters")
        }
        None if tool.get("name").is_none() && tool.get("type").is_none() => {
            return Ok(vec![Block::native(tool.json().text())]);
        }
        None => {
            check_type(tool, "tool")?;
            (tool, "", "input_schema")
        }
    };
    let inside = |error| beneath(at, error);
    let known: &[&str] = &["name", "description", schema_key, "strict", control, breakpoint, "type"];
    function.check_members("a tool", if at.is_empty() { known } else { &known[..known.len() - 1] }).map_err(inside)?;
    let name = function.text("name", "a tool").map_err(inside)?;
    // The service refuses an empty description.
    let description = function.optional_text("description").map_err(inside)?.filter(|text| !text.is_empty());
    let description = description.map_or(String::new(), |text| format!(",\"description\":{}", quoted(&text)));
    let given_schema = function.given(schema_key);
    let schema = match given_schema {
        Some(object) if object.kind() == Kind::Object => schema_with_type(object),
        Some(other) => return Err(inside(wrong_type(schema_key, "a JSON schema", other))),
        None => "{\"type\":\"object\"}".to_owned(),
    };
    // False is the default, and some models do not know the member.
    let strict = match function.given("strict") {
        Some(strict) if strict.bool().is_none() => return Err(inside(wrong_type("strict", "true or false", strict))),
        Some(strict) if strict.bool() == Some(true) => ",\"strict\":true",
        _ => "",
    };
    let json = format!(
        "{{\"toolSpec\":{{\"name\":{}{description},\"inputSchema\":{{\"json\":{schema}}}{strict}}}}}",
        quoted(&name)
    );
    let pairs = if at.is_empty() {
        &[("/name", "/name"), ("/inputSchema", "/input_schema"), ("/description", "/description")]
    } else {
        &[
            ("/name", "/function/name"),
            ("/inputSchema", "/function/parameters"),
            ("/description", "/function/description"),
        ]
    };
    let point = match cache_point(tool)? {
        None if !at.is_empty() => cache_point(function).map_err(inside)?.map(|point| point.beneath(at)),
        point => point,
    };
    let mut block = Block::composed(json, "", pairs);
    if given_schema.is_some() {
        block
            .locations
            .push(("/toolSpec/inputSchema/json".to_owned(), SourceLocation::same(format!("{at}/{schema_key}"))));
    }
    Ok([block].into_iter().chain(point).collect())
}

/// Returns a schema with a type. Models need to see that a tool's input is an object.
fn schema_with_type(schema: Json<'_>) -> String {
    if schema.get("type").is_some() {
        return schema.text().to_owned();
    }
    with_member(schema, "type", "\"object\"")
}

/// A tool choice.
#[derive(Debug, PartialEq, Eq)]
pub enum ToolChoice {
    /// The JSON of toolConfig.toolChoice.
    Native(String),
    None,
}

/// Translates `auto`, `required`, `none`, `{name}` or `{type, function: {name}}`. A native choice stays as it is.
pub fn translate_choice(choice: Json<'_>) -> Result<ToolChoice> {
    let native = |json: &str| Ok(ToolChoice::Native(json.to_owned()));
    match choice.kind() {
        Kind::String => choice_by_word(&choice.string().unwrap_or_default(), ""),
        Kind::Object => {
            let choice = Object::of(choice);
            let kind = choice.optional_text("type")?;
            let nested = choice.given("function").map(Object::of);
            let (named, at) = match &nested {
                Some(function) => (function, "/function"),
                None => (&choice, ""),
            };
            match kind.as_deref() {
                Some("function" | "tool") => {}
                Some("allowed_tools") => {
                    let message =
                        "Converse has no choice among some of the tools; give only the tools that are allowed";
                    return Err(invalid("/type", message));
                }
                Some("custom") => return check_type(&choice, "tool choice").map(|()| ToolChoice::None),
                Some(word) if at.is_empty() => {
                    choice.check_members("tool_choice", &["type"])?;
                    return choice_by_word(word, "/type");
                }
                Some(word) => {
                    return Err(invalid("/type", format_args!("the tool choice {} needs function", quote(word))));
                }
                None if at.is_empty() && choice.given("name").is_none() => return native(choice.json().text()),
                None => {}
            }
            let inside = |error| beneath(at, error);
            choice
                .check_members("tool_choice", if at.is_empty() { &["type", "name"] } else { &["type", "function"] })?;
            if !at.is_empty() {
                named.check_members("tool_choice", &["name"]).map_err(inside)?;
            }
            let name = named.text("name", "tool_choice").map_err(inside)?;
            native(&json!({"tool": {"name": name}}).to_string())
        }
        other => Err(invalid("", format_args!("expected a string or an object, found {other}"))),
    }
}

fn choice_by_word(word: &str, path: &str) -> Result<ToolChoice> {
    match word {
        "auto" => Ok(ToolChoice::Native("{\"auto\":{}}".to_owned())),
        "required" | "any" => Ok(ToolChoice::Native("{\"any\":{}}".to_owned())),
        "none" => Ok(ToolChoice::None),
        other => {
            let known =
                "auto, required, none, {\"name\": ...} and {\"type\": \"function\", \"function\": {\"name\": ...}}";
            Err(invalid(path, format_args!("the tool choice {} is unknown; known are {known}", quote(other))))
        }
    }
}
