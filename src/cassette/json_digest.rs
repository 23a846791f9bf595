//! A digest of the meaning of a body, with 128 bits. Digests are equal if [`difference`](super::json_diff::difference)
//! finds none, and otherwise different except with negligible probability. So a request is found among many without
//! comparing them.

use crate::json::{Checked, Json, Kind, Parts};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

/// The member of a body that differs each time the same job is requested, and is ignored.
pub const TOKEN: &str = "clientRequestToken";

/// Digests of one [`Digester`] are comparable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(u64, u64);

/// Computes digests, with a random key.
#[derive(Default)]
pub struct Digester(RandomState, RandomState);

/// The kind of data that a digest is computed from.
#[derive(Clone, Copy, Hash)]
enum Source {
    NotJson,
    Literal,
    Number,
    /// A number whose exponent is too large, as text.
    NumberText,
    String,
    Array,
    Object,
}

/// An array or object that is partly digested.
struct Container<'a> {
    rest: Parts<'a>,
    object: bool,
    /// The digests of the keys and the values so far.
    parts: Vec<(Option<Digest>, Digest)>,
    /// The digest of its own key.
    key: Option<Digest>,
}

impl Digester {
    /// Returns the digest of a body, which need not be JSON.
    pub fn digest(&self, body: &[u8]) -> Digest {
        let text = std::str::from_utf8(body).ok();
        match text.map(Checked::from).as_ref().map(Checked::json) {
            Some(Ok(json)) => self.digest_json(json),
            _ => self.hash(Source::NotJson, |hasher| hasher.write(body)),
        }
    }

    /// Computes the digest without recursion: a request may nest deeply.
    fn digest_json(&self, json: Json<'_>) -> Digest {
        let mut open: Vec<Container<'_>> = Vec::new();
        let (mut value, mut key) = (json, None);
        loop {
            let mut done = match value.kind() {
                kind @ (Kind::Array | Kind::Object) => {
                    open.push(Container { rest: value.parts(), object: kind == Kind::Object, parts: Vec::new(), key });
                    None
                }
                _ => Some((key, self.digest_scalar(value))),
            };
            // Continues with the next part of the innermost container that has one.
            loop {
                let outermost = open.len() == 1;
                let Some(inner) = open.last_mut() else { return done.expect("a value that is no container").1 };
                inner.parts.extend(done);
                let next = inner.rest.find(|part| !(outermost && part.key.is_some_and(|key| key.is(TOKEN))));
                if let Some(part) = next {
                    (value, key) = (part.value, part.key.map(|key| self.digest_scalar(key)));
                    break;
                }
                done = open.pop().map(|closed| (closed.key, self.digest_container(closed)));
            }
        }
    }

    fn digest_container(&self, Container { object, mut parts, .. }: Container<'_>) -> Digest {
        if object {
            // The last of duplicate keys counts. The order of keys does not.
            parts.reverse();
            parts.sort_by_key(|(key, _)| *key);
            parts.dedup_by_key(|(key, _)| *key);
        }
        self.hash(if object { Source::Object } else { Source::Array }, |hasher| parts.hash(hasher))
    }

    fn digest_scalar(&self, json: Json<'_>) -> Digest {
        match json.kind() {
            Kind::String => {
                let text = json.string().unwrap_or_default();
                self.hash(Source::String, |hasher| hasher.write(text.as_bytes()))
            }
            Kind::Number => match decimal(json.text()) {
                Some(number) => self.hash(Source::Number, |hasher| number.hash(hasher)),
                None => self.hash(Source::NumberText, |hasher| json.text().hash(hasher)),
            },
            _ => self.hash(Source::Literal, |hasher| json.text().hash(hasher)),
        }
    }

    fn hash(&self, source: Source, all: impl Fn(&mut std::hash::DefaultHasher)) -> Digest {
        let [one, other] = [&self.0, &self.1].map(|state| {
            let mut hasher = state.build_hasher();
            source.hash(&mut hasher);
            all(&mut hasher);
            hasher.finish()
        });
        Digest(one, other)
    }
}

/// Returns the sign of a number, its digits without leading and trailing zeros, and its exponent; None if the exponent
/// is too large.
pub fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (negative, mantissa) = mantissa.strip_prefix('-').map_or((false, mantissa), |positive| (true, positive));
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{integer}{fraction}");
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Some((false, String::new(), 0));
    }
    let exponent = exponent.parse::<i64>().ok()?.checked_sub(fraction.len() as i64)?;
    let exponent = exponent.checked_add((digits.len() - significant.len()) as i64)?;
    Some((negative, significant.trim_start_matches('0').to_owned(), exponent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cassette::format::read;
    use crate::cassette::json_diff::difference;

    #[test]
    fn reading_and_comparing_the_deepest_nesting_takes_little_stack() {
        let deep = |inside: &str| format!("{}{inside}{}", "{\"a\":[".repeat(250), "]}".repeat(250));
        let read_and_compare = move || {
            let request = format!(r#"{{"method": "POST", "path": "/", "headers": {{}}, "body": {}}}"#, deep("1"));
            let interaction = format!(r#"{{"request": {request}, "failure": "gone"}}"#);
            let text = format!(r#"{{"bedrock_recording": 1, "interactions": [{interaction}]}}"#);
            let recorded = &read(&text).expect("a recording")[0].request.body;
            let (digester, other) = (Digester::default(), deep("2"));
            assert_ne!(digester.digest(recorded), digester.digest(other.as_bytes()));
            let [one, other] = [deep("1"), other];
            let [one, other] = [&one, &other].map(|text| Json::parse(text).expect("JSON"));
            assert_eq!(difference(one, other, 9).map(|difference| difference.first), Some("/a/0".repeat(250)));
        };
        // A recursion of 500 levels would need more.
        let thread = std::thread::Builder::new().stack_size(64 << 10).spawn(read_and_compare).expect("a thread");
        thread.join().expect("it ends");
    }

    #[test]
    fn digests_are_equal_exactly_if_nothing_differs() {
        let deep = |inside: &str| format!("{}{inside}{}", "[".repeat(511), "]".repeat(511));
        let digester = Digester::default();
        for (one, other, same) in [
            (r#"{"a":1,"b":[true,null]}"#, "{ \"b\" : [true, null],\n\"a\" : 1.0 }", true),
            ("[100, 1.50, 0, -0.0, 12e-1]", "[1e2, 1.5, 0.0, 0, 1.2]", true),
            ("[1e99999999999999999999]", "[1e99999999999999999999]", true),
            ("[1e99999999999999999999]", "[1E99999999999999999999]", false),
            (r#""\u00e9\n\ud800""#, "\"\u{e9}\\u000a\u{fffd}\"", true),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#, true),
            (r#"{"a":1,"a":2}"#, r#"{"a":1}"#, false),
            (r#"{"\u0061":1}"#, r#"{"a":1}"#, true),
            ("[1,2]", "[2,1]", false),
            ("[[1],2]", "[1,[2]]", false),
            ("[]", "{}", false),
            ("[\"1\"]", "[1]", false),
            ("[null]", "[\"null\"]", false),
            (r#"{"a":{"b":1}}"#, r#"{"a":{},"b":1}"#, false),
            ("18446744073709551617", "18446744073709551618", false),
            (r#"{"a":1,"clientRequestToken":"x"}"#, r#"{"clientRequestToken":{"y":2},"a":1}"#, true),
            (r#"{"a":1,"clientRequestToken":"x"}"#, r#"{"a":1}"#, true),
            (r#"{"a":{"clientRequestToken":"x"}}"#, r#"{"a":{"clientRequestToken":"y"}}"#, false),
            (&deep("1"), &deep("1.0"), true),
            (&deep("1"), &deep("2"), false),
        ] {
            assert_eq!(digester.digest(one.as_bytes()) == digester.digest(other.as_bytes()), same, "{one} and {other}");
            let [json, other_json] = [one, other].map(|text| Json::parse(text).expect("JSON"));
            assert_eq!(difference(json, other_json, usize::MAX).is_none(), same, "{one} and {other}");
        }
        assert_eq!(digester.digest(b"\xff"), digester.digest(b"\xff"));
        assert_ne!(digester.digest(b"\xff"), digester.digest(b"\xfe"));
        assert_ne!(digester.digest(b""), digester.digest(b"\"\""));
    }
}
