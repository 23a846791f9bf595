//! `bedrock_model_api_key` makes the key that AWS's token generator makes at the same time.

mod support;

use std::path::Path;
use std::process::Command;

use base64_simd::STANDARD;
use serde_json::json;
use support::capi::*;
use support::{LocalBedrock, Reply};

const ROOM: usize = 16384;

/// Returns the URL in a key.
fn url(key: &str) -> String {
    let encoded = key.strip_prefix("bedrock-api-key-").expect("the prefix of a key");
    String::from_utf8(STANDARD.decode_to_vec(encoded).expect("base64")).expect("ASCII")
}

fn parameter<'a>(url: &'a str, name: &str) -> &'a str {
    url.split(['?', '&']).find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).expect("a parameter")
}

/// Returns whether python3 has AWS's token generator. Prints why not.
fn has_generator() -> bool {
    let import = Command::new("python3").args(["-c", "import aws_bedrock_token_generator"]).output();
    let has_it = import.is_ok_and(|import| import.status.success());
    if !has_it {
        println!("skipped: python3 has no aws_bedrock_token_generator: pip install aws-bedrock-token-generator");
    }
    has_it
}

#[test]
fn a_key_equals_that_of_the_token_generator_at_the_same_time() {
    if !has_generator() {
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api_key/generate.py");
    for (access, secret, token, region, seconds) in [
        ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "", "us-east-1", 43200),
        ("ASIAIOSFODNN7EXAMPLE", "secret/+=", "IQoJb3JpZ2luX2VjE/a+b=~-_.c", "eu-central-1", 900),
        ("ASIAIOSFODNN7EXAMPLE", "s", &"a/+=".repeat(300), "us-gov-west-1", 1),
    ] {
        let mut config = json!({"model": "m", "region": region, "api_key": access, "secret_key": secret});
        if !token.is_empty() {
            config = with(config, json!({"session_token": token}));
        }
        let (key, length) = Model::new(&config).api_key(seconds, ROOM).expect("a key");
        assert_eq!(key.len(), length);
        let url = url(&key);
        let mut generate = Command::new("python3");
        generate.arg(&script).args([
            access,
            secret,
            token,
            region,
            &seconds.to_string(),
            parameter(&url, "X-Amz-Date"),
        ]);
        let generated = generate.output().expect("the script");
        assert!(generated.status.success(), "{}", String::from_utf8_lossy(&generated.stderr));
        assert_eq!(String::from_utf8_lossy(&generated.stdout).trim_end(), key);
    }
}

#[test]
fn a_key_is_made_of_the_present_credentials_and_nothing_is_sent() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    let first = url(&model.api_key(60, ROOM).expect("a key").0);
    assert!(parameter(&first, "X-Amz-Credential").starts_with(ACCESS_KEY), "{first}");
    model.set_credentials(r#"{"api_key": "OTHER", "secret_key": "other"}"#).expect("credentials");
    let second = url(&model.api_key(60, ROOM).expect("a key").0);
    assert!(parameter(&second, "X-Amz-Credential").starts_with("OTHER%2F"), "{second}");
    assert_eq!(bedrock.connection_count(), 0);
    // The key is a bearer token like any other.
    let (key, _) = model.api_key(60, ROOM).expect("a key");
    bedrock.auth(support::Auth::Bearer(key.clone()));
    bedrock.push(Reply::text_response("Hello"));
    model.set_credentials(&json!({"bearer_token": key}).to_string()).expect("a token");
    assert_eq!(model.generate(&Request::say("Hello?")).response().text, "Hello");
}

#[test]
fn a_key_that_does_not_fit_is_not_written_and_its_length_is_returned() {
    let model = Model::new(&json!({"model": "m", "api_key": ACCESS_KEY, "secret_key": SECRET_KEY}));
    let (_, length) = model.api_key(60, ROOM).expect("a key");
    assert_eq!(model.api_key(60, length).expect("a length"), (String::new(), length));
    assert_eq!(model.api_key(60, 0).expect("a length"), (String::new(), length));
    let (key, _) = model.api_key(60, length + 1).expect("a key");
    assert_eq!(key.len(), length);
}

#[test]
fn a_key_cannot_be_made_without_credentials_or_for_another_time() {
    let keys = json!({"model": "m", "api_key": ACCESS_KEY, "secret_key": SECRET_KEY});
    for seconds in [i32::MIN, -1, 0, 43201, i32::MAX] {
        let failure = Model::new(&keys).api_key(seconds, ROOM).expect_err("seconds");
        assert_eq!(name(failure.status), "BEDROCK_E_INVALID_ARGUMENT");
        assert!(failure.message.contains("1 to 43200 seconds"), "{}", failure.message);
    }
    let model = Model::new(&json!({"model": "m", "bearer_token": "hunter2"}));
    let failure = model.api_key(60, ROOM).expect_err("a bearer token");
    assert_eq!(name(failure.status), "BEDROCK_E_CREDENTIALS");
    assert!(failure.message.contains("has a bearer token"), "{}", failure.message);
}

#[test]
fn a_key_is_made_with_a_script_too() {
    let model = Model::new(&json!({"model": "m", "transport": {"replies": []}}));
    let (key, _) = model.api_key(43200, ROOM).expect("a key");
    assert_eq!(parameter(&url(&key), "X-Amz-Expires"), "43200");
}
