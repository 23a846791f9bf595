//! The result of a tool call, as a block of the user's message.

use super::conversation::{text_block, tool_result_block};
use super::lint;
use super::zeroized::ZeroizedText;
use crate::error::{Error, Kind, Result};
use crate::json::{self, Json, MAX_DEPTH};

/// The number of arrays and objects around the content of a result in a request whose tokens are counted.
const LEVELS_ABOVE: usize = 8;

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
    /// Makes a result. [`Kind::Request`] if `content` is not what `kind` promises, or if no service would accept it.
    pub fn new(tool_use_id: &str, content: &str, kind: ResultKind) -> Result<Self> {
        let invalid = |what: String| Error::new(Kind::Request, format_args!("giving the result of a tool: {what}"));
        let json = |levels_above| {
            let parsed = Json::parse_with_depth(content);
            let (json, depth) = parsed.map_err(|error| invalid(format!("the JSON is not valid: {error}")))?;
            if depth + levels_above > MAX_DEPTH {
                return Err(invalid(format!("the JSON is nested deeper than {} levels", MAX_DEPTH - levels_above)));
            }
            Ok(json)
        };
        let blocks = match kind {
            ResultKind::Text | ResultKind::Error => text_block(content),
            ResultKind::Json => {
                let value = json(LEVELS_ABOVE + 2)?;
                // The service accepts only an object as JSON.
                if value.kind() == json::Kind::Object {
                    ZeroizedText::format(content.len() + 16, format_args!("{{\"json\":{}}}", value.text()))
                } else {
                    text_block(value.text())
                }
            }
            ResultKind::Content => {
                let value = json(LEVELS_ABOVE)?;
                if value.kind() != json::Kind::Array {
                    return Err(invalid(format!("expected an array of content blocks, found {}", value.kind())));
                }
                lint::check_result_alone(value)?;
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
