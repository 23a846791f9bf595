//! HTTP/1.1 on one connection: reads requests and sends replies.

use std::future::pending;
use std::io::Write as _;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use http::Version;

use super::body::Act;
use super::reply::{End, Framing, Opening, Reply};
use super::reply_queue::ReplyQueue;
use super::request::Request;
use super::server_log::{ClosedBy, Connection};
use super::wire::{ClientGone, Transport, Wire};

/// The longest head of a request. No test sends a longer one on purpose.
const HEAD_LIMIT: usize = 4 << 20;

/// Serves one connection until one side ends it.
pub async fn serve<S: Transport>(stream: S, connection: Connection, replies: Arc<ReplyQueue>) {
    let mut wire = Wire::new(stream, connection.clone());
    loop {
        match exchange(&mut wire, &replies).await {
            Ok(After::NextRequest) => {}
            // Logged first, so that a test that sees the end of the socket finds the entry.
            Ok(After::Close) => {
                connection.closed(ClosedBy::Server);
                drop(wire);
                return connection.socket_closed();
            }
            Ok(After::Reset) => {
                connection.closed(ClosedBy::Server);
                wire.reset();
                return connection.socket_closed();
            }
            Err(ClientGone) => return connection.closed(ClosedBy::Client),
        }
    }
}

/// The fate of the connection after a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    NextRequest,
    Close,
    Reset,
}

/// Reads one request and sends its reply.
async fn exchange<S: Transport>(wire: &mut Wire<S>, replies: &ReplyQueue) -> Result<After, ClientGone> {
    let (request, last) = match read_request(wire).await? {
        Ok(request) => request,
        Err(malformed) => {
            wire.connection.problem(&malformed);
            play(wire, &Reply::error(400, "MalformedRequest", &malformed), false).await?;
            return Ok(After::Close);
        }
    };
    let bodyless = request.method == "HEAD";
    let reply = replies.reply_to(request, &wire.connection);
    let after = play(wire, &reply, bodyless).await?;
    Ok(if after == After::NextRequest && last { After::Close } else { after })
}

/// Reads one request. The flag is set if the client wants no other request on this connection. The inner error is the
/// fault of a malformed request.
async fn read_request<S: Transport>(wire: &mut Wire<S>) -> Result<Result<(Request, bool), String>, ClientGone> {
    let head = loop {
        match parse_head(&wire.input) {
            Ok(Some(head)) => break head,
            Ok(None) if wire.input.len() > HEAD_LIMIT => {
                return Ok(Err(format!("a request's head of more than {HEAD_LIMIT} bytes")));
            }
            Ok(None) => {}
            Err(malformed) => return Ok(Err(malformed)),
        }
        if let Err(gone) = wire.fill().await {
            if !wire.input.is_empty() {
                wire.connection.problem("the client left in the middle of a request's head");
            }
            return Err(gone);
        }
    };
    wire.input.advance(head.length);
    let mut request = Request {
        version: head.version,
        method: head.method,
        target: head.target,
        headers: head.headers,
        body: Bytes::new(),
        connection: wire.connection.number(),
        refused: None,
    };
    if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        wire.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let chunked =
        request.header("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().ends_with("chunked"));
    let length = match request.header("content-length").map(|value| (value.parse::<usize>(), value)) {
        None => 0,
        Some((Ok(length), _)) => length,
        Some((Err(_), value)) => return Ok(Err(format!("a content-length of {value:?}"))),
    };
    let body = if chunked { read_chunks(wire).await } else { read_exactly(wire, length).await.map(Ok) };
    request.body = match body {
        Ok(Ok(body)) => body,
        Ok(Err(malformed)) => return Ok(Err(malformed)),
        Err(gone) => {
            wire.connection.problem("the client left in the middle of a request's body");
            return Err(gone);
        }
    };
    let options = request.header("connection").unwrap_or_default().to_ascii_lowercase();
    let last = options.contains("close") || (head.version == Version::HTTP_10 && !options.contains("keep-alive"));
    Ok(Ok((request, last)))
}

struct Head {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    version: Version,
    length: usize,
}

/// Parses a head. Returns None if it is not complete yet.
fn parse_head(input: &[u8]) -> Result<Option<Head>, String> {
    let mut headers = [httparse::EMPTY_HEADER; 256];
    let mut parsed = httparse::Request::new(&mut headers);
    let length = match parsed.parse(input) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(e) => return Err(format!("not an HTTP/1.1 request: {e}")),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Some(Head {
        method: parsed.method.unwrap_or_default().to_owned(),
        target: parsed.path.unwrap_or_default().to_owned(),
        headers: parsed.headers.iter().map(|header| (header.name.to_owned(), text(header.value))).collect(),
        version: if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 },
        length,
    }))
}

async fn read_exactly<S: Transport>(wire: &mut Wire<S>, length: usize) -> Result<Bytes, ClientGone> {
    while wire.input.len() < length {
        wire.fill().await?;
    }
    Ok(wire.input.split_to(length).freeze())
}

/// Reads a chunked body and drops its trailers.
async fn read_chunks<S: Transport>(wire: &mut Wire<S>) -> Result<Result<Bytes, String>, ClientGone> {
    let mut body = BytesMut::new();
    loop {
        let size = loop {
            match httparse::parse_chunk_size(&wire.input) {
                Ok(httparse::Status::Complete((used, size))) => {
                    wire.input.advance(used);
                    break size as usize;
                }
                Ok(httparse::Status::Partial) => wire.fill().await?,
                Err(_) => return Ok(Err("a malformed chunk size".to_owned())),
            }
        };
        if size > 0 {
            body.extend_from_slice(&read_exactly(wire, size).await?);
            if &read_exactly(wire, 2).await?[..] != b"\r\n" {
                return Ok(Err("a chunk that is longer than its size".to_owned()));
            }
            continue;
        }
        loop {
            match wire.input.windows(2).position(|pair| pair == b"\r\n") {
                Some(0) => {
                    wire.input.advance(2);
                    return Ok(Ok(body.freeze()));
                }
                Some(end) => wire.input.advance(end + 2),
                None => wire.fill().await?,
            }
        }
    }
}

/// Sends a reply: head, body, end.
async fn play<S: Transport>(wire: &mut Wire<S>, reply: &Reply, bodyless: bool) -> Result<After, ClientGone> {
    let mut clock = reply.start_clock();
    for act in reply.before_head() {
        wire.wait(act.hold(&mut clock)).await?;
    }
    match &reply.opening {
        Opening::Head => {}
        Opening::Hang => return wire.wait(pending()).await,
        Opening::Close => return Ok(After::Close),
        Opening::Reset => return Ok(After::Reset),
        Opening::StreamReset(_) => return Ok(no_frames(wire)),
        Opening::NotHttp(bytes) => {
            wire.write(bytes).await?;
            return Ok(After::Close);
        }
    }

    let bodyless = bodyless || matches!(reply.status, 100..=199 | 204 | 304);
    let chunked = !bodyless && reply.is_chunked();
    let acts = if bodyless { &[] } else { reply.acts() };
    let mut out = head(reply, bodyless, chunked);
    if let Some(every) = reply.head_drip {
        for byte in std::mem::take(&mut out) {
            wire.write(&[byte]).await?;
            wire.wait(tokio::time::sleep(every)).await?;
        }
    }

    // One write for each chunk, or for all chunks before a wait. The first is sent with the head, unless a wait stands
    // between them.
    for act in acts {
        match act {
            Act::Write { data, declared } => put(&mut out, data, *declared, chunked),
            Act::WriteAll(pack) if chunked => out.extend_from_slice(&pack.chunks),
            Act::WriteAll(pack) => pack.pieces.iter().for_each(|piece| out.extend_from_slice(piece)),
            Act::Make(maker) => {
                let data = maker.0();
                put(&mut out, &data, data.len(), chunked);
            }
            Act::GracefulShutdown => return Ok(no_frames(wire)),
            Act::Wait(_) | Act::Pause(_) | Act::Tick => {
                wire.write(&out).await?;
                out.clear();
                wire.wait(act.hold(&mut clock)).await?;
                continue;
            }
        }
        if !reply.is_in_one_write() {
            wire.write(&out).await?;
            out.clear();
        }
    }
    if bodyless {
        wire.write(&out).await?;
        return Ok(reply.after);
    }
    match &reply.end {
        End::Complete => {
            if chunked {
                out.extend_from_slice(b"0\r\n");
                for (name, value) in &reply.trailers {
                    put_header(&mut out, name, value);
                }
                out.extend_from_slice(b"\r\n");
            }
            wire.write(&out).await?;
            Ok(if reply.framing == Framing::UntilClose { After::Close } else { reply.after })
        }
        End::Close => wire.write(&out).await.map(|()| After::Close),
        End::Reset => wire.write(&out).await.map(|()| After::Reset),
        End::StreamReset(_) | End::GoAway(_) => wire.write(&out).await.map(|()| no_frames(wire)),
        // HTTP/1.1 has no ping that could show the difference.
        End::Stall | End::Unresponsive => {
            wire.write(&out).await?;
            wire.wait(pending()).await
        }
        End::Endless(bytes) => loop {
            put(&mut out, bytes, bytes.len(), chunked);
            wire.write(&out).await?;
            out.clear();
        },
    }
}

/// Logs that only HTTP/2 can send this reply.
fn no_frames<S>(wire: &Wire<S>) -> After {
    wire.connection.problem("HTTP/1.1 has no frames: the connection is closed instead");
    After::Close
}

/// Appends a piece of the body. A piece that is cut keeps the chunk size of the whole piece.
pub(super) fn put(out: &mut Vec<u8>, data: &[u8], declared: usize, chunked: bool) {
    if chunked {
        write!(out, "{declared:x}\r\n").expect("a Vec takes all bytes");
    }
    out.extend_from_slice(data);
    if chunked && data.len() == declared {
        out.extend_from_slice(b"\r\n");
    }
}

fn head(reply: &Reply, bodyless: bool, chunked: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    write!(out, "HTTP/1.1 {} {}\r\n", reply.status, reason(reply.status)).expect("a Vec takes all bytes");
    for (name, value) in &reply.headers {
        put_header(&mut out, name, value);
    }
    if !bodyless && reply.header_value("content-length").is_none() {
        if chunked {
            if reply.header_value("transfer-encoding").is_none() {
                put_header(&mut out, "Transfer-Encoding", "chunked");
            }
        } else if reply.framing != Framing::UntilClose {
            put_header(&mut out, "Content-Length", &reply.declared_length().to_string());
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}

fn put_header(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        424 => "Failed Dependency",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}
