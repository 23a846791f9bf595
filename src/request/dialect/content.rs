//! The content of a portable message: a text, or parts, each of which becomes a content block.

use super::block::Block;
use super::cache_control::cache_point;
use super::media_parts;
use super::object::Object;
use super::part;
use super::reasoning;
use crate::error::{Result, quote};
use crate::json::{Json, Kind};
use crate::request::document_names::DocumentNames;
use crate::request::errors::{beneath, invalid, wrong_type};
use crate::request::medium::Medium;
use crate::request::source_map::PointerPairs;
use crate::request::zeroized::ZeroizedText;

/// The content of a message, by its type.
pub enum Content<'a> {
    Missing,
    Text(Json<'a>),
    Parts(Vec<Object<'a>>),
    Other(Json<'a>),
}

impl<'a> Content<'a> {
    /// Returns the content by its type. None is [`Content::Missing`].
    pub fn of(content: Option<Json<'a>>) -> Self {
        match content.map(|content| (content.kind(), content)) {
            None => Content::Missing,
            Some((Kind::String, text)) => Content::Text(text),
            Some((Kind::Array, parts)) => Content::Parts(parts.elements().map(Object::of).collect()),
            Some((_, other)) => Content::Other(other),
        }
    }

    /// Returns the elements of a content that is an array, or none.
    pub fn parts(&self) -> &[Object<'a>] {
        match self {
            Content::Parts(parts) => parts,
            _ => &[],
        }
    }
}

/// Returns whether an element of a content is a part. An element without a type is a native content block.
pub fn is_part(element: &Object<'_>) -> bool {
    element.get("type").is_some()
}

/// Translates a content to blocks.
pub fn blocks(content: &Content<'_>, names: &mut DocumentNames) -> Result<Vec<Block>> {
    match content {
        Content::Missing => Ok(Vec::new()),
        Content::Text(text) => Ok(text_block(*text, "/content", &[]).into_iter().collect()),
        Content::Parts(parts) => {
            parts.iter().filter(|part| !is_part(part)).for_each(|block| names.add_block(block.json()));
            let mut blocks = Vec::new();
            for (index, part) in parts.iter().enumerate() {
                let at = format!("/content/{index}");
                let (block, cache_point) = translate(part, names).map_err(|error| beneath(&at, error))?;
                // A blank text is left out, so there is nothing to cache.
                let cache_point = cache_point.filter(|_| block.is_some());
                blocks.extend(block.into_iter().chain(cache_point).map(|block| block.beneath(&at)));
            }
            Ok(blocks)
        }
        Content::Other(other) => Err(wrong_type("content", "a string or an array of parts", *other)),
    }
}

/// Translates a part to a block and its cache point. The block is None if the part is a blank text, which is left out.
fn translate(part: &Object<'_>, names: &mut DocumentNames) -> Result<(Option<Block>, Option<Block>)> {
    let Some(kind) = part.get("type") else {
        return Ok((Some(Block::native(part.json().text())), None));
    };
    let kind = kind.string().ok_or_else(|| wrong_type("type", "a string", kind))?;
    let (json, pairs): (ZeroizedText, PointerPairs) = match &*kind {
        "text" | "refusal" => {
            part::check_members(part, "a text part", &["type", &kind])?;
            let text = part
                .given(&kind)
                .ok_or_else(|| invalid(format!("/{kind}"), format_args!("a part of type {kind} needs {kind}")))?;
            if text.kind() != Kind::String {
                return Err(wrong_type(&kind, "a string", text));
            }
            let pairs: PointerPairs = if kind == "text" { &[("", "/text")] } else { &[("", "/refusal")] };
            return Ok((text_block(text, "", pairs), cache_point(part)?));
        }
        "image" => media_parts::data(Medium::Image, part)?,
        "audio" => media_parts::data(Medium::Audio, part)?,
        "video" => media_parts::data(Medium::Video, part)?,
        "image_url" => media_parts::url(Medium::Image, "image_url", part)?,
        "video_url" => media_parts::url(Medium::Video, "video_url", part)?,
        "input_audio" => media_parts::input_audio(part)?,
        "document" => media_parts::document(part, names)?,
        "file" => media_parts::file(part, names)?,
        "thinking" => reasoning::thinking(part)?,
        "redacted_thinking" => reasoning::redacted_thinking(part)?,
        other => {
            let known = "text, image, image_url, document, file, audio, input_audio, video, video_url, thinking, \
                         redacted_thinking, refusal";
            return Err(invalid("/type", format_args!("the part type {} is unknown; known are {known}", quote(other))));
        }
    };
    Ok((Some(Block::composed(json, "", pairs)), cache_point(part)?))
}

/// Returns the block of a text, whose escapes stay as they were written. Returns None if the text is blank.
pub fn text_block(text: Json<'_>, given: &str, pairs: PointerPairs) -> Option<Block> {
    let blank = text.pieces().all(|piece| piece.as_str().trim().is_empty());
    (!blank).then(|| {
        let text = text.text();
        Block::composed(ZeroizedText::format(text.len() + 9, format_args!("{{\"text\":{text}}}")), given, pairs)
    })
}
