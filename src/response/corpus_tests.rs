//! Recorded answers of the real service: streams assemble to what is expected of them, and unary answers, taken apart into the
//! events they would have streamed as, assemble to the bytes they were.

use super::{Assembler, Response, Usage};
use crate::json::{Json, quoted};
use crate::wire::event::{Event, EventKind};
use aws_smithy_eventstream::frame::read_message_from;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

struct Interaction {
    id: String,
    body: Vec<u8>,
    expected: Value,
}

/// The recorded successes of an operation, none where the corpus is absent.
fn corpus(operation: &str) -> Vec<Interaction> {
    let root = std::env::var_os("BEDROCK_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let Ok(index) = std::fs::read(root.join("index.json")) else {
        println!("skipped: no corpus");
        return Vec::new();
    };
    let read = |file: String| -> Value { serde_json::from_slice(&std::fs::read(root.join(file)).unwrap()).unwrap() };
    let rows: Vec<Value> = serde_json::from_slice(&index).unwrap();
    let successes = rows.iter().filter(|row| row["operation"] == operation && row["status"] == 200);
    let interaction = |row: &Value| {
        let id = row["id"].as_str().unwrap();
        let body = read(format!("{id}.json"))["response"]["body_b64"].as_str().map(from_base64)?;
        Some(Interaction { id: id.to_owned(), body, expected: read(format!("{id}.expected.json")) })
    };
    successes.filter_map(interaction).collect()
}

fn from_base64(text: &str) -> Vec<u8> {
    base64_simd::STANDARD.decode_to_vec(text).unwrap()
}

/// What `wire` makes of an event on its way here.
fn push(assembler: &mut Assembler, name: &str, payload: &str) {
    let json = Json::parse(payload).unwrap();
    let string = |pointer| json.pointer(pointer).and_then(Json::string);
    let delta = || {
        let kinds = [
            (EventKind::Text, "/delta/text"),
            (EventKind::Reasoning, "/delta/reasoningContent/text"),
            (EventKind::ToolInput, "/delta/toolUse/input"),
        ];
        kinds.into_iter().find_map(|(kind, pointer)| Some((kind, string(pointer)?)))
    };
    let (kind, text) = match name {
        "messageStart" => (EventKind::MessageStart, string("/role").unwrap()),
        "contentBlockStart" => (EventKind::BlockStart, "".into()),
        "contentBlockDelta" => delta().unwrap_or((EventKind::BlockDelta, "".into())),
        "contentBlockStop" => (EventKind::BlockStop, "".into()),
        "messageStop" => (EventKind::MessageStop, string("/stopReason").unwrap()),
        "metadata" => (EventKind::Metadata, "".into()),
        other => panic!("{other}"),
    };
    let block = json.get("contentBlockIndex").and_then(Json::i64).map_or(-1, |index| index as i32);
    assembler.push(&Event { kind, block, text: &text, tool_id: "", tool_name: "", json: payload });
}

fn assemble_frames(mut body: &[u8]) -> String {
    let mut assembler = Assembler::default();
    while !body.is_empty() {
        let message = read_message_from(&mut body).unwrap();
        let name = message.headers().iter().find(|header| header.name().as_str() == ":event-type").unwrap();
        let payload = std::str::from_utf8(message.payload()).unwrap();
        push(&mut assembler, name.value().as_string().unwrap().as_str(), payload);
    }
    assembler.answer()
}

/// The unary answer that the expected, accumulated stream amounts to.
fn expected_answer(accumulated: &Value) -> Value {
    let content: Vec<_> = accumulated["content"].as_array().unwrap().iter().map(expected_block).collect();
    let mut answer = Map::new();
    answer.insert("output".into(), json!({"message": {"role": accumulated["role"], "content": content}}));
    for (member, key) in [
        ("stopReason", "stop_reason"),
        ("usage", "usage"),
        ("metrics", "metrics"),
        ("trace", "trace"),
        ("additionalModelResponseFields", "additional_model_response_fields"),
        ("performanceConfig", "performance_config"),
        ("serviceTier", "service_tier"),
    ] {
        if !accumulated[key].is_null() {
            answer.insert(member.into(), accumulated[key].clone());
        }
    }
    answer.into()
}

fn expected_block(block: &Value) -> Value {
    let pick = |members: &[(&str, &str)]| -> Value {
        let present = members.iter().filter(|(_, key)| !block[key].is_null());
        present.map(|(member, key)| (member.to_string(), block[key].clone())).collect::<Map<_, _>>().into()
    };
    let elements = |key: &str| block[key].as_array().unwrap().iter();
    match block["type"].as_str().unwrap() {
        "text" if block["citations"].is_array() => {
            json!({"citationsContent": {"citations": block["citations"], "content": [{"text": block["text"]}]}})
        }
        "text" => json!({"text": block["text"]}),
        "toolUse" => {
            let members = [("toolUseId", "toolUseId"), ("name", "name"), ("type", "tool_type"), ("input", "input")];
            json!({"toolUse": pick(&members)})
        }
        "toolResult" => {
            let mut result = block["start"].clone();
            result["content"] = elements("deltas").flat_map(|delta| delta.as_array().unwrap()).cloned().collect();
            json!({"toolResult": result})
        }
        "reasoningContent" if block["redacted_b64"].is_array() => {
            let bytes: Vec<_> = elements("redacted_b64").flat_map(|part| from_base64(part.as_str().unwrap())).collect();
            json!({"reasoningContent": {"redactedContent": base64_simd::STANDARD.encode_to_string(bytes)}})
        }
        "reasoningContent" => {
            json!({"reasoningContent": {"reasoningText": pick(&[("text", "text"), ("signature", "signature")])}})
        }
        other => panic!("{other}"),
    }
}

/// The getters against an expected summary, which streams and unary answers have in common.
fn check_getters(id: &str, response: &Response, expected: &Value) {
    assert_eq!(response.text().as_str(), expected["text"], "{id}");
    assert_eq!(response.reasoning().as_str(), expected["reasoning_text"], "{id}");
    assert_eq!(response.stop_reason().as_str(), expected["stop_reason"], "{id}");
    let says_nothing =
        ["text", "reasoning_text"].iter().all(|key| expected[key] == "") && expected["tool_calls"] == json!([]);
    assert_eq!(response.unsendable(), says_nothing.then_some("it is empty"), "{id}");

    let calls = expected["tool_calls"].as_array().unwrap();
    assert_eq!(response.tool_calls().len(), calls.len(), "{id}");
    for (call, expected) in response.tool_calls().iter().zip(calls) {
        assert_eq!(call.id.as_str(), expected["toolUseId"], "{id}");
        assert_eq!(call.name.as_str(), expected["name"], "{id}");
        assert_eq!(serde_json::from_str::<Value>(call.input.as_str()).unwrap(), expected["input"], "{id}");
        assert!(call.input_valid, "{id}");
    }

    let count = |names: &[&str]| names.iter().find_map(|name| expected["usage"][name].as_i64()).unwrap_or(-1);
    let usage = Usage {
        input_tokens: count(&["inputTokens"]),
        output_tokens: count(&["outputTokens"]),
        total_tokens: count(&["totalTokens"]),
        cache_read_tokens: count(&["cacheReadInputTokens", "cacheReadInputTokenCount"]),
        cache_write_tokens: count(&["cacheWriteInputTokens", "cacheWriteInputTokenCount"]),
        latency_ms: response.usage().latency_ms,
    };
    assert_eq!(response.usage(), usage, "{id}");
}

#[test]
fn streams_assemble_to_what_is_expected() {
    let streams = corpus("converse-stream");
    for Interaction { id, body, expected } in &streams {
        let accumulated = &expected["accumulated"];
        let answer = assemble_frames(body);
        assert_eq!(serde_json::from_str::<Value>(&answer).unwrap(), expected_answer(accumulated), "{id}");
        let response = Response::streamed(answer, true, "", 1);
        check_getters(id, &response, accumulated);
        assert_eq!(response.usage().latency_ms, accumulated["metrics"]["latencyMs"], "{id}");
    }
    println!("{} recorded streams assembled", streams.len());
}

#[test]
fn unary_answers_say_what_is_expected() {
    let answers = corpus("converse");
    for Interaction { id, body, expected } in &answers {
        let response = Response::unary(String::from_utf8(body.clone()).unwrap(), "", 1);
        check_getters(id, &response, &expected["summary"]);
    }
    println!("{} recorded unary answers read", answers.len());
}

/// Takes a unary answer apart into events, in pieces of `size` characters, and assembles it again.
fn take_apart_and_assemble(answer: Json<'_>, size: usize) -> String {
    let mut assembler = Assembler::default();
    let mut push = |name: &str, payload: String| push(&mut assembler, name, &payload);
    let pieces = |text: &str| -> Vec<String> {
        let characters: Vec<_> = text.chars().collect();
        let pieces = characters.chunks(size).map(|piece| quoted(&piece.iter().collect::<String>()));
        if text.is_empty() { vec![quoted("")] } else { pieces.collect() }
    };

    push("messageStart", r#"{"role":"assistant","p":"abc"}"#.to_owned());
    let content = answer.pointer("/output/message/content").unwrap();
    for (index, block) in content.elements().enumerate() {
        let text = |pointer| block.pointer(pointer).and_then(Json::string);
        let without = |pointer, key| {
            let members = block.pointer(pointer).unwrap().members().filter(|member| !member.key.is(key));
            members.map(|member| member.segment).collect::<Vec<_>>().join(",")
        };
        let mut start = None;
        let mut deltas = Vec::new();
        let kind = block.members().next().unwrap().key.string().unwrap();
        match &*kind {
            "text" => deltas.extend(pieces(&text("/text").unwrap()).iter().map(|piece| format!(r#""text":{piece}"#))),
            "toolUse" => {
                start = Some(format!(r#""toolUse":{{{}}}"#, without("/toolUse", "input")));
                let input = pieces(block.pointer("/toolUse/input").unwrap().text());
                deltas.extend(input.iter().map(|piece| format!(r#""toolUse":{{"input":{piece}}}"#)));
            }
            "toolResult" => {
                start = Some(format!(r#""toolResult":{{{}}}"#, without("/toolResult", "content")));
                let content = block.pointer("/toolResult/content").unwrap().elements();
                deltas.extend(content.map(|element| format!(r#""toolResult":[{}]"#, element.text())));
            }
            "reasoningContent" => {
                for (key, pointer) in [("text", "reasoningText/text"), ("signature", "reasoningText/signature")] {
                    let whole = block.pointer(&format!("/reasoningContent/{pointer}")).and_then(Json::string);
                    let parts = whole.iter().flat_map(|whole| pieces(whole));
                    deltas.extend(parts.map(|piece| format!(r#""reasoningContent":{{"{key}":{piece}}}"#)));
                }
                let redacted = text("/reasoningContent/redactedContent").unwrap_or_default();
                for bytes in from_base64(&redacted).chunks(size) {
                    let piece = base64_simd::STANDARD.encode_to_string(bytes);
                    deltas.push(format!(r#""reasoningContent":{{"redactedContent":"{piece}"}}"#));
                }
            }
            "citationsContent" => {
                let citations = block.pointer("/citationsContent/citations").unwrap().elements();
                deltas.extend(citations.map(|citation| format!(r#""citation":{}"#, citation.text())));
                let text = text("/citationsContent/content/0/text").unwrap();
                deltas.extend(pieces(&text).iter().map(|piece| format!(r#""text":{piece}"#)));
            }
            other => panic!("{other}"),
        }
        if let Some(start) = start {
            push("contentBlockStart", format!(r#"{{"contentBlockIndex":{index},"start":{{{start}}}}}"#));
        }
        for delta in deltas {
            push("contentBlockDelta", format!(r#"{{"contentBlockIndex":{index},"delta":{{{delta}}},"p":"ab"}}"#));
        }
        push("contentBlockStop", format!(r#"{{"contentBlockIndex":{index}}}"#));
    }
    let (stop, metadata): (Vec<_>, Vec<_>) = answer
        .members()
        .filter(|member| !member.key.is("output"))
        .partition(|member| member.key.is("stopReason") || member.key.is("additionalModelResponseFields"));
    for (name, members) in [("messageStop", stop), ("metadata", metadata)] {
        let members: Vec<_> = members.iter().map(|member| member.segment).collect();
        push(name, format!("{{{}}}", members.join(",")));
    }
    assembler.answer()
}

#[test]
fn unary_answers_taken_apart_assemble_to_what_they_were() {
    let answers = corpus("converse");
    let mut equal = 0;
    for Interaction { id, body, .. } in &answers {
        let answer = std::str::from_utf8(body).unwrap();
        for size in [1, 7, usize::MAX] {
            let assembled = take_apart_and_assemble(Json::parse(answer).unwrap(), size);
            if assembled == answer {
                equal += 1;
                continue;
            }
            // Some recorders wrote the JSON anew, with white space or members in another order.
            let [assembled, answer] = [&assembled, answer].map(|json| serde_json::from_str::<Value>(json).unwrap());
            assert_eq!(assembled, answer, "{id}");
        }
    }
    println!("{} recorded unary answers taken apart thrice; {equal} times the very bytes again", answers.len());
    assert!(equal * 10 >= answers.len() * 3 * 9, "the service writes its answers in another way than we do");
}
