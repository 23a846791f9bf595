//! The recordings in `tests/sample_recordings`: made by this library from local servers, in the record format that the
//! README promises to read. They cover what responses hold, so that a clone proves what larger collections of real
//! traffic prove as well.
//!
//! `BLESS=1 cargo test --test sample_recordings` writes them again; then run `tests/sample_recordings/expect.py`, which
//! decodes them independently of this library.

mod support;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use support::capi::*;
use support::{Cut, LocalBedrock, Reply};

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const TOOLS: &str = r#""toolConfig":{"tools":[{"toolSpec":{"name":"add","inputSchema":{"json":{"type":"object"}}}},{"toolSpec":{"name":"now","inputSchema":{"json":{"type":"object"}}}}]}"#;

/// One call, and what the local server replies to it.
struct Sample {
    name: &'static str,
    operation: &'static str,
    request: String,
    reply: Reply,
}

fn sample(name: &'static str, operation: &'static str, request: impl Into<String>, reply: Reply) -> Sample {
    let id = format!("00000000-0000-4000-8000-{:0>12}", name.bytes().map(u64::from).sum::<u64>());
    Sample { name, operation, request: request.into(), reply: reply.request_id(&id) }
}

fn ask(text: &str, more: &str) -> String {
    let comma = if more.is_empty() { "" } else { "," };
    format!(r#"{{"messages":[{{"role":"user","content":[{{"text":"{text}"}}]}}]{comma}{more}}}"#)
}

/// A unary response of Converse with this content.
fn message(content: &str, stop_reason: &str) -> Reply {
    Reply::json(format!(
        r#"{{"metrics":{{"latencyMs":641}},"output":{{"message":{{"content":[{content}],"role":"assistant"}}}},"stopReason":"{stop_reason}","usage":{{"cacheReadInputTokens":3,"cacheWriteInputTokens":0,"inputTokens":21,"outputTokens":8,"totalTokens":32}}}}"#
    ))
}

fn chunk(json: &str) -> String {
    format!(r#"{{"bytes":"{}","p":"abcdef"}}"#, base64_simd::STANDARD.encode_to_string(json))
}

fn samples() -> Vec<Sample> {
    let stream = Reply::stream;
    vec![
        sample(
            "text",
            "ConverseStream",
            ask("Count to three.", r#""inferenceConfig":{"maxTokens":50}"#),
            stream().text_stream(&["One", ", two", ", \u{fc}\u{1F600} \"three\"\n", "."], "end_turn"),
        ),
        sample(
            "tools",
            "ConverseStream",
            ask("Add 20 and 22, and tell the time.", TOOLS),
            stream()
                .message_start()
                .text(0, &["I add."])
                .tool_call(1, "tooluse_add", "add", &["{\"x\":", "20,\"y\"", ":22}"])
                .tool_call(2, "tooluse_now", "now", &[""])
                .message_stop("tool_use")
                .metadata(40, 31),
        ),
        sample(
            "reasoning",
            "ConverseStream",
            ask("Think.", r#""additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":1024}}"#),
            stream()
                .message_start()
                .reasoning(0, &["Let me ", "see."], "c2lnbmF0dXJl")
                .text(1, &["Done."])
                .message_stop("end_turn")
                .metadata(12, 9),
        ),
        sample(
            "redacted_reasoning",
            "ConverseStream",
            ask("Think in secret.", ""),
            stream()
                .message_start()
                .event(
                    "contentBlockDelta",
                    r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"redactedContent":"AAEC"}}}"#,
                )
                .event(
                    "contentBlockDelta",
                    r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"redactedContent":"AwQ="}}}"#,
                )
                .block_stop(0)
                .text(1, &["Done."])
                .message_stop("max_tokens")
                .metadata(12, 9),
        ),
        sample(
            "interleaved",
            "ConverseStream",
            ask("Say two things at once.", ""),
            stream()
                .message_start()
                .text_delta(1, "second")
                .text_delta(0, "first")
                .text_delta(1, ", too")
                .block_stop(0)
                .block_stop(1)
                .message_stop("stop_sequence")
                .metadata(8, 4),
        ),
        sample(
            "unknown_event",
            "ConverseStream",
            ask("Hello?", ""),
            stream()
                .message_start()
                .event("somethingNew", r#"{"new":[1,2,3],"p":"ab"}"#)
                .text(0, &["Hello."])
                .message_stop("end_turn")
                .metadata(3, 2),
        ),
        sample(
            "guardrail_stream",
            "ConverseStream",
            ask(
                "Something forbidden.",
                r#""guardrailConfig":{"guardrailIdentifier":"gr1","guardrailVersion":"1","trace":"enabled"}"#,
            ),
            stream()
                .message_start()
                .text(0, &["I cannot answer that."])
                .message_stop("guardrail_intervened")
                .event(
                    "metadata",
                    r#"{"metrics":{"latencyMs":412},"trace":{"guardrail":{"inputAssessment":{"gr1":{"topicPolicy":{"topics":[{"action":"BLOCKED","name":"forbidden","type":"DENY"}]}}}}},"usage":{"inputTokens":0,"outputTokens":0,"totalTokens":0}}"#,
                ),
        ),
        sample(
            "unary_text",
            "Converse",
            ask("Greet a C programmer.", r#""system":[{"text":"Be brief."}]"#),
            message(r#"{"text":"Hello, *world."}"#, "end_turn"),
        ),
        sample(
            "unary_tool",
            "Converse",
            ask("Add 1 and 2.", TOOLS),
            message(
                r#"{"text":"I add."},{"toolUse":{"input":{"x":1,"y":2},"name":"add","toolUseId":"tooluse_1"}}"#,
                "tool_use",
            ),
        ),
        sample(
            "unary_reasoning",
            "Converse",
            ask("Think.", ""),
            message(
                r#"{"reasoningContent":{"reasoningText":{"signature":"c2ln","text":"Hm."}}},{"text":"Yes."}"#,
                "end_turn",
            ),
        ),
        sample(
            "image",
            "Converse",
            format!(
                r#"{{"messages":[{{"role":"user","content":[{{"text":"What is this?"}},{{"image":{{"format":"png","source":{{"bytes":"{PNG}"}}}}}}]}}]}}"#
            ),
            message(r#"{"text":"A red dot."}"#, "end_turn"),
        ),
        sample(
            "throttled",
            "Converse",
            ask("Again?", ""),
            Reply::error(429, "ThrottlingException", "Too many requests, please wait before trying again."),
        ),
        sample(
            "too_long",
            "ConverseStream",
            ask("A very long text.", ""),
            Reply::error(
                400,
                "ValidationException",
                "Input Tokens Exceeded: Number of input tokens exceeds maximum length.",
            ),
        ),
        sample(
            "denied",
            "Converse",
            ask("Hello?", ""),
            Reply::error(403, "AccessDeniedException", "You don't have access to the model with the specified model ID."),
        ),
        sample(
            "exception",
            "ConverseStream",
            ask("Break.", ""),
            stream().message_start().text_delta(0, "It br").exception(
                "modelStreamErrorException",
                r#"{"message":"The model broke off.","originalStatusCode":424}"#,
            ),
        ),
        sample(
            "cut",
            "ConverseStream",
            ask("Break off.", ""),
            stream().message_start().text_delta(0, "It was lo").text_delta(0, "st").cut_at(300, Cut::Reset),
        ),
        sample(
            "model_chunks",
            "InvokeModelWithResponseStream",
            r#"{"body":{"prompt":"Hello"}}"#,
            stream()
                .event("chunk", &chunk(r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#))
                .event(
                    "chunk",
                    &chunk(
                        r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":5,"outputTokenCount":2,"invocationLatency":97,"firstByteLatency":41}}"#,
                    ),
                ),
        ),
        sample(
            "embedding_by_counted_text",
            "InvokeModel",
            r#"{"body":{"inputText":"Hello"}}"#,
            Reply::json(r#"{"embedding":[0.50,-0.25,1e-3],"inputTextTokenCount":3}"#)
                .header("X-Amzn-Bedrock-Input-Token-Count", "3")
                .header("X-Amzn-Bedrock-Invocation-Latency", "40"),
        ),
        sample(
            "embedding_of_several_texts",
            "InvokeModel",
            r#"{"body":{"texts":["Hello","World"],"input_type":"search_document"}}"#,
            Reply::json(
                r#"{"id":"1","texts":["hello","world"],"embeddings":{"float":[[0.1,0.2],[0.3,0.4]]},"response_type":"embeddings_by_type","meta":{"billed_units":{"input_tokens":2}}}"#,
            ),
        ),
        sample(
            "counted",
            "CountTokens",
            ask("How many tokens?", ""),
            Reply::json(r#"{"inputTokens":11}"#),
        ),
        sample(
            "guardrail",
            "ApplyGuardrail",
            r#"{"source":"INPUT","content":[{"text":{"text":"Hello"}}],"guardrailIdentifier":"gr1","guardrailVersion":"1"}"#,
            Reply::json(
                r#"{"action":"NONE","assessments":[],"outputs":[],"usage":{"contentPolicyUnits":0,"topicPolicyUnits":1}}"#,
            ),
        ),
    ]
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sample_recordings")
}

fn call(model: &Model, sample: &Sample) -> (Vec<Event>, Outcome) {
    let request = Request::json(&sample.request);
    match sample.operation {
        "Converse" => (Vec::new(), model.generate(&request)),
        "ConverseStream" => {
            let streamed = model.stream(&request);
            (streamed.events, streamed.outcome)
        }
        operation => (Vec::new(), model.call(operation, &request)),
    }
}

fn record(sample: &Sample, file: &Path) -> (Vec<Event>, Outcome) {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with({
        let reply = sample.reply.clone();
        move |_| reply.clone()
    });
    let members = json!({"transport": {"record": file}, "retry": {"max_attempts": 1}});
    let called = call(&Model::at_with(&bedrock, members), sample);
    let _ = bedrock.problems();
    called
}

/// A recording's text without the times and the port, which differ with each run.
fn timeless(text: &str) -> String {
    let mut rest = text;
    let mut timeless = String::new();
    while let Some(at) = rest.find("\"after_ms\": ") {
        let (before, after) = rest.split_at(at + "\"after_ms\": ".len());
        timeless += before;
        timeless += "0";
        rest = after.trim_start_matches(|letter: char| letter.is_ascii_digit());
    }
    timeless + rest
}

fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sample_recordings");
    std::fs::create_dir_all(&folder).expect("a folder");
    folder.join(format!("{name}.json"))
}

#[test]
fn the_sample_recordings_are_what_the_library_records() {
    let bless = std::env::var_os("BLESS").is_some();
    for sample in samples() {
        let file = scratch(sample.name);
        record(&sample, &file);
        let recorded = timeless(&std::fs::read_to_string(&file).expect("a recording"));
        let kept = folder().join(format!("{}.json", sample.name));
        if bless {
            std::fs::write(&kept, &recorded).expect("the recording is written");
        }
        let text = std::fs::read_to_string(&kept).unwrap_or_else(|error| panic!("{}: {error}", kept.display()));
        assert_eq!(recorded, text, "{}", sample.name);
    }
}

#[test]
fn a_sample_recording_replays_as_the_call_that_was_recorded() {
    for sample in samples() {
        let (events, outcome) = record(&sample, &scratch(&format!("{}-live", sample.name)));
        let kept = folder().join(format!("{}.json", sample.name));
        let config = json!({"model": MODEL_ID, "retry": {"max_attempts": 1}, "transport": {"replay": kept}});
        let (replayed_events, replayed) = call(&Model::new(&config), &sample);
        assert_eq!(replayed_events, events, "{}", sample.name);
        assert_eq!(replayed.response, outcome.response, "{}", sample.name);
        // A failure on the way to the service names no host in a replay.
        let code_and_status =
            |outcome: &Outcome| outcome.failure.as_ref().map(|failure| (failure.code.clone(), outcome.status));
        assert_eq!(code_and_status(&replayed), code_and_status(&outcome), "{}", sample.name);
    }
}

#[test]
fn every_file_among_the_sample_recordings_is_a_sample() {
    let mut names: Vec<String> = samples().iter().map(|sample| format!("{}.json", sample.name)).collect();
    names.extend(["expected.json", "frames.json", "expect.py"].map(str::to_owned));
    for entry in std::fs::read_dir(folder()).expect("the folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        assert!(names.contains(&name), "{name} is no sample");
    }
    let expected = std::fs::read_to_string(folder().join("expected.json")).expect("expected.json");
    let expected: Value = serde_json::from_str(&expected).expect("JSON");
    let decoded = expected.as_object().expect("an object").len();
    // A stream that is cut or fails has no complete response to compare.
    assert_eq!(decoded + 2, samples().len(), "run tests/sample_recordings/expect.py");
}
