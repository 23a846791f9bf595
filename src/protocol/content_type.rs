//! The header `content-type` of a response.

/// The content type of a stream.
pub const EVENT_STREAM: &str = "application/vnd.amazon.eventstream";

/// Returns a content type without its parameters.
pub fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Returns whether this is the content type of a stream.
pub fn is_event_stream(content_type: &str) -> bool {
    media_type(content_type).eq_ignore_ascii_case(EVENT_STREAM)
}
