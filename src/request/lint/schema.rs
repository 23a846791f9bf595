//! The schemas that the service compiles: outputConfig.textFormat, and tools with strict.
//!
//! The documentation lists what schemas may not have. The service accepts some of it: minLength and maxLength, for
//! example. And models of other families than Claude have checks of their own, which are not documented. So a schema is
//! checked only for a model id that names Claude, and only for what Claude is known to refuse. Keywords are read at the
//! positions of schemas alone: a property may be called "minimum".

use super::errors::rejected;
use crate::error::{Error, Result};
use crate::json::{self, Json, Kind};
use crate::request::document::Document;
use crate::request::model_caching::CLAUDE;

/// Keywords whose value is a schema, or an array of schemas.
const SCHEMAS: [&str; 15] = [
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "oneOf",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Keywords whose value is an object of schemas.
const MAPS: [&str; 5] = ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];

/// Keywords that a number cannot have.
const OF_NUMBERS: [&str; 5] = ["exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"];

/// Checks the schemas of a conversation.
pub fn check_schemas(document: &Document, model_id: &str) -> Result<()> {
    let is_checked = model_id.contains(CLAUDE);
    let format = document.given("outputConfig").and_then(|config| config.pointer("/textFormat/structure/jsonSchema"));
    if let Some(text) = format.and_then(|format| format.get("schema")).and_then(Json::string) {
        let path = "/outputConfig/textFormat/structure/jsonSchema/schema";
        let schema =
            Json::parse(&text).map_err(|invalid| rejected(path, format_args!("the schema is not JSON: {invalid}")))?;
        if is_checked {
            check_schema(schema, path)?;
        }
    }
    let tools = document.given("toolConfig").and_then(|config| config.get("tools"));
    for (index, tool) in tools.into_iter().flat_map(Json::elements).enumerate().filter(|_| is_checked) {
        let Some(tool) = tool.get("toolSpec") else { continue };
        let is_strict = tool.get("strict").and_then(Json::bool) == Some(true);
        if let Some(schema) = tool.pointer("/inputSchema/json").filter(|_| is_strict) {
            check_schema(schema, &format!("/toolConfig/tools/{index}/toolSpec/inputSchema/json"))?;
        }
    }
    Ok(())
}

/// Checks a schema and the schemas in it, in the order of the text. `path` is the pointer to the schema.
fn check_schema(schema: Json<'_>, path: &str) -> Result<()> {
    // The schemas to check, the next one last. A recursion could exhaust the stack.
    let mut open = vec![schema];
    while let Some(part) = open.pop() {
        if let Some((at, mistake)) = mistake(part) {
            let pointer = schema.pointer_to(json::offset(schema.text(), at.text()));
            return Err(error(path, &pointer, mistake));
        }
        let before = open.len();
        for member in part.members() {
            let key = member.key.string().unwrap_or_default();
            if MAPS.contains(&&*key) {
                open.extend(member.value.members().map(|member| member.value));
            } else if SCHEMAS.contains(&&*key) {
                open.push(member.value);
                open.extend(member.value.elements());
            }
        }
        open[before..].reverse();
    }
    Ok(())
}

fn error(path: &str, pointer: &str, mistake: String) -> Error {
    let place = if pointer.is_empty() { String::new() } else { format!(" at {pointer}") };
    rejected(format!("{path}{pointer}"), format_args!("the service refuses the schema{place}: {mistake}"))
}

/// Returns the value that the service refuses in a schema, and why. It judges keywords by the type beside them.
fn mistake(schema: Json<'_>) -> Option<(Json<'_>, String)> {
    let has = |keyword: &'static str| schema.get(keyword).map(|value| (value, keyword));
    match &*schema.get("type").and_then(Json::string)? {
        "object" => {
            let additional = schema.get("additionalProperties");
            let is_closed = additional.and_then(Json::bool) == Some(false);
            let advice = "an object needs \"additionalProperties\": false";
            (!is_closed).then(|| (additional.unwrap_or(schema), advice.to_owned()))
        }
        kind @ ("integer" | "number") => {
            let (value, keyword) = OF_NUMBERS.into_iter().find_map(has)?;
            Some((value, format!("{keyword} is not supported for {kind}; put the limit into the description")))
        }
        "array" => {
            if let Some((value, keyword)) = has("maxItems") {
                let advice = format!("{keyword} is not supported; put the limit into the description");
                return Some((value, advice));
            }
            let (value, _) = has("minItems").filter(|(value, _)| value.kind() == Kind::Number)?;
            let is_supported = matches!(value.i64(), Some(0 | 1));
            (!is_supported).then(|| (value, "minItems can be 0 or 1 alone".to_owned()))
        }
        _ => None,
    }
}

/// Checks any text as a schema, for fuzzing.
#[cfg(any(test, fuzzing))]
pub fn fuzz(text: &str) {
    let Ok(schema) = Json::parse(text) else { return };
    if let Err(error) = check_schema(schema, "") {
        assert!(schema.pointer(error.path().as_str()).is_some(), "{}: {text}", error.path());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(schema: &str) -> Option<String> {
        fuzz(schema);
        check_schema(Json::parse(schema).unwrap(), "").err().map(|error| error.path().to_string())
    }

    #[test]
    fn what_the_service_refuses_is_found_with_a_pointer_into_the_schema() {
        for (schema, pointer) in [
            (r#"{"type":"object"}"#, ""),
            (r#"{"type":"object","additionalProperties":true}"#, "/additionalProperties"),
            (r#"{"type":"object","additionalProperties":{"type":"string"}}"#, "/additionalProperties"),
            (
                r#"{"type":"object","additionalProperties":false,"properties":{"a/b":{"type":"object"}}}"#,
                "/properties/a~1b",
            ),
            (r#"{"type":"integer","maximum":1}"#, "/maximum"),
            (r#"{"type":"number","multipleOf":0.5}"#, "/multipleOf"),
            (r#"{"type":"number","exclusiveMinimum":0}"#, "/exclusiveMinimum"),
            (r#"{"type":"array","items":{"type":"number","minimum":0}}"#, "/items/minimum"),
            (r#"{"type":"array","maxItems":3}"#, "/maxItems"),
            (r#"{"type":"array","minItems":2}"#, "/minItems"),
            (r#"{"anyOf":[{"type":"null"},{"type":"object"}]}"#, "/anyOf/1"),
            (r#"{"definitions":{"x":{"type":"object"}}}"#, "/definitions/x"),
            (r##"{"$defs":{"x":{"type":"integer","minimum":1}},"$ref":"#/$defs/x"}"##, "/$defs/x/minimum"),
            (r#"{"prefixItems":[{"not":{"type":"object"}}]}"#, "/prefixItems/0/not"),
        ] {
            assert_eq!(place(schema).as_deref(), Some(pointer), "{schema}");
        }
    }

    #[test]
    fn what_the_service_takes_is_not_refused() {
        for schema in [
            "{}",
            "true",
            "[]",
            r#"{"type":"object","additionalProperties":false}"#,
            r#"{"type":["object","null"]}"#,
            r#"{"properties":{"a":{"type":"string"}}}"#,
            // Names of properties are no keywords.
            r#"{"type":"object","additionalProperties":false,"properties":{"minimum":{"type":"integer"},"type":{"type":"string"},"maxItems":{"type":"array","minItems":1}}}"#,
            // Values of the program are no schemas.
            r#"{"enum":[{"type":"object"}],"const":{"type":"object"},"default":{"type":"object"},"examples":[{"type":"object"}]}"#,
            r#"{"type":"string","minLength":1,"maxLength":2,"pattern":"a","format":"date"}"#,
            r#"{"type":"array","minItems":0}"#,
            // The keyword of another type.
            r#"{"type":"string","minimum":1,"maxItems":2}"#,
        ] {
            assert_eq!(place(schema), None, "{schema}");
        }
    }

    #[test]
    fn only_strict_tools_and_text_formats_of_claude_are_checked() {
        let tool = |strict: &str| {
            format!(
                r#"{{"toolConfig":{{"tools":[{{"toolSpec":{{"inputSchema":{{"json":{{"type":"object"}}}}{strict}}}}}]}}}}"#
            )
        };
        let format = |schema: &str| {
            let schema = json::quoted(schema);
            format!(r#"{{"outputConfig":{{"textFormat":{{"structure":{{"jsonSchema":{{"schema":{schema}}}}}}}}}}}"#)
        };
        let claude = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
        let failed = |request: &str, model: &str| {
            let document = Document::parse(request, "test").unwrap();
            check_schemas(&document, model).err().map(|error| error.path().to_string())
        };
        let path = "/toolConfig/tools/0/toolSpec/inputSchema/json";
        assert_eq!(failed(&tool(r#","strict":true"#), claude).as_deref(), Some(path));
        assert_eq!(failed(&tool(r#","strict":true"#), "qwen.qwen3-32b-v1:0"), None);
        assert_eq!(failed(&tool(r#","strict":false"#), claude), None);
        assert_eq!(failed(&tool(""), claude), None);
        let path = "/outputConfig/textFormat/structure/jsonSchema/schema";
        let numbers = r#"{"type":"array","items":{"type":"number","minimum":0}}"#;
        assert_eq!(failed(&format(numbers), claude), Some(format!("{path}/items/minimum")));
        assert_eq!(failed(&format(numbers), "arn:aws:bedrock:us-east-1:1:application-inference-profile/x"), None);
        assert_eq!(failed(&format("no JSON"), "qwen.qwen3-32b-v1:0").as_deref(), Some(path));
    }
}
