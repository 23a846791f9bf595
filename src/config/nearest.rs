//! The known name that is nearest to an unknown one: another spelling, a typing mistake, or a name that other libraries
//! use.

use std::fmt;

/// The names that other libraries use for known keys, in lower case and without underscores. A name may mean one key at
/// the top and another one in an object.
pub(super) const ALIASES: [(&str, &str); 22] = [
    ("modelid", "model"),
    ("accesskey", "api_key"),
    ("accesskeyid", "api_key"),
    ("awsaccesskeyid", "api_key"),
    ("secretaccesskey", "secret_key"),
    ("awssecretaccesskey", "secret_key"),
    ("awssessiontoken", "session_token"),
    ("token", "bearer_token"),
    ("apitoken", "bearer_token"),
    ("awsprofile", "profile"),
    ("profilename", "profile"),
    ("awsregion", "region"),
    ("endpoint", "base_url"),
    ("endpointurl", "base_url"),
    ("cabundle", "ca_file"),
    ("http2", "http_version"),
    ("retries", "retry"),
    ("retryconfig", "retry"),
    ("maxretries", "retry"),
    ("maxretries", "max_attempts"),
    ("maxattempts", "retry"),
    ("readtimeout", "timeout"),
];

/// Members of requests that are easily mistaken for keys of the config, in lower case and without underscores.
const REQUEST_MEMBERS: [&str; 18] = [
    "additionalmodelrequestfields",
    "guardrailconfig",
    "inferenceconfig",
    "maxtokens",
    "messages",
    "outputconfig",
    "performanceconfig",
    "requestmetadata",
    "responseformat",
    "servicetier",
    "stop",
    "stopsequences",
    "system",
    "temperature",
    "toolchoice",
    "toolconfig",
    "tools",
    "topp",
];

/// The maximum length of a name that is compared. Longer names are not typing mistakes, and the comparison takes time
/// in proportion to their length.
const MAX_LENGTH: usize = 40;

/// Returns whether requests have a member of this name.
pub(super) fn is_request_member(key: &str) -> bool {
    key.len() <= MAX_LENGTH && REQUEST_MEMBERS.contains(&normalized(key).as_str())
}

/// Returns whether two names differ only in case, hyphens and underscores.
pub fn same_word(one: &str, other: &str) -> bool {
    one.len().max(other.len()) <= MAX_LENGTH && normalized(one) == normalized(other)
}

/// Returns the name in `known` that is the same word as `key`, or for which `key` is an alias.
pub(super) fn meant(key: &str, known: impl Iterator<Item = &'static str> + Clone) -> Option<&'static str> {
    let by_alias = || ALIASES.iter().filter(|(name, _)| same_word(name, key)).map(|&(_, meant)| meant);
    known
        .clone()
        .find(|known| same_word(known, key))
        .or_else(|| by_alias().find(|meant| known.clone().any(|key| key == *meant)))
}

/// The minimum length of a name with a near miss. Shorter names are too near to others.
const MIN_LENGTH: usize = 5;

/// Returns the name in `known` that differs from `key` in its case or by one typing mistake.
pub fn near_miss(key: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let lower = key.to_ascii_lowercase();
    let near = |known: &str| {
        known.len() >= MIN_LENGTH
            && lower.len().abs_diff(known.len()) <= 1
            && distance(&lower, &known.to_ascii_lowercase()) <= 1
    };
    let fits = (MIN_LENGTH..=MAX_LENGTH).contains(&key.len());
    known.filter(|_| fits).find(|known| same_word(known, key) || near(known))
}

/// Returns `key` in lower case, without hyphens and underscores.
fn normalized(key: &str) -> String {
    key.to_ascii_lowercase().replace(['-', '_'], "")
}

/// Returns the nearest name in `known`, if it is near enough to `key`.
pub(super) fn nearest(key: &str, known: impl Iterator<Item = &'static str> + Clone) -> Option<&'static str> {
    if key.len() > MAX_LENGTH {
        return None;
    }
    let key = key.to_ascii_lowercase().replace('-', "_");
    let normalized = normalized(&key);
    let mut by_alias = ALIASES.iter().filter(|(name, _)| *name == normalized).map(|&(_, meant)| meant);
    by_alias.find(|meant| known.clone().any(|known| known == *meant)).or_else(|| {
        let by_distance = known.map(|known| (distance(&key, known), known));
        let (distance, near) = by_distance.min_by_key(|&(distance, _)| distance)?;
        (distance <= (near.len() / 3).max(1)).then_some(near)
    })
}

/// Returns the reason of an error about a name that is not known. `what` is what it would be, a key or a member.
pub fn unknown_name(what: &str, meant: impl fmt::Display) -> String {
    format!("is not a known {what}; did you mean {meant}?")
}

/// Returns the Damerau-Levenshtein distance: how many characters must be inserted, deleted, changed or swapped with the
/// next one.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let changed = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut least = changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_counts_single_typing_mistakes() {
        for (from, to, expected) in [
            ("region", "region", 0),
            ("regoin", "region", 1),
            ("regon", "region", 1),
            ("", "ab", 2),
            ("math", "auth", 2),
        ] {
            assert_eq!(distance(from, to), expected, "{from} -> {to}");
        }
    }
}
