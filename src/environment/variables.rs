//! The variables that AWS's rules and ours read.

use std::collections::HashMap;
use std::path::PathBuf;

/// The variables as they were at one moment. One that is empty is not given: that is how people and compose files unset
/// one.
pub struct Variables(HashMap<String, String>);

impl Variables {
    /// Takes those of this process.
    pub fn of_process() -> Self {
        let wanted = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let wanted = name.starts_with("AWS_") || name == "REQUESTS_CA_BUNDLE";
            wanted.then(|| (name, value.to_string_lossy().into_owned()))
        });
        Variables(wanted.collect())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The first of these that is given, with its name.
    pub fn first<'n>(&self, names: &[&'n str]) -> Option<(&'n str, &str)> {
        names.iter().find_map(|name| Some((*name, self.get(name)?)))
    }

    #[cfg(test)]
    pub fn of(variables: &[(&str, &str)]) -> Self {
        Variables(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }
}

/// A path in which `~` at the beginning is the user's home.
pub fn expand(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}
