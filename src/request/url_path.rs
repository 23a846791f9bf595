//! Percent-encoding of texts in the path and the query of a request.

use std::fmt::Write as _;

/// Escapes a segment of a path, or a value of a query. All characters but the unreserved ones of RFC 3986 are escaped,
/// the slashes of an ARN too.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            _ => write!(out, "%{byte:02X}").expect("writing to a String cannot fail"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_characters_but_unreserved_ones_are_escaped() {
        assert_eq!(
            escape("arn:aws:bedrock:us-east-1:1:prompt/A_b.~"),
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aprompt%2FA_b.~"
        );
        assert_eq!(escape("a b+é"), "a%20b%2B%C3%A9");
    }
}
