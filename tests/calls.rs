//! Requests on the network: the right bytes to the right endpoint, with a signature that the service accepts, over
//! connections that are reused, by as many calls at once as the model allows.

mod support;

use std::ptr::null_mut;
use std::thread;
use std::time::Duration;

use bedrock::ffi::conversation::bedrock_request_add_text;
use bedrock::ffi::model::bedrock_model_free;
use bedrock::ffi::request::bedrock_request_free;
use serde_json::{Value, json};

use support::capi::*;
use support::{Auth, Gate, LocalBedrock, Reply};

fn hello() -> Request {
    Request::say("Hello?")
}

fn whole_stream() -> Reply {
    Reply::stream().text_stream(&["Hel", "lo"], "end_turn")
}

/// Responds to every request with the response of its operation.
fn answer_all(bedrock: &LocalBedrock) {
    bedrock.respond_with(|request| match request.operation() {
        "converse" => Reply::text_response("Hello"),
        "converse-stream" => whole_stream(),
        other => Reply::error(404, "UnknownOperationException", other),
    });
}

#[test]
fn a_response_that_is_longer_than_max_answer_is_an_error_of_both_calls() {
    let bedrock = LocalBedrock::start();
    let long = "x".repeat(5000);
    bedrock.respond_with(move |request| match request.operation() {
        "converse" => Reply::text_response(&long),
        _ => Reply::stream().text_stream(&[&long[..2000], &long[..2000], &long[..1000]], "end_turn"),
    });
    let model = Model::at_with(&bedrock, json!({"max_answer": 4000}));
    for failure in
        [model.generate(&hello()).failed(BEDROCK_E_PROTOCOL), model.stream(&hello()).outcome.failed(BEDROCK_E_PROTOCOL)]
    {
        assert!(failure.message.contains("longer than 4000 bytes (max_answer)"), "{}", failure.message);
    }
    let generous = Model::at_with(&bedrock, json!({"max_answer": 10_000}));
    assert_eq!(generous.generate(&hello()).response().text.len(), 5000);
    assert_eq!(generous.stream(&hello()).outcome.response().text.len(), 5000);
}

#[test]
fn both_calls_report_the_stop_reason_and_the_usage_which_is_minus_one_if_the_service_reports_none() {
    let reported = json!({"inputTokens": 3, "outputTokens": 4, "totalTokens": 16, "cacheReadInputTokens": 9});
    let nothing = Usage {
        input_tokens: -1,
        output_tokens: -1,
        total_tokens: -1,
        cache_read_tokens: -1,
        cache_write_tokens: -1,
        latency_ms: -1,
        cache_write_5m_tokens: -1,
        cache_write_1h_tokens: -1,
    };
    let used = Usage { input_tokens: 3, output_tokens: 4, total_tokens: 16, cache_read_tokens: 9, ..nothing.clone() };
    for (stop, finish, usage, wanted) in [
        ("end_turn", "stop", None, &nothing),
        ("tool_use", "tool_calls", Some(&reported), &used),
        ("max_tokens", "length", Some(&reported), &used),
        ("stop_sequence", "stop_sequence", None, &nothing),
        ("content_filtered", "content_filter", None, &nothing),
        ("guardrail_intervened", "guardrail_intervened", None, &nothing),
    ] {
        let message = json!({"role": "assistant", "content": [{"text": "Hello"}]});
        let mut unary = json!({"output": {"message": message}, "stopReason": stop});
        let mut streamed = Reply::stream().message_start().text(0, &["Hello"]).message_stop(stop);
        if let Some(usage) = usage {
            unary["usage"] = usage.clone();
            streamed = streamed.event("metadata", &json!({"usage": usage}).to_string());
        }
        let bedrock = LocalBedrock::start();
        bedrock.respond_with(move |request| match request.operation() {
            "converse" => Reply::json(unary.to_string()),
            _ => streamed.clone(),
        });
        let model = Model::at(&bedrock);
        for outcome in [model.generate(&hello()), model.stream(&hello()).outcome] {
            let response = outcome.response();
            assert_eq!((response.stop_reason.as_str(), response.finish_reason.as_str()), (stop, finish));
            assert_eq!(&response.usage, wanted, "{stop}");
        }
    }
}

// Who calls.

#[test]
fn both_calls_are_signed_for_every_form_of_model_id() {
    let bedrock = LocalBedrock::start();
    bedrock.auth(Auth::sigv4(ACCESS_KEY, SECRET_KEY, REGION));
    answer_all(&bedrock);
    let ids = [
        ("amazon.nova-micro-v1:0", "amazon.nova-micro-v1%3A0"),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "us.anthropic.claude-haiku-4-5-20251001-v1%3A0"),
        ("openai.gpt-oss-120b-1", "openai.gpt-oss-120b-1"),
        (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0",
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.amazon.nova-lite-v1%3A0",
        ),
        (
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A%3Afoundation-model%2Famazon.nova-lite-v1%3A0",
        ),
        (
            "arn:aws:sagemaker:us-east-1:123456789012:endpoint/my-endpoint",
            "arn%3Aaws%3Asagemaker%3Aus-east-1%3A123456789012%3Aendpoint%2Fmy-endpoint",
        ),
    ];
    for (id, encoded) in ids {
        let model = Model::at_with(&bedrock, json!({"model": id}));
        assert_eq!(model.id(), id);
        assert_eq!(model.generate(&hello()).response().text, "Hello");
        assert_eq!(model.stream(&hello()).outcome.response().text, "Hello");
        let requests = bedrock.take_requests();
        let targets: Vec<_> = requests.iter().map(|request| request.target.clone()).collect();
        assert_eq!(targets, [format!("/model/{encoded}/converse"), format!("/model/{encoded}/converse-stream")]);
        for request in requests {
            assert_eq!(request.refused, None, "{id}");
            assert_eq!((request.method.as_str(), request.model_id().as_deref()), ("POST", Some(id)));
            assert_eq!(request.header("content-type"), Some("application/json"));
            assert_eq!(request.header("x-amz-security-token"), None);
            let authorization = request.header("authorization").expect("it is signed");
            assert!(authorization.starts_with("AWS4-HMAC-SHA256 "), "{authorization}");
        }
    }
}

#[test]
fn a_session_token_is_sent_and_signed() {
    let bedrock = LocalBedrock::start();
    let token = "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJ+token/with=strange+characters==";
    bedrock.auth(Auth::sigv4_session(ACCESS_KEY, SECRET_KEY, token, REGION));
    answer_all(&bedrock);
    let model = Model::at_with(&bedrock, json!({"session_token": token}));
    assert_eq!(model.generate(&hello()).response().text, "Hello");
    assert_eq!(model.stream(&hello()).outcome.response().text, "Hello");
    assert_eq!(bedrock.last_request().header("x-amz-security-token"), Some(token));
    let without = Model::at(&bedrock);
    without.generate(&hello()).failed(BEDROCK_E_ACCESS_DENIED);
}

#[test]
fn each_region_signs_for_itself() {
    let bedrock = LocalBedrock::start();
    answer_all(&bedrock);
    for region in ["us-east-1", "eu-central-1", "ap-southeast-2"] {
        bedrock.auth(Auth::sigv4(ACCESS_KEY, SECRET_KEY, region));
        let model = Model::at_with(&bedrock, json!({"region": region}));
        assert_eq!(model.stream(&hello()).outcome.response().text, "Hello");
    }
}

#[test]
fn an_endpoint_under_a_path_is_called_and_signed_there() {
    let bedrock = LocalBedrock::start();
    bedrock.auth(Auth::sigv4(ACCESS_KEY, SECRET_KEY, REGION));
    answer_all(&bedrock);
    for path in ["/gateway/bedrock", "/gateway/bedrock/"] {
        let model = Model::at_with(&bedrock, json!({"base_url": bedrock.url() + path}));
        assert_eq!(model.generate(&hello()).response().text, "Hello");
        assert_eq!(bedrock.last_request().target, "/gateway/bedrock/model/amazon.nova-micro-v1%3A0/converse");
    }
}

#[test]
fn wrong_credentials_have_distinct_errors_and_never_stand_in_a_message() {
    let bedrock = LocalBedrock::start();
    let wrong_secret = json!({"secret_key": "n0tTheSecretKey/EXAMPLE"});
    let unknown_key = json!({"api_key": "AKIANOBODY"});
    let stray_token = json!({"session_token": "aTokenThatNobodyIssued"});
    let wrong_bearer = json!({"api_key": null, "secret_key": null, "bearer_token": "notTheApiKeyEXAMPLE"});
    let cases = [
        (wrong_secret, "InvalidSignatureException", BEDROCK_E_ACCESS_DENIED),
        (unknown_key, "UnrecognizedClientException", BEDROCK_E_ACCESS_DENIED),
        (stray_token, "UnrecognizedClientException", BEDROCK_E_ACCESS_DENIED),
        (wrong_bearer, "AccessDeniedException", BEDROCK_E_ACCESS_DENIED),
        (json!({}), "ExpiredTokenException", BEDROCK_E_CREDENTIALS),
    ];
    for (members, code, status) in cases {
        let sigv4 = Auth::sigv4(ACCESS_KEY, SECRET_KEY, REGION);
        let bearer = members.get("bearer_token").is_some();
        bedrock.auth(if bearer { Auth::Bearer("the right one".into()) } else { sigv4 });
        if code == "ExpiredTokenException" {
            bedrock.expire_credentials();
        }
        let model = Model::at_with(&bedrock, members.clone());
        for outcome in [model.generate(&hello()), model.stream(&hello()).outcome] {
            let failure = outcome.failed(status);
            assert_eq!((failure.code.as_str(), failure.http_status), (code, 403));
            assert!(!failure.retryable, "{failure:?}");
            let secrets = members.as_object().expect("an object").values().filter_map(Value::as_str);
            for secret in secrets.chain([SECRET_KEY]) {
                assert!(!failure.message.contains(secret), "{:?} gives {secret:?} away", failure.message);
            }
        }
    }
}

#[test]
fn a_bearer_token_is_sent_unchanged_and_nothing_is_signed() {
    let bedrock = LocalBedrock::start();
    bedrock.auth(Auth::Bearer("bedrock-api-key-EXAMPLE==".into()));
    answer_all(&bedrock);
    let keyless = json!({"api_key": null, "secret_key": null, "bearer_token": "bedrock-api-key-EXAMPLE=="});
    for auth in [json!({}), json!({"auth": "bearer"}), json!({"auth": "auto"})] {
        let model = Model::new(&with(with(config(&bedrock), keyless.clone()), auth));
        assert_eq!(model.generate(&hello()).response().text, "Hello");
        assert_eq!(model.stream(&hello()).outcome.response().text, "Hello");
    }
    for request in bedrock.requests() {
        assert_eq!(request.refused, None);
        assert_eq!(request.header_values("authorization").collect::<Vec<_>>(), ["Bearer bedrock-api-key-EXAMPLE=="]);
        assert_eq!(request.header("x-amz-date"), None, "nothing is signed");
        assert_eq!(request.header("x-amz-security-token"), None);
        assert_eq!(request.header("x-amz-content-sha256"), None);
    }
}

#[test]
fn a_wrong_clock_is_corrected_by_the_clock_of_the_service() {
    for ahead in [true, false] {
        let bedrock = LocalBedrock::start();
        let hour = Duration::from_secs(3600);
        if ahead {
            bedrock.clock_ahead(hour)
        } else {
            bedrock.clock_behind(hour)
        }
        bedrock.auth(Auth::sigv4(ACCESS_KEY, SECRET_KEY, REGION));
        answer_all(&bedrock);
        let model = Model::at(&bedrock);
        let outcome = model.generate(&hello());
        assert_eq!((outcome.response().text.as_str(), outcome.response().attempts), ("Hello", 2));
        let next = model.generate(&hello());
        assert_eq!((next.response().text.as_str(), next.response().attempts), ("Hello", 1), "it is remembered");
    }
}

// What is said.

#[test]
fn a_request_is_sent_byte_for_byte() {
    let bedrock = LocalBedrock::start();
    bedrock.auth(Auth::sigv4(ACCESS_KEY, SECRET_KEY, REGION));
    answer_all(&bedrock);
    let model = Model::at(&bedrock);
    let bodies = [
        r#"{"messages":[{"role":"user","content":[{"text":"Hello?"}]}]}"#,
        " {\n\t\"zeta\" : 1e400, \"messages\" :\r\n[ { \"content\":[{\"text\":\"\\u00e9\u{e9}\\ud83c\\udf0d\u{1f30d}\"}],\"role\":\"user\"} ],\
         \"additionalModelRequestFields\":{\"b\":1.0,\"a\":-0.0,\"b2\":12345678901234567890123},\"alpha\":null }\n",
        r#"{"system":[{"text":"Be brief."},{"cachePoint":{"type":"default"}}],"messages":[{"role":"user","content":[{"text":"Hi"}]}],"inferenceConfig":{"maxTokens":7,"temperature":0.0},"whatComesNext":[[]]}"#,
    ];
    for body in bodies {
        let request = Request::json(body);
        for _ in 0..2 {
            model.generate(&request).response();
            model.stream(&request).outcome.response();
        }
        for sent in bedrock.take_requests() {
            assert_eq!(sent.text(), body);
            assert_eq!(sent.header("content-length"), Some(sent.body.len().to_string().as_str()));
        }
    }
}

#[test]
fn the_user_agent_names_the_sdk_and_the_program() {
    let bedrock = LocalBedrock::start();
    bedrock.auth(Auth::sigv4(ACCESS_KEY, SECRET_KEY, REGION));
    answer_all(&bedrock);
    Model::at(&bedrock).generate(&hello()).response();
    let plain = bedrock.last_request().header("user-agent").expect("a user agent").to_owned();
    assert!(plain.contains("aws-sdk-rust/"), "{plain}");

    let model = Model::at_with(&bedrock, json!({"user_agent": "chatty/1.2 (test)"}));
    for outcome in [model.generate(&hello()), model.stream(&hello()).outcome] {
        outcome.response();
        let request = bedrock.last_request();
        let agents: Vec<_> = request.header_values("user-agent").collect();
        let [agent] = agents[..] else { panic!("one user agent: {agents:?}") };
        assert!(agent.contains("aws-sdk-rust/") && agent.ends_with(" chatty/1.2 (test)"), "{agent}");
    }
}

#[test]
fn a_model_id_in_the_request_selects_the_model_and_is_not_sent() {
    let bedrock = LocalBedrock::start();
    bedrock.auth(Auth::sigv4(ACCESS_KEY, SECRET_KEY, REGION));
    answer_all(&bedrock);
    let model = Model::at(&bedrock);
    let arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123";
    for key in ["modelId", "model"] {
        let request = Request::json(&format!(
            r#"{{"{key}":"{arn}","messages":[{{"role":"user","content":[{{"text":"Hi"}}]}}],"inferenceConfig":{{"maxTokens":7}}}}"#
        ));
        model.generate(&request).response();
        model.stream(&request).outcome.response();
        for sent in bedrock.take_requests() {
            assert_eq!(sent.model_id().as_deref(), Some(arn));
            let expected =
                r#"{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"inferenceConfig":{"maxTokens":7}}"#;
            assert_eq!(sent.text(), expected);
        }
    }
    model.generate(&hello()).response();
    assert_eq!(bedrock.last_request().model_id().as_deref(), Some(MODEL_ID), "it was for that request alone");
    assert_eq!(model.id(), MODEL_ID);
}

// Deriving models.

#[test]
fn a_derived_model_adds_its_members_to_every_request() {
    let bedrock = LocalBedrock::start();
    answer_all(&bedrock);
    let sent = |model: &Model, request: &Request| {
        model.generate(request).response();
        let unary = bedrock.last_request().json();
        model.stream(request).outcome.response();
        assert_eq!(bedrock.last_request().json(), unary, "both calls send the same");
        unary
    };
    let messages = json!([{"role": "user", "content": [{"text": "Hello?"}]}]);
    let base = Model::at_with(&bedrock, json!({"defaults": {"inferenceConfig": {"maxTokens": 1, "topP": 0.5}}}));
    let derived = base.with(json!({"system": [{"text": "Be brief."}], "requestMetadata": {"team": "a"}}));
    let further = derived.with(json!({"inferenceConfig": {"maxTokens": 2}}));

    let config = json!({"maxTokens": 1, "topP": 0.5});
    assert_eq!(sent(&base, &hello()), json!({"messages": messages, "inferenceConfig": config}));
    let (system, metadata) = (json!([{"text": "Be brief."}]), json!({"team": "a"}));
    assert_eq!(
        sent(&derived, &hello()),
        json!({"messages": messages, "inferenceConfig": config, "system": system, "requestMetadata": metadata})
    );
    let config = json!({"maxTokens": 2});
    assert_eq!(
        sent(&further, &hello()),
        json!({"messages": messages, "inferenceConfig": config, "system": system, "requestMetadata": metadata}),
        "a member takes the place of the whole"
    );
    let own = json!({"messages": messages, "inferenceConfig": {"temperature": 1}, "system": []});
    assert_eq!(
        sent(&further, &Request::json(&own.to_string())),
        with(own, json!({"requestMetadata": metadata})),
        "the request's own members win"
    );
    let config = json!({"maxTokens": 1, "topP": 0.5});
    assert_eq!(
        sent(&base, &hello()),
        json!({"messages": messages, "inferenceConfig": config}),
        "the first is unchanged"
    );
}

#[test]
fn a_derived_model_may_have_another_id_and_outlives_the_first() {
    let bedrock = LocalBedrock::start();
    answer_all(&bedrock);
    let base = Model::at(&bedrock);
    let derived = base.with(json!({"model": "amazon.nova-pro-v1:0"}));
    assert_eq!((base.id().as_str(), derived.id().as_str()), (MODEL_ID, "amazon.nova-pro-v1:0"));
    base.generate(&hello()).response();
    assert_eq!(bedrock.last_request().model_id().as_deref(), Some(MODEL_ID));
    drop(base);
    derived.generate(&hello()).response();
    assert_eq!(bedrock.last_request().model_id().as_deref(), Some("amazon.nova-pro-v1:0"));
    assert_eq!(bedrock.last_request().json().get("model"), None);
    assert_eq!(bedrock.connection_count(), 1, "they share connections");
}

#[test]
fn a_derived_model_with_its_own_settings_shares_connections_and_does_not_change_the_first() {
    let bedrock = LocalBedrock::start();
    answer_all(&bedrock);
    let base = Model::at_with(&bedrock, json!({"retry": {"max_attempts": 2, "max_backoff": "1ms"}}));
    base.generate(&hello()).response();
    let derived = base.with(json!({"timeout": "20s", "timeouts": {"idle": "30s"}, "retry": {"max_attempts": 1}}));
    derived.stream(&hello()).outcome.response();
    base.stream(&hello()).outcome.response();
    assert_eq!(bedrock.connection_count(), 1);
    for (model, attempts) in [(&derived, 1), (&base, 2)] {
        (0..attempts).for_each(|_| bedrock.push(Reply::error(503, "ServiceUnavailableException", "busy")));
        assert_eq!(model.generate(&hello()).failed(BEDROCK_E_SERVICE).attempts, attempts);
        assert_eq!(bedrock.unused_replies(), 0);
    }
}

// Connections.

#[test]
fn calls_one_after_the_other_share_one_connection() {
    let bedrock = LocalBedrock::start();
    bedrock.auth(Auth::sigv4(ACCESS_KEY, SECRET_KEY, REGION));
    answer_all(&bedrock);
    let model = Model::at(&bedrock);
    let request = hello();
    for _ in 0..5 {
        model.generate(&request).response();
        model.stream(&request).outcome.response();
    }
    assert_eq!((bedrock.requests().len(), bedrock.connection_count()), (10, 1));
    let replies = [
        whole_stream().in_one_chunk().content_length(),
        whole_stream().in_chunks_of(1),
        whole_stream().trailer("x-amzn-checked", "yes"),
        Reply::text_response("Hello").chunked(),
    ];
    for reply in replies {
        bedrock.push(reply.clone());
        match reply.header_value("content-type") {
            Some("application/json") => drop(model.generate(&request).response().clone()),
            _ => drop(model.stream(&request).outcome.response().clone()),
        }
    }
    assert_eq!(bedrock.connection_count(), 1);
}

#[test]
fn many_threads_may_use_one_model_and_one_request_at_once() {
    const THREADS: usize = 16;
    let bedrock = LocalBedrock::start();
    let gate = Gate::new();
    bedrock.auth(Auth::sigv4(ACCESS_KEY, SECRET_KEY, REGION));
    bedrock.respond_with({
        let gate = gate.clone();
        move |_| {
            let text = Reply::stream().message_start().text_delta(0, "Hel").wait_for(&gate);
            text.text(0, &["lo"]).message_stop("end_turn").metadata(1, 1)
        }
    });
    let (model, request) = (Model::at(&bedrock), hello());
    thread::scope(|threads| {
        let calls: Vec<_> = (0..THREADS).map(|_| threads.spawn(|| model.stream(&request))).collect();
        gate.wait_arrivals(THREADS);
        gate.open();
        for call in calls {
            assert_eq!(call.join().expect("no panic").outcome.response().text, "Hello");
        }
    });
    assert_eq!(bedrock.connection_count(), THREADS, "all of them ran at once");
}

#[test]
fn no_more_calls_run_at_once_than_max_concurrency_allows() {
    const CALLS: usize = 12;
    let bedrock = LocalBedrock::start();
    let gate = Gate::new();
    bedrock.respond_with({
        let gate = gate.clone();
        move |request| match request.operation() {
            "converse" => Reply::text_response("Hello").head_waits_for(&gate),
            // A stream is in flight until its end.
            _ => Reply::stream().message_start().wait_for(&gate).text(0, &["Hello"]).message_stop("end_turn"),
        }
    });
    let model = Model::at_with(&bedrock, json!({"max_concurrency": 3}));
    let derived = model.with(json!({"timeouts": {"idle": "1m"}}));
    let request = hello();
    thread::scope(|threads| {
        let calls: Vec<_> = (0..CALLS)
            .map(|call| {
                let (model, request) = (if call % 3 == 0 { &derived } else { &model }, &request);
                threads.spawn(move || match call % 2 {
                    0 => model.generate(request),
                    _ => model.stream(request).outcome,
                })
            })
            .collect();
        for done in 0..CALLS {
            // Three are held; each that is let go makes room for one more.
            bedrock.wait_requests(CALLS.min(done + 3));
            assert!(bedrock.requests().len() <= done + 3, "more than 3 at once");
            gate.let_pass(1);
        }
        for call in calls {
            assert_eq!(call.join().expect("no panic").response().text, "Hello");
        }
    });
}

#[test]
fn a_permit_is_released_however_a_call_ends() {
    let bedrock = LocalBedrock::start();
    let model = Model::at_with(&bedrock, json!({"max_concurrency": 1, "retry": {"max_attempts": 1}}));
    let hasty = model.with(json!({"timeouts": {"first_event": "100ms", "total": "100ms"}}));
    let (request, to_hold) = (hello(), Request::say("Hold the line."));
    // Not pushed: a call that its timer ends before it is sent takes no reply.
    bedrock.respond_with(|request| match request.text().contains("Hold") {
        true => Reply::stream().message_start().wait_for(&Gate::new()),
        false => Reply::text_response("Hello"),
    });
    let cancel = Cancel::new();
    let ends: [(bedrock_status, &dyn Fn() -> Outcome); 8] = [
        (BEDROCK_OK, &|| {
            bedrock.push(whole_stream());
            model.stream(&request).outcome
        }),
        (BEDROCK_E_VALIDATION, &|| {
            bedrock.push(Reply::error(400, "ValidationException", "no"));
            model.generate(&request)
        }),
        (BEDROCK_E_TRUNCATED, &|| {
            bedrock.push(Reply::stream().message_start());
            model.stream(&request).outcome
        }),
        (BEDROCK_E_PROTOCOL, &|| {
            bedrock.push(Reply::not_http("SSH-2.0-OpenSSH_9.6\r\n"));
            model.stream(&request).outcome
        }),
        (BEDROCK_STOPPED, &|| model.stream_with(&to_hold, null_mut(), |_| 1).outcome),
        (BEDROCK_E_TIMEOUT, &|| hasty.stream(&to_hold).outcome),
        (BEDROCK_E_CANCELLED, &|| {
            let fire = |_: &Event| {
                cancel.fire();
                0
            };
            model.stream_with(&to_hold, cancel.handle(), fire).outcome
        }),
        (BEDROCK_E_REQUEST, &|| model.generate(&Request::json(r#"{"messages":[]}"#))),
    ];
    for (status, end) in ends {
        assert_eq!(name(end().status), name(status));
        assert_eq!(model.generate(&request).response().text, "Hello", "after {}", name(status));
    }
}

// From inside the callback.

#[test]
fn on_event_may_make_calls_and_free_the_arguments_of_its_own_call() {
    let bedrock = LocalBedrock::start();
    bedrock.push(whole_stream());
    let model = Model::at(&bedrock);
    let request = hello();
    let mut nested = Vec::new();
    let streamed = model.stream_with(&request, null_mut(), |event| {
        if event.kind == BEDROCK_EVENT_TEXT {
            bedrock.push(Reply::text_response("nested"));
            nested.push(model.generate(&request).response().text.clone());
            bedrock.push(whole_stream());
            nested.push(model.stream(&request).outcome.response().text.clone());
        }
        0
    });
    assert_eq!(streamed.outcome.response().text, "Hello");
    assert_eq!(nested, ["nested", "Hello", "nested", "Hello"]);

    bedrock.push(whole_stream());
    let streamed = model.stream_with(&request, null_mut(), |event| {
        if event.kind == BEDROCK_EVENT_MESSAGE_START {
            let more = "And then?";
            let (text, length) = (more.as_ptr().cast(), more.len());
            let added =
                unsafe { bedrock_request_add_text(request.handle(), c"user".as_ptr(), text, length, null_mut()) };
            assert_eq!(added, BEDROCK_OK);
            bedrock_request_free(request.handle());
            bedrock_model_free(model.handle());
        }
        0
    });
    assert_eq!(streamed.outcome.response().text, "Hello");
    assert!(!bedrock.last_request().text().contains("And then?"), "a call uses the request as it was");
    model.generate(&hello()).failed(BEDROCK_E_BAD_HANDLE);
}
