//! Limits: calls wait for their turn, in order, and a service with the same quota refuses none.

mod support;

use serde_json::json;
use std::time::Duration;
use support::capi::*;
use support::{Gate, LocalBedrock, Reply};

fn hello() -> Request {
    Request::json(r#"{"messages":[{"role":"user","content":[{"text":"Hello?"}]}],"max_tokens":100}"#)
}

#[test]
fn a_call_over_the_limit_waits_and_its_timer_tells_for_what() {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| Reply::text_response("Hello"));
    let model = Model::at_with(&bedrock, json!({"limits": {"requests_per_minute": 2}, "timeouts": {"queue": "50ms"}}));
    model.generate(&hello()).response();
    model.generate(&hello()).response();
    let outcome = model.with(json!({"temperature": 0.5})).generate(&hello());
    let failure = outcome.failed(BEDROCK_E_TIMEOUT);
    failure.says(&["waited 50ms for its turn under limits", "never sent", "timeouts.queue"]);
    assert_eq!((failure.attempts, bedrock.requests().len()), (0, 2));
    let stats = model.stats();
    assert_eq!((stats.requests_in_minute, stats.requests_per_minute, stats.tokens_per_minute), (2, 2, -1));
    assert_eq!((stats.waits, stats.waiting, stats.running), (1, 0, 0));
    assert!(stats.waited_ms >= 50, "{}", stats.waited_ms);
}

#[test]
fn tokens_are_reserved_and_settled_with_the_usage() {
    let bedrock = LocalBedrock::start();
    let gate = Gate::new();
    bedrock.push(Reply::text_response("Hello").head_waits_for(&gate));
    let model = Model::at_with(&bedrock, json!({"limits": {"tokens_per_minute": 100_000}}));
    std::thread::scope(|scope| {
        let call = scope.spawn(|| model.generate(&hello()));
        gate.wait_arrivals(1);
        let reserved = model.stats().tokens_in_minute;
        assert!((101..200).contains(&reserved), "{reserved}");
        gate.open();
        let usage = call.join().unwrap().response().usage.clone();
        assert_eq!(model.stats().tokens_in_minute, usage.input_tokens + usage.output_tokens);
    });
}

#[test]
fn a_call_that_failed_gives_its_tokens_back() {
    let bedrock = LocalBedrock::start();
    bedrock.push(Reply::error(400, "ValidationException", "wrong"));
    let model = Model::at_with(&bedrock, json!({"limits": {"tokens_per_minute": 100_000}}));
    model.generate(&hello()).failed(BEDROCK_E_VALIDATION);
    assert_eq!((model.stats().tokens_in_minute, model.stats().requests_in_minute), (0, 1));
}

#[test]
fn retries_count_as_requests() {
    let bedrock = LocalBedrock::start();
    bedrock.push(Reply::error(503, "ServiceUnavailableException", "busy"));
    bedrock.push(Reply::text_response("Hello"));
    let model = Model::at_with(&bedrock, json!({"limits": {"requests_per_minute": 100}}));
    model.generate(&hello()).response();
    assert_eq!(model.stats().requests_in_minute, 2);
}

#[test]
fn a_call_fails_at_once_if_too_many_wait() {
    let bedrock = LocalBedrock::start();
    let gate = Gate::new();
    for _ in 0..2 {
        bedrock.push(Reply::text_response("Hello").head_waits_for(&gate));
    }
    let model = Model::at_with(&bedrock, json!({"max_concurrency": 1, "max_queue": 1}));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| model.generate(&hello()));
        gate.wait_arrivals(1);
        let second = scope.spawn(|| model.generate(&hello()));
        while model.stats().waiting == 0 {
            std::thread::yield_now();
        }
        let outcome = model.generate(&hello());
        let failure = outcome.failed(BEDROCK_E_THROTTLED);
        failure.says(&["max_concurrency", "1 wait already (max_queue)"]);
        assert_eq!((failure.attempts, failure.retryable, model.stats().refused), (0, true, 1));
        gate.open();
        first.join().unwrap().response();
        second.join().unwrap().response();
    });
}

#[test]
fn a_throttled_call_is_sent_again_for_as_long_as_the_config_permits() {
    let bedrock = LocalBedrock::start();
    for _ in 0..8 {
        bedrock.push(Reply::error(429, "ThrottlingException", "slow down"));
    }
    bedrock.push(Reply::text_response("Hello"));
    let retry = json!({"max_attempts": 2, "max_backoff": "1ms", "throttling": {"max_elapsed": "1m"}});
    let model = Model::at_with(&bedrock, json!({"retry": retry}));
    let outcome = model.generate(&hello());
    assert_eq!((&*outcome.response().text, outcome.response().attempts), ("Hello", 9));

    // Other errors have `max_attempts`.
    bedrock.push(Reply::error(429, "ThrottlingException", "slow down"));
    bedrock.push(Reply::error(400, "ValidationException", "wrong"));
    model.generate(&hello()).failed(BEDROCK_E_VALIDATION);
}

#[test]
fn throttling_that_does_not_end_is_an_error_after_that_time() {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| Reply::error(429, "ThrottlingException", "slow down"));
    let retry = json!({"max_attempts": 1, "max_backoff": "10ms", "throttling": {"max_elapsed": "100ms"}});
    let outcome = Model::at_with(&bedrock, json!({"retry": retry})).generate(&hello());
    let attempts = outcome.failed(BEDROCK_E_THROTTLED).attempts;
    assert!(attempts > 5, "{attempts}");
    assert!(outcome.took >= Duration::from_millis(90), "{:?}", outcome.took);
}

#[test]
fn an_adaptive_limit_is_learned_from_a_refusal() {
    let bedrock = LocalBedrock::start();
    let model = Model::at_with(&bedrock, json!({"limits": {"adaptive": true}, "retry": {"max_attempts": 1}}));
    for _ in 0..10 {
        bedrock.push(Reply::text_response("Hello"));
        model.generate(&hello()).response();
    }
    assert_eq!(model.stats().requests_per_minute, -1);
    bedrock.push(Reply::error(429, "ThrottlingException", "slow down"));
    model.generate(&hello()).failed(BEDROCK_E_THROTTLED);
    assert_eq!(model.stats().requests_per_minute, 9);
}

#[test]
fn a_wrong_limit_is_an_error_that_points_to_it() {
    let bedrock = LocalBedrock::start();
    for (limits, path) in [
        (json!({}), "/limits"),
        (json!({"adaptive": false}), "/limits"),
        (json!({"requests_per_minute": 0}), "/limits/requests_per_minute"),
        (json!({"tokens_per_min": 1}), "/limits/tokens_per_min"),
    ] {
        let config = with(config(&bedrock), json!({"limits": limits}));
        let failure = Model::try_new(&config.to_string()).err().unwrap();
        assert_eq!(failure.is(BEDROCK_E_CONFIG).path, path);
    }
}
