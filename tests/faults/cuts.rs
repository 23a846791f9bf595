//! Responses that end too early: cut at every byte, with every framing and every kind of close.

use crate::carrier::Carrier;
use crate::fault::{Expect, Fault};
use crate::golden::{EVENTS, STOPPED, complete_frames, ends, golden};
use crate::interface::Interface;
use crate::support::capi::*;
use crate::support::{Cut, Gate, Reply};

/// A framing of a body, and a way to cut it.
#[derive(Clone, Copy)]
struct Way {
    row: &'static str,
    framing: fn(Reply) -> Reply,
    cut: Cut,
    end: End,
    /// Whether the cut is made at every byte, or at some.
    every_byte: bool,
}

/// The end as HTTP shows it to the client.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// A regular end of the body.
    Clean,
    Broken,
    /// NO_ERROR or CANCEL instead of END_STREAM: clients treat it as a regular end or as an error.
    Unclear,
}

fn ways(carrier: Carrier) -> Vec<Way> {
    let way = |row, framing, cut, end| Way { row, framing, cut, end, every_byte: false };
    let each = |row, framing, cut, end| Way { row, framing, cut, end, every_byte: carrier == Carrier::Http1 };
    let trailer = |reply: Reply| reply.trailer("x-amzn-checked", "yes");
    if carrier.is_http2() {
        return vec![
            way("cut by END_STREAM", Reply::chunked, Cut::CleanEnd, End::Clean),
            way("cut by END_STREAM, with a trailer", trailer, Cut::CleanEnd, End::Clean),
            way("cut by END_STREAM, with content-length", Reply::content_length, Cut::CleanEnd, End::Clean),
            way("cut by close", Reply::chunked, Cut::Close, End::Broken),
            way("cut by reset of the connection", Reply::chunked, Cut::Reset, End::Broken),
            way("cut by RST_STREAM, NO_ERROR", Reply::chunked, Cut::StreamReset(0), End::Unclear),
            way("cut by RST_STREAM, PROTOCOL_ERROR", Reply::chunked, Cut::StreamReset(1), End::Broken),
            way("cut by RST_STREAM, INTERNAL_ERROR", Reply::chunked, Cut::StreamReset(2), End::Broken),
            way("cut by RST_STREAM, REFUSED_STREAM", Reply::chunked, Cut::StreamReset(7), End::Broken),
            way("cut by RST_STREAM, CANCEL", Reply::chunked, Cut::StreamReset(8), End::Unclear),
            way("cut by RST_STREAM, unknown code", Reply::chunked, Cut::StreamReset(0xdead), End::Broken),
            way("cut by GOAWAY, NO_ERROR", Reply::chunked, Cut::GoAway(0), End::Broken),
            way("cut by GOAWAY, INTERNAL_ERROR", Reply::chunked, Cut::GoAway(2), End::Broken),
            way("cut by GOAWAY, ENHANCE_YOUR_CALM", Reply::chunked, Cut::GoAway(11), End::Broken),
        ];
    }
    // Without a framing, the close of a TCP connection is a clean end. The close of a TLS connection without
    // close_notify is not.
    let unframed = if carrier.is_tls() { End::Broken } else { End::Clean };
    vec![
        each("cut by a clean end, chunked", Reply::chunked, Cut::CleanEnd, End::Clean),
        way("cut by a clean end, with a trailer", trailer, Cut::CleanEnd, End::Clean),
        way("cut by a clean end, with content-length", Reply::content_length, Cut::CleanEnd, End::Clean),
        each("cut by close, no last chunk", Reply::chunked, Cut::Close, End::Broken),
        way("cut by close, short of its content-length", Reply::content_length, Cut::Close, End::Broken),
        way("cut by close, no framing", Reply::until_close, Cut::CleanEnd, unframed),
        each("cut by reset, chunked", Reply::chunked, Cut::Reset, End::Broken),
        way("cut by reset, short of its content-length", Reply::content_length, Cut::Reset, End::Broken),
        way("cut by reset, no framing", Reply::until_close, Cut::Reset, End::Broken),
    ]
}

impl Way {
    /// Whether nothing is cut: the connection breaks after a complete response, which only the next call notices.
    fn is_no_cut(self, bytes: usize, length: usize) -> bool {
        self.cut != Cut::CleanEnd && self.row.contains("length") && bytes == length
    }

    /// Before messageStop every cut is a truncation. After it the response is complete if no frame is incomplete, and
    /// either the body ended as its framing says or metadata, which comes last, has arrived.
    fn expect(self, bytes: usize) -> Expect {
        let shown = complete_frames(bytes);
        let between_frames = bytes == 0 || ends().contains(&bytes);
        let when = if shown < STOPPED { "before messageStop" } else { "after messageStop" };
        let truncated = Expect::fails(BEDROCK_E_TRUNCATED).after(shown).says("the response stream ended").says(when);
        match self.end {
            _ if shown < STOPPED || !between_frames => truncated,
            _ if shown == EVENTS => Expect::completes(shown),
            End::Clean => Expect::completes(shown),
            End::Broken => truncated,
            End::Unclear => truncated.or(BEDROCK_OK),
        }
    }

    /// A reset drops bytes that the client has not read, so the reply waits until every complete frame has been
    /// delivered.
    fn reply(self, bytes: usize, shown: &Gate) -> Reply {
        if self.cut == Cut::CleanEnd {
            return (self.framing)(golden()).cut_at(bytes, self.cut);
        }
        let (body, complete) = (golden().body_bytes(), complete_frames(bytes));
        let begun = if complete == 0 { 0 } else { ends()[complete - 1] };
        let reply = Reply::stream().raw(body.slice(..begun)).wait_for(shown).raw(body.slice(begun..)).wait_for(shown);
        (self.framing)(reply).cut_at(bytes, self.cut)
    }
}

/// Cuts at every byte through one interface (tests/truncation.rs has every byte through another), and at some bytes
/// through the others.
pub fn faults(carrier: Carrier) -> Vec<Fault> {
    let mut faults = Vec::new();
    let length = golden().body_len();
    for way in ways(carrier) {
        for bytes in (0..=length).filter(|bytes| !way.is_no_cut(*bytes, length)) {
            let near_a_frame_end = ends().iter().any(|end| end.abs_diff(bytes) <= 1);
            let interfaces = match bytes {
                _ if near_a_frame_end && bytes % 3 == 0 => &Interface::STREAMS[..],
                _ if near_a_frame_end || bytes % carrier.step(37, 370) == 0 => &Interface::THREE[..],
                _ if way.every_byte => &[Interface::Next],
                _ => continue,
            };
            let fault = Fault::new(way.row).case(format!("after {bytes} of {length} bytes")).by(interfaces);
            faults.push(fault.streamed_by(move |shown| way.reply(bytes, shown), way.expect(bytes)));
        }
    }
    faults
}

/// A unary response, cut at every byte.
pub fn unary_faults(carrier: Carrier) -> Vec<Fault> {
    let response = || Reply::text_response("Hello, \u{1f30d}");
    let length = response().body_len();
    let mut faults = Vec::new();
    for way in ways(carrier) {
        for bytes in (0..length).step_by(carrier.step(1, 17)).chain([length]).filter(|at| !way.is_no_cut(*at, length)) {
            let head_may_be_lost = way.cut == Cut::Reset;
            let broken = Expect { head_may_be_lost, ..Expect::fails(BEDROCK_E_NETWORK).http(200) };
            // An incomplete body is not JSON.
            let partial = Expect::fails(BEDROCK_E_PROTOCOL).http(200);
            let expect = match way.end {
                End::Clean if bytes == length => Expect::completes(0),
                End::Clean => partial,
                End::Broken => broken,
                End::Unclear if bytes == length => broken.or(BEDROCK_OK),
                End::Unclear => broken.or(BEDROCK_E_PROTOCOL),
            };
            let reply = (way.framing)(response()).cut_at(bytes, way.cut);
            let fault = Fault::new(way.row).case(format!("the response after {bytes} of {length} bytes"));
            faults.push(fault.unary(reply, expect));
        }
    }
    faults
}
