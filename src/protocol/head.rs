//! The head of an answer: what is known of it before its body.

use super::usage::Usage;

/// The content type of an answer that streams.
pub const EVENT_STREAM: &str = "application/vnd.amazon.eventstream";

/// What stays of an answer's head.
#[derive(Clone, Default)]
pub struct Head {
    pub request_id: String,
    /// What the headers tell of the cost, which InvokeModel tells nowhere else.
    pub usage: Usage,
}

/// A content type without its parameters.
pub fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

pub fn is_event_stream(content_type: &str) -> bool {
    media_type(content_type).eq_ignore_ascii_case(EVENT_STREAM)
}

/// The encoding of a body, where it has one. None was asked for.
pub fn encoding_of(content_encoding: Option<&str>) -> Option<&str> {
    content_encoding.map(str::trim).filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"))
}

/// An answer in an encoding that was not asked for.
pub fn encoded(encoding: &str) -> String {
    format!("the answer is compressed (content-encoding: {encoding}), which was not asked for")
}
