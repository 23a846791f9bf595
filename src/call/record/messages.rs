//! Conversations in the form of OpenTelemetry's conventions: messages that consist of parts.
//!
//! | content block of Converse | part |
//! |---|---|
//! | `text` | `{"type":"text","content":...}` |
//! | `reasoningContent` | `{"type":"reasoning","content":...}` |
//! | `toolUse` | `{"type":"tool_call","id":...,"name":...,"arguments":...}` |
//! | `toolResult` | `{"type":"tool_call_response","id":...,"response":...}` |
//! | `image`, `document`, `video`, `audio` | `{"type":"uri","modality":...,"uri":...}`, or `"blob"` without its bytes |
//! | `document` that is given as text | `{"type":"document","modality":"document","content":...}` |
//! | `image` in `guardContent` | as `image` |
//! | `cachePoint` | none |
//! | another one | its name as the type, and its value as the content |

use super::object::{Key, Object, key, write_array};
use crate::json::{Json, Member};

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
    write_array(out, without_cache_points(blocks), |out, block| {
        write_part(out, &block.key.string().unwrap_or_default(), block.value);
    });
}

/// Writes the tools of a request as an array.
pub(super) fn write_tools(out: &mut String, tools: Json<'_>) {
    write_array(out, without_cache_points(tools), |out, tool| {
        let mut definition = Object::begin(out);
        match &*tool.key.string().unwrap_or_default() {
            "toolSpec" => definition.literal(key!("type"), "function"),
            other => definition.text(key!("type"), other),
        }
        definition.known_json(key!("name"), tool.value.get("name"));
        definition.known_json(key!("description"), tool.value.get("description"));
        definition.known_json(key!("parameters"), tool.value.get("inputSchema").and_then(|schema| schema.get("json")));
        definition.end();
    });
}

/// Returns the members of the objects in an array: each object is a union, and has one member.
fn without_cache_points(unions: Json<'_>) -> impl Iterator<Item = Member<'_>> {
    unions.elements().flat_map(Json::members).filter(|member| !member.key.is("cachePoint"))
}

fn write_message(out: &mut String, message: Json<'_>, finish_reason: Option<&str>) {
    let blocks = message.get("content");
    let mut keys = blocks.into_iter().flat_map(Json::elements).flat_map(Json::members).map(|member| member.key);
    // In Converse results of tools are messages of the user, in the conventions they have a role of their own.
    let is_of_tools = keys.next().is_some_and(|key| key.is("toolResult")) && keys.all(|key| key.is("toolResult"));
    let mut written = Object::begin(out);
    written.raw(key!("role"), if is_of_tools { "\"tool\"" } else { message.get("role").map_or("\"\"", Json::text) });
    written.key(key!("parts"));
    match blocks {
        Some(blocks) => write_parts(written.out, blocks),
        None => written.out.push_str("[]"),
    }
    if let Some(reason) = finish_reason {
        written.text(key!("finish_reason"), reason);
    }
    written.end();
}

fn write_part(out: &mut String, kind: &str, block: Json<'_>) {
    let mut part = Object::begin(out);
    match kind {
        "text" => {
            part.literal(key!("type"), "text");
            part.raw(key!("content"), block.text());
        }
        "reasoningContent" => {
            part.literal(key!("type"), "reasoning");
            part.known_json(key!("content"), block.get("reasoningText").and_then(|reasoning| reasoning.get("text")));
        }
        "toolUse" => {
            part.literal(key!("type"), "tool_call");
            part.known_json(key!("id"), block.get("toolUseId"));
            part.known_json(key!("name"), block.get("name"));
            part.known_json(key!("arguments"), block.get("input"));
        }
        "toolResult" => {
            part.literal(key!("type"), "tool_call_response");
            part.known_json(key!("id"), block.get("toolUseId"));
            part.known_json(key!("status"), block.get("status"));
            part.key(key!("response"));
            write_content(part.out, block.get("content"));
        }
        "image" | "document" | "video" | "audio" => add_medium(&mut part, kind, block),
        other => match block.get("image").filter(|_| other == "guardContent") {
            Some(image) => add_medium(&mut part, "image", image),
            None => {
                part.text(key!("type"), other);
                part.raw(key!("content"), block.text());
            }
        },
    }
    part.end();
}

/// Writes a result of a tool, or the content of a document: its text or its JSON alone, or else its parts.
fn write_content(out: &mut String, blocks: Option<Json<'_>>) {
    let Some(blocks) = blocks else { return out.push_str("null") };
    let mut members = blocks.elements().flat_map(Json::members);
    match (members.next(), members.next()) {
        (Some(only), None) if only.key.is("text") || only.key.is("json") => out.push_str(only.value.text()),
        _ => write_parts(out, blocks),
    }
}

fn add_medium(part: &mut Object<'_>, modality: &str, block: Json<'_>) {
    let source = |name| block.get("source")?.get(name);
    let uri = source("s3Location").and_then(|location| location.get("uri"));
    let (text, blocks) = (source("text"), source("content"));
    let kind = match uri {
        Some(_) => "uri",
        None if text.or(blocks).is_some() => modality,
        None => "blob",
    };
    part.literal(key!("type"), kind);
    part.literal(key!("modality"), modality);
    part.known_json(key!("format"), block.get("format"));
    part.known_json(key!("name"), block.get("name"));
    part.known_json(key!("uri"), uri);
    part.known_json(key!("content"), text);
    if blocks.is_some() {
        part.key(key!("content"));
        write_content(part.out, blocks);
    }
    if let Some(size) = source("bytes").and_then(|bytes| bytes.decode_base64(|_| ())) {
        part.number(key!("size"), size);
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
            (
                r#"{"document":{"format":"txt","name":"d","source":{"text":"the text"}}}"#,
                r#"{"type":"document","modality":"document","format":"txt","name":"d","content":"the text"}"#,
            ),
            (
                r#"{"document":{"name":"d","source":{"content":[{"text":"a"}]}}}"#,
                r#"{"type":"document","modality":"document","name":"d","content":"a"}"#,
            ),
            (
                r#"{"document":{"name":"d","source":{"content":[{"text":"a"},{"text":"b"}]}}}"#,
                r#"{"type":"document","modality":"document","name":"d","content":[{"type":"text","content":"a"},{"type":"text","content":"b"}]}"#,
            ),
            (
                r#"{"guardContent":{"image":{"format":"png","source":{"bytes":"AAAAAA=="}}}}"#,
                r#"{"type":"blob","modality":"image","format":"png","size":4}"#,
            ),
            (r#"{"guardContent":{"text":{"text":"a"}}}"#, r#"{"type":"guardContent","content":{"text":{"text":"a"}}}"#),
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
