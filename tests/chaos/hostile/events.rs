//! Attacks in the event stream: false lengths, wrong checksums, events in a wrong order, endless responses.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::attack::{Attack, Call, Over};
use crate::support::Reply;
use crate::support::capi::*;
use crate::support::stream::{EVENT_STREAM, event_frame, exception_frame, frame};

const PROTOCOL: &[bedrock_status] = &[BEDROCK_E_PROTOCOL];
const PROTOCOL_OR_LATE: &[bedrock_status] = &[BEDROCK_E_PROTOCOL, BEDROCK_E_TIMEOUT];
const CUT: &[bedrock_status] = &[BEDROCK_E_TRUNCATED];
/// The library may accept an unusual response or reject it, but must not report a truncated one as complete.
const ANY: &[bedrock_status] = &[BEDROCK_OK, BEDROCK_E_PROTOCOL, BEDROCK_E_TRUNCATED];

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

fn head() -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {EVENT_STREAM}\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes()
}

/// A stream of these bytes, complete as HTTP.
fn streams(name: &str, ends: &[bedrock_status], bytes: impl Into<Vec<u8>>) -> Attack {
    let bytes: Vec<u8> = bytes.into();
    Attack::new(Over::Http1, Call::Stream, name, ends, move |mut peer| {
        let bytes = bytes.clone();
        async move {
            peer.request().await?;
            peer.send(head()).await?;
            for part in bytes.chunks(64 << 10) {
                peer.send(chunk(part)).await?;
            }
            peer.send("0\r\n\r\n").await
        }
    })
}

/// A stream that begins, and continues with the frames of `make` without end.
fn floods(
    name: &str,
    ends: &[bedrock_status],
    make: impl Fn(usize) -> Bytes + Send + Sync + Clone + 'static,
) -> Attack {
    Attack::new(Over::Http1, Call::Stream, name, ends, move |mut peer| {
        let make = make.clone();
        async move {
            peer.request().await?;
            peer.send([head(), chunk(&begun())].concat()).await?;
            let mut number = 0;
            loop {
                let many: Vec<u8> = (number..number + 50).flat_map(|at| make(at).to_vec()).collect();
                peer.send(chunk(&many)).await?;
                number += 50;
            }
        }
    })
    .alone()
}

fn begun() -> Vec<u8> {
    Reply::stream().message_start().body_bytes().to_vec()
}

fn complete() -> Vec<u8> {
    Reply::stream().text_stream(&["Hel", "lo"], "end_turn").body_bytes().to_vec()
}

/// A frame with these lengths in its prelude and with the right checksums, around any content.
fn frame_of(total: u32, headers: u32, rest: &[u8]) -> Vec<u8> {
    let lengths = [total.to_be_bytes(), headers.to_be_bytes()].concat();
    let prelude = [&lengths[..], &crc32fast::hash(&lengths).to_be_bytes()].concat();
    let frame = [&prelude[..], rest].concat();
    [&frame[..], &crc32fast::hash(&frame).to_be_bytes()].concat()
}

/// A frame with these bytes as headers, and with the right lengths and checksums.
fn headers(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a length");
    frame_of(length + 16, length, bytes)
}

/// Flips a bit of the byte at `at`.
fn flipped(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
    bytes[at] ^= 4;
    bytes
}

fn delta(json: &str) -> Vec<u8> {
    event_frame("contentBlockDelta", json).to_vec()
}

pub fn attacks() -> Vec<Attack> {
    [framing(), order(), endless()].into_iter().flatten().collect()
}

fn framing() -> Vec<Attack> {
    let after = |bytes: Vec<u8>| [begun(), bytes].concat();
    let text = delta(r#"{"contentBlockIndex":0,"delta":{"text":"x"}}"#);
    let end = text.len() - 1;
    vec![
        streams("a frame of 0 bytes", PROTOCOL, after(frame_of(0, 0, &[]))),
        streams("a frame of 15 bytes", PROTOCOL, after(frame_of(15, 0, &[]))),
        streams("a frame of 4 GiB", PROTOCOL, after(frame_of(u32::MAX, 0, &[7; 1000]))),
        streams("a frame of 2 GiB", PROTOCOL, after(frame_of(1 << 31, 60, &[7; 1000]))),
        streams("a frame of 20 MiB, announced and cut", CUT, after(frame_of(20 << 20, 60, &[7; 1000]))),
        streams("headers longer than the frame", PROTOCOL, after(frame_of(40, 100, &[7; 24]))),
        streams("headers of 4 GiB", PROTOCOL, after(frame_of(100, u32::MAX, &[7; 84]))),
        streams("a wrong checksum of the prelude", PROTOCOL, after(flipped(text.clone(), 9))),
        streams("a wrong checksum of the frame", PROTOCOL, after(flipped(text.clone(), end))),
        streams("a flipped bit in the payload", PROTOCOL, after(flipped(text.clone(), end - 10))),
        streams("a flipped bit in a header", PROTOCOL, after(flipped(text, 20))),
        streams("a header of an unknown type", PROTOCOL, after(headers(&[1, b'a', 99, 1]))),
        streams("a header without a name", ANY, after(headers(&[0, 7, 0, 1, b'x']))),
        streams("a header's text beyond the headers", PROTOCOL, after(headers(&[1, b'a', 7, 0xff, 0xff, b'x']))),
        streams("a header's name beyond the headers", PROTOCOL, after(headers(&[200, b'a']))),
        streams("100,000 headers", PROTOCOL, after(headers(&[1, b'a', 0].repeat(100_000)))),
        streams("8 MiB of headers", PROTOCOL, after(headers(&[1, b'a', 0].repeat((8 << 20) / 3)))),
        streams("no headers", ANY, after(headers(&[]))),
        streams("a header's text that is not UTF-8", ANY, after(headers(&[1, b'a', 7, 0, 2, 0xff, 0xfe]))),
        streams("a message of an unknown type", ANY, after(frame(&[(":message-type", "surprise")], b"{}").to_vec())),
        streams("JSON instead of frames", PROTOCOL, b"{\"message\": \"this is no event stream at all\"}".to_vec()),
        streams("nothing", CUT, Vec::new()),
        streams("an end inside a frame", CUT, complete()[..200].to_vec()),
        streams("an end before messageStop", CUT, begun()),
    ]
}

fn order() -> Vec<Attack> {
    let after = |bytes: Vec<u8>| [begun(), bytes, complete()[begun().len()..].to_vec()].concat();
    let event = |name: &str, json: &str| event_frame(name, json).to_vec();
    let rejected = &[BEDROCK_E_PROTOCOL, BEDROCK_E_TRUNCATED][..];
    let service = &[BEDROCK_E_SERVICE][..];
    let deep = format!(r#"{{"contentBlockIndex":0,"delta":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    vec![
        streams("a payload that is no JSON", PROTOCOL, after(delta("hello"))),
        streams("a payload that is cut", PROTOCOL, after(delta(r#"{"contentBlockIndex":0,"#))),
        streams("a payload that is not UTF-8", PROTOCOL, {
            let named = [(":event-type", "contentBlockDelta"), (":message-type", "event")];
            after(frame(&named, b"{\"delta\": {\"text\": \"\xff\"}}").to_vec())
        }),
        streams("a payload of 100,000 levels", PROTOCOL, after(delta(&deep))),
        streams("an index below 0", ANY, after(delta(r#"{"contentBlockIndex":-1,"delta":{"text":"x"}}"#))),
        streams("an index of 2^40", ANY, after(delta(r#"{"contentBlockIndex":1099511627776,"delta":{"text":"x"}}"#))),
        streams("an index that is text", ANY, after(delta(r#"{"contentBlockIndex":"0","delta":{"text":"x"}}"#))),
        streams(
            "a tool's input without its call",
            ANY,
            after(delta(r#"{"contentBlockIndex":5,"delta":{"toolUse":{"input":"{}"}}}"#)),
        ),
        streams(
            "half of a surrogate pair at the end",
            ANY,
            after(delta(r#"{"contentBlockIndex":0,"delta":{"text":"\ud83d"}}"#)),
        ),
        streams(
            "a stop of a block that was not started",
            ANY,
            after(event("contentBlockStop", r#"{"contentBlockIndex":77}"#)),
        ),
        streams("a second start", ANY, after(event("messageStart", r#"{"role":"assistant"}"#))),
        streams("two messages in one stream", rejected, [complete(), complete()].concat()),
        streams("two stops", rejected, [complete(), event("messageStop", r#"{"stopReason":"max_tokens"}"#)].concat()),
        streams(
            "text after the end",
            rejected,
            [complete(), delta(r#"{"contentBlockIndex":0,"delta":{"text":"!"}}"#)].concat(),
        ),
        streams("an unknown exception", service, after(exception_frame("surpriseException", "{}").to_vec())),
        streams("an exception without JSON", service, after(exception_frame("internalServerException", "oh").to_vec())),
        streams("an exception of 20 MiB", service, {
            let message = json!({"message": "no ".repeat(7 << 20)}).to_string();
            after(exception_frame("internalServerException", &message).to_vec())
        })
        .with(json!({"max_answer": 256 << 20})),
        streams("an exception's name of 30 KB", service, after(exception_frame(&"x".repeat(30_000), "{}").to_vec())),
        streams(
            "a text of 6 MiB",
            ANY,
            after(delta(&json!({"contentBlockIndex":0,"delta":{"text":"x".repeat(6 << 20)}}).to_string())),
        ),
        streams(
            "a response beyond max_answer",
            PROTOCOL,
            after(delta(&json!({"contentBlockIndex":0,"delta":{"text":"x".repeat(512 << 10)}}).to_string()).repeat(3)),
        )
        .with(json!({"max_answer": 1 << 20})),
    ]
}

fn endless() -> Vec<Attack> {
    vec![
        floods("text without end", PROTOCOL_OR_LATE, |_| {
            Bytes::from(delta(r#"{"contentBlockIndex":0,"delta":{"text":"on "}}"#))
        }),
        floods("unknown events without end", PROTOCOL_OR_LATE, |_| event_frame("keepAlive", "{}")),
        floods("blocks without end", PROTOCOL_OR_LATE, |at| {
            event_frame("contentBlockDelta", &json!({"contentBlockIndex": at, "delta": {"text": "x"}}).to_string())
        }),
        floods("halves of surrogate pairs without end", PROTOCOL_OR_LATE, |at| {
            let json = format!(r#"{{"contentBlockIndex":{at},"delta":{{"text":"\ud83d"}}}}"#);
            event_frame("contentBlockDelta", &json)
        }),
        buffers("20,000 tool calls without a stop", (0..20_000).map(|at| tool_call(at, 2000))),
        buffers("48 tool calls of 1 MiB without a stop", {
            (0..48).flat_map(|at| [tool_call(at, 1), tool_input(at, 1 << 20)])
        }),
        buffers("a tool call of 48 MiB without a stop", {
            std::iter::once(tool_call(0, 1)).chain(std::iter::repeat_n(tool_input(0, 1 << 20), 48))
        }),
    ]
}

/// A response of about 48 MiB that a client without a limit would have to buffer until its tool calls stop.
fn buffers(name: &str, frames: impl Iterator<Item = Bytes>) -> Attack {
    let begun = std::iter::once(Bytes::from(begun()));
    let bytes: Vec<u8> = begun.chain(frames).flat_map(Vec::from).collect();
    let ends = &[BEDROCK_E_PROTOCOL, BEDROCK_E_TRUNCATED];
    let all = json!({"max_answer": 256 << 20});
    streams(name, ends, bytes).with(all).total(Duration::from_secs(20)).alone()
}

fn tool_call(at: usize, id: usize) -> Bytes {
    let tool = json!({"toolUseId": "t".repeat(id), "name": "get_weather"});
    event_frame("contentBlockStart", &json!({"contentBlockIndex": at, "start": {"toolUse": tool}}).to_string())
}

fn tool_input(at: usize, bytes: usize) -> Bytes {
    let input = json!({"toolUse": {"input": "x".repeat(bytes)}});
    event_frame("contentBlockDelta", &json!({"contentBlockIndex": at, "delta": input}).to_string())
}
