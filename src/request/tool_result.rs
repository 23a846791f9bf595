//! The result of a tool call, as a block of the user's message.

use super::conversation::{text_block, tool_result_block};
use super::zeroized::ZeroizedText;
use crate::error::{Error, Kind, Result};
use crate::json::{self, Json};

/// The form in which the content of a result is given. The numbers are those of the C API's `BEDROCK_RESULT_...`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum ResultKind {
    Text = 0,
    /// Text that tells the model why the tool failed.
    Error = 1,
    Json = 2,
    /// An array of content blocks.
    Content = 3,
}

/// The result of a tool call.
#[derive(Clone)]
pub struct ToolResult {
    tool_use_id: String,
    pub(super) block: ZeroizedText,
}

impl ToolResult {
    /// Makes a result. Fails if `content` is not what `kind` promises.
    pub fn new(tool_use_id: &str, content: &str, kind: ResultKind) -> Result<Self> {
        let invalid = |what: String| Error::new(Kind::Request, format_args!("giving the result of a tool: {what}"));
        let json = || Json::parse(content).map_err(|error| invalid(format!("the JSON is not valid: {error}")));
        let blocks = match kind {
            ResultKind::Text | ResultKind::Error => text_block(content),
            ResultKind::Json => {
                let value = json()?;
                // The service accepts only an object as JSON.
                if value.kind() == json::Kind::Object {
                    ZeroizedText::format(content.len() + 16, format_args!("{{\"json\":{}}}", value.text()))
                } else {
                    text_block(value.text())
                }
            }
            ResultKind::Content => {
                let value = json()?;
                let is_blocks = value.kind() == json::Kind::Array
                    && value.elements().all(|block| block.kind() == json::Kind::Object);
                if !is_blocks {
                    return Err(invalid("expected an array of content blocks, which are objects".to_owned()));
                }
                let blocks: Vec<&str> = value.elements().map(Json::text).collect();
                ZeroizedText::join(&blocks)
            }
        };
        let block = tool_result_block(tool_use_id, &blocks, kind == ResultKind::Error);
        Ok(ToolResult { tool_use_id: tool_use_id.to_owned(), block })
    }

    pub fn tool_use_id(&self) -> &str {
        &self.tool_use_id
    }
}
