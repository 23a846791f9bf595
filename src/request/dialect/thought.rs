//! What a model thought: parts of type thinking, and the members of a message that gateways add for it.

use super::part::Parts;
use super::{given, mistyped, only, refuse, text, within};
use crate::error::{Result, quote};
use crate::json::{Json, Kind, quoted};
use crate::request::places::{Block, Origin};

/// Members of an assistant's message. Where both are given they are the same thoughts, and the blocks have the signatures.
pub const TEXT: &str = "reasoning_content";
pub const BLOCKS: &str = "thinking_blocks";
/// Where a block stood in a stream, which clients keep.
pub const INDEX: &str = "index";

/// {type, text or thinking, signature}
pub fn thinking(part: Json<'_>) -> Result<(String, Parts)> {
    only(part, "a part of type thinking", &["type", "text", "thinking", "signature", INDEX])?;
    let key = if given(part, "thinking").is_some() { "thinking" } else { "text" };
    if key == "thinking" && given(part, "text").is_some() {
        return Err(refuse("/text", "text and thinking are both given; they mean the same"));
    }
    let thought = quoted(&text(part, key, "a part of type thinking")?);
    let signature = match given(part, "signature") {
        Some(_) => format!(",\"signature\":{}", quoted(&text(part, "signature", "")?)),
        None => String::new(),
    };
    Ok((of_text(&thought, &signature), &[("/reasoningText/signature", "/signature")]))
}

/// {type, data}
pub fn redacted(part: Json<'_>) -> Result<(String, Parts)> {
    let what = "a part of type redacted_thinking";
    only(part, what, &["type", "data", INDEX])?;
    let data = quoted(&text(part, "data", what)?);
    Ok((format!("{{\"reasoningContent\":{{\"redactedContent\":{data}}}}}"), &[("", "/data")]))
}

/// The thoughts that stand beside a message's content. They come first.
pub fn beside(message: Json<'_>) -> Result<Vec<Block>> {
    if let Some(blocks) = given(message, BLOCKS) {
        if blocks.kind() != Kind::Array {
            return Err(mistyped(BLOCKS, "an array", blocks));
        }
        let one = |(index, block)| {
            let at = format!("/{BLOCKS}/{index}");
            self::block(block).map(|block| block.within(&at)).map_err(|error| within(error, &at))
        };
        let blocks: Vec<_> = blocks.elements().enumerate().map(one).collect::<Result<_>>()?;
        if !blocks.is_empty() {
            return Ok(blocks);
        }
    }
    let Some(_) = given(message, TEXT) else { return Ok(Vec::new()) };
    let thought = text(message, TEXT, "a message")?;
    if thought.trim().is_empty() {
        return Ok(Vec::new());
    }
    let json = of_text(&quoted(&thought), "");
    Ok(vec![Block::new(json, Origin::composed(format!("/{TEXT}"), &[]))])
}

fn block(block: Json<'_>) -> Result<Block> {
    let (json, parts) = match &*text(block, "type", "a thinking block")? {
        "thinking" => thinking(block)?,
        "redacted_thinking" => redacted(block)?,
        other => {
            let known = "thinking and redacted_thinking";
            let what = format_args!("{} is no type of a thinking block; known are {known}", quote(other));
            return Err(refuse("/type", what));
        }
    };
    Ok(Block::new(json, Origin::composed("", parts)))
}

fn of_text(thought: &str, signature: &str) -> String {
    format!("{{\"reasoningContent\":{{\"reasoningText\":{{\"text\":{thought}{signature}}}}}}}")
}
