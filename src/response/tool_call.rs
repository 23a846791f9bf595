//! Tool calls of a response.

use crate::json::{Json, Kind};
use crate::text::Text;
use std::borrow::Cow;
use std::collections::HashMap;

/// The maximum length of an id, in bytes, that the service accepts.
const MAX_ID: usize = 64;

/// A tool call of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// Different from the ids of the other calls in the message.
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
    /// Reads a `toolUse`. `streamed` is whether the response was assembled from a stream. `ids` has those of the calls
    /// before it.
    pub(super) fn of(tool_use: Json<'_>, streamed: bool, ids: &mut DistinctIds) -> ToolCall {
        let text = |key| tool_use.get(key).and_then(Json::string).unwrap_or_default().as_ref().into();
        let input = tool_use.get("input");
        // In the response of a stream, a string is the text of an input that is not valid JSON.
        let raw = input.filter(|_| streamed).and_then(Json::string);
        ToolCall {
            id: ids.of(tool_use).as_ref().into(),
            name: text("name"),
            input_valid: input.is_none_or(|input| input.kind() == Kind::Object),
            input: raw.as_deref().unwrap_or(input.map_or("{}", Json::text)).into(),
            runner: if is_server_tool_use(tool_use) { ToolRunner::Server } else { ToolRunner::Client },
        }
    }
}

/// The ids of the calls of a message. Some models repeat an id, and the service demands different ones in a request.
#[derive(Default)]
pub struct DistinctIds {
    /// With the number of calls that have the id.
    seen: HashMap<String, usize>,
}

impl DistinctIds {
    /// Returns the id of the next `toolUse` of a message, or one that is made from it: if an earlier call of the
    /// program has it, or if it has control characters.
    pub fn of<'a>(&mut self, tool_use: Json<'a>) -> Cow<'a, str> {
        let id = tool_use.get("toolUseId").and_then(Json::string).unwrap_or_default();
        // A program in C would see an id with a NUL cut off.
        let id = if id.contains(char::is_control) { id.replace(char::is_control, "_").into() } else { id };
        // The result of a server's call is in the same message, and refers to it.
        if id.is_empty() || is_server_tool_use(tool_use) {
            return id;
        }
        let mut distinct = id.clone();
        while let Some(count) = self.seen.get_mut(&*distinct) {
            *count += 1;
            let suffix = format!("-{count}");
            let length = id.len().min(MAX_ID - suffix.len());
            distinct = format!("{}{suffix}", &id[..id.floor_char_boundary(length)]).into();
        }
        self.seen.insert(distinct.to_string(), 1);
        distinct
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_calls_are_different_and_short_and_have_no_control_characters() {
        let long = "x".repeat(64);
        let mut ids = DistinctIds::default();
        let mut of = |id: &str| ids.of(Json::parse(&format!(r#"{{"toolUseId":"{id}"}}"#)).unwrap()).into_owned();
        let found: Vec<_> = ["1", "2", "1", "1-2", "1", "", "", &long, &long, r"a\u0000b", "a_b"].map(&mut of).into();
        let short = format!("{}-2", "x".repeat(62));
        assert_eq!(found, ["1", "2", "1-2", "1-2-2", "1-3", "", "", &long, &short, "a_b", "a_b-2"]);
    }
}
