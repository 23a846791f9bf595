//! Parts with bytes in a format: images, documents, audio and video.

use super::media_source::MediaSource;
use super::object::Object;
use super::part;
use crate::error::{Result, quote};
use crate::json::{Json, Kind, Quoted, quoted};
use crate::request::document_names::DocumentNames;
use crate::request::errors::{beneath, invalid};
use crate::request::medium::Medium;
use crate::request::source_map::PointerPairs;
use crate::request::zeroized::ZeroizedText;

fn block(medium: Medium, format: &str, more: &str, source: &MediaSource<'_>) -> ZeroizedText {
    let (name, source) = (medium.name(), source.to_json());
    ZeroizedText::format(
        source.len() + 64,
        format_args!("{{\"{name}\":{{\"format\":\"{format}\",{more}\"source\":{}}}}}", &*source),
    )
}

/// Translates `{type, data, mime_type}`.
pub fn data(medium: Medium, part: &Object<'_>) -> Result<(ZeroizedText, PointerPairs)> {
    let what = format!("a part of type {}", medium.name());
    part::check_members(part, &what, &["type", "data", "mime_type"])?;
    let data = part.text("data", &what)?;
    let source = MediaSource::of(&data, "/data")?;
    let format = match labelled_format(medium, part, "mime_type", &source, "/data")? {
        Some(format) => format,
        None => return Err(invalid("/mime_type", format_args!("{what} needs mime_type"))),
    };
    Ok((block(medium, format, "", &source), &[("/format", "/mime_type"), ("/source", "/data")]))
}

/// Returns the format that the member `key` of a part, or its data: URL, names. Both and the bytes must agree. `data`
/// is the pointer to the bytes.
fn labelled_format(
    medium: Medium,
    part: &Object<'_>,
    key: &str,
    source: &MediaSource<'_>,
    data: &str,
) -> Result<Option<&'static str>> {
    let at_key = format!("/{key}");
    let of_url = source.mime_type().map(|label| medium.known_format(label, data)).transpose()?;
    let in_member = part.optional_text(key)?.map(|label| medium.known_format(&label, &at_key)).transpose()?;
    let (format, path) = match (in_member, of_url) {
        (Some(in_member), Some(of_url)) if in_member != of_url => {
            return Err(invalid(at_key, format_args!("{key} is {in_member}, but the data: URL is {of_url}")));
        }
        (Some(in_member), _) => (in_member, at_key.as_str()),
        (None, Some(of_url)) => (of_url, data),
        (None, None) => return Ok(None),
    };
    source.check_format(medium, format, path)?;
    Ok(Some(format))
}

/// Translates `{type, image_url: {url, detail, format}}` and `{type, image_url: url}`, and the same for a video.
/// Converse has no setting for the detail.
pub fn url(medium: Medium, key: &'static str, part: &Object<'_>) -> Result<(ZeroizedText, PointerPairs)> {
    const DETAILS: [&str; 4] = ["auto", "low", "high", "original"];
    let what = format!("a part of type {key}");
    part::check_members(part, &what, &["type", key])?;
    let held = part.given(key).ok_or_else(|| invalid(format!("/{key}"), format_args!("{what} needs {key}")))?;
    let held = Object::of(held);
    let at = |error| beneath(&format!("/{key}"), error);
    let alone = held.json().kind() == Kind::String;
    let url = if alone {
        held.json().string().unwrap_or_default()
    } else {
        held.check_members(key, &["url", "detail", "format"]).map_err(at)?;
        let detail = held.optional_text("detail").map_err(at)?;
        if let Some(unknown) = detail.filter(|detail| !DETAILS.contains(&&**detail)) {
            let message = format_args!("the detail {} is unknown; known are {}", quote(&unknown), DETAILS.join(", "));
            return Err(at(invalid("/detail", message)));
        }
        held.text("url", key).map_err(at)?
    };
    let path = if alone { "" } else { "/url" };
    let source = MediaSource::of(&url, path).map_err(at)?;
    let labelled = if alone { None } else { labelled_format(medium, &held, "format", &source, path).map_err(at)? };
    let format = match labelled {
        Some(format) => format,
        None => {
            let label =
                source.mime_type().or_else(|| source.file_name().and_then(|file| Some(file.rsplit_once('.')?.1)));
            let unknown = || {
                let name = medium.name();
                let message = format_args!("its format is unknown; give a data: URL, or a part of type {name}");
                at(invalid(path, message))
            };
            let format = medium.known_format(label.ok_or_else(unknown)?, path).map_err(at)?;
            source.check_format(medium, format, path).map_err(at)?;
            format
        }
    };
    let pairs: PointerPairs = match (medium, alone) {
        (Medium::Image, true) => &[("", "/image_url")],
        (Medium::Image, false) => &[("", "/image_url/url")],
        (_, true) => &[("", "/video_url")],
        (_, false) => &[("", "/video_url/url")],
    };
    Ok((block(medium, format, "", &source), pairs))
}

/// Translates `{type, input_audio: {data, format}}`.
pub fn input_audio(part: &Object<'_>) -> Result<(ZeroizedText, PointerPairs)> {
    part::check_members(part, "a part of type input_audio", &["type", "input_audio"])?;
    let at = |error| beneath("/input_audio", error);
    let audio = part.given("input_audio").ok_or_else(|| invalid("/input_audio", "it is missing"))?;
    let audio = Object::of(audio);
    audio.check_members("input_audio", &["data", "format"]).map_err(at)?;
    let data = audio.text("data", "input_audio").map_err(at)?;
    let source = MediaSource::of(&data, "/input_audio/data")?;
    let format = labelled_format(Medium::Audio, &audio, "format", &source, "/data").map_err(at)?;
    let format = format.ok_or_else(|| invalid("/input_audio/format", "input_audio needs format"))?;
    let pairs = &[("/format", "/input_audio/format"), ("/source", "/input_audio/data")];
    Ok((block(Medium::Audio, format, "", &source), pairs))
}

/// Translates `{type, data, mime_type, name}` and
/// `{type, source: {type, media_type, data}, title, context, citations}`.
pub fn document(part: &Object<'_>, names: &mut DocumentNames) -> Result<(ZeroizedText, PointerPairs)> {
    if part.given("source").is_some() {
        return sourced_document(part, names);
    }
    let what = "a part of type document";
    part::check_members(part, what, &["type", "data", "mime_type", "name"])?;
    let data = part.text("data", what)?;
    let source = MediaSource::of(&data, "/data")?;
    let name = part.optional_text("name")?.unwrap_or_default();
    let format = labelled_format(Medium::Document, part, "mime_type", &source, "/data")?;
    let format = format.or_else(|| format_of_extension(&source, &name));
    let format = format.ok_or_else(|| invalid("/mime_type", format_args!("{what} needs mime_type")))?;
    let pairs = &[("/format", "/mime_type"), ("/name", "/name"), ("/source", "/data")];
    Ok((document_block(format, &name, "", &source.to_json(), names), pairs))
}

/// Translates a document in the form of Anthropic's own API.
fn sourced_document(part: &Object<'_>, names: &mut DocumentNames) -> Result<(ZeroizedText, PointerPairs)> {
    let what = "a part of type document";
    part::check_members(part, what, &["type", "source", "title", "context", "citations"])?;
    let at = |error| beneath("/source", error);
    let held = Object::of(part.given("source").ok_or_else(|| invalid("/source", "it is missing"))?);
    held.check_members("a document's source", &["type", "media_type", "data"]).map_err(at)?;
    let kind = held.text("type", "a document's source").map_err(at)?;
    let data = held.text("data", "a document's source").map_err(at)?;
    let (format, source) = match &*kind {
        "text" => {
            let label = held.optional_text("media_type").map_err(at)?;
            let format = Medium::Document.known_format(label.as_deref().unwrap_or("txt"), "/media_type").map_err(at)?;
            (format, ZeroizedText::format(data.len() + 16, format_args!("{{\"text\":{}}}", Quoted(&data))))
        }
        "base64" => {
            let source = MediaSource::of(&data, "/data").map_err(at)?;
            let format = labelled_format(Medium::Document, &held, "media_type", &source, "/data").map_err(at)?;
            (format.ok_or_else(|| at(invalid("/media_type", "it is missing")))?, source.to_json())
        }
        other => {
            let message = format_args!("Bedrock does not accept the source type {}; use text or base64", quote(other));
            return Err(at(invalid("/type", message)));
        }
    };
    let mut more = String::new();
    if let Some(context) = part.optional_text("context")? {
        more.push_str(&format!("\"context\":{},", quoted(&context)));
    }
    if let Some(citations) = part.given("citations").map(Object::of) {
        citations.check_members("citations", &["enabled"]).map_err(|error| beneath("/citations", error))?;
        let enabled = citations.given("enabled").and_then(Json::bool).unwrap_or(false);
        more.push_str(if enabled { "\"citations\":{\"enabled\":true}," } else { "" });
    }
    let name = part.optional_text("title")?.unwrap_or_default();
    let pairs = &[("/format", "/source/media_type"), ("/name", "/title"), ("/source", "/source/data")];
    Ok((document_block(format, &name, &more, &source, names), pairs))
}

/// Translates `{type, file: {filename, file_data, format}}`.
pub fn file(part: &Object<'_>, names: &mut DocumentNames) -> Result<(ZeroizedText, PointerPairs)> {
    part::check_members(part, "a part of type file", &["type", "file"])?;
    let at = |error| beneath("/file", error);
    let file = Object::of(part.given("file").ok_or_else(|| invalid("/file", "it is missing"))?);
    if file.given("file_id").is_some_and(|id| !id.is("")) {
        return Err(invalid("/file/file_id", "Bedrock keeps no files; give file_data or an s3:// URL"));
    }
    file.check_members("file", &["filename", "file_data", "file_id", "format"]).map_err(at)?;
    let data = file.text("file_data", "file").map_err(at)?;
    let source = MediaSource::of(&data, "/file/file_data")?;
    let name = match file.optional_text("filename").map_err(at)? {
        Some(name) => name,
        None => source.file_name().and_then(|url| Some(url.rsplit_once('/')?.1)).unwrap_or_default().into(),
    };
    let labelled = file.optional_text("format").map_err(at)?;
    let labelled = labelled.map(|label| Medium::Document.known_format(&label, "/file/format")).transpose()?;
    let format = match (labelled, source.mime_type(), format_of_extension(&source, &name)) {
        (Some(format), ..) => format,
        // Some clients send this type for every file.
        (None, Some("application/octet-stream") | None, Some(format)) => format,
        (None, Some(label), _) => Medium::Document.known_format(label, "/file/file_data")?,
        (None, None, None) => match name.rsplit_once('.') {
            Some((_, extension)) => Medium::Document.known_format(extension, "/file/filename")?,
            None => {
                return Err(invalid(
                    "/file/filename",
                    "the format is unknown; give filename an extension, or file_data as a data: URL",
                ));
            }
        },
    };
    source.check_format(Medium::Document, format, "/file/file_data")?;
    let pairs = &[("/format", "/file/filename"), ("/name", "/file/filename"), ("/source", "/file/file_data")];
    Ok((document_block(format, &name, "", &source.to_json(), names), pairs))
}

/// Returns the format that the extension of the S3 object, or of the document's name, stands for.
fn format_of_extension(source: &MediaSource<'_>, name: &str) -> Option<&'static str> {
    [source.file_name(), Some(name)].into_iter().flatten().find_map(|name| Medium::Document.format_of_file_name(name))
}

/// Returns a document block. Its name has no extension, because the format repeats it.
fn document_block(format: &str, name: &str, more: &str, source: &str, names: &mut DocumentNames) -> ZeroizedText {
    let name = quoted(&names.add_unique(Medium::Document.without_extension(format, name)));
    let text = format_args!("{{\"document\":{{\"format\":\"{format}\",\"name\":{name},{more}\"source\":{source}}}}}");
    ZeroizedText::format(source.len() + name.len() + more.len() + 64, text)
}
