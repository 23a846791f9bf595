//! The JSON of a request as a document that can be changed. Bytes that are not changed stay as they were written.
//!
//! An object or a list is kept as the segments between its commas. Joined again, they are the original text, white
//! space included. So the service receives the JSON as the program wrote it. Adding a message changes no byte before
//! the message; prompt caches depend on that.

use super::attachments::Attachments;
use super::document_names::DocumentNames;
use super::list::List;
use super::operation_members::{References, references_in_member};
use super::participants::Participants;
use super::reference::Reference;
use super::segment::Segment;
use super::source_map::{SourceLocation, SourceMap};
use super::zeroized::ZeroizedText;
use crate::error::{Error, Kind, Result, quote};
use crate::json::{self, Checked, Json};
use std::ops::Range;
use std::sync::Arc;

/// The operation that errors name.
const WRITING: &str = "writing the request";

/// A JSON object: the members of a request, or of a model's defaults.
#[derive(Clone)]
pub struct Document {
    /// White space before the object, and its brace.
    head: Arc<str>,
    members: Vec<Member>,
    /// The closing brace, and white space around it.
    tail: Arc<str>,
    /// The participants that the messages name.
    pub participants: Participants,
}

/// A member of a document.
#[derive(Clone)]
struct Member {
    name: Arc<str>,
    content: Content,
    /// The source of the value, if it is not the member itself.
    source_map: Option<Arc<SourceMap>>,
}

#[derive(Clone)]
enum Content {
    /// Key and value.
    Verbatim(Segment),
    List(List),
}

impl Member {
    fn new(name: &str, content: Content) -> Self {
        Member { name: name.into(), content, source_map: None }
    }

    fn pointer(&self) -> String {
        pointer_to(&self.name)
    }
}

/// Returns the JSON pointer to a member of a document.
pub fn pointer_to(name: &str) -> String {
    format!("/{}", json::pointer_token(name))
}

impl Default for Document {
    fn default() -> Self {
        Document { head: "{".into(), members: Vec::new(), tail: "}".into(), participants: Participants::default() }
    }
}

impl Document {
    /// Reads a JSON object. `doing` names the operation, for errors.
    pub fn parse<'a>(text: impl Into<Checked<'a>>, doing: &str) -> Result<Self> {
        let invalid = |message: String| Error::new(Kind::Request, format_args!("{doing}: {message}"));
        let checked = text.into();
        let (text, outline) = (checked.text(), checked.outline());
        let outline = outline.map_err(|error| invalid(format!("the JSON is not valid: {error}")))?;
        let json = outline.json(text);
        if json.kind() != json::Kind::Object {
            return Err(invalid(format!("expected a JSON object, found {}", json.kind())));
        }
        let mut document = Document::default();
        for member in json.members() {
            let name = member.key.string().unwrap_or_default();
            if document.position(&name).is_some() {
                let error = invalid(format!("the member {} is given twice", quote(&name)));
                return Err(error.at(pointer_to(&name)));
            }
            let is_list = matches!(&*name, "messages" | "system") && member.value.kind() == json::Kind::Array;
            let content = if is_list {
                Content::List(List::part(text, outline, member.segment, member.value))
            } else {
                let references = references_in_member(&name);
                Content::Verbatim(Segment::part(text, outline, member.segment, member.value, references))
            };
            document.members.push(Member::new(&name, content));
        }
        let Range { start, end } = outline.value_range();
        let open = if document.members.is_empty() { end - 1 } else { start + 1 };
        document.head = text[..open].into();
        document.tail = text[end - 1..].into();
        Ok(document)
    }

    /// Returns the names of the members.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| &*member.name)
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub fn contains(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// Returns the value of a member that is not a [`List`].
    pub fn value(&self, name: &str) -> Option<Json<'_>> {
        match &self.members[self.position(name)?].content {
            Content::Verbatim(segment) => Some(segment.json()),
            Content::List(_) => None,
        }
    }

    /// Returns the value of a member that is neither a [`List`] nor null.
    pub fn given(&self, name: &str) -> Option<Json<'_>> {
        self.value(name).filter(|value| value.kind() != json::Kind::Null)
    }

    /// Returns the list `name`, or None if there is no such list.
    pub fn list(&self, name: &str) -> Option<&List> {
        match &self.members[self.position(name)?].content {
            Content::List(list) => Some(list),
            Content::Verbatim(_) => None,
        }
    }

    /// Returns the items of the list `name`, or none if there is no such list.
    pub fn items(&self, name: &str) -> &[Segment] {
        self.list(name).map(List::items).unwrap_or_default()
    }

    /// Returns the list `name`, and creates it if there is no such member. Returns None if the member is not a list.
    pub fn list_mut(&mut self, name: &str) -> Option<&mut List> {
        let position = self.position(name).unwrap_or_else(|| {
            self.members.push(Member::new(name, Content::List(List::of_items(name, Vec::new()))));
            self.members.len() - 1
        });
        match &mut self.members[position].content {
            Content::List(list) => Some(list),
            Content::Verbatim(_) => None,
        }
    }

    /// Replaces the member `old` by a member `name` with the value `json`.
    pub fn replace(&mut self, old: &str, name: &str, json: &str) -> Result<()> {
        let Some(position) = self.position(old) else { return Ok(()) };
        let segment = Segment::member(name, json, References::InBase64).map_err(|invalid| {
            // The object around the value can make it nest one level too deep.
            Error::new(Kind::Request, format_args!("{WRITING}: {invalid}")).at(format!("/{old}"))
        })?;
        let content = Content::Verbatim(segment);
        if old == name {
            self.members[position].content = content;
            return Ok(());
        }
        let mut source_map = SourceMap::default();
        source_map.insert("", SourceLocation::same(self.given_pointer(&pointer_to(old))));
        self.members[position] = Member { source_map: Some(source_map.into()), ..Member::new(name, content) };
        Ok(())
    }

    /// Replaces the member `name` by an empty list.
    pub fn replace_with_empty_list(&mut self, name: &str) {
        if let Some(position) = self.position(name) {
            self.members[position] = Member::new(name, Content::List(List::of_items(name, Vec::new())));
        }
    }

    pub fn remove(&mut self, name: &str) {
        self.members.retain(|member| &*member.name != name);
    }

    /// Keeps the members for whose names `keep` returns true.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.members.retain(|member| keep(&member.name));
    }

    /// Adds the members of `other`. Each replaces the member of the same name, or goes to the end.
    pub fn replace_with(&mut self, other: Document) {
        if other.contains("messages") {
            self.participants = other.participants;
        }
        for member in other.members {
            match self.position(&member.name) {
                Some(position) => self.members[position] = member,
                None => self.members.push(member),
            }
        }
    }

    /// Adds the members of `defaults` that this document lacks, at its end.
    pub fn fill_from(&mut self, defaults: &Document) {
        for member in &defaults.members {
            if self.position(&member.name).is_none() {
                self.members.push(member.clone());
            }
        }
    }

    /// Adds a member with the value `json`. There must be none of that name.
    pub fn add(&mut self, name: &str, json: &str) {
        let content = Content::Verbatim(Segment::member(name, json, References::Nowhere).expect("valid JSON"));
        self.members.push(Member::new(name, content));
    }

    /// Removes the members that are null, and returns their names. Those in `except` stay.
    pub fn remove_nulls(&mut self, except: &[&str]) -> Vec<String> {
        let is_null = |name: &&str| {
            !except.contains(name) && self.value(name).is_some_and(|value| value.kind() == json::Kind::Null)
        };
        let nulls: Vec<String> = self.names().filter(is_null).map(str::to_owned).collect();
        nulls.iter().for_each(|name| self.remove(name));
        nulls
    }

    /// Returns the pointer into the given JSON for a pointer into this document.
    pub fn given_pointer(&self, pointer: &str) -> String {
        let Some(rest) = pointer.strip_prefix('/') else { return pointer.to_owned() };
        let (token, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let member = self.members.iter().find(|member| json::pointer_token(&member.name) == token);
        let source_map = member.and_then(|member| member.source_map.as_ref());
        source_map.and_then(|source_map| source_map.given(rest)).unwrap_or_else(|| pointer.to_owned())
    }

    /// Changes the pointer of an error from one into this document to one into the given JSON.
    pub fn with_given_pointer(&self, error: Error) -> Error {
        let path = self.given_pointer(error.path().as_str());
        error.at(path)
    }

    /// Returns the source map of a member.
    pub fn source_map_mut(&mut self, name: &str) -> Option<&mut SourceMap> {
        let position = self.position(name)?;
        Some(Arc::make_mut(self.members[position].source_map.get_or_insert_default()))
    }

    /// Removes the source maps of the lists. From now on pointers into the lists are pointers into this document,
    /// because items have been added that were given elsewhere.
    pub fn forget_source_of_lists(&mut self) {
        let lists = self.members.iter_mut().filter(|member| matches!(member.content, Content::List(_)));
        lists.for_each(|member| member.source_map = None);
    }

    /// Records that the document was given at the JSON pointer `parent`.
    pub fn move_source_beneath(&mut self, parent: &str) {
        for member in &mut self.members {
            let pointer = member.pointer();
            let source_map = Arc::make_mut(member.source_map.get_or_insert_default());
            if !source_map.contains("") {
                source_map.insert("", SourceLocation::same(pointer));
            }
            source_map.move_beneath(parent);
        }
    }

    /// Puts text around the object.
    pub fn wrap(&mut self, before: &str, after: &str) {
        self.head = format!("{before}{}", self.head).into();
        self.tail = format!("{}{after}", self.tail).into();
    }

    /// Writes the value of a member that is not a [`List`], with attachments instead of references.
    pub fn write_value(&self, name: &str, attachments: &Attachments) -> Result<Option<ZeroizedText>> {
        let Some(position) = self.position(name) else { return Ok(None) };
        let member = &self.members[position];
        let Content::Verbatim(segment) = &member.content else { return Ok(None) };
        let attachments = Some(attachments);
        let mut out = ZeroizedText::try_with_capacity(WRITING, segment.max_length(attachments))?;
        segment.write_value(attachments, &mut out, || member.pointer())?;
        Ok(Some(out))
    }

    /// Writes the object, with attachments instead of references. Without attachments, references stay.
    pub fn write<'a>(&self, attachments: impl Into<Option<&'a Attachments>>) -> Result<ZeroizedText> {
        let attachments = attachments.into();
        let mut out = ZeroizedText::try_with_capacity(WRITING, self.max_length(attachments))?;
        out.push_str(&self.head);
        for (index, member) in self.members.iter().enumerate() {
            if index > 0 {
                out.push_str(",");
            }
            match &member.content {
                Content::Verbatim(segment) => segment.write(attachments, &mut out, || member.pointer())?,
                Content::List(list) => {
                    out.push_str(&list.head);
                    for (index, item) in list.items().iter().enumerate() {
                        if index > 0 {
                            out.push_str(",");
                        }
                        item.write(attachments, &mut out, || format!("{}/{index}", member.pointer()))?;
                    }
                    out.push_str(&list.tail);
                }
            }
        }
        out.push_str(&self.tail);
        Ok(out)
    }

    /// Returns the names of the attachments to which the document refers, or seems to refer.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        let segments = self.members.iter().flat_map(|member| match &member.content {
            Content::Verbatim(segment) => std::slice::from_ref(segment),
            Content::List(list) => list.items(),
        });
        segments.flat_map(Segment::references).map(Reference::name)
    }

    /// Returns a function that returns whether the document refers, or seems to refer, to an attachment of a name.
    pub fn refers_to(&mut self) -> impl Fn(&str) -> bool {
        let (mut lists, mut others) = (Vec::new(), Vec::new());
        for member in &mut self.members {
            match &mut member.content {
                Content::Verbatim(segment) => others.push(&*segment),
                Content::List(list) => lists.push(list.references()),
            }
        }
        let in_segment = |segment: &Segment, name: &str| segment.references().iter().any(|held| held.name() == name);
        move |name| lists.iter().any(|list| list.contains(name)) || others.iter().any(|held| in_segment(held, name))
    }

    /// Returns the names of the documents in the messages.
    pub fn document_names(&mut self) -> DocumentNames {
        let messages = self.position("messages").map(|position| &mut self.members[position].content);
        match messages {
            Some(Content::List(list)) => list.document_names(),
            _ => DocumentNames::default(),
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.members.iter().position(|member| &*member.name == name)
    }

    /// Returns an upper bound of the written length.
    fn max_length(&self, attachments: Option<&Attachments>) -> usize {
        let of_segment = |segment: &Segment| segment.max_length(attachments);
        let members = self.members.iter().map(|member| match &member.content {
            Content::Verbatim(segment) => of_segment(segment),
            Content::List(list) => {
                list.head.len() + list.tail.len() + 1 + list.items().iter().map(of_segment).sum::<usize>()
            }
        });
        self.head.len() + self.tail.len() + members.sum::<usize>()
    }
}
