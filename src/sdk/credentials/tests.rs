use super::renewing::{LookUp, Seen};
use crate::config::Config;
use crate::config::environment::tests::{Home, parsed};
use crate::error::{Error, Kind};
use crate::sdk::credentials::*;
use aws_config::Region;

const CONFIG: &str = "
[default]
role_arn = arn:aws:iam::1:role/default
source_profile = base
[profile base]
[profile static]
[profile process]
credential_process = get
aws_access_key_id = AKIACONFIG
aws_secret_access_key = s
[profile both]
credential_process = get
[profile sso]
sso_session = s
sso_account_id = 1
sso_role_name = r
[sso-session s]
sso_region = eu-west-1
sso_start_url = https://s.example
[profile web]
role_arn = arn:aws:iam::1:role/web
web_identity_token_file = /token
[profile long]
role_arn = arn:aws:iam::1:role/long
source_profile = base
duration_seconds = 7200
[profile chain]
role_arn = arn:aws:iam::1:role/chain
source_profile = default
[profile one]
role_arn = arn:aws:iam::1:role/one
source_profile = two
[profile two]
role_arn = arn:aws:iam::1:role/two
source_profile = one
[profile mfa]
role_arn = arn:aws:iam::1:role/mfa
source_profile = base
mfa_serial = arn:aws:iam::1:mfa/me
[profile named]
role_arn = arn:aws:iam::1:role/named
credential_source = Environment
[profile half]
aws_access_key_id = AKIAHALF
[profile nothing]
region = eu-west-1
[profile alone]
role_arn = arn:aws:iam::1:role/alone
[profile lost]
role_arn = arn:aws:iam::1:role/lost
source_profile = nobody
";
const CREDENTIALS: &str = "
[base]
aws_access_key_id = AKIABASE
aws_secret_access_key = s
[static]
aws_access_key_id = AKIASTATIC
aws_secret_access_key = s
[both]
aws_access_key_id = AKIABOTH
aws_secret_access_key = s
";

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIAVARIABLE"), ("AWS_SECRET_ACCESS_KEY", "s")];
const TOKEN: [(&str, &str); 2] = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), ("AWS_ROLE_ARN", "arn:aws:iam::1:role/pod")];

fn find(config: &str, variables: &[(&str, &str)]) -> Result<CredentialSource, Error> {
    let home = Home::new(CONFIG, CREDENTIALS);
    CredentialSource::find(&parsed(config), &home.read(config, variables)?)
}

/// Returns the kind of a source in a word, and for a role also the source that it is assumed with.
fn name(source: &CredentialSource) -> String {
    match source {
        CredentialSource::AccessKeys(keys) => keys.without_expiry().access_key_id().to_owned(),
        CredentialSource::AssumeRole(role, source) => format!("{role:?} < {}", name(source)),
        CredentialSource::WebIdentity(_) => "web identity".to_owned(),
        CredentialSource::Sso(_) => "sso".to_owned(),
        CredentialSource::LoginSession(_) => "login".to_owned(),
        CredentialSource::CredentialProcess(_) => "process".to_owned(),
        CredentialSource::Container(_) => "container".to_owned(),
        CredentialSource::InstanceMetadata(_) => "instance".to_owned(),
    }
}

#[test]
fn credentials_are_found_in_the_order_of_botocores_chain() {
    let of = |profile: &'static str| [("AWS_PROFILE", profile)];
    let relative = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x");
    for (variables, expected) in [
        ([&of("static")[..], &KEYS].concat(), "AKIAVARIABLE"),
        (of("default").into(), "AssumeRole(arn:aws:iam::1:role/default) < AKIABASE"),
        ([&of("default")[..], &TOKEN].concat(), "AssumeRole(arn:aws:iam::1:role/default) < AKIABASE"),
        (of("static").into(), "AKIASTATIC"),
        ([&of("static")[..], &TOKEN].concat(), "web identity"),
        (of("process").into(), "process"),
        (of("both").into(), "AKIABOTH"),
        (of("sso").into(), "sso"),
        (of("web").into(), "web identity"),
        (
            of("chain").into(),
            "AssumeRole(arn:aws:iam::1:role/chain) < AssumeRole(arn:aws:iam::1:role/default) < AKIABASE",
        ),
        ([&of("named")[..], &KEYS].concat(), "AKIAVARIABLE"),
        (vec![("AWS_PROFILE", "nothing"), relative], "container"),
        (of("nothing").into(), "instance"),
        (vec![("AWS_PROFILE", "static"), ("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")], "AKIASTATIC"),
    ] {
        assert_eq!(name(&find("", &variables).unwrap()), expected, "{variables:?}");
    }
}

#[test]
fn the_config_takes_precedence_over_the_environment() {
    let all = [&KEYS[..], &TOKEN].concat();
    assert_eq!(name(&find(r#","profile":"static""#, &all).unwrap()), "AKIASTATIC");
    let named = "AssumeRole(arn:aws:iam::1:role/named) < AKIAVARIABLE";
    assert_eq!(name(&find(r#","profile":"named""#, &all).unwrap()), named);
    assert_eq!(name(&find(r#","api_key":"AKIACONFIG","secret_key":"s""#, &all).unwrap()), "AKIACONFIG");
    let role = r#","role_arn":"arn:aws:iam::1:role/mine""#;
    assert_eq!(name(&find(role, &all).unwrap()), "AssumeRole(arn:aws:iam::1:role/mine) < AKIAVARIABLE");
}

#[test]
fn an_unusable_source_is_an_error_that_says_what_to_do_next() {
    let off = ("AWS_EC2_METADATA_DISABLED", "true");
    for (variables, parts) in [
        (vec![("AWS_PROFILE", "one")], &["\"two\"", "one, two", "circle"][..]),
        (vec![("AWS_PROFILE", "mfa")], &["mfa_serial", "arn:aws:iam::1:mfa/me", "credential_process"]),
        (vec![("AWS_PROFILE", "half")], &["aws_access_key_id", "aws_secret_access_key", "\"half\""]),
        (vec![("AWS_PROFILE", "alone")], &["\"alone\"", "source_profile"]),
        (vec![("AWS_PROFILE", "lost")], &["\"nobody\"", "source_profile", "\"lost\""]),
        (vec![("AWS_ACCESS_KEY_ID", "AKIA")], &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]),
        (vec![("AWS_PROFILE", "nothing"), off], &["AWS_PROFILE", "api_key"]),
        (vec![TOKEN[0], ("AWS_PROFILE", "nothing")], &["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"]),
        (vec![("AWS_ACCESS_KEY_ID", "AKIA\n"), KEYS[1]], &["AWS_ACCESS_KEY_ID", "U+000A", "line break"]),
    ] {
        let error = find("", &variables).map(|source| name(&source)).unwrap_err();
        assert_eq!((error.kind(), error.retryable()), (Kind::Credentials, false), "{error}");
        for part in parts {
            assert!(error.message().as_str().contains(part), "{part} is not in: {error}");
        }
    }
}

#[tokio::test]
async fn a_command_is_run_again_only_if_its_own_settings_change_and_not_if_it_writes_awss_files_itself() {
    let home = Home::new("", "");
    let files = home.read("", &[]).unwrap().files;
    let write = |command: &str, other: &str| {
        let profile = format!("[profile p]\ncredential_process = {command}\n[profile other]\nregion = {other}\n");
        std::fs::write(&files.config, profile).unwrap();
    };
    // Each change is one of the size too, which a clock of coarse steps does not hide.
    let keys = r#"echo '{"Version":1,"AccessKeyId":"AKIA","SecretAccessKey":"s"}'"#;
    let writes = format!("echo '# a cache' >> '{}'; {keys}", files.credentials.display());
    write(&writes, "eu-west-1");
    let environment = home.read("", &[("AWS_PROFILE", "p")]).unwrap();
    let config = Config { variables: environment.variables.clone(), ..parsed("") };
    let source = CredentialSource::find(&config, &environment).unwrap();
    let lookup = Lookup::new(source, &config, &environment, &Region::from_static("eu-west-1")).unwrap();
    for _ in 0..2 {
        let found = lookup.look_up().await.unwrap();
        assert_eq!(found.watch.look(), Seen::Same, "the command has written the credentials file");
        assert_eq!(found.watch.look(), Seen::Unchanged);
        write(&writes, "us-gov-west-1");
        assert_eq!(found.watch.look(), Seen::Same, "another profile has changed");
        write("echo", "eu-west-1");
        assert_eq!(found.watch.look(), Seen::Other);
        assert_eq!(found.watch.look(), Seen::Unchanged, "the change was reported");
        std::fs::write(&files.config, "[").unwrap();
        assert_eq!(found.watch.look(), Seen::Other, "a broken file is read, so that its error is reported");
        write(&writes, "eu-west-1");
        assert_eq!(found.watch.look(), Seen::Same);
    }
}
