//! Tools: what a model may call, what it called, and what that gave.

use super::names::Names;
use super::object::Object;
use super::part::Content;
use super::thought::INDEX;
use crate::error::{Result, quote};
use crate::json::{Json, Kind, Quoted, quoted};
use crate::request::Wiped;
use crate::request::dialect::{cache, mistyped, part, refuse, within};
use crate::request::places::{Block, Origin};

/// The toolUse blocks of an assistant's tool_calls.
pub fn calls(calls: Json<'_>) -> Result<Vec<Block>> {
    if calls.kind() != Kind::Array {
        return Err(refuse("", format_args!("expected an array of tool calls, found {}", calls.kind())));
    }
    let one = |(index, call)| {
        let at = format!("/{index}");
        call_block(&Object::of(call)).map(|block| block.within(&at)).map_err(|error| within(error, &at))
    };
    calls.elements().enumerate().map(one).collect()
}

/// {id, name, arguments} or {id, type, function: {name, arguments}}
fn call_block(call: &Object<'_>) -> Result<Block> {
    check_type(call, "tool call")?;
    let nested = call.given("function").map(Object::of);
    let (function, at) = match &nested {
        Some(function) => {
            call.only("a tool call", &["id", "type", "function", INDEX])?;
            (function, "/function")
        }
        None => (call, ""),
    };
    let inside = |error| within(error, at);
    let known: &[&str] =
        if at.is_empty() { &["id", "type", "name", "arguments", INDEX] } else { &["name", "arguments"] };
    function.only("a tool call", known).map_err(inside)?;
    let id = call.text("id", "a tool call")?;
    let name = function.text("name", "a tool call").map_err(inside)?;
    let input = arguments(function, &id).map_err(inside)?;
    let (length, id, name) = (input.len() + id.len() + name.len() + 64, Quoted(&id), Quoted(&name));
    let json = format_args!("{{\"toolUse\":{{\"toolUseId\":{id},\"name\":{name},\"input\":{}}}}}", &*input);
    let json = Wiped::of(length, json);
    let origin = if at.is_empty() {
        Origin::composed("", &[("/toolUseId", "/id"), ("/name", "/name"), ("/input", "/arguments")])
    } else {
        Origin::composed("", &[("/toolUseId", "/id"), ("/name", "/function/name"), ("/input", "/function/arguments")])
    };
    Ok(Block::new(json, origin))
}

/// That a tool, or a call of one, is of the type that Converse has.
fn check_type(object: &Object<'_>, what: &str) -> Result<()> {
    let kind = object.optional_text("type")?;
    let advice = match kind.as_deref() {
        None | Some("function") => return Ok(()),
        Some("custom") => "; describe it as a function that takes an object with one text",
        Some(_) => "",
    };
    let kind = quote(kind.as_deref().unwrap_or_default());
    Err(refuse("/type", format_args!("Converse has no place for a {what} of type {kind}; it is function{advice}")))
}

/// An object, or the text of one; empty means no arguments.
fn arguments(function: &Object<'_>, id: &str) -> Result<Wiped> {
    let Some(arguments) = function.given("arguments") else { return Ok("{}".into()) };
    let wrong = |what: String| {
        Err(refuse("/arguments", format_args!("the arguments of the tool call {} are {what}", quote(id))))
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
                Ok(json) => wrong(format!("{}, where an object has to be", json.kind())),
                Err(invalid) => wrong(format!("no JSON: {invalid}")),
            }
        }
        other => wrong(format!("{other}, where an object or its text has to be")),
    }
}

/// The toolResult block of a tool's message, and the cache point after it. Only what is given as an object becomes
/// JSON.
pub fn result(message: &Object<'_>, content: &Content<'_>, names: &mut Names) -> Result<Vec<Block>> {
    let id = message.text("tool_call_id", "a tool's message")?;
    let status = match message.given("is_error") {
        None => "",
        Some(failed) => match failed.bool() {
            Some(true) => ",\"status\":\"error\"",
            Some(false) => "",
            None => return Err(mistyped("is_error", "true or false", failed)),
        },
    };
    let (inner, points): (Vec<_>, Vec<_>) = match content {
        Content::Other(object) if object.kind() == Kind::Object => {
            let json = Wiped::of(object.text().len() + 16, format_args!("{{\"json\":{}}}", object.text()));
            (vec![Block::new(json, Origin::composed("/content", &[]))], Vec::new())
        }
        // A result cannot hold a cache point: it comes after the result.
        content => part::blocks(content, names)?.into_iter().partition(|block| !block.json.starts_with(CACHE_POINT)),
    };
    let content: Vec<_> = inner.iter().map(|block| &*block.json).collect();
    let content = if content.is_empty() { EMPTY.into() } else { Wiped::joined(&content) };
    let (text, id) = (&*content, Quoted(&id));
    let json = format_args!("{{\"toolResult\":{{\"toolUseId\":{id},\"content\":[{text}]{status}}}}}");
    let json = Wiped::of(text.len() + id.0.len() + 64, json);
    let parts = &[("/toolUseId", "/tool_call_id"), ("/content", "/content"), ("/status", "/is_error")];
    let mut block = Block::new(json, Origin::composed("", parts));
    for (index, inner) in inner.into_iter().enumerate() {
        let at = |(inside, origin)| (format!("/toolResult/content/{index}{inside}"), origin);
        block.places.extend(inner.places.into_iter().map(at));
    }
    Ok([block].into_iter().chain(points.into_iter().take(1)).collect())
}

/// How a block that was made of a mark for the cache begins.
const CACHE_POINT: &str = "{\"cachePoint\":";
/// What a tool gave that gave nothing. The service is on record to take it.
const EMPTY: &str = "{\"text\":\"\"}";

/// toolConfig.tools of a request's tools. One that is native already stays as it is.
pub fn tools(tools: Json<'_>) -> Result<Vec<Block>> {
    if tools.kind() != Kind::Array {
        return Err(refuse("", format_args!("expected an array of tools, found {}", tools.kind())));
    }
    let mut blocks = Vec::new();
    for (index, tool) in tools.elements().enumerate() {
        let at = format!("/{index}");
        let made = tool_spec(&Object::of(tool)).map_err(|error| within(error, &at))?;
        blocks.extend(made.into_iter().map(|block| block.within(&at)));
    }
    Ok(blocks)
}

/// {name, description, input_schema} or {type, function: {name, description, parameters, strict}}; and the cache point
/// after it.
fn tool_spec(tool: &Object<'_>) -> Result<Vec<Block>> {
    if !tool.is_object() {
        return Err(refuse("", format_args!("expected a tool, which is an object, found {}", tool.json().kind())));
    }
    let [mark, breakpoint] = cache::MARKS;
    let nested = tool.given("function").map(Object::of);
    let (function, at, schema) = match &nested {
        Some(function) => {
            check_type(tool, "tool")?;
            tool.only("a tool", &["type", "function", mark, breakpoint])?;
            (function, "/function", "parameters")
        }
        None if tool.get("name").is_none() && tool.get("type").is_none() => {
            return Ok(vec![Block::new(tool.json().text(), Origin::same(""))]);
        }
        None => {
            check_type(tool, "tool")?;
            (tool, "", "input_schema")
        }
    };
    let inside = |error| within(error, at);
    let known: &[&str] = &["name", "description", schema, "strict", mark, breakpoint, "type"];
    function.only("a tool", if at.is_empty() { known } else { &known[..known.len() - 1] }).map_err(inside)?;
    let name = function.text("name", "a tool").map_err(inside)?;
    // The service refuses an empty one.
    let description = function.optional_text("description").map_err(inside)?.filter(|text| !text.is_empty());
    let description = description.map_or(String::new(), |text| format!(",\"description\":{}", quoted(&text)));
    let given_schema = function.given(schema);
    let schema = match given_schema {
        Some(object) if object.kind() == Kind::Object => typed(object),
        Some(other) => return Err(inside(mistyped(schema, "a JSON schema", other))),
        None => "{\"type\":\"object\"}".to_owned(),
    };
    // What is not to be strict is as any other: some models know no such member.
    let strict = match function.given("strict") {
        Some(strict) if strict.bool().is_none() => return Err(inside(mistyped("strict", "true or false", strict))),
        Some(strict) if strict.bool() == Some(true) => ",\"strict\":true",
        _ => "",
    };
    let json = format!(
        "{{\"toolSpec\":{{\"name\":{}{description},\"inputSchema\":{{\"json\":{schema}}}{strict}}}}}",
        quoted(&name)
    );
    let origin = if at.is_empty() {
        Origin::composed("", &[("/name", "/name"), ("/inputSchema", "/input_schema"), ("/description", "/description")])
    } else {
        let parts = &[
            ("/name", "/function/name"),
            ("/inputSchema", "/function/parameters"),
            ("/description", "/function/description"),
        ];
        Origin::composed("", parts)
    };
    let point = match cache::point(tool)? {
        None if !at.is_empty() => cache::point(function).map_err(inside)?.map(|point| point.within(at)),
        point => point,
    };
    Ok([Block::new(json, origin)].into_iter().chain(point).collect())
}

/// A schema with a type. A tool's input is an object, and models want to see that.
fn typed(schema: Json<'_>) -> String {
    if schema.get("type").is_some() {
        return schema.text().to_owned();
    }
    super::with_member(schema, "type", "\"object\"")
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
                    let what = "Converse has no choice among some of the tools; give only the tools that are allowed";
                    return Err(refuse("/type", what));
                }
                Some("custom") => return check_type(&choice, "tool choice").map(|()| Choice::None),
                Some(word) if at.is_empty() => {
                    choice.only("tool_choice", &["type"])?;
                    return by_word(word, "/type");
                }
                Some(word) => return Err(refuse("/type", format_args!("{} has no function", quote(word)))),
                None if at.is_empty() && choice.given("name").is_none() => return native(choice.json().text()),
                None => {}
            }
            let inside = |error| within(error, at);
            choice.only("tool_choice", if at.is_empty() { &["type", "name"] } else { &["type", "function"] })?;
            if !at.is_empty() {
                named.only("tool_choice", &["name"]).map_err(inside)?;
            }
            let name = named.text("name", "tool_choice").map_err(inside)?;
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
