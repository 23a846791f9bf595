//! Images and documents whose bytes a program gives, as content blocks of a conversation.

use super::attachment::Attachments;
use super::dialect::names::Names;
use super::dialect::{self, Medium, Role, Translated};
use super::document::Document;
use crate::error::{Error, Kind, Result};
use crate::json::quoted;
use std::fmt;

/// What a program says of bytes that it gives.
pub struct Media<'a> {
    pub medium: Medium,
    pub role: &'a str,
    /// The service's name for the format, or a MIME type. None where the bytes, or a file's name, tell it.
    pub format: Option<&'a str>,
    /// Of a document: its name, or that of its file.
    pub name: Option<&'a str>,
    pub bytes: &'a [u8],
}

impl Media<'_> {
    /// A message with the block that refers to the bytes as an attachment of the name `attachment`.
    pub fn message(&self, document: &mut Document, attachment: &str) -> Result<Translated> {
        let role = match dialect::role(self.role) {
            Some(role @ (Role::User | Role::Assistant)) => role,
            Some(_) => return Err(self.refuse(format_args!("messages of the role {} hold none", self.role))),
            None => return Err(dialect::unknown_role(self.role)),
        };
        let format = self.format()?;
        let mut names = document.document_names();
        let name = match self.medium {
            Medium::Document => format!("\"name\":{},", quoted(&self.name_among(&mut names, format))),
            _ => String::new(),
        };
        let source = format_args!("{{\"bytes\":{}}}", quoted(&format!("@{attachment}"))).to_string();
        let medium = self.medium.name();
        let block = format!("{{\"{medium}\":{{\"format\":\"{format}\",{name}\"source\":{source}}}}}");
        Ok(Translated { role, blocks: vec![block.into()], names: names.into_own() })
    }

    fn format(&self) -> Result<&'static str> {
        if self.bytes.is_empty() {
            return Err(self.refuse("there are no bytes"));
        }
        let Some(label) = self.format else {
            let found = self.medium.format_of_bytes(self.bytes).or_else(|| self.medium.format_of_file(self.name?));
            return found
                .ok_or_else(|| self.refuse("its format is not known; give it, for example \"png\" or \"pdf\""));
        };
        let format = self.medium.known_format(label, "")?;
        match self.medium.mislabelled(format, self.bytes) {
            Some(found) => Err(self.refuse(format_args!("it is labelled {format}, and the bytes are {found}"))),
            None => Ok(format),
        }
    }

    /// A name that the service takes and that no other document of the conversation has.
    fn name_among(&self, names: &mut Names, format: &str) -> String {
        names.take(self.medium.bare_name(format, self.name.unwrap_or_default()))
    }

    fn refuse(&self, what: impl fmt::Display) -> Error {
        let article = if self.medium == Medium::Document { "a" } else { "an" };
        Error::new(Kind::Request, format_args!("adding {article} {}: {what}", self.medium.name()))
    }
}

/// The first of the names `image-1`, `image-2` and so on, from that of `number` on, that neither names an attachment nor
/// is referred to; and its number.
pub fn free_name(medium: Medium, number: usize, document: &mut Document, attachments: &Attachments) -> (String, usize) {
    let is_referred_to = document.refers_to();
    let mut names = (number..).map(|number| (format!("{}-{number}", medium.name()), number));
    let is_free = |(name, _): &(String, usize)| !attachments.has(name) && !is_referred_to(name);
    names.find(is_free).expect("there is always one more number")
}
