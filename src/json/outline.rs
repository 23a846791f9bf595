//! A checked text with the positions of its long values, so that they are not read again to step over them.

use super::long_value::{LONG, LongValue};
use super::scan::{Container, Encoding, Invalid, StringToken, Visitor, scan};
use super::value::Json;
use std::ops::Range;

/// The findings of one pass over a text: the positions of its value, of its long values, and of strings that may refer
/// to attachments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// The position of the value, without the white space around it.
    value: Range<usize>,
    /// In the order of the text.
    long: Vec<LongValue>,
    /// The positions of string values that begin with '@'.
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

    /// Returns the value in `text`, whose outline this is.
    pub fn json<'a>(&'a self, text: &'a str) -> Json<'a> {
        Json { text: &text[self.value.clone()], at: self.value.start, long: &self.long }
    }

    /// Returns the position of the value in its text.
    pub fn value_range(&self) -> Range<usize> {
        self.value.clone()
    }

    /// Returns the positions of string values that begin with '@', in the order of the text.
    pub fn at_signs(&self) -> &[usize] {
        &self.at_signs
    }

    /// Returns the outline of a part of the text whose value is `value`, which was read with this outline.
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
                .map(|long| LongValue { start: move_down(long.start), end: move_down(long.end), ..*long })
                .collect(),
            at_signs: at_signs.iter().map(|at| move_down(*at)).collect(),
        }
    }

    /// Updates the outline after an insertion into its text at `at`: `before` bytes without values, and then `part` of
    /// another text, whose outline is `other`. `around` are the old positions of the arrays and objects that contain
    /// `at`.
    pub fn insert(&mut self, at: usize, before: usize, other: &Outline, part: Range<usize>, around: &[Range<usize>]) {
        fn insert_items<T: Copy>(
            items: &mut Vec<T>,
            at: usize,
            behind: usize,
            other: &[T],
            part: &Range<usize>,
            start: impl Fn(&T) -> usize,
            moved: impl Fn(T, usize, usize) -> T,
        ) {
            let index = items.partition_point(|item| start(item) < at);
            items[index..].iter_mut().for_each(|item| *item = moved(*item, 0, behind - at + part.len()));
            let first = other.partition_point(|item| start(item) < part.start);
            let last = other.partition_point(|item| start(item) < part.end);
            items.splice(index..index, other[first..last].iter().map(|item| moved(*item, part.start, behind)));
        }
        let behind = at + before;
        let moved =
            |long: LongValue, from, to| LongValue { start: long.start - from + to, end: long.end - from + to, ..long };
        insert_items(&mut self.long, at, behind, &other.long, &part, |long| long.start, moved);
        insert_items(&mut self.at_signs, at, behind, &other.at_signs, &part, |at| *at, |at, from, to| at - from + to);
        let length = before + part.len();
        self.value.end += length;
        for Range { start, end } in around {
            match self.long.binary_search_by_key(start, |long| long.start) {
                Ok(index) => self.long[index].end += length,
                Err(index) if end + length - start >= LONG => {
                    let long = LongValue { start: *start, end: end + length, plain: false, base64: false };
                    self.long.insert(index, long);
                }
                Err(_) => {}
            }
        }
    }

    /// Returns the outline of the same value after `shift` bytes were put before it.
    pub fn shifted(mut self, shift: usize) -> Outline {
        self.value = self.value.start + shift..self.value.end + shift;
        self.at_signs.iter_mut().for_each(|at| *at += shift);
        for long in &mut self.long {
            long.start += shift;
            long.end += shift;
        }
        self
    }
}

/// A text that was checked: its outline, or the reason why it is not JSON.
#[derive(Debug)]
pub struct Checked<'a> {
    text: &'a str,
    outline: Result<Outline, Invalid>,
}

impl<'a> Checked<'a> {
    /// Combines a text with the result of [`Outline::of`] for its bytes.
    pub fn new(text: &'a str, outline: Result<Outline, Invalid>) -> Self {
        Checked { text, outline }
    }

    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Returns the outline, or the reason why the text is not JSON.
    pub fn outline(&self) -> Result<&Outline, &Invalid> {
        self.outline.as_ref()
    }

    /// Returns the value, or the reason why the text is not JSON.
    pub fn json(&self) -> Result<Json<'_>, &Invalid> {
        self.outline().map(|outline| outline.json(self.text))
    }

    /// Returns the same text without the white space around the value.
    pub fn trimmed(self) -> Self {
        let Ok(outline) = &self.outline else { return self };
        let value = outline.json(self.text);
        Checked { text: &self.text[outline.value_range()], outline: Ok(outline.part(outline.value_range(), value)) }
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
    /// The start of the last value.
    begun: usize,
    /// The indexes of the open arrays and objects in `outline.long`, from the outermost.
    open: Vec<usize>,
}

impl Outliner<'_> {
    fn add(&mut self, string: &StringToken) {
        if string.range.len() >= LONG {
            let Range { start, end } = string.range;
            self.outline.long.push(LongValue { start, end, plain: !string.escaped, base64: string.base64 });
        }
    }
}

impl Visitor for Outliner<'_> {
    fn key(&mut self, key: &StringToken) {
        self.add(key);
    }

    fn begin_value(&mut self, at: usize, _parent: Option<Container>) {
        self.begun = at;
    }

    fn string(&mut self, string: &StringToken) {
        self.add(string);
        let content = &self.bytes[string.range.start + 1..string.range.end - 1];
        if content.starts_with(b"@") || content.starts_with(b"\\u0040") {
            self.outline.at_signs.push(string.range.start);
        }
    }

    fn begin_container(&mut self, _container: Container) {
        self.open.push(self.outline.long.len());
        self.outline.long.push(LongValue { start: self.begun, end: 0, plain: false, base64: false });
    }

    fn end_container(&mut self, at: usize) {
        let Some(index) = self.open.pop() else { return };
        if at - self.outline.long[index].start >= LONG {
            self.outline.long[index].end = at;
        } else {
            // A short value contains no long one, so it is the last entry.
            self.outline.long.truncate(index);
        }
    }
}
