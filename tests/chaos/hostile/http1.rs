//! Attacks in HTTP/1.1: heads, lengths, chunks, unexpected responses.

use std::time::Duration;

use serde_json::json;

use super::attack::{Attack, Call, Over};
use super::{TOKEN, WRONG};
use crate::support::Reply;
use crate::support::capi::*;
use crate::support::stream::EVENT_STREAM;

/// Invalid or incomplete HTTP.
const BROKEN: &[bedrock_status] = &[BEDROCK_E_NETWORK, BEDROCK_E_PROTOCOL, BEDROCK_E_TRUNCATED];
const BROKEN_OR_LATE: &[bedrock_status] =
    &[BEDROCK_E_NETWORK, BEDROCK_E_PROTOCOL, BEDROCK_E_TRUNCATED, BEDROCK_E_TIMEOUT];
const LATE: &[bedrock_status] = &[BEDROCK_E_TIMEOUT];
/// Invalid HTTP after messageStop: the response may be complete although HTTP is not.
const EITHER: &[bedrock_status] = &[BEDROCK_OK, BEDROCK_E_NETWORK, BEDROCK_E_PROTOCOL, BEDROCK_E_TRUNCATED];
const EITHER_OR_LATE: &[bedrock_status] =
    &[BEDROCK_OK, BEDROCK_E_NETWORK, BEDROCK_E_PROTOCOL, BEDROCK_E_TRUNCATED, BEDROCK_E_TIMEOUT];

const SOON: Duration = Duration::from_millis(20);

/// The body of a complete stream.
fn body() -> Vec<u8> {
    Reply::stream().text_stream(&["Hel", "lo"], "end_turn").body_bytes().to_vec()
}

/// The body of a complete unary response.
fn json_body() -> Vec<u8> {
    Reply::text_response("right").body_bytes().to_vec()
}

fn head(lines: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {EVENT_STREAM}\r\n{lines}\r\n")
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// A response of these bytes, after which the server closes the connection.
fn closes(name: &str, ends: &[bedrock_status], bytes: impl Into<Vec<u8>>) -> Attack {
    let bytes = bytes.into();
    Attack::new(Over::Http1, Call::Stream, name, ends, move |mut peer| {
        let bytes = bytes.clone();
        async move {
            peer.request().await?;
            peer.send(bytes).await
        }
    })
}

/// A response of these bytes, after which the server sends nothing.
fn hangs(name: &str, ends: &[bedrock_status], bytes: impl Into<Vec<u8>>) -> Attack {
    let bytes = bytes.into();
    Attack::new(Over::Http1, Call::Stream, name, ends, move |mut peer| {
        let bytes = bytes.clone();
        async move {
            peer.request().await?;
            peer.send(bytes).await?;
            peer.hang().await
        }
    })
}

/// A response that begins with these bytes, and repeats others without end.
fn floods(name: &str, ends: &[bedrock_status], begin: impl Into<Vec<u8>>, bytes: impl Into<Vec<u8>>) -> Attack {
    let (begin, bytes) = (begin.into(), bytes.into());
    Attack::new(Over::Http1, Call::Stream, name, ends, move |mut peer| {
        let (begin, bytes) = (begin.clone(), bytes.clone());
        async move {
            peer.request().await?;
            peer.send(begin).await?;
            peer.forever(bytes).await
        }
    })
}

fn unary(mut attack: Attack) -> Attack {
    attack.call = Call::Unary;
    attack
}

pub fn attacks() -> Vec<Attack> {
    [heads(), lengths(), chunks(), responses()].into_iter().flatten().collect()
}

fn heads() -> Vec<Attack> {
    vec![
        closes("another protocol", BROKEN, "SSH-2.0-OpenSSH_9.2p1\r\n"),
        closes("random bytes", BROKEN, [0, 159, 146, 150].repeat(1000)),
        closes("an empty response", BROKEN, ""),
        closes("a response of HTTP/0.9", BROKEN, "<html>Hello</html>"),
        closes("an unknown version of HTTP", BROKEN, "HTTP/9.9 200 OK\r\n\r\n"),
        closes("a status that is not a number", BROKEN, "HTTP/1.1 2x0 OK\r\n\r\n"),
        closes("status 999", BROKEN, "HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"),
        closes("status 000", BROKEN, "HTTP/1.1 000 None\r\nContent-Length: 0\r\n\r\n"),
        closes("a switch to another protocol", BROKEN_OR_LATE, "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"),
        closes("a header with NUL", BROKEN, head("X: a\0b\r\n")),
        closes("a header that is folded", BROKEN, head("X: a\r\n b\r\n")),
        closes("a header without a name", BROKEN, head(": value\r\n")),
        closes("a space before the colon", BROKEN, head("Content-Length : 5\r\n")),
        closes("a head that is cut", BROKEN, "HTTP/1.1 200 OK\r\nContent-Ty"),
        closes("100,000 headers", BROKEN, head(&"a: b\r\n".repeat(100_000))),
        closes("a header of 4 MiB", BROKEN, head(&format!("X: {}\r\n", "x".repeat(4 << 20)))),
        floods("a line without end", BROKEN_OR_LATE, "HTTP/1.1 200 ", "OK").alone(),
        floods("headers without end", BROKEN_OR_LATE, "HTTP/1.1 200 OK\r\n", "a: b\r\n").alone(),
        floods("empty lines without end", BROKEN_OR_LATE, "", "\r\n").alone(),
        floods("heads of 100 without end", BROKEN_OR_LATE, "", "HTTP/1.1 100 Continue\r\n\r\n").alone(),
        floods(
            "heads of 103 without end",
            BROKEN_OR_LATE,
            "",
            format!("HTTP/1.1 103 Early\r\nLink: {}\r\n\r\n", "x".repeat(4000)),
        )
        .alone(),
        Attack::new(Over::Http1, Call::Stream, "a head byte by byte", LATE, |mut peer| async move {
            peer.request().await?;
            for byte in head("Transfer-Encoding: chunked\r\n").bytes() {
                peer.send([byte]).await?;
                tokio::time::sleep(SOON).await;
            }
            peer.hang().await
        }),
        Attack::new(Over::Http1, Call::Stream, "silence", LATE, |mut peer| async move {
            peer.request().await?;
            peer.hang().await
        }),
        Attack::new(Over::Http1, Call::Stream, "a reset after the request", BROKEN, |mut peer| async move {
            peer.request().await?;
            peer.reset()
        }),
        Attack::new(
            Over::Http1,
            Call::Stream,
            "a response before the request",
            BROKEN_OR_LATE,
            |mut peer| async move {
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await?;
                peer.hang().await
            },
        ),
    ]
}

fn lengths() -> Vec<Attack> {
    let whole = body();
    let length = whole.len();
    let of = |lines: &str| [head(lines).as_bytes(), &body()].concat();
    vec![
        closes("Content-Length: -1", BROKEN, of("Content-Length: -1\r\n")),
        closes("Content-Length: +5", BROKEN, of("Content-Length: +5\r\n")),
        closes("Content-Length: 0x40", BROKEN, of("Content-Length: 0x40\r\n")),
        closes("Content-Length beyond 64 bits", BROKEN, of("Content-Length: 99999999999999999999999\r\n")),
        closes("Content-Length of 2^64 - 1", EITHER, of("Content-Length: 18446744073709551615\r\n")),
        closes("two lengths that differ", BROKEN, of(&format!("Content-Length: 5\r\nContent-Length: {length}\r\n"))),
        closes("two lengths in one header", BROKEN, of(&format!("Content-Length: 5, {length}\r\n"))),
        closes("a length that is too small", BROKEN, of(&format!("Content-Length: {}\r\n", length - 7))),
        closes("a length that is too large", EITHER, of(&format!("Content-Length: {}\r\n", length + 7))),
        hangs(
            "a length that is too large, and silence",
            &[BEDROCK_E_TIMEOUT, BEDROCK_OK],
            of(&format!("Content-Length: {}\r\n", length + 7)),
        ),
        closes("a length of 0, and a body", BROKEN, of("Content-Length: 0\r\n")),
        closes("no length, closed in a frame", BROKEN, &of("")[..head("").len() + length - 30]),
        closes("204 with a body", BROKEN, [b"HTTP/1.1 204 No\r\n\r\n", &whole[..]].concat()),
        closes("304", BROKEN, "HTTP/1.1 304 Not Modified\r\n\r\n"),
    ]
}

fn chunks() -> Vec<Attack> {
    let begin = head("Transfer-Encoding: chunked\r\n").into_bytes();
    let after = |bytes: &[u8]| [&begin[..], bytes].concat();
    let whole = chunk(&body());
    let both = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n";
    vec![
        closes("a length and chunks", EITHER, [head(both).as_bytes(), &whole, b"0\r\n\r\n"].concat()),
        closes("chunks in HTTP/1.0", BROKEN, {
            let head = format!("HTTP/1.0 200 OK\r\nContent-Type: {EVENT_STREAM}\r\nTransfer-Encoding: chunked\r\n\r\n");
            [head.as_bytes(), &whole, b"0\r\n\r\n"].concat()
        }),
        closes(
            "an unknown transfer coding",
            BROKEN,
            head("Transfer-Encoding: xchunked\r\n") + "5\r\nhello\r\n0\r\n\r\n",
        ),
        closes(
            "chunked, but not as the last coding",
            BROKEN,
            head("Transfer-Encoding: chunked, gzip\r\n") + "5\r\nhello\r\n0\r\n\r\n",
        ),
        closes("a chunk of 2^64", BROKEN, after(b"10000000000000000\r\n")),
        closes("a chunk of 2^64 - 1", BROKEN, after(b"FFFFFFFFFFFFFFFF\r\nx")),
        closes("a chunk of -5", BROKEN, after(b"-5\r\nhello\r\n0\r\n\r\n")),
        closes("a chunk of 0x5", BROKEN, after(b"0x5\r\nhello\r\n0\r\n\r\n")),
        closes("a chunk without a size", BROKEN, after(b"\r\nhello\r\n0\r\n\r\n")),
        closes("a chunk longer than its size", BROKEN, after(b"3\r\nhello\r\n0\r\n\r\n")),
        closes("a chunk that is cut", BROKEN, after(&whole[..whole.len() - 40])),
        closes("no last chunk", BROKEN, after(&chunk(&body()[..100]))),
        floods("a size of zeros without end", BROKEN_OR_LATE, begin.clone(), "0").alone(),
        floods("an extension of a chunk without end", BROKEN_OR_LATE, after(b"5;a="), "a").alone(),
        floods("trailers without end", EITHER_OR_LATE, after(&[&whole[..], b"0\r\n"].concat()), "a: b\r\n").alone(),
        floods("chunks of one byte without end", BROKEN_OR_LATE, begin.clone(), "1\r\n\0\r\n").alone(),
        closes(
            "a trailer that gives a length",
            EITHER,
            after(&[&whole[..], b"0\r\nContent-Length: 5\r\n\r\n"].concat()),
        ),
    ]
}

fn responses() -> Vec<Attack> {
    let plain = |status: &str, lines: &str, body: &[u8]| {
        let head = format!("HTTP/1.1 {status}\r\n{lines}Content-Length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    };
    let json = "Content-Type: application/json\r\n";
    let deep = ["[".repeat(200_000), "]".repeat(200_000)].concat();
    let protocol = &[BEDROCK_E_PROTOCOL][..];
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 4, 0, 0x43, 0xbe, 0xb7, 0xe8, 1, 0, 0, 0];
    vec![
        unary(closes(
            "a unary response in gzip",
            protocol,
            plain("200 OK", &format!("{json}Content-Encoding: gzip\r\n"), &gzip),
        )),
        closes(
            "a stream in gzip",
            BROKEN,
            plain("200 OK", &format!("Content-Type: {EVENT_STREAM}\r\nContent-Encoding: gzip\r\n"), &gzip),
        ),
        unary(closes("a page of HTML", protocol, plain("200 OK", "Content-Type: text/html\r\n", b"<html></html>"))),
        unary(closes("JSON that is cut", protocol, plain("200 OK", json, b"{\"output\": {\"message\""))),
        unary(closes("JSON of 200,000 levels", protocol, plain("200 OK", json, deep.as_bytes()))),
        unary(closes("JSON that is not UTF-8", protocol, plain("200 OK", json, b"{\"a\": \"\xff\xfe\"}"))),
        unary(floods(
            "blanks without end",
            &[BEDROCK_E_PROTOCOL, BEDROCK_E_TIMEOUT],
            format!("HTTP/1.1 200 OK\r\n{json}\r\n{{"),
            " ",
        ))
        .alone(),
        closes("a redirect", protocol, plain("307 Elsewhere", "Location: http://127.0.0.1:9/\r\n", b"")),
        closes("a redirect to itself", protocol, plain("301 Here", "Location: /model/m/converse-stream\r\n", b"")),
        closes(
            "a challenge of a proxy",
            &[BEDROCK_E_VALIDATION],
            plain("407 Who", "Proxy-Authenticate: Basic\r\n", b""),
        ),
        floods(
            "an error without end",
            &[BEDROCK_E_VALIDATION, BEDROCK_E_TIMEOUT],
            format!("HTTP/1.1 400 Bad\r\n{json}\r\n"),
            "{\"message\": \"",
        )
        .alone(),
        closes(
            "an error of 20 MiB",
            &[BEDROCK_E_SERVICE],
            plain("500 Oh", json, &b"{\"message\": \"no\"} ".repeat(20 << 16)),
        ),
        closes("Retry-After of a year", &[BEDROCK_E_THROTTLED], plain("429 Later", "Retry-After: 31536000\r\n", b"{}"))
            .with(json!({"retry": {"max_attempts": 3}})),
        closes("an invalid Retry-After", &[BEDROCK_E_THROTTLED], plain("429 Later", "Retry-After: -1e9\r\n", b"{}")),
        closes("a request id of 60 KB that is not UTF-8", &[BEDROCK_E_VALIDATION], {
            let id =
                [&b"HTTP/1.1 400 Bad\r\nx-amzn-requestid: "[..], &[0xff; 60_000], b"\r\nContent-Length: 2\r\n\r\n{}"];
            id.concat()
        }),
        Attack::new(
            Over::Http1,
            Call::Unary,
            "a response that contains the token",
            &[BEDROCK_E_VALIDATION],
            |mut peer| async move {
                let head = peer.request().await?;
                let line =
                    head.lines().find(|line| line.to_lowercase().starts_with("authorization")).unwrap_or_default();
                let body = json!({"message": format!("I do not like {line}")}).to_string();
                peer.send(format!("HTTP/1.1 400 Bad\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await
            },
        )
        .with(json!({"bearer_token": TOKEN, "api_key": null, "secret_key": null})),
        Attack::new(
            Over::Http1,
            Call::InTurn(2),
            "a response to a request that was not sent",
            &[BEDROCK_OK],
            |mut peer| async move {
                let response = |text: &str| {
                    let body = Reply::text_response(text).body_bytes();
                    let head = format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                        body.len()
                    );
                    [head.as_bytes(), &body].concat()
                };
                loop {
                    peer.request().await?;
                    peer.send([response("right"), response(WRONG)].concat()).await?;
                }
            },
        ),
        Attack::new(
            Over::Http1,
            Call::InTurn(2),
            "a connection that is closed between two calls",
            &[BEDROCK_OK],
            |mut peer| async move {
                peer.request().await?;
                let body = json_body();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                );
                peer.send_and_close([head.as_bytes(), &body].concat()).await
            },
        ),
        Attack::new(
            Over::Http1,
            Call::InTurn(2),
            "a reused connection that receives a request and is closed",
            &[BEDROCK_OK, BEDROCK_E_NETWORK],
            |mut peer| async move {
                peer.request().await?;
                if peer.number == 0 {
                    let body = json_body();
                    let head = format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                        body.len()
                    );
                    peer.send([head.as_bytes(), &body].concat()).await?;
                    peer.request().await?;
                }
                Ok(())
            },
        ),
        Attack::new(
            Over::Http1,
            Call::Invoke,
            "InvokeModel: an image without a length, cut",
            BROKEN,
            |mut peer| async move {
                peer.request().await?;
                peer.send("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n\x7fPNG half of it").await
            },
        ),
        Attack::new(Over::Http1, Call::Unread, "a flood to an unread stream", LATE, |mut peer| async move {
            peer.request().await?;
            peer.send(head("Transfer-Encoding: chunked\r\n")).await?;
            let frame = crate::support::stream::event_frame(
                "contentBlockDelta",
                r#"{"contentBlockIndex":0,"delta":{"text":"x"}}"#,
            );
            peer.forever(chunk(&frame)).await
        })
        .alone(),
    ]
}
