//! Bytes by pointer: images, documents, audio and video that the JSON names instead of holding.

use crate::error::{Error, Kind, Result, quote};
use crate::json::{self, Json};
use std::sync::Arc;

/// The bytes of an attachment, however they are kept.
pub type Data = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// What a request has attached. Cheap to clone: the bytes are shared.
#[derive(Clone, Default)]
pub struct Attachments(Vec<(Arc<str>, Data)>);

/// A string `"@name"` where base64 would stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    name: String,
    /// The place of the string's content in the text, its quotes left out.
    pub start: usize,
    pub end: usize,
    /// From the value of the piece it is found in.
    pointer: String,
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
        self.0.push((name.into(), data));
        Ok(())
    }

    /// Appends the base64 of what `reference` names. `at` leads to the piece it stands in.
    pub fn encode(&self, reference: &Reference, out: &mut String, at: &impl Fn() -> String) -> Result<()> {
        let data = self.get(&reference.name).ok_or_else(|| {
            let names: Vec<_> = self.0.iter().map(|(name, _)| quote(name)).collect();
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
        self.0.iter().find(|(known, _)| &**known == name).map(|(_, data)| data)
    }
}

/// Every reference in `text`, which holds `value`. Base64 has no '@', so that none is taken for one by mistake.
pub fn references(text: &str, value: Json<'_>) -> Vec<Reference> {
    let mut found = Vec::new();
    if text.contains("\"@") || text.contains("\"\\u0040") {
        find(text, value, &mut String::new(), &mut found);
    }
    found
}

/// Whether what stands under `key` is free-form JSON: the program's, the model's or a tool's own, where "bytes" means what they
/// want it to mean.
pub fn is_free_form(key: &str) -> bool {
    matches!(key, "input" | "json" | "additionalModelRequestFields" | "requestMetadata")
}

fn find(text: &str, value: Json<'_>, pointer: &mut String, found: &mut Vec<Reference>) {
    let here = pointer.len();
    for (index, element) in value.elements().enumerate() {
        pointer.push_str(&format!("/{index}"));
        find(text, element, pointer, found);
        pointer.truncate(here);
    }
    for member in value.members() {
        let key = member.key.string().unwrap_or_default();
        if is_free_form(&key) {
            continue;
        }
        pointer.push('/');
        pointer.push_str(&json::pointer_token(&key));
        let name = member.value.string().filter(|_| key == "bytes");
        match name.as_deref().and_then(|name| name.strip_prefix('@')) {
            Some(name) => {
                let literal = member.value.text();
                let start = json::offset(text, literal) + 1;
                let end = start + literal.len() - 2;
                found.push(Reference { name: name.to_owned(), start, end, pointer: pointer.clone() });
            }
            None => find(text, member.value, pointer, found),
        }
        pointer.truncate(here);
    }
}
