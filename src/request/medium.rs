//! Images, documents, audio and video: the formats of the service. MIME types, file names and bytes show the format.

use super::errors::invalid;
use crate::error::{Result, quote};

/// A content block with bytes in a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    Image,
    Document,
    Audio,
    Video,
}

impl Medium {
    pub const ALL: [Medium; 4] = [Medium::Image, Medium::Document, Medium::Audio, Medium::Video];

    /// Returns the name of the block's member in Converse.
    pub fn name(self) -> &'static str {
        match self {
            Medium::Image => "image",
            Medium::Document => "document",
            Medium::Audio => "audio",
            Medium::Video => "video",
        }
    }

    /// Returns the formats of the service, each with its MIME types and other names.
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

    /// Returns the format for a label: a MIME type, whose parameters are ignored, or the name of a format.
    pub fn format(self, label: &str) -> Option<&'static str> {
        let label = label.split(';').next().unwrap_or_default().trim();
        let means = |name: &&str| name.eq_ignore_ascii_case(label);
        self.formats()
            .iter()
            .find(|(format, types)| means(format) || types.iter().any(means))
            .map(|(format, _)| *format)
    }

    /// Does the same as [`Medium::format`], and returns an error at `path` for an unknown label.
    pub fn known_format(self, label: &str, path: &str) -> Result<&'static str> {
        self.format(label).ok_or_else(|| {
            let known: Vec<_> = self.formats().iter().map(|(format, _)| *format).collect();
            let (name, label, known) = (self.name(), quote(label), known.join(", "));
            let message = format_args!("Bedrock has no {name} format {label}; it has {known}");
            invalid(path, message)
        })
    }

    /// Returns whether the service accepts a known label as it is written. For images it accepts only the name of a
    /// format.
    pub fn accepts_spelling(self, label: &str) -> bool {
        self != Medium::Image || self.formats().iter().any(|(format, _)| *format == label)
    }

    /// Returns the format of the bytes if it is certain, and is another than `format`. Audio and video are not checked.
    pub fn mislabelled(self, format: &str, bytes: &[u8]) -> Option<&'static str> {
        let (medium, found) = format_of_bytes(bytes)?;
        let contradicts = match self {
            Medium::Image => found != format && (format, found) != ACCEPTED_MISLABELLED,
            // A text can begin with the same bytes as an image.
            Medium::Document => found != format && (medium == Medium::Document || !TEXTS.contains(&format)),
            Medium::Audio | Medium::Video => false,
        };
        contradicts.then_some(found)
    }

    /// Returns the format of the bytes if it is certain.
    pub fn format_of_bytes(self, bytes: &[u8]) -> Option<&'static str> {
        format_of_bytes(bytes).filter(|(medium, _)| *medium == self).map(|(_, format)| format)
    }

    /// Removes the extension of a file name if it stands for `format`.
    pub fn without_extension<'a>(self, format: &str, name: &'a str) -> &'a str {
        let split = name.rsplit_once('.').filter(|(_, extension)| self.format(extension) == Some(format));
        split.map_or(name, |(stem, _)| stem)
    }

    /// Returns the format for the extension of a file name.
    pub fn format_of_file_name(self, name: &str) -> Option<&'static str> {
        self.format(name.rsplit_once('.')?.1)
    }
}

/// A label and the format of bytes, a pair that recorded traffic shows the service to accept.
const ACCEPTED_MISLABELLED: (&str, &str) = ("jpeg", "png");
/// The formats of documents that are plain text.
const TEXTS: [&str; 4] = ["csv", "html", "txt", "md"];

/// Decodes the first bytes of base64, enough to recognize a format. Returns none if it is not valid base64.
pub fn decoded_prefix(base64: &str) -> Vec<u8> {
    const ENOUGH: usize = 16;
    let length = base64.len().min(ENOUGH) / 4 * 4;
    base64.get(..length).and_then(|text| base64_simd::STANDARD.decode_to_vec(text).ok()).unwrap_or_default()
}

/// Recognizes the format of bytes.
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
