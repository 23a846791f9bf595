//! Damaged bytes: flipped bits, false lengths, oversized headers.

use bytes::Bytes;

use crate::carrier::Carrier;
use crate::fault::{Expect, Fault};
use crate::golden::{ends, golden};
use crate::interface::Interface;
use crate::support::Reply;
use crate::support::capi::*;
use crate::support::stream::event_frame;

use std::time::Duration;

/// The limits of the library for a frame and for its header block.
const MAX_FRAME: u32 = 24 << 20;
const MAX_HEADERS: u32 = 128 << 10;
/// The idle timeout.
const WAIT: Duration = Duration::from_millis(300);

/// The stream whose bits are flipped: short, because each bit costs a stream.
fn short() -> Reply {
    Reply::stream()
        .event("messageStart", r#"{"role":"assistant"}"#)
        .event("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#)
        .event("messageStop", r#"{"stopReason":"end_turn"}"#)
        .event("metadata", "{}")
}

/// A flip of every bit: the events before the damaged frame are delivered, and no others.
pub fn flips(carrier: Carrier) -> Vec<Fault> {
    let mut faults = Vec::new();
    let (bytes, ends) = (short().body_bytes(), short().piece_ends());
    for bit in (0..bytes.len() * 8).step_by(carrier.step(1, 61)) {
        let at = bit / 8;
        let intact = ends.iter().filter(|end| **end <= at).count();
        let mut damaged = bytes.to_vec();
        damaged[at] ^= 1 << (bit % 8);
        let interfaces = if bit % 61 == 0 { &Interface::THREE[..] } else { &[Interface::Callback] };
        let fault = Fault::new("a bit flipped").case(format!("bit {bit} of {}", bytes.len() * 8)).by(interfaces);
        let expect = Expect::fails(BEDROCK_E_PROTOCOL).after(intact).says("damaged");
        faults.push(fault.streamed(Reply::stream().raw(damaged), expect));
    }
    faults
}

/// A frame in the middle of the golden stream has a false length, and then the stream ends or stalls.
pub fn false_lengths(carrier: Carrier) -> Vec<Fault> {
    const BEFORE: usize = 3;
    let mut lengths: Vec<u32> = (4..32).flat_map(|power| [1 << power, (1 << power) + 1]).collect();
    lengths.extend([0, 1, 11, 12, 15, 100, MAX_FRAME - 1, MAX_FRAME + 1, u32::MAX - 1, u32::MAX]);
    lengths.extend([0x7fff_ffff, 0x8000_0000]);
    lengths.sort_unstable();
    lengths.dedup();
    let body = golden().body_bytes();
    let (begin, end) = (ends()[BEFORE - 1], ends()[BEFORE]);
    let truth = (end - begin) as u32;
    let damaged = || Expect::fails(BEDROCK_E_PROTOCOL).after(BEFORE).says("damaged");
    let mut faults = Vec::new();
    for length in lengths.into_iter().filter(|length| *length != truth).step_by(carrier.step(1, 5)) {
        let headers = u32::from_be_bytes(body[begin + 4..begin + 8].try_into().expect("four bytes"));
        let changed = |with_checksum: bool| -> Bytes {
            let mut changed = body.to_vec();
            changed[begin..begin + 4].copy_from_slice(&length.to_be_bytes());
            if with_checksum {
                let checksum = crc32fast::hash(&changed[begin..begin + 8]);
                changed[begin + 8..begin + 12].copy_from_slice(&checksum.to_be_bytes());
            }
            changed.into()
        };
        // Twelve bytes with a wrong checksum are an error at once: the library does not wait for the rest of the frame.
        let stalled = Reply::stream().raw(changed(false)).stall_after(begin + 12);
        let case = format!("{length}, without its checksum, and a stall");
        faults.push(Fault::new("a false length").case(case).streamed(stalled, damaged()).by(&Interface::THREE));

        // The library waits for the rest of a frame only if the length is possible.
        let possible = length >= 16 + headers && length <= MAX_FRAME;
        let there = (body.len() - begin) as u32;
        let ended = match possible && length > there {
            true => Expect::fails(BEDROCK_E_TRUNCATED).after(BEFORE).says("before messageStop"),
            false => damaged(),
        };
        let case = format!("{length}, with its checksum, and the end");
        let interfaces = if length.is_power_of_two() { &Interface::THREE[..] } else { &[Interface::Next] };
        let reply = Reply::stream().raw(changed(true));
        faults.push(Fault::new("a false length").case(case).streamed(reply, ended).by(interfaces));
        let stalls = match possible {
            true => Expect::times_out("idle", WAIT).after(BEFORE),
            false => damaged(),
        };
        let stalled = Reply::stream().raw(changed(true)).stall_after(begin + 12);
        let case = format!("{length}, with its checksum, and a stall");
        faults.push(Fault::new("a false length").case(case).streamed(stalled, stalls).by(&Interface::THREE));
    }
    faults
}

/// Header blocks that are too long, or contain too many headers.
pub fn oversized_headers() -> Vec<Fault> {
    let damaged = || Expect::fails(BEDROCK_E_PROTOCOL).after(1).says("damaged");
    let in_stream = |frame: Vec<u8>| Reply::stream().message_start().raw(frame).message_stop("end_turn");
    let flags = |count: usize| -> Vec<u8> {
        (0..count)
            .flat_map(|at| [3, b'a' + (at % 26) as u8, b'a' + (at / 26 % 26) as u8, b'a' + (at / 676 % 26) as u8, 0])
            .collect()
    };
    let row = || Fault::new("oversized headers in a frame");
    let mut faults = Vec::new();
    for (case, headers) in [
        ("65 headers", flags(65)),
        ("10,000 headers", flags(10_000)),
        ("as many as fit into 128 KiB", flags(MAX_HEADERS as usize / 5)),
        ("more than 128 KiB", flags(MAX_HEADERS as usize / 5 + 10)),
        ("8 MiB of headers", flags((8 << 20) / 5)),
        ("one header many times", [2, b'a', b'b', 0].repeat(60)),
        ("headers without a name", vec![0; 40]),
        ("a header that is longer than its block", vec![1, b'a', 7, 0xff, 0xff, b'x']),
    ] {
        faults.push(row().case(case).streamed(in_stream(raw_frame(&headers, b"{}")), damaged()));
    }
    // A prelude is enough: the library does not wait for the headers.
    let stalled = Reply::stream().message_start().raw(prelude(MAX_FRAME, MAX_HEADERS + 1).to_vec());
    let bytes = stalled.body_len();
    faults.push(row().case("128 KiB and a byte, announced").streamed(stalled.stall_after(bytes), damaged()));

    // The maximum is accepted: an event with headers of 128 KiB.
    let own = event_frame("contentBlockDelta", "{}");
    let own_headers = &own[12..own.len() - 4 - 2];
    let mut left = MAX_HEADERS as usize - own_headers.len();
    let mut headers = own_headers.to_vec();
    for name in [b'x', b'y', b'z'] {
        let size = (left - 5).min(60_000);
        headers.extend_from_slice(&[1, name, 6]);
        headers.extend_from_slice(&(size as u16).to_be_bytes());
        headers.resize(headers.len() + size, 7);
        left -= size + 5;
    }
    assert_eq!(headers.len(), MAX_HEADERS as usize);
    let payload = br#"{"contentBlockIndex":0,"delta":{"text":"Hello"}}"#;
    let reply = in_stream(raw_frame(&headers, payload));
    faults.push(row().case("exactly 128 KiB").streamed(reply, Expect::completes(3)));
    faults
}

/// A frame with any headers, and with the right lengths and checksums.
pub fn raw_frame(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let total = 12 + headers.len() + payload.len() + 4;
    let mut frame = [&prelude(total as u32, headers.len() as u32)[..], headers, payload].concat();
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame
}

/// A prelude with its checksum.
pub fn prelude(total: u32, headers: u32) -> [u8; 12] {
    let mut prelude = [0; 12];
    prelude[..4].copy_from_slice(&total.to_be_bytes());
    prelude[4..8].copy_from_slice(&headers.to_be_bytes());
    let checksum = crc32fast::hash(&prelude[..8]);
    prelude[8..].copy_from_slice(&checksum.to_be_bytes());
    prelude
}
