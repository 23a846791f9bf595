//! Each source of credentials is asked once by many calls that wait, and once more after a refusal.
//!
//! A test of this file runs in a process of its own, with an environment of its own: it starts itself again.

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use sha1::Digest as _;

use support::capi::*;
use support::own_home::{model, replace, with_home};
use support::{LocalBedrock, Reply, Request as Received};

/// The calls that are made at once.
const CALLS: usize = 200;
const METADATA_TOKEN: &str = "/latest/api/token";
const METADATA_ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// Sets a variable of this process, none of whose other threads reads the environment now.
fn set(name: &str, value: impl AsRef<std::ffi::OsStr>) {
    unsafe { std::env::set_var(name, value) };
}

/// Services that give credentials, and Bedrock, which accepts the newest keys alone.
struct Services {
    server: LocalBedrock,
    state: Arc<State>,
    /// Gives keys of this number to a source that is a file or a command.
    give: Box<dyn Fn(usize)>,
}

#[derive(Default)]
struct State {
    lookups: AtomicUsize,
    /// The requests that renew a token with which credentials are fetched.
    renewals: AtomicUsize,
    /// The number of the keys that are given and accepted.
    keys: AtomicUsize,
}

impl Services {
    fn start(give: impl Fn(usize) + 'static) -> Services {
        let server = LocalBedrock::start();
        let state = Arc::<State>::default();
        let services = state.clone();
        server.respond_with(move |request| services.reply(request));
        Services { server, state, give: Box::new(give) }
    }

    /// Gives other keys from now on, and accepts no others.
    fn replace_keys(&self) {
        let number = self.state.keys.fetch_add(1, Ordering::SeqCst) + 1;
        (self.give)(number);
    }

    fn lookups(&self) -> usize {
        self.state.lookups.load(Ordering::SeqCst)
    }

    fn renewals(&self) -> usize {
        self.state.renewals.load(Ordering::SeqCst)
    }
}

impl State {
    fn reply(&self, request: &Received) -> Reply {
        let number = self.keys.load(Ordering::SeqCst);
        let id = format!("AKIAKEYS{number}");
        if request.operation() == "converse" {
            let is_newest = request.header("authorization").is_some_and(|value| value.contains(&format!("{id}/")));
            return if is_newest { Reply::text_response("Hello") } else { refusal() };
        }
        match request.path() {
            METADATA_TOKEN => {
                assert_eq!(request.method, "PUT");
                assert!(request.header("x-aws-ec2-metadata-token-ttl-seconds").is_some());
                self.renewals.fetch_add(1, Ordering::SeqCst);
                return Reply::empty(200).content_type("text/plain").body(format!("token{number}"));
            }
            METADATA_ROLES => return Reply::empty(200).content_type("text/plain").body("reader"),
            "/token" => {
                self.renewals.fetch_add(1, Ordering::SeqCst);
                let token = json!({"accessToken": "renewed", "expiresIn": 28800, "refreshToken": "next",
                    "tokenType": "Bearer"});
                return Reply::json(token.to_string());
            }
            _ => {}
        }
        self.lookups.fetch_add(1, Ordering::SeqCst);
        match request.path() {
            "/credentials" => Reply::json(temporary(&id)),
            path if path == format!("{METADATA_ROLES}reader") => {
                let token = request.header("x-aws-ec2-metadata-token").expect("the token of version 2");
                assert_eq!(token, format!("token{number}"));
                Reply::json(temporary(&id))
            }
            "/federation/credentials" => Reply::json(
                json!({"roleCredentials": {"accessKeyId": id, "secretAccessKey": "s", "sessionToken": "t",
                    "expiration": 4_070_908_800_000_u64}})
                .to_string(),
            ),
            "/v1/token" => {
                assert!(request.header("dpop").is_some(), "the proof that the client has the key of the login");
                let body = String::from_utf8_lossy(&request.body).into_owned();
                assert!(body.contains(&format!("\"refresh{number}\"")), "{body}");
                Reply::json(
                    json!({"accessToken": {"accessKeyId": id, "secretAccessKey": "s", "sessionToken": "t"},
                        "tokenType": "aws_sigv4", "expiresIn": 900, "refreshToken": "next"})
                    .to_string(),
                )
            }
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

/// Returns keys in the form of the metadata services.
fn temporary(id: &str) -> String {
    json!({"AccessKeyId": id, "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}).to_string()
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
    check_counted(services, || services.lookups());
}

/// Checks how many lookups there are. `lookups` counts them.
fn check_counted(services: &Services, lookups: impl Fn() -> usize) {
    let model = model(&services.server);
    services.replace_keys();
    call(&model);
    assert_eq!(lookups(), 1, "the first lookup");
    call(&model);
    assert_eq!(lookups(), 1, "the credentials are held");
    services.replace_keys();
    call(&model);
    assert_eq!(lookups(), 2, "the lookup after the refusal");
}

#[test]
fn a_container_is_asked_once_by_many_calls_and_once_after_a_refusal() {
    with_home(
        "a_container_is_asked_once_by_many_calls_and_once_after_a_refusal",
        |_| (),
        |_| {
            let services = Services::start(|_| ());
            set("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/credentials", services.server.url()));
            check(&services);
        },
    );
}

#[test]
fn a_role_is_assumed_once_by_many_calls_and_once_after_a_refusal() {
    with_home(
        "a_role_is_assumed_once_by_many_calls_and_once_after_a_refusal",
        |_| (),
        |home| {
            let services = Services::start(|_| ());
            set("AWS_ENDPOINT_URL_STS", services.server.url());
            let config = "[default]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = base\n\
                      [profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n";
            std::fs::write(home.join(".aws/config"), config).expect("a file");
            check(&services);
        },
    );
}

#[test]
fn a_web_identity_is_exchanged_once_by_many_calls_and_once_after_a_refusal() {
    with_home(
        "a_web_identity_is_exchanged_once_by_many_calls_and_once_after_a_refusal",
        |_| (),
        |home| {
            let services = Services::start(|_| ());
            set("AWS_ENDPOINT_URL_STS", services.server.url());
            std::fs::write(home.join("token"), "a.web.token").expect("a file");
            set("AWS_WEB_IDENTITY_TOKEN_FILE", home.join("token"));
            set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r");
            check(&services);
        },
    );
}

#[test]
fn a_session_of_sso_is_exchanged_once_by_many_calls_and_once_after_a_refusal() {
    with_home(
        "a_session_of_sso_is_exchanged_once_by_many_calls_and_once_after_a_refusal",
        |_| (),
        |home| {
            let services = Services::start(|_| ());
            set("AWS_ENDPOINT_URL_SSO", services.server.url());
            let config = format!("[default]\nsso_start_url = {SSO_START}\n{SSO}");
            std::fs::write(home.join(".aws/config"), config).expect("a file");
            let token = json!({"startUrl": SSO_START, "region": "us-east-1", "accessToken": "token",
            "expiresAt": "2099-01-01T00:00:00Z"});
            write_sso_token(home, SSO_START, &token);
            check(&services);
        },
    );
}

#[test]
fn an_expired_token_of_sso_is_renewed_once_by_many_calls_and_kept_after_a_refusal() {
    with_home(
        "an_expired_token_of_sso_is_renewed_once_by_many_calls_and_kept_after_a_refusal",
        |_| (),
        |home| {
            let services = Services::start(|_| ());
            set("AWS_ENDPOINT_URL_SSO", services.server.url());
            set("AWS_ENDPOINT_URL_SSO_OIDC", services.server.url());
            let config = format!(
                "[default]\nsso_session = mine\n{SSO}[sso-session mine]\nsso_region = us-east-1\n\
             sso_start_url = {SSO_START}\n"
            );
            std::fs::write(home.join(".aws/config"), config).expect("a file");
            let token = json!({"startUrl": SSO_START, "region": "us-east-1", "accessToken": "expired",
            "expiresAt": "2020-01-01T00:00:00Z", "refreshToken": "first", "clientId": "id", "clientSecret": "secret",
            "registrationExpiresAt": "2099-01-01T00:00:00Z"});
            write_sso_token(home, "mine", &token);
            check(&services);
            assert_eq!(services.renewals(), 1, "the token is renewed before the first lookup alone");
        },
    );
}

/// The settings of a profile in both forms of SSO.
const SSO: &str = "sso_region = us-east-1\nsso_account_id = 123456789012\nsso_role_name = reader\n";
const SSO_START: &str = "https://example.awsapps.com/start";

fn write_sso_token(home: &Path, name: &str, token: &serde_json::Value) {
    let name = hexadecimal(&sha1::Sha1::digest(name)) + ".json";
    std::fs::write(home.join(".aws/sso/cache").join(name), token.to_string()).expect("a file");
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_login_session_is_renewed_once_by_many_calls_and_once_after_the_next_login() {
    with_home(
        "a_login_session_is_renewed_once_by_many_calls_and_once_after_the_next_login",
        |_| (),
        |home| {
            let log_in = login(home);
            // Some time ago.
            let services = Services::start(move |number| log_in(number, "ASIAOLD", "2020-01-01T00:00:00Z"));
            set("AWS_ENDPOINT_URL_SIGNIN", services.server.url());
            check(&services);
        },
    );
}

#[test]
fn a_login_session_that_is_refused_before_it_expires_is_not_renewed() {
    with_home(
        "a_login_session_that_is_refused_before_it_expires_is_not_renewed",
        |_| (),
        |home| {
            let log_in = login(home);
            let services = Services::start(|_| ());
            set("AWS_ENDPOINT_URL_SIGNIN", services.server.url());
            services.replace_keys();
            log_in(1, "AKIAKEYS1", "2099-01-01T00:00:00Z");
            let refused = model(&services.server);
            call(&refused);
            services.replace_keys();
            let outcome = refused.generate(&Request::say("Hello?"));
            assert_eq!(outcome.failed(BEDROCK_E_CREDENTIALS).code, "ExpiredTokenException");
            assert_eq!(services.lookups(), 0, "nothing is sent for a token that is valid");
            log_in(2, "AKIAKEYS2", "2099-01-01T00:00:00Z");
            call(&model(&services.server));
        },
    );
}

/// Writes a profile with a login session. Returns a function that writes what `aws login` does: a refresh token of this
/// number, and keys until they expire.
fn login(home: &Path) -> impl Fn(usize, &str, &str) + use<> {
    const SESSION: &str = "arn:aws:iam::123456789012:user/me";
    std::fs::write(home.join(".aws/config"), format!("[default]\nlogin_session = {SESSION}\n")).expect("a file");
    let folder = home.join(".aws/login/cache");
    std::fs::create_dir_all(&folder).expect("a folder");
    let cache = folder.join(hexadecimal(&<sha2::Sha256 as sha2::Digest>::digest(SESSION)) + ".json");
    move |number, id, expiry| {
        let keys = json!({"accessKeyId": id, "secretAccessKey": "s", "sessionToken": "t", "accountId": "123456789012",
            "expiresAt": expiry});
        let token = json!({"accessToken": keys, "tokenType": "aws_sigv4", "refreshToken": format!("refresh{number}"),
            "idToken": "i", "clientId": "c", "dpopKey": dpop_key()});
        replace(&cache, &token.to_string());
    }
}

/// Returns a P-256 key that protects nothing, in the form in which `aws login` writes it.
fn dpop_key() -> String {
    const VERSION: [u8; 5] = [0x30, 0x31, 2, 1, 1];
    const CURVE: [u8; 12] = [0xa0, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    let der = [&VERSION[..], &[4, 32], &[1; 32], &CURVE].concat();
    let text = base64_simd::STANDARD.encode_to_string(der);
    let (first, rest) = text.split_at(64);
    format!("-----BEGIN EC PRIVATE KEY-----\n{first}\n{rest}\n-----END EC PRIVATE KEY-----\n")
}

#[test]
fn the_metadata_of_an_instance_are_read_once_by_many_calls_and_once_after_a_refusal() {
    with_home(
        "the_metadata_of_an_instance_are_read_once_by_many_calls_and_once_after_a_refusal",
        |_| (),
        |_| {
            let services = Services::start(|_| ());
            set("AWS_EC2_METADATA_DISABLED", "false");
            set("AWS_EC2_METADATA_SERVICE_ENDPOINT", services.server.url());
            check(&services);
            assert_eq!(services.renewals(), 2, "each lookup has a token of its own");
        },
    );
}

#[test]
fn a_command_is_run_once_by_many_calls_and_once_after_a_refusal() {
    with_home(
        "a_command_is_run_once_by_many_calls_and_once_after_a_refusal",
        |_| (),
        |home| {
            let (runs, keys) = (home.join("runs"), home.join("keys.json"));
            let services = Services::start(move |number| {
                let printed = json!({"Version": 1, "AccessKeyId": format!("AKIAKEYS{number}"), "SecretAccessKey": "s",
                "Expiration": "2099-01-01T00:00:00Z"});
                replace(&keys, &printed.to_string());
            });
            let config =
                "[default]\ncredential_process = sh -c 'echo run >> \"$HOME/runs\"; cat \"$HOME/keys.json\"'\n";
            std::fs::write(home.join(".aws/config"), config).expect("a file");
            check_counted(&services, || std::fs::read_to_string(&runs).map_or(0, |runs| runs.lines().count()));
        },
    );
}
