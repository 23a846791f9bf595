//! Calls are recorded and replayed: the same events, the same bytes of JSON, the same errors, without network or
//! credentials.

mod support;

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use bedrock::ffi::process::bedrock_shutdown;
use serde_json::{Value, json};

use support::capi::*;
use support::pull::count_called_back;
use support::stream::{event_frame, frame};
use support::{Auth, Cut, Gate, LocalBedrock, PATIENCE, Protocol, Reply};

const SESSION_TOKEN: &str = "FwoGZXIvYXdzEXAMPLESESSIONTOKEN";
/// Set in the process that a test starts.
const CHILD: &str = "BEDROCK_TEST_CHILD";
/// Set in that process to the config of the model that it makes.
const CONFIG: &str = "BEDROCK_TEST_CONFIG";

fn path(test: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("recording").join(format!("{test}.json"))
}

/// The file of a test, which does not exist yet.
fn file(test: &str) -> PathBuf {
    let file = path(test);
    std::fs::create_dir_all(file.parent().expect("a directory")).expect("a directory");
    let _ = std::fs::remove_file(&file);
    file
}

fn recorder(bedrock: &LocalBedrock, file: &Path) -> Model {
    Model::at_with(bedrock, json!({"transport": {"record": file}, "session_token": SESSION_TOKEN}))
}

/// A model that has neither a region nor credentials.
fn replayer(file: &Path) -> Model {
    Model::new(&json!({"model": MODEL_ID, "retry": {"max_backoff": "1ms"}, "transport": {"replay": file}}))
}

/// The recording in the file, which is complete between calls.
#[track_caller]
fn recorded(file: &Path) -> Vec<Value> {
    read(file).unwrap_or_else(|what| panic!("{what}"))
}

fn read(file: &Path) -> Result<Vec<Value>, String> {
    let text = std::fs::read_to_string(file).expect("the recording");
    let json: Value = serde_json::from_str(&text).map_err(|error| format!("{error} in {text}"))?;
    assert_eq!(json["bedrock_recording"], 1);
    Ok(json["interactions"].as_array().expect("an array").clone())
}

/// Waits for an interaction that no call waits for. It may be read while it is partly written.
#[track_caller]
fn wait_recorded(file: &Path, count: usize) -> Vec<Value> {
    let began = std::time::Instant::now();
    loop {
        let seen = read(file);
        match seen {
            Ok(interactions) if interactions.len() >= count => return interactions,
            _ => assert!(began.elapsed() < PATIENCE, "not {count} interactions: {seen:?}"),
        }
        std::thread::yield_now();
    }
}

fn hello() -> Request {
    Request::say("Hello?")
}

/// Records a reply as a stream and replays it. Both results are the same.
#[track_caller]
fn streams_the_same(test: &str, reply: Reply) -> (Streamed, Value) {
    let (bedrock, file) = (LocalBedrock::start(), file(test));
    let model = recorder(&bedrock, &file);
    bedrock.push(reply);
    let live = model.stream(&hello());
    let mut interactions = recorded(&file);
    assert_eq!(interactions.len(), 1, "it is written before the call returns");
    let replayed = replayer(&file).stream(&hello());
    assert_eq!(replayed.events, live.events);
    assert_eq!(replayed.outcome.failure, live.outcome.failure);
    assert_eq!(replayed.outcome.response, live.outcome.response);
    (live, interactions.remove(0))
}

#[test]
fn a_stream_without_its_content_type_is_recorded_as_a_stream() {
    let stream = || Reply::stream().message_start().event("keepAlive", "").text(0, &["Hel", "lo"]);
    let whole = || stream().message_stop("end_turn").metadata(1, 2);
    for (test, reply) in [
        ("untyped", whole().without_header("content-type")),
        ("mistyped", whole().content_type("application/json").in_chunks_of(7)),
    ] {
        let (live, interaction) = streams_the_same(test, reply);
        assert_eq!(live.outcome.response().text, "Hello");
        let parts = interaction["response"]["events"].as_array().expect("a stream's parts");
        assert_eq!(parts.len(), live.events.len(), "{interaction}");
    }
    let cut = stream().without_header("content-type");
    let length = cut.body_len();
    let (live, interaction) = streams_the_same("untyped-cut", cut.cut_at(length - 1, Cut::Reset));
    assert_eq!(live.outcome.arrived(BEDROCK_E_TRUNCATED).text, "Hello");
    assert_ne!(interaction["response"]["ended"], Value::Null);
    let (live, interaction) = streams_the_same("no-stream", Reply::empty(200).body("{\"message\": \"no\"}"));
    live.outcome.failed(BEDROCK_E_PROTOCOL).says(&["is of no type"]);
    assert_eq!(interaction["response"]["body"], json!({"message": "no"}));
}

#[test]
fn a_unary_call_is_recorded_and_replayed_byte_for_byte() {
    let (bedrock, file) = (LocalBedrock::start(), file("unary"));
    let model = recorder(&bedrock, &file);
    assert!(recorded(&file).is_empty(), "a recording begins with its model");
    let body = r#"{"output":{"message":{"role":"assistant","content":[{"text":"A"}]}}, "stopReason":"end_turn" ,
        "zeta":1.50,"alpha":12345678901234567890,"usage":{"outputTokens":1,"inputTokens":2,"totalTokens":3}}"#;
    bedrock.push(Reply::json(body).request_id("the-first"));
    let live = model.generate(&hello());
    let interaction = &recorded(&file)[0];
    assert_eq!(interaction["request"]["method"], "POST");
    assert_eq!(interaction["request"]["path"], bedrock.last_request().target);
    assert_eq!(interaction["response"]["status"], 200);
    assert_eq!(interaction["response"]["headers"]["x-amzn-requestid"], "the-first");
    let text = std::fs::read_to_string(&file).expect("the recording");
    let sent = String::from_utf8(bedrock.last_request().body.to_vec()).expect("UTF-8");
    assert!(text.contains(&sent) && text.contains(body), "as it was on the wire: {text}");
    let replayed = replayer(&file).generate(&hello());
    assert_eq!(replayed.response(), live.response());
    assert_eq!(replayed.response().json, body);
}

#[test]
fn a_stream_is_recorded_and_replayed_event_by_event() {
    let odd = r#"{ "z":1.0, "contentBlockIndex":0 , "delta":{"text":"\u00e9"},"a":1e2}"#;
    let reply = Reply::stream().message_start().event("contentBlockDelta", odd).event("whatIsNew", "{}");
    let reply = reply.block_stop(0).message_stop("end_turn").metadata(1, 2);
    let (live, interaction) = streams_the_same("stream", reply);
    assert_eq!(live.outcome.response().text, "\u{e9}");
    let types = interaction["response"]["events"].as_array().expect("events").iter();
    let types: Vec<_> = types.map(|event| event["type"].as_str().unwrap_or_default()).collect();
    let expected = ["messageStart", "contentBlockDelta", "whatIsNew", "contentBlockStop", "messageStop", "metadata"];
    assert_eq!(types, expected);
    assert!(interaction["response"].get("ended").is_none());
    assert!(std::fs::read_to_string(path("stream")).expect("the recording").contains(odd));
}

#[test]
fn an_exception_in_a_stream_is_recorded_and_replayed() {
    let reply = Reply::stream().message_start().exception("modelStreamErrorException", r#"{"message":"It broke."}"#);
    let (live, interaction) = streams_the_same("exception", reply);
    live.outcome.failed(BEDROCK_E_MODEL);
    assert_eq!(interaction["response"]["events"][1]["exception"], "modelStreamErrorException");
}

#[test]
fn an_error_message_in_a_stream_is_recorded_and_replayed() {
    let (live, interaction) =
        streams_the_same("error_message", Reply::stream().message_start().error_message("internal", "Gone."));
    assert!(live.outcome.failure.is_some());
    assert_eq!(interaction["response"]["events"][1]["headers"][":error-code"], "internal");
}

#[test]
fn a_cut_stream_is_cut_in_its_replay() {
    for (test, cut) in [("cut_close", Cut::Close), ("cut_reset", Cut::Reset)] {
        let reply = Reply::stream().text_stream(&["Hel", "lo"], "end_turn");
        let inside = reply.piece_ends()[2] - 5;
        let (live, interaction) = streams_the_same(test, reply.cut_at(inside, cut));
        live.outcome.failed(BEDROCK_E_TRUNCATED);
        let last = interaction["response"]["events"].as_array().and_then(|events| events.last()).expect("events");
        assert!(last["base64"].is_string(), "half a frame is kept: {last}");
        assert!(interaction["response"]["ended"].is_string());
    }
}

#[test]
fn every_operation_is_recorded_and_replayed() {
    let (bedrock, file) = (LocalBedrock::start(), file("operations"));
    let chunk = |text: &str| format!(r#"{{"bytes":"{}"}}"#, base64_simd::STANDARD.encode_to_string(text));
    let chunks = Reply::stream().event("chunk", &chunk(r#"{"a":1}"#));
    bedrock.respond_with(move |request| match request.operation() {
        "invoke-with-response-stream" if request.text().contains("lost") => chunks.clone().until_close(),
        "invoke-with-response-stream" => chunks.clone(),
        "invoke" => Reply::json(r#"{"embedding": [0.50]}"#).header("X-Amzn-Bedrock-Input-Token-Count", "7"),
        other => Reply::json(json!({"answered": other}).to_string()),
    });
    let hello = json!({"messages": [{"role": "user", "content": [{"text": "Hello"}]}]});
    let calls = [
        ("CountTokens", hello),
        ("InvokeModel", json!({"body": {"inputText": "Hello"}})),
        ("InvokeModelWithResponseStream", json!({"body": {"prompt": "Hello"}})),
        ("InvokeModelWithResponseStream", json!({"body": {"prompt": "lost"}})),
        ("ApplyGuardrail", json!({"guardrailIdentifier": "gr1", "guardrailVersion": "1", "source": "INPUT"})),
        ("StartAsyncInvoke", json!({"modelInput": {}, "outputDataConfig": {}})),
        ("GetAsyncInvoke", json!({"invocationArn": "arn:aws:bedrock:us-east-1:123456789012:async-invoke/abc"})),
        ("ListAsyncInvokes", json!({"maxResults": 2})),
    ];
    let all = |model: &Model| calls.clone().map(|(name, given)| model.call(name, &Request::json(&given.to_string())));
    let live = all(&recorder(&bedrock, &file));
    assert_eq!(recorded(&file).len(), calls.len());
    live[3].failed(BEDROCK_E_TRUNCATED);
    for (replayed, live) in all(&replayer(&file)).iter().zip(&live) {
        assert_eq!((&replayed.failure, &replayed.response), (&live.failure, &live.response));
    }
    assert_eq!(live[1].response().usage.input_tokens, 7);
}

#[test]
fn bytes_that_are_no_frames_are_replayed_unchanged() {
    let mut damaged = event_frame("messageStart", r#"{"role":"assistant"}"#).to_vec();
    let whole = damaged.clone();
    damaged[20] ^= 1;
    let (live, interaction) = streams_the_same("damaged", Reply::stream_of([whole, damaged].concat()));
    live.outcome.failed(BEDROCK_E_PROTOCOL);
    assert!(interaction["response"]["events"][1]["base64"].is_string());
    let strange = frame(&[(":message-type", "event"), (":event-type", "messageStart")], b"no JSON");
    let (_, interaction) = streams_the_same("strange", Reply::stream_of(strange));
    assert_eq!(interaction["response"]["events"][0]["payload_base64"], "bm8gSlNPTg==");
}

#[test]
fn a_retried_attempt_is_an_interaction_of_its_own() {
    let (bedrock, file) = (LocalBedrock::start(), file("retry"));
    let model = recorder(&bedrock, &file);
    bedrock.push(Reply::close_before_headers());
    bedrock.push(Reply::error(429, "ThrottlingException", "Too many requests"));
    bedrock.push(Reply::text_response("Hello"));
    let live = model.generate(&hello());
    assert_eq!(live.response().attempts, 3);
    let interactions = recorded(&file);
    assert_eq!(interactions.len(), 3);
    assert!(interactions[0]["failure"].is_string(), "{}", interactions[0]);
    assert_eq!(interactions[1]["response"]["status"], 429);
    let replayed = replayer(&file).generate(&hello());
    assert_eq!(replayed.response(), live.response());
}

#[test]
fn a_service_error_is_replayed_with_all_its_details() {
    let (bedrock, file) = (LocalBedrock::start(), file("error"));
    let model = recorder(&bedrock, &file);
    bedrock.push(Reply::error(400, "ValidationException", "No such thing").request_id("refused-1"));
    bedrock.push(Reply::html(404));
    let live = [model.generate(&hello()), model.generate(&hello())].map(|outcome| outcome.failure);
    let model = replayer(&file);
    assert_eq!([model.generate(&hello()), model.generate(&hello())].map(|outcome| outcome.failure), live);
    assert!(recorded(&file)[1]["response"]["body_base64"].is_string());
}

#[test]
fn a_network_failure_is_recorded_without_a_host_and_replayed_with_one_advice() {
    let (bedrock, file) = (LocalBedrock::start(), file("on_the_way"));
    let model = recorder(&bedrock, &file);
    let host = bedrock.url().trim_start_matches("http://").to_owned();
    for _ in 0..3 {
        bedrock.push(Reply::close_before_headers());
    }
    let live = model.generate(&hello());
    live.failed(BEDROCK_E_NETWORK).says(&[&host]);
    let recorded = std::fs::read_to_string(&file).expect("a recording");
    assert!(!recorded.contains(&host) && !recorded.contains("127.0.0.1"), "{recorded}");
    let replayed = replayer(&file).generate(&hello());
    let message = &replayed.failed(BEDROCK_E_NETWORK).message;
    assert!(message.contains("closed before the response") && message.matches("Check the").count() == 1, "{message}");
}

#[test]
fn a_recording_holds_no_credential() {
    let (bedrock, file) = (LocalBedrock::start(), file("secrets"));
    let model = recorder(&bedrock, &file);
    bedrock.respond_with(|_| Reply::text_response("Hello").header("set-cookie", "a=secret-cookie"));
    model.generate(&hello()).response();
    let bearer = "bedrock-api-key-EXAMPLE";
    let keys = json!({"api_key": null, "secret_key": null, "bearer_token": bearer});
    let model = Model::new(&with(with(config(&bedrock), keys), json!({"transport": {"record": file}})));
    model.generate(&hello()).response();
    assert_eq!(recorded(&file).len(), 2);
    let text = std::fs::read_to_string(&file).expect("the recording").to_lowercase();
    let secrets = [ACCESS_KEY, SECRET_KEY, SESSION_TOKEN, bearer, "secret-cookie"];
    for word in secrets.into_iter().chain(["authorization", "x-amz-", "amz-sdk", "user-agent", "127.0.0.1"]) {
        assert!(!text.contains(&word.to_lowercase()), "{word} in {text}");
    }
}

#[test]
fn two_models_record_into_one_file_and_a_later_one_overwrites_it() {
    let (bedrock, file) = (LocalBedrock::start(), file("shared"));
    bedrock.respond_with(|_| Reply::text_response("Hello"));
    let (first, second) = (recorder(&bedrock, &file), recorder(&bedrock, &file));
    std::thread::scope(|threads| {
        for model in [&first, &second, &first, &second] {
            threads.spawn(move || model.generate(&hello()).response().clone());
        }
    });
    assert_eq!(recorded(&file).len(), 4);
    drop((first, second));
    let third = recorder(&bedrock, &file);
    assert!(recorded(&file).is_empty());
    third.generate(&hello()).response();
    assert_eq!(recorded(&file).len(), 1);
}

#[test]
fn a_cancelled_call_is_recorded_with_what_had_arrived() {
    let (bedrock, file) = (LocalBedrock::start(), file("given_up"));
    let model = recorder(&bedrock, &file);
    bedrock.push(Reply::stream().message_start().text_delta(0, "Hel").wait_for(&Gate::new()).text_delta(0, "lo"));
    let live = model.stream_with(&hello(), std::ptr::null_mut(), |event| i32::from(event.kind == BEDROCK_EVENT_TEXT));
    live.outcome.stopped();
    let interaction = &wait_recorded(&file, 1)[0];
    assert_eq!(interaction["response"]["events"].as_array().map(Vec::len), Some(2));
    assert_eq!(interaction["response"]["ended"], "the call was given up");
    let (cancel, hanging) = (Cancel::new(), Reply::hang());
    bedrock.push(hanging);
    std::thread::scope(|threads| {
        let call = threads.spawn(|| model.generate_with(&hello(), cancel.handle()));
        bedrock.wait_requests(2);
        cancel.fire();
        call.join().expect("a thread").failed(BEDROCK_E_CANCELLED);
    });
    assert_eq!(wait_recorded(&file, 2)[1]["failure"], "the call was given up");
    let model = replayer(&file).with(json!({"retry": {"max_attempts": 1}}));
    model.generate(&hello()).failed(BEDROCK_E_NETWORK).says(&["the call was given up"]);
}

#[test]
fn a_stream_passes_while_it_is_recorded_and_delays_no_other_call() {
    let (bedrock, file, gate) = (LocalBedrock::start(), file("passes"), Gate::new());
    let model = recorder(&bedrock, &file);
    let held = Reply::stream().message_start().text_delta(0, "Hello").wait_for(&gate);
    bedrock.push(held.block_stop(0).message_stop("end_turn").metadata(1, 1));
    bedrock.push(Reply::text_response("Meanwhile"));
    let streamed = model.stream_with(&hello(), std::ptr::null_mut(), |event| {
        if event.kind == BEDROCK_EVENT_TEXT {
            assert_eq!(model.generate(&hello()).response().text, "Meanwhile");
            assert_eq!(recorded(&file).len(), 1, "the other call is done, and this one is not");
            gate.open();
        }
        0
    });
    assert_eq!(streamed.outcome.response().text, "Hello");
    assert_eq!(recorded(&file).len(), 2);
}

/// A recording of one unary call with this body.
fn recording(test: &str, body: &str) -> PathBuf {
    let file = file(test);
    let path = "/model/amazon.nova-micro-v1%3A0/converse";
    let request = format!(r#"{{"method": "POST", "path": "{path}", "headers": {{}}, "body": {body}}}"#);
    let body = r#"{"output":{"message":{"role":"assistant","content":[{"text":"Found"}]}},"stopReason":"end_turn"}"#;
    let response = format!(r#"{{"status": 200, "headers": {{"content-type": "application/json"}}, "body": {body}}}"#);
    let interaction = format!(r#"{{"request": {request}, "response": {response}}}"#);
    std::fs::write(&file, format!(r#"{{"bedrock_recording": 1, "interactions": [{interaction}]}}"#)).expect("a file");
    file
}

#[test]
fn a_replay_ignores_white_space_and_the_order_of_keys() {
    let body = r#"{"inferenceConfig": {"topP": 5e-1, "maxTokens": 10.0},
        "messages": [{"content": [{"text": "\u0048ello?"}], "role": "user"}]}"#;
    let request = r#"{"messages":[{"role":"user","content":[{"text":"Hello?"}]}],
        "inferenceConfig":{"maxTokens":10,"topP":0.50}}"#;
    let model = replayer(&recording("order", body));
    assert_eq!(model.generate(&Request::json(request)).response().text, "Found");
}

#[test]
fn the_error_for_an_unrecorded_request_names_where_the_most_similar_one_differs() {
    let file = recording("mismatch", r#"{"messages":[{"role":"user","content":[{"text":"Goodbye."}]}]}"#);
    let model = replayer(&file);
    let failure = model.generate(&hello());
    let failure = failure.failed(BEDROCK_E_CONFIG);
    failure.says(&["mismatch.json", "POST /model/amazon.nova-micro-v1%3A0/converse", "/interactions/0"]);
    failure.says(&["differs at /messages/0/content/0/text"]);
    assert_eq!((failure.path.as_str(), failure.attempts), ("/transport/replay", 0));
    model
        .stream(&hello())
        .outcome
        .failed(BEDROCK_E_CONFIG)
        .says(&["converse-stream", "no unused request to that path"]);
    assert_eq!(model.generate(&Request::say("Goodbye.")).response().text, "Found");
    let used_up = model.generate(&Request::say("Goodbye."));
    used_up.failed(BEDROCK_E_CONFIG).says(&["it has this request 1 times, and all were used"]);
}

#[test]
fn recorded_timing_is_optional_and_replays_the_same() {
    let file = recording("timing", r#"{"messages":[{"role":"user","content":[{"text":"Hello?"}]}]}"#);
    for timing in ["recorded", "at_once"] {
        let config = json!({"model": MODEL_ID, "transport": {"replay": file, "timing": timing}});
        assert_eq!(Model::new(&config).generate(&hello()).response().text, "Found");
    }
}

#[test]
fn an_invalid_transport_is_a_config_error_that_names_the_key() {
    let file = recording("refused", "{}");
    let missing = file.with_file_name("no-directory").join("a.json");
    let precious = self::file("precious");
    std::fs::write(&precious, "precious").expect("a file");
    let huge = self::file("huge");
    std::fs::File::create(&huge).and_then(|file| file.set_len(1 << 30)).expect("a sparse file");
    let [dangling, linked, led_to] = ["dangling", "linked", "led_to"].map(self::file);
    std::os::unix::fs::symlink(&led_to, &dangling).expect("a link");
    std::os::unix::fs::symlink(&file, &linked).expect("a link");
    let cases = [
        (json!({}), "/transport", "needs one of replies, record and replay"),
        (json!({"record": "a", "replay": "b"}), "/transport/replay", "and \"record\" exclude each other"),
        (json!({"replies": [], "timing": "recorded"}), "/transport/timing", "is not a known key"),
        (json!({"replay": file, "repeat": true}), "/transport/repeat", "is not a known key"),
        (json!({"replay": file, "timing": 7}), "/transport/timing", "must be a string"),
        (json!({"replay": file, "timing": "late"}), "/transport/timing", "\"at_once\" or \"recorded\""),
        (json!({"replay": 7}), "/transport/replay", "must be a string"),
        (json!({"record": ""}), "/transport/record", "is empty"),
        (json!({"replay": missing}), "/transport/replay", "no-directory"),
        (json!({"record": missing}), "/transport/record", "no-directory"),
        (json!({"record": "/dev/null"}), "/transport/record", "not a regular file"),
        (json!({"replay": "/dev/zero"}), "/transport/replay", "not a regular file"),
        (json!({"replay": huge}), "/transport/replay", "it is larger than 256 MiB"),
        (json!({"record": dangling}), "/transport/record", "a symbolic link"),
        (json!({"record": linked}), "/transport/record", "a symbolic link"),
        (json!({"record": precious}), "/transport/record", "not a recording"),
        (json!({"rekord": "a"}), "/transport/rekord", "did you mean \"record\"?"),
    ];
    for (transport, path, says) in cases {
        let config = json!({"model": MODEL_ID, "transport": transport}).to_string();
        let Err(failure) = Model::try_new(&config) else { panic!("a model of {config}") };
        assert_eq!((failure.status, failure.path.as_str()), (BEDROCK_E_CONFIG, path), "{config}: {failure:?}");
        failure.says(&[says]);
    }
    assert_eq!(std::fs::read_to_string(&precious).expect("the file"), "precious");
    assert!(!led_to.exists() && recorded(&file).len() == 1, "a link was followed");
}

#[test]
fn an_invalid_recording_is_a_config_error_with_a_pointer_into_it() {
    let file = recording("broken", "{}");
    let good = std::fs::read_to_string(&file).expect("the recording");
    let cases = [
        ("\"POST\"", "7", "at /interactions/0/request/method: expected a string, found a number"),
        ("\"method\"", "\"metod\"", "at /interactions/0/request/metod: the key \"metod\" is unknown"),
        ("\"status\": 200, ", "", "at /interactions/0/response: status is missing"),
        ("\"status\": 200", "\"status\": 99", "at /interactions/0/response/status: an HTTP status"),
        ("application/json", "a\\nb", "at /interactions/0/response/headers/content-type: it cannot be a header"),
        ("\"bedrock_recording\": 1", "\"bedrock_recording\": 2", "at /bedrock_recording: this library reads version 1"),
        (
            "\"body\": {\"output\"",
            "\"events\": 7, \"body\": {\"output\"",
            "at /interactions/0/response/body: it cannot",
        ),
        ("\"body\": {}", "\"body_base64\": \"?\"", "at /interactions/0/request/body_base64: it is not base64"),
        (
            "\"response\"",
            "\"failure\": \"x\", \"response\"",
            "at /interactions/0/failure: it cannot be given together with",
        ),
        ("\"interactions\": [", "\"interactions\": [7, ", "at /interactions/0: expected an object, found a number"),
        ("]}}", "]}", "it is not JSON: "),
    ];
    for (from, to, says) in cases {
        assert!(good.contains(from), "{from}");
        std::fs::write(&file, good.replacen(from, to, 1)).expect("a file");
        let config = json!({"model": MODEL_ID, "transport": {"replay": file}}).to_string();
        let Err(failure) = Model::try_new(&config) else { panic!("a model with {to}") };
        assert_eq!((failure.status, failure.path.as_str()), (BEDROCK_E_CONFIG, "/transport/replay"));
        failure.says(&["broken.json", says]);
    }
}

#[test]
fn http2_is_recorded_and_replayed_the_same() {
    let (bedrock, file) = (LocalBedrock::with_protocol(Protocol::HTTP2), file("http2"));
    let recording = json!({"transport": {"record": file}, "http_version": "2"});
    let model = Model::at_with(&bedrock, recording);
    bedrock.push(Reply::stream().text_stream(&["Hel", "lo"], "end_turn"));
    let live = model.stream(&hello());
    assert_eq!(recorded(&file).len(), 1);
    let replayed = replayer(&file).stream(&hello());
    assert_eq!((replayed.events, replayed.outcome.response()), (live.events, live.outcome.response()));
}

/// Runs the test of that name again in a process with an empty environment, and `body` in that process.
#[track_caller]
fn alone(test: &str, body: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some() {
        return body();
    }
    run_alone(test, None);
}

/// Runs the test of that name in a process whose environment holds that config alone. Returns its output.
#[track_caller]
fn run_alone<'c>(test: &str, config: impl Into<Option<&'c str>>) -> String {
    let mut child = Command::new(std::env::current_exe().expect("this program"));
    let child = child.args([test, "--exact", "--nocapture"]).env_clear().env(CHILD, "1");
    let child = config.into().into_iter().fold(child, |child, config| child.env(CONFIG, config));
    let run = child.output().expect("the test can be started again");
    let said = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
    assert!(run.status.success() && said.contains("1 passed"), "in a process of its own:\n{said}");
    said
}

/// The config for this process, if a test has started it.
fn given_config() -> Option<String> {
    std::env::var(CONFIG).ok()
}

#[test]
fn a_replay_needs_neither_credentials_nor_an_environment() {
    alone("a_replay_needs_neither_credentials_nor_an_environment", || {
        let file = recording("bare", r#"{"messages":[{"role":"user","content":[{"text":"Hello?"}]}]}"#);
        let model = Model::new(&json!({"model": MODEL_ID, "transport": {"replay": file}}));
        assert_eq!(model.generate(&hello()).response().text, "Found");
    });
}

#[test]
fn requests_for_credentials_are_not_recorded() {
    alone("requests_for_credentials_are_not_recorded", || {
        let (bedrock, file) = (LocalBedrock::start(), file("role"));
        // No other thread of this process reads the environment now.
        unsafe { std::env::set_var("AWS_ENDPOINT_URL_STS", bedrock.url()) };
        bedrock.push(Reply::empty(200).content_type("text/xml").body(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
             <AccessKeyId>AKIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
             <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
        ));
        bedrock.push(Reply::text_response("Hello"));
        let role = json!({"role_arn": "arn:aws:iam::123456789012:role/reader", "transport": {"record": file}});
        Model::at_with(&bedrock, role).generate(&hello()).response();
        assert_eq!((bedrock.requests().len(), recorded(&file).len()), (2, 1));
        assert!(!std::fs::read_to_string(&file).expect("the recording").contains("AKIAROLE"));
    });
}

#[test]
fn cancelled_calls_are_in_the_file_once_the_library_is_shut_down() {
    alone("cancelled_calls_are_in_the_file_once_the_library_is_shut_down", || {
        let bedrock = LocalBedrock::start();
        for round in 1..=20 {
            let file = file(&format!("shut_down_{round}"));
            let model = recorder(&bedrock, &file);
            bedrock.push(Reply::stream().message_start().text_delta(0, "Hel").wait_for(&Gate::new()));
            let stops = |event: &Event| i32::from(event.kind == BEDROCK_EVENT_TEXT);
            model.stream_with(&hello(), std::ptr::null_mut(), stops).outcome.stopped();
            assert_eq!(bedrock_shutdown(20_000), BEDROCK_OK);
            assert_eq!(recorded(&file).len(), 1, "round {round}");
        }
    });
}

#[test]
fn a_recording_that_cannot_be_written_fails_the_call_and_stays_valid() {
    alone("a_recording_that_cannot_be_written_fails_the_call_and_stays_valid", || {
        for streams in [false, true] {
            let (bedrock, file) = (LocalBedrock::start(), file(&format!("full_{streams}")));
            bedrock.auth(Auth::default());
            bedrock.respond_with(|request| match request.operation() {
                "converse" => Reply::text_response("Hello"),
                _ => Reply::stream().text_stream(&["Hel", "lo"], "end_turn"),
            });
            let model = recorder(&bedrock, &file);
            let call = || if streams { model.stream(&hello()).outcome } else { model.generate(&hello()) };
            call().response();
            let room = std::fs::metadata(&file).expect("the recording").len() + 100;
            let limit = |bytes| {
                let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
                assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) }, 0);
            };
            limit(room);
            for _ in 0..2 {
                let outcome = call();
                let failure = outcome.failed(BEDROCK_E_RESOURCE);
                failure.says(&["the recording", "cannot be written"]);
                assert_eq!(failure.path, "/transport/record");
            }
            limit(libc::RLIM_INFINITY);
            assert_eq!(
                (recorded(&file).len(), bedrock.requests().len()),
                (1, 2),
                "it stays whole, and no more is sent"
            );
        }
    });
}

#[test]
fn a_pipe_in_place_of_a_recording_is_an_error_at_once() {
    let pipe = file("pipe");
    if !Command::new("/usr/bin/mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()) {
        return println!("skipped: mkfifo is missing");
    }
    for key in ["replay", "record"] {
        let config = json!({"model": MODEL_ID, "transport": {key: pipe}}).to_string();
        let Err(failure) = Model::try_new(&config) else { panic!("a model of {config}") };
        assert_eq!(failure.status, BEDROCK_E_CONFIG);
        failure.says(&["it is not a regular file"]);
    }
    std::fs::remove_file(&pipe).expect("it can be removed");
}

/// The permissions of a file.
fn mode(file: &Path) -> u32 {
    std::fs::metadata(file).expect("the recording").permissions().mode() & 0o7777
}

#[test]
fn only_the_owner_may_read_a_recording() {
    alone("only_the_owner_may_read_a_recording", || {
        let bedrock = LocalBedrock::start();
        for mask in [0, 0o277] {
            let file = file(&format!("mode_{mask:o}"));
            let before = unsafe { libc::umask(mask) };
            let model = recorder(&bedrock, &file);
            unsafe { libc::umask(before) };
            assert_eq!(mode(&file), 0o600, "under the umask {mask:o}");
            drop(model);
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).expect("its owner may");
            let _again = recorder(&bedrock, &file);
            assert_eq!(mode(&file), 0o600, "begun anew");
        }
    });
}

#[test]
fn another_process_cannot_record_into_the_same_file() {
    const TEST: &str = "another_process_cannot_record_into_the_same_file";
    if let Some(config) = given_config() {
        println!("model: {:?}", Model::try_new(&config).map(drop).map_err(|failure| (failure.status, failure.message)));
        return;
    }
    let (bedrock, file) = (LocalBedrock::start(), file("locked"));
    bedrock.respond_with(|_| Reply::text_response("Hello"));
    let config = with(config(&bedrock), json!({"transport": {"record": file}})).to_string();
    let model = recorder(&bedrock, &file);
    model.generate(&hello()).response();
    let other = run_alone(TEST, config.as_str());
    assert!(other.contains("model: Err") && other.contains("another process records into it"), "{other}");
    model.generate(&hello()).response();
    assert_eq!(recorded(&file).len(), 2, "the other process has changed nothing");
    // Reading the recording is possible, and so is recording in this process.
    replayer(&file).generate(&hello()).response();
    recorder(&bedrock, &file).generate(&hello()).response();
    drop(model);
    let other = run_alone(TEST, config.as_str());
    assert!(other.contains("model: Ok"), "{other}");
}

#[test]
fn a_forked_child_cannot_record_into_its_parents_file_nor_block_the_parent() {
    const TEST: &str = "a_forked_child_cannot_record_into_its_parents_file_nor_block_the_parent";
    alone(TEST, || {
        let (bedrock, file) = (LocalBedrock::start(), file("forked"));
        let config = with(config(&bedrock), json!({"transport": {"record": file}})).to_string();
        let model = recorder(&bedrock, &file);
        let (mut receiver, mut sender) = std::io::pipe().expect("a pipe");
        let (mut waits, release) = std::io::pipe().expect("a pipe");
        let child = unsafe { libc::fork() };
        assert!(child >= 0);
        if child == 0 {
            drop(release);
            let status = Model::try_new(&config).map(std::mem::forget).map_or_else(|failure| failure.status, |()| 0);
            let _ = sender.write_all(&status.to_ne_bytes());
            // It keeps the inherited descriptors open until the parent is done.
            let _ = waits.read(&mut [0]);
            unsafe { libc::_exit(0) };
        }
        let mut status = [0; 4];
        receiver.read_exact(&mut status).expect("the child sends its status");
        assert_eq!(i32::from_ne_bytes(status), BEDROCK_E_CONFIG, "the child records into its parent's file");
        drop(model);
        let again = Model::try_new(&config);
        drop(release);
        assert_eq!(unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) }, child);
        assert!(again.is_ok(), "the child keeps the file: {:?}", again.err());
    });
}

#[test]
fn credentials_that_the_service_repeats_are_not_in_the_recording() {
    let (bedrock, file) = (LocalBedrock::start(), file("echo"));
    let bearer = "bedrock-api-key-c2VjcmV0/dG9rZW4+";
    bedrock.respond_with(|request| {
        let header = |name: &str| request.header(name).unwrap_or_default().to_owned();
        let sent = format!("{} {}", header("authorization"), header("x-amz-security-token"));
        let escaped = sent.replace('/', "\\/");
        let delta = format!(r#"{{"contentBlockIndex":0,"delta":{{"text":"{escaped}"}}}}"#);
        let chunk = base64_simd::STANDARD.encode_to_string(format!(r#"{{"echo":"{sent}"}}"#));
        let stream = Reply::stream().message_start().event("contentBlockDelta", &delta);
        match request.operation() {
            "converse" if request.text().contains("plain") => Reply::empty(502).body(format!("<html>{sent}</html>")),
            "converse" => Reply::json(format!(r#"{{"message": "{sent}"}}"#)).status(400).request_id(&sent),
            "invoke-with-response-stream" => Reply::stream().event("chunk", &format!(r#"{{"bytes":"{chunk}"}}"#)),
            _ if request.text().contains("cut") => {
                let length = stream.body_len();
                stream.cut_at(length - 1, Cut::Close)
            }
            _ => stream.exception("validationException", &json!({"message": sent}).to_string()),
        }
    });
    let keys = json!({"api_key": null, "secret_key": null, "bearer_token": bearer});
    let record = json!({"transport": {"record": file}, "retry": {"max_attempts": 1}});
    let models = [
        Model::new(&with(with(config(&bedrock), keys), record.clone())),
        Model::at_with(&bedrock, with(record, json!({"session_token": SESSION_TOKEN}))),
    ];
    for model in &models {
        model.generate(&hello());
        model.generate(&Request::say("plain"));
        model.stream(&hello());
        model.stream(&Request::say("cut"));
        model.call("InvokeModelWithResponseStream", &Request::json(r#"{"body": {"prompt": "Hello"}}"#));
    }
    let signatures: Vec<_> =
        bedrock.requests().iter().map(|request| request.header("authorization").unwrap().to_owned()).collect();
    let signatures = signatures.iter().filter_map(|value| value.split("Signature=").nth(1));
    let secrets: Vec<_> = [bearer, SESSION_TOKEN].into_iter().chain(signatures).collect();
    let interactions = recorded(&file);
    assert_eq!((interactions.len(), secrets.len()), (10, 7));
    // Also in base64, and in base64 within base64.
    let mut texts = vec![std::fs::read_to_string(&file).expect("the recording").replace("\\/", "/")];
    while let Some(text) = texts.pop() {
        for secret in &secrets {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        let words = text.split('"').filter(|word| word.len() > 20);
        let decoded = words.filter_map(|word| base64_simd::STANDARD.decode_to_vec(word).ok());
        texts.extend(decoded.map(|bytes| String::from_utf8_lossy(&bytes).replace("\\/", "/")));
    }
    // The rest is a valid recording.
    let model = replayer(&file).with(json!({"retry": {"max_attempts": 1}}));
    model.stream(&hello()).outcome.failed(BEDROCK_E_VALIDATION).says(&["[redacted]"]);
    model.stream(&Request::say("cut")).outcome.failed(BEDROCK_E_TRUNCATED);
}

/// A line of /proc/self/status, in KiB.
fn resident(key: &str) -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).expect("the line is there");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn recording_takes_at_most_three_times_the_memory_of_the_data() {
    const TEST: &str = "recording_takes_at_most_three_times_the_memory_of_the_data";
    const WIRE: usize = 8 << 20;
    if let Some(config) = given_config() {
        let model = Model::new(&serde_json::from_str(&config).expect("a config"));
        // The memory of the first calls is not measured.
        assert_eq!(count_called_back(&model, &hello()).1, BEDROCK_OK);
        model.generate(&hello()).response();
        for what in ["small events", "one response"] {
            let before = resident("VmRSS");
            std::fs::write("/proc/self/clear_refs", "5").expect("the peak can be forgotten");
            match what {
                "small events" => assert_eq!(count_called_back(&model, &hello()).1, BEDROCK_OK),
                _ => assert!(model.generate(&hello()).response().text.len() >= WIRE),
            }
            println!("peak: {}", resident("VmHWM") - before);
        }
        return;
    }
    let bedrock = LocalBedrock::start();
    let whole = || Reply::stream().text_stream(&["Hello"], "end_turn");
    let event = event_frame("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"x"}}"#);
    let events = Reply::stream().message_start().raw(event.repeat(WIRE / event.len())).block_stop(0);
    let events = events.message_stop("end_turn").metadata(1, 1);
    let measure = |transport: Value| {
        let long = Reply::text_response(&"x".repeat(WIRE));
        for reply in [whole(), Reply::text_response("Hello"), events.clone(), long] {
            bedrock.push(reply);
        }
        let said = run_alone(TEST, with(config(&bedrock), transport).to_string().as_str());
        let peaks = said.lines().filter_map(|line| line.split_once("peak: ")?.1.parse::<i64>().ok());
        peaks.collect::<Vec<_>>()
    };
    let file = file("memory");
    let (with_it, without) = (measure(json!({"transport": {"record": file}})), measure(json!({})));
    println!("peaks in KiB, with a recording and without: {with_it:?}, {without:?}");
    assert_eq!((with_it.len(), without.len(), recorded(&file).len()), (2, 2, 4));
    for (with_it, without) in with_it.iter().zip(&without) {
        assert!(with_it - without <= 3 * (WIRE as i64 >> 10), "{with_it} KiB, and {without} KiB without a recording");
    }
}
