//! Each source of credentials is asked once by many calls that wait, and once more after a refusal.
//!
//! A test of this file runs in a process of its own, with an environment of its own: it starts itself again.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use sha1::{Digest, Sha1};

use support::capi::*;
use support::{LocalBedrock, Reply, Request as Received};

/// The variable that is set in the process that a test starts.
const CHILD: &str = "BEDROCK_TEST_CHILD";
/// The calls that are made at once.
const CALLS: usize = 200;

/// Runs `body` in another process, which runs the test of this name with an empty home.
#[track_caller]
fn with_home(test: &str, body: impl FnOnce(&Path)) {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("credential_sources").join(test);
    if std::env::var_os(CHILD).is_some() {
        return body(&home);
    }
    let _ = std::fs::remove_dir_all(&home);
    std::fs::create_dir_all(home.join(".aws/sso/cache")).expect("a home");
    let mut child = Command::new(std::env::current_exe().expect("this program"));
    child.args([test, "--exact", "--nocapture"]).env_clear().env(CHILD, "1").env("HOME", &home);
    child.env("AWS_EC2_METADATA_DISABLED", "true").env("PATH", "/usr/bin:/bin");
    let run = child.output().expect("the test can be started again");
    let output = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
    assert!(run.status.success() && output.contains("1 passed"), "in a process of its own:\n{output}");
}

/// Sets a variable of this process, none of whose other threads reads the environment now.
fn set(name: &str, value: impl AsRef<std::ffi::OsStr>) {
    unsafe { std::env::set_var(name, value) };
}

/// Services that give credentials, and Bedrock, which accepts the newest keys alone.
struct Services {
    server: LocalBedrock,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    lookups: AtomicUsize,
    /// The number of the keys that are given and accepted.
    keys: AtomicUsize,
    /// The runs of a command and its output, if the source is a command.
    command: Option<(PathBuf, PathBuf)>,
}

impl Services {
    fn start(command: Option<&Path>) -> Services {
        let server = LocalBedrock::start();
        let command = command.map(|home| (home.join("runs"), home.join("keys.json")));
        let state = Arc::new(State { command, ..State::default() });
        let services = state.clone();
        server.respond_with(move |request| services.reply(request));
        Services { server, state }
    }

    /// Gives other keys from now on, and accepts no others.
    fn replace_keys(&self) {
        let number = self.state.keys.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some((runs, keys)) = &self.state.command {
            let printed = json!({"Version": 1, "AccessKeyId": format!("AKIAKEYS{number}"), "SecretAccessKey": "s",
                "Expiration": "2099-01-01T00:00:00Z"});
            let new = keys.with_extension("new");
            std::fs::write(&new, printed.to_string()).expect("a file");
            std::fs::rename(new, keys).expect("a file");
            let _ = std::fs::OpenOptions::new().create(true).append(true).open(runs);
        }
    }

    fn lookups(&self) -> usize {
        match &self.state.command {
            Some((runs, _)) => std::fs::read_to_string(runs).expect("the runs").lines().count(),
            None => self.state.lookups.load(Ordering::SeqCst),
        }
    }
}

impl State {
    fn reply(&self, request: &Received) -> Reply {
        let id = format!("AKIAKEYS{}", self.keys.load(Ordering::SeqCst));
        if request.operation() == "converse" {
            let is_newest = request.header("authorization").is_some_and(|value| value.contains(&format!("{id}/")));
            return if is_newest { Reply::text_response("Hello") } else { refusal() };
        }
        self.lookups.fetch_add(1, Ordering::SeqCst);
        match request.path() {
            "/credentials" => Reply::json(
                json!({"AccessKeyId": id, "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"})
                    .to_string(),
            ),
            "/federation/credentials" => Reply::json(
                json!({"roleCredentials": {"accessKeyId": id, "secretAccessKey": "s", "sessionToken": "t",
                    "expiration": 4_070_908_800_000_u64}})
                .to_string(),
            ),
            _ => {
                let body = String::from_utf8_lossy(&request.body).into_owned();
                let web = if body.contains("AssumeRoleWithWebIdentity") { "WithWebIdentity" } else { "" };
                Reply::empty(200).content_type("text/xml").body(format!(
                    "<AssumeRole{web}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRole{web}Result>\
                     <Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
                     <SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>\
                     </AssumeRole{web}Result></AssumeRole{web}Response>"
                ))
            }
        }
    }
}

fn refusal() -> Reply {
    Reply::error(403, "ExpiredTokenException", "The security token included in the request is expired")
}

/// Makes many calls at once, all of which must succeed.
fn call(model: &Model) {
    std::thread::scope(|scope| {
        for _ in 0..CALLS {
            scope.spawn(|| assert_eq!(model.generate(&Request::say("Hello?")).response().text, "Hello"));
        }
    });
}

fn check(services: &Services) {
    let config = json!({"model": MODEL_ID, "base_url": services.server.url(), "retry": {"max_attempts": 1}});
    let model = Model::new(&config);
    services.replace_keys();
    call(&model);
    assert_eq!(services.lookups(), 1, "the first lookup");
    call(&model);
    assert_eq!(services.lookups(), 1, "the credentials are held");
    services.replace_keys();
    call(&model);
    assert_eq!(services.lookups(), 2, "the lookup after the refusal");
}

#[test]
fn a_container_is_asked_once_by_many_calls_and_once_after_a_refusal() {
    with_home("a_container_is_asked_once_by_many_calls_and_once_after_a_refusal", |_| {
        let services = Services::start(None);
        set("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/credentials", services.server.url()));
        check(&services);
    });
}

#[test]
fn a_role_is_assumed_once_by_many_calls_and_once_after_a_refusal() {
    with_home("a_role_is_assumed_once_by_many_calls_and_once_after_a_refusal", |home| {
        let services = Services::start(None);
        set("AWS_ENDPOINT_URL_STS", services.server.url());
        let config = "[default]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = base\n\
                      [profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n";
        std::fs::write(home.join(".aws/config"), config).expect("a file");
        check(&services);
    });
}

#[test]
fn a_web_identity_is_exchanged_once_by_many_calls_and_once_after_a_refusal() {
    with_home("a_web_identity_is_exchanged_once_by_many_calls_and_once_after_a_refusal", |home| {
        let services = Services::start(None);
        set("AWS_ENDPOINT_URL_STS", services.server.url());
        std::fs::write(home.join("token"), "a.web.token").expect("a file");
        set("AWS_WEB_IDENTITY_TOKEN_FILE", home.join("token"));
        set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r");
        check(&services);
    });
}

#[test]
fn a_session_of_sso_is_exchanged_once_by_many_calls_and_once_after_a_refusal() {
    with_home("a_session_of_sso_is_exchanged_once_by_many_calls_and_once_after_a_refusal", |home| {
        let services = Services::start(None);
        set("AWS_ENDPOINT_URL_SSO", services.server.url());
        let start = "https://example.awsapps.com/start";
        let config = format!(
            "[default]\nsso_start_url = {start}\nsso_region = us-east-1\nsso_account_id = 123456789012\n\
             sso_role_name = reader\n"
        );
        std::fs::write(home.join(".aws/config"), config).expect("a file");
        let name: String = Sha1::digest(start).iter().map(|byte| format!("{byte:02x}")).collect();
        let token = json!({"startUrl": start, "region": "us-east-1", "accessToken": "token",
            "expiresAt": "2099-01-01T00:00:00Z"});
        std::fs::write(home.join(".aws/sso/cache").join(name + ".json"), token.to_string()).expect("a file");
        check(&services);
    });
}

#[test]
fn a_command_is_run_once_by_many_calls_and_once_after_a_refusal() {
    with_home("a_command_is_run_once_by_many_calls_and_once_after_a_refusal", |home| {
        let services = Services::start(Some(home));
        let config = "[default]\ncredential_process = sh -c 'echo run >> \"$HOME/runs\"; cat \"$HOME/keys.json\"'\n";
        std::fs::write(home.join(".aws/config"), config).expect("a file");
        check(&services);
    });
}
