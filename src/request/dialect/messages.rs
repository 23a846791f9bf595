//! Translates the messages and the system prompt of a document to Converse.

use super::block::Block;
use super::content::Content;
use super::message::{self, TranslatedMessage};
use crate::error::Result;
use crate::json::{Json, Kind};
use crate::request::conversation::{self, ConverseMessage, add_document_names, push};
use crate::request::document::Document;
use crate::request::document_names::UsedNames;
use crate::request::errors::{beneath, invalid};
use crate::request::participants::Participants;
use crate::request::role::Role;
use crate::request::segment::Segment;
use crate::request::source_map::SourceLocation;
use crate::request::zeroized::ZeroizedText;

const MESSAGES: &str = "messages";
const SYSTEM: &str = "system";

/// Translates a message that is to be added to the conversation of `document`. Returns None if the message is native.
pub fn translate_message(message: Json<'_>, document: &mut Document) -> Result<Option<ConverseMessage>> {
    let mut names = document.document_names();
    let mut participants = document.participants.clone();
    let translated = message::translate(message, &mut names, &mut participants)?;
    document.participants = participants;
    Ok(translated.map(|TranslatedMessage { role, blocks }| {
        let blocks = blocks.into_iter().map(|block| block.json).collect();
        ConverseMessage { role, blocks, document_names: names.into_names_of_message() }
    }))
}

/// Translates all messages of a document.
pub fn translate_messages(document: &mut Document) -> Result<()> {
    if document.list(MESSAGES).is_none() {
        return Ok(());
    }
    let given = document.list_mut(MESSAGES).map(|list| list.take_items()).unwrap_or_default();
    let mut participants = Participants::default();
    let mut run = Run::default();
    for (index, item) in given.into_iter().enumerate() {
        let pointer = format!("/{MESSAGES}/{index}");
        let at = |error| beneath(&pointer, error);
        let mut names = document.document_names();
        let translated = message::translate(item.json(), &mut names, &mut participants).map_err(at)?;
        add_document_names(document, names.into_names_of_message());
        match translated {
            Some(translated) => run.add(document, translated.beneath(&pointer)).map_err(at)?,
            None => {
                run.end(document).map_err(at)?;
                push(document, MESSAGES, item)?;
                set_source_of_last(document, SourceLocation::same(pointer));
            }
        }
    }
    run.end(document)?;
    document.participants = participants;
    Ok(())
}

/// Translates a system prompt that is a text or has text parts.
pub fn translate_system(document: &mut Document) -> Result<()> {
    let translated = match document.value(SYSTEM) {
        Some(prompt) if prompt.kind() == Kind::String => message::system_prompt(&Content::Text(prompt), "").map(Some),
        None if document.items(SYSTEM).iter().any(is_part) => {
            let blocks: Vec<_> = document.items(SYSTEM).iter().map(Segment::text).collect();
            let blocks = format!("[{}]", &*ZeroizedText::join(&blocks));
            let blocks =
                Json::parse(&blocks).map_err(|error| invalid("", format_args!("the JSON is not valid: {error}")))?;
            message::system_prompt(&Content::of(Some(blocks)), "").map(Some)
        }
        _ => Ok(None),
    };
    let Some(blocks) = translated.map_err(|error| beneath("/system", error))? else { return Ok(()) };
    if blocks.is_empty() {
        document.remove(SYSTEM);
        return Ok(());
    }
    document.replace_with_empty_list(SYSTEM);
    blocks.into_iter().try_for_each(|block| push_system_block(document, block.beneath("/system")))
}

fn is_part(item: &Segment) -> bool {
    Json::parse(item.text()).is_ok_and(|block| block.get("type").is_some())
}

/// Records the source of the last message.
fn set_source_of_last(document: &mut Document, location: SourceLocation) {
    let last = document.items(MESSAGES).len().saturating_sub(1);
    if let Some(source_map) = document.source_map_mut(MESSAGES) {
        source_map.insert(format!("/{last}"), location);
    }
}

/// Appends a block to the system prompt.
fn push_system_block(document: &mut Document, block: Block) -> Result<()> {
    push(document, SYSTEM, Segment::element(&*block.json)?)?;
    let last = document.items(SYSTEM).len() - 1;
    if let Some(source_map) = document.source_map_mut(SYSTEM) {
        source_map.insert_block(&format!("/{last}"), block.locations);
    }
    Ok(())
}

/// Messages of one role that follow each other, which are written as one.
#[derive(Default)]
struct Run(Option<TranslatedMessage>);

impl Run {
    /// Adds a message to the run, or ends the run and begins another one. System messages go into the system prompt.
    fn add(&mut self, document: &mut Document, message: TranslatedMessage) -> Result<()> {
        match &mut self.0 {
            _ if message.role == Role::System => {
                message.blocks.into_iter().try_for_each(|block| push_system_block(document, block))
            }
            _ if message.blocks.is_empty() => Ok(()),
            Some(run) if run.role.converse_name() == message.role.converse_name() => {
                run.blocks.extend(message.blocks);
                Ok(())
            }
            _ => {
                self.end(document)?;
                self.0 = Some(message);
                Ok(())
            }
        }
    }

    /// Adds the run to the document.
    fn end(&mut self, document: &mut Document) -> Result<()> {
        let Some(TranslatedMessage { role, blocks }) = self.0.take() else { return Ok(()) };
        let (blocks, locations): (Vec<_>, Vec<_>) =
            blocks.into_iter().map(|block| (block.json, block.locations)).unzip();
        let before = document.items(MESSAGES).last().and_then(|last| last.content_of(role.converse_name()));
        let first = before.map_or(0, |content| content.elements().count());
        let message = ConverseMessage { role, blocks, document_names: UsedNames::default() };
        conversation::add_message(document, message)?;
        let last = document.items(MESSAGES).len() - 1;
        if let Some(source_map) = document.source_map_mut(MESSAGES) {
            for (index, locations) in locations.into_iter().enumerate() {
                source_map.insert_block(&format!("/{last}/content/{}", first + index), locations);
            }
        }
        Ok(())
    }
}
