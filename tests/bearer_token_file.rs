//! `bearer_token_file`: a Bedrock API key that another program replaces in a file is used without a restart.

mod support;

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;

use support::capi::*;
use support::own_home::{self, replace};
use support::{Auth, LocalBedrock, PATIENCE, Reply};

fn scratch(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bearer_token_file").join(test);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder.join("token")
}

fn bedrock(token: &str) -> LocalBedrock {
    let bedrock = own_home::bedrock();
    accept(&bedrock, token);
    bedrock
}

fn accept(bedrock: &LocalBedrock, token: &str) {
    bedrock.auth(Auth::Bearer(token.to_owned()));
}

fn model(bedrock: &LocalBedrock, file: &Path) -> Model {
    let retry = json!({"max_attempts": 1});
    Model::new(&json!({"model": MODEL_ID, "base_url": bedrock.url(), "retry": retry, "bearer_token_file": file}))
}

fn call(model: &Model) -> Outcome {
    model.generate(&Request::say("Hello?"))
}

#[test]
fn a_key_that_another_program_replaces_is_used_after_the_old_one_is_refused() {
    let file = scratch("refused");
    replace(&file, "bedrock-api-key-0\n");
    let bedrock = bedrock("bedrock-api-key-0");
    let model = model(&bedrock, &file);
    assert_eq!(call(&model).response().text, "Hello");
    replace(&file, "bedrock-api-key-1\n");
    accept(&bedrock, "bedrock-api-key-1");
    bedrock.take_requests();
    assert_eq!(call(&model).response().text, "Hello");
    assert!(bedrock.take_requests().len() <= 2, "once refused, once accepted");
    assert_eq!(bedrock.connection_count(), 1);
    // A key that stays refused ends the call after that one look at the file.
    accept(&bedrock, "bedrock-api-key-2");
    let outcome = call(&model);
    assert_eq!(outcome.failed(BEDROCK_E_ACCESS_DENIED).code, "AccessDeniedException");
    assert_eq!(bedrock.take_requests().len(), 1, "the same key is not sent again");
}

#[test]
fn a_key_that_is_refused_under_any_name_for_an_expired_token_is_read_again() {
    for code in ["AccessDeniedException", "ExpiredTokenException", "ExpiredToken", "InvalidToken"] {
        let file = scratch("names");
        replace(&file, "bedrock-api-key-0");
        let bedrock = own_home::bedrock();
        let model = model(&bedrock, &file);
        assert_eq!(call(&model).response().text, "Hello");
        replace(&file, "bedrock-api-key-1");
        bedrock.take_requests();
        bedrock.push(Reply::error(403, code, "the token has expired"));
        assert_eq!(call(&model).response().text, "Hello", "{code}");
        assert_eq!(bedrock.last_request().header("authorization"), Some("Bearer bedrock-api-key-1"), "{code}");
        assert_eq!(bedrock.take_requests().len(), 2, "{code}");
    }
}

#[test]
fn a_key_that_another_program_replaces_is_used_before_the_old_one_is_refused() {
    let file = scratch("changed");
    replace(&file, "bedrock-api-key-0");
    let bedrock = own_home::bedrock();
    let model = model(&bedrock, &file);
    assert_eq!(call(&model).response().text, "Hello");
    replace(&file, "bedrock-api-key-1");
    let began = Instant::now();
    loop {
        bedrock.take_requests();
        assert_eq!(call(&model).response().text, "Hello");
        if bedrock.last_request().header("authorization") == Some("Bearer bedrock-api-key-1") {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "the new key is not picked up");
    }
}

#[test]
fn many_calls_whose_key_is_refused_are_each_sent_once_more() {
    const CALLS: usize = 200;
    let file = scratch("many");
    replace(&file, "bedrock-api-key-0");
    let bedrock = bedrock("bedrock-api-key-0");
    let model = model(&bedrock, &file);
    assert_eq!(call(&model).response().text, "Hello");
    replace(&file, "bedrock-api-key-1");
    accept(&bedrock, "bedrock-api-key-1");
    bedrock.take_requests();
    std::thread::scope(|scope| {
        for _ in 0..CALLS {
            scope.spawn(|| assert_eq!(call(&model).response().text, "Hello"));
        }
    });
    let sent = bedrock.take_requests().len();
    assert!((CALLS..=2 * CALLS).contains(&sent), "{sent}");
}

#[test]
fn a_key_that_was_read_is_used_on_after_the_file_has_become_unusable() {
    let file = scratch("unusable");
    replace(&file, "bedrock-api-key-0");
    let bedrock = bedrock("bedrock-api-key-0");
    let model = model(&bedrock, &file);
    assert_eq!(call(&model).response().text, "Hello");
    std::fs::remove_file(&file).expect("the file");
    // A refusal makes the library read the file, which cannot be read.
    bedrock.push(Reply::error(403, "AccessDeniedException", "not this time"));
    assert_eq!(call(&model).failed(BEDROCK_E_ACCESS_DENIED).attempts, 1);
    assert_eq!(call(&model).response().text, "Hello");
}

#[test]
fn a_file_without_a_usable_key_is_an_error_that_names_it_and_quotes_nothing_of_it() {
    let file = scratch("wrong");
    let bedrock = bedrock("hunter2");
    for (content, says) in [
        (None, "cannot be read: No such file"),
        (Some(&b""[..]), "is empty"),
        (Some(b" \n\n"), "is empty"),
        (Some(b"hunter2\xff"), "is not text"),
        (Some(b"hunter2 hunter2"), "space"),
        (Some(b"hunter2\nhunter2"), "line break"),
        (Some(&[b'a'; 70_000]), "larger than 64 KiB"),
    ] {
        if let Some(content) = content {
            std::fs::write(&file, content).expect("a file");
        }
        let outcome = call(&model(&bedrock, &file));
        let failure = outcome.failed(BEDROCK_E_CREDENTIALS);
        failure.says(&["wrong/token", says]);
        assert!(!failure.message.contains("hunter2"), "{}", failure.message);
    }
    assert_eq!(bedrock.take_requests().len(), 0);
}

#[test]
fn a_model_takes_to_a_file_and_back_while_it_is_used() {
    let file = scratch("set");
    replace(&file, "bedrock-api-key-of-the-file");
    let bedrock = bedrock("bedrock-api-key-of-the-program");
    let model = Model::at_with(
        &bedrock,
        json!({"bearer_token": "bedrock-api-key-of-the-program", "api_key": null, "secret_key": null}),
    );
    assert_eq!(call(&model).response().text, "Hello");
    model.set_credentials(&json!({"bearer_token_file": file}).to_string()).expect("a file");
    accept(&bedrock, "bedrock-api-key-of-the-file");
    assert_eq!(call(&model).response().text, "Hello");
    model.set_credentials(r#"{"bearer_token": "bedrock-api-key-of-the-program"}"#).expect("a token");
    accept(&bedrock, "bedrock-api-key-of-the-program");
    assert_eq!(call(&model).response().text, "Hello");
    assert_eq!(bedrock.connection_count(), 1);
}

#[test]
fn the_settings_name_the_file_and_not_the_key() {
    let file = scratch("settings");
    replace(&file, "hunter2");
    let bedrock = LocalBedrock::start();
    let settings = model(&bedrock, &file).settings().expect("settings");
    let expected = json!({"provider": "bearer_token", "source": "bearer_token_file in the config", "file": file});
    assert_eq!(settings["credentials"], expected);
}
