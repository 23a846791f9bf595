//! The JSON body of a service error: where its name and its message are.

use crate::json::{self, Json};

/// The maximum length of a quoted body, in characters.
const QUOTE: usize = 80;

/// Returns the name of the error.
pub fn name_in(json: Json<'_>) -> Option<String> {
    text_at(json, &["/__type", "/code", "/Code", "/error/code"])
}

/// Returns the message of the error. Tries the members of the service first, then those of gateways.
pub fn message_in(json: Json<'_>) -> Option<String> {
    const POINTERS: [&str; 13] = [
        "/message",
        "/Message",
        "/errorMessage",
        "/error/message",
        "/error/Message",
        "/Error/Message",
        "/error",
        "/errors/0/message",
        "/errors/0",
        "/error_description",
        "/detail",
        "/detail/message",
        "/detail/0/msg",
    ];
    text_at(json, &POINTERS)
}

/// Returns the first text at one of these pointers.
fn text_at(json: Json<'_>, pointers: &[&str]) -> Option<String> {
    let text = pointers.iter().find_map(|pointer| json.pointer(pointer)?.string());
    text.map(|text| text.into_owned())
}

/// Quotes a JSON body that has no message.
pub fn quote_json(json: Json<'_>) -> String {
    let is_empty = json.kind() == json::Kind::Object && json.members().next().is_none();
    if is_empty { String::new() } else { format!("the response is {}", beginning(json.text())) }
}

/// Returns the beginning of a body.
pub fn beginning(text: &str) -> String {
    text.trim().chars().take(QUOTE).collect()
}
