//! Back-pressure: if the program does not read, the server is blocked after a bounded number of bytes, only the total
//! timer runs, and the stream continues when the program reads again.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use crate::carrier::Carrier;
use crate::clock::{GRACE, Watched};
use crate::golden::golden;
use crate::harness::{Running, Turn, until_in_time};
use crate::interface::Interface;
use crate::support::capi::*;
use crate::support::pull::{Pull, Pulled};
use crate::support::stream::event_frame;
use crate::support::{ClosedBy, Reply};

/// The bytes that a server can send before it is blocked: one batch and one chunk in the library, and two socket
/// buffers of the kernel.
pub const MOST_UNREAD: u64 = 16 << 20;
/// How long the server has to be blocked before the test goes on: longer than the idle timer.
const BLOCKED_FOR: Duration = Duration::from_millis(500);
const IDLE: &str = "300ms";
const TOTAL: Duration = Duration::from_millis(400);

/// A long response: more than the library and two sockets hold.
const FRAMES: usize = 256;
const FRAME: usize = 64 << 10;

pub fn check_back_pressure(carrier: Carrier) {
    let running = Running::begin();
    // Every interface over one carrier, and one interface over the others, because all use the same engine.
    let (some, all): (&[Interface], &[Interface]) = match carrier {
        Carrier::Http1 => (&Interface::THREE, &Interface::STREAMS),
        _ => (&[Interface::Next], &[Interface::Fd]),
    };
    some.iter().for_each(|interface| check_late_reader(carrier, *interface));
    all.iter().for_each(|interface| check_total_timer(carrier, *interface));
    running.end();
}

/// Unread streams of very small events do not delay other calls. Over HTTP/2 all of them share a connection, which must
/// not be closed.
pub fn check_other_calls(carrier: Carrier, unread: usize) {
    let _turn = Turn::busy();
    let running = Running::begin();
    let bedrock = carrier.start();
    let model = Model::new(&with(carrier.config(&bedrock), json!({"retry": {"max_attempts": 1}})));
    let request = Request::say("Hello?");
    // One HTTP/2 frame for each event. HTTP/1.1 needs far more events to block, and gets them in larger pieces.
    let tiny = event_frame("keepAlive", "{}").repeat(if carrier.is_http2() { 1 } else { 100 });
    let unread: Vec<_> = (0..unread)
        .map(|_| {
            bedrock.push(Reply::stream().message_start().then_forever(tiny.clone()));
            let stream = Pull::open(&model, &request);
            assert!(matches!(stream.next(-1), Pulled::Event(_)));
            stream
        })
        .collect();
    (1..=bedrock.connection_count()).for_each(|connection| {
        bedrock.wait_blocked(connection, BLOCKED_FOR);
    });
    for number in 1..=bedrock.connection_count() {
        let ended = bedrock.connection(number).closed;
        assert_eq!(ended, None, "{}: connection {number} was closed, with all its streams", carrier.title());
    }
    let limited = model.with(json!({"timeout": "3s"}));
    for interface in Interface::THREE.into_iter().chain([Interface::Unary]) {
        let reply = if interface == Interface::Unary { Reply::text_response("Hello") } else { golden() };
        bedrock.push(reply);
        let run = interface.call(&limited, &request, |_| ());
        assert_eq!(name(run.status), "BEDROCK_OK", "{interface:?}, beside unread streams: {:?}", run.failure);
    }
    drop((unread, limited, model, request));
    running.end();
}

/// A stream that is blocked for longer than the idle timer, and then read to its end, is complete.
fn check_late_reader(carrier: Carrier, interface: Interface) {
    let _turn = Turn::busy();
    let response =
        (0..FRAMES).fold(Reply::stream().message_start(), |reply, _| reply.raw(text())).message_stop("end_turn");
    let call = || {
        let bedrock = carrier.start();
        let timeouts = json!({"first_event": "10m", "idle": IDLE});
        let model = Model::new(&with(carrier.config(&bedrock), json!({"timeouts": timeouts})));
        bedrock.push(response.clone());
        let mut written = 0;
        let run = interface.call(&model, &Request::say("Hello?"), |shown| {
            if shown == 1 {
                written = bedrock.wait_blocked(1, BLOCKED_FOR);
            }
        });
        println!("not read, {:<10} {}: blocked after {} KiB", interface.title(), carrier.title(), written >> 10);
        assert!(written < MOST_UNREAD, "{interface:?}: {written} bytes were sent");
        run
    };
    // Once it is read again, a server on a busy machine may be silent for longer than the idle timer.
    let run = until_in_time(call, |run| run.status != BEDROCK_E_TIMEOUT);
    assert_eq!(name(run.status), "BEDROCK_OK", "{interface:?}: {:?}", run.failure);
    assert_eq!(run.events.len(), FRAMES + 2, "{interface:?}");
    assert_eq!(run.response.expect("a response").text.len(), FRAMES * FRAME, "{interface:?}");
}

/// A stream that is never read again is ended by its total timer, without the help of the reading thread.
fn check_total_timer(carrier: Carrier, interface: Interface) {
    let _turn = Turn::quiet();
    let call = || {
        let bedrock = carrier.start();
        let timeouts = json!({"first_event": "10m", "idle": IDLE, "total": format!("{}ms", TOTAL.as_millis())});
        let model = Model::new(&with(carrier.config(&bedrock), json!({"timeouts": timeouts})));
        bedrock.push(Reply::stream().message_start().then_forever(text()));
        let watched = Watched::begin(format!("an unread stream, through {interface:?}"));
        let run = interface.call(&model, &Request::say("Hello?"), |shown| match carrier.is_http2() {
            _ if shown > 1 => {}
            true => bedrock.wait_stream_reset(1),
            false => assert_eq!(bedrock.wait_closed(1), ClosedBy::Client),
        });
        let latest = TOTAL + GRACE + watched.lateness();
        assert_eq!(name(run.status), "BEDROCK_E_TIMEOUT", "{interface:?}: {:?}", run.failure);
        run.failure.expect("a failure").says(&["timeouts.total", &format!("{TOTAL:?}")]);
        assert!(run.took >= TOTAL, "{interface:?} took {:?}", run.took);
        let written = bedrock.connection(1).written;
        assert!(written < MOST_UNREAD, "{interface:?}: {written} bytes were sent");
        (run.took, latest)
    };
    let (took, latest) = until_in_time(call, |(took, latest)| took <= latest);
    assert!(took <= latest, "{interface:?} took {took:?}, limit {latest:?}");
}

fn text() -> Bytes {
    let payload = json!({"contentBlockIndex": 0, "delta": {"text": "x".repeat(FRAME)}}).to_string();
    event_frame("contentBlockDelta", &payload)
}
