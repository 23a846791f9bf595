//! Bytes that do not come, or come so slowly that they may as well not: only a timer ends such a call.

use std::time::Duration;

use crate::fault::{Expect, Fault};
use crate::golden::{EVENTS, ends, golden, whole_frames};
use crate::interface::Interface;
use crate::support::Reply;
use crate::support::capi::*;

/// How long progress is waited for.
const WAIT: Duration = Duration::from_millis(300);
/// The pause between bytes that drip: no timer runs out between two of them, and all of them together take too long.
const DRIP: Duration = Duration::from_millis(20);

fn no_first_event() -> Expect {
    Expect::times_out("first_event", WAIT)
}

fn idle(shown: usize) -> Expect {
    Expect::times_out("idle", WAIT).after(shown)
}

fn no_answer() -> Expect {
    Expect::times_out("total", WAIT)
}

pub fn faults() -> Vec<Fault> {
    let answer = || Reply::text_response("Hello");
    let mut faults = vec![
        Fault::new("the head never comes").streamed(Reply::hang(), no_first_event()).unary(Reply::hang(), no_answer()),
        Fault::new("the head drips")
            .streamed(golden().head_drip(DRIP), no_first_event())
            .unary(answer().head_drip(DRIP), no_answer()),
        Fault::new("the head comes, and no body")
            .streamed(golden().stall_after(0), no_first_event())
            .unary(answer().stall_after(0), no_answer()),
        Fault::new("one byte at a time")
            .case("from the first on")
            .streamed(golden().in_chunks_of(1).paced(DRIP), no_first_event())
            .unary(answer().in_chunks_of(1).paced(DRIP), no_answer()),
    ];
    let unary = answer();
    for bytes in [1, unary.body_len() / 2, unary.body_len() - 1] {
        let fault = Fault::new("a stall inside the answer").case(format!("after {bytes} bytes"));
        faults.push(fault.unary(answer().stall_after(bytes), no_answer()));
    }
    for (event, end) in ends().iter().copied().enumerate() {
        let shown = event + 1;
        // All has come, and only the body's end is missing: no reason to fail.
        let expect = if shown == EVENTS { whole_in_time() } else { idle(shown) };
        let fault = Fault::new("a stall after a frame").case(format!("frame {shown} of {EVENTS}"));
        faults.push(fault.streamed(golden().stall_after(end), expect));
    }
    // In the prelude, the headers, the payload, the checksum.
    for (event, end) in ends().iter().copied().enumerate() {
        let begin = if event == 0 { 0 } else { ends()[event - 1] };
        for bytes in [begin + 1, begin + 11, begin + 12, begin + 40, end - 20, end - 1] {
            assert_eq!(whole_frames(bytes), event);
            let expect = if event == 0 { no_first_event() } else { idle(event) };
            let fault =
                Fault::new("a stall inside a frame").case(format!("after {bytes} bytes, in frame {}", event + 1));
            // Each kind of interface meets each frame, and one of them every place.
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

/// Complete, though only the idle timer tells that nothing more comes.
fn whole_in_time() -> Expect {
    Expect { statuses: vec![BEDROCK_OK], says: Vec::new(), ..idle(EVENTS) }
}
