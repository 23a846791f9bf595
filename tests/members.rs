//! Config keys among request members are rejected with an error that names the right function, and no member that names
//! a credential is sent.

mod support;

use serde_json::{Value, json};

use support::capi::*;

fn model() -> Model {
    Model::new(&json!({"model": "m", "transport": {"replies": ["Yes."]}}))
}

const CREDENTIALS: [&str; 9] = [
    "api_key",
    "secret_key",
    "session_token",
    "bearer_token",
    "bearer_token_file",
    "aws_secret_access_key",
    "apiKey",
    "AWS_SESSION_TOKEN",
    "password",
];

#[test]
fn a_credential_among_request_members_is_rejected_and_never_quoted() {
    let (model, request) = (model(), Request::say("Hi"));
    for key in CREDENTIALS {
        let members = json!({key: "AKIASECRETSECRET"}).to_string();
        let config = json!({"model": "m", "transport": {"replies": []}, "defaults": {key: "AKIASECRETSECRET"}});
        let errors = [
            (model.try_with(&members).err(), format!("/{key}")),
            (request.set(&members).err(), format!("/{key}")),
            (Request::try_json(&members).err(), format!("/{key}")),
            (Model::try_new(&config.to_string()).err(), format!("/defaults/{key}")),
        ];
        for (failure, path) in errors {
            let failure = failure.unwrap_or_else(|| panic!("{key} was accepted"));
            assert_eq!(failure.path, path);
            failure.says(&[key]);
            assert!(!failure.message.contains("AKIASECRET"), "{}", failure.message);
        }
    }
    assert!(!request.body(&model).unwrap().contains("AKIA"));
}

#[test]
fn config_keys_among_request_members_are_rejected_and_the_error_names_the_right_function() {
    let model = model();
    for key in ["lint", "region", "base_url", "auth", "max_concurrency", "transport", "defaults", "options", "proxy"] {
        let failure =
            model.try_with(&json!({key: "x"}).to_string()).err().unwrap_or_else(|| panic!("{key} was accepted"));
        failure.says(&[key, "bedrock_model_new"]);
        assert_eq!(failure.path, format!("/{key}"));
        Request::try_json(&json!({key: "x"}).to_string()).err().expect("an error").says(&[key, "bedrock_model_new"]);
    }
    for key in ["timeout", "timeouts", "retry"] {
        Request::try_json(&json!({key: "1s"}).to_string()).err().expect("an error").says(&[key, "bedrock_model_with"]);
    }
    let defaults = json!({"model": "m", "transport": {"replies": []}, "defaults": {"lint": "off"}});
    let failure = Model::try_new(&defaults.to_string()).err().expect("an error");
    assert_eq!((name(failure.status), failure.path.as_str()), ("BEDROCK_E_CONFIG".into(), "/defaults/lint"));
    failure.says(&["beside \"defaults\""]);
}

#[test]
fn a_misspelled_member_is_rejected_and_the_error_names_the_intended_one() {
    let model = model();
    let settings =
        [("maxRetries", "retry"), ("first_event", "timeouts"), ("total", "timeouts"), ("max_backoff", "retry")];
    for (given, intended) in settings {
        model.try_with(&json!({given: 1}).to_string()).err().expect("an error").says(&[given, intended]);
    }
    for (given, intended) in [
        ("timout", "timeout"),
        ("temperatur", "temperature"),
        ("Temperature", "temperature"),
        ("max_token", "max_tokens"),
        ("maxTokens", "inferenceConfig"),
        ("stopSequences", "inferenceConfig"),
        ("toolChoice", "toolConfig"),
        ("inferenceconfig", "inferenceConfig"),
        ("inference_config", "inferenceConfig"),
        ("tool_config", "toolConfig"),
        ("mesages", "messages"),
        ("model_id", "modelId"),
        ("maxresults", "maxResults"),
        ("topK", "additionalModelRequestFields"),
    ] {
        let members = json!({given: 1}).to_string();
        for failure in [model.try_with(&members).err(), Request::try_json(&members).err()] {
            let failure = failure.unwrap_or_else(|| panic!("{given} was accepted"));
            failure.says(&[given, intended]);
            assert_eq!(failure.path, format!("/{given}"));
        }
    }
}

#[test]
fn unknown_members_and_members_of_every_operation_are_accepted() {
    let model = model();
    let passes = |members: Value| {
        let text = members.to_string();
        Request::try_json(&text).unwrap_or_else(|failure| panic!("{text}: {}", failure.message));
        model.try_with(&text).unwrap_or_else(|failure| panic!("{text}: {}", failure.message));
    };
    for new in ["a", "new", "top_k", "cachingStrategy", "reasoningConfig", "x-experimental", "audioConfig"] {
        passes(json!({new: {"AKIA": 1}}));
    }
    passes(json!({"body": {"api_key": "the model's own"}, "accept": "a/b", "contentType": "a/b", "trace": "ENABLED",
                  "guardrailIdentifier": "g", "guardrailVersion": "1", "performanceConfigLatency": "standard"}));
    passes(json!({"source": "INPUT", "content": [], "outputScope": "FULL"}));
    passes(json!({"checks": {}, "messages": []}));
    passes(json!({"modelInput": {}, "outputDataConfig": {}, "tags": [], "clientRequestToken": "t"}));
    passes(json!({"invocationArn": "arn", "maxResults": 5, "nextToken": "n", "sortBy": "x", "sortOrder": "y",
                  "statusEquals": "z", "submitTimeAfter": "a", "submitTimeBefore": "b"}));
    passes(json!({"input": {"converse": {}}}));
    passes(
        json!({"additionalModelRequestFields": {"api_key": 1, "temperatur": 2}, "requestMetadata": {"region": "r"}}),
    );
    model
        .try_with(r#"{"model": "n", "timeout": "9s", "timeouts": {"idle": "5s"}, "retry": {"max_attempts": 1}}"#)
        .unwrap();
}
