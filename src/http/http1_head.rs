//! The head of an HTTP/1.1 response: status and headers, the framing of the body, and whether the connection is
//! reusable.

use super::http1_body::Framing;
use bytes::{Buf, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Response, StatusCode, Version, response};
use std::fmt;

/// The longest head.
pub const MAX_HEAD: usize = 64 << 10;
const MAX_HEADERS: usize = 128;
/// The most interim responses (1xx) before a response, and their longest heads together.
pub const MAX_INTERIM: usize = 100;
const MAX_INTERIM_BYTES: usize = 64 << 10;

/// The head of a response.
pub struct Head {
    pub parts: response::Parts,
    pub framing: Framing,
    /// Whether the connection can be used again after the body.
    pub reusable: bool,
}

/// The interim responses (1xx) that preceded a response.
#[derive(Default)]
pub struct InterimResponses {
    count: usize,
    bytes: usize,
}

/// The reason why bytes are not the head of a response.
#[derive(Debug)]
pub struct InvalidHead(pub String);

impl fmt::Display for InvalidHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl InvalidHead {
    fn new(reason: &str) -> Self {
        InvalidHead(reason.to_owned())
    }
}

/// Removes the head of a response to a request with this method from `input`, and interim responses before it. Returns
/// None if more input is needed.
pub fn parse_head(
    input: &mut BytesMut,
    method: &Method,
    interim: &mut InterimResponses,
) -> Result<Option<Head>, InvalidHead> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut headers);
        let length = match parsed.parse(input) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(error) => return Err(InvalidHead(error.to_string())),
        };
        let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or_else(|| InvalidHead::new("an impossible status"))?;
        if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
            input.advance(length);
            interim.count += 1;
            interim.bytes += length;
            if interim.count > MAX_INTERIM || interim.bytes > MAX_INTERIM_BYTES {
                return Err(InvalidHead::new("too many interim responses (1xx)"));
            }
            continue;
        }
        let (mut parts, ()) = Response::new(()).into_parts();
        parts.status = status;
        parts.version = if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
        parts.headers = header_map(parsed.headers)?;
        let (framing, delimited) = framing(method, &parts)?;
        let reusable = delimited && is_persistent(&parts);
        input.advance(length);
        return Ok(Some(Head { parts, framing, reusable }));
    }
}

fn header_map(headers: &[httparse::Header<'_>]) -> Result<HeaderMap, InvalidHead> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for header in headers {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::from_bytes(header.value);
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(InvalidHead::new("a malformed header"));
        };
        map.append(name, value);
    }
    Ok(map)
}

/// Returns the framing of the body, and whether the end of the body is unambiguous.
fn framing(method: &Method, head: &response::Parts) -> Result<(Framing, bool), InvalidHead> {
    let status = head.status;
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(InvalidHead::new("it switches to another protocol"));
    }
    let tunnel = *method == Method::CONNECT && status.is_success();
    if *method == Method::HEAD || tunnel || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
        return Ok((Framing::Length(0), true));
    }
    let length = content_length(&head.headers)?;
    if let Some(last) = head.headers.get_all(TRANSFER_ENCODING).iter().next_back() {
        if head.version == Version::HTTP_10 {
            return Err(InvalidHead::new("HTTP/1.0 with a transfer encoding"));
        }
        let last = last.as_bytes().rsplit(|byte| *byte == b',').next().unwrap_or_default();
        let chunked = last.trim_ascii().eq_ignore_ascii_case(b"chunked");
        // If there is a length as well, an intermediary may have believed the length.
        return Ok(if chunked { (Framing::CHUNKED, length.is_none()) } else { (Framing::UntilClose, false) });
    }
    Ok(match length {
        Some(length) => (Framing::Length(length), true),
        None => (Framing::UntilClose, false),
    })
}

/// Returns the content length. Several headers, or several values in one, have to be equal.
fn content_length(headers: &HeaderMap) -> Result<Option<u64>, InvalidHead> {
    let mut known = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        for text in value.as_bytes().split(|byte| *byte == b',') {
            let text = text.trim_ascii();
            let digits = Some(text).filter(|text| text.iter().all(u8::is_ascii_digit));
            let length = digits.and_then(|text| std::str::from_utf8(text).ok()?.parse::<u64>().ok());
            match length {
                Some(length) if known.is_none_or(|known| known == length) => known = Some(length),
                _ => return Err(InvalidHead::new("a malformed content-length")),
            }
        }
    }
    Ok(known)
}

/// Returns whether the peer keeps the connection open after the response.
fn is_persistent(head: &response::Parts) -> bool {
    let has_option = |option: &str| {
        let values = head.headers.get_all(CONNECTION).iter();
        values
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .any(|token| token.trim_ascii().eq_ignore_ascii_case(option.as_bytes()))
    };
    if head.version == Version::HTTP_10 { has_option("keep-alive") } else { !has_option("close") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Status, framing, whether the connection is reusable, and the input after the head.
    type Parsed = (u16, Framing, bool, Vec<u8>);

    /// Parses a response to a POST.
    fn head(text: &str) -> Result<Option<Parsed>, String> {
        let mut input = BytesMut::from(text);
        let head = parse_head(&mut input, &Method::POST, &mut InterimResponses::default())
            .map_err(|error| error.to_string())?;
        Ok(head.map(|head| (head.parts.status.as_u16(), head.framing, head.reusable, input.to_vec())))
    }

    #[test]
    fn a_head_decides_the_framing_of_its_body_and_whether_the_connection_is_reusable() {
        for (headers, framing, reusable) in [
            ("", Framing::UntilClose, false),
            ("Content-Length: 5\r\n", Framing::Length(5), true),
            ("Content-Length: 5\r\ncontent-length: 5, 5\r\n", Framing::Length(5), true),
            ("Content-Length: 5\r\nConnection: x, Close\r\n", Framing::Length(5), false),
            ("Transfer-Encoding: chunked\r\n", Framing::CHUNKED, true),
            ("Transfer-Encoding: gzip\r\nTransfer-Encoding: x, CHUNKED \r\n", Framing::CHUNKED, true),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", Framing::CHUNKED, false),
            ("Transfer-Encoding: chunked, gzip\r\n", Framing::UntilClose, false),
        ] {
            let parsed = head(&format!("HTTP/1.1 200 OK\r\n{headers}\r\nbody"));
            assert_eq!(parsed, Ok(Some((200, framing, reusable, b"body".to_vec()))), "{headers:?}");
        }
        let old = |headers: &str| head(&format!("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n{headers}\r\n"));
        assert_eq!(old(""), Ok(Some((200, Framing::Length(1), false, Vec::new()))));
        assert_eq!(old("Connection: Keep-Alive\r\n"), Ok(Some((200, Framing::Length(1), true, Vec::new()))));
        for status in [204, 304] {
            let parsed = head(&format!("HTTP/1.1 {status} \r\nContent-Length: 5\r\n\r\n"));
            assert_eq!(parsed, Ok(Some((status, Framing::Length(0), true, Vec::new()))));
        }
    }

    #[test]
    fn interim_responses_are_skipped() {
        let informational = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n";
        assert_eq!(head(informational), Ok(None));
        let parsed = head(&format!("{informational}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
        assert_eq!(parsed, Ok(Some((200, Framing::Length(0), true, Vec::new()))));
    }

    #[test]
    fn interim_responses_without_end_are_an_error() {
        let interim = |count| "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(count);
        assert_eq!(head(&interim(MAX_INTERIM)), Ok(None));
        assert!(head(&interim(MAX_INTERIM + 1)).is_err());
        let long = format!("HTTP/1.1 103 Early Hints\r\nLink: {}\r\n\r\n", "a".repeat(MAX_INTERIM_BYTES / 2));
        assert!(head(&long.repeat(2)).is_err());
    }

    #[test]
    fn an_ambiguous_head_is_an_error() {
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
            "HTTP/2 200 OK\r\n\r\n",
            "SSH-2.0",
        ] {
            assert!(head(text).is_err(), "{text:?}");
        }
        for length in 0.."HTTP/1.1 200 OK\r\nA: b\r\n\r".len() {
            assert_eq!(head(&"HTTP/1.1 200 OK\r\nA: b\r\n\r"[..length]), Ok(None));
        }
    }
}
