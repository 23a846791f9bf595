//! Redaction: removes the secrets of a request from texts.
//!
//! A service, or a gateway in front of it, may repeat a request's headers in its response. The secrets in them must not
//! reach a message, a log or a recording. They are found as they were sent, and as JSON and URLs escape them.

use std::borrow::Cow;
use zeroize::Zeroizing;

/// The replacement of a secret.
const REDACTED: &str = "[redacted]";
/// The minimum length of a secret. A shorter word would be removed from every text.
const MIN_LENGTH: usize = 8;

/// The secrets that authorize one request. Their memory is zeroed when they are dropped.
#[derive(Clone, Default)]
pub struct Secrets(Vec<Zeroizing<String>>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// Finds the secrets among a request's headers: an API key or a signature, and a session token.
    pub fn in_headers<'h>(headers: impl IntoIterator<Item = (&'h str, &'h str)>) -> Self {
        let secret = |(name, value): (&'h str, &'h str)| {
            let secret = if name.eq_ignore_ascii_case("authorization") {
                let signature = value.split("Signature=").nth(1);
                signature.or_else(|| value.split_once(' ').map(|(_, token)| token)).unwrap_or(value)
            } else if name.eq_ignore_ascii_case("x-amz-security-token") {
                value
            } else {
                return None;
            };
            let secret = secret.trim();
            (secret.len() >= MIN_LENGTH).then(|| Zeroizing::new(secret.to_owned()))
        };
        Secrets(headers.into_iter().filter_map(secret).collect())
    }

    /// Returns `text` without the secrets.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.redact_bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// Returns `bytes` without the secrets. A secret that is cut off at the end is removed as well.
    pub fn redact_bytes<'t>(&self, bytes: &'t [u8]) -> Cow<'t, [u8]> {
        let mut redacted = Vec::new();
        let (mut at, mut copied) = (0, 0);
        while at < bytes.len() {
            match self.0.iter().find_map(|secret| length_of(secret.as_bytes(), &bytes[at..])) {
                Some(length) => {
                    redacted.extend_from_slice(&bytes[copied..at]);
                    redacted.extend_from_slice(REDACTED.as_bytes());
                    at += length;
                    copied = at;
                }
                None => at += 1,
            }
        }
        if copied == 0 {
            return Cow::Borrowed(bytes);
        }
        redacted.extend_from_slice(&bytes[copied..]);
        Cow::Owned(redacted)
    }
}

/// Returns the length of the secret at the beginning of `bytes`. None if they do not begin with it.
fn length_of(secret: &[u8], bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for (matched, &wanted) in secret.iter().enumerate() {
        let rest = &bytes[at..];
        if rest.is_empty() {
            return (matched >= MIN_LENGTH).then_some(at);
        }
        at += if rest[0] == wanted { 1 } else { unescaped(rest).filter(|(byte, _)| *byte == wanted)?.1 };
    }
    Some(at)
}

/// Decodes an escape of JSON or of a URL. Returns the character and the length of the escape.
fn unescaped(rest: &[u8]) -> Option<(u8, usize)> {
    let hex = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    match rest {
        [b'\\', b'u', b'0', b'0', a, b, ..] => Some((hex(&[*a, *b])?, 6)),
        [b'\\', byte, ..] => Some((*byte, 2)),
        [b'%', a, b, ..] => Some((hex(&[*a, *b])?, 3)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_however_it_is_escaped() {
        let token = "abc/def+ghi==";
        let secrets = Secrets::in_headers([
            ("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/x, SignedHeaders=host, Signature=0123456789abcdef"),
            ("x-amz-security-token", token),
            ("content-type", "application/json"),
        ]);
        for (text, wanted) in [
            ("nothing of it: application/json", "nothing of it: application/json"),
            ("abc/def+ghi==", "[redacted]"),
            ("a abc/def+ghi== b abc/def+ghi== c", "a [redacted] b [redacted] c"),
            ("abc\\/def\\u002Bghi=\\u003d", "[redacted]"),
            ("abc%2Fdef%2bghi%3D%3D!", "[redacted]!"),
            ("Signature=0123456789abcdef", "Signature=[redacted]"),
            ("abc/def+g", "[redacted]"),
            ("abc/def+g and more", "abc/def+g and more"),
            ("abc/def", "abc/def"),
            ("ünd abc/def+ghi== ö", "ünd [redacted] ö"),
        ] {
            assert_eq!(secrets.redact(text), wanted, "{text}");
        }
        let bearer = Secrets::in_headers([("authorization", "Bearer bedrock-api-key-1")]);
        assert_eq!(bearer.redact("Bearer bedrock-api-key-1"), "Bearer [redacted]");
        assert_eq!(Secrets::in_headers([("authorization", "Bearer short")]).redact("a short text"), "a short text");
    }
}
