//! Credentials are renewed while calls run: keys that another program replaces are picked up, by few lookups.
//!
//! A test of this file runs in a process of its own, with an environment of its own: it starts itself again.

mod support;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::Auth;
use support::capi::*;
use support::own_home::{bedrock, model, replace, with_home};

/// The number of threads that make calls.
const CALLERS: usize = 8;

fn keys(number: usize) -> String {
    format!("[default]\naws_access_key_id = AKIAROTATED{number}\naws_secret_access_key = secret{number}\n")
}

fn accepted(number: usize) -> Auth {
    Auth::sigv4(&format!("AKIAROTATED{number}"), &format!("secret{number}"), "us-east-1")
}

#[test]
fn keys_that_another_program_replaces_in_the_file_are_used_after_the_old_ones_are_refused() {
    const TEST: &str = "keys_that_another_program_replaces_in_the_file_are_used_after_the_old_ones_are_refused";
    let prepare = |home: &Path| replace(&home.join(".aws/credentials"), &keys(0));
    with_home(TEST, prepare, |home| {
        let bedrock = bedrock();
        bedrock.auth(accepted(0));
        let model = model(&bedrock);
        assert_eq!(model.generate(&Request::say("Hello?")).response().text, "Hello");
        replace(&home.join(".aws/credentials"), &keys(1));
        bedrock.auth(accepted(1));
        bedrock.take_requests();
        assert_eq!(model.generate(&Request::say("Hello?")).response().text, "Hello");
        assert!(bedrock.take_requests().len() <= 2, "once refused, once accepted");
        // Keys that stay refused end the call after that one lookup.
        bedrock.auth(accepted(2));
        let outcome = model.generate(&Request::say("Hello?"));
        assert_eq!(outcome.failed(BEDROCK_E_ACCESS_DENIED).code, "UnrecognizedClientException");
        assert_eq!(bedrock.take_requests().len(), 1, "the same keys are not sent again");
    });
}

#[test]
fn keys_that_another_program_replaces_in_the_file_are_picked_up_before_the_old_ones_are_refused() {
    const TEST: &str = "keys_that_another_program_replaces_in_the_file_are_picked_up_before_the_old_ones_are_refused";
    let prepare = |home: &Path| replace(&home.join(".aws/credentials"), &keys(0));
    with_home(TEST, prepare, |home| {
        let bedrock = bedrock();
        let model = model(&bedrock);
        assert_eq!(model.generate(&Request::say("Hello?")).response().text, "Hello");
        replace(&home.join(".aws/credentials"), &keys(1));
        let began = Instant::now();
        let uses_new = || {
            assert_eq!(model.generate(&Request::say("Hello?")).response().text, "Hello");
            let requests = bedrock.take_requests();
            requests
                .iter()
                .any(|request| request.header("authorization").is_some_and(|it| it.contains("AKIAROTATED1/")))
        };
        while !uses_new() {
            assert!(began.elapsed().as_secs() < 60, "the new keys are not picked up");
        }
    });
}

#[test]
fn no_call_fails_while_keys_are_replaced_under_load() {
    const TEST: &str = "no_call_fails_while_keys_are_replaced_under_load";
    let prepare = |home: &Path| replace(&home.join(".aws/credentials"), &keys(0));
    with_home(TEST, prepare, |home| {
        let bedrock = bedrock();
        bedrock.auth(accepted(0));
        let model = model(&bedrock);
        let (ends, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..CALLERS {
                scope.spawn(|| {
                    while !ends.load(Ordering::Relaxed) {
                        assert_eq!(model.generate(&Request::say("Hello?")).response().text, "Hello");
                        calls.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            for rotation in 1..=3 {
                // Each caller may end a call that used the keys before. The next has used the new ones, so their lookup
                // has begun. The next lookup of refused keys is possible a second later.
                let before = calls.load(Ordering::Relaxed);
                wait_for(&calls, before + CALLERS + 1);
                std::thread::sleep(Duration::from_millis(1100));
                wait_for(&calls, before + 500);
                replace(&home.join(".aws/credentials"), &keys(rotation));
                bedrock.auth(accepted(rotation));
            }
            wait_for(&calls, calls.load(Ordering::Relaxed) + 500);
            ends.store(true, Ordering::Relaxed);
        });
        println!("{} calls, 3 rotations, 0 failures", calls.load(Ordering::Relaxed));
    });
}

/// Waits until so many calls have succeeded.
#[track_caller]
fn wait_for(calls: &AtomicUsize, count: usize) {
    let began = Instant::now();
    while calls.load(Ordering::Relaxed) < count {
        assert!(began.elapsed().as_secs() < 60, "no call succeeds any more");
        std::thread::yield_now();
    }
}
