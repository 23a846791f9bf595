//! Failover: a call is sent to the next target while the program has seen no content, and never afterwards.

mod support;

use serde_json::{Value, json};
use std::time::Duration;
use support::capi::*;
use support::{Cut, Gate, LocalBedrock, Reply};

const MODELS: [&str; 3] = ["first-model", "second-model", "third-model"];
const FORMS: [&str; 2] = ["Converse", "ConverseStream"];

fn hello() -> Request {
    Request::json(
        &json!({
            "messages": [{"role": "user", "content": [{"text": "Hello?"}]}],
            "guardrailConfig": {"guardrailIdentifier": "gr-1", "guardrailVersion": "1"},
        })
        .to_string(),
    )
}

/// One server for each target, and a model that calls them in this order.
struct Targets {
    servers: Vec<LocalBedrock>,
    model: Model,
}

impl Targets {
    fn new(count: usize, members: Value) -> Targets {
        let servers: Vec<_> = (0..count).map(|_| LocalBedrock::start()).collect();
        let fallbacks: Vec<_> =
            (1..count).map(|index| json!({"model": MODELS[index], "base_url": servers[index].url()})).collect();
        let config = json!({"model": MODELS[0], "fallbacks": fallbacks, "retry": {"max_attempts": 1}});
        let model = Model::new(&with(with(config_of(&servers[0]), config), members));
        Targets { servers, model }
    }

    /// Returns how many requests each target has received.
    fn received(&self) -> Vec<usize> {
        self.servers.iter().map(|server| server.requests().len()).collect()
    }
}

fn config_of(server: &LocalBedrock) -> Value {
    config(server)
}

/// Calls the operation. Returns the result, and the texts that a stream has delivered.
fn call(model: &Model, operation: &str) -> (Outcome, Option<Vec<Event>>) {
    match operation {
        "Converse" => (model.generate(&hello()), None),
        _ => {
            let Streamed { events, outcome } = model.stream(&hello());
            (outcome, Some(events))
        }
    }
}

fn answer(operation: &str, text: &str) -> Reply {
    match operation {
        "Converse" => Reply::text_response(text),
        _ => Reply::stream().text_stream(&[text], "end_turn"),
    }
}

/// A failure of the service or the network: its name, whether a call moves on, its status, and the reply.
struct Failing {
    name: &'static str,
    moves_on: bool,
    status: bedrock_status,
    reply: fn() -> Reply,
}

/// Failures before any part of a response.
const BEFORE: [Failing; 15] = {
    const fn of(name: &'static str, moves_on: bool, status: bedrock_status, reply: fn() -> Reply) -> Failing {
        Failing { name, moves_on, status, reply }
    }
    [
        of("THROTTLED", true, BEDROCK_E_THROTTLED, || Reply::error(429, "ThrottlingException", "slow down")),
        of("QUOTA", true, BEDROCK_E_QUOTA, || Reply::error(400, "ServiceQuotaExceededException", "no more")),
        of("MODEL", true, BEDROCK_E_MODEL, || Reply::error(424, "ModelErrorException", "broken")),
        of("MODEL not ready", true, BEDROCK_E_MODEL, || Reply::error(429, "ModelNotReadyException", "wait")),
        of("SERVICE", true, BEDROCK_E_SERVICE, || Reply::error(503, "ServiceUnavailableException", "busy")),
        of("NETWORK closed", true, BEDROCK_E_NETWORK, Reply::close_before_headers),
        of("NETWORK reset", true, BEDROCK_E_NETWORK, Reply::reset_before_headers),
        of("TIMEOUT", true, BEDROCK_E_TIMEOUT, Reply::hang),
        of("PROTOCOL not JSON", true, BEDROCK_E_PROTOCOL, || Reply::json("{\"output\":")),
        of("PROTOCOL page of a proxy", true, BEDROCK_E_PROTOCOL, || Reply::html(200)),
        of("VALIDATION", false, BEDROCK_E_VALIDATION, || Reply::error(400, "ValidationException", "wrong")),
        of("ACCESS_DENIED", false, BEDROCK_E_ACCESS_DENIED, || Reply::error(403, "AccessDeniedException", "no")),
        of("CREDENTIALS", false, BEDROCK_E_CREDENTIALS, || Reply::error(403, "ExpiredTokenException", "expired")),
        of("NOT_FOUND", false, BEDROCK_E_NOT_FOUND, || Reply::error(404, "ResourceNotFoundException", "none")),
        of("CONTEXT_OVERFLOW", false, BEDROCK_E_CONTEXT_OVERFLOW, || {
            Reply::error(400, "ValidationException", "Input is too long for requested model.")
        }),
    ]
};

/// Failures of a stream that has begun: the status, whether a call moves on, and how the stream goes on.
type InStream = (&'static str, bool, bedrock_status, fn(Reply) -> Reply);

const IN_STREAM: [InStream; 9] = [
    ("throttled", true, BEDROCK_E_THROTTLED, |reply| {
        reply.exception("throttlingException", r#"{"message":"slow down"}"#)
    }),
    ("model", true, BEDROCK_E_MODEL, |reply| reply.exception("modelStreamErrorException", r#"{"message":"broken"}"#)),
    ("service", true, BEDROCK_E_SERVICE, |reply| {
        reply.exception("serviceUnavailableException", r#"{"message":"busy"}"#)
    }),
    ("cut", true, BEDROCK_E_TRUNCATED, |reply| {
        let length = reply.body_len();
        reply.text(1, &["never sent"]).cut_at(length + 5, Cut::Close)
    }),
    ("reset", true, BEDROCK_E_TRUNCATED, |reply| {
        let length = reply.body_len();
        reply.text(1, &["never sent"]).cut_at(length, Cut::Reset)
    }),
    ("silent", true, BEDROCK_E_TIMEOUT, |reply| {
        let length = reply.body_len();
        reply.text(1, &["never sent"]).stall_after(length)
    }),
    ("no JSON", true, BEDROCK_E_PROTOCOL, |reply| reply.event("contentBlockDelta", "{\"delta\":")),
    ("no frame", true, BEDROCK_E_PROTOCOL, |reply| reply.raw(&b"<html>the page of a proxy</html>"[..])),
    ("validation", false, BEDROCK_E_VALIDATION, |reply| {
        reply.exception("validationException", r#"{"message":"wrong"}"#)
    }),
];

/// Makes a call with these timers, and again with longer ones if it is not as it must be. A silent target needs a short
/// timer, in which a busy machine may not manage the rest of the call; a wrong library fails with each. Targets that
/// fail in another way need no timer.
fn with_timers<T>(failure: bedrock_status, make: impl Fn(Value) -> (bool, T)) -> T {
    let timeouts = if failure == BEDROCK_E_TIMEOUT { &["300ms", "1s", "5s"][..] } else { &["20s"] };
    let mut last = None;
    for timeout in timeouts {
        let (is_right, made) = make(json!({"timeout": timeout}));
        if is_right {
            return made;
        }
        last = Some(made);
    }
    last.expect("a call")
}

/// Runs a test of both forms at once, because each waits for a timer.
fn both_forms(test: impl Fn(&'static str) + Sync) {
    std::thread::scope(|scope| {
        for operation in FORMS {
            let test = &test;
            scope.spawn(move || test(operation));
        }
    });
}

/// Every request that was sent carried the guardrail, and its own model in the path.
fn guarded(targets: &Targets) {
    for (server, model) in targets.servers.iter().zip(MODELS) {
        for request in server.requests() {
            assert_eq!(request.json()["guardrailConfig"]["guardrailIdentifier"], "gr-1");
            assert_eq!(request.model_id().as_deref(), Some(model));
        }
    }
}

#[test]
fn a_call_that_failed_before_its_response_is_answered_by_the_next_target_if_that_can_help() {
    for operation in FORMS {
        for Failing { name, moves_on, status, reply } in &BEFORE {
            for count in [2, 3] {
                for failing in (1..=3).take(count) {
                    let case = format!("{operation} {name}, {failing} of {count} targets fail");
                    let called = if !moves_on { 1 } else { (failing + 1).min(count) };
                    let sent: Vec<_> = (0..count).map(|index| usize::from(index < called)).collect();
                    let is_answered = *moves_on && failing < count;
                    let (targets, outcome, events) = with_timers(*status, |timers| {
                        let targets = Targets::new(count, timers);
                        for server in &targets.servers[..failing] {
                            server.push(reply());
                        }
                        if failing < count {
                            targets.servers[failing].push(answer(operation, "Hello"));
                        }
                        let (outcome, events) = call(&targets.model, operation);
                        let is_right = targets.received() == sent && outcome.failure.is_none() == is_answered;
                        (is_right, (targets, outcome, events))
                    });
                    assert_eq!(targets.received(), sent, "{case}");
                    guarded(&targets);
                    if !is_answered {
                        let failure = outcome.failed(*status);
                        assert_eq!(failure.attempts, called as i32, "{case}");
                        assert!(events.is_none_or(|events| events.is_empty()), "{case}");
                        if *moves_on {
                            failure.says(&[&format!("all {count} targets failed")]);
                            failure.says(&MODELS[..count]);
                        }
                        continue;
                    }
                    let response = outcome.response();
                    assert_eq!((&*response.text, &*response.model), ("Hello", MODELS[failing]), "{case}");
                    assert_eq!(response.attempts, called as i32, "{case}");
                    if let Some(events) = events {
                        assert_eq!(kinds(&events, BEDROCK_EVENT_MESSAGE_START), 1, "{case}");
                        assert_eq!(texts(&events), "Hello", "{case}");
                    }
                }
            }
        }
    }
}

fn kinds(events: &[Event], kind: i32) -> usize {
    events.iter().filter(|event| event.kind == kind).count()
}

fn texts(events: &[Event]) -> String {
    events.iter().filter(|event| event.kind == BEDROCK_EVENT_TEXT).map(|event| &*event.text).collect()
}

#[test]
fn a_stream_that_failed_before_content_is_answered_by_the_next_target_as_one_clean_stream() {
    for (name, moves_on, status, fail) in IN_STREAM {
        for count in [2, 3] {
            let case = format!("{name}, {count} targets");
            let (targets, outcome, events) = with_timers(status, |timers| {
                let targets = Targets::new(count, timers);
                for server in &targets.servers[..count - 1] {
                    server.push(fail(Reply::stream().message_start()));
                }
                targets.servers[count - 1].push(answer("ConverseStream", "Hello"));
                let Streamed { events, outcome } = targets.model.stream(&hello());
                let is_right = !moves_on || targets.received() == vec![1; count] && outcome.failure.is_none();
                (is_right, (targets, outcome, events))
            });
            guarded(&targets);
            if moves_on {
                assert_eq!(targets.received(), vec![1; count], "{case}");
                assert_eq!((&*outcome.response().text, &*outcome.response().model), ("Hello", MODELS[count - 1]));
                assert_eq!((kinds(&events, BEDROCK_EVENT_MESSAGE_START), texts(&events)), (1, "Hello".to_owned()));
            } else {
                outcome.failed(status);
                assert_eq!(targets.received()[1..], vec![0; count - 1], "{case}");
                assert!(events.is_empty(), "{case}: {events:?}");
            }
        }
    }
}

#[test]
fn a_stream_that_failed_after_content_is_sent_to_no_other_target() {
    for (name, _, status, fail) in IN_STREAM {
        let (targets, outcome, events) = with_timers(status, |timers| {
            let targets = Targets::new(2, timers);
            targets.servers[0].push(fail(Reply::stream().message_start().text(0, &["Hel"])));
            let Streamed { events, outcome } = targets.model.stream(&hello());
            (targets.received() == [1, 0] && texts(&events) == "Hel", (targets, outcome, events))
        });
        let response = outcome.arrived(status);
        assert_eq!((&*response.text, &*response.model), ("Hel", MODELS[0]), "{name}");
        assert_eq!((targets.received(), texts(&events)), (vec![1, 0], "Hel".to_owned()), "{name}");
        guarded(&targets);
    }
}

#[test]
fn the_config_can_let_a_call_move_on_after_what_only_one_target_may_refuse() {
    for operation in FORMS {
        for (failure, reply) in [
            ("access_denied", Reply::error(403, "AccessDeniedException", "no access to this model")),
            ("context_overflow", Reply::error(400, "ValidationException", "Input is too long for requested model.")),
            ("not_found", Reply::error(404, "ResourceNotFoundException", "none")),
            ("validation", Reply::error(400, "ValidationException", "wrong for this model")),
        ] {
            let targets = Targets::new(2, json!({"fallback_on": [failure]}));
            targets.servers[0].push(reply);
            targets.servers[1].push(answer(operation, "Hello"));
            assert_eq!(call(&targets.model, operation).0.response().model, MODELS[1], "{failure}");
        }
    }
}

#[test]
fn a_target_that_refused_one_request_does_not_rest() {
    for message in ["Input is too long for requested model.", "wrong for this model"] {
        let targets = Targets::new(2, json!({"fallback_on": ["context_overflow", "validation"], "cooldown": "1h"}));
        targets.servers[0].push(Reply::error(400, "ValidationException", message));
        for server in &targets.servers {
            server.respond_with(|_| Reply::text_response("Hello"));
        }
        assert_eq!(targets.model.generate(&hello()).response().model, MODELS[1]);
        assert_eq!(targets.model.generate(&hello()).response().model, MODELS[0], "{message}");
    }
}

#[test]
fn an_error_tells_in_one_line_what_each_target_returned() {
    let targets = Targets::new(3, json!({}));
    targets.servers[0].push(Reply::error(429, "ThrottlingException", "Too many tokens"));
    targets.servers[1].push(Reply::close_before_headers());
    targets.servers[2].push(Reply::error(503, "ServiceUnavailableException", "busy"));
    let outcome = targets.model.generate(&hello());
    let failure = outcome.failed(BEDROCK_E_SERVICE);
    let hosts: Vec<_> = targets.servers.iter().map(|server| server.url()).collect();
    failure.says(&["Converse with first-model: all 3 targets failed: first-model: "]);
    failure.says(&["ThrottlingException", &format!("second-model at {}: ", hosts[1]), "closed"]);
    failure.says(&[&format!("third-model at {}: ", hosts[2]), "ServiceUnavailableException"]);
    assert_eq!((failure.attempts, failure.http_status, failure.retryable), (3, 503, true));
}

#[test]
fn a_target_has_one_attempt_while_another_is_left_and_the_last_has_all() {
    let targets = Targets::new(2, json!({"retry": {"max_attempts": 3, "max_backoff": "1ms"}}));
    for server in &targets.servers {
        server.respond_with(|_| Reply::error(503, "ServiceUnavailableException", "busy"));
    }
    let outcome = targets.model.generate(&hello());
    assert_eq!((targets.received(), outcome.failed(BEDROCK_E_SERVICE).attempts), (vec![1, 3], 4));
}

#[test]
fn a_target_that_failed_rests_also_for_derived_models_and_is_then_tried_by_a_call() {
    let targets = Targets::new(2, json!({"cooldown": "1h"}));
    targets.servers[0].push(Reply::error(503, "ServiceUnavailableException", "busy"));
    for server in &targets.servers {
        server.respond_with(|_| Reply::text_response("Hello"));
    }
    assert_eq!(targets.model.generate(&hello()).response().model, MODELS[1]);
    let derived = targets.model.with(json!({"temperature": 0.5}));
    assert_eq!(derived.generate(&hello()).response().model, MODELS[1]);
    assert_eq!(targets.received(), [1, 2]);

    let targets = Targets::new(2, json!({"cooldown": "1ms"}));
    targets.servers[0].push(Reply::error(503, "ServiceUnavailableException", "busy"));
    for server in &targets.servers {
        server.respond_with(|_| Reply::text_response("Hello"));
    }
    assert_eq!(targets.model.generate(&hello()).response().model, MODELS[1]);
    std::thread::sleep(Duration::from_millis(2));
    assert_eq!(targets.model.generate(&hello()).response().model, MODELS[0], "its rest is over");
}

#[test]
fn a_target_that_is_silent_until_the_end_of_total_rests() {
    both_forms(|operation| {
        let targets = Targets::new(2, json!({"cooldown": "1h"}));
        targets.servers[0].push(Reply::hang());
        targets.servers[1].respond_with(move |_| answer(operation, "Hello"));
        // So that the silent target receives the call well within the time.
        targets.model.connect().expect("a connection");
        let limited = targets.model.with(json!({"timeouts": {"total": "2s"}}));
        call(&limited, operation).0.failed(BEDROCK_E_TIMEOUT);
        for _ in 0..2 {
            assert_eq!(call(&targets.model, operation).0.response().model, MODELS[1], "{operation}");
        }
        assert_eq!(targets.received(), [1, 2], "{operation}");
    });
}

#[test]
fn a_target_does_not_rest_because_a_call_waited_too_long_for_its_limits() {
    let targets = Targets::new(2, json!({"limits": {"requests_per_minute": 1}, "cooldown": "1h"}));
    let limited = targets.model.with(json!({"timeouts": {"queue": "1s"}}));
    for server in &targets.servers {
        server.respond_with(|_| Reply::text_response("Hello"));
    }
    assert_eq!(targets.model.generate(&hello()).response().model, MODELS[0]);
    assert_eq!(limited.generate(&hello()).response().model, MODELS[1], "its quota is used up");
    // The call waits for its turn again, which it would not do for a target that rests.
    let waits = targets.model.stats().waits;
    assert_eq!(limited.generate(&hello()).response().model, MODELS[1]);
    assert_eq!(targets.model.stats().waits, waits + 1);
}

#[test]
fn a_request_for_a_model_of_its_own_that_does_not_exist_makes_no_target_rest() {
    for (reason, error) in [
        ("not_found", Reply::error(404, "ResourceNotFoundException", "none")),
        ("access_denied", Reply::error(403, "AccessDeniedException", "no access to this model")),
    ] {
        let targets = Targets::new(2, json!({"fallback_on": [reason], "cooldown": "1h"}));
        targets.servers[0].push(error);
        for server in &targets.servers {
            server.respond_with(|_| Reply::text_response("Hello"));
        }
        let request = Request::json(r#"{"modelId":"typo","messages":[{"role":"user","content":[{"text":"Hello?"}]}]}"#);
        assert_eq!(targets.model.generate(&request).response().model, MODELS[1]);
        assert_eq!(targets.model.generate(&hello()).response().model, MODELS[0], "{reason}");
    }
}

#[test]
fn the_error_of_a_fallback_that_was_called_alone_names_it_and_the_target_that_rests() {
    let targets = Targets::new(2, json!({"cooldown": "1h"}));
    targets.servers[0].push(Reply::error(503, "ServiceUnavailableException", "busy"));
    targets.servers[1].push(Reply::text_response("Hello"));
    targets.model.generate(&hello()).response();
    targets.servers[1].push(Reply::error(403, "AccessDeniedException", "no access to this model"));
    let outcome = targets.model.generate(&hello());
    let failure = outcome.failed(BEDROCK_E_ACCESS_DENIED);
    failure.says(&["1 of 2 targets failed: second-model at ", "no access to this model", "; first-model rests"]);
}

#[test]
fn a_target_that_rests_is_called_if_no_other_answers() {
    let targets = Targets::new(2, json!({"cooldown": "1h"}));
    for server in &targets.servers {
        server.push(Reply::error(503, "ServiceUnavailableException", "busy"));
    }
    targets.model.generate(&hello()).failed(BEDROCK_E_SERVICE);
    targets.servers[0].push(Reply::error(503, "ServiceUnavailableException", "busy"));
    targets.servers[1].push(Reply::text_response("Hello"));
    assert_eq!(targets.model.generate(&hello()).response().model, MODELS[1]);
}

#[test]
fn total_spans_all_targets() {
    both_forms(|operation| {
        let targets = Targets::new(3, json!({}));
        for server in &targets.servers {
            server.push(Reply::hang());
        }
        // So that the first target receives the call well within the time.
        targets.model.connect().expect("a connection");
        let limited = targets.model.with(json!({"timeouts": {"total": "2s", "first_event": "10s"}}));
        let (outcome, _) = call(&limited, operation);
        outcome.failed(BEDROCK_E_TIMEOUT).says(&["2s"]);
        assert_eq!(targets.received(), [1, 0, 0], "{operation}");
    });
}

#[test]
fn total_ends_a_hedged_call_whose_first_target_still_waits_for_its_limits() {
    let members = json!({"limits": {"requests_per_minute": 1}, "hedge": {"after": "20ms"}});
    both_forms(|operation| {
        let targets = Targets::new(2, members.clone());
        // It uses up the limit. In a model's own form it goes to no other target, and so is not hedged.
        targets.servers[0].push(Reply::json(r#"{"outputText":"Hello"}"#));
        targets.model.call("InvokeModel", &Request::json(r#"{"body": {"inputText": "Hello"}}"#)).response();
        targets.servers[1].push(Reply::hang());
        let limited = targets.model.with(json!({"timeouts": {"queue": "1m", "total": "2s"}}));
        let (outcome, _) = call(&limited, operation);
        outcome.failed(BEDROCK_E_TIMEOUT).says(&["all 2 targets failed", "timeouts.total"]);
        assert!(outcome.took < Duration::from_secs(30), "{operation}: {:?}", outcome.took);
        assert_eq!(targets.received(), [1, 1], "{operation}");
    });
}

#[test]
fn a_target_has_its_own_members_in_place_of_those_of_the_request() {
    let servers = [LocalBedrock::start(), LocalBedrock::start()];
    let fallback = json!({
        "model": MODELS[1],
        "base_url": servers[1].url(),
        "region": "eu-west-1",
        "request": {"max_tokens": 4096, "additionalModelRequestFields": {"reasoning": "low"}},
    });
    let model = Model::new(&with(config(&servers[0]), json!({"model": MODELS[0], "fallbacks": [fallback]})));
    servers[0].push(Reply::error(429, "ThrottlingException", "slow down"));
    servers[1].push(Reply::text_response("Hello"));
    let request = Request::json(
        r#"{"messages":[{"role":"user","content":[{"text":"Hello?"}]}],"max_tokens":64000,"temperature":0.5,
            "additionalModelRequestFields":{"thinking":{"type":"adaptive"}}}"#,
    );
    model.generate(&request).response();
    let sent = servers[1].last_request();
    let body = sent.json();
    assert_eq!(body["inferenceConfig"], json!({"maxTokens": 4096, "temperature": 0.5}));
    assert_eq!(body["additionalModelRequestFields"], json!({"reasoning": "low"}));
    assert!(sent.header("authorization").unwrap().contains("/eu-west-1/bedrock/"), "it is signed for its region");
    assert_eq!(servers[0].last_request().json()["inferenceConfig"]["maxTokens"], 64000);
}

#[test]
fn each_target_gets_the_cache_points_that_its_model_takes() {
    let servers = [LocalBedrock::start(), LocalBedrock::start(), LocalBedrock::start()];
    let fallback = |server: &LocalBedrock, model: &str| json!({"model": model, "base_url": server.url()});
    let members = json!({
        "model": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "cache": {"points": ["system", "tools", "last_user"], "ttl": "1h"},
        "fallbacks": [fallback(&servers[1], "us.amazon.nova-pro-v1:0"), fallback(&servers[2], "us.meta.llama4-maverick")],
    });
    for server in &servers[..2] {
        server.push(Reply::error(503, "ServiceUnavailableException", "busy"));
    }
    servers[2].push(Reply::text_response("Hello"));
    let request = Request::json(
        r#"{"system":[{"text":"s"}],"messages":[{"role":"user","content":[{"text":"Hello?"}]}],
            "toolConfig":{"tools":[{"toolSpec":{"name":"t","inputSchema":{"json":{}}}}]}}"#,
    );
    Model::new(&with(config(&servers[0]), members)).generate(&request).response();
    let points = |server: &LocalBedrock| {
        let body = server.last_request().json();
        ["/system", "/toolConfig/tools", "/messages/0/content"].map(|place| body.pointer(place).unwrap()[1].clone())
    };
    let plain = json!({"cachePoint": {"type": "default"}});
    let hour = json!({"cachePoint": {"type": "default", "ttl": "1h"}});
    assert_eq!(points(&servers[0]), [hour.clone(), hour.clone(), hour]);
    assert_eq!(points(&servers[1]), [plain.clone(), Value::Null, plain]);
    assert_eq!(points(&servers[2]), [Value::Null, Value::Null, Value::Null]);
}

#[test]
fn operations_in_a_models_own_form_are_sent_to_no_other_model() {
    let targets = Targets::new(2, json!({}));
    targets.servers[0].push(Reply::error(503, "ServiceUnavailableException", "busy"));
    let request = Request::json(r#"{"body": {"inputText": "Hello"}}"#);
    targets.model.call("InvokeModel", &request).failed(BEDROCK_E_SERVICE);
    assert_eq!(targets.received(), [1, 0]);

    // The same model in another region answers them.
    let other = LocalBedrock::start();
    let fallbacks = json!([{"region": "us-west-2", "base_url": other.url()}]);
    let bedrock = LocalBedrock::start();
    let model = Model::at_with(&bedrock, json!({"fallbacks": fallbacks, "retry": {"max_attempts": 1}}));
    bedrock.push(Reply::error(503, "ServiceUnavailableException", "busy"));
    other.push(Reply::json(r#"{"outputText":"Hello"}"#));
    assert_eq!(model.call("InvokeModel", &request).response().json, r#"{"outputText":"Hello"}"#);
}

#[test]
fn a_hedged_call_takes_the_first_content_and_cancels_the_other_target() {
    for operation in FORMS {
        let targets = Targets::new(2, json!({"hedge": {"after": "20ms"}, "timeout": "30s"}));
        let gate = Gate::new();
        targets.servers[0].push(match operation {
            "Converse" => Reply::hang(),
            _ => Reply::stream().message_start().wait_for(&gate).text(0, &["too late"]),
        });
        targets.servers[1].push(answer(operation, "Hello"));
        let (outcome, events) = call(&targets.model, operation);
        assert_eq!((&*outcome.response().text, &*outcome.response().model), ("Hello", MODELS[1]));
        if let Some(events) = events {
            assert_eq!((kinds(&events, BEDROCK_EVENT_MESSAGE_START), texts(&events)), (1, "Hello".to_owned()));
        }
        targets.servers[0].wait_closed(1);
        assert_eq!(outcome.response().attempts, 2);
    }
}

#[test]
fn a_hedge_that_fails_leaves_the_first_target_its_time() {
    let targets = Targets::new(2, json!({"hedge": {"after": "20ms"}, "timeout": "30s"}));
    let gate = Gate::new();
    targets.servers[0].push(Reply::text_response("Hello").head_waits_for(&gate));
    targets.servers[1].push(Reply::error(400, "ValidationException", "wrong for this model"));
    let opener = {
        let gate = gate.clone();
        let second = &targets.servers[1];
        move || {
            second.wait_requests(1);
            gate.open();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(opener);
        let outcome = targets.model.generate(&hello());
        assert_eq!(outcome.response().model, MODELS[0]);
    });
}

#[test]
fn a_target_may_pause_after_its_message_start_for_longer_than_the_first_event_may_take() {
    const FIRST_EVENT_AND_MORE: Duration = Duration::from_secs(3);
    let timeouts = || json!({"first_event": "2s", "idle": "30s"});
    let pausing = || {
        let reply = Reply::stream().message_start().pause(FIRST_EVENT_AND_MORE).text(0, &["Hello"]);
        reply.message_stop("end_turn").metadata(1, 1)
    };
    let check_slow = |slow: usize| {
        let targets = Targets::new(2, json!({"timeouts": timeouts()}));
        if slow == 1 {
            targets.servers[0].push(Reply::error(503, "ServiceUnavailableException", "busy"));
        }
        targets.servers[slow].push(pausing());
        let (outcome, events) = call(&targets.model, "ConverseStream");
        assert_eq!((&*outcome.response().model, &*texts(&events.unwrap())), (MODELS[slow], "Hello"));
    };
    // A hedge that fails in the meantime does not take the first target's time.
    let check_hedge = || {
        let targets = Targets::new(2, json!({"hedge": {"after": "100ms"}, "timeouts": timeouts()}));
        targets.servers[0].push(pausing());
        targets.servers[1].push(Reply::hang());
        let (outcome, _) = call(&targets.model, "ConverseStream");
        assert_eq!((&*outcome.response().model, targets.received()), (MODELS[0], vec![1, 1]));
    };
    // All at once, because each takes as long as the pause.
    std::thread::scope(|scope| {
        scope.spawn(|| check_slow(0));
        scope.spawn(|| check_slow(1));
        scope.spawn(check_hedge);
    });
}

#[test]
fn a_wrong_fallback_is_an_error_that_points_to_it() {
    let bedrock = LocalBedrock::start();
    for (fallback, path, says) in [
        (json!({}), "/fallbacks/0", "needs a \"model\""),
        (json!({"model": ""}), "/fallbacks/0/model", "is empty"),
        (json!({"model": "m", "regoin": "x"}), "/fallbacks/0/regoin", "region"),
        (json!({"base_url": "http://example.com"}), "/fallbacks/0/base_url", "http://"),
        (json!({"model": "m", "request": {"guardrailConfig": null}}), "/fallbacks/0/request/guardrailConfig", "guard"),
        (json!({"model": "m", "request": {"max_token": 1}}), "/fallbacks/0/request/max_token", "max_tokens"),
        (json!({"model": "m", "request": {"modelId": "x"}}), "/fallbacks/0/request/modelId", "\"model\""),
        (
            json!({"model": "m", "request": {"max_tokens": "x"}}),
            "/fallbacks/0/request/max_tokens",
            "\"fallbacks.0.request\": ",
        ),
        (json!({"model": "m", "region": "eu-west-1"}), "/fallbacks/0/region", "\"base_url\""),
    ] {
        let config = with(config(&bedrock), json!({"fallbacks": [fallback]}));
        let failure = Model::try_new(&config.to_string()).err().unwrap();
        failure.is(BEDROCK_E_CONFIG).says(&[says, "bedrock: config: "]);
        assert_eq!(failure.path, path, "{failure:?}");
    }
    for key in ["fallback_on", "cooldown", "hedge"] {
        let value = match key {
            "fallback_on" => json!([]),
            "cooldown" => json!("1s"),
            _ => json!({"after": "1s"}),
        };
        let config = with(config(&bedrock), json!({key: value}));
        Model::try_new(&config.to_string()).err().unwrap().is(BEDROCK_E_CONFIG).says(&["fallbacks"]);
    }
}
