//! The environment is used for everything that the config does not set, and never against the config.
//!
//! A test of this file runs in a process of its own, with an environment of its own: it starts itself again.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use std::time::{Duration, Instant};

use serde_json::json;

use support::capi::*;
use support::{Auth, Flaw, LocalBedrock, Protocol, Reply, Tls};

const ENV_KEY: &str = "AKIAENVIRONMENT";
const ENV_SECRET: &str = "anotherSecretKey/FromTheEnvironment+EXAMPLE";
const ENV_TOKEN: &str = "bedrock-api-key-of-the-environment==";

/// The variable that is set in the process that a test starts.
const CHILD: &str = "BEDROCK_TEST_CHILD";

/// Runs `body` in another process, which runs the test of this name in an environment with these variables, a home
/// without files and next to nothing else.
#[track_caller]
fn in_environment(test: &str, variables: &[(&str, &str)], body: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some() {
        return body();
    }
    let home = home(test);
    std::fs::create_dir_all(&home).expect("a home");
    let mut child = Command::new(std::env::current_exe().expect("this program"));
    child.args([test, "--exact", "--nocapture"]).env_clear().env(CHILD, "1").env("HOME", home);
    child.env("AWS_EC2_METADATA_DISABLED", "true").envs(variables.iter().copied());
    let run = child.output().expect("the test can be started again");
    let said = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
    assert!(run.status.success() && said.contains("1 passed"), "in a process of its own:\n{said}");
}

/// Sets a variable of a process that `in_environment` has started.
fn set(name: &str, value: impl AsRef<std::ffi::OsStr>) {
    // No other thread of this process reads the environment now.
    unsafe { std::env::set_var(name, value) };
}

/// Writes a file of the test's home, before its process starts.
fn write(test: &str, name: &str, contents: &str) {
    if std::env::var_os(CHILD).is_none() {
        let path = home(test).join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, contents).expect("a file");
    }
}

const ENV_KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", ENV_KEY), ("AWS_SECRET_ACCESS_KEY", ENV_SECRET)];

fn home(test: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("environment").join(test)
}

fn hello() -> Request {
    Request::say("Hello?")
}

/// Returns a local Bedrock that accepts only this authentication.
fn bedrock_for(auth: Auth) -> LocalBedrock {
    let bedrock = LocalBedrock::start();
    bedrock.auth(auth);
    bedrock.respond_with(|request| match request.operation() {
        "converse" => Reply::text_response("Hello"),
        _ => Reply::stream().text_stream(&["Hel", "lo"], "end_turn"),
    });
    bedrock
}

/// A model whose config names neither credentials nor a region.
fn bare(bedrock: &LocalBedrock) -> serde_json::Value {
    json!({"model": MODEL_ID, "base_url": bedrock.url(), "retry": {"max_attempts": 1}})
}

/// Asserts that a unary call and a stream succeed.
#[track_caller]
fn works(model: &Model) {
    assert_eq!(model.generate(&hello()).response().text, "Hello");
    assert_eq!(model.stream(&hello()).outcome.response().text, "Hello");
}

#[test]
fn keys_in_the_environment_are_used() {
    let variables = [("AWS_ACCESS_KEY_ID", ENV_KEY), ("AWS_SECRET_ACCESS_KEY", ENV_SECRET)];
    in_environment("keys_in_the_environment_are_used", &variables, || {
        let bedrock = bedrock_for(Auth::sigv4(ENV_KEY, ENV_SECRET, "us-east-1"));
        works(&Model::new(&bare(&bedrock)));
    });
}

#[test]
fn a_session_token_of_the_environment_is_used_with_its_own_keys_and_not_with_those_of_the_config() {
    let variables = [
        ("AWS_ACCESS_KEY_ID", ENV_KEY),
        ("AWS_SECRET_ACCESS_KEY", ENV_SECRET),
        ("AWS_SESSION_TOKEN", "sessionTokenEXAMPLE"),
    ];
    let test = "a_session_token_of_the_environment_is_used_with_its_own_keys_and_not_with_those_of_the_config";
    in_environment(test, &variables, || {
        let bedrock = bedrock_for(Auth::sigv4_session(ENV_KEY, ENV_SECRET, "sessionTokenEXAMPLE", "us-east-1"));
        works(&Model::new(&bare(&bedrock)));
        bedrock.auth(Auth::sigv4(ACCESS_KEY, SECRET_KEY, "us-east-1"));
        works(&Model::at(&bedrock));
    });
}

#[test]
fn a_bearer_token_in_the_environment_is_used_before_keys_in_the_environment() {
    let variables = [
        ("AWS_BEARER_TOKEN_BEDROCK", ENV_TOKEN),
        ("AWS_ACCESS_KEY_ID", ENV_KEY),
        ("AWS_SECRET_ACCESS_KEY", ENV_SECRET),
    ];
    let test = "a_bearer_token_in_the_environment_is_used_before_keys_in_the_environment";
    in_environment(test, &variables, || {
        let bedrock = bedrock_for(Auth::Bearer(ENV_TOKEN.into()));
        works(&Model::new(&bare(&bedrock)));
        works(&Model::new(&with(bare(&bedrock), json!({"auth": "bearer"}))));
        assert!(bedrock.requests().iter().all(|request| request.header("x-amz-date").is_none()), "nothing is signed");
    });
}

#[test]
fn keys_in_the_config_take_precedence_over_a_bearer_token_in_the_environment() {
    let test = "keys_in_the_config_take_precedence_over_a_bearer_token_in_the_environment";
    in_environment(test, &[("AWS_BEARER_TOKEN_BEDROCK", ENV_TOKEN)], || {
        let bedrock = bedrock_for(Auth::sigv4(ACCESS_KEY, SECRET_KEY, REGION));
        works(&Model::at(&bedrock));
        works(&Model::at_with(&bedrock, json!({"auth": "sigv4"})));
        for request in bedrock.requests() {
            assert!(request.headers.iter().all(|(_, value)| !value.contains(ENV_TOKEN)), "{request:?}");
        }
    });
}

#[test]
fn a_bearer_token_in_the_config_takes_precedence_over_the_environment() {
    let variables = [
        ("AWS_BEARER_TOKEN_BEDROCK", ENV_TOKEN),
        ("AWS_ACCESS_KEY_ID", ENV_KEY),
        ("AWS_SECRET_ACCESS_KEY", ENV_SECRET),
    ];
    in_environment("a_bearer_token_in_the_config_takes_precedence_over_the_environment", &variables, || {
        let bedrock = bedrock_for(Auth::Bearer("theConfigsOwn==".into()));
        works(&Model::new(&with(bare(&bedrock), json!({"bearer_token": "theConfigsOwn=="}))));
    });
}

#[test]
fn auth_sigv4_ignores_a_bearer_token_in_the_environment() {
    let variables = [
        ("AWS_BEARER_TOKEN_BEDROCK", ENV_TOKEN),
        ("AWS_ACCESS_KEY_ID", ENV_KEY),
        ("AWS_SECRET_ACCESS_KEY", ENV_SECRET),
    ];
    in_environment("auth_sigv4_ignores_a_bearer_token_in_the_environment", &variables, || {
        let bedrock = bedrock_for(Auth::sigv4(ENV_KEY, ENV_SECRET, "us-east-1"));
        works(&Model::new(&with(bare(&bedrock), json!({"auth": "sigv4"}))));
    });
}

#[test]
fn without_any_credentials_nothing_is_sent_and_the_error_says_what_to_set() {
    in_environment("without_any_credentials_nothing_is_sent_and_the_error_says_what_to_set", &[], || {
        let bedrock = bedrock_for(Auth::None);
        let model = Model::new(&bare(&bedrock));
        for outcome in [model.generate(&hello()), model.stream(&hello()).outcome] {
            let failure = outcome.failed(BEDROCK_E_CREDENTIALS);
            failure.says(&["AWS_ACCESS_KEY_ID", "api_key"]);
            assert_eq!((failure.attempts, failure.http_status), (0, 0));
        }
        assert!(bedrock.requests().is_empty());
    });
}

#[test]
fn the_region_is_that_of_the_config_then_of_the_environment_then_us_east_1() {
    const TEST: &str = "the_region_is_that_of_the_config_then_of_the_environment_then_us_east_1";
    in_environment(TEST, &[("AWS_REGION", "eu-west-3")], || {
        let bedrock = bedrock_for(Auth::sigv4(ACCESS_KEY, SECRET_KEY, "eu-west-3"));
        works(&Model::at_with(&bedrock, json!({"region": null})));
        bedrock.auth(Auth::sigv4(ACCESS_KEY, SECRET_KEY, "ap-northeast-1"));
        works(&Model::at_with(&bedrock, json!({"region": "ap-northeast-1"})));
        // No other thread of this process reads the environment now.
        unsafe { std::env::remove_var("AWS_REGION") };
        bedrock.auth(Auth::sigv4(ACCESS_KEY, SECRET_KEY, "us-east-1"));
        works(&Model::at_with(&bedrock, json!({"region": null})));
    });
}

#[test]
fn the_endpoint_is_that_of_the_config_then_of_the_environment() {
    in_environment("the_endpoint_is_that_of_the_config_then_of_the_environment", &[], || {
        let of_environment = bedrock_for(Auth::sigv4(ACCESS_KEY, SECRET_KEY, REGION));
        let of_config = bedrock_for(Auth::sigv4(ACCESS_KEY, SECRET_KEY, REGION));
        // No other thread of this process reads the environment now.
        unsafe { std::env::set_var("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", of_environment.url()) };
        works(&Model::at_with(&of_config, json!({"base_url": null})));
        assert_eq!((of_environment.requests().len(), of_config.requests().len()), (2, 0));
        works(&Model::at(&of_config));
        assert_eq!((of_environment.requests().len(), of_config.requests().len()), (2, 2));
    });
}

#[test]
fn an_endpoint_of_the_environment_that_only_looks_local_is_another_machine() {
    in_environment("an_endpoint_of_the_environment_that_only_looks_local_is_another_machine", &[], || {
        let bedrock = LocalBedrock::start();
        // 192.0.2.1 is in no network. No unencrypted request may go there.
        for (url, reason) in [
            ("http://192.0.2.1", "is http:// to \"192.0.2.1\", which is not this machine"),
            ("http://127.0.0.1@192.0.2.1", "must not hold a user name or password"),
            ("http://localhost:80@192.0.2.1:80/path", "must not hold a user name or password"),
        ] {
            set("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", url);
            let members = json!({"base_url": null, "timeouts": {"connect": "1s"}, "retry": {"max_attempts": 1}});
            let model = Model::at_with(&bedrock, members);
            for outcome in [model.generate(&hello()), model.stream(&hello()).outcome] {
                let failure = outcome.failed(BEDROCK_E_CONFIG);
                failure.says(&["AWS_ENDPOINT_URL_BEDROCK_RUNTIME", reason]);
                assert_eq!((failure.attempts, failure.retryable), (0, false));
            }
        }
    });
}

#[test]
fn credentials_and_region_are_read_from_a_profile() {
    const TEST: &str = "credentials_and_region_are_read_from_a_profile";
    write_profiles(TEST);
    in_environment(TEST, &[("AWS_PROFILE", "work")], || {
        let bedrock = bedrock_for(Auth::sigv4("AKIAWORK", "secretOfWork", "eu-south-1"));
        works(&Model::new(&bare(&bedrock)));
        bedrock.auth(Auth::sigv4("AKIAOTHER", "secretOfOther", "eu-north-1"));
        works(&Model::new(&with(bare(&bedrock), json!({"profile": "other"}))));
        let absent = Model::new(&with(bare(&bedrock), json!({"profile": "nobody"})));
        absent.generate(&hello()).failed(BEDROCK_E_CREDENTIALS);
    });
}

#[test]
fn a_profile_in_the_config_takes_precedence_over_keys_and_tokens_in_the_environment() {
    const TEST: &str = "a_profile_in_the_config_takes_precedence_over_keys_and_tokens_in_the_environment";
    write_profiles(TEST);
    let variables = [
        ("AWS_BEARER_TOKEN_BEDROCK", ENV_TOKEN),
        ("AWS_ACCESS_KEY_ID", ENV_KEY),
        ("AWS_SECRET_ACCESS_KEY", ENV_SECRET),
        ("AWS_PROFILE", "work"),
    ];
    in_environment(TEST, &variables, || {
        let bedrock = bedrock_for(Auth::sigv4("AKIAOTHER", "secretOfOther", "eu-north-1"));
        works(&Model::new(&with(bare(&bedrock), json!({"profile": "other"}))));
    });
}

/// Returns a server that is a container's agent (`/credentials`), STS (a role), and Bedrock for all other requests.
fn credentials_server() -> LocalBedrock {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|request| match request.path() {
        "/credentials" => Reply::json(
            r#"{"AccessKeyId": "AKIACONTAINER", "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}"#,
        ),
        "/" => Reply::empty(200).content_type("text/xml").body(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
             <AccessKeyId>AKIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
             <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
        ),
        _ if request.operation() == "converse" => Reply::text_response("Hello"),
        _ => Reply::stream().text_stream(&["Hel", "lo"], "end_turn"),
    });
    bedrock
}

#[test]
fn credentials_are_fetched_once_from_a_container_and_from_sts() {
    in_environment("credentials_are_fetched_once_from_a_container_and_from_sts", &[], || {
        let bedrock = credentials_server();
        let credentials = format!("{}/credentials", bedrock.url());
        // No other thread of this process reads the environment now.
        unsafe {
            std::env::set_var("AWS_CONTAINER_CREDENTIALS_FULL_URI", credentials);
            std::env::set_var("AWS_ENDPOINT_URL_STS", bedrock.url());
        }
        let role = json!({"role_arn": "arn:aws:iam::123456789012:role/reader"});
        for (members, identity, fetched) in [(json!({}), "AKIACONTAINER/", 1), (role, "AKIAROLE/", 2)] {
            works(&Model::new(&with(bare(&bedrock), members)));
            let requests = bedrock.take_requests();
            assert_eq!(requests.len(), fetched + 2, "{requests:?}");
            for request in &requests[fetched..] {
                assert!(request.header("authorization").is_some_and(|value| value.contains(identity)), "{request:?}");
            }
        }
    });
}

#[test]
fn credentials_that_replace_a_profile_by_nothing_are_those_of_the_environment() {
    const TEST: &str = "credentials_that_replace_a_profile_by_nothing_are_those_of_the_environment";
    write_profiles(TEST);
    in_environment(TEST, &[("AWS_ACCESS_KEY_ID", ENV_KEY), ("AWS_SECRET_ACCESS_KEY", ENV_SECRET)], || {
        let bedrock = credentials_server();
        set("AWS_ENDPOINT_URL_STS", bedrock.url());
        let role = r#"{"role_arn": "arn:aws:iam::123456789012:role/reader"}"#;
        let model = Model::new(&with(bare(&bedrock), json!({"profile": "other"})));
        for (replacement, identities) in [
            (None, &["AKIAOTHER"][..]),
            (Some("{}"), &[ENV_KEY]),
            (Some(r#"{"profile": "work"}"#), &["AKIAWORK"]),
            (Some("{}"), &[ENV_KEY]),
            (Some(role), &[ENV_KEY, "AKIAROLE"]),
        ] {
            replacement.iter().for_each(|json| model.set_credentials(json).expect("credentials"));
            model.generate(&hello()).response();
            let requests = bedrock.take_requests();
            assert_eq!(requests.len(), identities.len(), "{replacement:?}: {requests:?}");
            for (request, identity) in requests.iter().zip(identities) {
                let authorization = request.header("authorization").expect("a signature");
                assert!(authorization.contains(&format!("Credential={identity}/")), "{replacement:?}: {authorization}");
                assert!(authorization.contains("/eu-north-1/"), "the profile of the region stays: {authorization}");
            }
        }
    });
}

#[test]
fn requests_to_this_machine_use_no_proxy() {
    in_environment("requests_to_this_machine_use_no_proxy", &[], || {
        let bedrock = bedrock_for(Auth::Bearer("forThisMachineAlone".into()));
        let proxy = LocalBedrock::start();
        // No other thread of this process reads the environment now.
        for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
            unsafe { std::env::set_var(name, proxy.url()) };
        }
        let bearer = with(bare(&bedrock), json!({"bearer_token": "forThisMachineAlone"}));
        works(&Model::new(&bearer));
        works(&Model::new(&with(bearer, json!({"proxy": proxy.url()}))));
        assert_eq!(proxy.connection_count(), 0, "a bearer token went over plain HTTP to a proxy");
    });
}

#[test]
fn the_settings_name_the_source_of_each_value_and_hold_no_secret() {
    let variables = [
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", ENV_SECRET),
        ("AWS_SESSION_TOKEN", "sessionTokenEXAMPLE"),
        ("AWS_REGION", "eu-west-1"),
        ("HTTPS_PROXY", "http://user:proxyPassword@proxy.example:3128"),
    ];
    let test = "the_settings_name_the_source_of_each_value_and_hold_no_secret";
    in_environment(test, &variables, || {
        let settings = Model::new(&json!({"model": MODEL_ID})).settings().expect("settings");
        let sourced = |value, source| json!({"value": value, "source": source});
        assert_eq!(settings["transport"], "network");
        assert_eq!(settings["profile"], serde_json::Value::Null);
        assert_eq!(settings["region"], sourced("eu-west-1", "AWS_REGION"));
        assert_eq!(settings["endpoint"], sourced("https://bedrock-runtime.eu-west-1.amazonaws.com", "the region"));
        assert_eq!(settings["proxy"], sourced("http://proxy.example:3128/", "HTTPS_PROXY"));
        assert_eq!(settings["ca_file"], json!({"value": null, "source": "default"}));
        assert_eq!(settings["config_file"]["found"], false);
        let keys = json!({"provider": "access_keys", "source": "AWS_ACCESS_KEY_ID", "session_token": true,
            "access_key_id": "AKIA************MPLE"});
        assert_eq!(settings["credentials"], keys);
        let text = settings.to_string();
        for secret in [ENV_SECRET, "sessionTokenEXAMPLE", "proxyPassword"] {
            assert!(!text.contains(secret), "{text}");
        }

        let config = json!({"model": MODEL_ID, "region": "us-west-2", "base_url": "http://127.0.0.1:9",
            "bearer_token": "aBearerToken"});
        let settings = Model::new(&config).settings().expect("settings");
        assert_eq!(settings["region"], sourced("us-west-2", "region in the config"));
        assert_eq!(settings["endpoint"], sourced("http://127.0.0.1:9", "base_url in the config"));
        assert_eq!(settings["proxy"], serde_json::Value::Null, "this machine is reached without a proxy");
        assert_eq!(
            settings["credentials"],
            json!({"provider": "bearer_token", "source": "bearer_token in the config"})
        );

        let script = Model::new(&json!({"model": MODEL_ID, "transport": {"replies": ["Hello"]}}));
        assert_eq!(script.settings().expect("settings"), json!({"transport": "replies"}));
    });
}

#[test]
fn the_settings_list_the_targets_of_a_model_as_they_are_called() {
    let test = "the_settings_list_the_targets_of_a_model_as_they_are_called";
    let variables = [("AWS_REGION", "eu-west-1"), ("HTTPS_PROXY", "http://user:proxyPassword@proxy.example:3128")];
    in_environment(test, &variables, || {
        let config = json!({"model": MODEL_ID, "api_key": "a", "secret_key": "b", "hedge": {"after": "1500ms"},
            "limits": {"tokens_per_minute": 9000},
            "fallbacks": [{"model": "other"}, {"region": "us-west-2"}, {"model": "third", "region": "eu-north-1",
                "base_url": "http://127.0.0.1:9", "request": {"max_tokens": 5}}, {"region": "no-such-place"}]});
        let sourced = |value, source| json!({"value": value, "source": source});
        let (west, proxy) = (sourced("eu-west-1", "AWS_REGION"), sourced("http://proxy.example:3128/", "HTTPS_PROXY"));
        let endpoint = |region| {
            let url = format!("https://bedrock-runtime.{region}.amazonaws.com");
            json!({"value": url, "source": "the region"})
        };
        let model = Model::new(&config);
        let settings = model.settings().expect("settings");
        assert_eq!(
            settings["fallbacks"],
            json!([
                {"model": sourced("other", "fallbacks.0.model in the config"), "region": west,
                 "endpoint": endpoint("eu-west-1"), "proxy": proxy},
                {"model": sourced(MODEL_ID, "the model"), "region": sourced("us-west-2", "fallbacks.1.region in the config"),
                 "endpoint": endpoint("us-west-2"), "proxy": proxy},
                {"model": sourced("third", "fallbacks.2.model in the config"),
                 "region": sourced("eu-north-1", "fallbacks.2.region in the config"),
                 "endpoint": sourced("http://127.0.0.1:9", "fallbacks.2.base_url in the config"), "proxy": null},
                {"model": sourced(MODEL_ID, "the model"),
                 "region": sourced("no-such-place", "fallbacks.3.region in the config"),
                 "endpoint": endpoint("no-such-place"), "proxy": proxy},
            ])
        );
        assert_eq!(settings["hedge"], json!({"after": "1.5s"}));
        assert_eq!(settings["limits"], json!({"tokens_per_minute": 9000, "adaptive": false}));
        let derived = model.with(json!({"model": "derived"})).settings().expect("settings");
        assert_eq!(derived["fallbacks"][1]["model"], sourced("derived", "the model"));

        // Without a network there is a model at each target, and no more.
        let script = json!({"model": MODEL_ID, "transport": {"replies": ["Hello"]}, "fallbacks": [{"model": "other"}]});
        let settings = Model::new(&script).settings().expect("settings");
        let targets = json!([{"model": sourced("other", "fallbacks.0.model in the config")}]);
        assert_eq!(settings, json!({"transport": "replies", "fallbacks": targets}));
    });
}

#[test]
fn the_settings_of_a_profile_are_named_with_it_and_those_that_are_wrong_have_their_error() {
    let test = "the_settings_of_a_profile_are_named_with_it_and_those_that_are_wrong_have_their_error";
    let config = "[profile work]\nregion = eu west\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\n\
                  [profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n";
    write(test, ".aws/config", config);
    in_environment(test, &[("AWS_PROFILE", "work")], || {
        let model = Model::new(&json!({"model": MODEL_ID}));
        let settings = model.settings().expect("settings");
        assert_eq!(settings["profile"], json!({"value": "work", "source": "AWS_PROFILE"}));
        for member in ["region", "endpoint"] {
            let error = settings[member]["error"].as_str().unwrap_or_default();
            assert!(error.contains("region of the profile \"work\""), "{settings}");
        }
        let credentials = &settings["credentials"];
        assert_eq!(credentials["provider"], "assume_role");
        assert_eq!(credentials["source"], "role_arn of the profile \"work\"");
        assert_eq!(credentials["assumed_with"]["source"], "aws_access_key_id of the profile \"base\"");
        assert_eq!(settings["config_file"]["found"], true);
        // The files are not read again.
        std::fs::write(home(test).join(".aws/config"), "[profile").expect("a file");
        assert_eq!(model.settings().expect("the same settings"), settings);
        let broken = Model::new(&json!({"model": MODEL_ID})).settings().expect_err("a file that is not valid");
        assert!(broken.message.contains("line 1"), "{broken:?}");
    });
}

#[test]
fn calls_change_nothing_in_the_environment() {
    in_environment("calls_change_nothing_in_the_environment", &[("AWS_REGION", "us-east-1")], || {
        let before: Vec<_> = std::env::vars_os().collect();
        works(&Model::at(&bedrock_for(Auth::sigv4(ACCESS_KEY, SECRET_KEY, REGION))));
        assert_eq!(std::env::vars_os().collect::<Vec<_>>(), before);
    });
}

/// The files that `aws configure` writes, with two profiles.
fn write_profiles(test: &str) {
    if std::env::var_os(CHILD).is_some() {
        return;
    }
    let aws = home(test).join(".aws");
    std::fs::create_dir_all(&aws).expect("a directory");
    let config = "[profile work]\nregion = eu-south-1\n\n[profile other]\nregion = eu-north-1\n";
    std::fs::write(aws.join("config"), config).expect("a file");
    let credentials = "[work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = secretOfWork\n\n\
        [other]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = secretOfOther\n";
    std::fs::write(aws.join("credentials"), credentials).expect("a file");
}

#[test]
fn retry_settings_of_the_environment_never_break_a_call() {
    const TEST: &str = "retry_settings_of_the_environment_never_break_a_call";
    write(TEST, ".aws/config", "[profile odd]\nretry_mode = legacy\nmax_attempts = x\n[default]\n");
    in_environment(TEST, &ENV_KEYS, || {
        let bedrock = bedrock_for(Auth::sigv4(ENV_KEY, ENV_SECRET, "us-east-1"));
        let values = ["legacy", "", "0", "-1", " 3", "3.0", "odd"];
        for (name, value) in [("AWS_RETRY_MODE", values), ("AWS_MAX_ATTEMPTS", values)]
            .into_iter()
            .flat_map(|(name, values)| values.map(|value| (name, value)))
        {
            set(name, value);
            works(&Model::new(&bare(&bedrock)));
        }
        set("AWS_PROFILE", "odd");
        works(&Model::new(&bare(&bedrock)));
    });
}

#[test]
fn empty_variables_count_as_not_set() {
    const TEST: &str = "empty_variables_count_as_not_set";
    const EMPTY: [&str; 16] = [
        "AWS_ACCESS_KEY_ID",
        "AWS_BEARER_TOKEN_BEDROCK",
        "AWS_CA_BUNDLE",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
        "AWS_PROFILE",
        "AWS_REGION",
        "AWS_ROLE_ARN",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "REQUESTS_CA_BUNDLE",
    ];
    in_environment(TEST, &EMPTY.map(|name| (name, "")), || {
        let bedrock = bedrock_for(Auth::sigv4("AKIADEFAULT", "secretOfDefault", "eu-south-2"));
        let aws = home(TEST).join(".aws");
        std::fs::create_dir_all(&aws).expect("a folder");
        let config = format!("[default]\nregion = eu-south-2\nendpoint_url = {}\nservices =\n", bedrock.url());
        std::fs::write(aws.join("config"), config).expect("a file");
        let keys = "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = secretOfDefault\n\
            aws_session_token =\n";
        std::fs::write(aws.join("credentials"), keys).expect("a file");
        works(&Model::new(&json!({"model": MODEL_ID, "retry": {"max_attempts": 1}})));
        // In a profile as well.
        std::fs::write(aws.join("config"), "[default]\nregion = eu-south-2\nendpoint_url =\n").expect("a file");
        works(&Model::new(&bare(&bedrock)));
    });
}

#[test]
fn the_environment_is_read_when_a_model_is_made() {
    in_environment("the_environment_is_read_when_a_model_is_made", &ENV_KEYS, || {
        let bedrock = bedrock_for(Auth::sigv4(ENV_KEY, ENV_SECRET, "us-east-1"));
        set("AWS_REGION", "us-east-1");
        let model = Model::new(&bare(&bedrock));
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "HTTP_PROXY"] {
            set(name, "not a value that works");
        }
        works(&model);
    });
}

#[test]
fn no_role_is_ever_assumed_at_base_url() {
    in_environment("no_role_is_ever_assumed_at_base_url", &ENV_KEYS, || {
        let (bedrock, sts) = (credentials_server(), credentials_server());
        set("AWS_ENDPOINT_URL_STS", sts.url());
        works(&Model::new(&with(bare(&bedrock), json!({"role_arn": "arn:aws:iam::123456789012:role/reader"}))));
        let asked: Vec<_> = sts.requests().iter().map(|request| request.path().to_owned()).collect();
        assert_eq!(asked, ["/"], "STS is asked once, and for nothing else");
        assert!(
            bedrock.requests().iter().all(|request| request.path().starts_with("/model/")),
            "{:?}",
            bedrock.requests()
        );
    });
}

#[test]
fn a_services_section_is_read_under_awss_name_of_the_service() {
    const TEST: &str = "a_services_section_is_read_under_awss_name_of_the_service";
    in_environment(TEST, &ENV_KEYS, || {
        let (bedrock, other) = (bedrock_for(Auth::None), bedrock_for(Auth::None));
        let aws = home(TEST).join(".aws");
        std::fs::create_dir_all(&aws).expect("a folder");
        let config = format!(
            "[default]\nservices = mine\nendpoint_url = {}\n[services mine]\nbedrock_runtime =\n  endpoint_url = {}\n",
            other.url(),
            bedrock.url()
        );
        std::fs::write(aws.join("config"), config).expect("a file");
        works(&Model::new(&json!({"model": MODEL_ID, "retry": {"max_attempts": 1}})));
        assert_eq!((bedrock.requests().len(), other.requests().len()), (2, 0));
    });
}

#[test]
fn a_bearer_token_of_another_product_is_ignored() {
    let variables = [ENV_KEYS[0], ENV_KEYS[1], ("AWS_BEARER_TOKEN", "ofAnotherProduct")];
    in_environment("a_bearer_token_of_another_product_is_ignored", &variables, || {
        works(&Model::new(&bare(&bedrock_for(Auth::sigv4(ENV_KEY, ENV_SECRET, "us-east-1")))));
    });
}

#[test]
fn no_request_to_a_containers_agent_uses_a_proxy() {
    let uri = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/x");
    in_environment("no_request_to_a_containers_agent_uses_a_proxy", &[uri], || {
        let (bedrock, proxy) = (bedrock_for(Auth::None), credentials_server());
        for members in [json!({}), json!({"proxy": proxy.url()})] {
            set("HTTP_PROXY", proxy.url());
            let model = Model::new(&with(bare(&bedrock), with(members, json!({"timeout": "500ms"}))));
            // The machine may have a server at 169.254.170.2.
            let _ = model.generate(&hello());
        }
        assert_eq!(proxy.connection_count(), 0, "the container's token and keys would pass the proxy");
    });
}

#[test]
fn the_service_itself_is_not_treated_as_a_metadata_service_at_any_address() {
    let variables = [("AWS_BEARER_TOKEN_BEDROCK", ENV_TOKEN), ("AWS_ENDPOINT_URL", "http://169.254.77.77:9")];
    in_environment("the_service_itself_is_not_treated_as_a_metadata_service_at_any_address", &variables, || {
        let outcome = Model::new(&json!({"model": MODEL_ID, "timeout": "1s"})).generate(&hello());
        outcome.failed(BEDROCK_E_CONFIG).says(&["AWS_ENDPOINT_URL", "bearer token", "169.254.77.77"]);
    });
}

#[test]
fn a_metadata_service_without_version_2_gets_no_other_request() {
    in_environment("a_metadata_service_without_version_2_gets_no_other_request", &[], || {
        let (bedrock, metadata) = (bedrock_for(Auth::None), LocalBedrock::start());
        metadata.respond_with(|request| match request.path() {
            "/latest/api/token" => Reply::json("none").status(404).header("x-aws-ec2-metadata-token-ttl-seconds", "60"),
            path if path.ends_with('/') => Reply::json("role"),
            _ => Reply::json(r#"{"AccessKeyId": "AKIAV1", "SecretAccessKey": "s", "Token": "t"}"#),
        });
        set("AWS_EC2_METADATA_DISABLED", "false");
        set("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url());
        for off in ["true", "false"] {
            set("AWS_EC2_METADATA_V1_DISABLED", off);
            let outcome = Model::new(&bare(&bedrock)).generate(&hello());
            outcome.failed(BEDROCK_E_CREDENTIALS).says(&["/latest/api/token", "HTTP 404", "AWS_ACCESS_KEY_ID"]);
        }
        assert!(metadata.requests().iter().all(|request| request.method == "PUT"), "{:?}", metadata.requests());
    });
}

#[test]
fn a_broken_config_file_is_an_error_that_names_it_with_the_line() {
    const TEST: &str = "a_broken_config_file_is_an_error_that_names_it_with_the_line";
    write(TEST, ".aws/config", "[default]\nregion = ap-south-1\nthis is no setting\n");
    in_environment(TEST, &ENV_KEYS, || {
        let bedrock = bedrock_for(Auth::None);
        let failure = Model::new(&bare(&bedrock)).generate(&hello());
        failure.failed(BEDROCK_E_CONFIG).says(&[".aws/config", "line 3"]);
        assert!(bedrock.requests().is_empty());
    });
}

#[test]
fn an_absent_profile_is_named_with_the_files_that_lack_it() {
    const TEST: &str = "an_absent_profile_is_named_with_the_files_that_lack_it";
    write_profiles(TEST);
    in_environment(TEST, &[], || {
        let bedrock = bedrock_for(Auth::None);
        let model = Model::new(&with(bare(&bedrock), json!({"profile": "nobody"})));
        let parts = ["\"nobody\"", ".aws/config", ".aws/credentials", "\"work\""];
        model.generate(&hello()).failed(BEDROCK_E_CREDENTIALS).says(&parts);
        set("AWS_PROFILE", "nobody");
        Model::new(&bare(&bedrock)).generate(&hello()).failed(BEDROCK_E_CREDENTIALS).says(&parts);
    });
}

#[test]
fn a_profile_in_quotes_and_its_ca_bundle_are_found() {
    const TEST: &str = "a_profile_in_quotes_and_its_ca_bundle_are_found";
    in_environment(TEST, &[ENV_KEYS[0], ENV_KEYS[1], ("AWS_PROFILE", "my p")], || {
        let bedrock = LocalBedrock::with_protocol(Protocol::Tls(Tls::new(Flaw::Nothing, &["h2"])));
        bedrock.auth(Auth::sigv4(ENV_KEY, ENV_SECRET, "eu-west-2"));
        bedrock.respond_with(|_| Reply::text_response("Hello"));
        let url = format!("https://localhost:{}", bedrock.port());
        let ca_file = bedrock.tls().expect("TLS").ca_file();
        let aws = home(TEST).join(".aws");
        std::fs::create_dir_all(&aws).expect("a folder");
        let model = || Model::new(&with(bare(&bedrock), json!({"base_url": url})));
        std::fs::write(aws.join("config"), "[profile \"my p\"]\nregion = eu-west-2\n").expect("a file");
        model().generate(&hello()).failed(BEDROCK_E_NETWORK);
        let config = format!("[profile \"my p\"]\nregion = eu-west-2\nca_bundle = {}\n", ca_file.display());
        std::fs::write(aws.join("config"), config).expect("a file");
        assert_eq!(model().generate(&hello()).response().text, "Hello");
        std::fs::write(aws.join("config"), "[profile \"my p\"]\nregion = eu-west-2\n").expect("a file");
        set("REQUESTS_CA_BUNDLE", ca_file);
        assert_eq!(model().generate(&hello()).response().text, "Hello");
    });
}

#[test]
fn credentials_of_a_process_are_not_used_after_their_expiry() {
    const TEST: &str = "credentials_of_a_process_are_not_used_after_their_expiry";
    let print = |expiry: &str| {
        let printed = json!({"Version": 1, "AccessKeyId": "AKIAPROCESS", "SecretAccessKey": "s", "Expiration": expiry});
        format!("credential_process = echo '{printed}'\n")
    };
    let (past, later) = (print("2020-01-01T00:00:00Z"), print("2099-01-01T00:00:00Z"));
    write(TEST, ".aws/config", &format!("[profile past]\n{past}[profile later]\n{later}"));
    in_environment(TEST, &[("PATH", "/usr/bin:/bin")], || {
        let bedrock = bedrock_for(Auth::None);
        let of = |profile: &str| Model::new(&with(bare(&bedrock), json!({"profile": profile})));
        let outcome = of("past").generate(&hello());
        outcome.failed(BEDROCK_E_CREDENTIALS).says(&["credential_process of the profile \"past\"", "expired"]);
        assert!(bedrock.requests().is_empty());
        works(&of("later"));
    });
}

#[test]
fn derived_models_share_credentials_with_the_first_whatever_their_timers() {
    const TEST: &str = "derived_models_share_credentials_with_the_first_whatever_their_timers";
    let printed = json!({"Version": 1, "AccessKeyId": "AKIAPROCESS", "SecretAccessKey": "s"});
    let command = format!("sh -c 'echo run >> \"$HOME/runs\"; echo \"$0\"' '{printed}'");
    write(TEST, ".aws/config", &format!("[default]\ncredential_process = {command}\n"));
    write(TEST, "runs", "");
    in_environment(TEST, &[("PATH", "/usr/bin:/bin")], || {
        let bedrock = bedrock_for(Auth::None);
        let first = Model::new(&bare(&bedrock));
        for timeout in ["10s", "11s", "12s"] {
            works(&first.with(json!({"timeout": timeout})));
        }
        works(&first.with(json!({"retry": {"max_attempts": 1}})));
        works(&first);
        let runs = std::fs::read_to_string(home(TEST).join("runs")).expect("a file");
        assert_eq!(runs.lines().count(), 1, "how often credentials were fetched");
    });
}

#[test]
fn a_slow_process_is_waited_for_whatever_the_number_of_attempts() {
    const TEST: &str = "a_slow_process_is_waited_for_whatever_the_number_of_attempts";
    let printed = json!({"Version": 1, "AccessKeyId": "AKIAPROCESS", "SecretAccessKey": "s"});
    // Longer than the SDK's own limit for a call with one attempt.
    let command = format!("sh -c 'sleep 7; echo \"$0\"' '{printed}'");
    write(TEST, ".aws/config", &format!("[default]\ncredential_process = {command}\n"));
    in_environment(TEST, &[("PATH", "/usr/bin:/bin")], || {
        let bedrock = bedrock_for(Auth::None);
        let members = json!({"retry": {"max_attempts": 1}, "timeout": "60s"});
        assert_eq!(Model::new(&with(bare(&bedrock), members)).generate(&hello()).response().text, "Hello");
        let impatient = Model::new(&with(bare(&bedrock), json!({"timeout": "100ms"})));
        for outcome in [impatient.generate(&hello()), impatient.stream(&hello()).outcome] {
            let failure = outcome.failed(BEDROCK_E_TIMEOUT);
            failure.says(&["within 100ms", "no request was sent: it waited for credentials"]);
            assert_eq!(failure.attempts, 0);
        }
    });
}

#[test]
fn a_role_of_a_profile_has_the_duration_of_the_profile() {
    const TEST: &str = "a_role_of_a_profile_has_the_duration_of_the_profile";
    let role = "role_arn = arn:aws:iam::123456789012:role/r\ncredential_source = Environment\n";
    let config = format!(
        "[profile long]\n{role}duration_seconds = 7200\n[profile mfa]\n{role}mfa_serial = arn:aws:iam::1:mfa/me\n"
    );
    write(TEST, ".aws/config", &config);
    in_environment(TEST, &ENV_KEYS, || {
        let (bedrock, sts) = (bedrock_for(Auth::None), credentials_server());
        set("AWS_ENDPOINT_URL_STS", sts.url());
        works(&Model::new(&with(bare(&bedrock), json!({"profile": "long"}))));
        assert!(sts.last_request().text().contains("DurationSeconds=7200"), "{:?}", sts.requests());
        let outcome = Model::new(&with(bare(&bedrock), json!({"profile": "mfa"}))).generate(&hello());
        outcome.failed(BEDROCK_E_CREDENTIALS).says(&["mfa_serial", "arn:aws:iam::1:mfa/me", "credential_process"]);
        assert_eq!(sts.requests().len(), 1, "nothing is asked of STS without the code");
    });
}

#[test]
fn the_error_for_a_role_that_may_not_be_assumed_names_its_trust_policy() {
    in_environment("the_error_for_a_role_that_may_not_be_assumed_names_its_trust_policy", &ENV_KEYS, || {
        let (bedrock, sts) = (bedrock_for(Auth::None), LocalBedrock::start());
        sts.respond_with(|_| {
            Reply::empty(403).content_type("text/xml").body(
                "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
                 <Code>AccessDenied</Code><Message>not authorized to perform: sts:AssumeRole</Message></Error>\
                 <RequestId>1</RequestId></ErrorResponse>",
            )
        });
        set("AWS_ENDPOINT_URL_STS", sts.url());
        let role = json!({"role_arn": "arn:aws:iam::123456789012:role/reader"});
        let outcome = Model::new(&with(bare(&bedrock), role)).generate(&hello());
        let failure = outcome.failed(BEDROCK_E_CREDENTIALS);
        failure.says(&["arn:aws:iam::123456789012:role/reader", "AccessDenied (HTTP 403)", "trust policy"]);
        assert!(!failure.message.contains("aws sso login"), "{failure:?}");
        assert_eq!((failure.code.as_str(), failure.http_status, failure.attempts), ("AccessDenied", 403, 0));
    });
}

#[test]
fn an_endless_response_with_credentials_is_an_error() {
    in_environment("an_endless_response_with_credentials_is_an_error", &ENV_KEYS, || {
        let (bedrock, sts) = (bedrock_for(Auth::None), LocalBedrock::start());
        sts.respond_with(|_| {
            let reply = Reply::empty(200).content_type("text/xml").body("<AssumeRoleResponse>").chunked();
            reply.then_forever("<!-- and so on -->".repeat(1000))
        });
        set("AWS_ENDPOINT_URL_STS", sts.url());
        let role = json!({"role_arn": "arn:aws:iam::123456789012:role/reader", "timeout": "20s"});
        let began = Instant::now();
        let outcome = Model::new(&with(bare(&bedrock), role)).generate(&hello());
        outcome
            .failed(BEDROCK_E_CREDENTIALS)
            .says(&["the response of the service that gives credentials is longer than 1024 KiB"]);
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    });
}

#[test]
fn keys_and_tokens_with_a_line_break_are_named_and_nothing_is_sent() {
    in_environment("keys_and_tokens_with_a_line_break_are_named_and_nothing_is_sent", &ENV_KEYS, || {
        let bedrock = bedrock_for(Auth::None);
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT\n"),
            ("AWS_SESSION_TOKEN", "session\rtoken"),
            ("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api\n-key"),
        ] {
            let before = std::env::var_os(name).unwrap_or_default();
            set(name, value);
            let model = Model::new(&bare(&bedrock));
            for outcome in [model.generate(&hello()), model.stream(&hello()).outcome] {
                let failure = outcome.failed(BEDROCK_E_CREDENTIALS);
                failure.says(&[name, "control character", "without a line break"]);
                assert_eq!((failure.attempts, failure.retryable), (0, false), "{failure:?}");
            }
            set(name, before);
        }
        assert!(bedrock.requests().is_empty());
    });
}

#[test]
fn an_endpoint_with_a_password_is_rejected_without_quoting_it() {
    in_environment("an_endpoint_with_a_password_is_rejected_without_quoting_it", &ENV_KEYS, || {
        let bedrock = bedrock_for(Auth::None);
        for url in [format!("http://user:hunter2@127.0.0.1:{}", bedrock.port()), "http://user:hunter2@[::1".to_owned()]
        {
            set("AWS_ENDPOINT_URL", url);
            let outcome = Model::new(&json!({"model": MODEL_ID})).generate(&hello());
            let failure = outcome.failed(BEDROCK_E_CONFIG);
            failure.says(&["AWS_ENDPOINT_URL"]);
            assert!(!failure.message.contains("hunter2"), "{failure:?}");
        }
        assert!(bedrock.requests().is_empty());
    });
}

#[test]
fn an_invalid_proxy_is_an_error_and_never_ignored() {
    in_environment("an_invalid_proxy_is_an_error_and_never_ignored", &ENV_KEYS, || {
        for url in ["http://user:hunter2@[::1", "not a url", "socks5://127.0.0.1:1080"] {
            set("HTTPS_PROXY", url);
            let outcome = Model::new(&json!({"model": MODEL_ID, "timeout": "5s"})).generate(&hello());
            let failure = outcome.failed(BEDROCK_E_CONFIG);
            failure.says(&["HTTPS_PROXY"]);
            assert!(!failure.message.contains("hunter2"), "{failure:?}");
        }
    });
}

#[test]
fn a_pipe_instead_of_a_file_blocks_nothing() {
    const TEST: &str = "a_pipe_instead_of_a_file_blocks_nothing";
    in_environment(TEST, &ENV_KEYS, || {
        let pipe = home(TEST).join("pipe");
        let _ = std::fs::remove_file(&pipe);
        if !Command::new("/usr/bin/mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()) {
            return println!("skipped: mkfifo is missing");
        }
        set("AWS_CONFIG_FILE", &pipe);
        set("AWS_SHARED_CREDENTIALS_FILE", &pipe);
        let bedrock = bedrock_for(Auth::sigv4(ENV_KEY, ENV_SECRET, "us-east-1"));
        works(&Model::new(&bare(&bedrock)));
        set("AWS_ACCESS_KEY_ID", "");
        set("AWS_WEB_IDENTITY_TOKEN_FILE", &pipe);
        set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod");
        let outcome = Model::new(&bare(&bedrock)).generate(&hello());
        outcome.failed(BEDROCK_E_CREDENTIALS).says(&["AWS_WEB_IDENTITY_TOKEN_FILE", "is not a regular file"]);
    });
}
