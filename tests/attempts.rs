//! The attempts of a call are reported: by its error, also if a timer or the network ends the call, and by one line of
//! the log each.

mod support;

use std::ffi::{CStr, c_char, c_void};
use std::ptr::null_mut;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use bedrock::ffi::process::*;
use serde_json::{Value, json};

use support::capi::*;
use support::{ErrorName, Gate, LocalBedrock, PATIENCE, Proxy, Reply};

const REQUEST_ID: &str = "0ddba11a-0000-4000-8000-00000000000a";

fn hello() -> Request {
    Request::say("Hello?")
}

fn throttled() -> Reply {
    Reply::error(429, "ThrottlingException", "Too many tokens").request_id(REQUEST_ID)
}

/// Performs a unary call and a stream.
fn both(model: &Model) -> [Outcome; 2] {
    [model.generate(&hello()), model.stream(&hello()).outcome]
}

// Timers and the network.

#[test]
fn a_timer_that_ends_a_throttled_call_reports_the_last_service_error() {
    for operation in ["Converse", "ConverseStream"] {
        let bedrock = LocalBedrock::start();
        bedrock.push(throttled());
        bedrock.push(throttled());
        bedrock.push(Reply::hang());
        let model = Model::at_with(&bedrock, json!({"timeout": "2s"}));
        let failure = model.call(operation, &hello()).failed(BEDROCK_E_TIMEOUT).clone();
        assert_eq!((failure.code.as_str(), failure.http_status), ("ThrottlingException", 429), "{failure:?}");
        assert_eq!((failure.request_id.as_str(), failure.attempts, failure.retryable), (REQUEST_ID, 3, true));
        failure.says(&[
            "within 2s",
            "2 of 3 attempts ended with a service error, the last with ThrottlingException (HTTP 429)",
        ]);
        failure.says(&["Call less often"]);
    }
}

#[test]
fn a_timer_that_ends_a_call_between_two_attempts_reports_the_service_error_of_the_last() {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| Reply::error(503, "ServiceUnavailableException", "busy").request_id(REQUEST_ID));
    // The backoff grows, and the timer ends the call during one.
    let retry = json!({"max_attempts": 1000, "max_backoff": "1h"});
    let model = Model::at_with(&bedrock, json!({"timeout": "2s", "retry": retry}));
    // Now and then the timer ends the call during an attempt, which has no service error of its own.
    let during_attempt = |failure: &Failure| failure.message.contains("ended with a service error");
    let mut failures = (0..3).map(|_| model.generate(&hello()).failed(BEDROCK_E_TIMEOUT).clone());
    let failure = failures.find(|failure| !during_attempt(failure)).expect("a timer that ends the call in a backoff");
    assert_eq!((failure.code.as_str(), failure.http_status), ("ServiceUnavailableException", 503));
    assert_eq!(failure.request_id, REQUEST_ID);
    failure.says(&["attempt", "ended with ServiceUnavailableException (HTTP 503)"]);
}

#[test]
fn a_network_error_after_service_errors_reports_the_last_of_them() {
    for operation in ["Converse", "ConverseStream"] {
        let bedrock = LocalBedrock::start();
        bedrock.push(throttled().then_close());
        bedrock.push(Reply::close_before_headers());
        bedrock.push(Reply::close_before_headers());
        let failure = Model::at(&bedrock).call(operation, &hello()).failed(BEDROCK_E_NETWORK).clone();
        assert_eq!((failure.code.as_str(), failure.http_status, failure.attempts), ("ThrottlingException", 429, 3));
        failure.says(&[
            "closed",
            "1 of 3 attempts ended with a service error, the last with ThrottlingException (HTTP 429)",
        ]);
    }
}

#[test]
fn a_timer_after_the_start_of_a_response_reports_no_service_error() {
    let bedrock = LocalBedrock::start();
    bedrock.push(throttled());
    bedrock.push(Reply::stream().message_start().wait_for(&Gate::new()));
    let streamed = Model::at_with(&bedrock, json!({"timeout": "1s"})).stream(&hello());
    let failure = streamed.outcome.failed(BEDROCK_E_TIMEOUT);
    assert_eq!((failure.code.as_str(), failure.http_status, failure.attempts), ("", 0, 2));
    failure.says(&["no further event", "timeouts.idle", "A long silence can be normal"]);
}

// The network's own errors.

/// Asserts that the message names no layer of other libraries.
#[track_caller]
fn is_plain(failure: &Failure) {
    for onion in
        ["io error", "tcp connect error", "dns error", "os error", "dispatch failure", "client error", "other:"]
    {
        assert!(!failure.message.contains(onion), "{failure:?}");
    }
}

#[test]
fn a_refused_connection_names_host_and_port() {
    let port = LocalBedrock::refusing_port();
    let bedrock = LocalBedrock::start();
    let model = Model::at_with(&bedrock, json!({"base_url": format!("http://127.0.0.1:{port}")}));
    for outcome in both(&model) {
        let failure = outcome.failed(BEDROCK_E_NETWORK);
        failure.says(&[&format!("connecting to 127.0.0.1:{port}: connection refused (after 3 attempts)"), "base_url"]);
        assert_eq!((failure.attempts, failure.retryable), (3, true), "an attempt without a connection counts");
        is_plain(failure);
    }
}

#[test]
fn a_name_that_does_not_resolve_is_named_with_its_port() {
    let bedrock = LocalBedrock::start();
    // A resolver may take longer than the usual time for a connect.
    let timeouts = json!({"connect": "60s"});
    let members = json!({"base_url": "https://bedrock.invalid", "retry": {"max_attempts": 1}, "timeouts": timeouts});
    let failure = Model::at_with(&bedrock, members).generate(&hello()).failed(BEDROCK_E_NETWORK).clone();
    failure.says(&["connecting to bedrock.invalid:443: the name does not resolve", "Check the region or base_url"]);
    is_plain(&failure);
}

#[test]
fn a_proxy_is_named_without_its_password() {
    let port = LocalBedrock::refusing_port();
    let bedrock = LocalBedrock::start();
    let url = |port| format!("http://user:passw0rd@127.0.0.1:{port}");
    let via = |port| json!({"base_url": "https://bedrock.example", "proxy": url(port), "retry": {"max_attempts": 1}});
    let failure = Model::at_with(&bedrock, via(port.number())).generate(&hello()).failed(BEDROCK_E_NETWORK).clone();
    failure.says(&["connecting to bedrock.example:443", &format!("through the proxy 127.0.0.1:{port}"), "refused"]);
    failure.says(&["Check the proxy"]);
    assert!(!failure.message.contains("passw0rd"), "{failure:?}");
    is_plain(&failure);

    let proxy = Proxy::refusing("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    let failure = Model::at_with(&bedrock, via(proxy.port())).generate(&hello()).failed(BEDROCK_E_NETWORK).clone();
    failure.says(&["bedrock.example:443", &format!("through the proxy 127.0.0.1:{}", proxy.port()), "HTTP 502"]);
    assert!(!failure.message.contains("passw0rd"), "{failure:?}");
}

#[test]
fn a_connection_that_breaks_names_host_and_port() {
    let bedrock = LocalBedrock::start();
    let host = format!("127.0.0.1:{}", bedrock.port());
    let model = Model::at_with(&bedrock, json!({"retry": {"max_attempts": 1}}));
    for (reply, status) in [
        (Reply::close_before_headers(), BEDROCK_E_NETWORK),
        (Reply::reset_before_headers(), BEDROCK_E_NETWORK),
        (Reply::not_http("nonsense\r\n\r\n"), BEDROCK_E_PROTOCOL),
    ] {
        for outcome in [&|| model.generate(&hello()), &|| model.stream(&hello()).outcome] as [&dyn Fn() -> Outcome; 2] {
            bedrock.push(reply.clone());
            let outcome = outcome();
            let failure = outcome.failed(status);
            failure.says(&[&host]);
            is_plain(failure);
        }
    }
    let reply = Reply::text_response("Hello");
    let length = reply.body_len();
    bedrock.push(reply.cut_at(length / 2, support::Cut::Close));
    model.generate(&hello()).failed(BEDROCK_E_NETWORK).says(&[&host, "broke off"]);
}

// Throttling.

#[test]
fn throttling_reports_the_number_of_attempts_and_the_wait_that_the_service_asks_for() {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| throttled().header("Retry-After", "7"));
    for outcome in both(&Model::at(&bedrock)) {
        let failure = outcome.failed(BEDROCK_E_THROTTLED);
        failure.says(&["Too many tokens (after 3 attempts; the service asks to wait 7s). Call less often"]);
        assert_eq!((failure.more.retry_after, failure.attempts), (7000, 3));
    }
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| throttled());
    for outcome in both(&Model::at(&bedrock)) {
        let failure = outcome.failed(BEDROCK_E_THROTTLED);
        assert_eq!(failure.more.retry_after, -1);
        assert!(!failure.message.contains("asks to wait"), "{failure:?}");
    }
}

#[test]
fn an_exhausted_retry_budget_is_reported_and_refilled_by_successes() {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| Reply::error(503, "ServiceUnavailableException", "busy"));
    let model = Model::at(&bedrock);
    // 500, of which each of two retries costs 10.
    for call in 0..25 {
        assert_eq!(model.generate(&hello()).failed(BEDROCK_E_SERVICE).attempts, 3, "call {call}");
    }
    let outcome = model.generate(&hello());
    let failure = outcome.failed(BEDROCK_E_SERVICE);
    assert_eq!((failure.attempts, failure.retryable), (1, true));
    failure.says(&["retry budget is used up", "Call again later"]);
    let other = Model::at(&bedrock);
    assert_eq!(other.generate(&hello()).failed(BEDROCK_E_SERVICE).attempts, 3, "each model has its own budget");

    bedrock.respond_with(|_| Reply::text_response("Hello"));
    for _ in 0..10 {
        assert_eq!(model.generate(&hello()).response().attempts, 1);
    }
    bedrock.respond_with(|_| Reply::error(503, "ServiceUnavailableException", "busy"));
    assert_eq!(model.generate(&hello()).failed(BEDROCK_E_SERVICE).attempts, 2, "ten successes pay for one retry");
}

// Retries.

#[test]
fn any_response_with_429_is_throttling_and_retried() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    let big = format!("{{\"message\":\"{}\"}}", "x".repeat(70 << 10));
    let replies = [
        Reply::html(429),
        Reply::empty(429),
        Reply::json("slow down").content_type("text/plain").status(429),
        Reply::json("<Error><Code>Throttling</Code></Error>").content_type("application/xml").status(429),
        Reply::json(r#"{"message":"slow down"}"#).status(429),
        Reply::json(r#"{"error":{"message":"slow down","type":"rate_limit"}}"#).status(429),
        Reply::json(r#"{"Code":"ThrottlingException"}"#).status(429),
        Reply::json("slow down")
            .content_type("text/plain")
            .header("x-amzn-errortype", "ThrottlingException")
            .status(429),
        Reply::error_named(ErrorName::BodyCode, 429, "throttlingException", "slow down"),
        Reply::json(big).status(429),
    ];
    for reply in replies {
        let shown = format!("{reply:?}").chars().take(200).collect::<String>();
        bedrock.respond_with(move |_| reply.clone());
        // Each model has a budget of its own.
        for outcome in both(&model.with(json!({"retry": {"max_attempts": 3}, "timeout": "20s"}))) {
            let failure = outcome.failed(BEDROCK_E_THROTTLED);
            assert_eq!((failure.attempts, failure.retryable), (3, true), "{shown}");
        }
    }
}

#[test]
fn names_of_throttling_and_of_timeouts_count_with_any_http_status() {
    let throttling = [
        "Throttling",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "SlowDown",
        "RequestLimitExceeded",
        "EC2ThrottledException",
    ];
    let timeouts = ["RequestTimeout", "RequestTimeoutException"];
    let named = throttling.map(|code| (code, BEDROCK_E_THROTTLED)).into_iter();
    for (code, status) in named.chain(timeouts.map(|code| (code, BEDROCK_E_SERVICE))) {
        for http_status in [400, 503] {
            let bedrock = LocalBedrock::start();
            bedrock.respond_with(move |_| Reply::error(http_status, code, "later"));
            for outcome in both(&Model::at(&bedrock)) {
                let failure = outcome.failed(status);
                assert_eq!((failure.attempts, failure.retryable), (3, true), "{code} {http_status}");
                assert_eq!((failure.code.as_str(), failure.http_status), (code, i32::from(http_status)));
            }
        }
    }
}

#[test]
fn a_wrong_clock_is_corrected_once_by_the_clock_of_the_service() {
    for code in ["RequestExpired", "RequestInTheFuture"] {
        let clock_error = || Reply::error(400, code, "no").header("Date", "Wed, 21 Oct 2065 07:28:00 GMT");
        let bedrock = LocalBedrock::start();
        bedrock.push(clock_error());
        bedrock.push(Reply::text_response("Hello"));
        assert_eq!(Model::at(&bedrock).generate(&hello()).response().attempts, 2, "{code}");
        let signed: Vec<_> =
            bedrock.requests().iter().map(|request| request.header("x-amz-date").map(str::to_owned)).collect();
        assert!(signed[1].as_deref().is_some_and(|date| date.starts_with("20651021T07")), "{signed:?}");

        let bedrock = LocalBedrock::start();
        bedrock.respond_with(move |_| clock_error());
        let failure = Model::at(&bedrock).generate(&hello()).failed(BEDROCK_E_ACCESS_DENIED).clone();
        assert_eq!((failure.attempts, failure.code.as_str(), failure.retryable), (2, code, false));
        failure.says(&["clock"]);
    }
}

// Calls without a request.

#[test]
fn a_call_without_credentials_makes_no_attempt() {
    let bedrock = LocalBedrock::start();
    let config =
        with(config(&bedrock), json!({"api_key": null, "secret_key": null, "profile": "no-such-profile-here"}));
    for outcome in both(&Model::new(&config)) {
        assert_eq!(outcome.failed(BEDROCK_E_CREDENTIALS).attempts, 0);
    }
    assert_eq!(bedrock.requests().len(), 0);
}

// The log.

/// The lines of the library's log, from the first call of [`listen`] on.
#[derive(Default)]
struct LogLines {
    lines: Mutex<Vec<String>>,
    heard: Condvar,
}

unsafe extern "C-unwind" fn hear(
    level: i32,
    target: *const c_char,
    message: *const c_char,
    _len: usize,
    user: *mut c_void,
) {
    let text = |text| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    let ear = unsafe { &*user.cast::<LogLines>() };
    ear.lines().push(format!("{level} {} {}", text(target), text(message)));
    ear.heard.notify_all();
}

impl LogLines {
    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lines about a model, once one of them holds this.
    #[track_caller]
    fn wait_for(&self, model: &str, last: &str) -> Vec<String> {
        let is_about = |line: &&String| line.contains(model);
        let there = |lines: &mut Vec<String>| !lines.iter().filter(is_about).any(|line| line.contains(last));
        let waited = self.heard.wait_timeout_while(self.lines(), PATIENCE, there);
        let (lines, late) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!late.timed_out(), "{last:?} was not heard: {:?}", lines.iter().filter(is_about).collect::<Vec<_>>());
        lines.iter().filter(is_about).cloned().collect()
    }
}

/// Returns the lines of this process: there is one log.
fn listen() -> &'static LogLines {
    static EAR: OnceLock<&'static LogLines> = OnceLock::new();
    EAR.get_or_init(|| {
        let ear: &'static LogLines = Box::leak(Box::default());
        let user = std::ptr::from_ref(ear).cast_mut().cast();
        assert_eq!(bedrock_set_log(BEDROCK_LOG_DEBUG, Some(hear), user, None), BEDROCK_OK);
        ear
    })
}

fn named_model(bedrock: &LocalBedrock, name: &str, members: Value) -> Model {
    Model::at_with(bedrock, with(json!({"model": name}), members))
}

#[test]
fn each_attempt_is_a_line_in_the_log_with_its_host_result_and_wait() {
    let ear = listen();
    let bedrock = LocalBedrock::start();
    // The header keeps the next attempt from the connection until the server closes it.
    bedrock.push(throttled().header("Retry-After", "1").header("Connection", "close").then_close());
    bedrock.push(Reply::close_before_headers());
    bedrock.push(Reply::text_response("Hello").request_id(REQUEST_ID));
    let model = named_model(&bedrock, "the-patient-model", json!({"retry": {"max_backoff": "20ms"}}));
    assert_eq!(model.generate(&hello()).response().attempts, 3);
    let lines = ear.wait_for("the-patient-model", ": complete after");
    let attempts: Vec<_> = lines.iter().filter(|line| line.contains(": attempt ")).collect();
    let host = format!("127.0.0.1:{}", bedrock.port());
    let expected: [&[&str]; 3] = [
        &["attempt 1", &host, "ThrottlingException (HTTP 429)", REQUEST_ID, "the next attempt follows in 20ms"],
        &["attempt 2", &host, "closed", "the next attempt follows in"],
        &["attempt 3", &host, "HTTP 200", REQUEST_ID],
    ];
    assert_eq!(attempts.len(), 3, "{lines:?}");
    for (line, parts) in attempts.iter().zip(expected) {
        assert!(parts.iter().all(|part| line.contains(part)), "{line:?} lacks one of {parts:?}");
        assert!(line.starts_with(&format!("{BEDROCK_LOG_DEBUG} call Converse with the-patient-model: ")), "{line}");
    }
}

#[test]
fn the_log_says_why_no_further_attempt_follows() {
    let ear = listen();
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| throttled());
    let model = named_model(&bedrock, "the-model-that-gives-up", json!({"retry": {"max_attempts": 1}}));
    model.generate(&hello()).failed(BEDROCK_E_THROTTLED);
    let lines = ear.wait_for("the-model-that-gives-up", "Throttled");
    let attempts: Vec<_> = lines.iter().filter(|line| line.contains(": attempt ")).collect();
    assert!(attempts.len() == 1 && attempts[0].contains("no further attempt follows"), "{lines:?}");
}

#[test]
fn a_wait_in_the_queue_is_in_the_log() {
    let ear = listen();
    let bedrock = LocalBedrock::start();
    let gate = Gate::new();
    bedrock.push(Reply::text_response("at last").head_waits_for(&gate));
    let model = named_model(&bedrock, "the-crowded-model", json!({"max_concurrency": 1}));
    let hasty = model.with(json!({"timeouts": {"queue": "50ms"}}));
    std::thread::scope(|threads| {
        let first = threads.spawn(|| model.generate(&hello()));
        gate.wait_arrivals(1);
        hasty.stream_with(&hello(), null_mut(), |_| 0).outcome.failed(BEDROCK_E_TIMEOUT);
        gate.open();
        first.join().expect("no panic").response();
    });
    ear.wait_for("ConverseStream with the-crowded-model", "waits for a permit (max_concurrency is 1)");
}

#[test]
fn a_wait_for_the_limits_is_in_the_log() {
    let ear = listen();
    let bedrock = LocalBedrock::start();
    let gate = Gate::new();
    bedrock.push(Reply::text_response("Hello").head_waits_for(&gate));
    bedrock.push(Reply::text_response("Hello"));
    let members = json!({"limits": {"tokens_per_minute": 1}, "defaults": {"max_tokens": 100}});
    let model = named_model(&bedrock, "the-limited-model", members);
    std::thread::scope(|threads| {
        let first = threads.spawn(|| model.generate(&hello()));
        gate.wait_arrivals(1);
        let second = threads.spawn(|| model.with(json!({"timeouts": {"queue": "50ms"}})).generate(&hello()));
        second.join().expect("no panic").failed(BEDROCK_E_TIMEOUT);
        gate.open();
        first.join().expect("no panic").response();
    });
    ear.wait_for("Converse with the-limited-model", "waits for its turn under limits");
}

#[test]
fn an_attempt_that_a_cancel_ends_is_in_the_log() {
    let ear = listen();
    let bedrock = LocalBedrock::start();
    bedrock.push(Reply::hang());
    let model = named_model(&bedrock, "the-cancelled-model", json!({}));
    let cancel = Cancel::new();
    std::thread::scope(|threads| {
        let call = threads.spawn(|| model.generate_with(&hello(), cancel.handle()));
        bedrock.wait_requests(1);
        cancel.fire();
        call.join().expect("no panic").failed(BEDROCK_E_CANCELLED);
    });
    ear.wait_for("the-cancelled-model", "no response");
}
