//! A segment of the request's JSON: the text between two commas, which holds one value.

use super::attachments::Attachments;
use super::operation_members::References;
use super::reference::{self, Reference};
use super::zeroized::ZeroizedText;
use crate::error::{Error, Kind, Result};
use crate::json::{self, Checked, Invalid, Json, Outline};
use std::sync::Arc;

/// A segment, with the ends of its long values and its references to attachments, which one pass over it has found.
/// Clones share the text.
#[derive(Clone)]
pub struct Segment(Arc<Fields>);

#[derive(Clone)]
struct Fields {
    /// A value as it was written, perhaps with a key and white space around it.
    text: ZeroizedText,
    outline: Outline,
    /// In the order of the text.
    references: Vec<Reference>,
}

impl Segment {
    fn new(text: &str, outline: Outline, references: References) -> Self {
        let references = reference::find(text, &outline, references);
        Segment(Arc::new(Fields { text: text.into(), outline, references }))
    }

    /// Returns the segment `part` of a text, with the value `value`. `outline` is the outline of `text`.
    pub fn part(text: &str, outline: &Outline, part: &str, value: Json<'_>, references: References) -> Self {
        let start = json::offset(text, part);
        Segment::new(part, outline.part(start..start + part.len(), value), references)
    }

    /// Returns a member with the value `json`.
    pub fn member(name: &str, json: &str, references: References) -> std::result::Result<Self, Invalid> {
        let key = json::quoted(name);
        let outline = Checked::from(json).into_outline()?;
        Ok(Segment::new(&format!("{key}:{json}"), outline.shifted(key.len() + 1), references))
    }

    /// Returns an element of a list. `text` is a JSON value, perhaps with white space around it.
    pub fn element<'a>(text: impl Into<Checked<'a>>) -> Result<Self> {
        let checked = text.into();
        let text = checked.text();
        let outline = checked
            .into_outline()
            .map_err(|invalid| Error::new(Kind::Request, format_args!("the message is not valid JSON: {invalid}")))?;
        Ok(Segment::new(text, outline, References::InBase64))
    }

    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Returns the value, without the key.
    pub fn json(&self) -> Json<'_> {
        self.0.outline.json(&self.0.text)
    }

    pub fn references(&self) -> &[Reference] {
        &self.0.references
    }

    /// Returns the content array of a message, if the message has this role.
    pub fn content_of(&self, role: &str) -> Option<Json<'_>> {
        let message = self.json();
        let content = message.get("content").filter(|content| content.kind() == json::Kind::Array)?;
        message.get("role")?.is(role).then_some(content)
    }

    /// Appends the content of the message `more` to this message's content. The text that is there stays as it was
    /// written, and is not read again.
    pub fn append_content(&mut self, more: &Segment) {
        let content = |segment: &Segment| {
            let content = segment.json().get("content").filter(|content| content.kind() == json::Kind::Array)?;
            let start = json::offset(segment.text(), content.text());
            Some((start..start + content.text().len(), content.parts().next().is_none()))
        };
        let (Some((old, is_empty)), Some((new, _))) = (content(self), content(more)) else { return };
        let new = new.start + 1..new.end - 1;
        let (at, comma) = (old.end - 1, if is_empty { "" } else { "," });
        let fields = Arc::make_mut(&mut self.0);
        fields.text.insert_str(at, &more.text()[new.clone()]);
        fields.text.insert_str(at, comma);
        let around = [fields.outline.value_range(), old];
        fields.outline.insert(at, comma.len(), &more.0.outline, new.clone(), &around);
        let length = comma.len() + new.len();
        let behind = fields.references.partition_point(|reference| reference.start < at);
        fields.references[behind..].iter_mut().for_each(|reference| *reference = reference.moved(0, length));
        let added = more.0.references.iter().filter(|reference| new.contains(&reference.start));
        let added = added.map(|reference| reference.moved(new.start, at + comma.len()));
        fields.references.splice(behind..behind, added);
    }

    /// Returns whether reading the segment's text again gives the same segment.
    #[cfg(test)]
    pub fn is_consistent(&self) -> bool {
        let read = Segment::element(self.text()).expect("valid JSON");
        (&self.0.outline, &self.0.references) == (&read.0.outline, &read.0.references)
    }

    /// Returns an upper bound of the length when it is written, with a comma. Without attachments, references stay.
    pub fn max_length(&self, attachments: Option<&Attachments>) -> usize {
        let encoded = |attachments: &Attachments| -> usize {
            self.0.references.iter().map(|reference| attachments.encoded_length(reference)).sum()
        };
        self.text().len() + 1 + attachments.map_or(0, encoded)
    }

    /// Appends the segment, with attachments instead of references. `path` returns the pointer to the value, for
    /// errors.
    pub fn write(
        &self,
        attachments: Option<&Attachments>,
        out: &mut ZeroizedText,
        path: impl Fn() -> String,
    ) -> Result<()> {
        self.write_from(0, attachments, out, path)
    }

    /// Does the same as [`Segment::write`], without the key and the white space around the value.
    pub fn write_value(
        &self,
        attachments: Option<&Attachments>,
        out: &mut ZeroizedText,
        path: impl Fn() -> String,
    ) -> Result<()> {
        let value = self.0.outline.value_range();
        self.write_from(value.start, attachments, out, path)?;
        out.truncate_white_space(self.text().len() - value.end);
        Ok(())
    }

    fn write_from(
        &self,
        start: usize,
        attachments: Option<&Attachments>,
        out: &mut ZeroizedText,
        path: impl Fn() -> String,
    ) -> Result<()> {
        let mut written = start;
        if let Some(attachments) = attachments {
            for reference in self.0.references.iter().filter(|reference| !attachments.is_text(reference)) {
                out.push_str(&self.text()[written..reference.start]);
                let inside = || self.json().pointer_to(reference.start - self.0.outline.value_range().start);
                attachments.encode(reference, out, || format!("{}{}", path(), inside()))?;
                written = reference.end;
            }
        }
        out.push_str(&self.text()[written..]);
        Ok(())
    }
}
