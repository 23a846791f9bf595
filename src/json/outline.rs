//! A text that was checked once, with a map of its long values, so that nothing of them is read again to step over
//! them.

use super::scan::{Container, Encoding, Invalid, Text, Watch, scan};
use crate::json::{Json, effort};
use std::ops::Range;

/// Values shorter than this are not on the map: to read one again costs no more than to look for it.
const LONG: usize = 256;

/// A long value, or a long key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Long {
    start: usize,
    end: usize,
    /// Of a string: whether nothing in it is escaped.
    plain: bool,
    /// Of a string: whether it is known to be base64.
    base64: bool,
}

/// What one pass over a text found out about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Where the value is, without the white space around it.
    value: Range<usize>,
    /// By their beginnings.
    long: Vec<Long>,
    /// The beginnings of string values that begin with '@'.
    at_signs: Vec<usize>,
}

impl Outline {
    /// Checks that `bytes` are one JSON value in UTF-8, with white space around it.
    pub fn of(bytes: &[u8]) -> Result<Outline, Invalid> {
        Outline::read(bytes, Encoding::Unknown)
    }

    fn read(bytes: &[u8], encoding: Encoding) -> Result<Outline, Invalid> {
        let mut outliner = Outliner { bytes, outline: Outline::default(), begun: 0, open: Vec::new() };
        let value = scan(bytes, encoding, &mut outliner)?;
        Ok(Outline { value, ..outliner.outline })
    }

    /// The value in `text`, which this is the outline of.
    pub fn json<'a>(&'a self, text: &'a str) -> Json<'a> {
        Json { text: &text[self.value.clone()], at: self.value.start, long: &self.long }
    }

    /// Where the value is in its text.
    pub fn place(&self) -> Range<usize> {
        self.value.clone()
    }

    /// The beginnings of string values that begin with '@', in the order of the text.
    pub fn at_signs(&self) -> &[usize] {
        &self.at_signs
    }

    /// The outline of a part of the text, in which `value`, found by way of this outline, is the value.
    pub fn part(&self, part: Range<usize>, value: Json<'_>) -> Outline {
        fn within<T>(sorted: &[T], part: &Range<usize>, start: impl Fn(&T) -> usize) -> Range<usize> {
            sorted.partition_point(|item| start(item) < part.start)
                ..sorted.partition_point(|item| start(item) < part.end)
        }
        let move_down = |at: usize| at - part.start;
        let long = &self.long[within(&self.long, &part, |long| long.start)];
        let at_signs = &self.at_signs[within(&self.at_signs, &part, |at| *at)];
        Outline {
            value: move_down(value.at)..move_down(value.at + value.text.len()),
            long: long
                .iter()
                .map(|long| Long { start: move_down(long.start), end: move_down(long.end), ..*long })
                .collect(),
            at_signs: at_signs.iter().map(|at| move_down(*at)).collect(),
        }
    }

    /// A part of another text, of which `other` is the outline, was put in at `at`, behind `before` bytes that hold
    /// nothing. `around` are the places of the arrays and objects that it was put into, as they were.
    pub fn insert(&mut self, at: usize, before: usize, other: &Outline, part: Range<usize>, around: &[Range<usize>]) {
        fn put<T: Copy>(
            here: &mut Vec<T>,
            at: usize,
            behind: usize,
            other: &[T],
            part: &Range<usize>,
            start: impl Fn(&T) -> usize,
            moved: impl Fn(T, usize, usize) -> T,
        ) {
            let place = here.partition_point(|item| start(item) < at);
            here[place..].iter_mut().for_each(|item| *item = moved(*item, 0, behind - at + part.len()));
            let first = other.partition_point(|item| start(item) < part.start);
            let last = other.partition_point(|item| start(item) < part.end);
            here.splice(place..place, other[first..last].iter().map(|item| moved(*item, part.start, behind)));
        }
        let behind = at + before;
        let moved = |long: Long, from, to| Long { start: long.start - from + to, end: long.end - from + to, ..long };
        put(&mut self.long, at, behind, &other.long, &part, |long| long.start, moved);
        put(&mut self.at_signs, at, behind, &other.at_signs, &part, |at| *at, |at, from, to| at - from + to);
        let length = before + part.len();
        self.value.end += length;
        for Range { start, end } in around {
            match self.long.binary_search_by_key(start, |long| long.start) {
                Ok(place) => self.long[place].end += length,
                Err(place) if end + length - start >= LONG => {
                    let long = Long { start: *start, end: end + length, plain: false, base64: false };
                    self.long.insert(place, long);
                }
                Err(_) => {}
            }
        }
    }

    /// The outline of the same value with `shift` bytes before it.
    pub fn behind(mut self, shift: usize) -> Outline {
        self.value = self.value.start + shift..self.value.end + shift;
        self.at_signs.iter_mut().for_each(|at| *at += shift);
        for long in &mut self.long {
            long.start += shift;
            long.end += shift;
        }
        self
    }
}

/// A text that was checked: JSON with its outline, or why it is none.
#[derive(Debug)]
pub struct Checked<'a> {
    text: &'a str,
    outline: Result<Outline, Invalid>,
}

impl<'a> Checked<'a> {
    /// `outline` is what [`Outline::of`] gave for the bytes of `text`.
    pub fn new(text: &'a str, outline: Result<Outline, Invalid>) -> Self {
        Checked { text, outline }
    }

    pub fn text(&self) -> &'a str {
        self.text
    }

    pub fn outline(&self) -> Result<&Outline, &Invalid> {
        self.outline.as_ref()
    }

    pub fn json(&self) -> Result<Json<'_>, &Invalid> {
        self.outline().map(|outline| outline.json(self.text))
    }

    /// The same without the white space around the value.
    pub fn trimmed(self) -> Self {
        let Ok(outline) = &self.outline else { return self };
        let value = outline.json(self.text);
        Checked { text: &self.text[outline.place()], outline: Ok(outline.part(outline.place(), value)) }
    }

    pub fn into_outline(self) -> Result<Outline, Invalid> {
        self.outline
    }
}

impl<'a> From<&'a str> for Checked<'a> {
    fn from(text: &'a str) -> Self {
        Checked { text, outline: Outline::read(text.as_bytes(), Encoding::Utf8) }
    }
}

impl<'a> From<&'a String> for Checked<'a> {
    fn from(text: &'a String) -> Self {
        text.as_str().into()
    }
}

struct Outliner<'a> {
    bytes: &'a [u8],
    outline: Outline,
    /// Where the last value began.
    begun: usize,
    /// Where the open containers stand in the map, from the outermost.
    open: Vec<usize>,
}

impl Outliner<'_> {
    fn add(&mut self, string: &Text) {
        if string.range.len() >= LONG {
            let Range { start, end } = string.range;
            self.outline.long.push(Long { start, end, plain: !string.escaped, base64: string.base64 });
        }
    }
}

impl Watch for Outliner<'_> {
    fn key(&mut self, key: &Text) {
        self.add(key);
    }

    fn begin(&mut self, at: usize, _parent: Option<Container>) {
        self.begun = at;
    }

    fn string(&mut self, string: &Text) {
        self.add(string);
        let content = &self.bytes[string.range.start + 1..string.range.end - 1];
        if content.starts_with(b"@") || content.starts_with(b"\\u0040") {
            self.outline.at_signs.push(string.range.start);
        }
    }

    fn open(&mut self, _container: Container) {
        self.open.push(self.outline.long.len());
        self.outline.long.push(Long { start: self.begun, end: 0, plain: false, base64: false });
    }

    fn close(&mut self, at: usize) {
        let Some(place) = self.open.pop() else { return };
        if at - self.outline.long[place].start >= LONG {
            self.outline.long[place].end = at;
        } else {
            // What is short holds nothing long: it stands last.
            self.outline.long.truncate(place);
        }
    }
}

impl<'a> Json<'a> {
    /// What the map says of the value, or key, that begins at `at` in this one.
    pub(super) fn long_at(self, at: usize) -> Option<Long> {
        if self.text.len() - at < LONG || self.long.is_empty() {
            return None;
        }
        let place = self.long.binary_search_by_key(&(self.at + at), |long| long.start).ok()?;
        Some(self.long[place])
    }

    /// The end of the value, or key, that begins at `at`.
    pub(super) fn end_of(self, at: usize) -> usize {
        match self.long_at(at) {
            Some(long) => long.end - self.at,
            None => super::walk::value_end(self.text.as_bytes(), at).expect("checked JSON"),
        }
    }

    /// Whether a string has escapes.
    pub(super) fn is_escaped(self) -> bool {
        match self.long_at(0) {
            Some(long) => !long.plain,
            None => {
                effort::spend(self.text.len());
                self.text.contains('\\')
            }
        }
    }

    /// Whether this is known to be a string of base64.
    pub(super) fn is_known_base64(self) -> bool {
        self.long_at(0).is_some_and(|long| long.base64)
    }
}
