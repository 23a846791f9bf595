//! Recorded responses of the real service. Streams are assembled to the expected responses. Unary responses are split
//! into events, and assembled to the same bytes again.

use super::message_assembler::MessageAssembler;
use crate::config::Cache;
use crate::json::{Json, Member, quoted};
use crate::protocol::batch::Batch;
use crate::protocol::event_decoder::EventDecoder;
use crate::protocol::frame_buffer::FrameBuffer;
use crate::protocol::operation::Operation;
use crate::protocol::response_head::ResponseHead;
use crate::request::{Document, Request};
use crate::response::{Response, Usage};
use crate::text::Text;
use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

struct Interaction {
    id: String,
    body: Vec<u8>,
    expected: Value,
}

/// Returns the recorded successes of an operation: those of the samples, and of the collection if there is one.
fn corpus(operation: &str) -> Vec<Interaction> {
    [samples(operation), collection(operation)].into_iter().flatten().collect()
}

/// Returns the recorded successes in `tests/sample_recordings`.
fn samples(operation: &str) -> Vec<Interaction> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sample_recordings");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let expected: Map<String, Value> = serde_json::from_str(&read("expected.json")).unwrap();
    let sample = |(name, expected): (&String, &Value)| {
        let recording = read(&format!("{name}.json"));
        let recording = Json::parse(&recording).unwrap();
        let at = |pointer: &str| recording.pointer(&format!("/interactions/0{pointer}"));
        let path = at("/request/path")?.string()?;
        let wanted =
            path.ends_with(&format!("/{operation}")) || operation == "apply-guardrail" && path.ends_with("/apply");
        if !wanted || at("/response/status")?.text() != "200" {
            return None;
        }
        let event = |event: Json<'_>| {
            let name = event.get("type").unwrap().string().unwrap().into_owned();
            frame(&name, event.get("payload").unwrap().text().to_owned())
        };
        let body = match at("/response/events") {
            Some(events) => events.elements().flat_map(event).collect(),
            None => at("/response/body")?.text().as_bytes().to_vec(),
        };
        Some(Interaction { id: format!("samples/{name}"), body, expected: expected.clone() })
    };
    expected.iter().filter_map(sample).collect()
}

/// Encodes an event by another encoder than the library's.
fn frame(name: &str, payload: String) -> Vec<u8> {
    let message = Message::new(payload)
        .add_header(Header::new(":message-type", HeaderValue::String("event".into())))
        .add_header(Header::new(":event-type", HeaderValue::String(name.to_owned().into())));
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes).unwrap();
    bytes
}

/// Returns recorded traffic of the real service, or none if there is no collection.
fn collection(operation: &str) -> Vec<Interaction> {
    let root = std::env::var_os("BEDROCK_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let Ok(index) = std::fs::read(root.join("index.json")) else {
        println!("skipped: no recorded traffic (BEDROCK_CORPUS, or ../shared/corpus)");
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

fn events(body: &[u8]) -> Batch {
    let (mut frames, mut events, mut batch) = (FrameBuffer::default(), EventDecoder::default(), Batch::default());
    frames.feed(body, |frame| events.decode(frame, &mut batch)).unwrap();
    assert!(frames.is_between_frames() && events.message_stopped());
    batch
}

fn assemble(events: &Batch, mut after_each: impl FnMut(&MessageAssembler)) -> String {
    let mut message = MessageAssembler::default();
    for index in 0..events.len() {
        message.push(&events.get(index).unwrap());
        after_each(&message);
    }
    message.into_json().into()
}

/// Returns the unary response for an expected, accumulated stream.
fn expected_response(accumulated: &Value) -> Value {
    let content: Vec<_> = accumulated["content"].as_array().unwrap().iter().map(expected_block).collect();
    let mut response = Map::new();
    response.insert("output".into(), json!({"message": {"role": accumulated["role"], "content": content}}));
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
            response.insert(member.into(), accumulated[key].clone());
        }
    }
    response.into()
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

/// Compares the getters with an expected summary.
fn check_getters(id: &str, response: &Response, expected: &Value) {
    assert_eq!(response.text().as_str(), expected["text"], "{id}");
    assert_eq!(response.reasoning().as_str(), expected["reasoning_text"], "{id}");
    assert_eq!(response.stop_reason().as_str(), expected["stop_reason"], "{id}");

    let expected_calls = expected["tool_calls"].as_array().unwrap();
    let mut calls: Vec<_> = response.tool_calls().iter().chain(response.server_tool_calls()).collect();
    assert_eq!(calls.len(), expected_calls.len(), "{id}");
    let position = |id: &str| expected_calls.iter().position(|expected| expected["toolUseId"] == id);
    calls.sort_by_key(|call| position(call.id.as_str()));
    for (call, expected) in calls.iter().zip(expected_calls) {
        assert_eq!(call.id.as_str(), expected["toolUseId"], "{id}");
        assert_eq!(call.name.as_str(), expected["name"], "{id}");
        assert_eq!(serde_json::from_str::<Value>(call.input.as_str()).unwrap(), expected["input"], "{id}");
        // At max_tokens the service gives {} for an input that had not begun, or that it cannot parse.
        let is_cut = expected["input"] == json!({}) && expected_calls.last() == Some(expected);
        assert_eq!(call.input_valid, !(is_cut && response.stop_reason().as_str() == "max_tokens"), "{id}");
    }

    let count = |names: &[&str]| names.iter().find_map(|name| expected["usage"][name].as_i64()).unwrap_or(-1);
    let usage = Usage {
        input_tokens: count(&["inputTokens"]),
        output_tokens: count(&["outputTokens"]),
        total_tokens: count(&["totalTokens"]),
        cache_read_tokens: count(&["cacheReadInputTokens", "cacheReadInputTokenCount"]),
        cache_write_tokens: count(&["cacheWriteInputTokens", "cacheWriteInputTokenCount"]),
        ..response.usage()
    };
    assert_eq!(response.usage(), usage, "{id}");
}

#[test]
fn streams_are_assembled_to_the_expected_responses() {
    let streams = corpus("converse-stream");
    for Interaction { id, body, expected } in &streams {
        let accumulated = &expected["accumulated"];
        let response = assemble(&events(body), |so_far| {
            assert!(Json::parse(&String::from(so_far.clone().into_json())).is_ok(), "{id}")
        });
        assert_eq!(serde_json::from_str::<Value>(&response).unwrap(), expected_response(accumulated), "{id}");
        let response = Response::streamed(response, true, ResponseHead::default(), 1);
        check_getters(id, &response, accumulated);
        assert_eq!(response.usage().latency_ms, accumulated["metrics"]["latencyMs"], "{id}");
    }
    println!("{} recorded streams assembled", streams.len());
}

#[test]
fn unary_responses_have_the_expected_values() {
    let responses = corpus("converse");
    for Interaction { id, body, expected } in &responses {
        let response =
            Response::unary(Text::from(String::from_utf8(body.clone()).unwrap()), ResponseHead::default(), 1);
        check_getters(id, &response, &expected["summary"]);
    }
    println!("{} recorded unary responses read", responses.len());
}

#[test]
fn responses_of_other_operations_have_no_message() {
    let mut responses = 0;
    for Interaction { id, body, .. } in ["count-tokens", "apply-guardrail", "invoke"].map(corpus).into_iter().flatten()
    {
        let Ok(json) = String::from_utf8(body) else { continue };
        // Some models' own responses have Converse's shape.
        if Json::parse(&json).is_ok_and(|json| json.pointer("/output/message").is_some()) {
            continue;
        }
        let response = Response::unary(Text::from(json.clone()), ResponseHead::default(), 1);
        assert_eq!(response.json().as_str(), json, "{id}");
        let texts = [response.text(), response.reasoning(), response.stop_reason(), response.message()];
        assert!(texts.iter().all(|text| text.is_empty()) && response.tool_calls().is_empty(), "{id}");
        responses += 1;
    }
    println!("{responses} recorded responses of other operations read");
}

/// Continues a conversation as an agent does: adds the response, and a result for each tool call of the program.
fn continue_conversation(id: &str, response: &Response) {
    let tools = r#"{"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{}}}}]}}"#;
    let mut request = Request::parse(tools).unwrap();
    request.add_text("user", "Go.").unwrap();
    request.add_response(response).unwrap_or_else(|error| panic!("{id}: {}", error.message()));
    for call in response.tool_calls() {
        request.add_tool_result(call.id.as_str(), "done", !call.input_valid).unwrap();
    }
    request.add_text("user", "And?").unwrap();
    let input = request.serialize(Operation::Converse, "m", &Document::default(), &Cache::default(), true);
    let input = input.unwrap_or_else(|error| panic!("{id}: {} at {}", error.message(), error.path()));

    // The service refuses the following, also if the local checks accept it.
    let body: Value = serde_json::from_slice(&input.body.unwrap()).unwrap();
    let message = body["messages"].as_array().unwrap().iter().find(|message| message["role"] == "assistant");
    let Some(content) = message.map(|message| message["content"].as_array().unwrap()) else {
        assert!(
            response.text().as_str().trim().is_empty() && response.tool_calls().is_empty(),
            "{id}: the response is lost"
        );
        return;
    };
    assert!(!content.is_empty(), "{id}");
    assert!(content.last().unwrap().get("reasoningContent").is_none(), "{id}: it ends with reasoning");
    let blank = |block: &Value| block["text"].as_str().is_some_and(|text| text.trim().is_empty());
    assert!(!content.iter().any(blank), "{id}: a text is blank");
    let called = |block: &&Value| block.get("toolUse").is_some();
    let client = |block: &&Value| block["toolUse"]["type"] != "server_tool_use";
    assert_eq!(
        content.iter().filter(called).filter(client).count(),
        response.tool_calls().len(),
        "{id}: a call is lost"
    );
    let servers = content.iter().filter(called).count() - response.tool_calls().len();
    // The last call of a server tool may have been cut off before its result came.
    let open = usize::from(!response.is_complete());
    assert!(servers + open >= response.server_tool_calls().len(), "{id}: a call of a server tool is lost");
    assert!(content.iter().filter(called).all(|block| block["toolUse"]["input"].is_object()), "{id}");
}

#[test]
fn every_recorded_response_can_be_added_and_the_conversation_goes_on() {
    let (mut responses, mut cut) = (0, 0);
    for Interaction { id, body, .. } in corpus("converse") {
        let response = String::from_utf8(body).unwrap();
        let stream = split_into_stream(Json::parse(&response).unwrap(), usize::MAX);
        let streamed = assemble(&events(&stream), |_| ());
        continue_conversation(&id, &Response::streamed(streamed, true, ResponseHead::default(), 1));
        continue_conversation(&id, &Response::unary(Text::from(response), ResponseHead::default(), 1));
        responses += 2;
    }
    for Interaction { id, body, .. } in corpus("converse-stream") {
        let events = events(&body);
        let mut message = MessageAssembler::default();
        for index in 0..events.len() {
            let event = events.get(index).unwrap();
            // A stream may break off after any event. Each seventh one is enough.
            if index % 7 == 3 {
                continue_conversation(
                    &id,
                    &Response::streamed(message.clone().into_json().into(), false, ResponseHead::default(), 1),
                );
                cut += 1;
            }
            message.push(&event);
        }
        continue_conversation(
            &id,
            &Response::streamed(message.clone().into_json().into(), true, ResponseHead::default(), 1),
        );
        responses += 1;
    }
    println!("{responses} recorded responses added, and streams cut off at {cut} points");
}

/// Splits a unary response into a stream: text in pieces of `size` characters, with interleaved blocks.
fn split_into_stream(response: Json<'_>, size: usize) -> Vec<u8> {
    let mut body = Vec::new();
    let mut send = |name: &str, members: String| body.extend(frame(name, format!("{{{members}}}")));
    let join = |members: Vec<Member<'_>>| members.iter().map(|member| member.segment).collect::<Vec<_>>().join(",");

    send("messageStart", r#""role":"assistant","p":"abc""#.to_owned());
    let content = response.pointer("/output/message/content").unwrap();
    let mut blocks: Vec<_> = content.elements().map(|block| split_block(block, size).into_iter()).collect();
    while blocks.iter().any(|block| block.len() > 0) {
        for (index, block) in blocks.iter_mut().enumerate().rev() {
            if let Some((name, members)) = block.next() {
                send(name, format!(r#""contentBlockIndex":{index}{members},"p":"ab""#));
            }
        }
    }
    let (stop, metadata) = response
        .members()
        .filter(|member| !member.key.is("output"))
        .partition(|member| member.key.is("stopReason") || member.key.is("additionalModelResponseFields"));
    send("messageStop", join(stop));
    send("metadata", join(metadata));
    body
}

/// Returns the names of a block's events, and the members of their payloads besides the index.
fn split_block(block: Json<'_>, size: usize) -> Vec<(&'static str, String)> {
    let value = |pointer| block.pointer(pointer);
    let pieces = |value: Option<Json<'_>>| -> Vec<String> {
        let Some(value) = value else { return Vec::new() };
        let text = value.string().unwrap_or(value.text().into());
        let characters: Vec<_> = text.chars().collect();
        let pieces = characters.chunks(size).map(|piece| quoted(&piece.iter().collect::<String>()));
        if text.is_empty() { vec![quoted("")] } else { pieces.collect() }
    };
    let start = |kind, key| {
        let members = value(kind).into_iter().flat_map(Json::members).filter(|member| !member.key.is(key));
        let members = members.map(|member| member.segment).collect::<Vec<_>>().join(",");
        (!members.is_empty()).then(|| format!(r#","start":{{"{}":{{{members}}}}}"#, &kind[1..]))
    };
    let redacted = value("/reasoningContent/redactedContent").and_then(Json::string).unwrap_or_default();
    let redacted = from_base64(&redacted);
    let redacted = redacted.chunks(size).map(|bytes| quoted(&base64_simd::STANDARD.encode_to_string(bytes)));
    let elements =
        |pointer| value(pointer).into_iter().flat_map(Json::elements).map(|element| element.text().to_owned());

    let mut deltas = Vec::new();
    let mut add = |before: &str, parts: Vec<String>, after: &str| {
        deltas.extend(parts.iter().map(|part| format!(r#","delta":{{{before}{part}{after}}}"#)));
    };
    add(r#""text":"#, pieces(value("/text")), "");
    add(r#""toolUse":{"input":"#, pieces(value("/toolUse/input")), "}");
    add(r#""toolResult":["#, elements("/toolResult/content").collect(), "]");
    add(r#""reasoningContent":{"text":"#, pieces(value("/reasoningContent/reasoningText/text")), "}");
    add(r#""reasoningContent":{"signature":"#, pieces(value("/reasoningContent/reasoningText/signature")), "}");
    add(r#""reasoningContent":{"redactedContent":"#, redacted.collect(), "}");
    add(r#""citation":"#, elements("/citationsContent/citations").collect(), "");
    add(r#""text":"#, pieces(value("/citationsContent/content/0/text")), "");

    let start = start("/toolUse", "input").or(start("/toolResult", "content"));
    let start = start.into_iter().map(|start| ("contentBlockStart", start));
    let deltas = deltas.into_iter().map(|delta| ("contentBlockDelta", delta));
    start.chain(deltas).chain([("contentBlockStop", String::new())]).collect()
}

#[test]
fn unary_responses_split_into_streams_are_assembled_to_the_same_json() {
    let responses = corpus("converse");
    let mut equal = 0;
    for Interaction { id, body, .. } in &responses {
        let response = std::str::from_utf8(body).unwrap();
        let [in_pieces, at_once] = [5, usize::MAX].map(|size| {
            let stream = split_into_stream(Json::parse(response).unwrap(), size);
            assemble(&events(&stream), |_| ())
        });
        assert_eq!(in_pieces, at_once, "{id}");
        if at_once == response {
            equal += 1;
        } else {
            // Some recorders wrote the JSON anew, with white space or members in another order.
            let [assembled, response] = [&at_once, response].map(|json| serde_json::from_str::<Value>(json).unwrap());
            assert_eq!(assembled, response, "{id}");
        }
    }
    println!("{} recorded unary responses split and assembled, {equal} of them byte for byte", responses.len());
    assert!(equal * 10 >= responses.len() * 9, "the library writes responses differently than the service");
}
