//! Bytes by pointer: images, documents, audio and video that the JSON names instead of holding.

use crate::error::{Error, Kind, Result, quote};
use crate::json::{self, Json, Outline, Part};
use std::collections::HashSet;
use std::sync::Arc;

/// The bytes of an attachment, however they are kept.
pub type Data = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// What a request has attached. Cheap to clone: the bytes are shared.
#[derive(Clone, Default)]
pub struct Attachments(Vec<Attachment>);

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
    /// From the value of the piece it is found in.
    pointer: String,
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
        self.0.push(Attachment { name: name.into(), data, of_block: false });
        Ok(())
    }

    /// Bytes that came with a block, under a name that is free.
    pub fn add_of_block(&mut self, name: &str, data: Data) {
        self.0.push(Attachment { name: name.into(), data, of_block: true });
    }

    /// Takes out what came with blocks that are gone. `used` are the names that are still referred to.
    pub fn take_unused<'a>(&mut self, used: impl Iterator<Item = &'a str>) -> Vec<Data> {
        if !self.0.iter().any(|attachment| attachment.of_block) {
            return Vec::new();
        }
        let used: HashSet<&str> = used.collect();
        let unused = self.0.extract_if(.., |attachment| attachment.of_block && !used.contains(&*attachment.name));
        unused.map(|attachment| attachment.data).collect()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|attachment| &*attachment.name)
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

    /// Appends the base64 of what `reference` names. `at` leads to the piece it stands in.
    pub fn encode(&self, reference: &Reference, out: &mut String, at: &impl Fn() -> String) -> Result<()> {
        let data = self.get(&reference.name).ok_or_else(|| {
            let names: Vec<_> = self.names().map(quote).collect();
            let attached =
                if names.is_empty() { "nothing is attached".into() } else { format!("attached: {}", names.join(", ")) };
            let wanted = quote(&format!("@{}", reference.name));
            let what =
                format_args!("the request refers to {wanted}, and nothing of that name is attached ({attached})");
            Error::new(Kind::Request, what).at(format!("{}{}", at(), reference.pointer))
        })?;
        base64_simd::STANDARD.encode_append((**data).as_ref(), out);
        Ok(())
    }

    pub fn encoded_length(&self, reference: &Reference) -> usize {
        self.get(&reference.name).map_or(0, |data| base64_simd::STANDARD.encoded_length((**data).as_ref().len()))
    }

    fn get(&self, name: &str) -> Option<&Data> {
        self.0.iter().find(|attachment| &*attachment.name == name).map(|attachment| &attachment.data)
    }
}

impl Reference {
    pub fn name(&self) -> &str {
        &self.name
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
    let mut pointer = String::new();
    let mut search = |value: Json<'_>, pointer: &str| found.extend(reference(text, value, pointer, native));
    let whole = outline.json(text);
    if native {
        search(whole, "");
    }
    // The arrays and objects on the way, each with the length of the pointer to it.
    let mut way = vec![(whole.parts().enumerate(), 0)];
    while let Some((parts, length)) = way.last_mut() {
        pointer.truncate(*length);
        let Some((index, Part { key, value, .. })) = parts.next() else {
            way.pop();
            continue;
        };
        let start = json::offset(text, value.text());
        let next = at_signs.partition_point(|at| *at < start);
        if at_signs.get(next).is_none_or(|at| *at >= start + value.text().len()) {
            continue;
        }
        let mut base64 = native;
        match key.and_then(Json::string) {
            Some(key) if !native && is_free_form(&key) => continue,
            Some(key) => {
                // "body" is CountTokens' word for it, where it counts a model's own request.
                base64 |= key == "bytes" || key == "body";
                pointer.push('/');
                pointer.push_str(&json::pointer_token(&key));
            }
            None => pointer.push_str(&format!("/{index}")),
        }
        if base64 {
            search(value, &pointer);
        }
        way.push((value.parts().enumerate(), pointer.len()));
    }
    found
}

/// The reference that `value` is, if it is one. `pointer` leads to it.
fn reference(text: &str, value: Json<'_>, pointer: &str, guessed: bool) -> Option<Reference> {
    let name = value.string()?.strip_prefix('@')?.to_owned();
    let start = json::offset(text, value.text()) + 1;
    let end = start + value.text().len() - 2;
    Some(Reference { name, start, end, pointer: pointer.to_owned(), guessed })
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
