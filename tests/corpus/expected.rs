//! The transcript that the C program has to write for a call, derived from the recording alone.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::differ;
use crate::replay::Transcript;
use crate::support::{Frame, Interaction, frames};

/// All fields of a transcript: their names and their expected contents.
#[derive(Default)]
pub struct Expected {
    fields: Vec<(&'static str, Content)>,
    /// Whether the response is not a message, so that only some getters have a value for it.
    other: bool,
}

/// The names of these getters, in their order, and the fields of an event.
const OF_OTHERS: [&str; 18] = [
    "event",
    "block",
    "text",
    "json",
    "status",
    "complete",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "latency_ms",
    "request_id",
    "attempts",
    "code",
    "message",
    "path",
    "http_status",
    "retryable",
];

/// The expected content of a field.
enum Content {
    Text(String),
    /// This value, in any spelling.
    Json(Value),
    /// A message of one line that contains all of these.
    LineWith(Vec<String>),
}

/// A failure as the service described it.
pub struct Failure<'a> {
    /// 0 inside a stream.
    pub http_status: u16,
    /// "" if it has no name.
    pub code: &'a str,
    pub message: &'a str,
}

impl Expected {
    /// Returns the expectation for a recorded interaction.
    pub fn of(interaction: &Interaction) -> Expected {
        let mut fields = Expected::default();
        let request_id = header(interaction, "x-amzn-requestid");
        let decoded = interaction.expected.as_ref().expect("another decoder has read every response");
        let body = interaction.reply().body_bytes();
        if interaction.row.status != 200 {
            fields.failure(&Failure::recorded(interaction, decoded), request_id);
        } else if interaction.row.operation == "converse-stream" {
            let frames = frames(&body);
            check_decoders_agree(&interaction.row.id, &frames, decoded);
            let accumulated = &decoded["accumulated"];
            let response = assembled(accumulated);
            let message = response["output"]["message"].clone().into();
            fields.events(&frames);
            fields.converse_response(accumulated, &response, message, response.clone().into(), request_id);
        } else if interaction.row.operation == "invoke-with-response-stream" {
            fields.chunks(&frames(&body), request_id);
        } else if interaction.row.operation != "converse" {
            let json = std::str::from_utf8(&body).expect("a recorded response is UTF-8");
            fields.other(json, interaction, request_id);
        } else {
            let json = std::str::from_utf8(&body).expect("a recorded response is UTF-8");
            let response: Value = serde_json::from_str(json).expect("a recorded response is JSON");
            let message = member(member(json, "output"), "message").into();
            fields.converse_response(&decoded["summary"], &response, message, json.into(), request_id);
        }
        fields
    }

    /// Returns the expectation for a stream that fails: the events before its failure, and the failure.
    pub fn of_failing_stream(before: &[Frame], failure: &Failure<'_>, request_id: &str) -> Expected {
        let mut fields = Expected::default();
        fields.events(before);
        fields.failure(failure, request_id);
        fields
    }

    pub fn event_count(&self) -> usize {
        self.fields.iter().filter(|(name, _)| *name == "event").count()
    }

    /// Checks a transcript. The error names the first field that is not as expected.
    pub fn check(&self, transcript: &Transcript) -> Result<(), String> {
        let error = transcript.iter().find(|(_, text)| text.starts_with("bedrock: "));
        let error = error.map(|(_, message)| format!("\n  the error: {message}")).unwrap_or_default();
        self.check_fields(transcript).map_err(|what| what + &error)
    }

    fn check_fields(&self, transcript: &Transcript) -> Result<(), String> {
        let mut place = Place::default();
        // For a response in a model's own form, this test does not know the texts of a message.
        let ended = transcript.iter().position(|(name, _)| name == "status").unwrap_or_default();
        let failed = transcript.get(ended).is_some_and(|(_, status)| status != "BEDROCK_OK");
        let known = |index: usize, name: &str| match name {
            _ if !self.other => true,
            "text" => index < ended,
            "message" => failed,
            name => OF_OTHERS.contains(&name),
        };
        let mut found =
            transcript.iter().enumerate().filter(|(index, (name, _))| known(*index, name)).map(|(_, field)| field);
        for (name, content) in &self.fields {
            place.enter(name);
            let place = place.of(name);
            match found.next() {
                Some((found, text)) if found == name => content.check(&place, text)?,
                Some((found, text)) => return Err(format!("{place} was expected, and {found} came: {text}")),
                None => return Err(format!("{place} was expected, and nothing came")),
            }
        }
        match found.next() {
            None => Ok(()),
            Some((name, text)) => Err(format!("nothing more was expected, and {name} came: {text}")),
        }
    }

    fn field(&mut self, name: &'static str, content: impl Into<Content>) {
        self.fields.push((name, content.into()));
    }

    fn events(&mut self, frames: &[Frame]) {
        let mut calls = OpenCalls::default();
        frames.iter().for_each(|frame| self.event(frame, &mut calls));
    }

    fn event(&mut self, frame: &Frame, calls: &mut OpenCalls) {
        let json = frame.json();
        let block = json["contentBlockIndex"].as_i64().unwrap_or(-1);
        let string = |pointer: &str| json.pointer(pointer).and_then(Value::as_str);
        let mut call = ToolCall::default();
        let (kind, text) = match frame.event_type() {
            "messageStart" => (1, string("/role").unwrap_or_default().to_owned()),
            "contentBlockStart" => {
                if json.pointer("/start/toolUse").is_some() {
                    call.id = string("/start/toolUse/toolUseId").unwrap_or_default().to_owned();
                    call.name = string("/start/toolUse/name").unwrap_or_default().to_owned();
                    calls.insert(block, call.clone());
                }
                (2, String::new())
            }
            "contentBlockDelta" => {
                let known = [(3, "/delta/text"), (4, "/delta/reasoningContent/text"), (5, "/delta/toolUse/input")];
                let known = known.iter().find_map(|(kind, pointer)| Some((*kind, string(pointer)?.to_owned())));
                if let (Some((5, fragment)), Some(call)) = (&known, calls.get_mut(&block)) {
                    call.input.push_str(fragment);
                }
                known.unwrap_or((6, String::new()))
            }
            "contentBlockStop" => match calls.remove(&block) {
                Some(ended) => {
                    call = ended;
                    (7, if call.input.is_empty() { "{}".to_owned() } else { call.input.clone() })
                }
                None => (7, String::new()),
            },
            "messageStop" => (8, string("/stopReason").unwrap_or_default().to_owned()),
            "metadata" => (9, String::new()),
            other => (10, other.to_owned()),
        };
        self.field("event", kind);
        self.field("block", block);
        self.field("text", text);
        self.field("tool_id", call.id);
        self.field("tool_name", call.name);
        self.field("json", frame.text());
    }

    /// Expects the chunks of a model's own form, and the array of their contents.
    fn chunks(&mut self, frames: &[Frame], request_id: &str) {
        self.other = true;
        let mut chunks = Vec::new();
        for frame in frames {
            let json = frame.json();
            let bytes = json["bytes"].as_str().expect("a chunk has bytes");
            let chunk = base64_simd::STANDARD.decode_to_vec(bytes).expect("a recorded chunk is base64");
            let chunk = String::from_utf8(chunk).expect("a recorded chunk is text");
            self.field("event", 11);
            self.field("block", -1);
            self.field("text", chunk.clone());
            self.field("json", frame.text());
            chunks.push(chunk);
        }
        let last: Value = serde_json::from_str(chunks.last().expect("a chunk")).expect("a chunk is JSON");
        let metrics = &last["amazon-bedrock-invocationMetrics"];
        let count = |name: &str| metrics[name].as_i64().unwrap_or(-1);
        self.field("status", "BEDROCK_OK");
        self.field("complete", 1);
        self.field("input_tokens", count("inputTokenCount"));
        self.field("output_tokens", count("outputTokenCount"));
        self.field("cache_read_tokens", count("cacheReadInputTokenCount"));
        self.field("cache_write_tokens", count("cacheWriteInputTokenCount"));
        self.field("latency_ms", count("invocationLatency"));
        self.field("json", format!("[{}]", chunks.join(",")));
        self.field("request_id", request_id);
        self.field("attempts", 1);
    }

    /// Expects a response that is not a message, verbatim, and the counts of its headers.
    fn other(&mut self, json: &str, interaction: &Interaction, request_id: &str) {
        self.other = true;
        let response: Value = serde_json::from_str(json).expect("a recorded response is JSON");
        let in_header = |name: &str| header(interaction, &format!("x-amzn-bedrock-{name}")).parse().ok();
        let in_body = |pointers: &[&str]| pointers.iter().find_map(|pointer| response.pointer(pointer)?.as_i64());
        let count = |name: &str, pointers: &[&str]| {
            let (in_header, in_body): (Option<i64>, _) = (in_header(name), in_body(pointers));
            let agree = in_header.is_none() || in_body.is_none() || in_header == in_body;
            assert!(agree, "{name}: the headers count {in_header:?} and the model {in_body:?}");
            in_header.or(in_body).unwrap_or(-1)
        };
        self.field("status", "BEDROCK_OK");
        self.field("complete", 1);
        self.field("input_tokens", count("input-token-count", &INPUT_TOKENS));
        let results = response["results"].as_array().into_iter().flatten();
        let titan = results.filter_map(|result| result["tokenCount"].as_i64()).reduce(|a, b| a + b);
        match count("output-token-count", &OUTPUT_TOKENS) {
            -1 => self.field("output_tokens", titan.unwrap_or(-1)),
            count => self.field("output_tokens", count),
        }
        self.field("cache_read_tokens", count("cache-read-input-token-count", &CACHE_READ_TOKENS));
        self.field("cache_write_tokens", count("cache-write-input-token-count", &CACHE_WRITE_TOKENS));
        self.field("latency_ms", count("invocation-latency", &[]));
        self.field("json", json);
        self.field("request_id", request_id);
        self.field("attempts", 1);
    }

    /// `summary` is the other decoder's result; `message` and `json` are the values of the getters with these names.
    fn converse_response(
        &mut self,
        summary: &Value,
        response: &Value,
        message: Content,
        json: Content,
        request_id: &str,
    ) {
        let text = |key: &str| summary[key].as_str().unwrap_or_default();
        self.field("status", "BEDROCK_OK");
        self.field("text", text("text"));
        self.field("reasoning", text("reasoning_text"));
        self.field("stop_reason", text("stop_reason"));
        self.field("finish_reason", finish_reason(text("stop_reason")));
        self.field("complete", 1);
        let calls = summary["tool_calls"].as_array().expect("a list of tool calls");
        let content = response["output"]["message"]["content"].as_array().expect("a message has content");
        let is_servers = |call: &&Value| {
            let of_call = |block: &&Value| block["toolUse"]["toolUseId"] == call["toolUseId"];
            content.iter().find(of_call).is_some_and(|block| block["toolUse"]["type"] == "server_tool_use")
        };
        let (server, client): (Vec<_>, Vec<_>) = calls.iter().partition(is_servers);
        // At max_tokens the service gives {} for the input of a call that it could not finish.
        let cut = calls.last().filter(|call| text("stop_reason") == "max_tokens" && call["input"] == json!({}));
        self.tool_calls("tool_call_count", &client, cut);
        self.tool_calls("server_tool_call_count", &server, cut);
        self.usage(&summary["usage"], &response["metrics"]);
        self.field("message", message);
        self.field("json", json);
        self.field("request_id", request_id);
        self.field("attempts", 1);
    }

    fn tool_calls(&mut self, count: &'static str, calls: &[&Value], cut: Option<&Value>) {
        self.field(count, calls.len() as i64);
        for &call in calls {
            self.field("id", call["toolUseId"].as_str().unwrap_or_default());
            self.field("name", call["name"].as_str().unwrap_or_default());
            self.field("input_json", call["input"].clone());
            self.field("input_valid", i64::from(Some(call) != cut));
        }
    }

    fn usage(&mut self, usage: &Value, metrics: &Value) {
        // The service has two names for each count of cached tokens, and mostly sends both.
        let tokens = |names: &[&str]| names.iter().find_map(|name| usage[name].as_i64()).unwrap_or(-1);
        self.field("input_tokens", tokens(&["inputTokens"]));
        self.field("output_tokens", tokens(&["outputTokens"]));
        self.field("total_tokens", tokens(&["totalTokens"]));
        self.field("cache_read_tokens", tokens(&["cacheReadInputTokens", "cacheReadInputTokenCount"]));
        self.field("cache_write_tokens", tokens(&["cacheWriteInputTokens", "cacheWriteInputTokenCount"]));
        self.field("latency_ms", metrics["latencyMs"].as_i64().unwrap_or(-1));
    }

    fn failure(&mut self, failure: &Failure<'_>, request_id: &str) {
        let status = failure.status();
        // If advice follows the service's message, a full stop is between them.
        let message = failure.message.trim_end_matches('.').to_owned();
        self.field("status", status);
        self.field("code", failure.code);
        self.field("message", Content::LineWith(vec![failure.code.to_owned(), message]));
        self.field("path", "");
        self.field("request_id", request_id);
        self.field("http_status", i64::from(failure.http_status));
        self.field("retryable", i64::from(matches!(status, "BEDROCK_E_THROTTLED" | "BEDROCK_E_SERVICE")));
        self.field("attempts", 1);
    }
}

/// The pointers to the token counts in models' own forms.
const INPUT_TOKENS: [&str; 6] = [
    "/usage/inputTokens",
    "/usage/input_tokens",
    "/usage/prompt_tokens",
    "/inputTextTokenCount",
    "/prompt_token_count",
    "/meta/billed_units/input_tokens",
];
const OUTPUT_TOKENS: [&str; 5] = [
    "/usage/outputTokens",
    "/usage/output_tokens",
    "/usage/completion_tokens",
    "/generation_token_count",
    "/meta/billed_units/output_tokens",
];
const CACHE_READ_TOKENS: [&str; 4] = [
    "/usage/cacheReadInputTokens",
    "/usage/cacheReadInputTokenCount",
    "/usage/cache_read_input_tokens",
    "/usage/prompt_tokens_details/cached_tokens",
];
const CACHE_WRITE_TOKENS: [&str; 3] =
    ["/usage/cacheWriteInputTokens", "/usage/cacheWriteInputTokenCount", "/usage/cache_creation_input_tokens"];

/// The position of a field in a transcript, for messages.
#[derive(Default)]
struct Place {
    event: usize,
    in_events: bool,
}

impl Place {
    fn enter(&mut self, name: &str) {
        match name {
            "event" => *self = Place { event: self.event + 1, in_events: true },
            "status" => self.in_events = false,
            _ => {}
        }
    }

    fn of(&self, name: &str) -> String {
        if self.in_events { format!("event {}: {name}", self.event) } else { name.to_owned() }
    }
}

/// The open tool calls, by block.
type OpenCalls = BTreeMap<i64, ToolCall>;

#[derive(Clone, Default)]
struct ToolCall {
    id: String,
    name: String,
    input: String,
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Content::Text(text.to_owned())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Content::Text(text)
    }
}

impl From<i64> for Content {
    fn from(number: i64) -> Self {
        Content::Text(number.to_string())
    }
}

impl From<Value> for Content {
    fn from(value: Value) -> Self {
        Content::Json(value)
    }
}

impl Content {
    fn check(&self, name: &str, found: &str) -> Result<(), String> {
        match self {
            Content::Text(expected) => differ(name, expected, found),
            Content::Json(expected) => match serde_json::from_str::<Value>(found) {
                Ok(value) if value == *expected => Ok(()),
                Ok(value) => differ(name, &expected.to_string(), &value.to_string()),
                Err(e) => Err(format!("{name} is not JSON ({e}): {found}")),
            },
            Content::LineWith(parts) => {
                if !found.starts_with("bedrock: ") || found.contains('\n') {
                    return Err(format!("{name} is no line that begins with \"bedrock: \": {found:?}"));
                }
                match parts.iter().find(|part| !found.contains(*part)) {
                    Some(part) => Err(format!("{name} does not hold {part:?}: {found}")),
                    None => Ok(()),
                }
            }
        }
    }
}

impl<'a> Failure<'a> {
    fn recorded(interaction: &Interaction, decoded: &'a Value) -> Failure<'a> {
        let http_status = interaction.row.status;
        let text = |key: &str| decoded["error"][key].as_str().expect("an error has a code and a message");
        // If there is no name, the other decoder's code is the HTTP status.
        let code = Some(text("code")).filter(|code| *code != http_status.to_string()).unwrap_or_default();
        Failure { http_status, code, message: text("message") }
    }

    fn status(&self) -> &'static str {
        match (self.code, self.http_status) {
            ("ValidationException", _) | ("", 400)
                if ["exceeds maximum length", "Input is too long"].iter().any(|said| self.message.contains(said)) =>
            {
                "BEDROCK_E_CONTEXT_OVERFLOW"
            }
            ("ValidationException", _) | ("", 400) => "BEDROCK_E_VALIDATION",
            ("UnrecognizedClientException" | "AccessDeniedException" | "InvalidSignatureException", _) | ("", 403) => {
                "BEDROCK_E_ACCESS_DENIED"
            }
            ("ExpiredTokenException", _) => "BEDROCK_E_CREDENTIALS",
            ("ThrottlingException", _) | ("", 429) => "BEDROCK_E_THROTTLED",
            ("", 503) | (_, 0) => "BEDROCK_E_SERVICE",
            (code, http_status) => panic!("what is the status of {code:?} with HTTP {http_status}?"),
        }
    }
}

/// Returns the finish reason of chat completions.
fn finish_reason(stop_reason: &str) -> &str {
    match stop_reason {
        "end_turn" => "stop",
        "tool_use" => "tool_calls",
        "max_tokens" => "length",
        "content_filtered" => "content_filter",
        other => other,
    }
}

fn header<'a>(interaction: &'a Interaction, name: &str) -> &'a str {
    let headers = &interaction.response.headers;
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
}

/// Returns a member of a JSON object, verbatim.
fn member<'a>(object: &'a str, name: &str) -> &'a str {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(object).expect("a JSON object");
    members.get(name).unwrap_or_else(|| panic!("no {name} in {object}")).get()
}

/// Asserts that the frames of aws-smithy-eventstream are those of botocore.
fn check_decoders_agree(id: &str, frames: &[Frame], decoded: &Value) {
    let read: Vec<_> = frames.iter().map(|frame| (json!(frame.event_type()), frame.json())).collect();
    let events = decoded["events"].as_array().expect("a list of events").iter();
    let expected: Vec<_> = events.map(|event| (event["event_type"].clone(), event["payload"].clone())).collect();
    assert!(read == expected, "{id}: two decoders read two streams");
}

/// Returns the unary response that is equal to a stream.
fn assembled(accumulated: &Value) -> Value {
    let content: Value = accumulated["content"].as_array().expect("a list of blocks").iter().map(block).collect();
    let members = [
        ("stopReason", "stop_reason"),
        ("usage", "usage"),
        ("metrics", "metrics"),
        ("trace", "trace"),
        ("additionalModelResponseFields", "additional_model_response_fields"),
        ("performanceConfig", "performance_config"),
        ("serviceTier", "service_tier"),
    ];
    let mut response = pick(accumulated, &members);
    // Two recordings begin after messageStart, which has the role.
    let role = accumulated["role"].as_str().unwrap_or("assistant");
    response["output"] = json!({"message": {"role": role, "content": content}});
    response
}

/// Returns a content block in the form of a unary response.
fn block(block: &Value) -> Value {
    let elements = |key: &str| block[key].as_array().into_iter().flatten();
    match block["type"].as_str().unwrap_or_default() {
        "text" if block["citations"].is_array() => {
            json!({"citationsContent": {"citations": block["citations"], "content": [{"text": block["text"]}]}})
        }
        "text" => json!({"text": block["text"]}),
        "toolUse" => {
            let members = [("toolUseId", "toolUseId"), ("name", "name"), ("type", "tool_type"), ("input", "input")];
            json!({"toolUse": pick(block, &members)})
        }
        "toolResult" => {
            let mut result = block["start"].clone();
            result["content"] = elements("deltas").filter_map(Value::as_array).flatten().cloned().collect();
            json!({"toolResult": result})
        }
        "reasoningContent" if block["redacted_b64"].is_array() => {
            json!({"reasoningContent": {"redactedContent": joined_base64(elements("redacted_b64"))}})
        }
        "reasoningContent" => {
            json!({"reasoningContent": {"reasoningText": pick(block, &[("text", "text"), ("signature", "signature")])}})
        }
        other => panic!("a block of unknown type {other:?} in a unary response"),
    }
}

/// Returns the members that an object has, under other names.
fn pick(object: &Value, members: &[(&str, &str)]) -> Value {
    let there = members.iter().filter(|(_, key)| !object[key].is_null());
    there.map(|(name, key)| ((*name).to_owned(), object[key].clone())).collect::<Map<_, _>>().into()
}

fn joined_base64<'a>(parts: impl Iterator<Item = &'a Value>) -> String {
    let decoded = |part: &Value| {
        base64_simd::STANDARD.decode_to_vec(part.as_str().unwrap_or_default()).expect("a recorded blob is base64")
    };
    base64_simd::STANDARD.encode_to_string(parts.flat_map(decoded).collect::<Vec<_>>())
}
