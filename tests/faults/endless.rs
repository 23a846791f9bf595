//! Responses without an end: the total timer ends the call.

use std::time::Duration;

use serde_json::json;

use crate::fault::{Expect, Fault};
use crate::golden::golden;
use crate::interface::Interface;
use crate::support::Reply;
use crate::support::capi::*;
use crate::support::stream::event_frame;

const TOTAL: Duration = Duration::from_millis(400);

pub fn faults() -> Vec<Fault> {
    // Slower than the library, so that every event that was sent is delivered.
    let pause = Duration::from_millis(5);
    let paced = |reply: Reply| reply.paced(pause);
    let expect = || Expect { shown: 1..=usize::MAX, ..Expect::times_out("total", TOTAL) };
    let delta = |text: &str| {
        event_frame("contentBlockDelta", &json!({"contentBlockIndex": 0, "delta": {"text": text}}).to_string())
    };
    let long = json!({"on": "on".repeat(500)}).to_string();
    let mut many = Reply::stream().message_start();
    for _ in 0..1000 {
        many = many.text_delta(0, " and on");
    }
    let mut unknown = Reply::stream().message_start();
    for _ in 0..1000 {
        unknown = unknown.event("keepAlive", "{}");
    }
    // The last frame of the body is repeated. It is long, because over HTTP/2 a flood of small frames is a separate
    // fault.
    let forever = |reply: Reply, frame: bytes::Bytes| reply.raw(frame.clone()).then_forever(frame);
    vec![
        Fault::new("an endless block").case("slow").streamed(paced(many), expect()),
        Fault::new("an endless block")
            .case("as fast as it can")
            .streamed(forever(Reply::stream().message_start(), delta(&"on".repeat(500))), expect())
            .by(&Interface::THREE)
            .alone(),
        Fault::new("an endless stream").case("of unknown events").streamed(paced(unknown), expect()),
        Fault::new("an endless stream")
            .case("after its end, as fast as it can")
            // Complete except for the end of its body, unless the timer fires inside a frame.
            .streamed(forever(golden(), event_frame("keepAlive", &long)), expect().or(BEDROCK_OK))
            .by(&Interface::THREE)
            .alone(),
        Fault::new("an endless unary response")
            .unary(Reply::json("{").chunked().then_forever(vec![b' '; 1024]), Expect::times_out("total", TOTAL))
            .alone(),
        Fault::new("an endless error").both(
            Reply::error(400, "ValidationException", "no").chunked().then_forever(vec![b' '; 64 << 10]),
            Expect::fails(BEDROCK_E_VALIDATION).code("ValidationException").http(400),
        ),
    ]
}
