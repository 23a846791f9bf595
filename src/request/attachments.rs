//! Attachments: bytes of images, documents, audio and video to which the JSON refers by name.

use super::reference::Reference;
use super::zeroized::ZeroizedText;
use crate::error::{Error, Kind, Result, quote};
use crate::json::{Json, cost};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The bytes of an attachment.
pub type AttachmentBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// The attachments of a request. Clones share the bytes.
#[derive(Clone, Default)]
pub struct Attachments {
    /// In the order in which they were added.
    all: Vec<Attachment>,
    /// Indices into `all`.
    by_name: HashMap<Arc<str>, usize>,
}

#[derive(Clone)]
struct Attachment {
    name: Arc<str>,
    bytes: AttachmentBytes,
    /// Whether the attachment came with a content block. The library has named it, and only the block refers to it.
    of_block: bool,
}

impl Attachments {
    /// Returns an error if an attachment cannot have the name.
    pub fn check_name(&self, name: &str) -> Result<()> {
        if name.is_empty() {
            return Err(Error::new(Kind::Request, "attaching bytes: the name is empty"));
        }
        if self.bytes_of(name).is_some() {
            return Err(Error::new(
                Kind::Request,
                format_args!(
                    "attaching bytes: an attachment of the name {} exists already; use another name",
                    quote(name)
                ),
            ));
        }
        Ok(())
    }

    /// Adds bytes under a name. Returns an error if an attachment cannot have the name.
    pub fn add(&mut self, name: &str, bytes: AttachmentBytes) -> Result<()> {
        self.check_name(name)?;
        self.push(Attachment { name: name.into(), bytes, of_block: false });
        Ok(())
    }

    /// Adds the bytes that came with a content block. `name` must be free.
    pub fn add_of_block(&mut self, name: &str, bytes: AttachmentBytes) {
        self.push(Attachment { name: name.into(), bytes, of_block: true });
    }

    fn push(&mut self, attachment: Attachment) {
        self.by_name.insert(attachment.name.clone(), self.all.len());
        self.all.push(attachment);
    }

    /// Removes and returns the attachments whose content blocks are gone. `used` are the names that the JSON refers to.
    pub fn remove_unused<'a>(&mut self, used: impl Iterator<Item = &'a str>) -> Vec<AttachmentBytes> {
        if !self.all.iter().any(|attachment| attachment.of_block) {
            return Vec::new();
        }
        let used: HashSet<&str> = used.collect();
        let unused = |attachment: &Attachment| attachment.of_block && !used.contains(&*attachment.name);
        let (removed, left) = std::mem::take(&mut self.all).into_iter().partition::<Vec<_>, _>(unused);
        self.by_name.clear();
        left.into_iter().for_each(|attachment| self.push(attachment));
        removed.into_iter().map(|attachment| attachment.bytes).collect()
    }

    /// Returns whether an attachment has the name.
    pub fn contains(&self, name: &str) -> bool {
        cost::read(name.len());
        self.by_name.contains_key(name)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|attachment| &*attachment.name)
    }

    /// Returns whether the string is an ordinary text that only looks like a reference.
    pub fn is_text(&self, reference: &Reference) -> bool {
        reference.ambiguous && self.bytes_of(reference.name()).is_none()
    }

    /// Returns the attachment to which a value `"@name"` refers.
    pub fn referred_to_by(&self, value: Json<'_>) -> Option<&[u8]> {
        self.bytes_of(value.string()?.strip_prefix('@')?)
    }

    /// Appends the attachment to which `reference` refers, as base64. `path` returns the pointer to the reference, for
    /// errors.
    pub fn encode(&self, reference: &Reference, out: &mut ZeroizedText, path: impl FnOnce() -> String) -> Result<()> {
        let bytes = self.bytes_of(reference.name()).ok_or_else(|| {
            let names: Vec<_> = self.names().map(quote).collect();
            let attached =
                if names.is_empty() { "nothing is attached".into() } else { format!("attached: {}", names.join(", ")) };
            let wanted = quote(&format!("@{}", reference.name()));
            let message = format_args!("the request refers to {wanted}, but no attachment has that name ({attached})");
            Error::new(Kind::Request, message).at(path())
        })?;
        out.push_base64(bytes);
        Ok(())
    }

    /// Returns the length of the attachment to which `reference` refers, as base64.
    pub fn encoded_length(&self, reference: &Reference) -> usize {
        self.bytes_of(reference.name()).map_or(0, |bytes| base64_simd::STANDARD.encoded_length(bytes.len()))
    }

    fn bytes_of(&self, name: &str) -> Option<&[u8]> {
        self.by_name.get(name).map(|index| (*self.all[*index].bytes).as_ref())
    }
}
