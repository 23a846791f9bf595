//! Content blocks for images and documents whose bytes the program passes to a function.

use super::attachments::Attachments;
use super::conversation::ConverseMessage;
use super::document::Document;
use super::document_names::DocumentNames;
use super::medium::Medium;
use super::role::Role;
use crate::error::{Error, Kind, Result};
use crate::json::quoted;
use std::fmt;

/// The arguments of a function that adds an image or a document.
pub struct MediaBlock<'a> {
    pub medium: Medium,
    pub role: &'a str,
    /// The service's name for the format, or a MIME type. If it is None, the format is recognized by the bytes or the
    /// name.
    pub format: Option<&'a str>,
    /// The name of a document, or of its file.
    pub name: Option<&'a str>,
    pub bytes: &'a [u8],
}

impl MediaBlock<'_> {
    /// Returns a message with the block. The block refers to the bytes as an attachment of the name `attachment`.
    pub fn message(&self, document: &mut Document, attachment: &str) -> Result<ConverseMessage> {
        let role = match Role::named(self.role) {
            Some(role @ (Role::User | Role::Assistant)) => role,
            Some(_) => {
                let name = self.medium.name();
                return Err(self.error(format_args!("a message of the role {} cannot have a block {name}", self.role)));
            }
            None => return Err(Role::unknown(self.role)),
        };
        let format = self.format()?;
        let mut names = document.document_names();
        let name = match self.medium {
            Medium::Document => format!("\"name\":{},", quoted(&self.unique_name(&mut names, format))),
            _ => String::new(),
        };
        let source = format_args!("{{\"bytes\":{}}}", quoted(&format!("@{attachment}"))).to_string();
        let medium = self.medium.name();
        let block = format!("{{\"{medium}\":{{\"format\":\"{format}\",{name}\"source\":{source}}}}}");
        Ok(ConverseMessage { role, blocks: vec![block.into()], document_names: names.into_names_of_message() })
    }

    fn format(&self) -> Result<&'static str> {
        if self.bytes.is_empty() {
            return Err(self.error("there are no bytes"));
        }
        let Some(label) = self.format else {
            let found = self.medium.format_of_bytes(self.bytes).or_else(|| self.medium.format_of_file_name(self.name?));
            return found.ok_or_else(|| self.error("its format is unknown; give it, for example \"png\" or \"pdf\""));
        };
        let format = self.medium.known_format(label, "")?;
        match self.medium.mislabelled(format, self.bytes) {
            Some(found) => Err(self.error(format_args!("it is labelled {format}, and the bytes are {found}"))),
            None => Ok(format),
        }
    }

    /// Returns a name that the service accepts and no other document of the conversation has.
    fn unique_name(&self, names: &mut DocumentNames, format: &str) -> String {
        names.add_unique(self.medium.without_extension(format, self.name.unwrap_or_default()))
    }

    fn error(&self, what: impl fmt::Display) -> Error {
        let article = if self.medium == Medium::Document { "a" } else { "an" };
        Error::new(Kind::Request, format_args!("adding {article} {}: {what}", self.medium.name()))
    }
}

/// Returns the first of the names `image-1`, `image-2` and so on that no attachment has and that nothing refers to, and
/// its number. The search begins at `number`.
pub fn free_name(medium: Medium, number: usize, document: &mut Document, attachments: &Attachments) -> (String, usize) {
    let is_referred_to = document.refers_to();
    let mut names = (number..).map(|number| (format!("{}-{number}", medium.name()), number));
    let is_free = |(name, _): &(String, usize)| !attachments.contains(name) && !is_referred_to(name);
    names.find(is_free).expect("there is always one more number")
}
