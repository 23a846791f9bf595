//! The settings under one name in AWS's files.

use super::sourced::Sourced;
use crate::config::secret::Secret;
use std::collections::HashMap;

/// A profile, or another section that holds settings. An empty value counts as unset.
#[derive(Clone, Default)]
pub struct Profile {
    pub name: String,
    pub(super) values: HashMap<String, Secret>,
    /// Whether the credentials file holds the access key. The chain of credential sources reads that file first.
    pub keys_in_credentials_file: bool,
}

impl Profile {
    pub(super) fn named(name: &str) -> Self {
        Profile { name: name.to_owned(), ..Profile::default() }
    }

    /// Returns the value of a key that is neither unset nor empty.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(|value| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Returns a value with its source.
    pub fn sourced(&self, key: &str) -> Option<Sourced> {
        Some(Sourced::new(self.get(key)?, self.source_of(key)))
    }

    /// Returns the words that name a key of this profile.
    pub fn source_of(&self, key: &str) -> String {
        format!("{key} of the profile \"{}\"", self.name)
    }
}
