//! The secrets of a request never reach an error, even if the service repeats them.

mod support;

use serde_json::json;

use support::capi::*;
use support::{LocalBedrock, Reply};

const TOKEN: &str = "bedrock-api-key-c2VjcmV0/dG9rZW4+";

/// Asserts that no text of the failure holds one of these secrets.
#[track_caller]
fn is_silent(failure: &Failure, secrets: &[&str]) {
    let texts = [&failure.message, &failure.code, &failure.request_id, &failure.more.json];
    for (text, secret) in texts.iter().flat_map(|text| secrets.iter().map(move |secret| (text, secret))) {
        assert!(!text.replace("\\/", "/").contains(secret), "{text} holds {secret}");
    }
}

#[test]
fn an_api_key_that_the_service_repeats_is_in_no_text_of_the_error() {
    let bedrock = LocalBedrock::start();
    let members = json!({"api_key": null, "secret_key": null, "bearer_token": TOKEN, "retry": {"max_attempts": 1}});
    let model = Model::at_with(&bedrock, members);
    let escaped = TOKEN.replace('/', "\\/");
    let quoting = json!({"message": format!("Authorization: Bearer {TOKEN} is unknown")}).to_string();
    for reply in [
        Reply::json(quoting.clone()).status(403).header("x-amzn-ErrorType", &format!("Key{TOKEN}")).request_id(TOKEN),
        Reply::json(format!("{{\"message\": \"Bearer {escaped}\", \"more\": \"{escaped}\"}}")).status(403),
        Reply::empty(502).header("Content-Type", "text/html").body(format!("<html>{}{TOKEN}", "x".repeat(60))),
        Reply::stream().message_start().exception("validationException", &json!({"message": TOKEN}).to_string()),
    ] {
        bedrock.push(reply);
        let outcome = model.stream(&Request::say("Hello?")).outcome;
        is_silent(outcome.failure.as_ref().expect("a failure"), &[TOKEN]);
    }
}

#[test]
fn a_session_token_and_a_signature_that_the_service_repeats_are_in_no_text_of_the_error() {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|request| {
        let headers: String = request.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        Reply::error(403, "InvalidSignatureException", &format!("The canonical request should have been\n{headers}"))
    });
    let members = json!({"session_token": TOKEN, "retry": {"max_attempts": 1}});
    let outcome = Model::at_with(&bedrock, members).generate(&Request::say("Hello?"));
    let failure = outcome.failed(BEDROCK_E_ACCESS_DENIED);
    failure.says(&["The canonical request should have been", "[redacted]"]);
    let sent = bedrock.last_request();
    let signature = sent.header("authorization").and_then(|value| value.split("Signature=").nth(1)).expect("signed");
    is_silent(failure, &[TOKEN, signature]);
}
