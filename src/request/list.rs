//! A member of the request that is a list and can grow: `messages` or `system`.

use super::document_names::{DocumentNames, UsedNames};
use super::operation_members::References;
use super::segment::Segment;
use crate::json::{self, Json, Outline};
use std::collections::HashSet;
use std::sync::Arc;

/// A list, with its key.
#[derive(Clone)]
pub struct List {
    /// The text from the key to the opening bracket.
    pub(super) head: Arc<str>,
    items: Vec<Segment>,
    /// The closing bracket and the text behind it.
    pub(super) tail: Arc<str>,
    index: Index,
}

/// The names that occur in the items. They are found when they are first needed, and kept while the list grows.
#[derive(Clone, Default)]
struct Index {
    documents: Arc<UsedNames>,
    /// The names of attachments.
    references: Arc<HashSet<String>>,
    /// The number of items that are in the index.
    indexed: usize,
}

impl Index {
    fn add(&mut self, item: &Segment) {
        Arc::make_mut(&mut self.documents).add_message(item.json());
        let references = item.references().iter().map(|reference| reference.name().to_owned());
        Arc::make_mut(&mut self.references).extend(references);
    }
}

impl List {
    /// Returns the list `name` of these items.
    pub fn of_items(name: &str, items: Vec<Segment>) -> Self {
        List::new(format!("{}:[", json::quoted(name)).into(), items, "]".into())
    }

    fn new(head: Arc<str>, items: Vec<Segment>, tail: Arc<str>) -> Self {
        List { head, items, tail, index: Index::default() }
    }

    /// Returns the list in the segment `part` of `text`. `value` is the array, and `outline` the outline of `text`.
    pub fn part(text: &str, outline: &Outline, part: &str, value: Json<'_>) -> Self {
        let start = json::offset(part, value.text());
        let end = start + value.text().len();
        let items = value.parts();
        let items = items.map(|item| Segment::part(text, outline, item.segment, item.value, References::InBase64));
        let mut items: Vec<_> = items.collect();
        items.shrink_to_fit();
        // There may be white space in an empty list.
        let open = if items.is_empty() { end - 1 } else { start + 1 };
        List::new(part[..open].into(), items, part[end - 1..].into())
    }

    pub fn items(&self) -> &[Segment] {
        &self.items
    }

    pub fn push(&mut self, item: Segment) {
        self.items.push(item);
    }

    /// Adds a message. If the last message has the same role, the content is appended to it instead.
    pub fn push_message(&mut self, role: &str, message: Segment) {
        match self.items.last_mut() {
            Some(last) if last.content_of(role).is_some() => {
                last.append_content(&message);
                if self.index.indexed == self.items.len() {
                    self.index.add(&message);
                }
            }
            _ => self.items.push(message),
        }
    }

    /// Appends the content of the message `more` to that of the message at `index`.
    pub fn append_content(&mut self, index: usize, more: &Segment) {
        if let Some(message) = self.items.get_mut(index) {
            message.append_content(more);
        }
    }

    /// Keeps the items for whose indices `keep` returns true.
    pub fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        self.index = Index::default();
        let mut index = 0;
        self.items.retain(|_| {
            index += 1;
            keep(index - 1)
        });
    }

    /// Removes and returns all items.
    pub fn take_items(&mut self) -> Vec<Segment> {
        self.index = Index::default();
        std::mem::take(&mut self.items)
    }

    /// Returns the names of the documents, for a message that is to be added.
    pub fn document_names(&mut self) -> DocumentNames {
        DocumentNames::after(self.updated_index().documents.clone())
    }

    /// Records the names of the documents in a message, before or after the message is added.
    pub fn add_document_names(&mut self, names: UsedNames) {
        if !names.is_empty() {
            Arc::make_mut(&mut self.index.documents).extend(names);
        }
    }

    /// Returns the names of the attachments to which the items refer.
    pub fn references(&mut self) -> &HashSet<String> {
        &self.updated_index().references
    }

    /// Adds the items that are not in the index yet.
    fn updated_index(&mut self) -> &Index {
        for item in self.items.get(self.index.indexed..).unwrap_or_default() {
            self.index.add(item);
        }
        self.index.indexed = self.items.len();
        &self.index
    }
}
