//! The source of a part's bytes: a data: URL, base64, an attachment, or S3.

use crate::error::Result;
use crate::json::Quoted;
use crate::request::errors::invalid;
use crate::request::medium::{Medium, decoded_prefix};
use crate::request::zeroized::ZeroizedText;
use std::borrow::Cow;
use std::fmt;

/// Bytes in base64, or their location.
pub enum MediaSource<'a> {
    /// Base64, or `"@name"` for an attachment.
    Bytes {
        base64: &'a str,
        /// The MIME type of a data: URL.
        mime_type: Option<&'a str>,
        /// Whether a JSON string needs no escapes for `base64`.
        plain: bool,
    },
    S3(&'a str),
}

impl<'a> MediaSource<'a> {
    /// Reads base64, `"@name"`, a data: URL or an s3:// URL. `path` is the pointer to it, for errors.
    #[expect(clippy::ptr_arg, reason = "a borrowed text needs no escapes, and a str does not show that it is borrowed")]
    pub fn of(text: &'a Cow<'_, str>, path: &str) -> Result<Self> {
        // A JSON string that is borrowed was not decoded, so it has no escapes.
        let plain = matches!(text, Cow::Borrowed(_));
        if text.is_empty() {
            return Err(invalid(path, "it is empty"));
        }
        if after_scheme(text, "s3://").is_some() {
            return Ok(MediaSource::S3(text));
        }
        let Some(rest) = after_scheme(text, "data:") else {
            if after_scheme(text, "http://").or(after_scheme(text, "https://")).is_some() {
                let message = "Bedrock does not fetch URLs; give the bytes as a data: URL or as an attachment \
                               (\"@name\"), or an s3:// URL";
                return Err(invalid(path, message));
            }
            return Ok(MediaSource::Bytes { base64: text, mime_type: None, plain });
        };
        let (head, base64) = rest.split_once(',').ok_or_else(|| invalid(path, "the data: URL has no comma"))?;
        let (mime_type, encoding) = head.rsplit_once(';').unwrap_or((head, ""));
        if !encoding.eq_ignore_ascii_case("base64") {
            return Err(invalid(path, "the data: URL is not base64"));
        }
        if base64.is_empty() {
            return Err(invalid(path, "the data: URL is empty"));
        }
        Ok(MediaSource::Bytes { base64, mime_type: Some(mime_type).filter(|mime_type| !mime_type.is_empty()), plain })
    }

    /// Returns the MIME type of a data: URL.
    pub fn mime_type(&self) -> Option<&'a str> {
        match self {
            MediaSource::Bytes { mime_type, .. } => *mime_type,
            MediaSource::S3(_) => None,
        }
    }

    /// Returns the name of the file, or None for bytes.
    pub fn file_name(&self) -> Option<&'a str> {
        match self {
            MediaSource::Bytes { .. } => None,
            MediaSource::S3(url) => Some(url),
        }
    }

    /// Checks that the bytes are not of another format than `format`. The bytes of attachments are checked for each
    /// call.
    pub fn check_format(&self, medium: Medium, format: &str, path: &str) -> Result<()> {
        let MediaSource::Bytes { base64, .. } = self else { return Ok(()) };
        match medium.mislabelled(format, &decoded_prefix(base64)) {
            Some(found) => Err(invalid(path, format_args!("it is labelled {format}, and the bytes are {found}"))),
            None => Ok(()),
        }
    }

    /// Returns Converse's `source`.
    pub fn to_json(&self) -> ZeroizedText {
        let of = |text: &str, json: fmt::Arguments<'_>| ZeroizedText::format(text.len() + 32, json);
        match self {
            MediaSource::Bytes { base64, plain: true, .. } => of(base64, format_args!("{{\"bytes\":\"{base64}\"}}")),
            MediaSource::Bytes { base64, .. } => of(base64, format_args!("{{\"bytes\":{}}}", Quoted(base64))),
            MediaSource::S3(url) => of(url, format_args!("{{\"s3Location\":{{\"uri\":{}}}}}", Quoted(url))),
        }
    }
}

/// Returns the text behind the scheme of a URL, which is case-insensitive.
fn after_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (found, rest) = text.split_at_checked(scheme.len())?;
    found.eq_ignore_ascii_case(scheme).then_some(rest)
}
