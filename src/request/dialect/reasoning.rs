//! Reasoning: parts of type thinking, and the members of an assistant's message that gateways add.

use super::block::Block;
use super::object::Object;
use super::part::STREAM_INDEX;
use crate::error::{Result, quote};
use crate::json::{Kind, Quoted, quoted};
use crate::request::errors::{beneath, given_twice, invalid, wrong_type};
use crate::request::source_map::PointerPairs;
use crate::request::zeroized::ZeroizedText;

/// A member of an assistant's message: the reasoning as text, without a signature.
pub const REASONING_CONTENT: &str = "reasoning_content";
/// A member of an assistant's message: the same reasoning as blocks, which have the signatures.
pub const THINKING_BLOCKS: &str = "thinking_blocks";

/// Translates `{type, text or thinking, signature}`.
pub fn thinking(part: &Object<'_>) -> Result<(ZeroizedText, PointerPairs)> {
    part.check_members("a part of type thinking", &["type", "text", "thinking", "signature", STREAM_INDEX])?;
    let key = if part.given("thinking").is_some() { "thinking" } else { "text" };
    if key == "thinking" && part.given("text").is_some() {
        return Err(given_twice("/text", "text", "thinking"));
    }
    let text = part.text(key, "a part of type thinking")?;
    let signature = part.optional_text("signature")?;
    let signature = signature.map_or(String::new(), |text| format!(",\"signature\":{}", quoted(&text)));
    Ok((reasoning_text(&text, &signature), &[("/reasoningText/signature", "/signature")]))
}

/// Translates `{type, data}`.
pub fn redacted_thinking(part: &Object<'_>) -> Result<(ZeroizedText, PointerPairs)> {
    let what = "a part of type redacted_thinking";
    part.check_members(what, &["type", "data", STREAM_INDEX])?;
    let data = part.text("data", what)?;
    let json = format_args!("{{\"reasoningContent\":{{\"redactedContent\":{}}}}}", Quoted(&data));
    Ok((ZeroizedText::format(data.len() + 64, json), &[("", "/data")]))
}

/// Translates the members of a message that hold reasoning. The blocks go before the content.
pub fn reasoning_members(message: &Object<'_>) -> Result<Vec<Block>> {
    if let Some(blocks) = message.given(THINKING_BLOCKS) {
        if blocks.kind() != Kind::Array {
            return Err(wrong_type(THINKING_BLOCKS, "an array", blocks));
        }
        let translate = |(index, block)| {
            let at = format!("/{THINKING_BLOCKS}/{index}");
            thinking_block(&Object::of(block)).map(|block| block.beneath(&at)).map_err(|error| beneath(&at, error))
        };
        let blocks: Vec<_> = blocks.elements().enumerate().map(translate).collect::<Result<_>>()?;
        if !blocks.is_empty() {
            return Ok(blocks);
        }
    }
    let text = message.optional_text(REASONING_CONTENT)?.unwrap_or_default();
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![Block::composed(reasoning_text(&text, ""), format!("/{REASONING_CONTENT}"), &[])])
}

fn thinking_block(block: &Object<'_>) -> Result<Block> {
    let (json, pairs) = match &*block.text("type", "a thinking block")? {
        "thinking" => thinking(block)?,
        "redacted_thinking" => redacted_thinking(block)?,
        other => {
            let known = "known are thinking and redacted_thinking";
            let message = format_args!("the type {} of a thinking block is unknown; {known}", quote(other));
            return Err(invalid("/type", message));
        }
    };
    Ok(Block::composed(json, "", pairs))
}

/// Returns a reasoningContent block. `signature` is the member signature with a comma, or "".
fn reasoning_text(text: &str, signature: &str) -> ZeroizedText {
    let length = text.len() + signature.len() + 64;
    let text = Quoted(text);
    let json = format_args!("{{\"reasoningContent\":{{\"reasoningText\":{{\"text\":{text}{signature}}}}}}}");
    ZeroizedText::format(length, json)
}
