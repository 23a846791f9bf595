//! Conversations in the form of OpenTelemetry's conventions: messages that consist of parts.
//!
//! | content block of Converse | part |
//! |---|---|
//! | `text` | `{"type":"text","content":...}` |
//! | `reasoningContent` | `{"type":"reasoning","content":...}` |
//! | `toolUse` | `{"type":"tool_call","id":...,"name":...,"arguments":...}` |
//! | `toolResult` | `{"type":"tool_call_response","id":...,"response":...}` |
//! | `image`, `document`, `video`, `audio` | `{"type":"uri","modality":...,"uri":...}`, or `"blob"` without its bytes |
//! | `cachePoint` | none |
//! | another one | its name as the type, and its value as the content |

use crate::json::{self, Json, Kind, Quoted};
use std::fmt::Write as _;

/// Writes the messages of a request as an array.
pub(super) fn write_messages(out: &mut String, messages: Json<'_>) {
    write_array(out, messages.elements(), |out, message| write_message(out, message, None));
}

/// Writes the message of a response as an array, with the reason for which the model has stopped.
pub(super) fn write_output(out: &mut String, message: Json<'_>, finish_reason: &str) {
    write_array(out, std::iter::once(message), |out, message| write_message(out, message, Some(finish_reason)));
}

/// Writes the parts of content blocks as an array.
pub(super) fn write_parts(out: &mut String, blocks: Json<'_>) {
    let parts = blocks.elements().flat_map(Json::members).filter(|member| !member.key.is("cachePoint"));
    write_array(out, parts, |out, member| write_part(out, &member.key.string().unwrap_or_default(), member.value));
}

/// Writes the tools of a request as an array.
pub(super) fn write_tools(out: &mut String, tools: Json<'_>) {
    let tools = tools.elements().flat_map(Json::members).filter(|member| !member.key.is("cachePoint"));
    write_array(out, tools, |out, tool| {
        let is_function = tool.key.is("toolSpec");
        write_type(out, if is_function { "function" } else { tool.key.text().trim_matches('"') });
        write_value(out, "name", tool.value.get("name"));
        write_value(out, "description", tool.value.get("description"));
        write_value(out, "parameters", tool.value.get("inputSchema").and_then(|schema| schema.get("json")));
        out.push('}');
    });
}

fn write_array<T>(out: &mut String, elements: impl Iterator<Item = T>, mut write: impl FnMut(&mut String, T)) {
    out.push('[');
    for (index, element) in elements.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(out, element);
    }
    out.push(']');
}

fn write_message(out: &mut String, message: Json<'_>, finish_reason: Option<&str>) {
    let blocks = message.get("content");
    let mut keys = blocks.into_iter().flat_map(Json::elements).flat_map(Json::members).map(|member| member.key);
    // In Converse results of tools are messages of the user, in the conventions they have a role of their own.
    let is_of_tools = keys.next().is_some_and(|key| key.is("toolResult")) && keys.all(|key| key.is("toolResult"));
    out.push_str("{\"role\":");
    out.push_str(if is_of_tools { "\"tool\"" } else { message.get("role").map_or("\"\"", Json::text) });
    out.push_str(",\"parts\":");
    match blocks {
        Some(blocks) => write_parts(out, blocks),
        None => out.push_str("[]"),
    }
    if let Some(reason) = finish_reason {
        write!(out, ",\"finish_reason\":{}", Quoted(reason)).expect("writing to a String cannot fail");
    }
    out.push('}');
}

fn write_part(out: &mut String, key: &str, block: Json<'_>) {
    match key {
        "text" => {
            write_type(out, "text");
            write_value(out, "content", Some(block));
        }
        "reasoningContent" => {
            write_type(out, "reasoning");
            write_value(out, "content", block.get("reasoningText").and_then(|reasoning| reasoning.get("text")));
        }
        "toolUse" => {
            write_type(out, "tool_call");
            write_value(out, "id", block.get("toolUseId"));
            write_value(out, "name", block.get("name"));
            write_value(out, "arguments", block.get("input"));
        }
        "toolResult" => {
            write_type(out, "tool_call_response");
            write_value(out, "id", block.get("toolUseId"));
            write_value(out, "status", block.get("status"));
            out.push_str(",\"response\":");
            write_result(out, block.get("content"));
        }
        "image" | "document" | "video" | "audio" => write_medium(out, key, block),
        other => {
            write_type(out, other);
            write_value(out, "content", Some(block));
        }
    }
    out.push('}');
}

/// Writes a result of a tool: its text or its JSON alone, or else its parts.
fn write_result(out: &mut String, blocks: Option<Json<'_>>) {
    let Some(blocks) = blocks else { return out.push_str("null") };
    let mut members = blocks.elements().flat_map(Json::members);
    match (members.next(), members.next()) {
        (Some(only), None) if only.key.is("text") || only.key.is("json") => out.push_str(only.value.text()),
        _ => write_parts(out, blocks),
    }
}

fn write_medium(out: &mut String, modality: &str, block: Json<'_>) {
    let source = block.get("source");
    let uri = source.and_then(|source| source.get("s3Location")?.get("uri"));
    write_type(out, if uri.is_some() { "uri" } else { "blob" });
    write!(out, ",\"modality\":{}", Quoted(modality)).expect("writing to a String cannot fail");
    write_value(out, "format", block.get("format"));
    write_value(out, "name", block.get("name"));
    write_value(out, "uri", uri);
    // base64 has four characters for three bytes.
    if let Some(base64) = source.and_then(|source| source.get("bytes")).filter(|bytes| bytes.kind() == Kind::String) {
        let text = base64.text().trim_matches('"');
        let bytes = text.trim_end_matches('=').len() * 3 / 4;
        write!(out, ",\"size\":{bytes}").expect("writing to a String cannot fail");
    }
}

/// Writes the beginning of an object with a type.
fn write_type(out: &mut String, r#type: &str) {
    out.push_str("{\"type\":");
    json::quote(out, r#type).expect("writing to a String cannot fail");
}

/// Writes a member unless there is none.
fn write_value(out: &mut String, key: &str, value: Option<Json<'_>>) {
    if let Some(value) = value {
        write!(out, ",\"{key}\":{}", value.text()).expect("writing to a String cannot fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts_of(blocks: &str) -> String {
        let mut out = String::new();
        write_parts(&mut out, Json::parse(blocks).unwrap());
        Json::parse(&out).expect("JSON");
        out
    }

    #[test]
    fn each_content_block_becomes_the_part_of_the_conventions() {
        for (block, part) in [
            (r#"{"text":"a \"b\""}"#, r#"{"type":"text","content":"a \"b\""}"#),
            (
                r#"{"reasoningContent":{"reasoningText":{"text":"why","signature":"s"}}}"#,
                r#"{"type":"reasoning","content":"why"}"#,
            ),
            (r#"{"reasoningContent":{"redactedContent":"AAAA"}}"#, r#"{"type":"reasoning"}"#),
            (
                r#"{"toolUse":{"toolUseId":"t1","name":"f","input":{"a":1}}}"#,
                r#"{"type":"tool_call","id":"t1","name":"f","arguments":{"a":1}}"#,
            ),
            (
                r#"{"toolResult":{"toolUseId":"t1","content":[{"text":"wet"}],"status":"error"}}"#,
                r#"{"type":"tool_call_response","id":"t1","status":"error","response":"wet"}"#,
            ),
            (
                r#"{"toolResult":{"toolUseId":"t1","content":[{"json":{"a":[]}}]}}"#,
                r#"{"type":"tool_call_response","id":"t1","response":{"a":[]}}"#,
            ),
            (
                r#"{"toolResult":{"toolUseId":"t1","content":[{"text":"a"},{"text":"b"}]}}"#,
                r#"{"type":"tool_call_response","id":"t1","response":[{"type":"text","content":"a"},{"type":"text","content":"b"}]}"#,
            ),
            (
                r#"{"image":{"format":"png","source":{"bytes":"AAAAAA=="}}}"#,
                r#"{"type":"blob","modality":"image","format":"png","size":4}"#,
            ),
            (
                r#"{"document":{"format":"pdf","name":"d","source":{"s3Location":{"uri":"s3://b/k"}}}}"#,
                r#"{"type":"uri","modality":"document","format":"pdf","name":"d","uri":"s3://b/k"}"#,
            ),
            (r#"{"newBlock":{"x":1}}"#, r#"{"type":"newBlock","content":{"x":1}}"#),
        ] {
            assert_eq!(parts_of(&format!("[{block}]")), format!("[{part}]"));
        }
        assert_eq!(
            parts_of(r#"[{"text":"a"},{"cachePoint":{"type":"default"}}]"#),
            r#"[{"type":"text","content":"a"}]"#
        );
    }

    #[test]
    fn a_message_of_nothing_but_tool_results_has_the_role_tool() {
        let messages = r#"[{"role":"user","content":[{"toolResult":{"toolUseId":"1","content":[]}}]},
            {"role":"user","content":[{"toolResult":{"toolUseId":"1","content":[]}},{"text":"and"}]},
            {"role":"assistant","content":[]}]"#;
        let mut out = String::new();
        write_messages(&mut out, Json::parse(messages).unwrap());
        let messages = Json::parse(&out).expect("JSON");
        let roles: Vec<_> = messages.elements().map(|message| message.get("role").unwrap().string().unwrap()).collect();
        assert_eq!(roles, ["tool", "user", "assistant"]);
    }
}
