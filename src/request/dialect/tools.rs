//! Tools: what a model may call, what it called, and what that gave.

use super::names::Names;
use super::{given, mistyped, only, part, refuse, text, within};
use crate::error::{Result, quote};
use crate::json::{Json, Kind, quoted};

/// The toolUse blocks of an assistant's tool_calls.
pub fn calls(calls: Json<'_>) -> Result<Vec<String>> {
    if calls.kind() != Kind::Array {
        return Err(refuse("", format_args!("expected an array of tool calls, found {}", calls.kind())));
    }
    let one = |(index, call)| call_block(call).map_err(|error| within(error, &format!("/{index}")));
    calls.elements().enumerate().map(one).collect()
}

/// {id, name, arguments} or {id, type, function: {name, arguments}}
fn call_block(call: Json<'_>) -> Result<String> {
    let (function, at) = match given(call, "function") {
        Some(function) => {
            only(call, "a tool call", &["id", "type", "function"])?;
            check_type(call)?;
            (function, "/function")
        }
        None => {
            check_type(call)?;
            (call, "")
        }
    };
    let inside = |error| within(error, at);
    let known: &[&str] = if at.is_empty() { &["id", "type", "name", "arguments"] } else { &["name", "arguments"] };
    only(function, "a tool call", known).map_err(inside)?;
    let id = text(call, "id", "a tool call")?;
    let name = text(function, "name", "a tool call").map_err(inside)?;
    let input = arguments(function, &id).map_err(inside)?;
    Ok(format!("{{\"toolUse\":{{\"toolUseId\":{},\"name\":{},\"input\":{input}}}}}", quoted(&id), quoted(&name)))
}

fn check_type(object: Json<'_>) -> Result<()> {
    match given(object, "type") {
        Some(kind) if !kind.is("function") => {
            Err(refuse("/type", "a tool of this type cannot be called; it is function"))
        }
        _ => Ok(()),
    }
}

/// An object, or the text of one; empty means no arguments.
fn arguments(function: Json<'_>, id: &str) -> Result<String> {
    let Some(arguments) = given(function, "arguments") else { return Ok("{}".to_owned()) };
    let wrong = |what: String| {
        Err(refuse("/arguments", format_args!("the arguments of the tool call {} are {what}", quote(id))))
    };
    match arguments.kind() {
        Kind::Object => Ok(arguments.text().to_owned()),
        Kind::String => {
            let text = arguments.string().unwrap_or_default();
            if text.trim().is_empty() {
                return Ok("{}".to_owned());
            }
            match Json::parse(&text) {
                Ok(json) if json.kind() == Kind::Object => Ok(json.text().to_owned()),
                Ok(json) => wrong(format!("{}, where an object has to be", json.kind())),
                Err(invalid) => wrong(format!("no JSON: {invalid}")),
            }
        }
        other => wrong(format!("{other}, where an object or its text has to be")),
    }
}

/// The toolResult block of a tool's message. Only what is given as an object becomes JSON.
pub fn result(message: Json<'_>, content: Option<Json<'_>>, names: &mut Names) -> Result<String> {
    let id = text(message, "tool_call_id", "a tool's message")?;
    let status = match given(message, "is_error") {
        None => "",
        Some(failed) => match failed.bool() {
            Some(true) => ",\"status\":\"error\"",
            Some(false) => "",
            None => return Err(mistyped("is_error", "true or false", failed)),
        },
    };
    let blocks = match content {
        Some(object) if object.kind() == Kind::Object => vec![format!("{{\"json\":{}}}", object.text())],
        content => part::blocks(content, names)?,
    };
    let content = blocks.join(",");
    Ok(format!("{{\"toolResult\":{{\"toolUseId\":{},\"content\":[{content}]{status}}}}}", quoted(&id)))
}

/// toolConfig.tools of a request's tools. One that is native already stays as it is.
pub fn tools(tools: Json<'_>) -> Result<Vec<String>> {
    if tools.kind() != Kind::Array {
        return Err(refuse("", format_args!("expected an array of tools, found {}", tools.kind())));
    }
    let one = |(index, tool)| tool_spec(tool).map_err(|error| within(error, &format!("/{index}")));
    tools.elements().enumerate().map(one).collect()
}

/// {name, description, input_schema} or {type, function: {name, description, parameters, strict}}
fn tool_spec(tool: Json<'_>) -> Result<String> {
    let (function, at, schema) = match given(tool, "function") {
        Some(function) => {
            only(tool, "a tool", &["type", "function"])?;
            check_type(tool)?;
            (function, "/function", "parameters")
        }
        None if tool.get("name").is_none() && tool.get("type").is_none() => return Ok(tool.text().to_owned()),
        None => (tool, "", "input_schema"),
    };
    let inside = |error| within(error, at);
    only(function, "a tool", &["name", "description", schema, "strict"]).map_err(inside)?;
    let name = text(function, "name", "a tool").map_err(inside)?;
    let description = match given(function, "description") {
        // The service refuses an empty one.
        Some(empty) if empty.is("") => String::new(),
        Some(_) => format!(",\"description\":{}", quoted(&text(function, "description", "").map_err(inside)?)),
        None => String::new(),
    };
    let schema = match given(function, schema) {
        Some(object) if object.kind() == Kind::Object => object.text(),
        Some(other) => return Err(inside(mistyped(schema, "a JSON schema", other))),
        None => "{\"type\":\"object\"}",
    };
    let strict = match given(function, "strict") {
        Some(strict) if strict.bool().is_none() => return Err(inside(mistyped("strict", "true or false", strict))),
        Some(strict) => format!(",\"strict\":{}", strict.text()),
        None => String::new(),
    };
    Ok(format!(
        "{{\"toolSpec\":{{\"name\":{}{description},\"inputSchema\":{{\"json\":{schema}}}{strict}}}}}",
        quoted(&name)
    ))
}

/// How free the model is to call tools.
#[derive(Debug, PartialEq, Eq)]
pub enum Choice {
    /// toolConfig.toolChoice.
    Native(String),
    None,
}

/// auto, required, none, {name} or {type, function: {name}}. What is native already stays as it is.
pub fn choice(choice: Json<'_>) -> Result<Choice> {
    let native = |json: &str| Ok(Choice::Native(json.to_owned()));
    match choice.kind() {
        Kind::String => by_word(&choice.string().unwrap_or_default(), ""),
        Kind::Object => {
            let kind = given(choice, "type").map(|_| text(choice, "type", "tool_choice")).transpose()?;
            let (named, at) = match given(choice, "function") {
                Some(function) => (function, "/function"),
                None => (choice, ""),
            };
            match kind.as_deref() {
                Some("function" | "tool") => {}
                Some(word) if at.is_empty() => {
                    only(choice, "tool_choice", &["type"])?;
                    return by_word(word, "/type");
                }
                Some(word) => return Err(refuse("/type", format_args!("{} has no function", quote(word)))),
                None if at.is_empty() && given(choice, "name").is_none() => return native(choice.text()),
                None => {}
            }
            let inside = |error| within(error, at);
            only(choice, "tool_choice", if at.is_empty() { &["type", "name"] } else { &["type", "function"] })?;
            if !at.is_empty() {
                only(named, "tool_choice", &["name"]).map_err(inside)?;
            }
            let name = text(named, "name", "tool_choice").map_err(inside)?;
            native(&format!("{{\"tool\":{{\"name\":{}}}}}", quoted(&name)))
        }
        other => Err(refuse("", format_args!("expected a string or an object, found {other}"))),
    }
}

fn by_word(word: &str, path: &str) -> Result<Choice> {
    match word {
        "auto" => Ok(Choice::Native("{\"auto\":{}}".to_owned())),
        "required" | "any" => Ok(Choice::Native("{\"any\":{}}".to_owned())),
        "none" => Ok(Choice::None),
        other => {
            let known =
                "auto, required, none, {\"name\": ...} and {\"type\": \"function\", \"function\": {\"name\": ...}}";
            Err(refuse(path, format_args!("{} is no tool choice; known are {known}", quote(other))))
        }
    }
}
