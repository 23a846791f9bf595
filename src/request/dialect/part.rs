//! The content of a portable message: parts, each made a content block.

use super::media::{Medium, Source};
use super::names::Names;
use super::{given, mistyped, only, refuse, text, within};
use crate::error::{Result, quote};
use crate::json::{Json, Kind, quoted};

/// The blocks of a content, which is a string or parts.
pub fn blocks(content: Option<Json<'_>>, names: &mut Names) -> Result<Vec<String>> {
    let Some(content) = content else { return Ok(Vec::new()) };
    match content.kind() {
        Kind::String => Ok(text_block(content).into_iter().collect()),
        Kind::Array => {
            content.elements().filter(|part| part.get("type").is_none()).for_each(|block| names.reserve(block));
            let mut blocks = Vec::new();
            for (index, part) in content.elements().enumerate() {
                blocks.extend(translate(part, names).map_err(|error| within(error, &format!("/content/{index}")))?);
            }
            Ok(blocks)
        }
        _ => Err(mistyped("content", "a string or an array of parts", content)),
    }
}

/// None where it is blank text, which is left out. What has no type is a content block already.
fn translate(part: Json<'_>, names: &mut Names) -> Result<Option<String>> {
    let Some(kind) = part.get("type") else { return Ok(Some(part.text().to_owned())) };
    let kind = kind.string().ok_or_else(|| mistyped("type", "a string", kind))?;
    let block = match &*kind {
        "text" => {
            only(part, "a text part", &["type", "text"])?;
            let text = given(part, "text").ok_or_else(|| refuse("/text", "a text part needs text"))?;
            if text.kind() != Kind::String {
                return Err(mistyped("text", "a string", text));
            }
            return Ok(text_block(text));
        }
        "image" => data(Medium::Image, part)?,
        "audio" => data(Medium::Audio, part)?,
        "video" => data(Medium::Video, part)?,
        "image_url" => image_url(part)?,
        "input_audio" => input_audio(part)?,
        "document" => document(part, names)?,
        "file" => file(part, names)?,
        "thinking" => thinking(part)?,
        other => {
            let known = "text, image, image_url, document, file, audio, input_audio, video, thinking";
            return Err(refuse("/type", format_args!("the part type {} is unknown; known are {known}", quote(other))));
        }
    };
    Ok(Some(block))
}

/// A string as a block, its escapes as they were written. None where it is blank.
fn text_block(text: Json<'_>) -> Option<String> {
    let blank = text.pieces().all(|piece| piece.as_str().trim().is_empty());
    (!blank).then(|| format!("{{\"text\":{}}}", text.text()))
}

fn block(medium: Medium, format: &str, more: &str, source: &Source<'_>) -> String {
    format!("{{\"{}\":{{\"format\":\"{format}\",{more}\"source\":{}}}}}", medium.name(), source.to_json())
}

/// {type, data, mime_type}
fn data(medium: Medium, part: Json<'_>) -> Result<String> {
    let what = format!("a part of type {}", medium.name());
    only(part, &what, &["type", "data", "mime_type"])?;
    let data = text(part, "data", &what)?;
    let source = Source::of(&data, "/data")?;
    let format = match labelled(medium, part, "mime_type", &what, &source, "/data")? {
        Some(format) => format,
        None => return Err(refuse("/mime_type", format_args!("{what} needs mime_type"))),
    };
    Ok(block(medium, format, "", &source))
}

/// The format that a part says under `key`, or a data: URL says of itself, which must not contradict each other or the bytes.
/// `data` leads to where the bytes are.
fn labelled(
    medium: Medium,
    part: Json<'_>,
    key: &str,
    what: &str,
    source: &Source<'_>,
    data: &str,
) -> Result<Option<&'static str>> {
    let at_key = format!("/{key}");
    let of_url = source.mime_type().map(|label| medium.known_format(label, data)).transpose()?;
    let said = match given(part, key) {
        Some(_) => Some(medium.known_format(&text(part, key, what)?, &at_key)?),
        None => None,
    };
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

/// {type, image_url: {url}}, whose url may stand there by itself.
fn image_url(part: Json<'_>) -> Result<String> {
    let what = "a part of type image_url";
    only(part, what, &["type", "image_url"])?;
    let image = given(part, "image_url").ok_or_else(|| refuse("/image_url", format_args!("{what} needs image_url")))?;
    let (url, path) = match image.string() {
        Some(url) => (url, "/image_url"),
        None => {
            let at = |error| within(error, "/image_url");
            let automatic = image.get("detail").is_some_and(|detail| detail.is("auto"));
            only(image, "image_url", if automatic { &["url", "detail"] } else { &["url"] }).map_err(at)?;
            (text(image, "url", "image_url").map_err(at)?, "/image_url/url")
        }
    };
    let source = Source::of(&url, path)?;
    let label = source.mime_type().or_else(|| source.file().and_then(|file| Some(file.rsplit_once('.')?.1)));
    let label =
        label.ok_or_else(|| refuse(path, "its format is not known; give a data: URL, or a part of type image"))?;
    let format = Medium::Image.known_format(label, path)?;
    source.check(Medium::Image, format, path)?;
    Ok(block(Medium::Image, format, "", &source))
}

/// {type, input_audio: {data, format}}
fn input_audio(part: Json<'_>) -> Result<String> {
    only(part, "a part of type input_audio", &["type", "input_audio"])?;
    let at = |error| within(error, "/input_audio");
    let audio = given(part, "input_audio").ok_or_else(|| refuse("/input_audio", "it is missing"))?;
    only(audio, "input_audio", &["data", "format"]).map_err(at)?;
    let data = text(audio, "data", "input_audio").map_err(at)?;
    let source = Source::of(&data, "/input_audio/data")?;
    let format = labelled(Medium::Audio, audio, "format", "input_audio", &source, "/data").map_err(at)?;
    let format = format.ok_or_else(|| refuse("/input_audio/format", "input_audio needs format"))?;
    Ok(block(Medium::Audio, format, "", &source))
}

/// {type, data, mime_type, name}
fn document(part: Json<'_>, names: &mut Names) -> Result<String> {
    let what = "a part of type document";
    only(part, what, &["type", "data", "mime_type", "name"])?;
    let data = text(part, "data", what)?;
    let source = Source::of(&data, "/data")?;
    let name = match given(part, "name") {
        Some(name) => name.string().ok_or_else(|| mistyped("name", "a string", name))?,
        None => "".into(),
    };
    let format = labelled(Medium::Document, part, "mime_type", what, &source, "/data")?;
    let format = format.or_else(|| format_of_ending(&source, &name));
    let format = format.ok_or_else(|| refuse("/mime_type", format_args!("{what} needs mime_type")))?;
    Ok(named(format, &name, &source, names))
}

/// {type, file: {filename, file_data}}
fn file(part: Json<'_>, names: &mut Names) -> Result<String> {
    only(part, "a part of type file", &["type", "file"])?;
    let at = |error| within(error, "/file");
    let file = given(part, "file").ok_or_else(|| refuse("/file", "it is missing"))?;
    if given(file, "file_id").is_some() {
        return Err(refuse("/file/file_id", "Bedrock keeps no files; give file_data or an s3:// URL"));
    }
    only(file, "file", &["filename", "file_data"]).map_err(at)?;
    let data = text(file, "file_data", "file").map_err(at)?;
    let source = Source::of(&data, "/file/file_data")?;
    let name = match given(file, "filename") {
        Some(_) => text(file, "filename", "file").map_err(at)?,
        None => source.file().and_then(|url| Some(url.rsplit_once('/')?.1)).unwrap_or_default().into(),
    };
    let format = match (source.mime_type(), format_of_ending(&source, &name)) {
        // What some clients say of every file.
        (Some("application/octet-stream") | None, Some(format)) => format,
        (Some(label), _) => Medium::Document.known_format(label, "/file/file_data")?,
        (None, None) => match name.rsplit_once('.') {
            Some((_, ending)) => Medium::Document.known_format(ending, "/file/filename")?,
            None => return Err(refuse("/file/filename", "its ending has to tell the format, or a data: URL")),
        },
    };
    source.check(Medium::Document, format, "/file/file_data")?;
    Ok(named(format, &name, &source, names))
}

/// The format that the ending of a document's name tells: of the one it is stored under, or of the one it was given.
fn format_of_ending(source: &Source<'_>, name: &str) -> Option<&'static str> {
    [source.file(), Some(name)].into_iter().flatten().find_map(|name| Medium::Document.format_of_file(name))
}

/// A document, whose name in the conversation is without the ending that the format tells already.
fn named(format: &str, name: &str, source: &Source<'_>, names: &mut Names) -> String {
    let name = names.take(Medium::Document.bare_name(format, name));
    block(Medium::Document, format, &format!("\"name\":{},", quoted(&name)), source)
}

/// {type, text or thinking, signature}
fn thinking(part: Json<'_>) -> Result<String> {
    only(part, "a part of type thinking", &["type", "text", "thinking", "signature"])?;
    let key = if given(part, "thinking").is_some() { "thinking" } else { "text" };
    if key == "thinking" && given(part, "text").is_some() {
        return Err(refuse("/text", "text and thinking are both given; they mean the same"));
    }
    let thought = quoted(&text(part, key, "a part of type thinking")?);
    let signature = match given(part, "signature") {
        Some(_) => format!(",\"signature\":{}", quoted(&text(part, "signature", "")?)),
        None => String::new(),
    };
    Ok(format!("{{\"reasoningContent\":{{\"reasoningText\":{{\"text\":{thought}{signature}}}}}}}"))
}
