//! HTTP/1.1: one request at a time on a connection.
//!
//! There is no task and no channel: who waits for an answer reads and decodes it, in its own task, from the connection's own
//! buffer. What arrives together is handed on together, however many chunks it is in.

use super::alive;
use super::body::Body;
use super::connect::{Forward, Link};
use super::connection::{Fate, Life, Unanswered};
use super::framing::{Framing, Malformed};
use super::origin::Origin;
use crate::http::body::UntilClose;
use aws_smithy_types::body::SdkBody;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, PROXY_AUTHORIZATION, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version, request, response};
use http_body::Body as _;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

/// What is read at once at first, and at most. A connection that is silent keeps the smaller of the two, an idle one nothing.
const FIRST_READ: usize = 8 << 10;
const LARGEST_READ: usize = 64 << 10;
/// The longest head of an answer.
const MAX_HEAD: usize = 64 << 10;
const MAX_HEADERS: usize = 128;
/// So many heads may announce an answer, and so long may they be together.
pub const MOST_INTERIM: usize = 100;
const LONGEST_INTERIM: usize = 64 << 10;

pub struct Http1 {
    link: Link,
    /// Read and not yet decoded.
    input: BytesMut,
    read: usize,
    /// What is read at once at most.
    largest_read: usize,
    /// How much of the last request has left.
    sent: usize,
    /// The heads that have announced its answer.
    interim: Interim,
    forward: Option<Forward>,
    pub life: Arc<Life>,
}

/// Heads that only say that an answer is on its way.
#[derive(Default)]
struct Interim {
    heads: usize,
    bytes: usize,
}

/// The head of an answer, and how its body comes.
pub struct Head {
    pub parts: response::Parts,
    pub framing: Framing,
    /// Whether the connection can be used again after the body.
    pub keep: bool,
}

/// Why there is no answer, or no more of one.
#[derive(Debug)]
pub enum Broken {
    Io(io::Error),
    /// The connection was closed too early.
    Closed,
    NotHttp(String),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::Io(error) => write!(f, "the connection broke: {error}"),
            Broken::Closed => f.write_str("the connection was closed before the answer was complete"),
            Broken::NotHttp(what) => write!(f, "what came is no valid HTTP: {what}"),
        }
    }
}

impl std::error::Error for Broken {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Broken::Io(error) => Some(error),
            Broken::Closed | Broken::NotHttp(_) => None,
        }
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Broken::Io(error)
    }
}

impl From<Malformed> for Broken {
    fn from(malformed: Malformed) -> Self {
        Broken::NotHttp(malformed.to_string())
    }
}

impl Http1 {
    /// A connection that reads at most `ahead` bytes at once.
    pub fn new(link: Link, forward: Option<Forward>, ahead: usize) -> Self {
        let largest_read = ahead.clamp(FIRST_READ, LARGEST_READ);
        Http1 {
            link,
            input: BytesMut::new(),
            read: FIRST_READ,
            largest_read,
            sent: 0,
            interim: Interim::default(),
            forward,
            life: Life::new(),
        }
    }

    /// The link to a proxy that has just connected it through.
    pub fn into_link(self) -> Link {
        self.link
    }

    /// Sends a request, whose URI is absolute, and waits for the head of its answer. `origin` gets the connection back.
    pub async fn send(
        mut self: Box<Self>,
        request: Request<SdkBody>,
        origin: Weak<Origin>,
    ) -> Result<Response<Body>, Unanswered> {
        match self.ask(request).await {
            Ok(Head { mut parts, framing, keep }) => {
                if framing == Framing::UntilClose {
                    parts.extensions.insert(UntilClose);
                }
                let origin = if keep { origin } else { Weak::new() };
                Ok(Response::from_parts(parts, Body::http1(self, framing, origin)))
            }
            Err(broken) => Err(Unanswered::http1(broken, if self.sent == 0 { Fate::Unsent } else { Fate::Unknown })),
        }
    }

    pub async fn ask(&mut self, request: Request<SdkBody>) -> Result<Head, Broken> {
        (self.sent, self.interim) = (0, Interim::default());
        let (parts, body) = request.into_parts();
        let body = whole(body).await?;
        let head = self.write_head(&parts, body.len());
        let mut outgoing = head.freeze().chain(body);
        let mut flushed = false;
        poll_fn(|cx| {
            let sending = self.poll_send(&mut outgoing, &mut flushed, cx);
            // An answer may come before all of the request is sent, or although it cannot be sent.
            match (self.poll_head(&parts.method, cx), sending) {
                (Poll::Ready(Ok(mut head)), _) => {
                    head.keep &= flushed;
                    Poll::Ready(Ok(head))
                }
                // The kernel tells once why it gave a connection up: whoever asks next is told of an end.
                (Poll::Ready(Err(_)), Poll::Ready(Err(error))) if alive::is_silence(&error) => {
                    Poll::Ready(Err(error.into()))
                }
                (Poll::Ready(Err(broken)), _) => Poll::Ready(Err(broken)),
                (Poll::Pending, Poll::Ready(Err(error))) => Poll::Ready(Err(error.into())),
                (Poll::Pending, _) => Poll::Pending,
            }
        })
        .await
    }

    /// An endpoint is told the path, a proxy the whole URL.
    fn write_head(&self, parts: &request::Parts, length: usize) -> BytesMut {
        let mut head = BytesMut::with_capacity(1024);
        head.put_slice(parts.method.as_str().as_bytes());
        head.put_u8(b' ');
        let host = parts.uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        match (&self.forward, parts.uri.path_and_query()) {
            (Some(_), _) => head.put_slice(parts.uri.to_string().as_bytes()),
            (None, Some(path)) => head.put_slice(path.as_str().as_bytes()),
            // CONNECT names a host and nothing else.
            (None, None) => head.put_slice(host.as_bytes()),
        }
        head.put_slice(b" HTTP/1.1\r\n");
        if !parts.headers.contains_key(HOST) {
            put_header(&mut head, HOST.as_str(), host.as_bytes());
        }
        for (name, value) in &parts.headers {
            put_header(&mut head, name.as_str(), value.as_bytes());
        }
        if let Some(Forward { authorization: Some(authorization) }) = &self.forward {
            put_header(&mut head, PROXY_AUTHORIZATION.as_str(), authorization.as_bytes());
        }
        if (length > 0 || parts.method == Method::POST) && !parts.headers.contains_key(CONTENT_LENGTH) {
            put_header(&mut head, CONTENT_LENGTH.as_str(), length.to_string().as_bytes());
        }
        head.put_slice(b"\r\n");
        head
    }

    fn poll_send(&mut self, outgoing: &mut impl Buf, flushed: &mut bool, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while outgoing.has_remaining() {
            match ready!(pin!(self.link.write_buf(outgoing)).poll(cx))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.sent += written,
            }
        }
        if !*flushed {
            ready!(Pin::new(&mut self.link).poll_flush(cx))?;
            *flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_head(&mut self, method: &Method, cx: &mut Context<'_>) -> Poll<Result<Head, Broken>> {
        loop {
            if let Some(head) = take_head(&mut self.input, method, &mut self.interim)? {
                return Poll::Ready(Ok(head));
            }
            if self.input.len() >= MAX_HEAD {
                return Poll::Ready(Err(Broken::NotHttp("a head without an end".to_owned())));
            }
            if ready!(self.poll_fill(cx))? == 0 {
                return Poll::Ready(Err(Broken::Closed));
            }
        }
    }

    /// The next of a body's data. None at its end.
    pub fn poll_data(&mut self, framing: &mut Framing, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        loop {
            match framing.decode(&mut self.input) {
                Ok(Some(data)) => return Poll::Ready(Some(Ok(data))),
                Ok(None) if framing.is_over() => return Poll::Ready(None),
                Ok(None) => {}
                Err(malformed) => return Poll::Ready(Some(Err(malformed.into()))),
            }
            match ready!(self.poll_fill(cx)) {
                Ok(0) if *framing == Framing::UntilClose => return Poll::Ready(None),
                Ok(0) => return Poll::Ready(Some(Err(Broken::Closed))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        }
    }

    /// Reads into `input`. 0 is the connection's end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        make_room(&mut self.input, self.read);
        let read = ready!(pin!(self.link.read_buf(&mut self.input)).poll(cx))?;
        if read >= self.read {
            self.read = self.largest_read.min(self.read * 2);
        }
        Poll::Ready(Ok(read))
    }

    /// Makes it small, to wait for the next request.
    pub fn rest(&mut self) {
        self.input = BytesMut::new();
        self.read = FIRST_READ;
    }

    /// Whether nothing has come that nobody asked for: the connection's end, as far as it can be told from here, included.
    pub fn is_quiet(&mut self) -> bool {
        let mut byte = [0; 1];
        let polled =
            Pin::new(&mut self.link).poll_read(&mut Context::from_waker(Waker::noop()), &mut ReadBuf::new(&mut byte));
        self.input.is_empty() && polled.is_pending() && !self.link.is_left()
    }
}

/// Makes room for so much more. Memory whose content has been used is not copied to be larger.
pub fn make_room(input: &mut BytesMut, more: usize) {
    if input.is_empty() && !input.try_reclaim(more) {
        *input = BytesMut::with_capacity(more);
    }
    input.reserve(more);
}

fn put_header(head: &mut BytesMut, name: &str, value: &[u8]) {
    head.put_slice(name.as_bytes());
    head.put_slice(b": ");
    head.put_slice(value);
    head.put_slice(b"\r\n");
}

/// All of a request's body, which is in memory. It is copied only where it comes in parts.
pub async fn whole(mut body: SdkBody) -> Result<Bytes, Broken> {
    let mut whole = Bytes::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|error| Broken::Io(io::Error::other(error)))?;
        if let Ok(data) = frame.into_data() {
            whole = if whole.is_empty() { data } else { [whole, data].concat().into() };
        }
    }
    Ok(whole)
}

/// Takes the head of an answer out of `input`, where it is complete. Those that only say that an answer is on its way are dropped.
fn take_head(input: &mut BytesMut, method: &Method, interim: &mut Interim) -> Result<Option<Head>, Broken> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut headers);
        let length = match parsed.parse(input) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(error) => return Err(Broken::NotHttp(error.to_string())),
        };
        let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
        let status = status.ok_or_else(|| Broken::NotHttp("an impossible status".to_owned()))?;
        if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
            input.advance(length);
            interim.heads += 1;
            interim.bytes += length;
            if interim.heads > MOST_INTERIM || interim.bytes > LONGEST_INTERIM {
                return Err(Broken::NotHttp("the answer is announced again and again".to_owned()));
            }
            continue;
        }
        let (mut parts, ()) = Response::new(()).into_parts();
        parts.status = status;
        parts.version = if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
        parts.headers = header_map(parsed.headers)?;
        let (framing, delimited) = framing(method, &parts)?;
        let keep = delimited && is_kept(&parts);
        input.advance(length);
        return Ok(Some(Head { parts, framing, keep }));
    }
}

fn header_map(headers: &[httparse::Header<'_>]) -> Result<HeaderMap, Broken> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for header in headers {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::from_bytes(header.value);
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(Broken::NotHttp("a malformed header".to_owned()));
        };
        map.append(name, value);
    }
    Ok(map)
}

/// How the body comes, and whether the next answer can be told from it.
fn framing(method: &Method, head: &response::Parts) -> Result<(Framing, bool), Broken> {
    let status = head.status;
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Broken::NotHttp("it goes on in another protocol".to_owned()));
    }
    let tunnel = *method == Method::CONNECT && status.is_success();
    if *method == Method::HEAD || tunnel || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
        return Ok((Framing::Length(0), true));
    }
    let lengths = lengths(&head.headers)?;
    if let Some(last) = head.headers.get_all(TRANSFER_ENCODING).iter().next_back() {
        if head.version == Version::HTTP_10 {
            return Err(Broken::NotHttp("HTTP/1.0 with a transfer encoding".to_owned()));
        }
        let last = last.as_bytes().rsplit(|byte| *byte == b',').next().unwrap_or_default();
        let chunked = last.trim_ascii().eq_ignore_ascii_case(b"chunked");
        // With a length as well, somebody on the way may have believed the other one.
        return Ok(if chunked { (Framing::CHUNKED, lengths.is_none()) } else { (Framing::UntilClose, false) });
    }
    Ok(match lengths {
        Some(length) => (Framing::Length(length), true),
        None => (Framing::UntilClose, false),
    })
}

/// The length that is told, which may be told more than once but not in two ways.
fn lengths(headers: &HeaderMap) -> Result<Option<u64>, Broken> {
    let mut told = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        for text in value.as_bytes().split(|byte| *byte == b',') {
            let text = text.trim_ascii();
            let digits = Some(text).filter(|text| text.iter().all(u8::is_ascii_digit));
            let length = digits.and_then(|text| std::str::from_utf8(text).ok()?.parse::<u64>().ok());
            match length {
                Some(length) if told.is_none_or(|told| told == length) => told = Some(length),
                _ => return Err(Broken::NotHttp("a malformed content-length".to_owned())),
            }
        }
    }
    Ok(told)
}

fn is_kept(head: &response::Parts) -> bool {
    let said = |word: &str| {
        let values = head.headers.get_all(CONNECTION).iter();
        values
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .any(|token| token.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
    };
    if head.version == Version::HTTP_10 { said("keep-alive") } else { !said("close") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Status, framing, whether the connection is kept, and what follows the head.
    type Read = (u16, Framing, bool, Vec<u8>);

    /// What is read of an answer to a POST.
    fn head(text: &str) -> Result<Option<Read>, String> {
        let mut input = BytesMut::from(text);
        let head =
            take_head(&mut input, &Method::POST, &mut Interim::default()).map_err(|broken| broken.to_string())?;
        Ok(head.map(|head| (head.parts.status.as_u16(), head.framing, head.keep, input.to_vec())))
    }

    #[test]
    fn a_head_tells_how_its_body_comes_and_whether_another_answer_can_follow() {
        for (headers, framing, keep) in [
            ("", Framing::UntilClose, false),
            ("Content-Length: 5\r\n", Framing::Length(5), true),
            ("Content-Length: 5\r\ncontent-length: 5, 5\r\n", Framing::Length(5), true),
            ("Content-Length: 5\r\nConnection: x, Close\r\n", Framing::Length(5), false),
            ("Transfer-Encoding: chunked\r\n", Framing::CHUNKED, true),
            ("Transfer-Encoding: gzip\r\nTransfer-Encoding: x, CHUNKED \r\n", Framing::CHUNKED, true),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", Framing::CHUNKED, false),
            ("Transfer-Encoding: chunked, gzip\r\n", Framing::UntilClose, false),
        ] {
            let told = head(&format!("HTTP/1.1 200 OK\r\n{headers}\r\nbody"));
            assert_eq!(told, Ok(Some((200, framing, keep, b"body".to_vec()))), "{headers:?}");
        }
        let old = |headers: &str| head(&format!("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n{headers}\r\n"));
        assert_eq!(old(""), Ok(Some((200, Framing::Length(1), false, Vec::new()))));
        assert_eq!(old("Connection: Keep-Alive\r\n"), Ok(Some((200, Framing::Length(1), true, Vec::new()))));
        for status in [204, 304] {
            let told = head(&format!("HTTP/1.1 {status} \r\nContent-Length: 5\r\n\r\n"));
            assert_eq!(told, Ok(Some((status, Framing::Length(0), true, Vec::new()))));
        }
    }

    #[test]
    fn heads_that_only_announce_an_answer_are_passed_over() {
        let informational = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n";
        assert_eq!(head(informational), Ok(None));
        let told = head(&format!("{informational}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
        assert_eq!(told, Ok(Some((200, Framing::Length(0), true, Vec::new()))));
    }

    #[test]
    fn announcements_without_an_answer_are_given_up() {
        let announced = |count| "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(count);
        assert_eq!(head(&announced(MOST_INTERIM)), Ok(None));
        assert!(head(&announced(MOST_INTERIM + 1)).is_err());
        let long = format!("HTTP/1.1 103 Early Hints\r\nLink: {}\r\n\r\n", "a".repeat(LONGEST_INTERIM / 2));
        assert!(head(&long.repeat(2)).is_err());
    }

    #[test]
    fn a_head_that_can_be_read_in_two_ways_is_refused() {
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
