//! Images, documents, audio and video: formats, bytes and names.

use super::errors::rejected;
use crate::error::{Result, quote};
use crate::json::Json;
use crate::request::attachments::Attachments;
use crate::request::document_names::{self, MAX_LENGTH};
use crate::request::medium::{Medium, decoded_prefix};

/// Checks the media of a block, and of the blocks in a tool result.
pub fn check_media(block: Json<'_>, attachments: &Attachments, path: &str) -> Result<()> {
    for member in block.members() {
        let key = member.key.string().unwrap_or_default();
        if let Some(medium) = Medium::ALL.into_iter().find(|medium| medium.name() == key) {
            check_medium(medium, member.value, attachments, &format!("{path}/{key}"))?;
        } else if key == "toolResult" {
            let inner = member.value.get("content").into_iter().flat_map(Json::elements);
            for (index, block) in inner.enumerate() {
                check_media(block, attachments, &format!("{path}/toolResult/content/{index}"))?;
            }
        }
    }
    Ok(())
}

fn check_medium(medium: Medium, value: Json<'_>, attachments: &Attachments, path: &str) -> Result<()> {
    let bytes = value.pointer("/source/bytes");
    if let Some(label) = value.get("format").and_then(Json::string) {
        check_format(medium, &label, bytes, attachments, &format!("{path}/format"))?;
    }
    if let Some(bytes) = bytes {
        check_bytes(bytes, attachments, &format!("{path}/source/bytes"))?;
    }
    match value.get("name").and_then(Json::string).filter(|_| medium == Medium::Document) {
        Some(name) => check_document_name(&name, &format!("{path}/name")),
        None => Ok(()),
    }
}

/// Checks that the format is known, and is not another one than that of the bytes.
fn check_format(
    medium: Medium,
    label: &str,
    bytes: Option<Json<'_>>,
    attachments: &Attachments,
    path: &str,
) -> Result<()> {
    let format = medium.known_format(label, path)?;
    if !medium.accepts_spelling(label) {
        let message = format_args!("the service does not accept the spelling {}; write {format}", quote(label));
        return Err(rejected(path, message));
    }
    let found = match bytes.and_then(|bytes| attachments.referred_to_by(bytes)) {
        Some(attached) => medium.mislabelled(format, attached).map(|found| ("attached bytes", found)),
        None => {
            let base64 = bytes.and_then(Json::string);
            base64.and_then(|base64| medium.mislabelled(format, &decoded_prefix(&base64))).map(|found| ("bytes", found))
        }
    };
    match found {
        Some((bytes, found)) => {
            Err(rejected(path, format_args!("it is labelled {format}, and the {bytes} are {found}")))
        }
        None => Ok(()),
    }
}

/// Checks that the bytes are base64 or a reference, and not empty.
fn check_bytes(value: Json<'_>, attachments: &Attachments, path: &str) -> Result<()> {
    if attachments.referred_to_by(value).is_some_and(<[u8]>::is_empty) {
        return Err(rejected(path, "there are no bytes: the attachment is empty"));
    }
    let Some(bytes) = value.string() else { return Ok(()) };
    if bytes.is_empty() {
        return Err(rejected(path, "there are no bytes"));
    }
    if !bytes.starts_with('@') && !value.is_base64() {
        let message = "this is not base64; for an attachment it must be \"@\" and the attachment's name";
        return Err(rejected(path, message));
    }
    Ok(())
}

/// Checks a document's name. Letters that are not ASCII are left to the service.
fn check_document_name(name: &str, path: &str) -> Result<()> {
    let is_forbidden = |c: &char| c.is_ascii() && !c.is_ascii_whitespace() && !document_names::is_allowed(*c);
    let mistake = match name.chars().find(is_forbidden) {
        Some(c) => format!("a document's name cannot have {}", quote(&c.to_string())),
        None if name.is_empty() => "a document's name is empty".to_owned(),
        None if name.chars().count() > MAX_LENGTH => {
            format!("a document's name is longer than {MAX_LENGTH} characters")
        }
        None if name.contains("  ") => "a document's name cannot have two spaces in a row".to_owned(),
        None => return Ok(()),
    };
    let rule = "it can have letters, digits, single spaces, hyphens, underscores, parentheses and brackets";
    Err(rejected(path, format_args!("{mistake}; {rule}")))
}
