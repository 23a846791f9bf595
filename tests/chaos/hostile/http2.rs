//! Attacks in HTTP/2: floods, windows, header compression, unexpected ends of streams.

use std::time::Duration;

use super::attack::{Attack, Call, Over};
use super::frames::*;
use crate::support::Reply;
use crate::support::capi::*;
use crate::support::stream::event_frame;

const BROKEN: &[bedrock_status] = &[BEDROCK_E_NETWORK, BEDROCK_E_PROTOCOL, BEDROCK_E_TRUNCATED];
const BROKEN_OR_LATE: &[bedrock_status] =
    &[BEDROCK_E_NETWORK, BEDROCK_E_PROTOCOL, BEDROCK_E_TRUNCATED, BEDROCK_E_TIMEOUT];
const LATE: &[bedrock_status] = &[BEDROCK_E_TIMEOUT];
const EITHER: &[bedrock_status] =
    &[BEDROCK_OK, BEDROCK_E_NETWORK, BEDROCK_E_PROTOCOL, BEDROCK_E_TRUNCATED, BEDROCK_E_TIMEOUT];

/// A flood has to be detected before a timer ends the call.
const FLOODED: &[bedrock_status] = &[BEDROCK_E_PROTOCOL];

/// How long the stream is not read.
const TOTAL_UNREAD: Duration = Duration::from_millis(300);

/// A request of which no byte was sent is tried on another connection, up to three times.
const UNSENT: usize = 4;

/// The error codes of HTTP/2.
const NO_ERROR: u32 = 0;
const PROTOCOL_ERROR: u32 = 1;
const INTERNAL_ERROR: u32 = 2;
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;
const ENHANCE_YOUR_CALM: u32 = 11;
const HTTP_1_1_REQUIRED: u32 = 13;

const LAST: u32 = (1 << 31) - 1;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_FRAME_SIZE: u16 = 5;

fn body() -> Vec<u8> {
    Reply::stream().text_stream(&["Hel", "lo"], "end_turn").body_bytes().to_vec()
}

/// Responds to a request with these frames, and then sends nothing.
fn sends(name: &str, ends: &[bedrock_status], make: impl Fn(u32) -> Vec<u8> + Send + Sync + Clone + 'static) -> Attack {
    Attack::new(Over::Http2, Call::Stream, name, ends, move |mut peer| {
        let make = make.clone();
        async move {
            let stream = peer.http2(&[]).await?;
            peer.send(make(stream)).await?;
            peer.hang().await
        }
    })
}

/// Responds to a request with these frames, and then repeats others without end.
fn floods(
    name: &str,
    ends: &[bedrock_status],
    begin: impl Fn(u32) -> Vec<u8> + Send + Sync + Clone + 'static,
    make: impl Fn(u32) -> Vec<u8> + Send + Sync + Clone + 'static,
) -> Attack {
    Attack::new(Over::Http2, Call::Stream, name, ends, move |mut peer| {
        let (begin, make) = (begin.clone(), make.clone());
        async move {
            let stream = peer.http2(&[]).await?;
            peer.send(begin(stream)).await?;
            peer.forever(make(stream)).await
        }
    })
    .alone()
}

/// Sends these settings, and then nothing.
fn sets(name: &str, ends: &[bedrock_status], values: &'static [(u16, u32)]) -> Attack {
    Attack::new(Over::Http2, Call::Stream, name, ends, move |mut peer| async move {
        peer.http2(values).await?;
        peer.hang().await
    })
}

fn over_tls(mut attack: Attack) -> Attack {
    attack.over = Over::Http2Tls;
    attack
}

fn nothing(_: u32) -> Vec<u8> {
    Vec::new()
}

pub fn attacks() -> Vec<Attack> {
    [handshakes(), floods_of_frames(), headers(), streams(), windows(), goaways()].into_iter().flatten().collect()
}

fn handshakes() -> Vec<Attack> {
    vec![
        Attack::new(Over::Http2, Call::Stream, "no HTTP/2", BROKEN, |mut peer| async move {
            peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await
        })
        .connections(UNSENT),
        Attack::new(
            Over::Http2,
            Call::Stream,
            "no SETTINGS",
            BROKEN_OR_LATE,
            |mut peer| async move { peer.hang().await },
        ),
        Attack::new(Over::Http2, Call::Stream, "a response without SETTINGS", EITHER, |mut peer| async move {
            peer.read(24).await?;
            peer.send(head(1)).await?;
            peer.hang().await
        }),
        Attack::new(Over::Http2, Call::Stream, "a close after SETTINGS", BROKEN, |mut peer| async move {
            peer.read(24).await?;
            peer.send(settings(&[])).await
        })
        .connections(UNSENT),
        sets("frames of no size allowed", BROKEN_OR_LATE, &[(MAX_FRAME_SIZE, 0)]),
        sets("a window of 2^31", BROKEN_OR_LATE, &[(INITIAL_WINDOW_SIZE, 1 << 31)]),
        sets("a table of headers of 4 GiB", LATE, &[(1, u32::MAX)]),
        sets("push from the server", BROKEN_OR_LATE, &[(2, 1)]),
        sets("unknown settings", LATE, &[(0xfff, 7), (0xffff, u32::MAX)]),
        Attack::new(Over::Http2, Call::Stream, "SETTINGS of 5 bytes", BROKEN, |mut peer| async move {
            peer.http2(&[]).await?;
            peer.send(frame(SETTINGS, 0, 0, &[0; 5])).await?;
            peer.hang().await
        }),
        Attack::new(Over::Http2, Call::Many(60), "no streams allowed", BROKEN_OR_LATE, |mut peer| async move {
            peer.http2(&[(MAX_CONCURRENT_STREAMS, 0)]).await?;
            peer.hang().await
        })
        .connections(8)
        .alone(),
        Attack::new(Over::Http2, Call::InTurn(10), "no streams allowed", BROKEN_OR_LATE, |mut peer| async move {
            peer.http2(&[(MAX_CONCURRENT_STREAMS, 0)]).await?;
            peer.hang().await
        })
        .connections(4)
        .total(Duration::from_millis(150)),
        Attack::new(Over::Http2, Call::Many(60), "one stream allowed, and no response", LATE, |mut peer| async move {
            peer.http2(&[(MAX_CONCURRENT_STREAMS, 1)]).await?;
            peer.hang().await
        })
        .connections(120)
        .alone(),
        Attack::new(Over::Http2, Call::Many(60), "silence, to 60 at once", BROKEN_OR_LATE, |mut peer| async move {
            peer.hang().await
        })
        .connections(8)
        .alone(),
    ]
}

fn floods_of_frames() -> Vec<Attack> {
    let begun = |stream| head(stream);
    vec![
        floods("SETTINGS without end", FLOODED, begun, |_| settings(&[(INITIAL_WINDOW_SIZE, 65_535)])),
        floods("PING without end", FLOODED, begun, |_| frame(PING, 0, 0, &[7; 8])),
        floods("acknowledgements without end", FLOODED, begun, |_| frame(SETTINGS, ACK, 0, &[])),
        floods("PRIORITY without end", FLOODED, begun, |stream| frame(PRIORITY, 0, stream + 2, &[0, 0, 0, 0, 1])),
        floods("unknown frames without end", FLOODED, begun, |_| frame(0x77, 0, 0, &[1; 100])),
        floods("WINDOW_UPDATE without end", FLOODED, begun, |_| window(0, 1)),
        floods("empty DATA without end", FLOODED, begun, |stream| frame(DATA, 0, stream, &[])),
        floods("padding without end", FLOODED, begun, |stream| {
            frame(DATA, PADDED, stream, &[&[255][..], &[0; 255]].concat())
        }),
        floods("resets of other streams without end", FLOODED, begun, |stream| reset(stream + 2, CANCEL)),
        floods("GOAWAY without end", FLOODED, begun, |_| goaway(LAST, NO_ERROR, &[])),
        floods("GOAWAY with 16 KB without end", FLOODED, begun, |_| goaway(LAST, NO_ERROR, &[7; 16_000])),
        floods(
            "CONTINUATION without end",
            FLOODED,
            |stream| frame(HEADERS, 0, stream, &[STATUS_200]),
            |stream| frame(CONTINUATION, 0, stream, &literal("a", "b")),
        ),
        floods(
            "empty CONTINUATION without end",
            FLOODED,
            |stream| frame(HEADERS, 0, stream, &[STATUS_200]),
            |stream| frame(CONTINUATION, 0, stream, &[]),
        ),
        floods("heads of 103 without end", FLOODED, nothing, |stream| {
            frame(HEADERS, END_HEADERS, stream, &literal(":status", "103"))
        }),
        floods("large heads of 103 without end", FLOODED, nothing, |stream| {
            // Each byte refers to a header of 60 bytes that the first head has added to the table.
            let table =
                [&literal(":status", "103")[..], &[0x40], &literal("x", &"x".repeat(60))[1..], &[0xbe; 100]].concat();
            frame(HEADERS, END_HEADERS, stream, &table)
        }),
        floods("DATA of one byte, read", FLOODED, begun, |stream| frame(DATA, 0, stream, &[0])),
        unread("DATA of one byte, not read", LATE, |stream, byte| frame(DATA, 0, stream, &[byte])),
        // Clients cannot merge padded frames, or frames of alternating streams.
        unread("DATA of one byte, padded, not read", LATE, |stream, byte| frame(DATA, PADDED, stream, &[0, byte])),
        unread("DATA of one byte between other frames, not read", FLOODED, |stream, byte| {
            [frame(DATA, 0, stream, &[byte]), frame(0x77, 0, 0, &[])].concat()
        }),
    ]
}

/// Sends each byte of a response in a separate frame, to an unread stream: as much as its window admits, because more
/// would violate the protocol.
fn unread(name: &str, ends: &[bedrock_status], frames: fn(u32, u8) -> Vec<u8>) -> Attack {
    Attack::new(Over::Http2, Call::Unread, name, ends, move |mut peer| async move {
        let stream = peer.http2(&[]).await?;
        let start = event_frame("messageStart", r#"{"role": "assistant"}"#);
        peer.send([head(stream), frame(DATA, 0, stream, &start)].concat()).await?;
        let delta = event_frame("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"x"}}"#);
        let bytes: Vec<u8> = delta.iter().flat_map(|byte| frames(stream, *byte)).collect();
        for _ in 0..(120 << 10) / delta.len() {
            peer.send(&bytes).await?;
        }
        peer.hang().await
    })
    .total(TOTAL_UNREAD)
    .alone()
}

fn headers() -> Vec<Attack> {
    let with = |block: Vec<u8>| move |stream| frame(HEADERS, END_HEADERS, stream, &block);
    let status = |rest: Vec<u8>| [&[STATUS_200][..], &rest].concat();
    // One header of 4,000 bytes is added to the table, and each further byte refers to it.
    let compressed = [&[STATUS_200, 0x40][..], &literal("x", &"x".repeat(4000))[1..], &[0xbe; 12_000]].concat();
    let large = |stream: u32| {
        let block = [&[STATUS_200][..], &literal("x", &"x".repeat(1 << 20))].concat();
        let mut parts = block.chunks(16_000).peekable();
        let mut frames = frame(HEADERS, 0, stream, parts.next().unwrap_or_default());
        while let Some(part) = parts.next() {
            let flags = if parts.peek().is_none() { END_HEADERS } else { 0 };
            frames.extend(frame(CONTINUATION, flags, stream, part));
        }
        frames
    };
    vec![
        sends("a header of 48 MB in 16 KB", BROKEN_OR_LATE, with(compressed)),
        sends("a header of 1 MiB", BROKEN_OR_LATE, large),
        sends("a header with an unknown index", BROKEN, with(vec![STATUS_200, 0xff, 0xff, 0xff, 0x7f])),
        sends("a number in HPACK without end", BROKEN, with([&[0xff; 60][..], &[0]].concat())),
        sends("a table beyond the allowed size", BROKEN, with(vec![0x3f, 0xff, 0xff, 0x7f, STATUS_200])),
        sends("Huffman's code, broken", BROKEN, with(status(vec![0, 0x81, 0xff, 0x81, 0xff]))),
        sends("no status", BROKEN, with(literal("content-type", "text/plain"))),
        sends("a status that is not a number", BROKEN, with(literal(":status", "abc"))),
        sends("two statuses", BROKEN, with(vec![STATUS_200, STATUS_200])),
        sends("a status behind a header", BROKEN, with([&literal("a", "b")[..], &[STATUS_200]].concat())),
        sends("a header with capitals", BROKEN, with(status(literal("Content-Type", "text/plain")))),
        sends("Connection in HTTP/2", BROKEN_OR_LATE, with(status(literal("connection", "close")))),
        sends("a header with a line break", BROKEN, with(status(literal("a", "b\r\nc: d")))),
        sends("two heads", BROKEN_OR_LATE, |stream| [head(stream), head(stream)].concat()),
    ]
}

fn streams() -> Vec<Attack> {
    let response = |stream: u32, data: &[(u8, u32, Vec<u8>)]| {
        let data = data.iter().flat_map(|(flags, stream, payload)| frame(DATA, *flags, *stream, payload));
        head(stream).into_iter().chain(data).collect::<Vec<u8>>()
    };
    let resets =
        |name: &str, ends: &'static [bedrock_status], code: u32| sends(name, ends, move |stream| reset(stream, code));
    let rejected = &[BEDROCK_E_NETWORK, BEDROCK_E_PROTOCOL, BEDROCK_E_SERVICE][..];
    vec![
        Attack::new(Over::Http2, Call::Stream, "REFUSED_STREAM for each stream", rejected, |mut peer| async move {
            let mut stream = peer.http2(&[]).await?;
            loop {
                peer.send(reset(stream, REFUSED_STREAM)).await?;
                stream = peer.next_request().await?;
            }
        })
        .requests(2),
        resets("a refused stream, and silence to the next", LATE, REFUSED_STREAM).requests(2),
        resets("a cancelled stream", rejected, CANCEL),
        resets("a stream reset with INTERNAL_ERROR", rejected, INTERNAL_ERROR),
        resets("a stream reset with ENHANCE_YOUR_CALM", rejected, ENHANCE_YOUR_CALM),
        resets("a stream reset with HTTP_1_1_REQUIRED", rejected, HTTP_1_1_REQUIRED),
        resets("a reset with an unknown code", rejected, 0xdead_beef),
        resets("a reset without an error", rejected, NO_ERROR),
        sends("a reset inside the body", BROKEN, move |stream| {
            [response(stream, &[(0, stream, body()[..100].to_vec())]), reset(stream, INTERNAL_ERROR)].concat()
        }),
        sends("a head with END_STREAM", BROKEN, |stream| {
            let block = [&[STATUS_200][..], &literal("content-type", crate::support::stream::EVENT_STREAM)].concat();
            frame(HEADERS, END_HEADERS | END_STREAM, stream, &block)
        }),
        sends("an end inside a frame", BROKEN, move |stream| {
            response(stream, &[(END_STREAM, stream, body()[..100].to_vec())])
        }),
        sends("DATA before the head", BROKEN, |stream| frame(DATA, 0, stream, b"hello")),
        sends("DATA of no stream", BROKEN, move |stream| response(stream, &[(0, 0, vec![1])])),
        sends("DATA of a stream that is not open", BROKEN_OR_LATE, move |stream| {
            response(stream, &[(0, stream + 2, vec![1])])
        }),
        sends("DATA of a stream of the server's", BROKEN_OR_LATE, move |stream| response(stream, &[(0, 2, vec![1])])),
        sends("DATA after the end", EITHER, move |stream| {
            response(stream, &[(END_STREAM, stream, body()), (0, stream, body())])
        }),
        sends("padding longer than the frame", BROKEN, |stream| {
            [head(stream), frame(DATA, PADDED, stream, &[200, 1, 2])].concat()
        }),
        sends("PUSH_PROMISE", BROKEN_OR_LATE, |stream| {
            [head(stream), frame(PUSH_PROMISE, END_HEADERS, stream, &[0, 0, 0, 2, 0x82])].concat()
        }),
        sends("a frame of 16 MiB, announced", BROKEN, |stream| {
            [&head(stream)[..], &[0xff, 0xff, 0xff, DATA, 0], &stream.to_be_bytes()].concat()
        }),
        sends("a length that is too large", BROKEN, move |stream| {
            let block = [&[STATUS_200][..], &literal("content-length", "999999")].concat();
            [frame(HEADERS, END_HEADERS, stream, &block), frame(DATA, END_STREAM, stream, &body())].concat()
        }),
        sends("a length that is too small", BROKEN, move |stream| {
            let block = [&[STATUS_200][..], &literal("content-length", "5")].concat();
            [frame(HEADERS, END_HEADERS, stream, &block), frame(DATA, END_STREAM, stream, &body())].concat()
        }),
        sends("trailers without END_STREAM", BROKEN_OR_LATE, move |stream| {
            let trailers = frame(HEADERS, END_HEADERS, stream, &literal("a", "b"));
            [response(stream, &[(0, stream, body()[..100].to_vec())]), trailers].concat()
        }),
        sends("trailers with a status", EITHER, move |stream| {
            let trailers = frame(HEADERS, END_HEADERS | END_STREAM, stream, &[STATUS_200]);
            [response(stream, &[(0, stream, body())]), trailers].concat()
        }),
        over_tls(sends("silence inside the body", LATE, move |stream| {
            response(stream, &[(0, stream, body()[..100].to_vec())])
        })),
        over_tls(Attack::new(
            Over::Http2,
            Call::Stream,
            "a close inside the body",
            BROKEN,
            move |mut peer| async move {
                let stream = peer.http2(&[]).await?;
                peer.send(response(stream, &[(0, stream, body()[..100].to_vec())])).await
            },
        )),
    ]
}

fn windows() -> Vec<Attack> {
    vec![
        Attack::new(Over::Http2, Call::Stream, "no window for the request", LATE, |mut peer| async move {
            peer.head_of_request(&[(INITIAL_WINDOW_SIZE, 0)]).await?;
            peer.hang().await
        }),
        Attack::new(Over::Http2, Call::Stream, "a window that grows by single bytes", LATE, |mut peer| async move {
            let stream = peer.head_of_request(&[(INITIAL_WINDOW_SIZE, 0)]).await?;
            peer.drip(window(stream, 1), Duration::from_millis(20)).await
        }),
        sends("a window update of 0", BROKEN, |stream| window(stream, 0)),
        sends("a window that grows beyond 2^31", BROKEN_OR_LATE, |stream| window(stream, LAST)),
        sends("the connection's window beyond 2^31", BROKEN, |_| window(0, LAST)),
        Attack::new(
            Over::Http2,
            Call::Unread,
            "more DATA than the window admits",
            BROKEN_OR_LATE,
            |mut peer| async move {
                let stream = peer.http2(&[]).await?;
                let start = event_frame("messageStart", r#"{"role": "assistant"}"#);
                peer.send([head(stream), frame(DATA, 0, stream, &start)].concat()).await?;
                let delta = event_frame("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"x"}}"#);
                peer.forever(frame(DATA, 0, stream, &delta)).await
            },
        )
        .alone(),
    ]
}

fn goaways() -> Vec<Attack> {
    let unary = |stream: u32| {
        let block = [&[STATUS_200][..], &literal("content-type", "application/json")].concat();
        let body = Reply::text_response("right").body_bytes();
        [frame(HEADERS, END_HEADERS, stream, &block), frame(DATA, END_STREAM, stream, &body)].concat()
    };
    let taken = &[BEDROCK_OK, BEDROCK_E_NETWORK][..];
    let whole = |stream: u32| [head(stream), frame(DATA, END_STREAM, stream, &body())].concat();
    vec![
        sends("GOAWAY that leaves the request out", BROKEN_OR_LATE, |_| goaway(0, NO_ERROR, &[]))
            .requests(2)
            .connections(2),
        sends("GOAWAY with ENHANCE_YOUR_CALM", BROKEN_OR_LATE, |_| goaway(0, ENHANCE_YOUR_CALM, b"too_many_pings"))
            .requests(2)
            .connections(2),
        sends("GOAWAY with an error, the request taken", BROKEN_OR_LATE, |stream| goaway(stream, PROTOCOL_ERROR, &[])),
        sends("GOAWAY, and silence", LATE, |_| goaway(LAST, NO_ERROR, &[])),
        sends("GOAWAY, and the response", &[BEDROCK_OK], move |stream| {
            [goaway(LAST, NO_ERROR, &[]), whole(stream)].concat()
        }),
        sends("GOAWAY twice, the second with a smaller stream", &[BEDROCK_OK], move |stream| {
            [goaway(LAST, NO_ERROR, &[]), goaway(stream, NO_ERROR, &[]), whole(stream)].concat()
        }),
        sends("GOAWAY twice, the second with a larger stream", EITHER, move |stream| {
            [goaway(stream, NO_ERROR, &[]), goaway(LAST, NO_ERROR, &[]), whole(stream)].concat()
        }),
        sends("GOAWAY of 4 bytes", BROKEN, |_| frame(GOAWAY, 0, 0, &[0; 4])),
        Attack::new(Over::Http2, Call::Stream, "GOAWAY before the request", BROKEN_OR_LATE, |mut peer| async move {
            peer.read(24).await?;
            peer.send([settings(&[]), goaway(0, NO_ERROR, &[])].concat()).await?;
            peer.hang().await
        })
        .connections(4),
        Attack::new(
            Over::Http2,
            Call::InTurn(2),
            "a reused connection that receives a request and is closed",
            taken,
            {
                move |mut peer| async move {
                    let stream = peer.http2(&[]).await?;
                    if peer.number == 0 {
                        peer.send(unary(stream)).await?;
                        peer.next_request().await?;
                    }
                    Ok(())
                }
            },
        ),
        Attack::new(
            Over::Http2,
            Call::InTurn(2),
            "GOAWAY between two calls",
            &[BEDROCK_OK],
            move |mut peer| async move {
                let stream = peer.http2(&[]).await?;
                peer.send([unary(stream), goaway(stream, NO_ERROR, &[])].concat()).await?;
                peer.hang().await
            },
        ),
    ]
}
