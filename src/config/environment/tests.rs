use crate::config::Config;
use crate::config::environment::*;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder with a config and a credentials file.
pub struct Home(PathBuf);

impl Home {
    pub fn new(config: &str, credentials: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("bedrock-environment-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config"), config).unwrap();
        std::fs::write(folder.join("credentials"), credentials).unwrap();
        Home(folder)
    }

    pub fn read(&self, config: &str, variables: &[(&str, &str)]) -> Result<Environment> {
        let file = |name: &str| self.0.join(name).to_str().unwrap().to_owned();
        let (config_file, credentials_file) = (file("config"), file("credentials"));
        let mut all =
            vec![("AWS_CONFIG_FILE", config_file.as_str()), ("AWS_SHARED_CREDENTIALS_FILE", credentials_file.as_str())];
        all.extend(variables);
        read(config, Variables::of(&all))
    }

    fn error(&self, config: &str, variables: &[(&str, &str)]) -> Error {
        match self.read(config, variables) {
            Ok(_) => panic!("this was accepted"),
            Err(error) => error,
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn read(config: &str, variables: Variables) -> Result<Environment> {
    let files = Files::read(&variables)?;
    Environment::new(&Config { variables, ..parsed(config) }, files.into())
}

pub fn parsed(members: &str) -> Config {
    Config::parse(&format!("{{\"model\":\"m\"{members}}}")).unwrap()
}

#[test]
fn the_region_comes_from_the_variables_then_the_profile_and_an_empty_value_is_unset() {
    let home = Home::new("[default]\nregion = eu-west-1\n[profile none]\nregion =\n", "");
    for (variables, expected) in [
        (&[("AWS_REGION", "ap-south-1"), ("AWS_DEFAULT_REGION", "eu-north-1")][..], "ap-south-1"),
        (&[("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "eu-north-1")], "eu-north-1"),
        (&[("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "")], "eu-west-1"),
        (&[("AWS_PROFILE", "none")], "us-east-1"),
        (&[("AWS_PROFILE", "")], "eu-west-1"),
    ] {
        let environment = home.read("", variables).unwrap();
        assert_eq!(environment.region(&parsed("")).unwrap().value, expected, "{variables:?}");
    }
    let error = home.read("", &[("AWS_REGION", "US East")]).unwrap().region(&parsed("")).unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    assert!(error.message().as_str().starts_with("bedrock: AWS_REGION must be lower-case letters"), "{error}");
}

#[test]
fn the_endpoint_is_found_in_the_order_of_botocore() {
    let home = Home::new(
        "[default]\nservices = s\nendpoint_url = https://all.profile\n[services s]\nbedrock_runtime =\n  endpoint_url = \
         https://bedrock.profile\nbedrock-runtime =\n  endpoint_url = https://wrong.profile\n[profile all]\nendpoint_url = \
         https://all.profile\n[profile off]\nignore_configured_endpoint_urls = true\nendpoint_url = https://all.profile\n",
        "",
    );
    let bedrock = "AWS_ENDPOINT_URL_BEDROCK_RUNTIME";
    for (variables, expected) in [
        (&[][..], Some("https://bedrock.profile")),
        (&[("AWS_ENDPOINT_URL", "https://all.variable")], Some("https://all.variable")),
        (&[("AWS_ENDPOINT_URL", "https://all.variable"), (bedrock, "https://b.variable")], Some("https://b.variable")),
        (&[("AWS_ENDPOINT_URL", ""), (bedrock, "")], Some("https://bedrock.profile")),
        (&[("AWS_PROFILE", "all")], Some("https://all.profile")),
        (&[("AWS_PROFILE", "off")], None),
        (&[("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"), (bedrock, "https://b.variable")], None),
    ] {
        let found = home.read("", variables).unwrap().endpoint(BEDROCK_RUNTIME, false, false).unwrap();
        assert_eq!(found.as_ref().map(|given| given.value.as_str()), expected, "{variables:?}");
    }
}

#[test]
fn an_endpoint_with_a_password_is_an_error_that_does_not_quote_it() {
    let home = Home::new("", "");
    let environment = home.read("", &[("AWS_ENDPOINT_URL", "https://user:hunter2@b.example")]).unwrap();
    let error = environment.endpoint(BEDROCK_RUNTIME, false, false).unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    let message = error.message().as_str();
    assert_eq!(message, "bedrock: AWS_ENDPOINT_URL must not hold a user name or password");
}

#[test]
fn an_invalid_file_is_an_error_that_names_file_and_line_and_no_secret() {
    let secret = "wJalrXUtnFEMIK7MDENG";
    let home = Home::new(&format!("[default]\nregion = x\n{secret}\n"), "");
    let error = home.error("", &[]);
    assert_eq!(error.kind(), Kind::Config);
    let message = error.message().as_str();
    assert!(message.contains("/config is not valid in line 3: ") && !message.contains(secret), "{message}");
    let home = Home::new("", "[default]\nkey = \u{fffd}");
    std::fs::write(home.0.join("credentials"), b"[default]\nkey = \xff\n").unwrap();
    let error = home.error("", &[]);
    assert!(error.message().as_str().contains("/credentials is not valid in line 2: it is not UTF-8"), "{error}");
}

#[test]
fn a_missing_file_or_a_path_that_is_no_file_counts_as_empty() {
    let home = Home::new("", "");
    for path in ["/no/such/file", "/dev/null", "/"] {
        let environment = home.read("", &[("AWS_CONFIG_FILE", path), ("AWS_SHARED_CREDENTIALS_FILE", path)]).unwrap();
        assert_eq!(environment.region(&parsed("")).unwrap().value, DEFAULT_REGION);
    }
}

#[test]
fn a_named_profile_that_is_missing_is_an_error_with_its_name_and_the_files() {
    let home = Home::new("[profile work]\n", "[other]\n");
    for (members, variables) in [(r#","profile":"nobody""#, &[][..]), ("", &[("AWS_PROFILE", "nobody")])] {
        let error = home.error(members, variables);
        assert_eq!(error.kind(), Kind::Credentials);
        for part in ["\"nobody\"", "/config", "/credentials", "\"other\", \"work\""] {
            assert!(error.message().as_str().contains(part), "{error}");
        }
    }
    let keys = r#","api_key":"a","secret_key":"s""#;
    assert!(home.read(keys, &[("AWS_PROFILE", "nobody")]).is_ok(), "a program with keys of its own needs no profile");
}

#[test]
fn a_profile_with_a_quoted_name_is_found() {
    let home = Home::new("[profile \"my p\"]\nregion = eu-west-2\n", "[my p]\naws_access_key_id = AKIA\n");
    let environment = home.read("", &[("AWS_PROFILE", "my p")]).unwrap();
    assert_eq!(environment.region(&parsed("")).unwrap().value, "eu-west-2");
    assert_eq!(environment.profile.get("aws_access_key_id"), Some("AKIA"));
}

#[test]
fn the_bundle_is_the_variables_then_the_profiles_then_that_of_requests() {
    let home = Home::new("[default]\nca_bundle = /profile.pem\n[profile none]\n", "");
    let requests = ("REQUESTS_CA_BUNDLE", "/requests.pem");
    for (variables, expected) in [
        (&[("AWS_CA_BUNDLE", "/variable.pem"), requests][..], Some(("/variable.pem", "AWS_CA_BUNDLE"))),
        (&[("AWS_CA_BUNDLE", ""), requests], Some(("/profile.pem", "ca_bundle of the profile \"default\""))),
        (&[("AWS_PROFILE", "none"), requests], Some(("/requests.pem", "REQUESTS_CA_BUNDLE"))),
        (&[("AWS_PROFILE", "none")], None),
    ] {
        let found = home.read("", variables).unwrap().ca_bundle().map(|bundle| match bundle {
            CaBundle::Named { path, source } => (path.to_str().unwrap().to_owned(), source),
            CaBundle::Pem(_) => panic!("a bundle that the environment names is read later"),
        });
        assert_eq!(found, expected.map(|(path, by)| (path.to_owned(), by.to_owned())), "{variables:?}");
    }
    let environment = home.read("", &[("AWS_CA_BUNDLE", "/no/such/file.pem")]).unwrap();
    let error = environment.ca_bundle().unwrap().pem().unwrap_err();
    let expected = "bedrock: AWS_CA_BUNDLE names \"/no/such/file.pem\", which cannot be read: ";
    assert!(error.message().as_str().starts_with(expected) && error.kind() == Kind::Config, "{error}");
}

#[test]
fn a_program_with_more_rights_than_its_user_reads_nothing_of_that_user() {
    let environment = read("", Variables::withheld()).unwrap();
    assert_eq!(environment.region(&parsed("")).unwrap().value, DEFAULT_REGION);
    assert!(environment.profile.get("region").is_none() && environment.ca_bundle().is_none());
    let error = read(r#","profile":"work""#, Variables::withheld()).err().expect("it is refused");
    assert!(error.message().as_str().contains("more rights than its user"), "{error}");
}
