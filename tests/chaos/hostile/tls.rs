//! Attacks in TLS: incomplete handshakes, alerts, invalid records.

use std::time::Duration;

use serde_json::json;

use super::attack::{Attack, Call, Over};
use super::peer::Peer;
use crate::support::Reply;
use crate::support::capi::*;
use crate::support::stream::EVENT_STREAM;

const BROKEN: &[bedrock_status] = &[BEDROCK_E_NETWORK, BEDROCK_E_PROTOCOL, BEDROCK_E_TRUNCATED];
const BROKEN_OR_LATE: &[bedrock_status] =
    &[BEDROCK_E_NETWORK, BEDROCK_E_PROTOCOL, BEDROCK_E_TRUNCATED, BEDROCK_E_TIMEOUT];
const LATE: &[bedrock_status] = &[BEDROCK_E_TIMEOUT];

/// Up to three connects are started instead of a slow one.
const RACED: usize = 4;

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION: u8 = 23;

const SOON: Duration = Duration::from_millis(20);

fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("a record").to_be_bytes();
    [&[kind, 3, 3][..], &length, payload].concat()
}

/// Responds to ClientHello with these bytes, and then sends nothing.
fn sends(name: &str, ends: &[bedrock_status], bytes: Vec<u8>) -> Attack {
    Attack::new(Over::RawTls, Call::Stream, name, ends, move |mut peer| {
        let bytes = bytes.clone();
        async move {
            hello(&mut peer).await?;
            peer.send(bytes).await?;
            peer.hang().await
        }
    })
    .connections(if ends.contains(&BEDROCK_E_TIMEOUT) { RACED } else { 1 })
}

/// Responds to ClientHello with these bytes without end.
fn floods(name: &str, bytes: Vec<u8>) -> Attack {
    Attack::new(Over::RawTls, Call::Stream, name, BROKEN_OR_LATE, move |mut peer| {
        let bytes = bytes.clone();
        async move {
            hello(&mut peer).await?;
            peer.forever(bytes).await
        }
    })
    .alone()
}

/// Reads the first record of a client.
async fn hello(peer: &mut Peer) -> std::io::Result<()> {
    let head = peer.read(5).await?;
    peer.read(u16::from_be_bytes([head[3], head[4]]).into()).await?;
    Ok(())
}

pub fn attacks() -> Vec<Attack> {
    // A ServerHello with a length beyond the bytes that follow.
    let half = record(HANDSHAKE, &[&[2, 0, 1, 0, 3, 3][..], &[7; 32]].concat());
    let body = Reply::stream().text_stream(&["Hel", "lo"], "end_turn").body_bytes().to_vec();
    let begin = format!("HTTP/1.1 200 OK\r\nContent-Type: {EVENT_STREAM}\r\n\r\n");
    let part = [begin.as_bytes(), &body[..body.len() - 30]].concat();
    vec![
        sends("no TLS", BROKEN, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec()),
        sends("rubbish", BROKEN, vec![0xee; 3000]),
        sends("alert: handshake_failure", BROKEN, record(ALERT, &[2, 40])),
        sends("alert: internal_error", BROKEN, record(ALERT, &[2, 80])),
        sends("alert: unrecognized_name, a warning", BROKEN_OR_LATE, record(ALERT, &[1, 112])),
        sends("alert: close_notify", BROKEN_OR_LATE, record(ALERT, &[1, 0])),
        sends("an alert of one byte", BROKEN, record(ALERT, &[2])),
        sends("a record of 64 KB", BROKEN, record(HANDSHAKE, &[2; 65_535])),
        sends("an incomplete record", LATE, record(HANDSHAKE, &[2; 100])[..50].to_vec()),
        sends("half a ServerHello", LATE, half),
        sends("a ServerHello of 16 MiB, announced", BROKEN_OR_LATE, record(HANDSHAKE, &[2, 0xff, 0xff, 0xff, 3, 3])),
        sends("a response before the handshake", BROKEN, record(APPLICATION, b"HTTP/1.1 200 OK\r\n\r\n")),
        sends("a record of no bytes", BROKEN_OR_LATE, record(HANDSHAKE, &[])),
        floods("records of no bytes without end", record(HANDSHAKE, &[])),
        floods("alerts without end", record(ALERT, &[1, 90])),
        floods("a ServerHello without end", record(HANDSHAKE, &[0; 16_000])),
        floods("ChangeCipherSpec without end", record(20, &[1])),
        Attack::new(Over::RawTls, Call::Stream, "silence", LATE, |mut peer| async move { peer.hang().await })
            .connections(RACED),
        Attack::new(Over::RawTls, Call::Stream, "a close after ClientHello", BROKEN, |mut peer| async move {
            hello(&mut peer).await
        }),
        Attack::new(Over::RawTls, Call::Stream, "a reset after ClientHello", BROKEN, |mut peer| async move {
            hello(&mut peer).await?;
            peer.reset()
        }),
        Attack::new(Over::RawTls, Call::Stream, "a ServerHello byte by byte", LATE, |mut peer| async move {
            hello(&mut peer).await?;
            peer.drip([HANDSHAKE, 3, 3, 0x40, 0, 2, 0, 0x3f, 0xfc, 3, 3], SOON).await
        })
        .connections(RACED),
        Attack::new(
            Over::Tls,
            Call::Stream,
            "no HTTP/2, where nothing else is allowed",
            BROKEN,
            |mut peer| async move { peer.hang().await },
        )
        .with(json!({"http_version": "2"})),
        Attack::new(Over::Tls, Call::Stream, "a body that is cut without close_notify", BROKEN, move |mut peer| {
            let part = part.clone();
            async move {
                peer.request().await?;
                peer.send(part).await
            }
        }),
        Attack::new(
            Over::Tls,
            Call::Invoke,
            "InvokeModel: a picture without close_notify",
            BROKEN,
            |mut peer| async move {
                peer.request().await?;
                peer.send("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n\x7fPNG half of it").await
            },
        ),
        Attack::new(Over::Tls, Call::Stream, "silence after the request", LATE, |mut peer| async move {
            peer.request().await?;
            peer.hang().await
        }),
    ]
}
