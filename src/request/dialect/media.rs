//! Images, documents, audio and video: the service's formats, the MIME types that people have, and where the bytes are.

use super::refuse;
use crate::error::{Result, quote};
use crate::json::Quoted;
use crate::request::Wiped;
use std::borrow::Cow;
use std::fmt;

/// A kind of content block that is bytes in a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    Image,
    Document,
    Audio,
    Video,
}

impl Medium {
    pub const ALL: [Medium; 4] = [Medium::Image, Medium::Document, Medium::Audio, Medium::Video];

    /// The block's member in Converse, and what it is called.
    pub fn name(self) -> &'static str {
        match self {
            Medium::Image => "image",
            Medium::Document => "document",
            Medium::Audio => "audio",
            Medium::Video => "video",
        }
    }

    /// The service's formats with the MIME types for them.
    fn formats(self) -> &'static [(&'static str, &'static [&'static str])] {
        match self {
            Medium::Image => &[
                ("png", &["image/png"]),
                ("jpeg", &["image/jpeg", "image/jpg", "jpg"]),
                ("gif", &["image/gif"]),
                ("webp", &["image/webp"]),
            ],
            Medium::Document => &[
                ("pdf", &["application/pdf"]),
                ("csv", &["text/csv"]),
                ("doc", &["application/msword"]),
                ("docx", &["application/vnd.openxmlformats-officedocument.wordprocessingml.document"]),
                ("xls", &["application/vnd.ms-excel"]),
                ("xlsx", &["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"]),
                ("html", &["text/html", "htm"]),
                ("txt", &["text/plain"]),
                ("md", &["text/markdown", "markdown"]),
            ],
            Medium::Audio => &[
                ("mp3", &["audio/mpeg", "audio/mp3"]),
                ("wav", &["audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"]),
                ("flac", &["audio/flac", "audio/x-flac"]),
                ("ogg", &["audio/ogg"]),
                ("opus", &["audio/opus"]),
                ("aac", &["audio/aac"]),
                ("x-aac", &["audio/x-aac"]),
                ("m4a", &["audio/m4a", "audio/x-m4a"]),
                ("mp4", &["audio/mp4"]),
                ("webm", &["audio/webm"]),
                ("mka", &["audio/x-matroska"]),
                ("pcm", &["audio/pcm", "audio/l16"]),
                ("mkv", &[]),
                ("mpeg", &[]),
                ("mpga", &[]),
            ],
            Medium::Video => &[
                ("mp4", &["video/mp4"]),
                ("mov", &["video/quicktime"]),
                ("mkv", &["video/x-matroska"]),
                ("webm", &["video/webm"]),
                ("flv", &["video/x-flv"]),
                ("mpeg", &["video/mpeg"]),
                ("mpg", &[]),
                ("wmv", &["video/x-ms-wmv"]),
                ("three_gp", &["video/3gpp", "3gp"]),
            ],
        }
    }

    /// The format that a label, a MIME type or the format's own name, stands for. Parameters of a MIME type are passed
    /// over.
    pub fn format(self, label: &str) -> Option<&'static str> {
        let label = label.split(';').next().unwrap_or_default().trim();
        let means = |name: &&str| name.eq_ignore_ascii_case(label);
        self.formats()
            .iter()
            .find(|(format, types)| means(format) || types.iter().any(means))
            .map(|(format, _)| *format)
    }

    /// [`Medium::format`], or an error at `path` that lists what there is.
    pub fn known_format(self, label: &str, path: &str) -> Result<&'static str> {
        self.format(label).ok_or_else(|| {
            let known: Vec<_> = self.formats().iter().map(|(format, _)| *format).collect();
            let what = format_args!(
                "{} is no format for {} that Bedrock takes; it takes {}",
                quote(label),
                self.name(),
                known.join(", ")
            );
            refuse(path, what)
        })
    }

    /// Whether a label is exactly a format's name. Of images the service takes no other spelling.
    pub fn takes(self, label: &str) -> bool {
        self != Medium::Image || self.formats().iter().any(|(format, _)| *format == label)
    }

    /// The format that the bytes are of, where that is another than `format` for sure. What carries sound or pictures
    /// that move is not looked at.
    pub fn mislabelled(self, format: &str, bytes: &[u8]) -> Option<&'static str> {
        let (of, found) = format_of_bytes(bytes)?;
        let contradicts = match self {
            Medium::Image => found != format && (format, found) != TAKEN_MISLABELLED,
            // A text may begin like an image.
            Medium::Document => found != format && (of == Medium::Document || !TEXTS.contains(&format)),
            Medium::Audio | Medium::Video => false,
        };
        contradicts.then_some(found)
    }

    /// The format that the bytes are of for sure.
    pub fn format_of_bytes(self, bytes: &[u8]) -> Option<&'static str> {
        format_of_bytes(bytes).filter(|(of, _)| *of == self).map(|(_, format)| format)
    }

    /// A file's name without the ending that `format` tells already.
    pub fn bare_name<'a>(self, format: &str, name: &'a str) -> &'a str {
        let bare = name.rsplit_once('.').filter(|(_, ending)| self.format(ending) == Some(format));
        bare.map_or(name, |(bare, _)| bare)
    }

    /// The format that the ending of a file's name stands for.
    pub fn format_of_file(self, name: &str) -> Option<&'static str> {
        self.format(name.rsplit_once('.')?.1)
    }
}

/// A label with the format of the bytes under it, which the service is on record to have taken.
const TAKEN_MISLABELLED: (&str, &str) = ("jpeg", "png");
/// The formats of documents that are text.
const TEXTS: [&str; 4] = ["csv", "html", "txt", "md"];

/// Where the bytes of a block are.
pub enum Source<'a> {
    /// Base64, or "@name" for attached bytes, and the MIME type where a data: URL tells it.
    Bytes {
        base64: &'a str,
        mime_type: Option<&'a str>,
        /// Whether it stands so in a JSON string too.
        plain: bool,
    },
    S3(&'a str),
}

impl<'a> Source<'a> {
    /// Base64, "@name", a data: URL or an s3:// URL. `path` is where it stands.
    #[expect(clippy::ptr_arg, reason = "a str does not tell whether it stands so in the JSON")]
    pub fn of(text: &'a Cow<'_, str>, path: &str) -> Result<Self> {
        // A JSON string that was not copied to be decoded has no escapes.
        let plain = matches!(text, Cow::Borrowed(_));
        if text.is_empty() {
            return Err(refuse(path, "it is empty"));
        }
        if after_scheme(text, "s3://").is_some() {
            return Ok(Source::S3(text));
        }
        let Some(rest) = after_scheme(text, "data:") else {
            if after_scheme(text, "http://").or(after_scheme(text, "https://")).is_some() {
                let what = "Bedrock does not fetch URLs; give the bytes as a data: URL or as an attachment (\"@name\"), or an s3:// URL";
                return Err(refuse(path, what));
            }
            return Ok(Source::Bytes { base64: text, mime_type: None, plain });
        };
        let (head, base64) = rest.split_once(',').ok_or_else(|| refuse(path, "the data: URL has no comma"))?;
        let (mime_type, encoding) = head.rsplit_once(';').unwrap_or((head, ""));
        if !encoding.eq_ignore_ascii_case("base64") {
            return Err(refuse(path, "the data: URL is not base64"));
        }
        if base64.is_empty() {
            return Err(refuse(path, "the data: URL is empty"));
        }
        Ok(Source::Bytes { base64, mime_type: Some(mime_type).filter(|mime_type| !mime_type.is_empty()), plain })
    }

    pub fn mime_type(&self) -> Option<&'a str> {
        match self {
            Source::Bytes { mime_type, .. } => *mime_type,
            Source::S3(_) => None,
        }
    }

    /// The file's name, where it has one.
    pub fn file(&self) -> Option<&'a str> {
        match self {
            Source::Bytes { .. } => None,
            Source::S3(url) => Some(url),
        }
    }

    /// That the bytes are not known to be of another format than `format`. Attached bytes are looked at when a call is
    /// made, and what text a document may begin with is its own affair.
    pub fn check(&self, medium: Medium, format: &str, path: &str) -> Result<()> {
        let Source::Bytes { base64, .. } = self else { return Ok(()) };
        match medium.mislabelled(format, &beginning(base64)) {
            Some(found) => Err(refuse(path, format_args!("it is labelled {format}, and the bytes are {found}"))),
            None => Ok(()),
        }
    }

    pub fn to_json(&self) -> Wiped {
        let of = |text: &str, json: fmt::Arguments<'_>| Wiped::of(text.len() + 32, json);
        match self {
            Source::Bytes { base64, plain: true, .. } => of(base64, format_args!("{{\"bytes\":\"{base64}\"}}")),
            Source::Bytes { base64, .. } => of(base64, format_args!("{{\"bytes\":{}}}", Quoted(base64))),
            Source::S3(url) => of(url, format_args!("{{\"s3Location\":{{\"uri\":{}}}}}", Quoted(url))),
        }
    }
}

/// The first bytes of what is base64, enough of them to tell a format; none where it is no base64.
pub fn beginning(base64: &str) -> Vec<u8> {
    const ENOUGH: usize = 16;
    let length = base64.len().min(ENOUGH) / 4 * 4;
    base64.get(..length).and_then(|text| base64_simd::STANDARD.decode_to_vec(text).ok()).unwrap_or_default()
}

/// What follows the scheme of a URL, which may be written in any case.
fn after_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (found, rest) = text.split_at_checked(scheme.len())?;
    found.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// The format that bytes cannot but be of.
fn format_of_bytes(bytes: &[u8]) -> Option<(Medium, &'static str)> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some((Medium::Image, "png")),
        [0xff, 0xd8, 0xff, ..] => Some((Medium::Image, "jpeg")),
        [b'G', b'I', b'F', b'8', ..] => Some((Medium::Image, "gif")),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some((Medium::Image, "webp")),
        [b'%', b'P', b'D', b'F', b'-', ..] => Some((Medium::Document, "pdf")),
        _ => None,
    }
}
