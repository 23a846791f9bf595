//! The environment variables that the library reads, as they were when a model was made.
//!
//! They are read once, on the thread that makes the model. A thread of the library must not read them: that would race
//! with `setenv` in the program. Only the C library's resolver, and the SDK's provider for `aws login`, read them
//! there. A program that has more rights than its user reads nothing from that user's environment.

use crate::config::secret::Secret;
use crate::sys::secure;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The variable that holds a Bedrock API key.
pub const BEARER_VARIABLE: &str = "AWS_BEARER_TOKEN_BEDROCK";

/// The variables at one moment. An empty variable counts as unset, because users and compose files unset variables that
/// way.
#[derive(Clone, Default)]
pub struct Variables(Arc<Snapshot>);

#[derive(Default)]
struct Snapshot {
    values: HashMap<String, Secret>,
    /// Whether the program has more rights than its user. Then there are no values, and no files of the user are read.
    privileged: bool,
}

/// The variables that are read, besides those that begin with AWS_.
const NAMES: [&str; 13] = [
    "HOME",
    "REQUESTS_CA_BUNDLE",
    "REQUEST_METHOD",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
];

impl Variables {
    /// Reads the variables of this process.
    pub fn of_process() -> Self {
        if secure::is_privileged() {
            return Variables(Arc::new(Snapshot { values: HashMap::new(), privileged: true }));
        }
        let wanted = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let wanted = name.starts_with("AWS_") || NAMES.contains(&name.as_str());
            let value = || value.into_string().unwrap_or_else(|invalid| invalid.to_string_lossy().into_owned());
            wanted.then(|| (name, Secret::new(value())))
        });
        Variables(Arc::new(Snapshot { values: wanted.collect(), privileged: false }))
    }

    /// Returns the value of a variable that is neither unset nor empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.values.get(name).map(|value| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Returns whether a variable is set, even if it is empty.
    pub fn is_set(&self, name: &str) -> bool {
        self.0.values.contains_key(name)
    }

    /// Returns the first of `names` that has a value, and the value.
    pub fn first<'n>(&self, names: &[&'n str]) -> Option<(&'n str, &str)> {
        names.iter().find_map(|name| Some((*name, self.get(name)?)))
    }

    /// Returns whether the program has more rights than its user. There are then no values, and the user's files are
    /// not read.
    pub fn are_withheld(&self) -> bool {
        self.0.privileged
    }

    /// Returns the user's home: HOME, else the entry in the user database. Blocks.
    pub fn home(&self) -> Option<PathBuf> {
        let of_variable = self.get("HOME").map(PathBuf::from);
        of_variable.or_else(|| std::env::home_dir().filter(|_| !self.0.privileged))
    }

    /// Returns the same variables, with `home` as HOME if HOME has no value.
    pub fn with_home(&self, home: Option<&Path>) -> Self {
        match home {
            Some(home) if self.get("HOME").is_none() => {
                let mut values = self.0.values.clone();
                values.insert("HOME".to_owned(), Secret::new(home.to_string_lossy().into_owned()));
                Variables(Arc::new(Snapshot { values, privileged: self.0.privileged }))
            }
            _ => self.clone(),
        }
    }

    /// Returns the path, with the user's home in place of a `~` at its start.
    pub fn expand(&self, path: &str) -> PathBuf {
        match path.strip_prefix("~/").zip(self.get("HOME")) {
            Some((rest, home)) => Path::new(home).join(rest),
            None => PathBuf::from(path),
        }
    }

    #[cfg(test)]
    pub fn of(variables: &[(&str, &str)]) -> Self {
        let values =
            variables.iter().map(|(name, value)| ((*name).to_owned(), Secret::new((*value).to_owned()))).collect();
        Variables(Arc::new(Snapshot { values, privileged: false }))
    }

    #[cfg(test)]
    pub fn withheld() -> Self {
        Variables(Arc::new(Snapshot { values: HashMap::new(), privileged: true }))
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Variables")
    }
}
