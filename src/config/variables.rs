//! The environment variables that the library reads, as they were when a model was made.
//!
//! They are read once, on the thread that makes the model, and not on one of the library's own: `setenv` of the host would
//! race with that. Only code of others still does that: the C library's resolver, and the provider of `aws login`. A program
//! that has more rights than its user takes nothing from that user's environment.

use crate::sys::secure;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The variables as they were at one moment. One that is empty is not given: that is how people and compose files unset
/// one.
#[derive(Clone, Default)]
pub struct Variables(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Some of them are secrets.
    values: HashMap<String, Zeroizing<String>>,
    /// Whether nothing is taken from the user, neither variables nor files of the home.
    privileged: bool,
}

/// Names beside those that begin with AWS_.
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
    /// Takes those of this process.
    pub fn of_process() -> Self {
        if secure::is_privileged() {
            return Variables(Arc::new(Inner { values: HashMap::new(), privileged: true }));
        }
        let wanted = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let wanted = name.starts_with("AWS_") || NAMES.contains(&name.as_str());
            wanted.then(|| {
                (name, Zeroizing::new(value.into_string().unwrap_or_else(|odd| odd.to_string_lossy().into_owned())))
            })
        });
        Variables(Arc::new(Inner { values: wanted.collect(), privileged: false }))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.values.get(name).map(|value| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Whether a variable is there, whatever its value.
    pub fn is_set(&self, name: &str) -> bool {
        self.0.values.contains_key(name)
    }

    /// The first of these that is given, with its name.
    pub fn first<'n>(&self, names: &[&'n str]) -> Option<(&'n str, &str)> {
        names.iter().find_map(|name| Some((*name, self.get(name)?)))
    }

    /// Whether the program has more rights than its user: then these are empty, and the user's files are not read.
    pub fn are_withheld(&self) -> bool {
        self.0.privileged
    }

    /// The user's home: the variable's, else the one in the list of users. Blocks.
    pub fn home(&self) -> Option<PathBuf> {
        let of_variable = self.get("HOME").map(PathBuf::from);
        of_variable.or_else(|| std::env::home_dir().filter(|_| !self.0.privileged))
    }

    /// The same with this home, where none is given.
    pub fn with_home(&self, home: Option<&Path>) -> Self {
        match home {
            Some(home) if self.get("HOME").is_none() => {
                let mut values = self.0.values.clone();
                values.insert("HOME".to_owned(), Zeroizing::new(home.to_string_lossy().into_owned()));
                Variables(Arc::new(Inner { values, privileged: self.0.privileged }))
            }
            _ => self.clone(),
        }
    }

    /// A path in which `~` at the beginning is the user's home.
    pub fn expand(&self, path: &str) -> PathBuf {
        match path.strip_prefix("~/").zip(self.get("HOME")) {
            Some((rest, home)) => Path::new(home).join(rest),
            None => PathBuf::from(path),
        }
    }

    #[cfg(test)]
    pub fn of(variables: &[(&str, &str)]) -> Self {
        let values =
            variables.iter().map(|(name, value)| ((*name).to_owned(), Zeroizing::new((*value).to_owned()))).collect();
        Variables(Arc::new(Inner { values, privileged: false }))
    }

    #[cfg(test)]
    pub fn withheld() -> Self {
        Variables(Arc::new(Inner { values: HashMap::new(), privileged: true }))
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Variables")
    }
}
