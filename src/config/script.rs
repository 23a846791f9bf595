//! A script in the config key `transport`: replies in place of the network, for tests and demonstrations without AWS.
//!
//! `{"transport": {"replies": [...], "repeat": false}}`. Each HTTP request, retries included, takes the next reply:
//!
//! | reply | response |
//! |---|---|
//! | `"text"` | the text, and the end of the turn |
//! | `{"text": "...", "pace": "30ms"}` | the same, word by word, with that delay before each |
//! | `{"message": {...}, "stopReason": "...", "usage": {...}, "pace": "..."}` | that Converse message |
//! | `{"events": [...]}` | these events: `{"contentBlockDelta": {...}}`, `{"wait": "20ms"}`, `{"exception": "name", "message": "..."}`; `{"chunk": {...}}` holds what a model writes into a chunk |
//! | `{"json": {...}}` | that JSON, for an operation that does not stream |
//! | `{"error": {"status": 429, "code": "...", "message": "...", "headers": {...}}}` | that service error |
//!
//! The same reply serves both kinds of calls: events become the response of a unary call, a message becomes events.
//! Without `usage`, the words of the reply count as output tokens.

use super::value::Value;
use crate::error::Result;
use crate::json::{Json, Kind as JsonKind, OwnedJson};
use std::fmt;
use std::time::Duration;

/// The maximum length of the name of an event or exception, in bytes.
const MAX_NAME: usize = 256;
/// The HTTP statuses of a service error.
const STATUSES: std::ops::Range<i64> = 300..600;

/// The replies of a script, in their order.
pub struct Script {
    pub replies: Vec<Reply>,
    /// Whether the first reply follows the last.
    pub repeat: bool,
}

/// A reply, in one of the forms of the table above.
pub enum Reply {
    Text { text: String, pace: Option<Duration> },
    Message { message: OwnedJson, stop_reason: Option<String>, usage: Option<OwnedJson>, pace: Option<Duration> },
    Events(Vec<ScriptEvent>),
    Json(OwnedJson),
    Error(ErrorReply),
}

/// An element of `events`.
pub enum ScriptEvent {
    Wait(Duration),
    Event { name: String, payload: OwnedJson },
    Exception { name: String, message: String },
}

/// A service error.
#[derive(Clone)]
pub struct ErrorReply {
    pub status: u16,
    pub code: String,
    pub message: String,
    pub headers: Vec<(String, String)>,
}

/// Hides the prompts and responses in the replies.
impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

impl Script {
    /// Reads the members of `transport`, which are `replies` and perhaps `repeat`.
    pub(super) fn parse(members: &[Value<'_>]) -> Result<Self> {
        let (mut replies, mut repeat) = (Vec::new(), false);
        for member in members {
            match &*member.key {
                "replies" => replies = member.elements()?.iter().map(Reply::parse).collect::<Result<_>>()?,
                "repeat" => repeat = member.bool()?,
                _ => return Err(member.unknown(["replies", "repeat"].into_iter())),
            }
        }
        Ok(Script { replies, repeat })
    }
}

impl Reply {
    fn parse(value: &Value<'_>) -> Result<Self> {
        if let Some(text) = value.json.string() {
            return Ok(Reply::Text { text: text.into_owned(), pace: None });
        }
        if value.json.kind() != JsonKind::Object {
            return Err(not_a_reply(value));
        }
        let members = value.members()?;
        let member = |key: &str| members.iter().find(|member| member.key == key);
        let pace = || member("pace").map(Value::duration).transpose();
        if let Some(text) = member("text") {
            value.expect_members(&members, &["text", "pace"])?;
            Ok(Reply::Text { text: text.string()?, pace: pace()? })
        } else if let Some(message) = member("message") {
            value.expect_members(&members, &["message", "stopReason", "usage", "pace"])?;
            Ok(Reply::Message {
                message: message.object()?,
                stop_reason: member("stopReason").and_then(|reason| reason.json.string()).map(|text| text.into_owned()),
                usage: member("usage").map(|usage| OwnedJson::from(usage.json)),
                pace: pace()?,
            })
        } else if let Some(events) = member("events") {
            value.expect_members(&members, &["events"])?;
            Ok(Reply::Events(events.elements()?.iter().map(ScriptEvent::parse).collect::<Result<_>>()?))
        } else if let Some(json) = member("json") {
            value.expect_members(&members, &["json"])?;
            Ok(Reply::Json(OwnedJson::from(json.json)))
        } else if let Some(error) = member("error") {
            value.expect_members(&members, &["error"])?;
            ErrorReply::parse(error).map(Reply::Error)
        } else {
            Err(not_a_reply(value))
        }
    }
}

fn not_a_reply(value: &Value<'_>) -> crate::error::Error {
    value.error("must be a string, or an object with text, message, events, json or error")
}

impl ScriptEvent {
    fn parse(value: &Value<'_>) -> Result<Self> {
        const EXPECTED: &str = "must be an object with one member, the name and the payload of an event; or with \"wait\"; or \
                                with \"exception\" and \"message\"";
        if value.json.kind() != JsonKind::Object {
            return Err(value.error(EXPECTED));
        }
        let members = value.members()?;
        let member = |key: &str| members.iter().find(|member| member.key == key);
        if let Some(wait) = member("wait") {
            value.expect_members(&members, &["wait"])?;
            return wait.duration().map(ScriptEvent::Wait);
        }
        if let Some(name) = member("exception").filter(|name| name.json.kind() == JsonKind::String) {
            value.expect_members(&members, &["exception", "message"])?;
            let message = member("message").map(|message| string_or_empty(message.json)).unwrap_or_default();
            return Ok(ScriptEvent::Exception { name: checked_name(value, &string_or_empty(name.json))?, message });
        }
        match &members[..] {
            [event] if event.json.kind() == JsonKind::Object => {
                let name = checked_name(value, &event.key)?;
                Ok(ScriptEvent::Event { name, payload: OwnedJson::from(event.json) })
            }
            _ => Err(value.error(EXPECTED)),
        }
    }
}

impl ErrorReply {
    fn parse(value: &Value<'_>) -> Result<Self> {
        let members = value.members()?;
        value.expect_members(&members, &["status", "code", "message", "headers"])?;
        let json = |key| value.json.get(key);
        let text = |key| json(key).map(string_or_empty).unwrap_or_default();
        let status = json("status").and_then(Json::i64).unwrap_or_default();
        if !STATUSES.contains(&status) {
            let status = members.iter().find(|member| member.key == "status").unwrap_or(value);
            return Err(status.error("must have an HTTP status from 300 to 599"));
        }
        let headers = json("headers").into_iter().flat_map(Json::members);
        let headers = headers.map(|member| (string_or_empty(member.key), string_or_empty(member.value)));
        Ok(ErrorReply {
            status: status as u16,
            code: text("code"),
            message: text("message"),
            headers: headers.collect(),
        })
    }
}

fn checked_name(value: &Value<'_>, name: &str) -> Result<String> {
    if (1..=MAX_NAME).contains(&name.len()) {
        Ok(name.to_owned())
    } else {
        Err(value.error(format_args!("must have a name with 1 to {MAX_NAME} bytes")))
    }
}

fn string_or_empty(json: Json<'_>) -> String {
    json.string().unwrap_or_default().into_owned()
}
