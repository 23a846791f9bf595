//! A request's JSON, taken apart without losing a byte.
//!
//! An object is the segments between its commas, and so is a list; joined again they are the original, white space
//! included. So what a caller wrote goes to the service as it was written, and adding a message leaves every byte
//! before it alone, which is what prompt caches live on.

use super::attachment::{Attachments, Reference, is_free_form, is_native, references};
use super::dialect::Speakers;
use super::dialect::names::{Names, Taken};
use super::places::{Origin, Places};
use super::wiped::Wiped;
use crate::error::{Error, Kind, Result, quote};
use crate::json::{self, Checked, Invalid, Json, Outline};
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

/// A piece of JSON text, shared by the clones of a request, with what one pass over it found out: where its values
/// end, and the attachments it refers to.
#[derive(Clone)]
pub struct Piece(Arc<Inside>);

#[derive(Clone)]
struct Inside {
    /// A value as it is written, perhaps with a key and white space around it.
    text: Wiped,
    outline: Outline,
    /// In the order of the text.
    references: Vec<Reference>,
}

/// Where references are sought in a piece.
#[derive(Clone, Copy)]
enum Seek {
    Nowhere,
    /// Where Converse has base64.
    Converse,
    /// Anywhere: it is a model's own request.
    Anywhere,
}

impl Seek {
    /// In a member of the request.
    fn within(member: &str) -> Self {
        match member {
            // Of the operations' own members, CountTokens has one that is called like a tool's input.
            "input" => Seek::Converse,
            _ if is_free_form(member) => Seek::Nowhere,
            _ if is_native(member) => Seek::Anywhere,
            _ => Seek::Converse,
        }
    }
}

impl Piece {
    fn new(text: &str, outline: Outline, seek: Seek) -> Self {
        let references = match seek {
            Seek::Nowhere => Vec::new(),
            Seek::Converse => references(text, &outline, false),
            Seek::Anywhere => references(text, &outline, true),
        };
        Piece(Arc::new(Inside { text: text.into(), outline, references }))
    }

    /// `segment` of a text, in which `value` stands. `outline` is the whole text's.
    fn part(text: &str, outline: &Outline, segment: &str, value: Json<'_>, seek: Seek) -> Self {
        let start = json::offset(text, segment);
        Piece::new(segment, outline.part(start..start + segment.len(), value), seek)
    }

    /// A member with a value, which is JSON.
    fn member(name: &str, json: &str, seek: Seek) -> std::result::Result<Self, Invalid> {
        let key = json::quoted(name);
        let outline = Checked::from(json).into_outline()?;
        Ok(Piece::new(&format!("{key}:{json}"), outline.behind(key.len() + 1), seek))
    }

    /// A JSON value, perhaps with white space around it.
    pub fn value<'a>(text: impl Into<Checked<'a>>) -> Result<Self> {
        let checked = text.into();
        let text = checked.text();
        let outline = checked
            .into_outline()
            .map_err(|invalid| Error::new(Kind::Request, format_args!("the message is not JSON: {invalid}")))?;
        Ok(Piece::new(text, outline, Seek::Converse))
    }

    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The value, without a key.
    pub fn json(&self) -> Json<'_> {
        self.0.outline.json(&self.0.text)
    }

    /// The content of a message of this role, where blocks can be added to it.
    pub fn content_of(&self, role: &str) -> Option<Json<'_>> {
        let message = self.json();
        let content = message.get("content").filter(|content| content.kind() == json::Kind::Array)?;
        message.get("role")?.is(role).then_some(content)
    }

    /// Adds the content of the message `more` to the end of this one's content. What it holds stays as it was written,
    /// and is not read again.
    fn extend(&mut self, more: &Piece) {
        let content = |piece: &Piece| {
            let content = piece.json().get("content").filter(|content| content.kind() == json::Kind::Array)?;
            let start = json::offset(piece.text(), content.text());
            Some((start..start + content.text().len(), content.parts().next().is_none()))
        };
        let (Some((old, is_empty)), Some((new, _))) = (content(self), content(more)) else { return };
        let new = new.start + 1..new.end - 1;
        let (at, comma) = (old.end - 1, if is_empty { "" } else { "," });
        let inside = Arc::make_mut(&mut self.0);
        inside.text.insert_str(at, &more.text()[new.clone()]);
        inside.text.insert_str(at, comma);
        let around = [inside.outline.place(), old];
        inside.outline.insert(at, comma.len(), &more.0.outline, new.clone(), &around);
        let length = comma.len() + new.len();
        let behind = inside.references.partition_point(|reference| reference.start < at);
        inside.references[behind..].iter_mut().for_each(|reference| *reference = reference.moved(0, length));
        let added = more.0.references.iter().filter(|reference| new.contains(&reference.start));
        let added = added.map(|reference| reference.moved(new.start, at + comma.len()));
        inside.references.splice(behind..behind, added);
    }

    /// Whether the piece is what its text would be read as.
    #[cfg(test)]
    pub fn is_as_read(&self) -> bool {
        let read = Piece::value(self.text()).expect("JSON");
        (&self.0.outline, &self.0.references) == (&read.0.outline, &read.0.references)
    }

    /// At least as much as the piece takes, with a comma.
    fn size(&self, attachments: Option<&Attachments>) -> usize {
        let attached = |attachments: &Attachments| -> usize {
            self.0.references.iter().map(|reference| attachments.encoded_length(reference)).sum()
        };
        self.text().len() + 1 + attachments.map_or(0, attached)
    }

    fn write(&self, out: &mut Body<'_>, at: impl Fn() -> String) -> Result<()> {
        self.write_from(0, out, at)
    }

    fn write_from(&self, start: usize, out: &mut Body<'_>, at: impl Fn() -> String) -> Result<()> {
        let mut written = start;
        if let Some(attachments) = out.attachments {
            for reference in self.0.references.iter().filter(|reference| !attachments.is_text(reference)) {
                out.text.push_str(&self.text()[written..reference.start]);
                let inside = || self.json().pointer_to(reference.start - self.0.outline.place().start);
                attachments.encode(reference, &mut out.text, || format!("{}{}", at(), inside()))?;
                written = reference.end;
            }
        }
        out.text.push_str(&self.text()[written..]);
        Ok(())
    }
}

/// A member of the request.
#[derive(Clone)]
pub struct Member {
    name: Arc<str>,
    content: Content,
    /// Where its value came from, where that is another place than its own.
    places: Option<Arc<Places>>,
}

impl Member {
    fn new(name: &str, content: Content) -> Self {
        Member { name: name.into(), content, places: None }
    }
}

#[derive(Clone)]
enum Content {
    /// Key and value.
    Verbatim(Piece),
    List(List),
}

/// A member whose value is a list that can grow: `messages` or `system`.
#[derive(Clone)]
pub struct List {
    /// From the key to the opening bracket.
    head: Arc<str>,
    items: Vec<Piece>,
    /// The closing bracket and what follows it.
    tail: Arc<str>,
    known: Known,
}

/// What the items of a list are known to hold: found out when it is first asked for, and kept while the list grows.
#[derive(Clone, Default)]
struct Known {
    /// The names of documents.
    taken: Arc<Taken>,
    /// The names of attachments that are referred to.
    references: Arc<HashSet<String>>,
    /// How many of the items have been looked at.
    seen: usize,
}

impl Known {
    fn add(&mut self, item: &Piece) {
        Arc::make_mut(&mut self.taken).reserve_within(item.json());
        let references = item.0.references.iter().map(|reference| reference.name().to_owned());
        Arc::make_mut(&mut self.references).extend(references);
    }
}

impl List {
    fn empty(name: &str) -> Self {
        List::new(format!("{}:[", json::quoted(name)).into(), Vec::new(), "]".into())
    }

    fn new(head: Arc<str>, items: Vec<Piece>, tail: Arc<str>) -> Self {
        List { head, items, tail, known: Known::default() }
    }

    /// `segment` of a text, in which the list `value` stands. `outline` is the whole text's.
    fn part(text: &str, outline: &Outline, segment: &str, value: Json<'_>) -> Self {
        let start = json::offset(segment, value.text());
        let end = start + value.text().len();
        let mut items: Vec<_> =
            value.parts().map(|item| Piece::part(text, outline, item.segment, item.value, Seek::Converse)).collect();
        items.shrink_to_fit();
        // An empty list may hold white space.
        let open = if items.is_empty() { end - 1 } else { start + 1 };
        List::new(segment[..open].into(), items, segment[end - 1..].into())
    }

    pub fn push(&mut self, item: Piece) {
        self.items.push(item);
    }

    /// Adds a message, to the last one where that is of the same role.
    pub fn join(&mut self, role: &str, message: Piece) {
        match self.items.last_mut() {
            Some(last) if last.content_of(role).is_some() => {
                last.extend(&message);
                if self.known.seen == self.items.len() {
                    self.known.add(&message);
                }
            }
            _ => self.items.push(message),
        }
    }

    /// Looks at the items that were added since the last look.
    fn look(&mut self) -> &Known {
        for item in self.items.get(self.known.seen..).unwrap_or_default() {
            self.known.add(item);
        }
        self.known.seen = self.items.len();
        &self.known
    }

    /// The names of documents, to which those of a message can be added.
    pub fn names(&mut self) -> Names {
        Names::after(self.look().taken.clone())
    }

    /// Names that a message has taken.
    pub fn take(&mut self, taken: Taken) {
        if !taken.is_empty() {
            Arc::make_mut(&mut self.known.taken).extend(taken);
        }
    }

    pub fn items(&self) -> &[Piece] {
        &self.items
    }

    /// Leaves the items for which `kept` holds, which is asked for their indices.
    pub fn keep(&mut self, kept: impl Fn(usize) -> bool) {
        self.known = Known::default();
        let mut index = 0;
        self.items.retain(|_| {
            index += 1;
            kept(index - 1)
        });
    }

    pub fn take_items(&mut self) -> Vec<Piece> {
        self.known = Known::default();
        std::mem::take(&mut self.items)
    }
}

/// What is being done, for errors.
const WRITING: &str = "writing the request";

/// The object that is the request.
#[derive(Clone)]
pub struct Document {
    /// White space before the object, and its brace.
    head: Arc<str>,
    members: Vec<Member>,
    /// The closing brace, and white space around it.
    tail: Arc<str>,
    /// The participants that its messages have named.
    pub speakers: Speakers,
}

impl Default for Document {
    fn default() -> Self {
        Document { head: "{".into(), members: Vec::new(), tail: "}".into(), speakers: Speakers::default() }
    }
}

impl Document {
    /// `doing` says what the JSON is, for errors.
    pub fn parse<'a>(text: impl Into<Checked<'a>>, doing: &str) -> Result<Self> {
        let refuse = |what: String| Error::new(Kind::Request, format_args!("{doing}: {what}"));
        let checked = text.into();
        let (text, outline) = (checked.text(), checked.outline());
        let outline = outline.map_err(|invalid| refuse(format!("the JSON is broken: {invalid}")))?;
        let json = outline.json(text);
        if json.kind() != json::Kind::Object {
            return Err(refuse(format!("expected a JSON object, found {}", json.kind())));
        }
        let mut document = Document::default();
        for member in json.members() {
            let name = member.key.string().unwrap_or_default();
            if document.position(&name).is_some() {
                let error = refuse(format!("the member {} is given twice", quote(&name)));
                return Err(error.at(format!("/{}", json::pointer_token(&name))));
            }
            let list = matches!(&*name, "messages" | "system") && member.value.kind() == json::Kind::Array;
            let content = if list {
                Content::List(List::part(text, outline, member.segment, member.value))
            } else {
                Content::Verbatim(Piece::part(text, outline, member.segment, member.value, Seek::within(&name)))
            };
            document.members.push(Member::new(&name, content));
        }
        let Range { start, end } = outline.place();
        let open = if document.members.is_empty() { end - 1 } else { start + 1 };
        document.head = text[..open].into();
        document.tail = text[end - 1..].into();
        Ok(document)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| &*member.name)
    }

    pub fn has(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// The text of a member's value that is no list of ours.
    pub fn value(&self, name: &str) -> Option<Json<'_>> {
        match &self.members[self.position(name)?].content {
            Content::Verbatim(piece) => Some(piece.json()),
            Content::List(_) => None,
        }
    }

    pub fn list(&self, name: &str) -> Option<&List> {
        match &self.members[self.position(name)?].content {
            Content::List(list) => Some(list),
            Content::Verbatim(_) => None,
        }
    }

    /// What the list `name` holds; nothing where there is no such list.
    pub fn items(&self, name: &str) -> &[Piece] {
        self.list(name).map(List::items).unwrap_or_default()
    }

    /// The list `name`, made where there is none. None where the member is there and is no list.
    pub fn list_mut(&mut self, name: &str) -> Option<&mut List> {
        let position = self.position(name).unwrap_or_else(|| {
            self.members.push(Member::new(name, Content::List(List::empty(name))));
            self.members.len() - 1
        });
        match &mut self.members[position].content {
            Content::List(list) => Some(list),
            Content::Verbatim(_) => None,
        }
    }

    /// Puts a member `name` with a value, which is JSON, into the place of the member `old`.
    pub fn replace(&mut self, old: &str, name: &str, json: &str) -> Result<()> {
        let Some(position) = self.position(old) else { return Ok(()) };
        let piece = Piece::member(name, json, Seek::Converse).map_err(|invalid| {
            // What was put around it may have been one level too many.
            Error::new(Kind::Request, format_args!("writing the request: {invalid}")).at(format!("/{old}"))
        })?;
        let content = Content::Verbatim(piece);
        if old == name {
            self.members[position].content = content;
            return Ok(());
        }
        let mut places = Places::default();
        places.put("", Origin::same(self.origin(&format!("/{}", json::pointer_token(old)))));
        self.members[position] = Member { places: Some(places.into()), ..Member::new(name, content) };
        Ok(())
    }

    /// Puts a list of these values into the place of the member `name`.
    pub fn replace_with_list(&mut self, name: &str, items: Vec<Piece>) {
        let list = List { items, ..List::empty(name) };
        if let Some(position) = self.position(name) {
            self.members[position] = Member::new(name, Content::List(list));
        }
    }

    pub fn remove(&mut self, name: &str) {
        self.members.retain(|member| &*member.name != name);
    }

    /// Takes over the members of `other`, each in the place of the one it replaces or at the end.
    pub fn replace_with(&mut self, other: Document) {
        if other.has("messages") {
            self.speakers = other.speakers;
        }
        for member in other.members {
            match self.position(&member.name) {
                Some(position) => self.members[position] = member,
                None => self.members.push(member),
            }
        }
    }

    /// The members of `defaults` that this document lacks, at its end.
    pub fn fill_from(&mut self, defaults: &Document) {
        for member in &defaults.members {
            if self.position(&member.name).is_none() {
                self.members.push(member.clone());
            }
        }
    }

    /// A member that is not there yet, with a value, which is JSON.
    pub fn add(&mut self, name: &str, json: &str) {
        let content = Content::Verbatim(Piece::member(name, json, Seek::Nowhere).expect("JSON"));
        self.members.push(Member::new(name, content));
    }

    /// Takes out the members that are null, all but those `kept`, and gives their names.
    pub fn take_nulls(&mut self, kept: &[&str]) -> Vec<String> {
        let is_null = |name: &&str| {
            !kept.contains(name) && self.value(name).is_some_and(|value| value.kind() == json::Kind::Null)
        };
        let nulls: Vec<String> = self.names().filter(is_null).map(str::to_owned).collect();
        nulls.iter().for_each(|name| self.remove(name));
        nulls
    }

    /// The pointer into what was given that belongs to a pointer into this document.
    pub fn origin(&self, pointer: &str) -> String {
        let Some(rest) = pointer.strip_prefix('/') else { return pointer.to_owned() };
        let (token, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let member = self.members.iter().find(|member| json::pointer_token(&member.name) == token);
        let places = member.and_then(|member| member.places.as_ref());
        places.and_then(|places| places.lead(rest)).unwrap_or_else(|| pointer.to_owned())
    }

    /// An error whose pointer leads into this document, leading into what was given.
    pub fn blame(&self, error: Error) -> Error {
        let path = self.origin(error.path().as_str());
        error.at(path)
    }

    /// Where the value of a member came from, to be added to.
    pub fn places_mut(&mut self, name: &str) -> Option<&mut Places> {
        let position = self.position(name)?;
        Some(Arc::make_mut(self.members[position].places.get_or_insert_default()))
    }

    /// Pointers into the lists lead into the lists themselves from now on: what was added to them stands nowhere else.
    pub fn forget_places(&mut self) {
        let lists = self.members.iter_mut().filter(|member| matches!(member.content, Content::List(_)));
        lists.for_each(|member| member.places = None);
    }

    /// The document was given at the JSON pointer `before`.
    pub fn move_under(&mut self, before: &str) {
        for member in &mut self.members {
            let places = Arc::make_mut(member.places.get_or_insert_default());
            if !places.has("") {
                places.put("", Origin::same(format!("/{}", json::pointer_token(&member.name))));
            }
            places.move_under(before);
        }
    }

    /// Leaves out all members but these.
    pub fn keep(&mut self, wanted: impl Fn(&str) -> bool) {
        self.members.retain(|member| wanted(&member.name));
    }

    /// Puts text around the whole.
    pub fn wrap(&mut self, before: &str, after: &str) {
        self.head = format!("{before}{}", self.head).into();
        self.tail = format!("{}{after}", self.tail).into();
    }

    /// The value of a member that is no list of ours, as one text, with the attachments in their places.
    pub fn write_value(&self, name: &str, attachments: &Attachments) -> Result<Option<Wiped>> {
        let Some(position) = self.position(name) else { return Ok(None) };
        let Content::Verbatim(piece) = &self.members[position].content else { return Ok(None) };
        let attachments = Some(attachments);
        let mut out = Body { text: Wiped::with_room(WRITING, piece.size(attachments))?, attachments };
        let Range { start, end } = piece.0.outline.place();
        piece.write_from(start, &mut out, || format!("/{}", json::pointer_token(name)))?;
        let white_space = piece.text().len() - end;
        out.text.cut_space(white_space);
        Ok(Some(out.text))
    }

    /// The whole as one text, with the attachments in their places; without attachments, as it was written.
    pub fn write<'a>(&self, attachments: impl Into<Option<&'a Attachments>>) -> Result<Wiped> {
        let attachments = attachments.into();
        let mut out = Body { text: Wiped::with_room(WRITING, self.size(attachments))?, attachments };
        out.text.push_str(&self.head);
        for (index, member) in self.members.iter().enumerate() {
            if index > 0 {
                out.text.push_str(",");
            }
            let name = || format!("/{}", json::pointer_token(&member.name));
            match &member.content {
                Content::Verbatim(piece) => piece.write(&mut out, name)?,
                Content::List(list) => {
                    out.text.push_str(&list.head);
                    for (index, item) in list.items.iter().enumerate() {
                        if index > 0 {
                            out.text.push_str(",");
                        }
                        item.write(&mut out, || format!("{}/{index}", name()))?;
                    }
                    out.text.push_str(&list.tail);
                }
            }
        }
        out.text.push_str(&self.tail);
        Ok(out.text)
    }

    /// The names of the attachments that it refers to, or seems to.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        let pieces = self.members.iter().flat_map(|member| match &member.content {
            Content::Verbatim(piece) => std::slice::from_ref(piece),
            Content::List(list) => list.items.as_slice(),
        });
        pieces.flat_map(|piece| piece.0.references.iter()).map(Reference::name)
    }

    /// Tells of a name whether an attachment of that name is referred to, or seems to be.
    pub fn refers_to(&mut self) -> impl Fn(&str) -> bool {
        let (mut lists, mut others) = (Vec::new(), Vec::new());
        for member in &mut self.members {
            match &mut member.content {
                Content::Verbatim(piece) => others.push(&*piece),
                Content::List(list) => lists.push(&*list.look().references),
            }
        }
        let held = |piece: &Piece, name: &str| piece.0.references.iter().any(|reference| reference.name() == name);
        move |name| lists.iter().any(|list| list.contains(name)) || others.iter().any(|piece| held(piece, name))
    }

    /// The names of the documents in the messages.
    pub fn document_names(&mut self) -> Names {
        let there = self.position("messages").map(|position| &mut self.members[position].content);
        match there {
            Some(Content::List(list)) => list.names(),
            _ => Names::default(),
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.members.iter().position(|member| &*member.name == name)
    }

    /// At least as much as the text takes.
    fn size(&self, attachments: Option<&Attachments>) -> usize {
        let piece = |piece: &Piece| piece.size(attachments);
        let members = self.members.iter().map(|member| match &member.content {
            Content::Verbatim(verbatim) => piece(verbatim),
            Content::List(list) => list.head.len() + list.tail.len() + 1 + list.items.iter().map(piece).sum::<usize>(),
        });
        self.head.len() + self.tail.len() + members.sum::<usize>()
    }
}

struct Body<'a> {
    text: Wiped,
    attachments: Option<&'a Attachments>,
}
