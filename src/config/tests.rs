//! The promises of the config, key by key and error by error.

use super::combinations::{EXCLUDES, NEEDS};
use super::keys::{KEYS, Key, Reader};
use super::*;
use crate::error::{Kind, Result};
use crate::json::Json;
use hyper_util::client::proxy::matcher::Matcher;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Amazon Root CA 3.
const PEM: &str = "\
-----BEGIN CERTIFICATE-----
MIIBtjCCAVugAwIBAgITBmyf1XSXNmY/Owua2eiedgPySjAKBggqhkjOPQQDAjA5
MQswCQYDVQQGEwJVUzEPMA0GA1UEChMGQW1hem9uMRkwFwYDVQQDExBBbWF6b24g
Um9vdCBDQSAzMB4XDTE1MDUyNjAwMDAwMFoXDTQwMDUyNjAwMDAwMFowOTELMAkG
A1UEBhMCVVMxDzANBgNVBAoTBkFtYXpvbjEZMBcGA1UEAxMQQW1hem9uIFJvb3Qg
Q0EgMzBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABCmXp8ZBf8ANm+gBG1bG8lKl
ui2yEujSLtf6ycXYqm0fc4E7O5hrOXwzpcVOho6AF2hiRVd9RFgdszflZwjrZt6j
QjBAMA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgGGMB0GA1UdDgQWBBSr
ttvXBp43rDCGB5Fwx5zEGbF4wDAKBggqhkjOPQQDAgNJADBGAiEA4IWSoxe3jfkr
BqWTrBqYaGFy+uGh0PsceGCmQ5nFuMQCIQCcAu/xlJyzlvnrxir4tiz+OpAUFteM
YyRIHN8wfdVoOw==
-----END CERTIFICATE-----
";

const MODEL: &str = r#""model":"m""#;

/// Parses a config in an empty environment.
fn parse(text: &str) -> Result<Config> {
    Config::parse_in(text, Variables::default())
}

/// Parses a config of a model and `members`.
fn with(members: &str) -> Config {
    let text = format!("{{{MODEL},{members}}}");
    parse(&text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

/// Returns the error of a config of a model and `members`: the message without its prefix, and the pointer.
fn error_of(members: &str) -> (String, String) {
    fault(&format!("{{{MODEL},{members}}}"))
}

fn fault(text: &str) -> (String, String) {
    let error = parse(text).map(drop).expect_err(text);
    assert_eq!(error.kind(), Kind::Config, "{text}");
    let message = error.message().as_str();
    let reason = message.strip_prefix("bedrock: config: ").unwrap_or_else(|| panic!("{text}: {message}"));
    (reason.to_owned(), error.path().as_str().to_owned())
}

#[track_caller]
fn assert_error(members: &str, message: &str, path: &str) {
    assert_eq!(error_of(members), (message.to_owned(), path.to_owned()), "{members}");
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A file that exists while the test runs.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, contents: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("libbedrock-config-{}-{name}", std::process::id()));
        std::fs::write(&path, contents).unwrap();
        Scratch(path)
    }

    fn member(&self) -> String {
        format!(r#""ca_file":{}"#, crate::json::quoted(self.0.to_str().unwrap()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn only_model_is_required_and_the_other_keys_have_defaults() {
    let config = parse(r#"{"model":"us.amazon.nova-lite-v1:0"}"#).unwrap();
    assert_eq!(config.model, "us.amazon.nova-lite-v1:0");
    assert_eq!(config.auth, Auth::Auto);
    assert!(config.credentials.is_none() && config.bearer_token.is_none());
    assert!(config.profile.is_none() && config.role.is_none() && config.region.is_none());
    assert!(config.base_url.is_none() && !config.allow_http && config.proxy.is_none() && config.ca_bundle.is_none());
    assert_eq!(config.max_answer, 256 << 20);
    assert_eq!(config.http_version, HttpVersion::Auto);
    assert!(config.max_concurrency.is_none() && config.fips.is_none() && config.dual_stack.is_none());
    assert!(config.user_agent.is_none() && matches!(config.transport, Transport::Network));
    assert!(config.defaults.is_none() && config.lint);
    let timeouts = Timeouts {
        connect: millis(3100),
        first_event: millis(300_000),
        idle: millis(300_000),
        total: None,
        unary: millis(300_000),
        queue: None,
    };
    let retry = Retry { max_attempts: 3, mode: RetryMode::Standard, max_backoff: millis(20_000), throttled_for: None };
    assert_eq!((config.calls.timeouts, config.calls.retry), (timeouts, retry));
}

#[test]
fn every_key_is_read() {
    let pem = Scratch::new("every-key", PEM.as_bytes());
    let config = with(&format!(
        r#""auth":"sigv4","api_key":"AKID","secret_key":"s/e+c=","session_token":"tok==","role_arn":"arn:aws:iam::123456789012:role/path/r",
        "role_session_name":"me@here","external_id":"ext:1","region":"eu-central-1","base_url":"https://gw.example:8443/bedrock",
        "allow_http":true,"timeout":"5s","timeouts":{{"total":"1m"}},"retry":{{"max_attempts":1}},"max_concurrency":7,
        "max_answer":1000000,
        "proxy":"http://user:p%40ss@proxy.example:3128/","http_version":"1.1","fips":false,"dual_stack":false,"user_agent":"app/1.2 (x; y)",
        "defaults":{{ "system": [] }},"lint":"off","transport":{{"replies":["hi"]}},{}"#,
        pem.member()
    ));
    assert_eq!(config.auth, Auth::SigV4);
    let credentials = config.credentials.unwrap();
    assert_eq!((credentials.access_key.as_str(), credentials.secret_key.as_str()), ("AKID", "s/e+c="));
    assert_eq!(credentials.session_token.as_ref().map(|text| text.as_str()), Some("tok=="));
    let role = config.role.unwrap();
    assert_eq!(role.arn, "arn:aws:iam::123456789012:role/path/r");
    assert_eq!(
        (role.session_name.as_deref(), role.external_id.as_ref().map(Secret::as_str)),
        (Some("me@here"), Some("ext:1"))
    );
    assert_eq!(config.region.as_deref(), Some("eu-central-1"));
    assert_eq!(config.base_url.as_deref(), Some("https://gw.example:8443/bedrock"));
    assert!(config.allow_http);
    assert_eq!(config.calls.timeouts.idle, millis(5000));
    assert_eq!(config.calls.timeouts.total, Some(millis(60_000)));
    assert_eq!(config.calls.retry.max_attempts, 1);
    assert_eq!((config.max_concurrency, config.max_answer), (Some(7), 1_000_000));
    assert_eq!(config.ca_bundle.unwrap().pem().unwrap(), PEM.as_bytes());
    assert_eq!(config.proxy.as_ref().map(|text| text.as_str()), Some("http://user:p%40ss@proxy.example:3128/"));
    assert_eq!(config.http_version, HttpVersion::Http1);
    assert_eq!((config.fips, config.dual_stack), (Some(false), Some(false)));
    assert_eq!(config.user_agent.as_deref(), Some("app/1.2 (x; y)"));
    assert_eq!(config.defaults.as_ref().map(|json| json.json().text()), Some(r#"{ "system": [] }"#));
    assert!(!config.lint);
    let Transport::Script(script) = &config.transport else { panic!("no script") };
    assert!(matches!(&script.replies[..], [Reply::Text { text, pace: None }] if text == "hi") && !script.repeat);

    let config =
        with(r#""auth":"bearer","bearer_token":"ABSK==","profile":"dev","fips":true,"dual_stack":true,"lint":"error""#);
    assert_eq!((config.auth, config.bearer_token.as_ref().map(|text| text.as_str())), (Auth::Bearer, Some("ABSK==")));
    assert_eq!((config.profile.as_deref(), config.fips, config.dual_stack), (Some("dev"), Some(true), Some(true)));
    assert!(config.lint);
}

#[test]
fn the_list_of_keys_names_each_once_and_every_member_of_an_object() {
    for (at, key) in KEYS.iter().enumerate() {
        assert!(KEYS[..at].iter().all(|other| other.name != key.name), "{}", key.name);
        assert!(!nearest::is_request_member(key.name), "{}", key.name);
        if let Some((object, _)) = key.name.split_once('.') {
            let object = KEYS.iter().find(|key| key.name == object).expect(key.name);
            let is_of_its_kind = match object.reader {
                Reader::CallObject => key.is_call_setting(),
                Reader::ModelObject => matches!(key.reader, Reader::Model(_)),
                _ => false,
            };
            assert!(is_of_its_kind, "{}", key.name);
        }
    }
    let is_key = |name: &str| keys().any(|key| key == name);
    assert!(NEEDS.iter().chain(&EXCLUDES).all(|(key, other, _)| is_key(key) && is_key(other)));
    let is_member = |name: &str| KEYS.iter().any(|key| key.name.rsplit('.').next() == Some(name));
    assert!(nearest::ALIASES.iter().all(|(_, meant)| is_member(meant)));
}

#[test]
fn members_under_options_count_as_if_at_the_top() {
    let config = parse(
        r#"{"options":{"region":"us-west-2","secret_key":"s","timeouts":{"idle":"1s"}},"model":"m","api_key":"a","timeout":"2s"}"#,
    )
    .unwrap();
    assert_eq!(config.region.as_deref(), Some("us-west-2"));
    assert!(config.credentials.is_some());
    assert_eq!((config.calls.timeouts.idle, config.calls.timeouts.first_event), (millis(1000), millis(2000)));
    assert_eq!(parse(r#"{"options":{"model":"m"}}"#).unwrap().model, "m");

    let twice = r#""region" is given both at the top and under "options": remove one"#;
    assert_error(r#""region":"a","options":{"region":"a"}"#, twice, "/options/region");
    assert_error(r#""options":{"region":"a"},"region":"a""#, twice, "/region");
    assert_error(
        r#""options":{"regoin":"a"}"#,
        r#""regoin" is not a known key; did you mean "region"?"#,
        "/options/regoin",
    );
    assert_error(r#""options":{"api_key":"a"}"#, API_KEY_ALONE, "/options/api_key");
    assert_error(
        r#""options":{"timeouts":{"idle":"0s"}}"#,
        &format!(r#""timeouts.idle" {ZERO}"#),
        "/options/timeouts/idle",
    );
    assert_error(r#""options":[]"#, r#""options" must be an object, not an array"#, "/options");
    let (message, path) = error_of(r#""options":{"options":{}}"#);
    assert!(message.starts_with(r#""options" is not a known key; known are model, region, "#), "{message}");
    assert_eq!(path, "/options/options");
}

#[test]
fn the_order_of_keys_never_matters() {
    let members = [
        r#""model":"m""#,
        r#""api_key":"a""#,
        r#""secret_key":"s""#,
        r#""role_session_name":"me""#,
        r#""role_arn":"arn:aws:iam::1:role/r""#,
        r#""base_url":"http://gw:1""#,
        r#""allow_http":true"#,
        r#""timeout":"4s""#,
        r#""timeouts":{"idle":"9s"}"#,
    ];
    let expected = format!("{:?}", parse(&format!("{{{}}}", members.join(","))).unwrap());
    for first in 0..members.len() {
        let mut turned = members;
        turned.rotate_left(first);
        for members in [turned, {
            turned.reverse();
            turned
        }] {
            let text = format!("{{{}}}", members.join(","));
            assert_eq!(format!("{:?}", parse(&text).unwrap()), expected, "{text}");
        }
    }
}

#[test]
fn a_config_that_is_not_a_json_object_is_an_error_with_its_position() {
    let (message, path) = fault("{\n  \"model\": \"m\",\n}");
    assert_eq!(message, "the JSON is not valid: expected a key in double quotes at line 3, column 1");
    assert_eq!(path, "");
    assert_eq!(fault("").0, "the JSON is not valid: the JSON text ends where a value is expected at line 1, column 1");
    assert_eq!(fault("[]").0, "expected an object, found an array");
    assert_eq!(fault("\"us.amazon.nova-lite-v1:0\"").0, "expected an object, found a string");
    let (message, _) = fault(&"[".repeat(10_000));
    assert_eq!(
        message,
        "the JSON is not valid: arrays and objects nest more than 512 levels deep at line 1, column 513"
    );
}

#[test]
fn a_key_that_is_given_twice_is_an_error() {
    let twice = |name: &str| format!("\"{name}\" is given twice: remove one");
    assert_error(r#""region":"a","region":"a""#, &twice("region"), "/region");
    assert_error(r#""region":"a","\u0072egion":"a""#, &twice("region"), "/region");
    assert_error(r#""options":{"lint":"off","lint":"off"}"#, &twice("lint"), "/options/lint");
    assert_error(r#""timeouts":{"idle":"1s","idle":"1s"}"#, &twice("timeouts.idle"), "/timeouts/idle");
    assert_error(r#""retry":{"mode":"standard","mode":"standard"}"#, &twice("retry.mode"), "/retry/mode");
}

#[test]
fn the_error_for_an_unknown_key_suggests_the_nearest_known_key() {
    for (slip, meant) in [
        ("timeot", "timeout"),
        ("time_outs", "timeouts"),
        ("regoin", "region"),
        ("Region", "region"),
        ("mdoel", "model"),
        ("baseUrl", "base_url"),
        ("ca-file", "ca_file"),
        ("apikey", "api_key"),
        ("sessionToken", "session_token"),
        ("optoins", "options"),
        ("default", "defaults"),
        ("max_concurency", "max_concurrency"),
        ("modelId", "model"),
        ("aws_access_key_id", "api_key"),
        ("AWS_SECRET_ACCESS_KEY", "secret_key"),
        ("endpoint_url", "base_url"),
        ("retries", "retry"),
        ("max_retries", "retry"),
        ("max_attempts", "retry"),
    ] {
        let message = format!(r#""{slip}" is not a known key; did you mean "{meant}"?"#);
        assert_error(&format!(r#""{slip}":1"#), &message, &format!("/{slip}"));
    }
    let idle = r#""timeouts.idel" is not a known key; did you mean "idle"?"#;
    assert_error(r#""timeouts":{"idel":"1s"}"#, idle, "/timeouts/idel");
    let attempts = r#""retry.max_attemps" is not a known key; did you mean "max_attempts"?"#;
    assert_error(r#""retry":{"max_attemps":1}"#, attempts, "/retry/max_attemps");
    let attempts = r#""retry.max_retries" is not a known key; did you mean "max_attempts"?"#;
    assert_error(r#""retry":{"max_retries":1}"#, attempts, "/retry/max_retries");
}

#[test]
fn the_error_for_an_unknown_key_without_a_near_one_lists_all_keys() {
    let (message, path) = error_of(r#""a/b~c":1"#);
    let keys: Vec<_> = keys().collect();
    assert_eq!(message, format!(r#""a/b~c" is not a known key; known are {}"#, keys.join(", ")));
    assert!(message.contains("known are model, region, ") && message.ends_with(", options"), "{message}");
    assert_eq!(path, "/a~1b~0c", "a JSON pointer escapes its tokens");
    let timeouts = r#""timeouts.read" is not a known key; known are connect, first_event, idle, total, queue"#;
    assert_error(r#""timeouts":{"read":"1s"}"#, timeouts, "/timeouts/read");
    let retry = r#""retry.jitter" is not a known key; known are max_attempts, mode, max_backoff, throttling"#;
    assert_error(r#""retry":{"jitter":1}"#, retry, "/retry/jitter");
    for key in ["system", "inferenceConfig", "max_tokens", "temperature"] {
        let message = format!(r#""{key}" is a member of requests: put it under "defaults""#);
        assert_error(&format!(r#""{key}":1"#), &message, &format!("/{key}"));
    }
    let long = "é".repeat(50_000);
    let (message, _) = error_of(&format!(r#""{long}":1"#));
    assert!(message.len() < 600 && message.starts_with(&format!("\"{}\"... is no", "é".repeat(30))), "{message}");
}

/// The type of a key's value in JSON. A duration or a size may be a string or a number.
fn json_type(key: &Key) -> &'static str {
    match key.documentation.kind {
        choice if choice.starts_with('`') => "string",
        kind => kind,
    }
}

#[test]
fn the_error_for_a_wrong_type_names_the_expected_and_the_found_type() {
    let top = || KEYS.iter().filter(|key| !key.name.contains('.'));
    for (kind, expected) in
        [("string", "a string"), ("boolean", "a boolean"), ("number", "a number"), ("object", "an object")]
    {
        let keys = top().filter(|key| json_type(key) == kind);
        for key in keys.map(|key| key.name) {
            let (message, path) = fault(&format!(r#"{{"{key}":[]}}"#));
            assert_eq!(message, format!(r#""{key}" must be {expected}, not an array"#));
            assert_eq!(path, format!("/{key}"));
            let (message, _) = fault(&format!(r#"{{"{key}":null}}"#));
            let hint = "omit the key";
            assert_eq!(message, format!(r#""{key}" must be {expected}, not null: {hint}"#));
        }
    }
    for key in top().filter(|key| json_type(key) == "string").map(|key| key.name) {
        let (message, path) = fault(&format!(r#"{{"{key}":""}}"#));
        assert_eq!(message, format!(r#""{key}" is empty: omit the key"#));
        assert_eq!(path, format!("/{key}"));
    }
    assert_error(r#""retry":3"#, r#""retry" must be an object, not a number"#, "/retry");
    assert_error(r#""allow_http":"yes""#, r#""allow_http" must be a boolean, not a string"#, "/allow_http");
}

#[test]
fn a_model_is_required_and_only_listed_characters_are_allowed() {
    assert_eq!(fault("{}").0, r#""model" is missing: give a model id, an inference profile or an ARN"#);
    for id in [
        "anthropic.claude-3-haiku-20240307-v1:0",
        "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:application-inference-profile/a1b2-c3",
        "arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDEFGHIJ:1",
        "arn:aws:sagemaker:us-east-1:123456789012:endpoint/my-endpoint",
        "HuggingFaceTB/SmolLM2_135M.Instruct",
        "...",
        &"x".repeat(2048),
    ] {
        assert_eq!(check_model_id(id), Ok(()), "{id}");
    }
    let path = |id: &str| format!(r#"is "{id}", where "." or ".." would lead to another path"#);
    let strange = |id: &str, c: &str| format!("holds {c} in {id}; a model id is made of letters, digits and . _ : / -");
    for (id, reason) in [
        ("", "is empty".to_owned()),
        (".", path(".")),
        ("..", path("..")),
        ("a/../b", path("a/../b")),
        ("a/.", path("a/.")),
        ("a b", strange(r#""a b""#, "' '")),
        ("a%2e", strange(r#""a%2e""#, "'%'")),
        ("a?b", strange(r#""a?b""#, "'?'")),
        ("modèle", strange(r#""modèle""#, "'è'")),
        ("a\r\nb", strange(r#""a\r\nb""#, r"'\r'")),
        (&"x".repeat(2049), "is 2049 bytes long; at most 2048 are allowed".to_owned()),
        (&"x".repeat(102_400), "is 102400 bytes long; at most 2048 are allowed".to_owned()),
        (&format!("{}!", "y".repeat(100)), strange(&format!(r#""{}"..."#, "y".repeat(60)), "'!'")),
    ] {
        assert_eq!(check_model_id(id), Err(reason));
    }
    assert_eq!(fault(r#"{"model":".."}"#), (format!("\"model\" {}", path("..")), "/model".to_owned()));
}

const API_KEY_ALONE: &str = r#""api_key" needs "secret_key" beside it; a Bedrock API key goes into "bearer_token""#;

#[test]
fn credentials_are_complete_or_absent() {
    assert_error(r#""api_key":"a""#, API_KEY_ALONE, "/api_key");
    assert_error(r#""secret_key":"s""#, r#""secret_key" needs "api_key" beside it"#, "/secret_key");
    assert_error(r#""session_token":"t""#, r#""session_token" needs "api_key" beside it"#, "/session_token");
    assert_error(r#""session_token":"t","api_key":"a""#, API_KEY_ALONE, "/api_key");
    assert_error(
        r#""role_session_name":"me""#,
        r#""role_session_name" needs "role_arn" beside it"#,
        "/role_session_name",
    );
    assert_error(r#""external_id":"me""#, r#""external_id" needs "role_arn" beside it"#, "/external_id");
}

#[test]
fn two_ways_of_authorization_exclude_each_other() {
    let keys = r#""api_key":"a","secret_key":"s""#;
    let role = r#""role_arn":"arn:aws:iam::1:role/r""#;
    assert_error(
        &format!(r#"{keys},"bearer_token":"t""#),
        r#""bearer_token" and "api_key" exclude each other (a bearer token takes the place of credentials): remove one"#,
        "/bearer_token",
    );
    assert_error(
        &format!(r#"{role},"bearer_token":"t""#),
        r#""bearer_token" and "role_arn" exclude each other (a bearer token assumes no role): remove one"#,
        "/bearer_token",
    );
    assert_error(
        &format!(r#"{keys},"profile":"dev""#),
        r#""profile" and "api_key" exclude each other (a profile takes the place of credentials given here): remove one"#,
        "/profile",
    );
    for (other, key, reason) in [
        (keys, "api_key", "a bearer token takes the place of credentials"),
        (role, "role_arn", "a bearer token assumes no role"),
        (r#""bearer_token":"t""#, "bearer_token", "one would silently win"),
    ] {
        let message = format!(r#""bearer_token_file" and "{key}" exclude each other ({reason}): remove one"#);
        assert_error(&format!(r#"{other},"bearer_token_file":"/t""#), &message, "/bearer_token_file");
    }
    assert!(with(&format!("{keys},{role}")).role.is_some(), "a role can be assumed with given credentials");
    assert!(with(r#""profile":"dev","bearer_token":"t""#).profile.is_some(), "a profile gives a region too");

    for key in ["bearer_token", "bearer_token_file"] {
        let message = format!(r#""auth" is "sigv4", which has no use for "{key}": remove one"#);
        assert_error(&format!(r#""auth":"sigv4","{key}":"t""#), &message, "/auth");
    }
    for (members, idle) in [(keys, "api_key"), (role, "role_arn")] {
        let message = format!(r#""auth" is "bearer", which has no use for "{idle}": remove one"#);
        assert_error(&format!(r#""auth":"bearer",{members}"#), &message, "/auth");
    }
    let oauth = r#""auth" must be "auto" or "sigv4" or "bearer", not "oauth""#;
    assert_error(r#""auth":"oauth""#, oauth, "/auth");
}

#[test]
fn bearer_needs_a_token_in_the_config_or_the_environment() {
    let text = r#"{"model":"m","auth":"bearer"}"#;
    let message = r#""auth" is "bearer", but there is no token: give "bearer_token" or set AWS_BEARER_TOKEN_BEDROCK"#;
    assert_eq!(fault(text), (message.to_owned(), "/auth".to_owned()));
    let env = |value| Variables::of(&[("AWS_BEARER_TOKEN_BEDROCK", value)]);
    assert!(Config::parse_in(text, env("")).is_err(), "an empty variable is no token");
    let config = Config::parse_in(text, env("token")).unwrap();
    assert_eq!((config.auth, config.bearer_token), (Auth::Bearer, None));
    assert_eq!(with(r#""auth":"bearer","bearer_token_file":"/token""#).auth, Auth::Bearer);
}

#[test]
fn the_file_of_a_token_is_found_after_a_change_of_the_working_directory() {
    let path = |given: &str| with(&format!(r#""bearer_token_file":"{given}""#)).bearer_token_file.unwrap();
    assert_eq!(path("/run/secrets/token"), Path::new("/run/secrets/token"));
    assert_eq!(path("secrets/token"), std::env::current_dir().unwrap().join("secrets/token"));
}

#[test]
fn values_of_headers_have_no_control_characters() {
    for key in ["api_key", "secret_key", "session_token", "bearer_token", "user_agent"] {
        for (value, reason) in [
            (r"hunter2\n", "holds a control character (U+000A) at character 8"),
            (r"hunter2\r\nX-Evil: 1", "holds a control character (U+000D) at character 8"),
            (r"hunter2\u0000", "holds a control character (U+0000) at character 8"),
            (r"\u007fhunter2", "holds a control character (U+007F) at character 1"),
            ("hünter2", "holds a character that is not ASCII at character 2"),
            (" hunter2", "begins or ends with a space"),
        ] {
            assert_error(&format!(r#""{key}":"{value}""#), &format!("\"{key}\" {reason}"), &format!("/{key}"));
        }
        if key != "user_agent" {
            let message = format!("\"{key}\" holds a space, which no key or token does");
            assert_error(&format!(r#""{key}":"hunter 2""#), &message, &format!("/{key}"));
        }
    }
    assert_eq!(check_header("app/1.2 (x)"), Ok(()));
}

#[test]
fn a_region_must_be_a_label_of_a_host_name() {
    for region in ["us-east-1", "us-gov-west-1", "local"] {
        assert_eq!(with(&format!(r#""region":"{region}""#)).region.as_deref(), Some(region));
    }
    for region in
        ["US-EAST-1", "us_east_1", "us-east-1.evil.example/", "us east", "-a", "a-", r"us-east-1\n", &"a".repeat(64)]
    {
        let (message, path) = error_of(&format!(r#""region":"{region}""#));
        assert!(
            message.starts_with(r#""region" must be lower-case letters, digits and '-', such as "us-east-1", not ""#)
        );
        assert_eq!(path, "/region");
    }
}

#[test]
fn a_role_is_an_arn_with_names_that_sts_accepts() {
    let not_role = |text: &str| {
        format!(r#""role_arn" must be a role's ARN, such as "arn:aws:iam::123456789012:role/name", not "{text}""#)
    };
    for text in ["admin", "arn:aws:iam::123456789012:user/me"] {
        assert_error(&format!(r#""role_arn":"{text}""#), &not_role(text), "/role_arn");
    }
    assert_error(
        r#""role_session_name":"a b""#,
        r#""role_session_name" must be 2 to 64 letters, digits and _ = , . @ + -, not "a b""#,
        "/role_session_name",
    );
    let external_id = r#""external_id" must be 2 to 1224 letters, digits and _ = , . @ : / + -"#;
    assert_error(r#""external_id":"hunter 2""#, external_id, "/external_id");
}

#[test]
fn plain_http_is_allowed_to_this_machine_and_to_others_only_with_allow_http() {
    for url in
        ["http://localhost:8000", "http://LOCALHOST", "http://127.0.0.1", "HTTP://127.8.9.1:1/x", "http://[::1]:80/"]
    {
        assert_eq!(check_plain_http(url, false, true), Ok(()), "{url}");
    }
    for host in
        ["example.com", "127.0.0.1.example.com", "localhost.example.com", "10.0.0.1", "[fe80::1]", "my_box", "127.1"]
    {
        let url = format!("http://{host}:8000/x");
        let clear =
            format!("is http:// to \"{host}\", which is not this machine: use https://, or set \"allow_http\" to true");
        let bearer = format!("would send a bearer token over http:// to \"{host}\", readable on the way: use https://");
        assert_eq!(check_plain_http(&url, false, false), Err(clear));
        assert_eq!(check_plain_http(&url, true, false), Ok(()));
        assert_eq!(check_plain_http(&url, true, true), Err(bearer));
        assert_eq!(check_plain_http(&url.replace("http:", "https:"), false, true), Ok(()));
    }
    let (message, path) = error_of(r#""base_url":"http://gw""#);
    assert!(message.starts_with(r#""base_url" is http:// to "gw", which is not this machine"#), "{message}");
    assert_eq!(path, "/base_url");
    for key in ["bearer_token", "bearer_token_file"] {
        let (message, _) = error_of(&format!(r#""{key}":"t","allow_http":true,"base_url":"http://gw""#));
        assert!(message.starts_with(r#""base_url" would send a bearer token over http://"#), "{message}");
    }
}

#[test]
fn loopback_is_an_address_or_the_name_localhost() {
    for host in ["localhost", "LocalHost", "127.0.0.1", "127.255.255.254", "::1", "[::1]", "::ffff:127.0.0.1"] {
        assert!(is_loopback(host), "{host}");
    }
    for host in
        ["", "local", "[localhost]", "128.0.0.1", "127.0.0.1.", "127.1", "0x7f000001", "0.0.0.0", "::", "::2", "::1%lo"]
    {
        assert!(!is_loopback(host), "{host}");
    }
}

#[test]
fn a_base_url_is_a_plain_url_with_a_host() {
    let scheme = "must be a URL that begins with https:// or http://";
    let query = "must be a URL without a query (?) or fragment (#)";
    let encoded = "holds a character that must be percent-encoded in a URL";
    for (url, reason) in [
        ("localhost:8000", scheme),
        ("ftp://example.com", scheme),
        (" https://example.com", scheme),
        ("https:/example.com", scheme),
        ("https://", "names no host"),
        ("https:///path", "names no host"),
        ("https://:443", "names no host"),
        ("https://.", "names no host"),
        ("https://example.com/?a=1", query),
        ("https://example.com#x", query),
        ("https://hunter2:hunter2@example.com", "must not hold a user name or password"),
        ("https://hunter2@example.com", "must not hold a user name or password"),
        ("https://exa mple.com", r#"has the host "exa mple.com", which is no host name"#),
        (r"http://localhost\@evil.example", encoded),
        (r"http://localhost\.evil.example", r#"has the host "localhost\\.evil.example", which is no host name"#),
        ("https://bücher.example", r#"has the host "bücher.example", which is no host name"#),
        ("https://example.com/a b", encoded),
        ("https://example.com/\n", encoded),
        ("https://example.com:0", r#"has a port that is no number from 1 to 65535"#),
        ("https://example.com:", r#"has a port that is no number from 1 to 65535"#),
        ("https://example.com:65536", r#"has a port that is no number from 1 to 65535"#),
        ("https://example.com:+80", r#"has a port that is no number from 1 to 65535"#),
        ("https://[::1", "has a '[' without its ']'"),
        ("https://[::1]x", "has something between its host and its port"),
        ("https://[::g]", r#"has the host "[::g]", which is no IPv6 address"#),
        ("https://::1", r#"names no host"#),
    ] {
        assert_eq!(check_plain_http(url, true, false), Err(reason.to_owned()), "{url}");
        let message = error_of(&format!(r#""base_url":{}"#, crate::json::quoted(url))).0;
        assert_eq!(message, format!("\"base_url\" {reason}"), "{url}");
    }
    let reason = "chooses among the region's endpoints and \"base_url\" is none: remove one";
    for key in ["fips", "dual_stack"] {
        let members = format!(r#""base_url":"https://gw","{key}":true"#);
        assert_error(&members, &format!("\"{key}\" {reason}"), &format!("/{key}"));
    }
}

#[test]
fn a_proxy_is_a_url_that_the_http_client_accepts() {
    for url in ["http://proxy:3128", "https://proxy.example", "http://me:p%40ss!@10.0.0.1:1/", "http://[::1]:3128"] {
        assert_eq!(with(&format!(r#""proxy":"{url}""#)).proxy.as_ref().map(|text| text.as_str()), Some(url));
        let proxy = Matcher::builder().all(url).build().intercept(&"https://endpoint".parse().unwrap());
        assert!(proxy.is_some(), "{url}");
    }
    for (url, reason) in [
        ("proxy:3128", "must be a URL that begins with https:// or http://"),
        ("socks5://proxy", "must be a URL that begins with https:// or http://"),
        ("http://proxy/path", "must end behind the proxy's host and port"),
        ("http://hunter2:hun ter2@proxy", "holds a character that must be percent-encoded in a URL"),
        ("http://hunter2@", "names no host"),
    ] {
        assert_error(&format!(r#""proxy":"{url}""#), &format!("\"proxy\" {reason}"), "/proxy");
    }
}

#[test]
fn the_http_version_is_negotiated_or_forced() {
    for (text, version) in [("auto", HttpVersion::Auto), ("1.1", HttpVersion::Http1), ("2", HttpVersion::Http2)] {
        assert_eq!(with(&format!(r#""http_version":"{text}""#)).http_version, version);
    }
    for text in ["1", "1.0", "2.0", "3", "h2", "HTTP/2", "Auto"] {
        let reason = format!(r#""http_version" must be "auto" or "1.1" or "2", not "{text}""#);
        assert_error(&format!(r#""http_version":"{text}""#), &reason, "/http_version");
    }
    assert_error(r#""http_version":2"#, r#""http_version" must be a string, not a number"#, "/http_version");
}

#[test]
fn a_ca_file_has_only_valid_certificates() {
    let names = |file: &Scratch, reason: &str| format!(r#""ca_file" names "{}", {reason}"#, file.0.display());
    let two = Scratch::new("two", format!("# a comment\n{PEM}\n{PEM}").as_bytes());
    assert!(with(&two.member()).ca_bundle.is_some());

    let der = PEM.replace("MIIB", "MIIC");
    let cut = PEM.split_at(200).0;
    for (name, contents, reason) in [
        ("text", "not a certificate", "which holds no certificate: PEM is expected, with -----BEGIN CERTIFICATE-----"),
        ("empty", "", "which holds no certificate: PEM is expected, with -----BEGIN CERTIFICATE-----"),
        ("cut", cut, "whose PEM is not valid in certificate 1"),
        ("der", &format!("{PEM}{der}"), "whose certificate 2 cannot be used: invalid peer certificate: BadEncoding"),
    ] {
        let file = Scratch::new(name, contents.as_bytes());
        assert_error(&file.member(), &names(&file, reason), "/ca_file");
    }
    assert_error(
        r#""ca_file":"/no/such/file.pem""#,
        r#""ca_file" names "/no/such/file.pem", which cannot be read: No such file or directory (os error 2)"#,
        "/ca_file",
    );
    assert_error(
        r#""ca_file":"/dev/zero""#,
        r#""ca_file" names "/dev/zero", which cannot be read: it is not a regular file"#,
        "/ca_file",
    );
    let huge = Scratch::new("huge", b"");
    std::fs::File::options().write(true).open(&huge.0).unwrap().set_len(1 << 30).unwrap();
    assert_error(&huge.member(), &names(&huge, "which cannot be read: it is larger than 16 MiB"), "/ca_file");
    let pipe = Scratch::new("pipe", b"");
    std::fs::remove_file(&pipe.0).unwrap();
    if std::process::Command::new("/usr/bin/mkfifo").arg(&pipe.0).status().is_ok_and(|status| status.success()) {
        // No process writes into it.
        assert_error(&pipe.member(), &names(&pipe, "which cannot be read: it is not a regular file"), "/ca_file");
    } else {
        println!("skipped: mkfifo is missing");
    }
}

const ZERO: &str = "must be longer than 0: no timer can be switched off";

#[test]
fn durations_are_strings_with_a_unit_and_the_error_for_a_bare_number_shows_two_units() {
    for (text, expected) in [
        (r#""30s""#, millis(30_000)),
        (r#""500ms""#, millis(500)),
        (r#""2m""#, millis(120_000)),
        (r#""1h""#, millis(3_600_000)),
        (r#""24h""#, millis(86_400_000)),
        (r#""3.1s""#, millis(3100)),
        (r#""0.5m""#, millis(30_000)),
        (r#""1ms""#, millis(1)),
        (r#""1.5e3ms""#, millis(1500)),
    ] {
        assert_eq!(with(&format!("\"timeout\":{text}")).calls.timeouts.idle, expected, "{text}");
    }
    let unit = |text: &str| format!("must be a number and a unit (ms, s, m, h) such as \"30s\", not {text}");
    let kind = |kind| format!("must be a duration such as \"30s\" or \"500ms\", not {kind}");
    let bare = |number| format!("needs a unit: write \"{number}s\" for seconds or \"{number}ms\" for milliseconds");
    let long = "is longer than 24h, the longest that is allowed".to_owned();
    let short = "is shorter than 1ms, the shortest that is allowed".to_owned();
    for (text, reason) in [
        ("30", bare("30")),
        ("1.5e3", bare("1.5e3")),
        ("0", bare("30")),
        (r#""30""#, bare("30")),
        (r#""0s""#, ZERO.to_owned()),
        (r#""0ms""#, ZERO.to_owned()),
        (r#""-5s""#, ZERO.to_owned()),
        (r#""0.0001s""#, short),
        (r#""25h""#, long.clone()),
        (r#""24.1h""#, long.clone()),
        (r#""1e308h""#, long),
        (r#""""#, unit(r#""""#)),
        (r#""s""#, unit(r#""s""#)),
        (r#""30 s""#, unit(r#""30 s""#)),
        (r#"" 30s""#, unit(r#"" 30s""#)),
        (r#""30S""#, unit(r#""30S""#)),
        (r#""1m30s""#, unit(r#""1m30s""#)),
        (r#"".5s""#, unit(r#"".5s""#)),
        (r#""+5s""#, unit(r#""+5s""#)),
        (r#""infs""#, unit(r#""infs""#)),
        (r#""3d""#, unit(r#""3d""#)),
        (r#""٣s""#, unit(r#""٣s""#)),
        ("true", kind("a boolean")),
        ("null", kind("null")),
        ("{}", kind("an object")),
    ] {
        assert_error(&format!("\"timeout\":{text}"), &format!("\"timeout\" {reason}"), "/timeout");
    }
    for member in ["connect", "first_event", "idle", "total", "queue"] {
        let message = format!("\"timeouts.{member}\" {ZERO}");
        assert_error(&format!(r#""timeouts":{{"{member}":"0s"}}"#), &message, &format!("/timeouts/{member}"));
    }
    assert_error(r#""retry":{"max_backoff":"-1s"}"#, &format!("\"retry.max_backoff\" {ZERO}"), "/retry/max_backoff");
}

#[test]
fn timeout_is_the_wait_without_progress_and_timeouts_override_it() {
    let timers = |members: &str| {
        let t = with(members).calls.timeouts;
        [t.connect, t.first_event, t.idle, t.total.unwrap_or_default(), t.unary].map(|timer| timer.as_millis())
    };
    assert_eq!(timers(r#""timeout":"5s""#), [3100, 5000, 5000, 0, 5000]);
    let overridden = [1000, 5000, 7000, 0, 5000];
    assert_eq!(timers(r#""timeout":"5s","timeouts":{"connect":"1s","idle":"7s"}"#), overridden);
    assert_eq!(timers(r#""timeouts":{"connect":"1s","idle":"7s"},"timeout":"5s""#), overridden);
    assert_eq!(timers(r#""timeouts":{"first_event":"9s"}"#), [3100, 9000, 300_000, 0, 300_000]);
    assert_eq!(timers(r#""timeouts":{"total":"10m"}"#), [3100, 300_000, 300_000, 600_000, 600_000]);
    assert_eq!(timers(r#""timeouts":{"total":"1s"}"#), [3100, 300_000, 300_000, 1000, 1000]);
    assert_eq!(timers(r#""timeouts":{"total":"10m"},"timeout":"20s""#), [3100, 20_000, 20_000, 600_000, 20_000]);
    assert_eq!(timers(r#""timeouts":{}"#), [3100, 300_000, 300_000, 0, 300_000]);
}

#[test]
fn a_derived_model_keeps_the_timers_that_were_set_by_name() {
    let mut calls = with(r#""timeouts":{"idle":"9s","total":"1m"},"retry":{"mode":"adaptive"}"#).calls;
    let json = |text| Json::parse(text).unwrap();
    assert!(calls.set("timeout", json("\"5s\""), "/timeout").unwrap());
    let timeouts = calls.timeouts;
    assert_eq!((timeouts.first_event, timeouts.idle, timeouts.unary), (millis(5000), millis(9000), millis(5000)));
    assert!(calls.set("timeouts", json(r#"{"idle":"2s"}"#), "/timeouts").unwrap());
    assert_eq!((calls.timeouts.idle, calls.timeouts.total), (millis(2000), Some(millis(60_000))));
    assert!(calls.set("retry", json(r#"{"max_attempts":1}"#), "/retry").unwrap());
    assert_eq!((calls.retry.max_attempts, calls.retry.mode), (1, RetryMode::Adaptive));

    let before = calls.clone();
    assert!(!calls.set("system", json("[]"), "/system").unwrap(), "an unknown key changes nothing");
    assert_eq!(calls, before);
    let error = calls.set("timeouts", json(r#"{"idle":[]}"#), "/timeouts").unwrap_err();
    assert_eq!(error.path().as_str(), "/timeouts/idle");
    assert!(error.message().as_str().starts_with("bedrock: config: \"timeouts.idle\" must be a duration"), "{error}");
}

#[test]
fn counts_are_at_least_one() {
    let attempts = |value: &str| with(&format!(r#""retry":{{"max_attempts":{value}}}"#)).calls.retry.max_attempts;
    assert_eq!((attempts("1"), attempts("5.0"), attempts("4294967295")), (1, 5, u32::MAX));
    for value in ["0", "-1", "1.5", "4294967296", "1e99"] {
        let must = format!("must be a whole number from 1 to 4294967295, not {value}");
        let members = format!(r#""retry":{{"max_attempts":{value}}}"#);
        assert_error(&members, &format!("\"retry.max_attempts\" {must}"), "/retry/max_attempts");
        let members = format!(r#""max_concurrency":{value}"#);
        assert_error(&members, &format!("\"max_concurrency\" {must}"), "/max_concurrency");
        let members = format!(r#""max_answer":{value}"#);
        assert_error(&members, &format!("\"max_answer\" {must}"), "/max_answer");
    }
    let message = r#""max_concurrency" must be a number, not a string"#;
    assert_error(r#""max_concurrency":"4""#, message, "/max_concurrency");
    assert!(error_of(&format!("\"max_concurrency\":{}", "9".repeat(100_000))).0.len() < 200);
}

#[test]
fn retry_is_standard_or_adaptive() {
    let retry = with(r#""retry":{"mode":"adaptive","max_backoff":"5s"}"#).calls.retry;
    assert_eq!(
        retry,
        Retry { max_attempts: 3, mode: RetryMode::Adaptive, max_backoff: millis(5000), throttled_for: None }
    );
    let message = r#""retry.mode" must be "standard" or "adaptive", not "fast""#;
    assert_error(r#""retry":{"mode":"fast"}"#, message, "/retry/mode");
}

#[test]
fn lint_is_error_or_off() {
    assert_error(r#""lint":"warn""#, r#""lint" must be "error" or "off", not "warn""#, "/lint");
    assert_error(r#""lint":false"#, r#""lint" must be a string, not a boolean"#, "/lint");
}

#[test]
fn debug_output_shows_no_secret() {
    let config = with(
        r#""api_key":"AKIAHUNTER2","secret_key":"hunter2","session_token":"hunter2","proxy":"http://me:hunter2@proxy",
        "role_arn":"arn:aws:iam::1:role/r","external_id":"hunter2","defaults":{"system":[{"text":"hunter2"}]},
        "transport":{"replies":["hunter2"]}"#,
    );
    let bearer = with(r#""bearer_token":"hunter2""#);
    for shown in [format!("{config:?}"), format!("{bearer:#?}")] {
        assert!(!shown.to_lowercase().contains("hunter2"), "{shown}");
        assert!(shown.contains("(hidden)"), "{shown}");
    }
}

#[test]
fn messages_quote_no_secret() {
    let long = "hunter2".repeat(1000);
    for key in ["api_key", "secret_key", "session_token", "bearer_token", "external_id", "proxy"] {
        for value in [
            r#""hunter2""#,
            r#""hunter2\n""#,
            r#""hun ter2 hunter2""#,
            r#""hünter2 hunter2""#,
            r#"["hunter2"]"#,
            r#"{"hunter2":1}"#,
            r#""http://hunter2:hunter2@""#,
            r#""http://hunter2:hunter2@[hunter""#,
            &format!("\"{long} \""),
        ] {
            for more in
                ["", r#","auth":"sigv4""#, r#","auth":"bearer""#, r#","profile":"p""#, r#","base_url":"http://gw""#]
            {
                if let Err(error) = parse(&format!(r#"{{"model":"m","{key}":{value}{more}}}"#)) {
                    assert!(!format!("{error:?}").contains("hunter2"), "{key} {value}: {error:?}");
                }
            }
        }
    }
}

#[test]
fn cache_points_have_an_order_and_a_time_and_derived_models_change_one_of_them() {
    let mut calls = with(r#""cache":{"points":["last_user","system"],"ttl":"1h"}"#).calls;
    let points = vec![CachePlace::LastUser, CachePlace::System];
    assert_eq!(calls.cache, Cache { ttl: Some(CacheTtl::OneHour), points: points.clone() });
    assert_eq!(with(r#""cache":{}"#).calls.cache, Cache::default());
    let json = |text| Json::parse(text).unwrap();
    assert!(calls.set("cache", json(r#"{"ttl":"5m"}"#), "/cache").unwrap());
    assert_eq!(calls.cache, Cache { ttl: Some(CacheTtl::FiveMinutes), points });
    assert!(calls.set("cache", json(r#"{"points":[]}"#), "/cache").unwrap());
    assert_eq!(calls.cache, Cache { ttl: Some(CacheTtl::FiveMinutes), points: Vec::new() });
    let place = r#""cache.points.1" must be "system" or "tools" or "last_user", not "messages""#;
    assert_error(r#""cache":{"points":["tools","messages"]}"#, place, "/cache/points/1");
    let twice = r#""cache.points.1" is given twice: remove one"#;
    assert_error(r#""cache":{"points":["tools","tools"]}"#, twice, "/cache/points/1");
    let ttl = r#""cache.ttl" must be "5m" or "1h", not "1d""#;
    assert_error(r#""cache":{"ttl":"1d"}"#, ttl, "/cache/ttl");
    assert_error(r#""cache":{"points":"system"}"#, r#""cache.points" must be an array, not a string"#, "/cache/points");
}
