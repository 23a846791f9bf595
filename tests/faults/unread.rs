//! A reader that does not read: the server is held up after a bounded number of bytes, no timer but the total one runs, and what
//! was held up comes when it reads again.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use crate::carrier::Carrier;
use crate::clock::{GRACE, Watched};
use crate::golden::golden;
use crate::harness::{Running, Turn};
use crate::interface::Interface;
use crate::support::capi::*;
use crate::support::pull::{Pull, Pulled};
use crate::support::stream::event_frame;
use crate::support::{ClosedBy, Reply};

/// How much of an answer goes out before the server is held up: a batch and a chunk in the library, and what the kernel's two
/// sockets take.
pub const MOST_UNREAD: u64 = 16 << 20;
/// How long the server is held up before that is believed: longer than the idle timer.
const HELD_UP: Duration = Duration::from_millis(500);
const IDLE: &str = "300ms";
const TOTAL: Duration = Duration::from_millis(400);

/// A long answer: more than the library and two sockets hold.
const FRAMES: usize = 256;
const FRAME: usize = 64 << 10;

pub fn holds_the_server_up(carrier: Carrier) {
    let running = Running::begin();
    // Every interface over one carrier, and one interface over the others, which lie below the same engine.
    let (some, all): (&[Interface], &[Interface]) = match carrier {
        Carrier::Http1 => (&Interface::THREE, &Interface::STREAMS),
        _ => (&[Interface::Next], &[Interface::Fd]),
    };
    some.iter().for_each(|interface| comes_when_it_is_read(carrier, *interface));
    all.iter().for_each(|interface| ends_by_its_total_timer(carrier, *interface));
    running.end();
}

/// Streams that nobody reads, of events that are hardly more than their overhead, beside one that is read. Over HTTP/2 all of
/// them share a connection, whose end would be the end of all.
pub fn does_no_harm_to_others(carrier: Carrier, unread: usize) {
    let _turn = Turn::busy();
    let running = Running::begin();
    let bedrock = carrier.start();
    let model = Model::new(&with(carrier.config(&bedrock), json!({"retry": {"max_attempts": 1}})));
    let request = Request::say("Hello?");
    // Over HTTP/2 a frame of its own for each event; HTTP/1.1 needs far more of them, and gets them faster.
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
        bedrock.wait_blocked(connection, HELD_UP);
    });
    for number in 1..=bedrock.connection_count() {
        let ended = bedrock.connection(number).closed;
        assert_eq!(ended, None, "{}: connection {number} ended, and all streams on it", carrier.title());
    }
    let hasty = model.with(json!({"timeout": "3s"}));
    for interface in Interface::THREE.into_iter().chain([Interface::Unary]) {
        let reply = if interface == Interface::Unary { Reply::text_response("Hello") } else { golden() };
        bedrock.push(reply);
        let run = interface.call(&hasty, &request, |_| ());
        assert_eq!(
            name(run.status),
            "BEDROCK_OK",
            "{interface:?}, beside streams that are not read: {:?}",
            run.failure
        );
    }
    drop((unread, hasty, model, request));
    running.end();
}

/// Held up for longer than the idle timer, and then read to its end.
fn comes_when_it_is_read(carrier: Carrier, interface: Interface) {
    let _turn = Turn::busy();
    let bedrock = carrier.start();
    let model = Model::new(&with(carrier.config(&bedrock), json!({"timeouts": {"first_event": "10m", "idle": IDLE}})));
    let answer =
        (0..FRAMES).fold(Reply::stream().message_start(), |reply, _| reply.raw(text())).message_stop("end_turn");
    bedrock.push(answer);
    let mut held_up = 0;
    let run = interface.call(&model, &Request::say("Hello?"), |shown| {
        if shown == 1 {
            held_up = bedrock.wait_blocked(1, HELD_UP);
        }
    });
    println!("not read, {:<10} {}: held up after {} KiB", interface.title(), carrier.title(), held_up >> 10);
    assert!(held_up < MOST_UNREAD, "{interface:?}: {held_up} bytes went out");
    assert_eq!(name(run.status), "BEDROCK_OK", "{interface:?}: {:?}", run.failure);
    assert_eq!(run.events.len(), FRAMES + 2, "{interface:?}");
    assert_eq!(run.response.expect("a response").text.len(), FRAMES * FRAME, "{interface:?}");
}

/// Never read again: it is not the reader's thread that ends the call.
fn ends_by_its_total_timer(carrier: Carrier, interface: Interface) {
    let _turn = Turn::quiet();
    let bedrock = carrier.start();
    let timeouts = json!({"first_event": "10m", "idle": IDLE, "total": format!("{}ms", TOTAL.as_millis())});
    let model = Model::new(&with(carrier.config(&bedrock), json!({"timeouts": timeouts})));
    bedrock.push(Reply::stream().message_start().then_forever(text()));
    let watched = Watched::begin(format!("a stream that nobody reads, through {interface:?}"));
    let run = interface.call(&model, &Request::say("Hello?"), |shown| match carrier.is_http2() {
        _ if shown > 1 => {}
        true => bedrock.wait_stream_reset(1),
        false => assert_eq!(bedrock.wait_closed(1), ClosedBy::Client),
    });
    let lateness = watched.lateness();
    assert_eq!(name(run.status), "BEDROCK_E_TIMEOUT", "{interface:?}: {:?}", run.failure);
    run.failure.expect("a failure").says(&["timeouts.total", &format!("{TOTAL:?}")]);
    assert!(run.took >= TOTAL && run.took <= TOTAL + GRACE + lateness, "{interface:?} took {:?}", run.took);
    let written = bedrock.connection(1).written;
    assert!(written < MOST_UNREAD, "{interface:?}: {written} bytes went out");
}

fn text() -> Bytes {
    let payload = json!({"contentBlockIndex": 0, "delta": {"text": "x".repeat(FRAME)}}).to_string();
    event_frame("contentBlockDelta", &payload)
}
