//! Credentials that a command prints: `credential_process` of a profile.

use super::access_keys::AccessKeys;
use super::credentials_json;
use super::expiry::{check_expiry, parse_time};
use super::fetch::FetchCredentials;
use super::run_command::{self, Printed};
use crate::config::environment::Sourced;
use crate::error::{Error, Kind, Result};
use crate::json::Json;
use aws_credential_types::Credentials;

/// A command for the shell, and the key of the profile that contains it.
#[derive(Debug)]
pub struct CredentialProcess(Sourced);

/// The next step after a failure.
const ADVICE: &str = "Run the command by hand to see why";

impl CredentialProcess {
    /// Returns the provider that runs this command.
    pub fn new(command: Sourced) -> Self {
        CredentialProcess(command)
    }

    fn failed(&self, what: &str) -> Error {
        Error::new(Kind::Credentials, format_args!("{} failed: {what}", self.0.source)).advise(ADVICE)
    }
}

impl FetchCredentials for CredentialProcess {
    async fn fetch(&self) -> Result<Credentials> {
        let by = &self.0.source;
        let printed = run_command::run(&self.0.value).await;
        let Printed { stdout, stderr, status } = printed.map_err(|error| self.failed(&error.to_string()))?;
        if let Some(failed) = status.filter(|status| !status.success()) {
            let error = self.failed(&format!("it ended with {failed}"));
            return Err(match stderr.trim() {
                "" => error,
                // With the advice, which the log does not have: a command may print a secret.
                stderr => error.advise(&format!("It printed: {stderr}. {ADVICE}")),
            });
        }
        let json = std::str::from_utf8(&stdout).ok().and_then(|text| Json::parse(text).ok());
        let json = json.ok_or_else(|| self.failed("its output is not JSON"))?;
        // botocore matches these names exactly, and other SDKs ignore the case.
        let member = |name: &str| {
            let is = |key: Json<'_>| key.string().is_some_and(|key| key.eq_ignore_ascii_case(name));
            json.members().find(|member| is(member.key)).map(|member| member.value)
        };
        let text = |name: &str| {
            let wrong = |wrong| self.failed(&format!("its output has a member {name} that {wrong}"));
            credentials_json::text_of(member(name)).map_err(wrong)
        };
        let lacks = |name: &str| self.failed(&format!("its output has no {name}"));
        match member("Version").map(|version| version.i64()) {
            Some(Some(1)) => {}
            Some(_) => return Err(self.failed("its output has a Version that is not 1")),
            None => return Err(lacks("Version")),
        }
        let (access, secret) = (text("AccessKeyId")?, text("SecretAccessKey")?);
        let access = access.ok_or_else(|| lacks("AccessKeyId"))?;
        let secret = secret.ok_or_else(|| lacks("SecretAccessKey"))?;
        let keys = AccessKeys::fetched(&access, &secret, text("SessionToken")?.as_deref(), by)?;
        let expiry = text("Expiration")?
            .map(|text| parse_time(&text).ok_or_else(|| self.failed("its output has no valid Expiration")));
        let expiry = expiry.transpose()?;
        check_expiry(expiry, by, "Run the command by hand, and look at this machine's clock")?;
        Ok(keys.with_expiry(expiry))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fetch::provider;
    use super::*;
    use aws_credential_types::provider::ProvideCredentials;
    use std::time::Duration;
    use tokio::time::{Instant, sleep, timeout};

    /// Returns whether a process runs. One that has ended may still have to be reaped.
    fn runs(process: i32) -> bool {
        std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    }

    async fn printed(members: &str) -> Result<Credentials> {
        let json = format!(r#"{{"Version":1,"AccessKeyId":"AKIA","SecretAccessKey":"s"{members}}}"#);
        let command = Sourced::new(format!("echo '{json}'"), "credential_process of the profile \"p\"");
        CredentialProcess::new(command).fetch().await
    }

    #[tokio::test]
    async fn a_member_that_is_no_string_is_an_error_that_names_it() {
        for (members, name) in [(r#","Expiration":1893456000"#, "Expiration"), (r#","SessionToken":5"#, "SessionToken")]
        {
            let error = printed(members).await.unwrap_err();
            let message = error.message().as_str();
            assert!(message.contains(&format!("its output has a member {name} that is not a string")), "{message}");
        }
        assert_eq!(printed(r#","Expiration":null"#).await.unwrap().expiry(), None);
        let offset = printed(r#","Expiration":"2030-01-01T01:00:00+0100""#).await.unwrap();
        assert_eq!(offset.expiry(), parse_time("2030-01-01T00:00:00Z"));
    }

    #[tokio::test]
    async fn a_command_that_does_not_end_is_killed_with_its_child_after_a_minute() {
        let file = std::env::temp_dir().join(format!("bedrock-minute-{}", std::process::id()));
        let command = format!("sleep 600 & echo $! >> {0}; echo $$ >> {0}; wait", file.display());
        let command = Sourced::new(&command, "credential_process of the profile \"slow\"");
        let fetching = provider(CredentialProcess::new(command));
        let began = Instant::now();
        let mut fetching = std::pin::pin!(fetching.provide_credentials());
        let mut processes = Vec::<i32>::new();
        while processes.len() < 2 {
            assert!(timeout(Duration::from_millis(10), fetching.as_mut()).await.is_err(), "it runs");
            assert!(began.elapsed() < Duration::from_secs(20), "the command does not start");
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            processes = text.split_ascii_whitespace().filter_map(|process| process.parse().ok()).collect();
        }
        std::fs::remove_file(&file).unwrap();
        assert!(processes.iter().all(|process| runs(*process)));
        // From now on, time passes as fast as everything waits for it.
        tokio::time::pause();
        let error = fetching.await.unwrap_err();
        let own = crate::error::find::<Error>(&error).expect("an error of this library");
        assert!(own.message().as_str().contains("took longer than 1m"), "{own}");
        let took = began.elapsed();
        assert!((60..65).contains(&took.as_secs()), "{took:?}");
        tokio::time::resume();
        for process in processes {
            for _ in 0..1000 {
                if runs(process) {
                    sleep(Duration::from_millis(10)).await;
                }
            }
            assert!(!runs(process), "{process} lives on");
        }
    }
}
