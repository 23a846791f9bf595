//! The portable dialect, which has the shape of chat completions, and its translation to Converse.
//!
//! Messages are translated when they are given ([`messages`], [`message`], [`content`]). So a request always holds
//! Converse's messages, and adding one changes no byte before it. Other members keep their portable names until a call
//! is made ([`members`]), because the model's defaults are not known before. Native JSON stays as it is, byte for byte.
//!
//! Nothing is dropped silently: a value that Converse does not have is an error that names an alternative
//! ([`unsupported_members`]). Two things are left out: blank texts, which the service refuses, and values that ask for
//! the default.
//!
//! ```text
//!   messages, message, content    messages and the system prompt
//!   part, media_parts, media_source, reasoning    the parts of a content
//!   tool_calls, tool_result       tool calls, and the message with the result of one
//!   tools                         tools and the choice among them
//!   cache_control                 cache marks, which become cache points
//!   members, member_values        the other members, as they are given; response_format
//!   translate_members             the other members, when a call is made; with_member
//!   equivalents                   members of the two dialects with the same meaning
//!   unsupported_members           members for which Converse has none
//!   block, object                 a translated block; an object whose members were found in one pass
//! ```

mod block;
mod cache_control;
mod content;
pub mod equivalents;
mod media_parts;
mod media_source;
mod member_values;
pub mod members;
mod message;
pub mod messages;
mod object;
mod part;
mod reasoning;
mod response_format;
mod tool_calls;
mod tool_result;
pub mod tools;
pub mod translate_members;
mod unsupported_members;
pub mod with_member;

use super::document::Document;
use super::operation_members::is_for_another_operation;
use crate::error::Result;

/// Translates the messages and the system prompt of a document, and checks its portable members. A document for another
/// operation than Converse stays as it is.
pub fn translate(document: &mut Document) -> Result<()> {
    if document.names().any(is_for_another_operation) {
        return Ok(());
    }
    members::normalize(document)?;
    messages::translate_system(document)?;
    messages::translate_messages(document)
}
