//! AWS's config file and credentials file.

use super::file_stamps::FileStamps;
use super::ini::{self, Entry, Section};
use super::profile::Profile;
use super::variables::Variables;
use crate::config::secret::Secret;
use crate::error::{Error, Kind, Result, quote_up_to};
use crate::sys::regular_file;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The maximum size of a file, more than any needs.
const MAX_SIZE: u64 = 16 << 20;
/// Paths are quoted longer than other texts, because their ends distinguish them.
const PATH_QUOTE: usize = 400;
/// The maximum number of profiles that an error names.
const MAX_NAMES: usize = 10;

/// The settings of both files.
#[derive(Default)]
pub struct Files {
    /// The user's home folder.
    pub home: Option<PathBuf>,
    pub config: PathBuf,
    pub credentials: PathBuf,
    /// Both files as they were before they were read.
    pub stamps: FileStamps,
    profiles: HashMap<String, Profile>,
    sso_sessions: HashMap<String, Profile>,
    /// The settings of each service, by the name of the section and of the service.
    services: HashMap<String, HashMap<String, HashMap<String, String>>>,
}

impl Files {
    /// The variables that name the files.
    pub const VARIABLES: [&str; 3] = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "HOME"];

    /// Reads both files. Blocks. A missing file counts as empty.
    pub fn read(variables: &Variables) -> Result<Self> {
        if variables.are_withheld() {
            return Ok(Files::default());
        }
        let home = variables.home();
        let variables = variables.with_home(home.as_deref());
        let path = |variable, usual| variables.expand(variables.get(variable).unwrap_or(usual));
        let config = path("AWS_CONFIG_FILE", "~/.aws/config");
        let credentials = path("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials");
        let mut files = Files { home, config, credentials, ..Files::default() };
        files.stamps.add(&files.config);
        files.stamps.add(&files.credentials);
        for section in sections(&files.config)? {
            files.add_config(section);
        }
        for section in sections(&files.credentials)? {
            files.add_credentials(section);
        }
        Ok(files)
    }

    /// Returns the profile of this name.
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    /// Returns the `[sso-session NAME]` section of this name.
    pub fn sso_session(&self, name: &str) -> Option<&Profile> {
        self.sso_sessions.get(name)
    }

    /// Returns a setting of one service in a `[services NAME]` section.
    pub fn of_service(&self, services: &str, service: &str, key: &str) -> Option<&str> {
        let value = self.services.get(services)?.get(service)?.get(key)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// Returns the error for a profile that neither file has. `source` is the setting that names it.
    pub fn unknown_profile(&self, name: &str, source: &str) -> Error {
        let mut known: Vec<_> = self.profiles.keys().map(|name| format!("\"{name}\"")).collect();
        known.sort();
        if known.len() > MAX_NAMES {
            let more = known.split_off(MAX_NAMES).len();
            known.push(format!("and {more} more"));
        }
        let known = if known.is_empty() { "no profile at all".to_owned() } else { known.join(", ") };
        let what = format_args!(
            "the profile {} ({source}) is neither in {} nor in {}, which hold {known}. Check the name, and whether these \
             are the files you mean (AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE)",
            quote_up_to(name, PATH_QUOTE),
            self.config.display(),
            self.credentials.display(),
        );
        Error::new(Kind::Credentials, what)
    }

    fn add_config(&mut self, section: Section) {
        if section.name == "default" {
            return self.add_profile("default", section.entries);
        }
        let words = ini::words(&section.name).unwrap_or_default();
        match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["profile", name] => self.add_profile(name, section.entries),
            ["sso-session", name] => {
                let session = self.sso_sessions.entry(name.to_owned()).or_insert_with(|| Profile::named(name));
                session.values.extend(section.entries.into_iter().map(|entry| (entry.key, Secret::new(entry.value))));
            }
            ["services", name] => {
                let services = self.services.entry(name.to_owned()).or_default();
                services
                    .extend(section.entries.into_iter().map(|entry| (entry.key, entry.nested.into_iter().collect())));
            }
            _ => {}
        }
    }

    /// Adds a section of the credentials file, whose name is the profile's. Its values win over those of the config
    /// file.
    fn add_credentials(&mut self, section: Section) {
        let holds_keys =
            section.entries.iter().any(|entry| entry.key == "aws_access_key_id" && !entry.value.is_empty());
        self.add_profile(&section.name, section.entries);
        if let Some(profile) = self.profiles.get_mut(&section.name) {
            profile.keys_in_credentials_file = holds_keys;
        }
    }

    fn add_profile(&mut self, name: &str, entries: Vec<Entry>) {
        let profile = self.profiles.entry(name.to_owned()).or_insert_with(|| Profile::named(name));
        profile.values.extend(entries.into_iter().map(|entry| (entry.key, Secret::new(entry.value))));
    }
}

fn sections(path: &Path) -> Result<Vec<Section>> {
    let Some(text) = text(path)? else { return Ok(Vec::new()) };
    ini::parse(&text).map_err(|fault| invalid(path, fault.line, fault.what))
}

/// Returns the text of a file. A path without access, such as the home of another user, counts as missing, and so does
/// a path that is no regular file: reading a pipe could block without a limit.
fn text(path: &Path) -> Result<Option<Secret>> {
    if !std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return Ok(None);
    }
    let read = regular_file::read(path, MAX_SIZE).map_err(|error| {
        let name = path.display();
        let what =
            format_args!("the file {name} cannot be read: {error}. Correct its permissions, or name another file");
        Error::new(Kind::Config, what)
    });
    match String::from_utf8(read?) {
        Ok(text) => Ok(Some(Secret::new(text))),
        Err(error) => {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = valid.iter().filter(|&&byte| byte == b'\n').count() + 1;
            Err(invalid(path, line, "it is not UTF-8"))
        }
    }
}

/// Returns the error for a file with a fault.
fn invalid(path: &Path, line: usize, what: &str) -> Error {
    let name = path.display();
    Error::new(
        Kind::Config,
        format_args!("the file {name} is not valid in line {line}: {what}. Correct it, or name another file"),
    )
}
