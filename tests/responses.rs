//! Responses: everything that a service or a gateway sends is delivered and kept, and a failed call returns the part
//! that had arrived.

mod support;

use std::ptr::null_mut;

use bedrock::ffi::response::bedrock_response_free;
use bedrock::ffi::stream::bedrock_stream_response;
use bytes::Bytes;
use serde_json::{Value, json};

use support::capi::*;
use support::pull::{Pull, Pulled};
use support::stream::{event_frame, frame};
use support::{Cut, LocalBedrock, Reply};

fn hello() -> Request {
    Request::say("Hello?")
}

/// Returns a stream of a message with these deltas of block 0.
fn deltas(deltas: &[Value]) -> Reply {
    let event = |delta: &Value| json!({"contentBlockIndex": 0, "delta": delta}).to_string();
    let begun = Reply::stream().message_start();
    let reply = deltas.iter().fold(begun, |reply, delta| reply.event("contentBlockDelta", &event(delta)));
    reply.block_stop(0).message_stop("end_turn").metadata(1, 2)
}

fn content(response: &Response) -> Value {
    let parsed: Value = serde_json::from_str(&response.json).expect("a response is JSON");
    parsed["output"]["message"]["content"].clone()
}

#[test]
fn frames_are_a_stream_whatever_their_content_type_is() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    let stream = || Reply::stream().text_stream(&["Hel", "lo"], "end_turn");
    for content_type in ["application/json", "application/octet-stream", "text/event-stream", ""] {
        for reply in [stream(), stream().in_one_chunk(), stream().in_chunks_of(5)] {
            bedrock.push(reply.clone().content_type(content_type));
            assert_eq!(model.stream(&hello()).outcome.response().text, "Hello", "{content_type:?}");
            bedrock.push(reply.without_header("content-type"));
            assert_eq!(model.stream(&hello()).outcome.response().text, "Hello");
        }
        let cut = stream().content_type(content_type).cut_at(200, Cut::Close);
        bedrock.push(cut);
        model.stream(&hello()).outcome.failed(BEDROCK_E_TRUNCATED);
    }
}

#[test]
fn a_silent_response_without_a_content_type_ends_by_its_timer() {
    let bedrock = LocalBedrock::start();
    let model = Model::at_with(&bedrock, json!({"timeouts": {"first_event": "100ms"}, "retry": {"max_attempts": 1}}));
    let reply = Reply::stream().text_stream(&["Hello"], "end_turn").without_header("content-type");
    bedrock.push(reply.in_chunks_of(5).stall_after(5));
    let streamed = model.stream(&hello());
    streamed.outcome.failed(BEDROCK_E_TIMEOUT).says(&["timeouts.first_event"]);
    assert_eq!(streamed.outcome.response, None);
}

#[test]
fn a_response_that_is_not_a_stream_is_an_error_that_names_its_form() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    let damaged = {
        let mut bytes = Reply::stream().text_stream(&["Hello"], "end_turn").body_bytes().to_vec();
        bytes[9] ^= 1;
        bytes
    };
    for (reply, said) in [
        (Reply::json("{\"output\":{}}"), "is application/json"),
        (Reply::html(200), "is text/html"),
        (Reply::empty(200), "is empty"),
        (Reply::empty(200).content_type("text/plain").body("Hello"), "is text/plain"),
        (Reply::empty(200).body("Hello, this is no stream"), "is of no type"),
        (Reply::empty(200).content_type("application/octet-stream").body(damaged), "is application/octet-stream"),
        (Reply::empty(200).content_type("text/html").body("x".repeat(100 << 10)), "is text/html, not"),
        (
            Reply::empty(200).content_type("text/html").body("x".repeat(100)).content_length().cut_at(50, Cut::Close),
            "is text/html, not",
        ),
    ] {
        bedrock.push(reply);
        let streamed = model.stream(&hello());
        streamed.outcome.failed(BEDROCK_E_PROTOCOL).says(&[said, "not an event stream"]);
    }
}

#[test]
fn an_unknown_event_is_delivered_whatever_its_payload_is() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    let large = vec![0xff_u8; 100 << 10];
    for payload in [&b""[..], b"pong", b"{\"a\": ", b"\xff\x00\xfe", b"{\"a\": 1}", &large] {
        let keep_alive = frame(&[(":message-type", "event"), (":event-type", "keepAlive")], payload);
        let reply = Reply::stream().message_start().raw(keep_alive).text(0, &["Hello"]).message_stop("end_turn");
        bedrock.push(reply.metadata(1, 2));
        let streamed = model.stream(&hello());
        assert_eq!(streamed.outcome.response().text, "Hello");
        let event = &streamed.events[1];
        assert_eq!((event.kind, event.text.as_str()), (BEDROCK_EVENT_OTHER, "keepAlive"));
        let json = if payload == b"{\"a\": 1}" { "{\"a\": 1}" } else { "" };
        assert_eq!((event.json.as_str(), event.payload.as_slice()), (json, payload));
    }
}

#[test]
fn a_known_event_with_a_broken_payload_is_an_error() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    for name in ["messageStart", "contentBlockDelta", "messageStop", "metadata"] {
        for payload in [&b""[..], b"{\"a\": ", b"\xff"] {
            let broken = frame(&[(":message-type", "event"), (":event-type", name)], payload);
            bedrock.push(Reply::stream().raw(broken));
            let streamed = model.stream(&hello());
            streamed.outcome.failed(BEDROCK_E_PROTOCOL).says(&[name]);
        }
    }
}

#[test]
fn other_members_of_a_delta_are_in_the_response() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    for (given, expected) in [
        (
            vec![json!({"reasoningContent": {"text": "t", "signature": "s"}})],
            json!([{"reasoningContent": {"reasoningText": {"text": "t", "signature": "s"}}}]),
        ),
        (
            vec![
                json!({"text": "a", "annotations": [1]}),
                json!({"text": "b"}),
                json!({"text": "c", "annotations": [2]}),
            ],
            json!([{"text": "abc", "annotations": [1, 2]}]),
        ),
        (
            vec![json!({"toolUse": {"input": "{}", "meta": 1}}), json!({"toolUse": {"input": ""}, "more": "x"})],
            json!([{"toolUse": {"input": {}, "meta": 1}, "more": "x"}]),
        ),
        (
            vec![
                json!({"reasoningContent": {"text": "t"}, "new": {"a": 1}}),
                json!({"reasoningContent": {"text": "u"}}),
            ],
            json!([{"reasoningContent": {"reasoningText": {"text": "tu"}}, "new": {"a": 1}}]),
        ),
    ] {
        bedrock.push(deltas(&given));
        let streamed = model.stream(&hello());
        assert_eq!(content(streamed.outcome.response()), expected, "{given:?}");
        for (event, delta) in streamed.events[1..].iter().zip(&given) {
            assert_eq!(&serde_json::from_str::<Value>(&event.json).expect("JSON")["delta"], delta);
        }
    }
}

#[test]
fn other_members_of_a_message_start_are_in_the_response() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    let start = r#"{"role":"assistant","conversation":{"id": 7},"p":"abc"}"#;
    bedrock.push(Reply::stream().event("messageStart", start).text(0, &["a"]).message_stop("end_turn").metadata(1, 2));
    let streamed = model.stream(&hello());
    let parsed: Value = serde_json::from_str(&streamed.outcome.response().json).expect("JSON");
    assert_eq!(parsed["conversation"], json!({"id": 7}));
    assert_eq!(parsed["p"], Value::Null, "the padding is not kept");
    let message = json!({"role": "assistant", "content": [{"text": "a"}]});
    assert_eq!(parsed["output"]["message"], message, "a message that is sent back holds what the service knows");
}

#[test]
fn a_character_that_is_split_over_two_deltas_is_complete_in_the_events_and_in_the_response() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    let delta = |block: usize, delta: &str| {
        event_frame("contentBlockDelta", &format!(r#"{{"contentBlockIndex":{block},"delta":{delta},"p":"ab"}}"#))
    };
    let frames = [
        delta(0, r#"{"text":"a\ud83d"}"#),
        // A block in between has surrogates of its own.
        delta(1, r#"{"reasoningContent":{"text":"\ud83d"}}"#),
        delta(0, r#"{"text":"\ude00b\\ud83d"}"#),
        delta(1, r#"{"reasoningContent":{"text":"\ude01"}}"#),
        delta(0, r#"{"text":"\ude00\ud83d"}"#),
        delta(0, r#"{"text":""}"#),
        delta(0, r#"{"text":"\ude02\ud83d"}"#),
        delta(0, r#"{"text":"c"}"#),
    ];
    let body: Bytes = frames.concat().into();
    bedrock.push(Reply::stream().message_start().raw(body).message_stop("end_turn").metadata(1, 2));
    let streamed = model.stream(&hello());
    let response = streamed.outcome.response();
    assert_eq!(response.text, "a😀b\\ud83d\u{fffd}😂\u{fffd}c");
    assert_eq!(response.reasoning, "😁");
    assert_eq!(streamed.text(), response.text, "the events have the same text");
    let texts: Vec<_> = streamed.events[1..9].iter().map(|event| event.text.as_str()).collect();
    assert_eq!(texts, ["a", "", "😀b\\ud83d", "😁", "\u{fffd}", "", "😂", "\u{fffd}c"]);
    assert!(streamed.events[1].json.contains(r#""text":"a\ud83d""#), "the payload is as it came");
}

#[test]
fn a_character_that_is_split_inside_a_tool_input_is_complete_in_the_input() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    let input = |json: &str| {
        let payload = format!(r#"{{"contentBlockIndex":0,"delta":{{"toolUse":{{"input":"{json}"}}}}}}"#);
        event_frame("contentBlockDelta", &payload)
    };
    let start = r#"{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"t","name":"f"}}}"#;
    let reply = Reply::stream().message_start().event("contentBlockStart", start);
    let reply = reply.raw(input(r#"{\"a\": \"\ud83d"#)).raw(input(r#"\ude00\"}"#)).block_stop(0);
    bedrock.push(reply.message_stop("tool_use").metadata(1, 2));
    let streamed = model.stream(&hello());
    let stop = streamed.events.iter().find(|event| event.kind == BEDROCK_EVENT_BLOCK_STOP).expect("a block's end");
    assert_eq!(stop.text, r#"{"a": "😀"}"#);
    assert_eq!(streamed.outcome.response().tool_calls[0].input, r#"{"a": "😀"}"#);
}

#[test]
fn a_block_stop_says_whether_the_input_of_its_tool_call_is_json() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    let deep = format!("{}1{}", "[".repeat(510), "]".repeat(510));
    for (input, text, valid, in_response) in [
        (r#"{"expression": "1+1"}"#, r#"{"expression": "1+1"}"#, true, true),
        // Only the response knows the stop reason.
        ("", "{}", true, false),
        (r#"{"expression": "1+"#, r#"{"expression": "1+"#, false, false),
        (&deep, &deep, false, false),
    ] {
        let reply = Reply::stream().message_start().text(0, &["a"]).tool_call(1, "t", "f", &[input]);
        bedrock.push(reply.message_stop("max_tokens").metadata(1, 2));
        let streamed = model.stream(&hello());
        let stops: Vec<_> = streamed.events.iter().filter(|event| event.kind == BEDROCK_EVENT_BLOCK_STOP).collect();
        let [of_text, of_call] = stops[..] else { panic!("{stops:?}") };
        assert!(!of_text.input_valid, "a text has no input");
        assert_eq!((of_call.text.as_str(), of_call.input_valid), (text, valid));
        let call = &streamed.outcome.response().tool_calls[0];
        assert_eq!((call.input.as_str(), call.input_valid), (text, in_response), "the response has the same input");
        assert!(streamed.events.iter().all(|event| event.kind == BEDROCK_EVENT_BLOCK_STOP || !event.input_valid));
    }
}

#[test]
fn a_failed_call_returns_the_part_that_had_arrived() {
    let bedrock = LocalBedrock::start();
    let model = Model::at_with(&bedrock, json!({"retry": {"max_attempts": 1}}));
    let begun = || Reply::stream().message_start().text_delta(0, "Hel");
    let throttled = || begun().exception("throttlingException", r#"{"message":"slow down"}"#);
    // The header keeps the next call from a connection that the server is about to reset.
    let reset = |reply: Reply| reply.header("Connection", "close").then_reset();
    let cut = || reset(begun().text_delta(0, "lo"));
    for (reply, status, text) in [
        (throttled(), BEDROCK_E_THROTTLED, "Hel"),
        (cut(), BEDROCK_E_TRUNCATED, "Hello"),
        (begun().raw(&b"no frame, and no event"[..]), BEDROCK_E_PROTOCOL, "Hel"),
    ] {
        bedrock.push(reply.clone().request_id("an-id"));
        let streamed = model.stream(&hello());
        let partial = streamed.outcome.arrived(status);
        assert_eq!((partial.text.as_str(), partial.complete), (text, false));
        assert_eq!((partial.request_id.as_str(), partial.attempts), ("an-id", 1));
        assert_eq!(streamed.text(), text);
        bedrock.push(reply);
        assert_eq!(model.call("ConverseStream", &hello()).arrived(status).text, text);
    }
    for reply in [Reply::error(400, "ValidationException", "no"), Reply::stream(), reset(Reply::stream())] {
        bedrock.push(reply.clone());
        assert_eq!(model.stream(&hello()).outcome.response, None, "nothing had arrived");
        bedrock.push(reply);
        assert_eq!(model.call("ConverseStream", &hello()).response, None, "nothing had arrived");
    }
    bedrock.push(Reply::error(400, "ValidationException", "no"));
    assert_eq!(model.generate(&hello()).response, None);
}

#[test]
fn a_cancelled_call_returns_the_part_that_had_been_delivered() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    let cancel = Cancel::new();
    bedrock.push(Reply::stream().text_stream(&["Hel", "lo"], "end_turn"));
    let streamed = model.stream_with(&hello(), cancel.handle(), |event| {
        if event.kind == BEDROCK_EVENT_TEXT {
            cancel.fire();
        }
        0
    });
    let partial = streamed.outcome.arrived(BEDROCK_E_CANCELLED);
    assert_eq!((partial.text.as_str(), partial.complete), ("Hel", false));
    let before = model.stream_with(&hello(), cancel.handle(), |_| 0);
    before.outcome.failed(BEDROCK_E_CANCELLED);
    assert_eq!(before.outcome.response, None);
}

#[test]
fn a_response_that_is_not_kept_still_has_its_stop_reason_and_its_usage() {
    let bedrock = LocalBedrock::start();
    let keeper = Model::at(&bedrock);
    let reply = || Reply::stream().text(0, &["Hel", "lo"]).message_stop("end_turn").metadata(11, 2);
    for model in [keeper.with(json!({"keep_answer": false})), Model::at_with(&bedrock, json!({"keep_answer": false}))] {
        bedrock.push(reply());
        let stream = Pull::open(&model, &hello());
        while let Pulled::Event(_) = stream.next(-1) {}
        let response = stream.response();
        assert!(response.complete);
        assert_eq!((response.text.as_str(), response.stop_reason.as_str()), ("", "end_turn"));
        assert_eq!((response.usage.input_tokens, response.usage.output_tokens), (11, 2));

        bedrock.push(reply());
        let streamed = model.stream(&hello());
        assert_eq!(streamed.text(), "Hello", "the events have the text");
        assert_eq!(streamed.outcome.response().json, response.json);

        bedrock.push(reply());
        assert_eq!(
            model.call("ConverseStream", &hello()).response().text,
            "Hello",
            "a unary call always keeps its response"
        );
        bedrock.push(Reply::text_response("Hello"));
        assert_eq!(model.generate(&hello()).response().text, "Hello");
    }
    bedrock.push(reply());
    let kept = Pull::open(&keeper.with(json!({"keep_answer": false})).with(json!({"keep_answer": true})), &hello());
    while let Pulled::Event(_) = kept.next(-1) {}
    assert_eq!(kept.response().text, "Hello");
}

#[test]
fn adding_a_response_that_is_not_kept_to_a_conversation_is_an_error() {
    let bedrock = LocalBedrock::start();
    let model = Model::at_with(&bedrock, json!({"keep_answer": false}));
    bedrock.push(Reply::stream().text(0, &["Hello"]).message_stop("end_turn").metadata(11, 2));
    let request = hello();
    let stream = Pull::open(&model, &request);
    while let Pulled::Event(_) = stream.next(-1) {}
    let (mut response, mut error) = (null_mut(), null_mut());
    unsafe { bedrock_stream_response(stream.handle(), &mut response, &mut error) };
    let before = request.message_count();
    let failure = request.add_response(response).expect_err("there is nothing to add");
    bedrock_response_free(response);
    failure.is(BEDROCK_E_INVALID_ARGUMENT).says(&["keep_answer is false"]);
    assert_eq!(request.message_count(), before);
}

#[test]
fn if_chunks_are_not_kept_the_one_with_the_token_counts_is() {
    let bedrock = LocalBedrock::start();
    let model = Model::at_with(&bedrock, json!({"keep_answer": false}));
    let chunk = |text: &str| json!({"bytes": base64_simd::STANDARD.encode_to_string(text)}).to_string();
    let counting = r#"{"amazon-bedrock-invocationMetrics":{"inputTokenCount":3,"outputTokenCount":4}}"#;
    let reply = Reply::stream().event("chunk", &chunk(r#"{"a":1}"#)).event("chunk", &chunk(counting));
    bedrock.push(reply);
    let stream = Pull::call(&model, "InvokeModelWithResponseStream", &Request::json(r#"{"body": {}}"#));
    while let Pulled::Event(_) = stream.next(-1) {}
    let response = stream.response();
    assert_eq!(response.json, format!("[{counting}]"));
    assert_eq!((response.usage.input_tokens, response.usage.output_tokens), (3, 4));
    assert_eq!((model.usage().input_tokens, model.usage().total_tokens), (3, 7));
}

#[test]
fn a_model_adds_up_what_its_calls_and_those_of_derived_models_used() {
    let bedrock = LocalBedrock::start();
    let base = Model::at_with(&bedrock, json!({"retry": {"max_attempts": 1}}));
    let (one, other) = (base.with(json!({"timeout": "10s"})), base.with(json!({"keep_answer": false})));
    let used = |model: &Model| {
        let usage = model.usage();
        assert_eq!(usage.latency_ms, -1, "times do not add up");
        (usage.input_tokens, usage.output_tokens, usage.total_tokens)
    };
    assert_eq!(used(&base), (0, 0, 0));
    bedrock.push(Reply::text_response("Hello you"));
    base.generate(&hello()).response();
    assert_eq!(used(&base), (11, 2, 13));
    bedrock.push(Reply::stream().text_stream(&["Hel", "lo"], "end_turn"));
    let counted = &base;
    one.stream_with(&hello(), std::ptr::null_mut(), |event| {
        if event.kind == BEDROCK_EVENT_METADATA {
            assert_eq!(used(counted), (22, 4, 26), "counted before it is shown");
        }
        0
    });
    // A failure reports no usage.
    bedrock.push(Reply::stream().message_start().text(0, &["a"]).then_reset());
    one.stream(&hello()).outcome.failed(BEDROCK_E_TRUNCATED);
    bedrock.push(Reply::json(r#"{"embedding":[0.5],"inputTextTokenCount":6}"#));
    other.call("InvokeModel", &Request::json(r#"{"body": {}}"#)).response();
    assert_eq!((used(&base), used(&one), used(&other)), ((28, 4, 32), (11, 2, 13), (6, 0, 6)));
    let usage = { other }.usage();
    assert_eq!((usage.cache_read_tokens, usage.cache_write_tokens), (0, 0));
    assert_eq!(used(&base), (28, 4, 32), "the usage of a freed model stays counted");
}

#[test]
fn the_usage_in_a_models_own_form_is_reported() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    let titan =
        r#"{"inputTextTokenCount":5,"results":[{"tokenCount":7,"outputText":"a","completionReason":"FINISH"}]}"#;
    let anthropic = r#"{"type":"message","usage":{"input_tokens":1,"output_tokens":2,"cache_read_input_tokens":3}}"#;
    let openai = r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#;
    let cohere = r#"{"embeddings":[],"meta":{"billed_units":{"input_tokens":4}}}"#;
    for (body, expected) in
        [(titan, (5, 7, -1, -1)), (anthropic, (1, 2, -1, 3)), (openai, (1, 2, 3, -1)), (cohere, (4, -1, -1, -1))]
    {
        bedrock.push(Reply::json(body));
        let usage = &model.call("InvokeModel", &Request::json(r#"{"body": {}}"#)).response().usage.clone();
        let counts = (usage.input_tokens, usage.output_tokens, usage.total_tokens, usage.cache_read_tokens);
        assert_eq!(counts, expected, "{body}");
    }
    // The counts in the headers are those that the service bills.
    let headers = Reply::json(anthropic).header("x-amzn-bedrock-input-token-count", "9");
    bedrock.push(headers);
    let usage = model.call("InvokeModel", &Request::json(r#"{"body": {}}"#)).response().usage.clone();
    assert_eq!((usage.input_tokens, usage.output_tokens), (9, 2));
}

#[test]
fn sizes_are_text_with_a_unit_or_a_number_of_bytes() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    for size in [json!("16KiB"), json!("256KiB"), json!("1GiB"), json!(65536), json!(1.0e6)] {
        model.with(json!({"read_ahead": size}));
    }
    for size in [
        json!("256"),
        json!("256KB"),
        json!("256 KiB"),
        json!("1.5MiB"),
        json!("-1KiB"),
        json!("KiB"),
        json!(""),
        json!(0),
        json!(-1),
        json!(1024),
        json!("15KiB"),
        json!("2GiB"),
        json!("99999999999999999999GiB"),
        json!(1.5),
        json!(null),
        json!(true),
        json!([1]),
    ] {
        let failure = model.try_with(&json!({"read_ahead": size}).to_string()).err().expect("an error");
        assert_eq!((name(failure.status), failure.path.as_str()), ("BEDROCK_E_CONFIG".to_owned(), "/read_ahead"));
        let failure = Model::try_new(&with(config(&bedrock), json!({"options": {"read_ahead": size}})).to_string());
        assert_eq!(failure.err().expect("an error").path, "/options/read_ahead");
    }
    let failure = model.try_with(r#"{"keep_answer": "no"}"#).err().expect("an error");
    failure.says(&["keep_answer", "a boolean"]);
}
