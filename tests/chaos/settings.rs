//! The command line: names of parts, and settings as `key=value`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub struct Settings {
    names: Vec<String>,
    values: BTreeMap<String, String>,
    /// The keys that were read, for the error about an unknown one.
    known: RefCell<Vec<String>>,
    pub seed: u64,
}

impl Settings {
    /// Parses the arguments. Those that begin with '-' are ignored: cargo passes them for libtest.
    pub fn of(arguments: impl Iterator<Item = String>) -> Result<Settings, String> {
        let (mut names, mut values) = (Vec::new(), BTreeMap::new());
        for argument in arguments.filter(|argument| !argument.starts_with('-')) {
            match argument.split_once('=') {
                Some((key, value)) => drop(values.insert(key.to_owned(), value.to_owned())),
                None => names.push(argument),
            }
        }
        let seed = match values.remove("seed") {
            Some(seed) => seed.parse().map_err(|_| format!("seed={seed} is not a number"))?,
            None => {
                SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_millis() as u64 % 1_000_000)
            }
        };
        Ok(Settings { names, values, known: RefCell::default(), seed })
    }

    /// Whether a part is selected. Without names all parts are.
    pub fn selects(&self, part: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| part.contains(name.as_str()))
    }

    /// Whether there is no setting except the seed, as in CI.
    pub fn is_plain(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns a setting, or the default.
    pub fn get<T: FromStr<Err: Display>>(&self, key: &str, default: T) -> T {
        self.known.borrow_mut().push(key.to_owned());
        match self.values.get(key) {
            None => default,
            Some(value) => value.parse().unwrap_or_else(|error| panic!("{key}={value}: {error}")),
        }
    }

    /// Returns a setting in seconds.
    pub fn seconds(&self, key: &str, default: f64) -> Duration {
        Duration::from_secs_f64(self.get(key, default))
    }

    /// Panics if a setting was given that was not read.
    pub fn reject_unknown(&self) {
        let known = self.known.borrow();
        for key in self.values.keys() {
            assert!(known.contains(key), "there is no setting {key}; there are seed and {known:?}");
        }
    }
}
