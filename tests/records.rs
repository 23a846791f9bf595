//! Records of calls: one for each call, equal to what the service counted, without content unless asked for; and the
//! feed and the observer that receive them.

mod support;

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::{dangling_mut, null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bedrock::ffi::feed::*;
use bedrock::ffi::process::*;
use bedrock::ffi::request::bedrock_request_set_traceparent;
use serde_json::{Value, json};

use support::capi::*;
use support::{Cut, Gate, LocalBedrock, PATIENCE, Reply};

const SECRET_PROMPT: &str = "the prompt that nobody may see";
const SECRET_REPLY: &str = "the reply that nobody may see";

/// Feeds and observers are those of the process: one test at a time has them.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A `bedrock_feed`.
struct Feed(*mut bedrock_feed);

unsafe impl Send for Feed {}
unsafe impl Sync for Feed {}

impl Drop for Feed {
    fn drop(&mut self) {
        bedrock_feed_free(self.0);
    }
}

#[derive(Debug, PartialEq)]
enum Item {
    Record(Value),
    Message(i32, String, String),
    Lost(i64),
}

impl Feed {
    fn try_new(options: &str) -> Result<Feed, (bedrock_status, String)> {
        let (mut out, mut err) = (dangling_mut(), dangling_mut());
        let status = unsafe { bedrock_feed_new(options.as_ptr().cast(), options.len(), &mut out, &mut err) };
        if status == BEDROCK_OK {
            return Ok(Feed(out));
        }
        assert!(out.is_null());
        let message = unsafe { CStr::from_ptr(bedrock_error_message(err)) }.to_string_lossy().into_owned();
        bedrock_error_free(err);
        Err((status, message))
    }

    #[track_caller]
    fn new(options: Value) -> Feed {
        Feed::try_new(&options.to_string()).unwrap_or_else(|failed| panic!("no feed: {failed:?}"))
    }

    fn of_records() -> Feed {
        Feed::new(json!({"records": true, "capacity": 1_000_000}))
    }

    fn next(&self, timeout_ms: i32) -> Result<Option<Item>, bedrock_status> {
        let mut item: *const bedrock_feed_item = dangling_mut();
        let status = unsafe { bedrock_feed_next(self.0, timeout_ms, &mut item, null_mut()) };
        if status != BEDROCK_OK {
            assert!(item.is_null());
            return if status == BEDROCK_AGAIN { Ok(None) } else { Err(status) };
        }
        let item = unsafe { &*item };
        assert_eq!(item.size as usize, size_of::<bedrock_feed_item>());
        let text = |text| unsafe { CStr::from_ptr(text) }.to_str().expect("UTF-8").to_owned();
        assert_eq!(text(item.text).len(), item.text_len);
        Ok(Some(match item.r#type {
            BEDROCK_FEED_RECORD => Item::Record(serde_json::from_str(&text(item.text)).expect("a record is JSON")),
            BEDROCK_FEED_LOG => Item::Message(item.level, text(item.target), text(item.text)),
            BEDROCK_FEED_LOST => Item::Lost(item.lost),
            other => panic!("an item of type {other}"),
        }))
    }

    /// Returns the next record, for which it waits.
    #[track_caller]
    fn record(&self) -> Value {
        match self.next(PATIENCE.as_millis() as i32) {
            Ok(Some(Item::Record(record))) => record,
            other => panic!("no record: {other:?}"),
        }
    }

    #[track_caller]
    fn records(&self, count: usize) -> Vec<Value> {
        let records = (0..count).map(|_| self.record()).collect();
        // Every task of a call has ended once the worker has.
        assert_eq!(bedrock_shutdown(-1), BEDROCK_OK);
        assert_eq!(self.next(0), Ok(None), "a record too many");
        records
    }

    fn is_readable(&self) -> bool {
        let fd = bedrock_feed_fd(self.0);
        assert!(fd >= 0);
        let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        unsafe { libc::poll(&mut poll, 1, 0) == 1 }
    }
}

fn prompt() -> Request {
    Request::say(SECRET_PROMPT)
}

fn sum(records: &[Value], number: impl Fn(&Value) -> u64) -> u64 {
    records.iter().map(number).sum()
}

fn tokens(record: &Value, of: &str) -> u64 {
    record["attributes"][format!("gen_ai.usage.{of}_tokens")].as_u64().unwrap_or(0)
}

// What a record has.

#[test]
fn the_record_of_a_stream_has_times_tokens_the_attempt_and_its_connection() {
    let _alone = alone();
    let feed = Feed::of_records();
    let bedrock = LocalBedrock::start();
    let reply = || Reply::stream().message_start().text(0, &[SECRET_REPLY, "a", "b"]).message_stop("end_turn");
    let usage = r#"{"usage":{"inputTokens":5,"outputTokens":7,"totalTokens":22,"cacheReadInputTokens":4,
        "cacheWriteInputTokens":6},"metrics":{"latencyMs":1500}}"#;
    bedrock.push(reply().event("metadata", usage).request_id("id-1"));
    bedrock.push(reply().event("metadata", usage).request_id("id-2"));
    let model = Model::at(&bedrock);
    let request = Request::json(
        &json!({
            "messages": [{"role": "user", "content": [{"text": SECRET_PROMPT}]}],
            "max_tokens": 100, "temperature": 0.5, "top_p": 1,
            "guardrailConfig": {"guardrailIdentifier": "gr-1", "guardrailVersion": "1"},
        })
        .to_string(),
    );
    model.stream(&request).outcome.response();
    model.stream(&request).outcome.response();
    let [record, next] = &feed.records(2)[..] else { panic!("two records") };

    assert_eq!(record["name"], format!("chat {MODEL_ID}"));
    assert_eq!((&record["kind"], &record["status"]), (&json!("client"), &json!(BEDROCK_OK)));
    let attributes = &record["attributes"];
    for (key, value) in [
        ("gen_ai.operation.name", json!("chat")),
        ("gen_ai.provider.name", json!("aws.bedrock")),
        ("gen_ai.request.model", json!(MODEL_ID)),
        ("gen_ai.response.model", json!(MODEL_ID)),
        ("gen_ai.request.stream", json!(true)),
        ("gen_ai.request.max_tokens", json!(100)),
        ("gen_ai.request.temperature", json!(0.5)),
        ("gen_ai.request.top_p", json!(1.0)),
        ("aws.bedrock.guardrail.id", json!("gr-1")),
        ("server.address", json!("127.0.0.1")),
        ("server.port", json!(bedrock.port())),
        ("gen_ai.usage.input_tokens", json!(15)),
        ("gen_ai.usage.output_tokens", json!(7)),
        ("gen_ai.usage.cache_read.input_tokens", json!(4)),
        ("gen_ai.usage.cache_creation.input_tokens", json!(6)),
        ("gen_ai.usage.cache_write.input_tokens", json!(6)),
        ("gen_ai.response.finish_reasons", json!(["end_turn"])),
        ("aws.request_id", json!("id-1")),
        ("http.response.status_code", json!(200)),
        ("http.request.body.size", json!(bedrock.requests()[0].body.len())),
        ("libbedrock.operation", json!("ConverseStream")),
        ("libbedrock.attempts", json!(1)),
        // messageStart, three deltas, the end of the block, messageStop and metadata, as the server sends them.
        ("libbedrock.events", json!(7)),
        ("libbedrock.service_latency", json!(1.5)),
        ("error.type", Value::Null),
    ] {
        assert_eq!(attributes[key], value, "{key} in {record:#}");
    }
    let size = reply().event("metadata", usage).body_len();
    assert_eq!(attributes["http.response.body.size"], json!(size));
    assert_eq!(record["metrics"]["gen_ai.client.token.usage"], json!({"input": 15, "output": 7}));

    let took = record["metrics"]["gen_ai.client.operation.duration"].as_f64().expect("a duration");
    let first = attributes["gen_ai.response.time_to_first_chunk"].as_f64().expect("a time");
    assert!(0.0 < first && first <= took, "{first} {took}");
    let nanoseconds = |key: &str| record[key].as_u64().expect("a time");
    let span = (nanoseconds("end_unix_nano") - nanoseconds("start_unix_nano")) as f64 / 1e9;
    assert!((span - took).abs() < 1e-5, "{span} {took}");

    let connection = |record: &Value| record["attempts"][0]["connection"].clone();
    assert_eq!(connection(record)["reused"], json!(false));
    assert!(connection(record)["tcp"].as_f64().is_some_and(|tcp| tcp > 0.0), "{record:#}");
    assert_eq!(connection(next)["reused"], json!(true));
    assert!(connection(next).get("tcp").is_none());
    assert_eq!(next["attempts"][0]["aws.request_id"], json!("id-2"));
}

#[test]
fn the_record_of_a_unary_call_has_its_stop_reason_and_no_time_to_a_first_event() {
    let _alone = alone();
    let feed = Feed::of_records();
    let bedrock = LocalBedrock::start();
    bedrock.push(Reply::text_response(SECRET_REPLY));
    Model::at(&bedrock).generate(&prompt()).response();
    let record = &feed.records(1)[0];
    assert_eq!(record["attributes"]["gen_ai.response.finish_reasons"], json!(["end_turn"]));
    assert_eq!(record["attributes"]["gen_ai.request.stream"], json!(false));
    assert!(record["attributes"].get("gen_ai.response.time_to_first_chunk").is_none(), "{record:#}");
    let size = Reply::text_response(SECRET_REPLY).body_len();
    assert_eq!(record["attributes"]["http.response.body.size"], json!(size));
}

#[test]
fn the_record_of_a_long_response_has_its_stop_reason() {
    let _alone = alone();
    let feed = Feed::of_records();
    let bedrock = LocalBedrock::start();
    bedrock.push(Reply::text_response(&"long ".repeat(300_000)));
    Model::at(&bedrock).generate(&prompt()).response();
    assert_eq!(feed.record()["attributes"]["gen_ai.response.finish_reasons"], json!(["end_turn"]));
}

#[test]
fn each_attempt_has_its_target_its_failure_and_the_wait_after_it() {
    let _alone = alone();
    let feed = Feed::of_records();
    let servers = [LocalBedrock::start(), LocalBedrock::start()];
    servers[0].respond_with(|_| Reply::error(429, "ThrottlingException", "slow down").request_id("id-0"));
    servers[1].push(Reply::error(503, "ServiceUnavailableException", "busy"));
    servers[1].push(Reply::close_before_headers());
    servers[1].push(Reply::stream().text_stream(&["Hello"], "end_turn").request_id("id-1"));
    let fallback = json!({"model": "other-model", "base_url": servers[1].url()});
    let model = Model::at_with(&servers[0], json!({"fallbacks": [fallback]}));
    model.stream(&prompt()).outcome.response();
    let record = &feed.records(1)[0];
    let attributes = &record["attributes"];
    assert_eq!(attributes["gen_ai.request.model"], json!(MODEL_ID));
    assert_eq!(attributes["gen_ai.response.model"], json!("other-model"));
    assert_eq!(attributes["server.port"], json!(servers[1].port()));
    let attempts = record["attempts"].as_array().expect("attempts");
    let of = |key: &str| attempts.iter().map(|attempt| attempt[key].clone()).collect::<Vec<_>>();
    assert_eq!(of("target"), [0, 1, 1, 1]);
    assert_eq!(of("gen_ai.request.model"), [MODEL_ID, "other-model", "other-model", "other-model"]);
    assert_eq!(of("http.response.status_code"), [json!(429), json!(503), Value::Null, json!(200)]);
    let failures = [json!("ThrottlingException"), json!("ServiceUnavailableException"), json!("Network"), Value::Null];
    assert_eq!(of("error.type"), failures);
    assert_eq!(attempts[0]["aws.request_id"], json!("id-0"));
    let waits: Vec<_> = attempts.iter().map(|attempt| attempt.get("wait").is_some()).collect();
    assert_eq!(waits, [false, true, true, false], "{record:#}");
}

#[test]
fn the_record_of_a_hedged_call_names_the_server_that_gave_the_response_and_not_the_last_one_asked() {
    let _alone = alone();
    let feed = Feed::of_records();
    let servers = [LocalBedrock::start(), LocalBedrock::start()];
    let fallback = json!({"model": "other-model", "base_url": servers[1].url()});
    let model = Model::at_with(&servers[0], json!({"fallbacks": [fallback], "hedge": {"after": "20ms"}}));
    for streams in [true, false] {
        let (first, second) = (Gate::new(), Gate::new());
        let reply = |text| match streams {
            true => Reply::stream().text_stream(&[text], "end_turn"),
            false => Reply::text_response(text),
        };
        servers[0].push(reply("first").head_waits_for(&first).request_id("id-0"));
        servers[1].push(reply("second").head_waits_for(&second).request_id("id-1"));
        std::thread::scope(|threads| {
            threads.spawn(|| {
                second.wait_arrivals(1);
                first.open();
            });
            let outcome = if streams { model.stream(&prompt()).outcome } else { model.generate(&prompt()) };
            assert_eq!(outcome.response().text, "first");
        });
        second.open();
        let record = feed.record();
        let attributes = &record["attributes"];
        assert_eq!(record["attempts"][1]["target"], json!(1), "{record:#}");
        assert_eq!(attributes["server.port"], json!(servers[0].port()), "{record:#}");
        assert_eq!(attributes["http.response.status_code"], json!(200), "{record:#}");
        assert_eq!(attributes["aws.request_id"], json!("id-0"), "{record:#}");
    }
}

#[test]
fn failures_and_cancels_are_in_the_record() {
    let _alone = alone();
    let feed = Feed::of_records();
    let bedrock = LocalBedrock::start();
    let model = Model::at_with(&bedrock, json!({"retry": {"max_attempts": 1}}));
    bedrock.push(Reply::error(400, "ValidationException", SECRET_REPLY).request_id("id-0"));
    model.generate(&prompt()).failed(BEDROCK_E_VALIDATION);
    let record = feed.record();
    assert_eq!(record["status"], json!(BEDROCK_E_VALIDATION));
    assert_eq!(record["attributes"]["error.type"], json!("ValidationException"));
    assert_eq!(record["attributes"]["aws.request_id"], json!("id-0"));

    let broken = Reply::stream().message_start().text(0, &["Hel"]);
    bedrock.push(broken.exception("modelStreamErrorException", r#"{"message":"broken"}"#));
    model.stream(&prompt()).outcome.failed(BEDROCK_E_MODEL);
    let record = feed.record();
    assert_eq!(record["attributes"]["error.type"], json!("modelStreamErrorException"));
    assert_eq!(record["attributes"]["gen_ai.response.finish_reasons"], json!(["error"]));

    let gate = Gate::new();
    bedrock.push(Reply::text_response("never").head_waits_for(&gate));
    let cancel = Cancel::new();
    std::thread::scope(|threads| {
        threads.spawn(|| {
            gate.wait_arrivals(1);
            cancel.fire();
        });
        model.generate_with(&prompt(), cancel.handle()).failed(BEDROCK_E_CANCELLED);
    });
    gate.open();
    let record = feed.record();
    assert_eq!(
        (&record["status"], &record["attributes"]["error.type"]),
        (&json!(BEDROCK_E_CANCELLED), &json!("Cancelled"))
    );
    assert_eq!(record["attempts"][0]["error.type"], json!("Cancelled"));

    // A request that is refused here is no call.
    Request::try_json("{").err().expect("an error");
    model.generate(&Request::json("{}")).failed(BEDROCK_E_REQUEST);
    assert_eq!(feed.next(0), Ok(None));
}

// Content, for a listener that asks for it.

fn with_content() -> Feed {
    Feed::new(json!({"records": true, "content": true}))
}

#[test]
fn only_a_listener_that_asks_for_content_gets_the_messages_of_a_conversation() {
    let _alone = alone();
    let (with, without) = (with_content(), Feed::of_records());
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    let request = Request::json(
        &json!({
            "system": [{"text": "Be brief."}],
            "messages": [
                {"role": "user", "content": [{"text": "Weather?"},
                    {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}]},
                {"role": "assistant", "content": [
                    {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Paris"}}}]},
                {"role": "user", "content": [{"toolResult": {"toolUseId": "t1", "content": [{"text": "rain"}]}}]}],
            "toolConfig": {"tools": [{"toolSpec": {"name": "weather", "description": "The weather.",
                "inputSchema": {"json": {"type": "object"}}}}]}})
        .to_string(),
    );
    bedrock.push(Reply::text_response("It \"rains\"."));
    bedrock.push(Reply::stream().message_start().text(0, &["It ", "rains."]).message_stop("end_turn"));
    model.generate(&request).response();
    model.stream(&request).outcome.response();

    let output = |text: &str| json!([{"role": "assistant", "parts": [{"type": "text", "content": text}], "finish_reason": "end_turn"}]);
    for text in ["It \"rains\".", "It rains."] {
        let record = with.record();
        let attributes = &record["attributes"];
        assert_eq!(attributes["gen_ai.system_instructions"], json!([{"type": "text", "content": "Be brief."}]));
        assert_eq!(
            attributes["gen_ai.input.messages"],
            json!([
                {"role": "user", "parts": [{"type": "text", "content": "Weather?"},
                    {"type": "blob", "modality": "image", "format": "png", "size": 8}]},
                {"role": "assistant", "parts": [
                    {"type": "tool_call", "id": "t1", "name": "weather", "arguments": {"city": "Paris"}}]},
                {"role": "tool", "parts": [{"type": "tool_call_response", "id": "t1", "response": "rain"}]}])
        );
        assert_eq!(
            attributes["gen_ai.tool.definitions"],
            json!([{"type": "function", "name": "weather", "description": "The weather.",
                "parameters": {"type": "object"}}])
        );
        assert_eq!(attributes["gen_ai.output.messages"], output(text));

        // The other listener gets the same record without these four.
        let mut record = record;
        let attributes = record["attributes"].as_object_mut().expect("attributes");
        for key in
            ["gen_ai.system_instructions", "gen_ai.input.messages", "gen_ai.tool.definitions", "gen_ai.output.messages"]
        {
            attributes.remove(key).expect("content");
        }
        assert_eq!(without.record(), record);
    }
}

#[test]
fn content_has_what_came_before_a_failure_and_no_output_if_nothing_came() {
    let _alone = alone();
    let feed = with_content();
    let bedrock = LocalBedrock::start();
    let model = Model::at_with(&bedrock, json!({"retry": {"max_attempts": 1}}));
    let broken = Reply::stream().message_start().text(0, &["Hel", "lo"]);
    bedrock.push(broken.exception("modelStreamErrorException", r#"{"message":"broken"}"#));
    model.stream(&Request::say("Hi")).outcome.failed(BEDROCK_E_MODEL);
    assert_eq!(
        feed.record()["attributes"]["gen_ai.output.messages"],
        json!([{"role": "assistant", "parts": [{"type": "text", "content": "Hello"}], "finish_reason": "error"}])
    );
    for streams in [false, true] {
        bedrock.push(Reply::error(400, "ValidationException", "no"));
        let outcome = if streams { model.stream(&prompt()).outcome } else { model.generate(&prompt()) };
        outcome.failed(BEDROCK_E_VALIDATION);
        let record = feed.record();
        let attributes = &record["attributes"];
        assert_eq!(attributes["gen_ai.input.messages"][0]["parts"][0]["content"], json!(SECRET_PROMPT));
        assert_eq!(attributes.get("gen_ai.output.messages"), None, "{record:#}");
    }
    // InvokeModel has no chunks either.
    bedrock.push(Reply::error(400, "ValidationException", "no"));
    let body = Request::json(r#"{"body":{"inputText":"Hi"}}"#);
    model.call("InvokeModelWithResponseStream", &body).failed(BEDROCK_E_VALIDATION);
    assert_eq!(feed.record()["attributes"].get("libbedrock.response.body"), None);
}

#[test]
fn the_content_of_invoke_model_is_its_bodies() {
    let _alone = alone();
    let feed = with_content();
    let bedrock = LocalBedrock::start();
    bedrock.push(Reply::json(r#"{"embedding":[0.5,0.25],"inputTextTokenCount":3}"#));
    let request = Request::json(r#"{"body":{"inputText":"Hi"}}"#);
    Model::at(&bedrock).call("InvokeModel", &request).response();
    let record = feed.record();
    assert_eq!(record["attributes"]["libbedrock.request.body"], json!({"inputText": "Hi"}));
    assert_eq!(record["attributes"]["libbedrock.response.body"]["embedding"], json!([0.5, 0.25]));
}

// The trace.

fn set_traceparent(request: &Request, traceparent: &str) -> bedrock_status {
    let traceparent = CString::new(traceparent).expect("no NUL");
    unsafe { bedrock_request_set_traceparent(request.handle(), traceparent.as_ptr(), null_mut()) }
}

const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";

#[test]
fn traceparent_goes_on_the_wire_unsigned_and_the_record_is_the_span_that_it_names() {
    let _alone = alone();
    let feed = Feed::of_records();
    let bedrock = LocalBedrock::start();
    bedrock.push(Reply::error(503, "ServiceUnavailableException", "busy"));
    bedrock.respond_with(|_| Reply::text_response("Hello"));
    let model = Model::at(&bedrock);
    let request = prompt();
    assert_eq!(set_traceparent(&request, TRACEPARENT), BEDROCK_OK);
    model.generate(&request).response();
    let record = feed.record();
    assert_eq!(record["trace_id"], json!(TRACE_ID));
    assert_eq!(record["parent_span_id"], json!("00f067aa0ba902b7"));
    let span = record["span_id"].as_str().expect("a span").to_owned();
    let sent = format!("00-{TRACE_ID}-{span}-01");
    for request in bedrock.take_requests() {
        assert_eq!(request.header("traceparent"), Some(sent.as_str()));
        assert!(!request.header("authorization").expect("signed").contains("traceparent"));
        assert!(!request.text().contains("trace"), "{}", request.text());
    }
    model.generate(&request).response();
    let next = feed.record();
    assert_eq!(next["trace_id"], json!(TRACE_ID));
    assert_ne!(next["span_id"], record["span_id"], "each call is a span of its own");
    drop(feed);

    bedrock.take_requests();
    model.generate(&request).response();
    assert_eq!(bedrock.last_request().header("traceparent"), Some(TRACEPARENT), "without records, it is sent as given");
    assert_eq!(set_traceparent(&request, "00-xyz"), BEDROCK_E_INVALID_ARGUMENT);
    assert_eq!(unsafe { bedrock_request_set_traceparent(request.handle(), null(), null_mut()) }, BEDROCK_OK);
    model.generate(&request).response();
    assert_eq!(bedrock.last_request().header("traceparent"), None);
}

#[test]
fn a_call_without_a_trace_is_one_of_its_own_and_sends_no_header() {
    let _alone = alone();
    let feed = Feed::of_records();
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| Reply::text_response("Hello"));
    let model = Model::at(&bedrock);
    (0..2).for_each(|_| drop(model.generate(&prompt())));
    let records = feed.records(2);
    assert_ne!(records[0]["trace_id"], records[1]["trace_id"]);
    assert!(records[0].get("parent_span_id").is_none());
    assert_eq!(bedrock.last_request().header("traceparent"), None);
}

// Nothing is lost, doubled or told.

/// What the service does with a prompt.
fn reply_to(prompt: &str, is_stream: bool) -> Reply {
    let whole = |text: &str| match is_stream {
        true => Reply::stream().text_stream(&[text], "end_turn"),
        false => Reply::text_response(text),
    };
    match prompt {
        "fail" => Reply::error(400, "ValidationException", SECRET_REPLY),
        // Without a last chunk, so that no other call is sent on the connection before it is closed.
        "cut" if is_stream => {
            let begun = Reply::stream().message_start().text(0, &["Hel"]);
            let length = begun.body_len();
            begun.cut_at(length, Cut::Close)
        }
        "hang" => Reply::hang(),
        _ => whole(SECRET_REPLY),
    }
}

/// Serves all calls. Every third request of a prompt with "retry" is throttled.
fn serve(bedrock: &LocalBedrock) {
    let requests = AtomicUsize::new(0);
    bedrock.respond_with(move |request| {
        let number = requests.fetch_add(1, Ordering::Relaxed);
        let body = request.json();
        let prompt = body["messages"][0]["content"][0]["text"].as_str().unwrap_or_default().to_owned();
        if prompt == "retry" && number.is_multiple_of(3) {
            return Reply::error(429, "ThrottlingException", "slow down");
        }
        reply_to(&prompt, request.operation() == "converse-stream")
    });
}

#[test]
fn the_records_of_ten_thousand_calls_equal_what_the_service_and_the_program_counted() {
    let _alone = alone();
    let feed = Feed::of_records();
    let servers = [LocalBedrock::start(), LocalBedrock::start(), LocalBedrock::start()];
    serve(&servers[0]);
    servers[1].respond_with(|_| Reply::error(503, "ServiceUnavailableException", "busy"));
    serve(&servers[2]);
    let plain = Model::at(&servers[0]);
    let fallback = json!({"model": "other-model", "base_url": servers[2].url()});
    let failing_over = Model::at_with(&servers[1], json!({"fallbacks": [fallback], "cooldown": "1ms"}));
    let hedging = Model::at_with(&servers[0], json!({"fallbacks": [fallback], "hedge": {"after": "20ms"}}));
    let statuses: Mutex<BTreeMap<i32, usize>> = Mutex::default();
    let calls_each = 2_500;
    let models = [&plain, &plain, &failing_over, &hedging];
    std::thread::scope(|threads| {
        for (thread, model) in models.into_iter().enumerate() {
            let statuses = &statuses;
            threads.spawn(move || {
                for number in 0..calls_each {
                    let prompt = match number % 10 {
                        0 => "fail",
                        1 => "cut",
                        2 | 3 => "retry",
                        4 if thread == 3 && number < 100 => "hang",
                        _ => SECRET_PROMPT,
                    };
                    let request = Request::say(prompt);
                    let cancel = Cancel::new();
                    let outcome = match number % 3 {
                        _ if prompt == "hang" => {
                            // The other target does not respond to it either.
                            std::thread::scope(|threads| {
                                threads.spawn(|| {
                                    std::thread::yield_now();
                                    cancel.fire();
                                });
                                model.generate_with(&request, cancel.handle())
                            })
                        }
                        0 => model.generate(&request),
                        1 => model.stream(&request).outcome,
                        _ if number % 30 == 5 => {
                            model
                                .stream_with(&request, cancel.handle(), |_| {
                                    cancel.fire();
                                    0
                                })
                                .outcome
                        }
                        _ => model.stream(&request).outcome,
                    };
                    *statuses.lock().unwrap().entry(outcome.status).or_default() += 1;
                }
            });
        }
    });
    let mut expected = statuses.into_inner().unwrap();
    // A cancel that fires before its call begins leaves nothing to record.
    let total = expected.values().sum::<usize>();
    assert_eq!(bedrock_shutdown(-1), BEDROCK_OK);
    let mut records = Vec::new();
    while let Some(item) = feed.next(0).expect("a feed that goes on") {
        match item {
            Item::Record(record) => records.push(record),
            other => panic!("{other:?}"),
        }
    }
    let mut found: BTreeMap<i32, usize> = BTreeMap::new();
    for record in &records {
        *found.entry(record["status"].as_i64().expect("a status") as i32).or_default() += 1;
    }
    let unsent = total - records.len();
    assert!(unsent <= 10, "{unsent} calls without a record: {expected:?} {found:?}");
    // A cancel that comes when the whole response is there ends the reading, and not the call.
    let take = |of: &mut BTreeMap<i32, usize>, status| of.remove(&status).unwrap_or(0);
    let (cancelled, complete) = (take(&mut found, BEDROCK_E_CANCELLED), take(&mut found, BEDROCK_OK));
    let (fired, read) = (take(&mut expected, BEDROCK_E_CANCELLED), take(&mut expected, BEDROCK_OK));
    assert!(cancelled <= fired - unsent && complete >= read, "{cancelled} {fired} {complete} {read}");
    assert_eq!((found, cancelled + complete), (expected, fired - unsent + read));

    let received: usize = servers.iter().map(|server| server.requests().len()).sum();
    let attempts = sum(&records, |record| record["attempts"].as_array().expect("attempts").len() as u64);
    // An attempt that a cancel or the other target ends may not have reached its server.
    let ended = sum(&records, |record| {
        let attempts = record["attempts"].as_array().expect("attempts").iter();
        attempts.filter(|attempt| attempt["error.type"] == "Cancelled").count() as u64
    });
    let received = received as u64;
    assert!(received <= attempts && attempts - ended <= received, "{received} requests, {attempts} attempts, {ended}");

    let (plain, failing_over, hedging) = (plain.usage(), failing_over.usage(), hedging.usage());
    let used = |of: fn(&Usage) -> i64| [&plain, &failing_over, &hedging].map(of).iter().sum::<i64>() as u64;
    assert_eq!(sum(&records, |record| tokens(record, "input")), used(|usage| usage.input_tokens));
    assert_eq!(sum(&records, |record| tokens(record, "output")), used(|usage| usage.output_tokens));
    let mut spans: Vec<_> = records.iter().map(|record| record["span_id"].to_string()).collect();
    spans.sort();
    spans.dedup();
    assert_eq!(spans.len(), records.len(), "no record twice");
    for record in &records {
        let text = record.to_string();
        for secret in [SECRET_PROMPT, SECRET_REPLY, SECRET_KEY, ACCESS_KEY, "Signature"] {
            assert!(!text.contains(secret), "{secret:?} is in {text}");
        }
    }
}

// The feed.

#[test]
fn a_feed_tells_how_many_records_found_no_room() {
    let _alone = alone();
    let feed = Feed::new(json!({"records": true, "capacity": 2}));
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| Reply::text_response("Hello"));
    let model = Model::at(&bedrock);
    (0..5).for_each(|_| drop(model.generate(&prompt())));
    assert_eq!(bedrock_shutdown(-1), BEDROCK_OK);
    feed.record();
    feed.record();
    assert_eq!(feed.next(0), Ok(Some(Item::Lost(3))));
    assert_eq!(feed.next(0), Ok(None));
}

#[test]
fn a_feed_gets_no_record_of_a_call_that_began_before_it_was_opened() {
    let _alone = alone();
    let feed = Feed::of_records();
    let bedrock = LocalBedrock::start();
    let gate = Gate::new();
    bedrock.push(Reply::text_response("Hello").head_waits_for(&gate));
    bedrock.push(Reply::text_response("Hello"));
    let model = Model::at(&bedrock);
    let late = std::thread::scope(|threads| {
        threads.spawn(|| model.generate(&prompt()).response().attempts);
        gate.wait_arrivals(1);
        let late = with_content();
        gate.open();
        late
    });
    let record = feed.record();
    assert_eq!(late.next(0), Ok(None), "it would lack its content");
    model.generate(&prompt()).response();
    assert_ne!(late.record()["span_id"], record["span_id"]);
}

#[test]
fn a_feed_is_readable_while_it_has_something() {
    let _alone = alone();
    let feed = Feed::of_records();
    assert!(!feed.is_readable());
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| Reply::text_response("Hello"));
    let model = Model::at(&bedrock);
    (0..2).for_each(|_| drop(model.generate(&prompt())));
    assert_eq!(bedrock_shutdown(-1), BEDROCK_OK);
    assert!(feed.is_readable());
    feed.record();
    assert!(feed.is_readable());
    feed.record();
    assert!(!feed.is_readable());
}

#[test]
fn a_feed_of_the_log_gets_the_messages_of_its_level_and_each_feed_gets_all() {
    let _alone = alone();
    let [quiet, one, other] = ["error", "debug", "debug"].map(|level| Feed::new(json!({"log": level})));
    let bedrock = LocalBedrock::start();
    bedrock.push(Reply::text_response("Hello"));
    Model::at(&bedrock).generate(&prompt()).response();
    assert_eq!(bedrock_shutdown(-1), BEDROCK_OK);
    let all = |feed: &Feed| -> Vec<Item> { std::iter::from_fn(|| feed.next(0).unwrap()).collect() };
    let (of_one, of_other) = (all(&one), all(&other));
    let is_end = |item: &Item| {
        matches!(item, Item::Message(level, target, text)
        if *level == BEDROCK_LOG_DEBUG && target == "call" && text.contains("complete after"))
    };
    assert!(of_one.iter().any(is_end), "{of_one:?}");
    assert_eq!(of_one, of_other);
    assert_eq!(all(&quiet), []);
}

#[test]
fn a_thread_that_waits_for_a_feed_gets_cancelled_when_it_is_freed_and_a_second_one_is_busy() {
    let _alone = alone();
    let feed = Feed::of_records();
    std::thread::scope(|threads| {
        let wait = || loop {
            // The other thread looks at the feed, too.
            match feed.next(-1) {
                Err(BEDROCK_E_BUSY) => std::thread::yield_now(),
                end => break end,
            }
        };
        let waiting = threads.spawn(wait);
        let began = Instant::now();
        while feed.next(0) != Err(BEDROCK_E_BUSY) {
            assert!(began.elapsed() < PATIENCE, "no thread waits");
        }
        bedrock_feed_free(feed.0);
        assert_eq!(waiting.join().expect("no panic"), Err(BEDROCK_E_CANCELLED));
    });
    assert_eq!(feed.next(0), Err(BEDROCK_E_BAD_HANDLE));
    assert_eq!(bedrock_feed_fd(feed.0), -1);
}

#[test]
fn options_that_are_wrong_are_named() {
    for (options, part) in [
        (r#"{"records":"yes"}"#, "records"),
        (r#"{"log":"loud"}"#, "log"),
        (r#"{"capacity":0}"#, "capacity"),
        (r#"{"recods":true}"#, "records"),
        ("{}", "a feed of nothing"),
        ("[", "not valid"),
    ] {
        let (status, message) = Feed::try_new(options).err().expect("an error");
        assert_eq!(status, BEDROCK_E_CONFIG);
        assert!(message.contains(part), "{message}");
    }
    let status =
        unsafe { bedrock_set_observer(c"{\"log\":\"info\"}".as_ptr(), usize::MAX, None, null_mut(), None, null_mut()) };
    assert_eq!(status, BEDROCK_E_CONFIG);
}

// The observer.

/// What an observer has received.
#[derive(Default)]
struct Received {
    records: Mutex<Vec<Value>>,
    lost: Mutex<i64>,
    /// The observer waits for it.
    gate: Mutex<()>,
    released: AtomicUsize,
}

unsafe extern "C-unwind" fn observe(record: *const c_char, len: usize, lost: i64, user: *mut c_void) {
    let received = unsafe { &*user.cast::<Received>() };
    let record = unsafe { CStr::from_ptr(record) }.to_str().expect("UTF-8");
    assert_eq!(record.len(), len);
    drop(received.gate.lock());
    *received.lost.lock().unwrap() += lost;
    if lost == 0 {
        received.records.lock().unwrap().push(serde_json::from_str(record).expect("JSON"));
    }
}

unsafe extern "C" fn release(user: *mut c_void) {
    unsafe { &*user.cast::<Received>() }.released.fetch_add(1, Ordering::SeqCst);
}

fn set_observer(options: &str, received: &'static Received) {
    let user = std::ptr::from_ref(received).cast_mut().cast();
    let (text, len) = (options.as_ptr().cast(), options.len());
    let status = unsafe { bedrock_set_observer(text, len, Some(observe), user, Some(release), null_mut()) };
    assert_eq!(status, BEDROCK_OK);
}

fn clear_observer() {
    assert_eq!(unsafe { bedrock_set_observer(null(), 0, None, null_mut(), None, null_mut()) }, BEDROCK_OK);
}

#[test]
fn an_observer_has_all_records_once_the_library_is_shut_down_and_none_after_it_is_removed() {
    let _alone = alone();
    let received: &'static Received = Box::leak(Box::default());
    set_observer("{}", received);
    let bedrock = LocalBedrock::start();
    let gate = Gate::new();
    bedrock.push(Reply::text_response("never").head_waits_for(&gate));
    bedrock.respond_with(|_| Reply::text_response("Hello"));
    let model = Model::at(&bedrock);
    std::thread::scope(|threads| {
        let cancelled = threads.spawn(|| model.generate(&prompt()));
        gate.wait_arrivals(1);
        (0..10).for_each(|_| drop(model.generate(&prompt())));
        assert_eq!(bedrock_shutdown(-1), BEDROCK_OK);
        let records = received.records.lock().unwrap();
        let statuses: Vec<_> = records.iter().map(|record| record["status"].as_i64().unwrap_or(1)).collect();
        assert_eq!(statuses.iter().filter(|status| **status == i64::from(BEDROCK_OK)).count(), 10);
        assert_eq!(statuses.iter().filter(|status| **status == i64::from(BEDROCK_E_CANCELLED)).count(), 1);
        cancelled.join().expect("no panic").failed(BEDROCK_E_CANCELLED);
    });
    gate.open();
    clear_observer();
    assert_eq!(received.released.load(Ordering::SeqCst), 1);
    model.generate(&prompt()).response();
    assert_eq!(bedrock_shutdown(-1), BEDROCK_OK);
    assert_eq!(received.records.lock().unwrap().len(), 11);
}

#[test]
fn records_that_wait_for_an_observer_go_to_the_one_that_replaces_it_and_none_is_lost_without_a_count() {
    let _alone = alone();
    let [first, second, third]: [&'static Received; 3] = std::array::from_fn(|_| &*Box::leak(Box::default()));
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| Reply::text_response("Hello"));
    let model = Model::at(&bedrock);
    let mut calls = 0;
    let mut call = || {
        model.generate(&prompt()).response();
        calls += 1;
    };
    let count = |received: &Received| received.records.lock().unwrap().len();
    let total = |of: &[&Received]| of.iter().map(|received| count(received)).sum::<usize>();
    set_observer("{}", first);
    for (old, new, options) in [(first, second, "{}"), (second, third, r#"{"capacity": 1}"#)] {
        let (gate, in_flight) = (old.gate.lock().unwrap(), Gate::new());
        bedrock.push(Reply::text_response("Hello").head_waits_for(&in_flight));
        std::thread::scope(|threads| {
            let begun_before = threads.spawn(|| model.generate(&prompt()).response().attempts);
            in_flight.wait_arrivals(1);
            (0..20).for_each(|_| call());
            let replacing = threads.spawn(|| set_observer(options, new));
            while count(new) == 0 {
                call();
            }
            // Replacing the old observer waits for its return.
            drop(gate);
            replacing.join().expect("no panic");
            in_flight.open();
            assert_eq!(begun_before.join().expect("no panic"), 1);
        });
        assert_eq!(bedrock_shutdown(-1), BEDROCK_OK);
        assert!(old.released.load(Ordering::SeqCst) == 1);
    }
    clear_observer();
    assert_eq!(*second.lost.lock().unwrap(), 0, "all found room");
    let lost = usize::try_from(*third.lost.lock().unwrap()).expect("a number");
    assert_eq!(total(&[first, second, third]) + lost, calls + 2, "what finds no room is counted");
}

#[test]
fn an_observer_that_is_too_slow_is_told_how_many_records_it_lost() {
    let _alone = alone();
    let received: &'static Received = Box::leak(Box::default());
    set_observer(r#"{"capacity":1}"#, received);
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| Reply::text_response("Hello"));
    let model = Model::at(&bedrock);
    let closed = received.gate.lock().unwrap();
    (0..10).for_each(|_| drop(model.generate(&prompt())));
    // Its callback holds one, and one waits. Shutting down ends the worker before it waits for the callback.
    assert_eq!(bedrock_shutdown(0), BEDROCK_AGAIN);
    drop(closed);
    assert_eq!(bedrock_shutdown(-1), BEDROCK_OK);
    let (records, lost) = (received.records.lock().unwrap().len(), *received.lost.lock().unwrap());
    assert!(records >= 1 && lost > 0, "{records} {lost}");
    assert_eq!(records as i64 + lost, 10);
    clear_observer();
}
