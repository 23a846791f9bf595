//! A JSON object that is being written, with keys that are known, and arrays.

use crate::json::{self, Json};
use std::time::Duration;

/// A key of a JSON object with the punctuation around it. It is written in one piece, because most of a record is keys.
#[derive(Clone, Copy)]
pub(super) struct Key(pub(super) &'static str);

/// Returns the [`Key`] of a name that needs no escapes.
macro_rules! key {
    ($key:literal) => {
        Key(concat!(",\"", $key, "\":"))
    };
}

pub(super) use key;

const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";

/// A JSON object that is being written.
pub(super) struct Object<'a> {
    pub(super) out: &'a mut String,
    is_empty: bool,
}

impl<'a> Object<'a> {
    pub(super) fn begin(out: &'a mut String) -> Self {
        out.push('{');
        Object { out, is_empty: true }
    }

    pub(super) fn end(self) {
        self.out.push('}');
    }

    /// Writes a key. Its value must follow.
    pub(super) fn key(&mut self, Key(key): Key) {
        let comma = usize::from(std::mem::take(&mut self.is_empty));
        self.out.push_str(&key[comma..]);
    }

    pub(super) fn object(&mut self, key: Key) -> Object<'_> {
        self.key(key);
        Object::begin(self.out)
    }

    pub(super) fn text(&mut self, key: Key, text: &str) {
        self.texts(key, &[text]);
    }

    /// Writes a text that needs no escapes.
    pub(super) fn literal(&mut self, key: Key, text: &str) {
        self.key(key);
        self.out.push('"');
        self.out.push_str(text);
        self.out.push('"');
    }

    /// Writes a text that has several parts.
    pub(super) fn texts(&mut self, key: Key, parts: &[&str]) {
        self.key(key);
        self.out.push('"');
        parts.iter().for_each(|part| json::escape(self.out, part).expect("writing to a String cannot fail"));
        self.out.push('"');
    }

    /// Writes an array that holds one text.
    pub(super) fn list_of(&mut self, key: Key, text: &str) {
        self.key(key);
        self.out.push('[');
        json::quote(self.out, text).expect("writing to a String cannot fail");
        self.out.push(']');
    }

    /// Writes at most 16 bytes.
    pub(super) fn hexadecimal(&mut self, key: Key, bytes: &[u8]) {
        let mut digits = [0; 32];
        for (at, byte) in bytes.iter().enumerate() {
            digits[2 * at] = HEXADECIMAL[usize::from(byte >> 4)];
            digits[2 * at + 1] = HEXADECIMAL[usize::from(byte & 15)];
        }
        self.literal(key, std::str::from_utf8(&digits[..2 * bytes.len()]).expect("digits are ASCII"));
    }

    /// Writes a text unless it is empty.
    pub(super) fn known_text(&mut self, key: Key, text: &str) {
        if !text.is_empty() {
            self.text(key, text);
        }
    }

    /// Writes a value that is JSON already.
    pub(super) fn raw(&mut self, key: Key, json: &str) {
        self.key(key);
        self.out.push_str(json);
    }

    /// Writes a value unless there is none.
    pub(super) fn known_json(&mut self, key: Key, value: Option<Json<'_>>) {
        value.iter().for_each(|value| self.raw(key, value.text()));
    }

    pub(super) fn boolean(&mut self, key: Key, value: bool) {
        self.raw(key, if value { "true" } else { "false" });
    }

    pub(super) fn number(&mut self, key: Key, number: impl itoa::Integer) {
        self.raw(key, itoa::Buffer::new().format(number));
    }

    /// Writes a count unless it is negative, which means that it is not known.
    pub(super) fn count(&mut self, key: Key, count: i64) {
        if let Ok(count) = u64::try_from(count) {
            self.number(key, count);
        }
    }

    pub(super) fn seconds(&mut self, key: Key, duration: Duration) {
        self.number(key, duration.as_secs());
        self.out.push('.');
        // The 1 before the digits keeps the zeros at their front.
        self.out.push_str(&itoa::Buffer::new().format(duration.subsec_micros() + 1_000_000)[1..]);
    }
}

/// Writes an array whose elements `write` writes.
pub(super) fn write_array<T>(
    out: &mut String,
    elements: impl Iterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    out.push('[');
    for (index, element) in elements.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(out, element);
    }
    out.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_json() {
        let mut out = String::new();
        let mut object = Object::begin(&mut out);
        object.seconds(key!("none"), Duration::ZERO);
        object.seconds(key!("microsecond"), Duration::from_nanos(1_999));
        object.seconds(key!("much"), Duration::new(u64::MAX, 999_999_999));
        object.hexadecimal(key!("hex"), &[0, 0x1f, 0xe0]);
        object.texts(key!("parts"), &["a\"", " ", "b"]);
        object.list_of(key!("list"), "a\nb");
        object.count(key!("unknown"), -1);
        object.boolean(key!("is"), false);
        object.end();
        assert_eq!(
            out,
            r#"{"none":0.000000,"microsecond":0.000001,"much":18446744073709551615.999999,"hex":"001fe0","#.to_owned()
                + r#""parts":"a\" b","list":["a\nb"],"is":false}"#
        );
    }
}
