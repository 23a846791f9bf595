//! What the machine's environment says is used where the config says nothing, and never against it.
//!
//! A test of this file runs in a process of its own, with an environment of its own: it starts itself again.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use support::capi::*;
use support::{Auth, LocalBedrock, Reply};

const ENV_KEY: &str = "AKIAENVIRONMENT";
const ENV_SECRET: &str = "anotherSecretKey/FromTheEnvironment+EXAMPLE";
const ENV_TOKEN: &str = "bedrock-api-key-of-the-environment==";

/// Set in the process that a test starts.
const CHILD: &str = "BEDROCK_TEST_CHILD";

/// Runs the test of that name again, in an environment that holds these variables, a home without files, and next to nothing
/// else; there, `body` runs.
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

fn home(test: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("environment").join(test)
}

fn hello() -> Request {
    Request::say("Hello?")
}

/// A local Bedrock that says hello to whoever shows this.
fn bedrock_for(auth: Auth) -> LocalBedrock {
    let bedrock = LocalBedrock::start();
    bedrock.auth(auth);
    bedrock.respond_with(|request| match request.operation() {
        "converse" => Reply::text_answer("Hello"),
        _ => Reply::stream().text_stream(&["Hel", "lo"], "end_turn"),
    });
    bedrock
}

/// A model whose config names neither credentials nor a region.
fn bare(bedrock: &LocalBedrock) -> serde_json::Value {
    json!({"model": MODEL_ID, "base_url": bedrock.url(), "retry": {"max_attempts": 1}})
}

/// Both calls work.
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
fn a_session_token_in_the_environment_goes_with_its_keys_and_not_with_the_configs() {
    let variables = [
        ("AWS_ACCESS_KEY_ID", ENV_KEY),
        ("AWS_SECRET_ACCESS_KEY", ENV_SECRET),
        ("AWS_SESSION_TOKEN", "sessionTokenEXAMPLE"),
    ];
    let test = "a_session_token_in_the_environment_goes_with_its_keys_and_not_with_the_configs";
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
fn keys_in_the_config_win_over_a_bearer_token_in_the_environment() {
    let test = "keys_in_the_config_win_over_a_bearer_token_in_the_environment";
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
fn a_bearer_token_in_the_config_wins_over_all_of_the_environment() {
    let variables = [
        ("AWS_BEARER_TOKEN_BEDROCK", ENV_TOKEN),
        ("AWS_ACCESS_KEY_ID", ENV_KEY),
        ("AWS_SECRET_ACCESS_KEY", ENV_SECRET),
    ];
    in_environment("a_bearer_token_in_the_config_wins_over_all_of_the_environment", &variables, || {
        let bedrock = bedrock_for(Auth::Bearer("theConfigsOwn==".into()));
        works(&Model::new(&with(bare(&bedrock), json!({"bearer_token": "theConfigsOwn=="}))));
    });
}

#[test]
fn auth_sigv4_leaves_a_bearer_token_in_the_environment_alone() {
    let variables = [
        ("AWS_BEARER_TOKEN_BEDROCK", ENV_TOKEN),
        ("AWS_ACCESS_KEY_ID", ENV_KEY),
        ("AWS_SECRET_ACCESS_KEY", ENV_SECRET),
    ];
    in_environment("auth_sigv4_leaves_a_bearer_token_in_the_environment_alone", &variables, || {
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
fn the_region_is_the_configs_then_the_environments_then_us_east_1() {
    const TEST: &str = "the_region_is_the_configs_then_the_environments_then_us_east_1";
    in_environment(TEST, &[("AWS_REGION", "eu-west-3")], || {
        let bedrock = bedrock_for(Auth::sigv4(ACCESS_KEY, SECRET_KEY, "eu-west-3"));
        works(&Model::at_with(&bedrock, json!({"region": null})));
        bedrock.auth(Auth::sigv4(ACCESS_KEY, SECRET_KEY, "ap-northeast-1"));
        works(&Model::at_with(&bedrock, json!({"region": "ap-northeast-1"})));
        // No other thread of this process reads its environment at this moment.
        unsafe { std::env::remove_var("AWS_REGION") };
        bedrock.auth(Auth::sigv4(ACCESS_KEY, SECRET_KEY, "us-east-1"));
        works(&Model::at_with(&bedrock, json!({"region": null})));
    });
}

#[test]
fn the_endpoint_is_the_configs_then_the_environments() {
    in_environment("the_endpoint_is_the_configs_then_the_environments", &[], || {
        let of_environment = bedrock_for(Auth::sigv4(ACCESS_KEY, SECRET_KEY, REGION));
        let of_config = bedrock_for(Auth::sigv4(ACCESS_KEY, SECRET_KEY, REGION));
        // No other thread of this process reads its environment at this moment.
        unsafe { std::env::set_var("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", of_environment.url()) };
        works(&Model::at_with(&of_config, json!({"base_url": null})));
        assert_eq!((of_environment.requests().len(), of_config.requests().len()), (2, 0));
        works(&Model::at(&of_config));
        assert_eq!((of_environment.requests().len(), of_config.requests().len()), (2, 2));
    });
}

#[test]
fn an_endpoint_of_the_environment_is_another_machine_whatever_it_looks_like() {
    in_environment("an_endpoint_of_the_environment_is_another_machine_whatever_it_looks_like", &[], || {
        let bedrock = LocalBedrock::start();
        // 192.0.2.1 stands in no network. Nothing may try to go there in the clear.
        for url in ["http://192.0.2.1", "http://127.0.0.1@192.0.2.1", "http://localhost:80@192.0.2.1:80/path"] {
            // No other thread of this process reads its environment at this moment.
            unsafe { std::env::set_var("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", url) };
            let members = json!({"base_url": null, "timeouts": {"connect": "1s"}, "retry": {"max_attempts": 1}});
            let model = Model::at_with(&bedrock, members);
            for outcome in [model.generate(&hello()), model.stream(&hello()).outcome] {
                let failure = outcome.failed(BEDROCK_E_CONFIG);
                failure.says(&["http://", "192.0.2.1"]);
            }
        }
    });
}

#[test]
fn a_profile_of_the_machine_gives_credentials_and_region() {
    const TEST: &str = "a_profile_of_the_machine_gives_credentials_and_region";
    write_profiles(TEST);
    in_environment(TEST, &[("AWS_PROFILE", "work")], || {
        let bedrock = bedrock_for(Auth::sigv4("AKIAWORK", "secretOfWork", "eu-south-1"));
        works(&Model::new(&bare(&bedrock)));
        bedrock.auth(Auth::sigv4("AKIAOTHER", "secretOfOther", "eu-north-1"));
        works(&Model::new(&with(bare(&bedrock), json!({"profile": "other"}))));
        let nobody = Model::new(&with(bare(&bedrock), json!({"profile": "nobody"})));
        nobody.generate(&hello()).failed(BEDROCK_E_CREDENTIALS);
    });
}

#[test]
fn a_profile_in_the_config_wins_over_keys_and_tokens_in_the_environment() {
    const TEST: &str = "a_profile_in_the_config_wins_over_keys_and_tokens_in_the_environment";
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

/// A server that gives credentials to who asks for `/credentials` (a container's agent) or for a role (STS), and says hello to
/// others.
fn giver_of_credentials() -> LocalBedrock {
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
        _ if request.operation() == "converse" => Reply::text_answer("Hello"),
        _ => Reply::stream().text_stream(&["Hel", "lo"], "end_turn"),
    });
    bedrock
}

#[test]
fn credentials_are_fetched_once_from_a_container_and_from_sts() {
    in_environment("credentials_are_fetched_once_from_a_container_and_from_sts", &[], || {
        let bedrock = giver_of_credentials();
        let credentials = format!("{}/credentials", bedrock.url());
        // No other thread of this process reads its environment at this moment.
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
fn what_is_meant_for_this_machine_goes_through_no_proxy() {
    in_environment("what_is_meant_for_this_machine_goes_through_no_proxy", &[], || {
        let bedrock = bedrock_for(Auth::Bearer("forThisMachineAlone".into()));
        let proxy = LocalBedrock::start();
        // No other thread of this process reads its environment at this moment.
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
