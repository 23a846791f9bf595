//! Parts that are bytes in a format: images, documents, audio and video.

use super::media::{Medium, Source};
use super::names::Names;
use super::object::Object;
use super::part::{Parts, only_part};
use crate::error::{Result, quote};
use crate::json::{Json, Kind, Quoted, quoted};
use crate::request::Wiped;
use crate::request::dialect::{refuse, within};

/// A block of a medium.
fn block(medium: Medium, format: &str, more: &str, source: &Source<'_>) -> Wiped {
    let (name, source) = (medium.name(), source.to_json());
    Wiped::of(
        source.len() + 64,
        format_args!("{{\"{name}\":{{\"format\":\"{format}\",{more}\"source\":{}}}}}", &*source),
    )
}

/// {type, data, mime_type}
pub fn data(medium: Medium, part: &Object<'_>) -> Result<(Wiped, Parts)> {
    let what = format!("a part of type {}", medium.name());
    only_part(part, &what, &["type", "data", "mime_type"])?;
    let data = part.text("data", &what)?;
    let source = Source::of(&data, "/data")?;
    let format = match labelled(medium, part, "mime_type", &source, "/data")? {
        Some(format) => format,
        None => return Err(refuse("/mime_type", format_args!("{what} needs mime_type"))),
    };
    Ok((block(medium, format, "", &source), &[("/format", "/mime_type"), ("/source", "/data")]))
}

/// The format that a part says under `key`, or a data: URL says of itself, which must not contradict each other or the
/// bytes. `data` leads to where the bytes are.
fn labelled(
    medium: Medium,
    part: &Object<'_>,
    key: &str,
    source: &Source<'_>,
    data: &str,
) -> Result<Option<&'static str>> {
    let at_key = format!("/{key}");
    let of_url = source.mime_type().map(|label| medium.known_format(label, data)).transpose()?;
    let said = part.optional_text(key)?.map(|label| medium.known_format(&label, &at_key)).transpose()?;
    let (format, path) = match (said, of_url) {
        (Some(said), Some(of_url)) if said != of_url => {
            return Err(refuse(at_key, format_args!("it says {said}, and the data: URL says {of_url}")));
        }
        (Some(said), _) => (said, at_key.as_str()),
        (None, Some(of_url)) => (of_url, data),
        (None, None) => return Ok(None),
    };
    source.check(medium, format, path)?;
    Ok(Some(format))
}

/// {type, image_url: {url, detail, format}}, whose url may stand there by itself; and the same of a video. How closely
/// a model looks is its own affair.
pub fn url(medium: Medium, key: &'static str, part: &Object<'_>) -> Result<(Wiped, Parts)> {
    const DETAILS: [&str; 4] = ["auto", "low", "high", "original"];
    let what = format!("a part of type {key}");
    only_part(part, &what, &["type", key])?;
    let held = part.given(key).ok_or_else(|| refuse(format!("/{key}"), format_args!("{what} needs {key}")))?;
    let held = Object::of(held);
    let at = |error| within(error, &format!("/{key}"));
    let alone = held.json().kind() == Kind::String;
    let url = if alone {
        held.json().string().unwrap_or_default()
    } else {
        held.only(key, &["url", "detail", "format"]).map_err(at)?;
        let detail = held.optional_text("detail").map_err(at)?;
        if let Some(strange) = detail.filter(|detail| !DETAILS.contains(&&**detail)) {
            let what = format_args!("{} is no detail; known are {}", quote(&strange), DETAILS.join(", "));
            return Err(at(refuse("/detail", what)));
        }
        held.text("url", key).map_err(at)?
    };
    let place = if alone { "" } else { "/url" };
    let source = Source::of(&url, place).map_err(at)?;
    let said = if alone { None } else { labelled(medium, &held, "format", &source, place).map_err(at)? };
    let format = match said {
        Some(format) => format,
        None => {
            let label = source.mime_type().or_else(|| source.file().and_then(|file| Some(file.rsplit_once('.')?.1)));
            let unknown = || {
                let name = medium.name();
                let what = format_args!("its format is not known; give a data: URL, or a part of type {name}");
                at(refuse(place, what))
            };
            let format = medium.known_format(label.ok_or_else(unknown)?, place).map_err(at)?;
            source.check(medium, format, place).map_err(at)?;
            format
        }
    };
    let parts: Parts = match (medium, alone) {
        (Medium::Image, true) => &[("", "/image_url")],
        (Medium::Image, false) => &[("", "/image_url/url")],
        (_, true) => &[("", "/video_url")],
        (_, false) => &[("", "/video_url/url")],
    };
    Ok((block(medium, format, "", &source), parts))
}

/// {type, input_audio: {data, format}}
pub fn input_audio(part: &Object<'_>) -> Result<(Wiped, Parts)> {
    only_part(part, "a part of type input_audio", &["type", "input_audio"])?;
    let at = |error| within(error, "/input_audio");
    let audio = part.given("input_audio").ok_or_else(|| refuse("/input_audio", "it is missing"))?;
    let audio = Object::of(audio);
    audio.only("input_audio", &["data", "format"]).map_err(at)?;
    let data = audio.text("data", "input_audio").map_err(at)?;
    let source = Source::of(&data, "/input_audio/data")?;
    let format = labelled(Medium::Audio, &audio, "format", &source, "/data").map_err(at)?;
    let format = format.ok_or_else(|| refuse("/input_audio/format", "input_audio needs format"))?;
    let parts = &[("/format", "/input_audio/format"), ("/source", "/input_audio/data")];
    Ok((block(Medium::Audio, format, "", &source), parts))
}

/// {type, data, mime_type, name}, or {type, source: {type, media_type, data}, title, context, citations}
pub fn document(part: &Object<'_>, names: &mut Names) -> Result<(Wiped, Parts)> {
    if part.given("source").is_some() {
        return sourced_document(part, names);
    }
    let what = "a part of type document";
    only_part(part, what, &["type", "data", "mime_type", "name"])?;
    let data = part.text("data", what)?;
    let source = Source::of(&data, "/data")?;
    let name = part.optional_text("name")?.unwrap_or_default();
    let format = labelled(Medium::Document, part, "mime_type", &source, "/data")?;
    let format = format.or_else(|| format_of_ending(&source, &name));
    let format = format.ok_or_else(|| refuse("/mime_type", format_args!("{what} needs mime_type")))?;
    let parts = &[("/format", "/mime_type"), ("/name", "/name"), ("/source", "/data")];
    Ok((named(format, &name, "", &source.to_json(), names), parts))
}

/// A document in the shape of Anthropic's own API.
fn sourced_document(part: &Object<'_>, names: &mut Names) -> Result<(Wiped, Parts)> {
    let what = "a part of type document";
    only_part(part, what, &["type", "source", "title", "context", "citations"])?;
    let at = |error| within(error, "/source");
    let held = Object::of(part.given("source").ok_or_else(|| refuse("/source", "it is missing"))?);
    held.only("a document's source", &["type", "media_type", "data"]).map_err(at)?;
    let kind = held.text("type", "a document's source").map_err(at)?;
    let data = held.text("data", "a document's source").map_err(at)?;
    let (format, source) = match &*kind {
        "text" => {
            let label = held.optional_text("media_type").map_err(at)?;
            let format = Medium::Document.known_format(label.as_deref().unwrap_or("txt"), "/media_type").map_err(at)?;
            (format, Wiped::of(data.len() + 16, format_args!("{{\"text\":{}}}", Quoted(&data))))
        }
        "base64" => {
            let source = Source::of(&data, "/data").map_err(at)?;
            let format = labelled(Medium::Document, &held, "media_type", &source, "/data").map_err(at)?;
            (format.ok_or_else(|| at(refuse("/media_type", "it is missing")))?, source.to_json())
        }
        other => {
            let what = format_args!("{} is no source that Bedrock takes; it takes text and base64", quote(other));
            return Err(at(refuse("/type", what)));
        }
    };
    let mut more = String::new();
    if let Some(context) = part.optional_text("context")? {
        more.push_str(&format!("\"context\":{},", quoted(&context)));
    }
    if let Some(citations) = part.given("citations").map(Object::of) {
        citations.only("citations", &["enabled"]).map_err(|error| within(error, "/citations"))?;
        let enabled = citations.given("enabled").and_then(Json::bool).unwrap_or(false);
        more.push_str(if enabled { "\"citations\":{\"enabled\":true}," } else { "" });
    }
    let name = part.optional_text("title")?.unwrap_or_default();
    let parts = &[("/format", "/source/media_type"), ("/name", "/title"), ("/source", "/source/data")];
    Ok((named(format, &name, &more, &source, names), parts))
}

/// {type, file: {filename, file_data, format}}
pub fn file(part: &Object<'_>, names: &mut Names) -> Result<(Wiped, Parts)> {
    only_part(part, "a part of type file", &["type", "file"])?;
    let at = |error| within(error, "/file");
    let file = Object::of(part.given("file").ok_or_else(|| refuse("/file", "it is missing"))?);
    if file.given("file_id").is_some_and(|id| !id.is("")) {
        return Err(refuse("/file/file_id", "Bedrock keeps no files; give file_data or an s3:// URL"));
    }
    file.only("file", &["filename", "file_data", "file_id", "format"]).map_err(at)?;
    let data = file.text("file_data", "file").map_err(at)?;
    let source = Source::of(&data, "/file/file_data")?;
    let name = match file.optional_text("filename").map_err(at)? {
        Some(name) => name,
        None => source.file().and_then(|url| Some(url.rsplit_once('/')?.1)).unwrap_or_default().into(),
    };
    let said = file.optional_text("format").map_err(at)?;
    let said = said.map(|label| Medium::Document.known_format(&label, "/file/format")).transpose()?;
    let format = match (said, source.mime_type(), format_of_ending(&source, &name)) {
        (Some(format), ..) => format,
        // What some clients say of every file.
        (None, Some("application/octet-stream") | None, Some(format)) => format,
        (None, Some(label), _) => Medium::Document.known_format(label, "/file/file_data")?,
        (None, None, None) => match name.rsplit_once('.') {
            Some((_, ending)) => Medium::Document.known_format(ending, "/file/filename")?,
            None => return Err(refuse("/file/filename", "its ending has to tell the format, or a data: URL")),
        },
    };
    source.check(Medium::Document, format, "/file/file_data")?;
    let parts = &[("/format", "/file/filename"), ("/name", "/file/filename"), ("/source", "/file/file_data")];
    Ok((named(format, &name, "", &source.to_json(), names), parts))
}

/// The format that the ending of a document's name tells: of the one it is stored under, or of the one it was given.
fn format_of_ending(source: &Source<'_>, name: &str) -> Option<&'static str> {
    [source.file(), Some(name)].into_iter().flatten().find_map(|name| Medium::Document.format_of_file(name))
}

/// A document, whose name in the conversation is without the ending that the format tells already.
fn named(format: &str, name: &str, more: &str, source: &str, names: &mut Names) -> Wiped {
    let name = quoted(&names.take(Medium::Document.bare_name(format, name)));
    let text = format_args!("{{\"document\":{{\"format\":\"{format}\",\"name\":{name},{more}\"source\":{source}}}}}");
    Wiped::of(source.len() + name.len() + more.len() + 64, text)
}
