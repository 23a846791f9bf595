//! Bytes by pointer: images, documents, audio and video that the JSON names instead of holding.

use super::wiped::Wiped;
use crate::error::{Error, Kind, Result, quote};
use crate::json::{self, Json, Outline, Part, cost};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The bytes of an attachment, however they are kept.
pub type Data = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// What a request has attached. Cheap to clone: the bytes are shared.
#[derive(Clone, Default)]
pub struct Attachments {
    /// In the order in which they came.
    all: Vec<Attachment>,
    /// Where in `all` a name is.
    places: HashMap<Arc<str>, usize>,
}

#[derive(Clone)]
struct Attachment {
    name: Arc<str>,
    data: Data,
    /// Whether the library gave it its name: then nothing can refer to it but the block that it came with.
    of_block: bool,
}

/// A string `"@name"` where base64 would stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    name: String,
    /// The place of the string's content in the text, its quotes left out.
    pub start: usize,
    pub end: usize,
    /// Whether it may be a text that only looks like one.
    guessed: bool,
}

impl Attachments {
    /// Whether a name is free.
    pub fn check_name(&self, name: &str) -> Result<()> {
        if name.is_empty() {
            return Err(Error::new(Kind::Request, "attaching bytes: the name is empty"));
        }
        if self.get(name).is_some() {
            return Err(Error::new(
                Kind::Request,
                format_args!("attaching bytes: the name {} is taken; a name can be given once", quote(name)),
            ));
        }
        Ok(())
    }

    pub fn add(&mut self, name: &str, data: Data) -> Result<()> {
        self.check_name(name)?;
        self.push(Attachment { name: name.into(), data, of_block: false });
        Ok(())
    }

    /// Bytes that came with a block, under a name that is free.
    pub fn add_of_block(&mut self, name: &str, data: Data) {
        self.push(Attachment { name: name.into(), data, of_block: true });
    }

    fn push(&mut self, attachment: Attachment) {
        self.places.insert(attachment.name.clone(), self.all.len());
        self.all.push(attachment);
    }

    /// Takes out what came with blocks that are gone. `used` are the names that are still referred to.
    pub fn take_unused<'a>(&mut self, used: impl Iterator<Item = &'a str>) -> Vec<Data> {
        if !self.all.iter().any(|attachment| attachment.of_block) {
            return Vec::new();
        }
        let used: HashSet<&str> = used.collect();
        let unused = |attachment: &Attachment| attachment.of_block && !used.contains(&*attachment.name);
        let (gone, left) = std::mem::take(&mut self.all).into_iter().partition::<Vec<_>, _>(unused);
        self.places.clear();
        left.into_iter().for_each(|attachment| self.push(attachment));
        gone.into_iter().map(|attachment| attachment.data).collect()
    }

    pub fn has(&self, name: &str) -> bool {
        cost::read(name.len());
        self.places.contains_key(name)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|attachment| &*attachment.name)
    }

    /// Whether what looks like a reference is none.
    pub fn is_text(&self, reference: &Reference) -> bool {
        reference.guessed && self.get(&reference.name).is_none()
    }

    /// The bytes that a whole value `"@name"` names.
    pub fn named_by(&self, value: Json<'_>) -> Option<&[u8]> {
        let data = self.get(value.string()?.strip_prefix('@')?)?;
        Some((**data).as_ref())
    }

    /// Appends the base64 of what `reference` names. `at` leads to the reference.
    pub fn encode(&self, reference: &Reference, out: &mut Wiped, at: impl FnOnce() -> String) -> Result<()> {
        let data = self.get(&reference.name).ok_or_else(|| {
            let names: Vec<_> = self.names().map(quote).collect();
            let attached =
                if names.is_empty() { "nothing is attached".into() } else { format!("attached: {}", names.join(", ")) };
            let wanted = quote(&format!("@{}", reference.name));
            let what =
                format_args!("the request refers to {wanted}, and nothing of that name is attached ({attached})");
            Error::new(Kind::Request, what).at(at())
        })?;
        out.push_base64((**data).as_ref());
        Ok(())
    }

    pub fn encoded_length(&self, reference: &Reference) -> usize {
        self.get(&reference.name).map_or(0, |data| base64_simd::STANDARD.encoded_length((**data).as_ref().len()))
    }

    fn get(&self, name: &str) -> Option<&Data> {
        self.places.get(name).map(|place| &self.all[*place].data)
    }
}

impl Reference {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same, where the text begins with the byte `from` and stands behind `to` others.
    pub fn moved(&self, from: usize, to: usize) -> Self {
        Reference { start: self.start - from + to, end: self.end - from + to, ..self.clone() }
    }
}

/// Every reference in `text`, of which `outline` is. Base64 has no '@', so that none is taken for one by mistake.
/// `native`: the text is a model's own request, where base64 may stand anywhere, and a reference is what names an
/// attachment.
pub fn references(text: &str, outline: &Outline, native: bool) -> Vec<Reference> {
    let mut found = Vec::new();
    // Found in the pass that checked the text: most texts have none, and only what leads to one is looked at.
    let at_signs = outline.at_signs();
    if at_signs.is_empty() {
        return found;
    }
    let whole = outline.json(text);
    if native {
        found.extend(reference(text, whole, native));
    }
    // The arrays and objects on the way.
    let mut way = vec![whole.parts()];
    while let Some(parts) = way.last_mut() {
        let Some(Part { key, value, .. }) = parts.next() else {
            way.pop();
            continue;
        };
        let start = json::offset(text, value.text());
        let next = at_signs.partition_point(|at| *at < start);
        if at_signs.get(next).is_none_or(|at| *at >= start + value.text().len()) {
            continue;
        }
        let mut base64 = native;
        if let Some(key) = key.and_then(Json::string) {
            if !native && is_free_form(&key) {
                continue;
            }
            // "body" is CountTokens' word for it, where it counts a model's own request.
            base64 |= key == "bytes" || key == "body";
        }
        if base64 {
            found.extend(reference(text, value, native));
        }
        way.push(value.parts());
    }
    found
}

/// The reference that `value` is, if it is one.
fn reference(text: &str, value: Json<'_>, guessed: bool) -> Option<Reference> {
    let name = value.string()?.strip_prefix('@')?.to_owned();
    let start = json::offset(text, value.text()) + 1;
    let end = start + value.text().len() - 2;
    Some(Reference { name, start, end, guessed })
}

/// Whether the value of a request's member is a model's own request, in the form that this model has.
pub fn is_native(member: &str) -> bool {
    matches!(member, "body" | "modelInput")
}

/// Whether what stands under `key` is free-form JSON: the program's, the model's or a tool's own, where "bytes" means
/// what they want it to mean.
pub fn is_free_form(key: &str) -> bool {
    matches!(key, "input" | "json" | "additionalModelRequestFields" | "requestMetadata")
}
