//! What a model thought: parts of type thinking, and the members of a message that gateways add for it.

use super::object::Object;
use super::part::Parts;
use crate::error::{Result, quote};
use crate::json::{Kind, Quoted, quoted};
use crate::request::Wiped;
use crate::request::dialect::{mistyped, refuse, within};
use crate::request::places::{Block, Origin};

/// Members of an assistant's message. Where both are given they are the same thoughts, and the blocks have the
/// signatures.
pub const TEXT: &str = "reasoning_content";
pub const BLOCKS: &str = "thinking_blocks";
/// Where a block stood in a stream, which clients keep.
pub const INDEX: &str = "index";

/// {type, text or thinking, signature}
pub fn thinking(part: &Object<'_>) -> Result<(Wiped, Parts)> {
    part.only("a part of type thinking", &["type", "text", "thinking", "signature", INDEX])?;
    let key = if part.given("thinking").is_some() { "thinking" } else { "text" };
    if key == "thinking" && part.given("text").is_some() {
        return Err(refuse("/text", "text and thinking are both given; they mean the same"));
    }
    let thought = part.text(key, "a part of type thinking")?;
    let signature = part.optional_text("signature")?;
    let signature = signature.map_or(String::new(), |text| format!(",\"signature\":{}", quoted(&text)));
    Ok((of_text(&thought, &signature), &[("/reasoningText/signature", "/signature")]))
}

/// {type, data}
pub fn redacted(part: &Object<'_>) -> Result<(Wiped, Parts)> {
    let what = "a part of type redacted_thinking";
    part.only(what, &["type", "data", INDEX])?;
    let data = part.text("data", what)?;
    let json = format_args!("{{\"reasoningContent\":{{\"redactedContent\":{}}}}}", Quoted(&data));
    Ok((Wiped::of(data.len() + 64, json), &[("", "/data")]))
}

/// The thoughts that stand beside a message's content. They come first.
pub fn beside(message: &Object<'_>) -> Result<Vec<Block>> {
    if let Some(blocks) = message.given(BLOCKS) {
        if blocks.kind() != Kind::Array {
            return Err(mistyped(BLOCKS, "an array", blocks));
        }
        let one = |(index, block)| {
            let at = format!("/{BLOCKS}/{index}");
            self::block(&Object::of(block)).map(|block| block.within(&at)).map_err(|error| within(error, &at))
        };
        let blocks: Vec<_> = blocks.elements().enumerate().map(one).collect::<Result<_>>()?;
        if !blocks.is_empty() {
            return Ok(blocks);
        }
    }
    let thought = message.optional_text(TEXT)?.unwrap_or_default();
    if thought.trim().is_empty() {
        return Ok(Vec::new());
    }
    let json = of_text(&thought, "");
    Ok(vec![Block::new(json, Origin::composed(format!("/{TEXT}"), &[]))])
}

fn block(block: &Object<'_>) -> Result<Block> {
    let (json, parts) = match &*block.text("type", "a thinking block")? {
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

fn of_text(thought: &str, signature: &str) -> Wiped {
    let text = Quoted(thought);
    let json = format_args!("{{\"reasoningContent\":{{\"reasoningText\":{{\"text\":{text}{signature}}}}}}}");
    Wiped::of(thought.len() + signature.len() + 64, json)
}
