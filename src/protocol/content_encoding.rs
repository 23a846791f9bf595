//! The header `content-encoding` of a response. The library requests no encoding.

/// Returns the encoding of a body, or None if the body is not encoded.
pub fn unexpected(content_encoding: Option<&str>) -> Option<&str> {
    content_encoding.map(str::trim).filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"))
}

/// Returns the message for a body in this encoding.
pub fn message_for(encoding: &str) -> String {
    format!("the response is compressed (content-encoding: {encoding}), which was not asked for")
}
