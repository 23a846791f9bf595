//! What the files say under one name.

use super::given::Given;
use crate::config::Secret;
use std::collections::HashMap;

/// A profile, or another section that holds settings. A value that is empty is not given.
#[derive(Clone, Default)]
pub struct Profile {
    pub name: String,
    pub(super) values: HashMap<String, Secret>,
    /// Whether the keys of an access stand in the credentials file, which the chain of credentials asks earlier.
    pub keys_in_credentials_file: bool,
}

impl Profile {
    pub(super) fn named(name: &str) -> Self {
        Profile { name: name.to_owned(), ..Profile::default() }
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(|value| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A value, with the words that name its place.
    pub fn given(&self, key: &str) -> Option<Given> {
        Some(Given::new(self.get(key)?, self.place(key)))
    }

    /// The words that name the place of a key.
    pub fn place(&self, key: &str) -> String {
        format!("{key} of the profile \"{}\"", self.name)
    }
}
