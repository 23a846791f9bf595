//! The content of a portable message: parts, each made a content block.

use super::media::Medium;
use super::names::Names;
use super::object::Object;
use crate::error::{Result, quote};
use crate::json::{Json, Kind};
use crate::request::Wiped;
use crate::request::dialect::{attached, cache, mistyped, refuse, thought, within};
use crate::request::places::{Block, Origin};

/// Where the parts of a composed block came from.
pub type Parts = &'static [(&'static str, &'static str)];

/// What a message says.
pub enum Content<'a> {
    Nothing,
    Text(Json<'a>),
    Parts(Vec<Object<'a>>),
    Other(Json<'a>),
}

impl<'a> Content<'a> {
    pub fn of(content: Option<Json<'a>>) -> Self {
        match content.map(|content| (content.kind(), content)) {
            None => Content::Nothing,
            Some((Kind::String, text)) => Content::Text(text),
            Some((Kind::Array, parts)) => Content::Parts(parts.elements().map(Object::of).collect()),
            Some((_, other)) => Content::Other(other),
        }
    }

    pub fn parts(&self) -> &[Object<'a>] {
        match self {
            Content::Parts(parts) => parts,
            _ => &[],
        }
    }
}

/// The blocks of a content.
pub fn blocks(content: &Content<'_>, names: &mut Names) -> Result<Vec<Block>> {
    match content {
        Content::Nothing => Ok(Vec::new()),
        Content::Text(text) => Ok(text_block(*text, "/content", &[]).into_iter().collect()),
        Content::Parts(parts) => {
            parts.iter().filter(|part| part.get("type").is_none()).for_each(|block| names.reserve(block.json()));
            let mut blocks = Vec::new();
            for (index, part) in parts.iter().enumerate() {
                let at = format!("/content/{index}");
                let (block, point) = translate(part, names).map_err(|error| within(error, &at))?;
                // Where a blank text is left out there is nothing more to cache.
                let point = point.filter(|_| block.is_some());
                blocks.extend(block.into_iter().chain(point).map(|block| block.within(&at)));
            }
            Ok(blocks)
        }
        Content::Other(other) => Err(mistyped("content", "a string or an array of parts", *other)),
    }
}

/// The block of a part, and its cache point. None where it is blank text, which is left out. What has no type is a
/// content block already.
fn translate(part: &Object<'_>, names: &mut Names) -> Result<(Option<Block>, Option<Block>)> {
    let Some(kind) = part.get("type") else {
        return Ok((Some(Block::new(part.json().text(), Origin::same(""))), None));
    };
    let kind = kind.string().ok_or_else(|| mistyped("type", "a string", kind))?;
    let (json, parts): (Wiped, Parts) = match &*kind {
        "text" | "refusal" => {
            only_part(part, "a text part", &["type", &kind])?;
            let text = part
                .given(&kind)
                .ok_or_else(|| refuse(format!("/{kind}"), format_args!("a part of type {kind} needs {kind}")))?;
            if text.kind() != Kind::String {
                return Err(mistyped(&kind, "a string", text));
            }
            let parts: Parts = if kind == "text" { &[("", "/text")] } else { &[("", "/refusal")] };
            return Ok((text_block(text, "", parts), cache::point(part)?));
        }
        "image" => attached::data(Medium::Image, part)?,
        "audio" => attached::data(Medium::Audio, part)?,
        "video" => attached::data(Medium::Video, part)?,
        "image_url" => attached::url(Medium::Image, "image_url", part)?,
        "video_url" => attached::url(Medium::Video, "video_url", part)?,
        "input_audio" => attached::input_audio(part)?,
        "document" => attached::document(part, names)?,
        "file" => attached::file(part, names)?,
        "thinking" => thought::thinking(part)?,
        "redacted_thinking" => thought::redacted(part)?,
        other => {
            let known = "text, image, image_url, document, file, audio, input_audio, video, video_url, thinking, \
                         redacted_thinking, refusal";
            return Err(refuse("/type", format_args!("the part type {} is unknown; known are {known}", quote(other))));
        }
    };
    Ok((Some(Block::new(json, Origin::composed("", parts))), cache::point(part)?))
}

/// That a part has no members but those known and marks of what is to be cached.
pub fn only_part(part: &Object<'_>, what: &str, known: &[&str]) -> Result<()> {
    let known: Vec<_> = known.iter().chain(&cache::MARKS).copied().collect();
    part.only(what, &known)
}

/// A string as a block, its escapes as they were written. None where it is blank.
pub fn text_block(text: Json<'_>, at: &str, parts: Parts) -> Option<Block> {
    let blank = text.pieces().all(|piece| piece.as_str().trim().is_empty());
    (!blank).then(|| {
        let text = text.text();
        Block::new(Wiped::of(text.len() + 9, format_args!("{{\"text\":{text}}}")), Origin::composed(at, parts))
    })
}
