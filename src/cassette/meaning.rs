//! What a body says, as a number of 128 bits: equal where [`difference`](super::differ::difference) finds none, and otherwise
//! different for all that can be expected. So a request is found among many without a look at any of them.

use crate::json::{Checked, Json, Kind, Parts};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

/// A job's token, a member of a body: it is another each time the job is asked for, and says nothing.
pub const TOKEN: &str = "clientRequestToken";

/// See the module. Comparable where the same [`Meanings`] gave them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Meaning(u64, u64);

/// Finds meanings out, by a key that nobody can guess.
#[derive(Default)]
pub struct Meanings(RandomState, RandomState);

/// What a number is made of.
#[derive(Clone, Copy, Hash)]
enum Made {
    NoJson,
    Word,
    Number,
    /// A number that is beyond reason, as it is written.
    Digits,
    String,
    Array,
    Object,
}

/// An array or object of which a part has been looked at.
struct Open<'a> {
    rest: Parts<'a>,
    object: bool,
    /// Of its parts so far: their keys' and their values'.
    parts: Vec<(Option<Meaning>, Meaning)>,
    /// The key under which it stands itself.
    key: Option<Meaning>,
}

impl Meanings {
    pub fn of(&self, body: &[u8]) -> Meaning {
        let text = std::str::from_utf8(body).ok();
        match text.map(Checked::from).as_ref().map(Checked::json) {
            Some(Ok(json)) => self.of_json(json),
            _ => self.digest(Made::NoJson, |hasher| hasher.write(body)),
        }
    }

    /// Does not recurse, however deep a request nests.
    fn of_json(&self, json: Json<'_>) -> Meaning {
        let mut open: Vec<Open<'_>> = Vec::new();
        let (mut value, mut key) = (json, None);
        loop {
            let mut done = match value.kind() {
                kind @ (Kind::Array | Kind::Object) => {
                    open.push(Open { rest: value.parts(), object: kind == Kind::Object, parts: Vec::new(), key });
                    None
                }
                _ => Some((key, self.of_scalar(value))),
            };
            // Goes on with the next part, of the innermost that has one.
            loop {
                let outermost = open.len() == 1;
                let Some(inner) = open.last_mut() else { return done.expect("a value that is no container").1 };
                inner.parts.extend(done);
                let next = inner.rest.find(|part| !(outermost && part.key.is_some_and(|key| key.is(TOKEN))));
                if let Some(part) = next {
                    (value, key) = (part.value, part.key.map(|key| self.of_scalar(key)));
                    break;
                }
                done = open.pop().map(|closed| (closed.key, self.of_container(closed)));
            }
        }
    }

    fn of_container(&self, Open { object, mut parts, .. }: Open<'_>) -> Meaning {
        if object {
            // Where a key stands twice, the last one counts; their order does not.
            parts.reverse();
            parts.sort_by_key(|(key, _)| *key);
            parts.dedup_by_key(|(key, _)| *key);
        }
        self.digest(if object { Made::Object } else { Made::Array }, |hasher| parts.hash(hasher))
    }

    fn of_scalar(&self, json: Json<'_>) -> Meaning {
        match json.kind() {
            Kind::String => {
                let text = json.string().unwrap_or_default();
                self.digest(Made::String, |hasher| hasher.write(text.as_bytes()))
            }
            Kind::Number => match decimal(json.text()) {
                Some(number) => self.digest(Made::Number, |hasher| number.hash(hasher)),
                None => self.digest(Made::Digits, |hasher| json.text().hash(hasher)),
            },
            _ => self.digest(Made::Word, |hasher| json.text().hash(hasher)),
        }
    }

    fn digest(&self, made: Made, all: impl Fn(&mut std::hash::DefaultHasher)) -> Meaning {
        let [one, other] = [&self.0, &self.1].map(|state| {
            let mut hasher = state.build_hasher();
            made.hash(&mut hasher);
            all(&mut hasher);
            hasher.finish()
        });
        Meaning(one, other)
    }
}

/// A number's sign, its digits without zeros around them, and its exponent; `None` where that is beyond reason.
pub fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (negative, mantissa) = mantissa.strip_prefix('-').map_or((false, mantissa), |positive| (true, positive));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
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
    use crate::cassette::differ::difference;
    use crate::cassette::format::read;

    #[test]
    fn neither_reading_nor_comparing_the_deepest_nesting_takes_stack() {
        let deep = |inside: &str| format!("{}{inside}{}", "{\"a\":[".repeat(250), "]}".repeat(250));
        let read_and_compare = move || {
            let request = format!(r#"{{"method": "POST", "path": "/", "headers": {{}}, "body": {}}}"#, deep("1"));
            let interaction = format!(r#"{{"request": {request}, "failure": "gone"}}"#);
            let text = format!(r#"{{"bedrock_recording": 1, "interactions": [{interaction}]}}"#);
            let recorded = &read(&text).expect("a recording")[0].request.body;
            let (meanings, other) = (Meanings::default(), deep("2"));
            assert_ne!(meanings.of(recorded), meanings.of(other.as_bytes()));
            let [one, other] = [deep("1"), other];
            let [one, other] = [&one, &other].map(|text| Json::parse(text).expect("JSON"));
            assert_eq!(difference(one, other, 9).map(|difference| difference.first), Some("/a/0".repeat(250)));
        };
        // 500 calls, one in the other, would need more.
        let thread = std::thread::Builder::new().stack_size(64 << 10).spawn(read_and_compare).expect("a thread");
        thread.join().expect("it ends");
    }

    #[test]
    fn two_texts_mean_the_same_where_nothing_differs_and_nowhere_else() {
        let deep = |inside: &str| format!("{}{inside}{}", "[".repeat(511), "]".repeat(511));
        let meanings = Meanings::default();
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
            assert_eq!(meanings.of(one.as_bytes()) == meanings.of(other.as_bytes()), same, "{one} and {other}");
            let [json, other_json] = [one, other].map(|text| Json::parse(text).expect("JSON"));
            assert_eq!(difference(json, other_json, usize::MAX).is_none(), same, "{one} and {other}");
        }
        assert_eq!(meanings.of(b"\xff"), meanings.of(b"\xff"));
        assert_ne!(meanings.of(b"\xff"), meanings.of(b"\xfe"));
        assert_ne!(meanings.of(b""), meanings.of(b"\"\""));
    }
}
