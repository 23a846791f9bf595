//! `bedrock_model_set_credentials` replaces what authorizes calls while they run, and keeps the connections.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use support::capi::*;
use support::pull::*;
use support::{Auth, Gate, LocalBedrock, Reply};

const OLD: &str = r#"{"api_key": "AKIAOLD", "secret_key": "old"}"#;
const NEW: &str = r#"{"api_key": "ASIANEW", "secret_key": "new", "session_token": "token/+="}"#;

fn accept_old(bedrock: &LocalBedrock) {
    bedrock.auth(Auth::sigv4("AKIAOLD", "old", REGION));
}

fn accept_new(bedrock: &LocalBedrock) {
    bedrock.auth(Auth::sigv4_session("ASIANEW", "new", "token/+=", REGION));
}

fn model(bedrock: &LocalBedrock) -> Model {
    let model = Model::at_with(bedrock, json!({"retry": {"max_attempts": 1}}));
    model.set_credentials(OLD).expect("credentials");
    model
}

fn greeting() -> Reply {
    Reply::text_response("Hello")
}

#[track_caller]
fn succeeds(model: &Model) {
    assert_eq!(model.generate(&Request::say("Hello?")).response().text, "Hello");
}

#[test]
fn a_stream_goes_on_while_credentials_change_and_later_calls_use_its_connections() {
    let bedrock = LocalBedrock::start();
    accept_old(&bedrock);
    let model = model(&bedrock);
    let gate = Gate::new();
    bedrock.push(Reply::stream().message_start().text(0, &["Hel"]).wait_for(&gate).text_stream(&["lo"], "end_turn"));
    bedrock.respond_with(|_| greeting());
    let stream = Pull::open(&model, &Request::say("Hello?"));
    gate.wait_arrivals(1);
    succeeds(&model);
    assert_eq!(bedrock.connection_count(), 2);
    model.set_credentials(NEW).expect("credentials");
    accept_new(&bedrock);
    succeeds(&model);
    gate.open();
    assert_eq!(count_pulled(&stream).1, BEDROCK_DONE);
    succeeds(&model);
    assert_eq!(bedrock.connection_count(), 2, "the connections are kept");
}

#[test]
fn models_that_share_connections_share_new_credentials() {
    let bedrock = LocalBedrock::start();
    accept_old(&bedrock);
    bedrock.respond_with(|_| greeting());
    let first = model(&bedrock);
    let derived = first.with(json!({"timeout": "20s"}));
    succeeds(&first);
    succeeds(&derived);
    derived.set_credentials(NEW).expect("credentials");
    accept_new(&bedrock);
    succeeds(&first);
    succeeds(&derived);
    succeeds(&first.with(json!({"timeout": "30s"})));
}

#[test]
fn a_call_whose_old_credentials_are_refused_meanwhile_is_sent_once_more_with_the_new_ones() {
    let bedrock = LocalBedrock::start();
    accept_old(&bedrock);
    let model = model(&bedrock);
    let gate = Gate::new();
    let refused = || Reply::error(403, "AccessDeniedException", "the key has expired").head_waits_for(&gate);
    bedrock.push(refused());
    bedrock.respond_with(|_| greeting());
    std::thread::scope(|scope| {
        let call = scope.spawn(|| succeeds(&model));
        gate.wait_arrivals(1);
        model.set_credentials(NEW).expect("credentials");
        accept_new(&bedrock);
        gate.open();
        call.join().expect("the call succeeds");
    });
    assert_eq!(bedrock.take_requests().len(), 2);
    // Without a new identity it is an error.
    bedrock.push(refused());
    let outcome = model.generate(&Request::say("Hello?"));
    assert_eq!(outcome.failed(BEDROCK_E_ACCESS_DENIED).attempts, 1);
}

#[test]
fn a_bearer_token_takes_the_place_of_keys_and_keys_that_of_a_bearer_token() {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| greeting());
    let model = model(&bedrock);
    for number in 0..2 {
        let token = format!("bedrock-api-key-{number}");
        model.set_credentials(&json!({"bearer_token": token}).to_string()).expect("a token");
        bedrock.auth(Auth::Bearer(token));
        succeeds(&model);
        model.set_credentials(NEW).expect("keys");
        accept_new(&bedrock);
        succeeds(&model);
    }
    assert_eq!(bedrock.connection_count(), 1);
}

#[test]
fn credentials_change_under_load_and_no_call_fails() {
    let bedrock = LocalBedrock::start();
    let accepted = Arc::new(Mutex::new(vec!["key-0".to_owned()]));
    bedrock.respond_with({
        let accepted = accepted.clone();
        move |request| {
            let token = request.header("authorization").and_then(|it| it.strip_prefix("Bearer "));
            let accepted = accepted.lock().expect("no panic");
            match accepted.iter().any(|key| Some(key.as_str()) == token) {
                true => greeting(),
                false => Reply::error(403, "AccessDeniedException", "the key is not valid"),
            }
        }
    });
    let model = Model::at_with(
        &bedrock,
        json!({"retry": {"max_attempts": 1}, "bearer_token": "key-0", "api_key": null, "secret_key": null}),
    );
    let calls = AtomicUsize::new(0);
    let load = |calls: &AtomicUsize| calls.load(Ordering::Relaxed);
    let last = 20;
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    while load(&calls) < last * 50 {
                        succeeds(&model);
                        calls.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for number in 1..last {
            while load(&calls) < number * 50 && !callers.iter().all(|caller| caller.is_finished()) {
                std::thread::yield_now();
            }
            let token = format!("key-{number}");
            // The service knows a new key before the program uses it.
            accepted.lock().expect("no panic").push(token.clone());
            model.set_credentials(&json!({"bearer_token": token}).to_string()).expect("a token");
            accepted.lock().expect("no panic").retain(|key| *key == token);
        }
    });
    assert!(bedrock.connection_count() <= 8, "{}", bedrock.connection_count());
}

#[test]
fn wrong_json_names_its_member_and_changes_nothing() {
    let bedrock = LocalBedrock::start();
    accept_old(&bedrock);
    bedrock.respond_with(|_| greeting());
    let model = model(&bedrock);
    for (json, path, says) in [
        ("", "", "the JSON is not valid"),
        ("[]", "", "expected an object, found an array"),
        (r#"{"api_key": "a"}"#, "/api_key", "\"api_key\" needs \"secret_key\" beside it"),
        (r#"{"api_kye": "a"}"#, "/api_kye", "api_key"),
        (r#"{"region": "eu-west-1"}"#, "/region", "is not a known key; known are api_key, secret_key"),
        (r#"{"options": {}}"#, "/options", "is not a known key"),
        (r#"{"bearer_token": ""}"#, "/bearer_token", "is empty"),
        (r#"{"bearer_token": "a b"}"#, "/bearer_token", "space"),
        (r#"{"bearer_token": null}"#, "/bearer_token", "must be a string, not null"),
        (r#"{"bearer_token": "a", "api_key": "b", "secret_key": "c"}"#, "/bearer_token", "exclude each other"),
        (r#"{"auth": "sigv4", "bearer_token": "a"}"#, "/auth", "has no use for \"bearer_token\""),
        (r#"{"profile": "a", "profile": "b"}"#, "/profile", "is given twice"),
        (r#"{"role_session_name": "name"}"#, "/role_session_name", "needs \"role_arn\""),
    ] {
        let failure = model.set_credentials(json).expect_err(json);
        assert_eq!((failure.status, failure.path.as_str()), (BEDROCK_E_CONFIG, path), "{json}");
        assert!(failure.message.contains(says), "{json}: {}", failure.message);
    }
    succeeds(&model);
}

#[test]
fn a_bearer_token_is_never_set_for_a_plain_endpoint_of_another_machine() {
    let config =
        json!({"model": "m", "base_url": "http://192.0.2.1", "allow_http": true, "api_key": "a", "secret_key": "b"});
    let model = Model::new(&config);
    let failure = model.set_credentials(r#"{"bearer_token": "hunter2"}"#).expect_err("plain HTTP");
    assert!(failure.message.contains("base_url") && !failure.message.contains("hunter2"), "{}", failure.message);
}
