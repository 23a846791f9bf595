//! The input of tool calls: a stream sends it as fragments of text, which are joined here, and it should be JSON.

use super::text_limit::{MAX_TEXT, check_length, too_long};
use crate::error::{Error, Kind, Result};
use crate::json::{Json, Kind as JsonKind, MAX_DEPTH};
use std::collections::BTreeMap;

/// The maximum size of the open tool calls of a stream and of its pending surrogates, together.
const MAX_OPEN: usize = MAX_TEXT + (256 << 10);
/// The size of an open tool call besides its texts, at most.
const CALL_OVERHEAD: usize = 256;

/// The number of arrays and objects around a tool call's input in a response.
const LEVELS_ABOVE: usize = 6;

/// A tool call whose input is being received.
pub struct ToolCall {
    pub id: String,
    pub name: String,
    input: String,
}

/// The open tool calls, by content block.
#[derive(Default)]
pub struct OpenToolCalls {
    calls: BTreeMap<i32, ToolCall>,
    /// Their size, in bytes.
    size: usize,
}

impl OpenToolCalls {
    /// Adds a call. One that is open in the same block is replaced.
    pub fn start(&mut self, block: i32, call: ToolCall) {
        self.stop(block);
        self.size += call.size();
        self.calls.insert(block, call);
    }

    /// Appends a fragment to the input of the call that is open in this block.
    pub fn add_input(&mut self, block: i32, fragment: &str) -> Result<()> {
        let Some(call) = self.calls.get_mut(&block) else { return Ok(()) };
        let before = call.size();
        call.add_input(fragment)?;
        self.size = self.size - before + call.size();
        Ok(())
    }

    /// Removes and returns the call that is open in this block.
    pub fn stop(&mut self, block: i32) -> Option<ToolCall> {
        let call = self.calls.remove(&block)?;
        self.size -= call.size();
        Some(call)
    }

    /// Returns an error if the open calls and `others` bytes are too long together.
    pub fn check_size(&self, others: usize) -> Result<()> {
        if self.size + others <= MAX_OPEN {
            return Ok(());
        }
        let what = "the open tool calls of the response are longer than";
        Err(Error::new(Kind::Protocol, format_args!("{what} {} MiB together", MAX_TEXT >> 20)))
    }
}

impl ToolCall {
    /// Reads the member `toolUse` of a `contentBlockStart`.
    pub fn start(tool: Json<'_>) -> Result<Self> {
        let member = |key| -> Result<String> {
            Ok(check_length(tool.get(key))?.and_then(Json::string).unwrap_or_default().into_owned())
        };
        Ok(ToolCall { id: member("toolUseId")?, name: member("name")?, input: String::new() })
    }

    fn add_input(&mut self, fragment: &str) -> Result<()> {
        if self.input.len() + fragment.len() > MAX_TEXT {
            return Err(too_long("the input of a tool call"));
        }
        let (length, capacity) = (self.input.len(), self.input.capacity());
        let needed = length + fragment.len();
        if needed > capacity {
            // Doubles, as a String does, but never beyond the limit.
            self.input.reserve_exact(needed.max((2 * capacity).min(MAX_TEXT)) - length);
        }
        self.input.push_str(fragment);
        Ok(())
    }

    /// Returns the input as received, {} for an empty one.
    pub fn input(&self) -> &str {
        if self.input.trim().is_empty() { "{}" } else { &self.input }
    }

    /// Returns whether the input is a JSON object.
    pub fn input_is_valid(&self) -> bool {
        is_valid(self.input())
    }

    fn size(&self) -> usize {
        CALL_OVERHEAD + self.id.capacity() + self.name.capacity() + self.input.capacity()
    }
}

/// Returns the input as JSON. Returns None if it was cut off, if the model wrote something that is not JSON, or if it
/// is nested too deeply for a response.
pub fn parse(input: &str) -> Option<Json<'_>> {
    let (json, depth) = Json::parse_with_depth(input).ok()?;
    (depth + LEVELS_ABOVE <= MAX_DEPTH).then_some(json)
}

/// Returns whether the input is a JSON object, as tools need.
pub fn is_valid(input: &str) -> bool {
    parse(input).is_some_and(|json| json.kind() == JsonKind::Object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_json_if_it_is_complete_and_fits_into_a_response() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(is_valid(" {} ") && !is_valid("5") && !is_valid("{"));
        for (input, is_json) in [
            (r#" {"a": 1e400} "#, true),
            ("5", true),
            ("", false),
            (r#"{"a": "b"#, false),
            ("1]]]]]],[[[[[[2", false),
            (&deep(MAX_DEPTH - LEVELS_ABOVE), true),
            (&deep(MAX_DEPTH - LEVELS_ABOVE + 1), false),
        ] {
            assert_eq!(parse(input).is_some(), is_json, "{input}");
        }
    }
}
