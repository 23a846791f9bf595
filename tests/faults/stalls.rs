//! Responses that stall or arrive very slowly: only a timer ends such a call.

use std::time::Duration;

use crate::fault::{Expect, Fault};
use crate::golden::{EVENTS, complete_frames, ends, golden};
use crate::interface::Interface;
use crate::support::Reply;
use crate::support::capi::*;

/// The timeout of the timer that has to end the call.
const WAIT: Duration = Duration::from_millis(300);
/// The pause between single bytes: shorter than any timer, but all bytes together take too long.
const DRIP: Duration = Duration::from_millis(20);

fn no_first_event() -> Expect {
    Expect::times_out("first_event", WAIT)
}

fn idle(shown: usize) -> Expect {
    Expect::times_out("idle", WAIT).after(shown)
}

fn no_response() -> Expect {
    Expect::times_out("total", WAIT)
}

pub fn faults() -> Vec<Fault> {
    let response = || Reply::text_response("Hello");
    let mut faults = vec![
        Fault::new("no head").streamed(Reply::hang(), no_first_event()).unary(Reply::hang(), no_response()),
        Fault::new("a head byte by byte")
            .streamed(golden().head_drip(DRIP), no_first_event())
            .unary(response().head_drip(DRIP), no_response()),
        Fault::new("a head without a body")
            .streamed(golden().stall_after(0), no_first_event())
            .unary(response().stall_after(0), no_response()),
        Fault::new("one byte at a time")
            .case("from the first on")
            .streamed(golden().in_chunks_of(1).paced(DRIP), no_first_event())
            .unary(response().in_chunks_of(1).paced(DRIP), no_response()),
    ];
    let unary = response();
    for bytes in [1, unary.body_len() / 2, unary.body_len() - 1] {
        let fault = Fault::new("a stall inside the body").case(format!("after {bytes} bytes"));
        faults.push(fault.unary(response().stall_after(bytes), no_response()));
    }
    for (event, end) in ends().iter().copied().enumerate() {
        let shown = event + 1;
        // All events have arrived, and only the end of the body is missing: the response is complete.
        let expect = if shown == EVENTS { completes_in_time() } else { idle(shown) };
        let fault = Fault::new("a stall after a frame").case(format!("frame {shown} of {EVENTS}"));
        faults.push(fault.streamed(golden().stall_after(end), expect));
    }
    // In the prelude, the headers, the payload, the checksum.
    for (event, end) in ends().iter().copied().enumerate() {
        let begin = if event == 0 { 0 } else { ends()[event - 1] };
        for bytes in [begin + 1, begin + 11, begin + 12, begin + 40, end - 20, end - 1] {
            assert_eq!(complete_frames(bytes), event);
            let expect = if event == 0 { no_first_event() } else { idle(event) };
            let fault =
                Fault::new("a stall inside a frame").case(format!("after {bytes} bytes, in frame {}", event + 1));
            // One position of each frame through one interface of each kind, and every position through one interface.
            let interfaces = if bytes == begin + 40 { &Interface::THREE[..] } else { &[Interface::Next] };
            faults.push(fault.streamed(golden().stall_after(bytes), expect).by(interfaces));
        }
    }
    for shown in [1, 5] {
        let body = golden().body_bytes();
        let begin = ends()[shown - 1];
        let mut reply = Reply::stream().raw(body.slice(..begin));
        for byte in &body[begin..] {
            reply = reply.pause(DRIP).raw(vec![*byte]);
        }
        faults.push(Fault::new("one byte at a time").case(format!("after event {shown}")).streamed(reply, idle(shown)));
    }
    faults
}

/// Complete, after the idle timer has fired.
fn completes_in_time() -> Expect {
    Expect { statuses: vec![BEDROCK_OK], says: Vec::new(), ..idle(EVENTS) }
}
