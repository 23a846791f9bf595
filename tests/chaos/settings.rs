//! What is asked for on the command line: names of parts, and settings as `key=value`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub struct Settings {
    names: Vec<String>,
    values: BTreeMap<String, String>,
    /// The keys that a part knows, for the message about one that none knows.
    asked: RefCell<Vec<String>>,
    pub seed: u64,
}

impl Settings {
    /// Arguments that begin with '-' belong to libtest, which is not here.
    pub fn of(arguments: impl Iterator<Item = String>) -> Result<Settings, String> {
        let (mut names, mut values) = (Vec::new(), BTreeMap::new());
        for argument in arguments.filter(|argument| !argument.starts_with('-')) {
            match argument.split_once('=') {
                Some((key, value)) => drop(values.insert(key.to_owned(), value.to_owned())),
                None => names.push(argument),
            }
        }
        let seed = match values.remove("seed") {
            Some(seed) => seed.parse().map_err(|_| format!("seed={seed} is no number"))?,
            None => {
                SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_millis() as u64 % 1_000_000)
            }
        };
        Ok(Settings { names, values, asked: RefCell::default(), seed })
    }

    /// Whether a part is to run. Without names all do.
    pub fn selects(&self, part: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| part.contains(name.as_str()))
    }

    /// Whether nothing was set but the seed: what runs in CI.
    pub fn is_plain(&self) -> bool {
        self.values.is_empty()
    }

    /// A setting, or what it is where nobody gives it.
    pub fn get<T: FromStr<Err: Display>>(&self, key: &str, fallback: T) -> T {
        self.asked.borrow_mut().push(key.to_owned());
        match self.values.get(key) {
            None => fallback,
            Some(value) => value.parse().unwrap_or_else(|error| panic!("{key}={value}: {error}")),
        }
    }

    /// A setting in seconds.
    pub fn seconds(&self, key: &str, fallback: f64) -> Duration {
        Duration::from_secs_f64(self.get(key, fallback))
    }

    /// Panics if a setting was given that nothing has asked for.
    pub fn all_known(&self) {
        let asked = self.asked.borrow();
        for key in self.values.keys() {
            assert!(asked.contains(key), "there is no setting {key}; there are seed and {asked:?}");
        }
    }
}
