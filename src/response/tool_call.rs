//! Tool calls of a response.

use crate::json::{Json, Kind};
use crate::text::Text;

/// A tool call of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    pub id: Text,
    pub name: Text,
    /// The arguments as the model wrote them: JSON, or the text that was received if it is not valid JSON.
    pub input: Text,
    /// Whether `input` is a JSON object, as tools need.
    pub input_valid: bool,
    pub runner: ToolRunner,
}

/// The party that runs a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolRunner {
    /// The program.
    Client,
    /// The service. The result is in the same message.
    Server,
}

/// Returns whether a `toolUse` is a call of a tool that the service runs.
pub fn is_server_tool_use(tool_use: Json<'_>) -> bool {
    tool_use.get("type").is_some_and(|kind| kind.is("server_tool_use"))
}

impl ToolCall {
    /// Reads a `toolUse`. `streamed` is whether the response was assembled from a stream.
    pub(super) fn of(tool_use: Json<'_>, streamed: bool) -> ToolCall {
        let text = |key| tool_use.get(key).and_then(Json::string).unwrap_or_default().as_ref().into();
        let input = tool_use.get("input");
        // In the response of a stream, a string is the text of an input that is not valid JSON.
        let raw = input.filter(|_| streamed).and_then(Json::string);
        ToolCall {
            id: text("toolUseId"),
            name: text("name"),
            input_valid: input.is_none_or(|input| input.kind() == Kind::Object),
            input: raw.as_deref().unwrap_or(input.map_or("{}", Json::text)).into(),
            runner: if is_server_tool_use(tool_use) { ToolRunner::Server } else { ToolRunner::Client },
        }
    }
}
