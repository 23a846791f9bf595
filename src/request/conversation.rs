//! Messages and blocks in Converse's form, as they are added to a conversation.

use super::document::Document;
use super::document_names::UsedNames;
use super::errors::invalid;
use super::list::List;
use super::role::Role;
use super::segment::Segment;
use super::zeroized::ZeroizedText;
use crate::error::Result;
use crate::json::Quoted;

/// A message in Converse's form.
pub struct ConverseMessage {
    pub role: Role,
    /// The JSON of each block.
    pub blocks: Vec<ZeroizedText>,
    /// The names of the documents among the blocks.
    pub document_names: UsedNames,
}

/// Adds a message. Messages of one role that follow each other become one, as the service demands; the blocks of a
/// system message go into `system`. A message without blocks, whose texts were blank, adds nothing.
pub fn add_message(document: &mut Document, message: ConverseMessage) -> Result<()> {
    let ConverseMessage { role, blocks, document_names } = message;
    if blocks.is_empty() {
        return Ok(());
    }
    if role == Role::System {
        return blocks.iter().try_for_each(|block| push(document, "system", Segment::element(&**block)?));
    }
    let blocks: Vec<_> = blocks.iter().map(|block| &**block).collect();
    let blocks = ZeroizedText::join(&blocks);
    let message = format_args!("{{\"role\":\"{role}\",\"content\":[{}]}}", &*blocks);
    let message = Segment::element(&*ZeroizedText::format(blocks.len() + 64, message))?;
    list_of(document, "messages")?.push_message(role.converse_name(), message);
    add_document_names(document, document_names);
    Ok(())
}

/// Records the names of the documents in a message, before or after the message is added.
pub fn add_document_names(document: &mut Document, names: UsedNames) {
    if !names.is_empty()
        && let Some(messages) = document.list_mut("messages")
    {
        messages.add_document_names(names);
    }
}

/// Appends an item to one of the document's lists.
pub fn push(document: &mut Document, list: &str, item: Segment) -> Result<()> {
    list_of(document, list)?.push(item);
    Ok(())
}

fn list_of<'a>(document: &'a mut Document, list: &str) -> Result<&'a mut List> {
    document.list_mut(list).ok_or_else(|| {
        invalid(format!("/{list}"), format_args!("adding to the request: its member {list:?} is not an array"))
    })
}

/// Returns a text block.
pub fn text_block(text: &str) -> ZeroizedText {
    // Escapes make the text a little longer.
    let length = text.len() + text.len() / 8 + 16;
    ZeroizedText::format(length, format_args!("{{\"text\":{}}}", Quoted(text)))
}

/// Returns a toolResult block. `content` is its blocks, with commas between them.
pub fn tool_result_block(tool_use_id: &str, content: &str, is_error: bool) -> ZeroizedText {
    let status = if is_error { ",\"status\":\"error\"" } else { "" };
    let id = Quoted(tool_use_id);
    let block = format_args!("{{\"toolResult\":{{\"toolUseId\":{id},\"content\":[{content}]{status}}}}}");
    ZeroizedText::format(content.len() + tool_use_id.len() + 80, block)
}
