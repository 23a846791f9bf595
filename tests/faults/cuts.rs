//! Streams that end too early: cut at every byte, in every way that HTTP has.

use crate::carrier::Carrier;
use crate::door::Door;
use crate::fault::{Expect, Fault};
use crate::golden::{EVENTS, STOPPED, ends, golden, whole_frames};
use crate::support::capi::*;
use crate::support::{Cut, Gate, Reply};

/// How a body is framed, how it is cut, what that is called, and whether that is done at every byte.
type Way = (&'static str, fn(Reply) -> Reply, Cut, bool);

const WAYS: [Way; 9] = [
    ("cut by a clean end, chunked", Reply::chunked, Cut::CleanEnd, true),
    ("cut by a clean end, with a trailer", |reply| reply.trailer("x-amzn-checked", "yes"), Cut::CleanEnd, true),
    ("cut by a clean end, of that length", Reply::content_length, Cut::CleanEnd, false),
    ("cut by close, no last chunk", Reply::chunked, Cut::Close, true),
    ("cut by close, short of its length", Reply::content_length, Cut::Close, false),
    ("cut by close, no framing", Reply::until_close, Cut::CleanEnd, false),
    ("cut by reset, chunked", Reply::chunked, Cut::Reset, true),
    ("cut by reset, short of its length", Reply::content_length, Cut::Reset, false),
    ("cut by reset, no framing", Reply::until_close, Cut::Reset, false),
];

/// Every byte through one door (`truncation` has every byte through another), and a sample through the others.
pub fn faults(carrier: Carrier) -> Vec<Fault> {
    let mut faults = Vec::new();
    let length = golden().body_len();
    for (row, framing, cut, every_byte) in WAYS {
        if !carrier.has_framings() && row.contains("framing") {
            continue;
        }
        for bytes in 0..=length {
            if is_whole_and_framed(row, bytes, cut) {
                continue;
            }
            let near_a_frame_end = ends().iter().any(|end| end.abs_diff(bytes) <= 1);
            let doors = match bytes {
                _ if near_a_frame_end && bytes % 3 == 0 => &Door::STREAMS[..],
                _ if near_a_frame_end || bytes % 37 == 0 => &Door::THREE[..],
                _ if carrier == Carrier::Http1 && every_byte => &[Door::Next],
                _ => continue,
            };
            let fault = Fault::new(row).case(format!("after {bytes} of {length} bytes"));
            faults.push(
                fault.through(doors).streamed_by(move |shown| cut_at(bytes, framing, cut, shown), expect(bytes, cut)),
            );
        }
    }
    faults
}

/// Nothing was cut: it is a connection that dies after a whole answer, which the next call meets.
fn is_whole_and_framed(row: &str, bytes: usize, cut: Cut) -> bool {
    cut != Cut::CleanEnd && row.contains("length") && bytes == golden().body_len()
}

/// Before messageStop every cut is a truncation. From there on nothing is missing where no part of a frame is left over, and the
/// body ended as its framing says or metadata, which comes last, was there.
fn expect(bytes: usize, cut: Cut) -> Expect {
    let shown = whole_frames(bytes);
    let between_frames = bytes == 0 || ends().contains(&bytes);
    if shown >= STOPPED && between_frames && (cut == Cut::CleanEnd || shown == EVENTS) {
        return Expect::whole(shown);
    }
    let when = if shown < STOPPED { "before messageStop" } else { "after messageStop" };
    Expect::fails(BEDROCK_E_TRUNCATED).after(shown).says("the answer's stream ended").says(when)
}

/// A reset drops what the client has not read: it waits until every whole frame was shown.
fn cut_at(bytes: usize, framing: fn(Reply) -> Reply, cut: Cut, shown: &Gate) -> Reply {
    if cut != Cut::Reset {
        return framing(golden()).cut_at(bytes, cut);
    }
    let (body, whole) = (golden().body_bytes(), whole_frames(bytes));
    let begun = if whole == 0 { 0 } else { ends()[whole - 1] };
    let reply = Reply::stream().raw(body.slice(..begun)).wait_for(shown).raw(body.slice(begun..)).wait_for(shown);
    framing(reply).cut_at(bytes, cut)
}

/// A unary answer, cut at every byte.
pub fn unary_faults(carrier: Carrier) -> Vec<Fault> {
    let answer = || Reply::text_answer("Hello, \u{1f30d}");
    let mut faults = Vec::new();
    for (row, framing, cut, _) in WAYS {
        let no_framing = row.contains("no framing");
        if no_framing && !carrier.has_framings() || cut == Cut::Reset {
            continue;
        }
        for bytes in (0..=answer().body_len()).step_by(carrier.step(1, 9)) {
            let all = bytes == answer().body_len();
            let expect = match cut {
                Cut::CleanEnd if all => Expect::whole(0),
                // What is left is no JSON.
                Cut::CleanEnd => Expect::fails(BEDROCK_E_PROTOCOL).http(200),
                _ if all && row.contains("length") => continue,
                _ => Expect::fails(BEDROCK_E_NETWORK).http(200),
            };
            let fault = Fault::new(row).case(format!("the answer after {bytes} bytes"));
            faults.push(fault.unary(framing(answer()).cut_at(bytes, cut), expect));
        }
    }
    faults
}
