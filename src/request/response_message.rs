//! The message of a response, changed so that the service accepts it in the next request.
//!
//! Models give messages that the service refuses in a request: an empty text beside a tool call, a tool call that
//! `max_tokens` truncated, a call of a tool with an invented name, reasoning that nothing follows. Everything else
//! stays as it was received, byte for byte.

use super::tool_name;
use crate::json::{self, Json, Kind, Member};
use crate::response::{DistinctIds, Response, is_server_tool_use};
use std::borrow::Cow;

/// Returns the message to add, or None if nothing is left that the service would accept.
pub fn message_to_add(response: &Response) -> Option<Cow<'_, str>> {
    let text = response.message_json();
    let content = Json::parse(text).ok()?.get("content").filter(|content| content.kind() == Kind::Array)?;
    let given: Vec<Json<'_>> = content.elements().collect();
    let is_complete = response.is_complete();
    let mut ids = DistinctIds::default();
    let mut blocks: Vec<_> = given
        .iter()
        .filter_map(|block| {
            let is_dropped = is_blank_text(*block)
                || is_unsigned_reasoning(*block, is_complete)
                || !is_complete && is_open_server_call(*block, &given);
            let Some(call) = block.get("toolUse") else { return (!is_dropped).then(|| block.text().into()) };
            // Also that of a call which is left out, so that it is the id of the response's tool call.
            let id = ids.of(call);
            if is_dropped { None } else { with_valid_tool_call(*block, call, &id) }
        })
        .collect();
    // The service refuses a message that ends with reasoning.
    while blocks.last().is_some_and(|block| is_reasoning(block)) {
        blocks.pop();
    }
    if blocks.is_empty() {
        return None;
    }
    let as_given = blocks.len() == given.len() && blocks.iter().all(|block| matches!(block, Cow::Borrowed(_)));
    if as_given {
        return Some(text.into());
    }
    let mut changed = Rewritten::of(text);
    changed.replace(content, &format!("[{}]", blocks.join(",")));
    Some(changed.text())
}

fn is_blank_text(block: Json<'_>) -> bool {
    block.get("text").and_then(Json::string).is_some_and(|text| text.trim().is_empty())
}

fn is_reasoning(block: &str) -> bool {
    Json::parse(block).is_ok_and(|block| block.get("reasoningContent").is_some())
}

/// Returns whether a block is reasoning that the service would refuse for its missing signature. Some models never
/// sign, and the service accepts their reasoning; a truncated response may have lost its signature.
fn is_unsigned_reasoning(block: Json<'_>, complete: bool) -> bool {
    let Some(text) = block.pointer("/reasoningContent/reasoningText") else { return false };
    let is_empty = |key| text.get(key).and_then(Json::string).unwrap_or_default().is_empty();
    is_empty("signature") && (!complete || is_empty("text"))
}

/// Returns whether a block is a call of a server tool whose result is missing, because the response was truncated.
fn is_open_server_call(block: Json<'_>, blocks: &[Json<'_>]) -> bool {
    let Some(call) = block.get("toolUse").filter(|call| is_server_tool_use(*call)) else { return false };
    let id = |held: Json<'_>| held.get("toolUseId").and_then(Json::string).map(Cow::into_owned);
    let has_result = |other: &Json<'_>| other.get("toolResult").is_some_and(|result| id(result) == id(call));
    !blocks.iter().any(has_result)
}

/// Returns a block with a tool call that the service accepts in a request. The service accepts only objects as input,
/// so any other input is replaced by an empty object, and a result can follow. Returns None for a call without an id or
/// a name.
fn with_valid_tool_call<'a>(block: Json<'a>, call: Json<'a>, id: &str) -> Option<Cow<'a, str>> {
    let name = call.get("name").and_then(Json::string).filter(|name| !name.is_empty())?;
    if id.is_empty() {
        return None;
    }
    let name = tool_name::fitted(&name);
    let has_input = call.get("input").is_some();
    let mut changed = Rewritten::of(block.text());
    for Member { key, value, .. } in call.members() {
        let text = value.string();
        let is = |wanted: &str| text.as_deref() == Some(wanted);
        if key.is("toolUseId") && !(has_input && is(id)) {
            let and_input = if has_input { "" } else { ",\"input\":{}" };
            changed.replace(value, &format!("{}{and_input}", json::quoted(id)));
        } else if key.is("name") && !is(&name) {
            changed.replace(value, &json::quoted(&name));
        } else if key.is("input") && value.kind() != Kind::Object {
            changed.replace(value, "{}");
        }
    }
    Some(changed.text())
}

/// A text in which values, from the first to the last, are replaced by other JSON.
struct Rewritten<'a> {
    out: String,
    rest: &'a str,
    given: &'a str,
}

impl<'a> Rewritten<'a> {
    fn of(given: &'a str) -> Self {
        Rewritten { out: String::new(), rest: given, given }
    }

    /// Replaces a value, which is a part of the text.
    fn replace(&mut self, value: Json<'_>, json: &str) {
        let (before, rest) = self.rest.split_at(json::offset(self.rest, value.text()));
        self.out.push_str(before);
        self.out.push_str(json);
        self.rest = &rest[value.text().len()..];
    }

    fn text(self) -> Cow<'a, str> {
        if self.out.is_empty() { self.given.into() } else { (self.out + self.rest).into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::response_head::ResponseHead;
    use crate::text::Text;

    fn added(content: &str, complete: bool) -> Option<String> {
        let json = format!(r#"{{"output":{{"message":{{"content": {content}, "role":"assistant"}}}}}}"#);
        let response = Response::streamed(json, complete, ResponseHead::default(), 1);
        message_to_add(&response).map(Cow::into_owned)
    }

    #[track_caller]
    fn check(content: &str, complete: bool, wanted: Option<&str>) {
        let message = wanted.map(|wanted| format!(r#"{{"content": {wanted}, "role":"assistant"}}"#));
        assert_eq!(added(content, complete), message, "{content}");
    }

    #[test]
    fn blocks_that_the_service_accepts_stay_byte_for_byte() {
        for content in [
            r#"[ {"text" : "\u00e9"} , {"new":{}} ]"#,
            r#"[{"reasoningContent":{"reasoningText":{"text":"r","signature":"s"}}},{"text":"a"}]"#,
            r#"[{"reasoningContent":{"reasoningText":{"text":"unsigned"}}},{"text":"a"}]"#,
            r#"[{"reasoningContent":{"reasoningText":{"text":"","signature":"s"}}},{"text":"a"}]"#,
            r#"[{"reasoningContent":{"redactedContent":"YQ=="}},{"text":"a"}]"#,
            r#"[{"text":"a"},{"toolUse":{"toolUseId":"1","name":"f","input":{"a":1.0}}}]"#,
        ] {
            check(content, true, Some(content));
        }
    }

    #[test]
    fn blank_texts_are_left_out_and_other_blocks_stay() {
        check(r#"[{"text":""}, {"text":"a" },{"text":" \n"}]"#, true, Some(r#"[{"text":"a" }]"#));
        check(r#"[{"text":""},{"text":"\u00a0"}]"#, true, None);
        check("[]", true, None);
        check(r#"{"text":"a"}"#, true, None);
        let own_form = Response::unary(Text::from(r#"{"inputTokens":12}"#), ResponseHead::default(), 1);
        assert_eq!(message_to_add(&own_form), None);
    }

    #[test]
    fn an_invalid_tool_input_becomes_an_empty_one_so_that_a_result_can_follow() {
        for input in [r#""{\"a\": \"b""#, r#""""#, "[1]", "null", "1"] {
            check(
                &format!(r#"[{{"toolUse":{{"input":{input},"name":"f","toolUseId":"1"}}}}]"#),
                false,
                Some(r#"[{"toolUse":{"input":{},"name":"f","toolUseId":"1"}}]"#),
            );
        }
        check(
            r#"[{"toolUse":{"name":"f","toolUseId":"1"}}]"#,
            true,
            Some(r#"[{"toolUse":{"name":"f","toolUseId":"1","input":{}}}]"#),
        );
        check(r#"[{"text":"a"},{"toolUse":{"input":"{","toolUseId":"1"}}]"#, false, Some(r#"[{"text":"a"}]"#));
    }

    #[test]
    fn an_invented_name_or_a_repeated_id_becomes_one_that_the_service_accepts() {
        let call =
            |name: &str, id: &str| format!(r#"{{"toolUse":{{"name" :"{name}", "toolUseId":"{id}","input":{{}}}}}}"#);
        for (name, accepted) in [
            ("functions.f", "functions_f"),
            ("get weather", "get_weather"),
            ("größe", "gr__e"),
            (&"f".repeat(65), &"f".repeat(64)),
        ] {
            check(&format!("[{}]", call(name, "1")), true, Some(&format!("[{}]", call(accepted, "1"))));
        }
        let given = [call("f", "1"), call("a.b", "1"), call("f", "1")].join(",");
        let accepted = [call("f", "1"), call("a_b", "1-2"), call("f", "1-3")].join(",");
        check(&format!("[{given}]"), true, Some(&format!("[{accepted}]")));
        // A call that is left out has an id too.
        check(&format!("[{},{}]", call("", "1"), call("f", "1")), true, Some(&format!("[{}]", call("f", "1-2"))));
    }

    #[test]
    fn reasoning_that_was_truncated_or_that_nothing_follows_is_left_out() {
        let signed = r#"{"reasoningContent":{"reasoningText":{"text":"r","signature":"s"}}}"#;
        let unsigned = r#"{"reasoningContent":{"reasoningText":{"text":"r"}}}"#;
        let blank = r#"{"reasoningContent":{"reasoningText":{"text":""}}}"#;
        let text = r#"{"text":"a"}"#;
        check(&format!("[{unsigned},{text}]"), false, Some(&format!("[{text}]")));
        check(&format!("[{signed},{text}]"), false, Some(&format!("[{signed},{text}]")));
        check(&format!("[{blank},{text}]"), true, Some(&format!("[{text}]")));
        check(&format!("[{text},{signed}]"), false, Some(&format!("[{text}]")));
        check(&format!("[{signed},{{\"text\":\"\"}}]"), true, None);
    }

    #[test]
    fn a_server_tool_call_stays_with_its_result() {
        let call = r#"{"toolUse":{"toolUseId":"1","name":"g","type":"server_tool_use","input":{}}}"#;
        let result = r#"{"toolResult":{"toolUseId":"1","type":"g_result","content":[]}}"#;
        let text = r#"{"text":"a"}"#;
        check(&format!("[{call},{result},{text}]"), true, Some(&format!("[{call},{result},{text}]")));
        check(&format!("[{text},{call}]"), true, Some(&format!("[{text},{call}]")));
        check(&format!("[{text},{call}]"), false, Some(&format!("[{text}]")));
    }
}
