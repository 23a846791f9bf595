//! Images, documents, audio and video: formats, bytes and names.

use super::refuse;
use crate::error::{Result, quote};
use crate::json::Json;
use crate::request::attachment::Attachments;
use crate::request::dialect::Medium;
use crate::request::dialect::media::beginning;
use crate::request::dialect::names::{self, MAX_NAME};

pub fn check_media(block: Json<'_>, attachments: &Attachments, path: &str) -> Result<()> {
    for medium in Medium::ALL {
        if let Some(held) = block.get(medium.name()) {
            check_medium(medium, held, attachments, &format!("{path}/{}", medium.name()))?;
        }
    }
    let inner = block.pointer("/toolResult/content").into_iter().flat_map(Json::elements);
    inner
        .enumerate()
        .try_for_each(|(index, block)| check_media(block, attachments, &format!("{path}/toolResult/content/{index}")))
}

fn check_medium(medium: Medium, held: Json<'_>, attachments: &Attachments, path: &str) -> Result<()> {
    if let Some(label) = held.get("format").and_then(Json::string) {
        let path = format!("{path}/format");
        let format = medium.known_format(&label, &path)?;
        if !medium.takes(&label) {
            let what = format_args!("{} is no spelling that the service takes; write {format}", quote(&label));
            return Err(refuse(path, what));
        }
        let bytes = held.pointer("/source/bytes");
        if let Some(attached) = bytes.and_then(|bytes| attachments.named_by(bytes)) {
            if let Some(found) = medium.mislabelled(format, attached) {
                return Err(refuse(path, format_args!("it is labelled {format}, and the attached bytes are {found}")));
            }
        } else if let Some(bytes) = bytes.and_then(Json::string)
            && let Some(found) = medium.mislabelled(format, &beginning(&bytes))
        {
            return Err(refuse(path, format_args!("it is labelled {format}, and the bytes are {found}")));
        }
    }
    if held.pointer("/source/bytes").and_then(|bytes| attachments.named_by(bytes)).is_some_and(<[u8]>::is_empty) {
        return Err(refuse(format!("{path}/source/bytes"), "there are no bytes; what is attached is empty"));
    }
    if let Some(base64) = held.pointer("/source/bytes")
        && let Some(bytes) = base64.string()
    {
        let path = format!("{path}/source/bytes");
        if bytes.is_empty() {
            return Err(refuse(path, "there are no bytes"));
        }
        // "@name" stands for bytes that are attached.
        if !bytes.starts_with('@') && !base64.is_base64() {
            return Err(refuse(
                path,
                "this is not base64; for bytes by pointer it has to be \"@\" and the attachment's name",
            ));
        }
    }
    match held.get("name").and_then(Json::string).filter(|_| medium == Medium::Document) {
        Some(name) => check_document_name(&name, &format!("{path}/name")),
        None => Ok(()),
    }
}

/// What letters beyond ASCII are to the service is its own affair.
fn check_document_name(name: &str, path: &str) -> Result<()> {
    let strange = |c: &char| c.is_ascii() && !c.is_ascii_whitespace() && !names::is_allowed(*c);
    let what = match name.chars().find(strange) {
        Some(c) => format!("a document's name cannot have {}", quote(&c.to_string())),
        None if name.is_empty() => "a document's name is empty".to_owned(),
        None if name.chars().count() > MAX_NAME => format!("a document's name is longer than {MAX_NAME} characters"),
        None if name.contains("  ") => "a document's name cannot have two spaces in a row".to_owned(),
        None => return Ok(()),
    };
    Err(refuse(
        path,
        format_args!("{what}; it takes letters, digits, single spaces, hyphens, underscores, parentheses and brackets"),
    ))
}
