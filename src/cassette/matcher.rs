//! Finds the recorded response to a request.
//!
//! A request gets the first unused response to an equal request: with the same method, path and query, and a body with
//! the same meaning. Headers are ignored. Requests are found by a digest, however long the recording is. If there is
//! none, the error names the recorded request that is most similar.

use super::format::{Interaction, Request};
use super::json_diff::{Difference, difference};
use super::json_digest::{Digest, Digester};
use crate::error::{Error, Kind};
use crate::json::{Checked, Json};
use crate::runtime::sync::{Mutex, MutexGuard};
use std::collections::HashMap;

/// The maximum number of recorded requests that an error compares, and about the maximum number of their bytes.
const MAX_COMPARED: usize = 100;
const MAX_BYTES_COMPARED: usize = 16 << 20;

/// The interactions of a recording, and which of them were used.
pub struct Matcher {
    /// The recording as messages name it.
    name: String,
    interactions: Vec<Interaction>,
    digester: Digester,
    /// By method and path: the indexes of the interactions, in their order.
    by_target: HashMap<Target, Vec<usize>>,
    usage: Mutex<Usage>,
}

/// The method of a request, and its path, decoded.
type Target = (String, Vec<u8>);

/// The identity of a request.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestKey(Target, Digest);

/// The record of the interactions that were used.
struct Usage {
    used: Vec<bool>,
    /// By request: the indexes of the interactions, in their order, and how many of them were used.
    by_request: HashMap<RequestKey, (Vec<usize>, usize)>,
}

impl Matcher {
    pub fn new(name: String, interactions: Vec<Interaction>) -> Self {
        let digester = Digester::default();
        let mut by_target: HashMap<Target, Vec<usize>> = HashMap::new();
        let mut usage = Usage { used: vec![false; interactions.len()], by_request: HashMap::new() };
        for (index, Interaction { request, .. }) in interactions.iter().enumerate() {
            by_target.entry(target(request)).or_default().push(index);
            let key = RequestKey(target(request), digester.digest(&request.body));
            usage.by_request.entry(key).or_default().0.push(index);
        }
        Matcher { name, interactions, digester, by_target, usage: Mutex::new(usage) }
    }

    pub fn interaction(&self, index: usize) -> &Interaction {
        &self.interactions[index]
    }

    /// Returns the key of a request. Takes long for a long body.
    pub fn key(&self, request: &Request) -> RequestKey {
        RequestKey(target(request), self.digester.digest(&request.body))
    }

    /// Returns the index of the first unused interaction with an equal request, and marks it as used.
    pub fn take(&self, key: &RequestKey) -> Option<usize> {
        let mut usage = self.lock();
        let (interactions, used) = usage.by_request.get_mut(key)?;
        let &index = interactions.get(*used)?;
        *used += 1;
        usage.used[index] = true;
        Some(index)
    }

    /// Returns the error for a request without an unused interaction. May take long.
    pub fn not_found(&self, request: &Request, key: &RequestKey) -> Error {
        let (equal, candidates) = {
            let usage = self.lock();
            let equal = usage.by_request.get(key).map_or(0, |(interactions, _)| interactions.len());
            let candidates = self.by_target.get(&key.0).into_iter().flatten().copied();
            (equal, candidates.filter(|index| !usage.used[*index]).collect::<Vec<_>>())
        };
        let mut what = format!("the recording {} has no response to {} {}", self.name, request.method, request.path);
        if equal > 0 {
            what += &format!(": it has this request {equal} times, and all were used (each retry uses one)");
        } else if candidates.is_empty() {
            what += ": no unused request to that path is in it";
        }
        if let Some((index, compared, difference)) = self.most_similar(&request.body, &candidates) {
            let pointer = match difference.first.as_str() {
                "" => "as a whole",
                pointer => &format!("at {pointer}"),
            };
            let which = if compared < candidates.len() {
                format!("the most similar of the first {compared} unused ones")
            } else {
                "the most similar unused one".to_owned()
            };
            what += &format!("; the body of {which}, /interactions/{index}, differs {pointer}");
        }
        Error::new(Kind::Config, what).at("/transport/replay")
    }

    /// Returns the interaction whose body differs least, the number of bodies compared, and the difference.
    fn most_similar(&self, body: &[u8], candidates: &[usize]) -> Option<(usize, usize, Difference)> {
        let text = std::str::from_utf8(body).ok().map(Checked::from);
        let json = text.as_ref().and_then(|text| text.json().ok());
        let mut best: Option<(usize, Difference)> = None;
        let (mut compared, mut bytes) = (0, 0);
        for &index in candidates.iter().take(MAX_COMPARED) {
            if bytes > MAX_BYTES_COMPARED {
                break;
            }
            let recorded = &self.interactions[index].request.body;
            compared += 1;
            bytes += recorded.len() + body.len();
            let max_count = best.as_ref().map_or(usize::MAX, |(_, known)| known.count);
            let difference = body_difference(json, recorded, max_count);
            if difference.count < max_count || best.is_none() {
                best = Some((index, difference));
            }
        }
        best.map(|(index, difference)| (index, compared, difference))
    }

    fn lock(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock()
    }
}

/// Returns the difference between a body and a recorded one that is not equal.
fn body_difference(json: Option<Json<'_>>, recorded: &[u8], max_count: usize) -> Difference {
    let recorded = std::str::from_utf8(recorded).ok().map(Checked::from);
    let recorded = recorded.as_ref().and_then(|text| text.json().ok());
    let difference = json.zip(recorded).and_then(|(json, recorded)| difference(json, recorded, max_count));
    difference.unwrap_or_else(|| Difference { first: String::new(), count: 1 })
}

fn target(request: &Request) -> Target {
    (request.method.clone(), percent_decoded(&request.path))
}

/// Returns a path in which valid percent-encodings are decoded.
fn percent_decoded(path: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|digits| first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let code = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_does_not_distinguish_paths() {
        for (one, other) in [("/model/a%3A0/converse", "/model/a:0/converse"), ("/%2f", "/%2F"), ("/%zz%", "/%zz%")] {
            assert_eq!(percent_decoded(one), percent_decoded(other));
        }
        assert_ne!(percent_decoded("/a%3A"), percent_decoded("/a%3B"));
    }
}
