//! Limits: calls wait for their turn, in order, and a service with the same quota refuses none.

mod support;

use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::capi::*;
use support::{Gate, LocalBedrock, Reply};

fn hello() -> Request {
    Request::json(r#"{"messages":[{"role":"user","content":[{"text":"Hello?"}]}],"max_tokens":100}"#)
}

#[test]
fn a_call_over_the_limit_waits_and_its_timer_tells_for_what() {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| Reply::text_response("Hello"));
    let model = Model::at_with(&bedrock, json!({"limits": {"requests_per_minute": 2}}));
    model.generate(&hello()).response();
    model.generate(&hello()).response();
    let outcome = model.with(json!({"timeouts": {"queue": "500ms"}})).generate(&hello());
    let failure = outcome.failed(BEDROCK_E_TIMEOUT);
    failure.says(&["waited 500ms for its turn under limits", "never sent", "timeouts.queue"]);
    assert_eq!((failure.attempts, bedrock.requests().len()), (0, 2));
    let stats = model.stats();
    assert_eq!((stats.requests_in_minute, stats.requests_per_minute, stats.tokens_per_minute), (2, 2, -1));
    assert_eq!((stats.waits, stats.waiting, stats.running), (1, 0, 0));
    // The timer starts before the wait is measured, and a busy machine may pause in between.
    assert!(stats.waited_ms >= 250, "{}", stats.waited_ms);
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
fn a_call_that_would_wait_fails_at_once_if_none_may_wait() {
    let bedrock = LocalBedrock::start();
    let gate = Gate::new();
    bedrock.push(Reply::text_response("Hello").head_waits_for(&gate));
    let model = Model::at_with(&bedrock, json!({"max_concurrency": 1, "max_queue": 0}));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| model.generate(&hello()));
        gate.wait_arrivals(1);
        let outcome = model.generate(&hello());
        outcome.failed(BEDROCK_E_THROTTLED).says(&["1 calls run (max_concurrency)", "none may wait (max_queue is 0)"]);
        gate.open();
        first.join().unwrap().response();
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
    let retry = json!({"max_attempts": 1, "max_backoff": "10ms", "throttling": {"max_elapsed": "2s"}});
    let model = Model::at_with(&bedrock, json!({"retry": retry}));
    // The time of a first call includes that for its connection.
    model.connect().expect("a connection");
    let outcome = model.generate(&hello());
    let attempts = outcome.failed(BEDROCK_E_THROTTLED).attempts;
    assert!(attempts > 1, "{attempts}: max_attempts is 1");
    outcome.failed(BEDROCK_E_THROTTLED).says(&["retry.throttling.max_elapsed"]);
    assert!(!outcome.failed(BEDROCK_E_THROTTLED).message.contains("max_attempts"));
    assert!(outcome.took >= Duration::from_millis(1_900), "{:?}", outcome.took);
}

#[test]
fn a_throttled_call_is_not_sent_again_at_once_because_the_service_asks_for_no_wait() {
    for (header, wait) in [("retry-after", "0"), ("x-amz-retry-after", "1")] {
        let bedrock = LocalBedrock::start();
        bedrock.respond_with(move |_| {
            let error = Reply::error(429, "ThrottlingException", "slow down");
            error.header(header, wait)
        });
        // The library's own wait is at least one second.
        let retry = json!({"max_attempts": 1, "throttling": {"max_elapsed": "500ms"}});
        let outcome = Model::at_with(&bedrock, json!({"retry": retry})).generate(&hello());
        let failure = outcome.failed(BEDROCK_E_THROTTLED);
        assert_eq!(failure.attempts, 1, "{header}");
        failure.says(&["retry.throttling.max_elapsed"]);
    }
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
fn an_adaptive_limit_is_learned_from_a_refusal_that_a_retry_hides() {
    let bedrock = LocalBedrock::start();
    let retry = json!({"max_attempts": 2, "max_backoff": "1ms"});
    let model = Model::at_with(&bedrock, json!({"limits": {"adaptive": true}, "retry": retry}));
    bedrock.push(Reply::error(429, "ThrottlingException", "slow down"));
    bedrock.push(Reply::text_response("Hello"));
    assert_eq!(model.generate(&hello()).response().attempts, 2);
    assert_eq!(model.stats().requests_per_minute, 5);
}

#[test]
fn a_throttled_call_that_waits_for_its_turn_again_tells_so() {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| Reply::error(429, "ThrottlingException", "slow down"));
    let retry = json!({"max_attempts": 1, "max_backoff": "1ms", "throttling": {"max_elapsed": "2m"}});
    let model = Model::at_with(&bedrock, json!({"limits": {"requests_per_minute": 1}, "retry": retry}));
    // So that the service receives the call well within the time.
    model.connect().expect("a connection");
    let outcome = model.with(json!({"timeouts": {"total": "2s"}})).generate(&hello());
    let failure = outcome.failed(BEDROCK_E_TIMEOUT);
    failure.says(&["its turn under limits and was not sent again", "timeouts.total", "ThrottlingException"]);
    assert_eq!(failure.attempts, 1);
}

#[test]
fn a_limit_that_was_learned_makes_no_call_wait_that_a_fallback_can_answer() {
    let (bedrock, other) = (LocalBedrock::start(), LocalBedrock::start());
    bedrock.respond_with(|_| Reply::error(429, "ThrottlingException", "slow down"));
    other.respond_with(|_| Reply::text_response("Hello"));
    let fallbacks = json!([{"model": "other-model", "base_url": other.url()}]);
    let members = json!({"limits": {"adaptive": true}, "fallbacks": fallbacks, "cooldown": "1ms", "timeout": "5s"});
    let model = Model::at_with(&bedrock, members);
    // The fewest requests of a minute that are learned.
    while bedrock.requests().len() < 5 {
        model.generate(&hello()).response();
        assert_eq!(model.stats().waits, 0);
    }
    std::thread::sleep(Duration::from_millis(2));
    assert_eq!(model.generate(&hello()).response().model, "other-model");
    assert_eq!((bedrock.requests().len(), model.stats().waits), (5, 0), "its rest is over, and it has no room");
}

#[test]
fn operations_that_invoke_no_model_use_up_no_limits() {
    let bedrock = LocalBedrock::start();
    let members = json!({"limits": {"requests_per_minute": 1, "tokens_per_minute": 1_000}, "timeout": "10s"});
    let model = Model::at_with(&bedrock, members);
    for _ in 0..3 {
        bedrock.push(Reply::json(r#"{"inputTokens":7}"#));
        model.call("CountTokens", &hello()).response();
    }
    assert_eq!((model.stats().requests_in_minute, model.stats().tokens_in_minute), (0, 0));
}

/// Makes a call that waits for this time, until the tokens of another are given back. Returns how many calls run and
/// wait meanwhile, too.
fn call_that_waits(settings: Value, operation: &str, time: Duration) -> (Outcome, [u64; 2]) {
    let (bedrock, gate) = (LocalBedrock::start(), Gate::new());
    let model = Model::at_with(&bedrock, json!({"limits": {"tokens_per_minute": 200}, "timeouts": {"queue": "1m"}}));
    let waiting = model.with(settings);
    bedrock.push(Reply::text_response("Hello").head_waits_for(&gate));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| model.generate(&hello()));
        gate.wait_arrivals(1);
        bedrock.push(match operation {
            "Converse" => Reply::text_response("Hello"),
            _ => Reply::stream().text_stream(&["Hello"], "end_turn"),
        });
        let second = scope.spawn(|| match operation {
            "Converse" => waiting.generate(&hello()),
            _ => waiting.stream(&hello()).outcome,
        });
        while model.stats().waiting == 0 {
            std::thread::yield_now();
        }
        let stats = model.stats();
        std::thread::sleep(time);
        gate.open();
        first.join().unwrap().response();
        (second.join().unwrap(), [stats.running as u64, stats.waiting as u64])
    })
}

#[test]
fn the_timers_of_a_call_start_when_its_wait_for_the_limits_ends_if_queue_is_set() {
    let check = |operation: &str| {
        let settings = json!({"timeouts": {"queue": "1m", "total": "2500ms"}});
        let (outcome, running_and_waiting) = call_that_waits(settings, operation, Duration::from_secs(3));
        assert_eq!(outcome.response().text, "Hello", "{operation}");
        assert_eq!(running_and_waiting, [1, 1], "a call that waits does not run");
    };
    // Both at once, because each takes as long as the wait.
    std::thread::scope(|scope| {
        for operation in ["Converse", "ConverseStream"] {
            scope.spawn(move || check(operation));
        }
    });
}

#[test]
fn total_includes_the_wait_for_a_permit_if_queue_is_not_set() {
    let time_of_call = || {
        let (bedrock, other) = (LocalBedrock::start(), LocalBedrock::start());
        let fallbacks = json!([{"model": "other-model", "base_url": other.url()}]);
        let model = Model::at_with(&bedrock, json!({"max_concurrency": 1, "fallbacks": fallbacks}));
        let limited = model.with(json!({"timeouts": {"total": "1s"}}));
        bedrock.push(Reply::text_response("Hello").head_pause(Duration::from_millis(800)));
        bedrock.push(Reply::hang());
        std::thread::scope(|scope| {
            let first = scope.spawn(|| model.generate(&hello()));
            bedrock.wait_requests(1);
            let outcome = limited.generate(&hello());
            outcome.failed(BEDROCK_E_TIMEOUT);
            first.join().unwrap().response();
            outcome.took
        })
    };
    // Once on a busy machine it may take longer. Without the wait in it, it takes at least 1.8 s each time.
    let in_time = (0..3).any(|_| time_of_call() < Duration::from_millis(1_700));
    assert!(in_time, "the timer did not include the wait");
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

const MINUTE: Duration = Duration::from_secs(60);
/// The quota of the service, and how many calls are made under it: for more than two minutes.
const REQUESTS: u32 = 400;
const TOKENS: u32 = 80_000;
const CALLS: usize = 1_000;

/// A service with a quota, which counts what was sent in the last 60 seconds by the rule of Bedrock's documentation:
/// the input and the limit of the output when a request comes, and what was used when the response has been sent.
#[derive(Default)]
struct Accounts {
    counted: Vec<Counted>,
    refused: usize,
}

struct Counted {
    at: Instant,
    reserved: u64,
    used: u64,
    /// When the response has been sent.
    ends: Instant,
}

impl Accounts {
    /// Counts a request and returns its response, or refuses it.
    fn reply_to(&mut self, request: &support::Request) -> Reply {
        let (now, body) = (Instant::now(), request.json());
        let text = body["messages"][0]["content"][0]["text"].as_str().unwrap();
        let call: u64 = text.split(' ').next().unwrap().parse().unwrap();
        let input = text.len() as u64 / 4;
        let reserved = input + body["inferenceConfig"]["maxTokens"].as_u64().unwrap();
        let output = 10 + call * 7919 % 190;
        let in_minute = self.counted.iter().rev().take_while(|counted| now - counted.at < MINUTE);
        let (requests, tokens) = in_minute.fold((0, 0), |(requests, tokens), counted| {
            (requests + 1, tokens + if counted.ends <= now { counted.used } else { counted.reserved })
        });
        if requests + 1 > REQUESTS || tokens + reserved > u64::from(TOKENS) {
            self.refused += 1;
            return Reply::error(429, "ThrottlingException", "Too many tokens, please wait before trying again.");
        }
        let pause = Duration::from_millis(10 + call * 104_729 % 90);
        self.counted.push(Counted { at: now, reserved, used: input + output, ends: now + pause });
        let usage = json!({"inputTokens": input, "outputTokens": output, "totalTokens": input + output});
        let message = json!({"role": "assistant", "content": [{"text": "Hello"}]});
        let body = json!({"output": {"message": message}, "stopReason": "end_turn", "usage": usage, "metrics": {}});
        Reply::json(body.to_string()).head_pause(pause)
    }

    /// Returns the part of the quota that was used in the first two minutes.
    fn used(&self) -> f64 {
        let began = self.counted[0].at;
        let counted = self.counted.iter().filter(|counted| counted.at - began < 2 * MINUTE);
        let (requests, tokens) =
            counted.fold((0, 0), |(requests, tokens), counted| (requests + 1, tokens + counted.used));
        let part = |used: u64, quota: u32| used as f64 / f64::from(2 * quota);
        part(requests, REQUESTS).max(part(tokens, TOKENS))
    }
}

/// Makes the calls, many at once. Returns how many failed, how long they took, and the accounts of the service.
fn calls_under_a_quota(members: Value) -> (usize, Duration, Arc<Mutex<Accounts>>) {
    let (bedrock, accounts) = (LocalBedrock::start(), Arc::<Mutex<Accounts>>::default());
    let of_service = accounts.clone();
    bedrock.respond_with(move |request| of_service.lock().unwrap().reply_to(request));
    let model = Model::at_with(&bedrock, members);
    let (next, failed, began) = (AtomicUsize::new(0), AtomicUsize::new(0), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                loop {
                    let call = next.fetch_add(1, Ordering::Relaxed);
                    if call >= CALLS {
                        return;
                    }
                    let text = format!("{call} {}", "word ".repeat(20 + call % 100));
                    let message = json!({"role": "user", "content": [{"text": text}]});
                    let request = json!({"messages": [message], "max_tokens": 200});
                    let outcome = model.generate(&Request::json(&request.to_string()));
                    failed.fetch_add(usize::from(outcome.failure.is_some()), Ordering::Relaxed);
                }
            });
        }
    });
    (failed.into_inner(), began.elapsed(), accounts)
}

#[test]
#[ignore = "takes two minutes, because a quota is that of a minute; src/model/admission/service_tests.rs does the same by \
            a virtual clock. Run it with: cargo test --test limits -- --ignored --nocapture"]
fn a_service_with_the_same_quota_refuses_none_of_a_thousand_calls_and_almost_all_of_it_is_used() {
    let limits = json!({"requests_per_minute": REQUESTS, "tokens_per_minute": TOKENS});
    let (failed, took, accounts) = calls_under_a_quota(json!({"limits": limits, "timeouts": {"queue": "10m"}}));
    {
        let accounts = accounts.lock().unwrap();
        println!("{limits}: {} refused, {:.1} % used, {took:.1?}", accounts.refused, 100.0 * accounts.used());
        assert_eq!((failed, accounts.refused), (0, 0));
        assert!(accounts.used() >= 0.95, "{}", accounts.used());
    }
    let (failed, took, accounts) = calls_under_a_quota(json!({}));
    println!("without limits: {} refused, {failed} calls failed, {took:.1?}", accounts.lock().unwrap().refused);
    assert!(failed > CALLS / 2, "the service refuses what is over its quota: {failed}");
}
