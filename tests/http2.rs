//! HTTP/2 peers that refuse requests, close connections, admit no calls, or violate the protocol. Requests are counted,
//! calls find another connection if there is one, and unread data takes no more memory than its flow-control window.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Barrier, mpsc};
use std::thread;

use serde_json::{Value, json};

use support::PATIENCE;
use support::capi::*;
use support::pull::{Pull, Pulled};
use support::raw_server::*;
use support::stream::{EVENT_STREAM, event_frame};

/// An allocator that counts the bytes that are allocated.
struct Counting;

static LIVE: AtomicI64 = AtomicI64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as i64, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LIVE.fetch_add(size as i64 - layout.size() as i64, Ordering::Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

const WINDOW_UPDATE: u8 = 8;
const REFUSED_STREAM: [u8; 4] = [0, 0, 0, 7];
const HELLO: &str =
    r#"{"output":{"message":{"role":"assistant","content":[{"text":"Hello"}]}},"stopReason":"end_turn"}"#;

fn hello() -> Request {
    Request::say("Hello?")
}

/// A model that calls the peer, with one attempt.
fn model(peer: &RawServer, members: Value) -> Model {
    let base = json!({
        "model": MODEL_ID,
        "region": REGION,
        "base_url": peer.url(),
        "http_version": "2",
        "api_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
        "retry": {"max_attempts": 1},
        "timeout": "15s",
    });
    Model::new(&with(base, members))
}

#[test]
fn a_request_that_the_service_refuses_to_process_is_sent_once_more_and_counted() {
    let peer = RawServer::start(|_, frames| {
        frames.handshake(&[])?;
        for refused in [true, false, true, true] {
            let stream = frames.read_request()?;
            frames.send(&if refused {
                frame(RST_STREAM, 0, stream, &REFUSED_STREAM)
            } else {
                response(stream, HELLO)
            })?;
        }
        frames.read_to_end()
    });
    let model = model(&peer, json!({}));
    assert_eq!(model.generate(&hello()).response().attempts, 2);
    assert_eq!(peer.request_count(), 2);
    let outcome = model.generate(&hello());
    outcome.failed(BEDROCK_E_NETWORK).says(&["refused to process the request"]);
    assert_eq!((outcome.failed(BEDROCK_E_NETWORK).attempts, peer.request_count()), (2, 4));
}

#[test]
fn attempts_are_as_many_as_the_requests_that_the_service_received() {
    let peer = RawServer::start(|_, frames| {
        frames.handshake(&[])?;
        loop {
            let stream = frames.read_request()?;
            frames.send(&frame(RST_STREAM, 0, stream, &REFUSED_STREAM))?;
        }
    });
    let outcome = model(&peer, json!({"retry": {"max_attempts": 3, "max_backoff": "1ms"}})).generate(&hello());
    assert_eq!(outcome.failed(BEDROCK_E_NETWORK).attempts as usize, peer.request_count());
}

#[test]
fn a_request_that_goaway_leaves_unprocessed_is_sent_over_another_connection() {
    let peer = RawServer::start(|number, frames| {
        frames.handshake(&[])?;
        let stream = frames.read_request()?;
        if number == 1 {
            // GOAWAY: no stream was processed, NO_ERROR. A close with unread bytes would be a reset, which may overtake it.
            frames.send(&frame(GOAWAY, 0, 0, &[0; 8]))?;
            return frames.read_to_end();
        }
        frames.send(&response(stream, HELLO))?;
        frames.read_to_end()
    });
    let outcome = model(&peer, json!({})).generate(&hello());
    assert_eq!((outcome.response().text.as_str(), outcome.response().attempts), ("Hello", 2));
    assert_eq!(peer.request_count(), 2);
}

/// Refuses the requests that arrive before the client knows the limit of 0 streams.
fn refuse(frames: &mut RawConnection) -> std::io::Result<()> {
    loop {
        let stream = frames.read_request()?;
        frames.send(&frame(RST_STREAM, 0, stream, &REFUSED_STREAM))?;
    }
}

#[test]
fn a_service_that_admits_no_call_does_not_get_more_and_more_connections() {
    let peer = RawServer::start(|_, frames| {
        frames.handshake(&[(MAX_CONCURRENT_STREAMS, 0)])?;
        refuse(frames)
    });
    let model = model(&peer, json!({"timeouts": {"connect": "5s"}}));
    thread::scope(|scope| {
        let calls: Vec<_> = (0..50).map(|_| scope.spawn(|| model.generate(&hello()))).collect();
        for call in calls {
            let failure = call.join().expect("no panic").failure.expect("no response");
            let reasons = ["refused to process", "admits no further request", "admit no further call"];
            assert!(reasons.iter().any(|reason| failure.message.contains(reason)), "{}", failure.message);
        }
        let calls: Vec<_> = (0..50).map(|_| scope.spawn(|| model.generate(&hello()))).collect();
        for call in calls {
            call.join().expect("no panic").failed(BEDROCK_E_TIMEOUT).says(&["timeouts.connect", "no further call"]);
        }
    });
    assert!(peer.connection_count() <= 3, "{} connections", peer.connection_count());
}

#[test]
fn a_further_connection_gets_no_more_calls_than_the_service_admits_on_the_others_even_before_it_announces_that() {
    const CALLS: usize = 10;
    let each_has_one = Barrier::new(CALLS);
    let peer = RawServer::start(move |number, frames| {
        const ONE_CALL: &[(u16, u32)] = &[(MAX_CONCURRENT_STREAMS, 1)];
        if number == 1 {
            frames.handshake(ONE_CALL)?;
            let stream = frames.read_request()?;
            frames.send(&response(stream, HELLO))?;
        } else {
            frames.read_preface()?;
        }
        let stream = frames.read_request()?;
        each_has_one.wait();
        if number > 1 {
            frames.send_settings(ONE_CALL)?;
        }
        frames.send(&response(stream, HELLO))?;
        frames.read_to_end()
    });
    let model = model(&peer, json!({}));
    assert_eq!(model.generate(&hello()).response().text, "Hello");
    thread::scope(|scope| {
        let calls: Vec<_> = (0..CALLS).map(|_| scope.spawn(|| model.generate(&hello()))).collect();
        for call in calls {
            assert_eq!(call.join().expect("no panic").response().text, "Hello");
        }
    });
}

#[test]
fn calls_without_a_stream_continue_when_the_service_raises_its_limit() {
    let (open, opened) = mpsc::channel::<()>();
    let opened = std::sync::Mutex::new(opened);
    let peer = RawServer::start(move |number, frames| {
        frames.read_preface()?;
        let stream = frames.read_request()?;
        frames.send_settings(&[(MAX_CONCURRENT_STREAMS, 0)])?;
        frames.send(&frame(RST_STREAM, 0, stream, &REFUSED_STREAM))?;
        if number > 1 {
            return refuse(frames);
        }
        let _ = opened.lock().expect("no panic").recv();
        frames.send_settings(&[(MAX_CONCURRENT_STREAMS, 10)])?;
        loop {
            let stream = frames.read_request()?;
            frames.send(&response(stream, HELLO))?;
        }
    });
    let model = model(&peer, json!({"timeouts": {"connect": "10s"}}));
    // The call tries two connections, and both refuse the stream.
    model.generate(&hello()).failed(BEDROCK_E_NETWORK);
    assert_eq!(peer.connection_count(), 2);
    thread::scope(|scope| {
        let calls: Vec<_> = (0..20).map(|_| scope.spawn(|| model.generate(&hello()))).collect();
        open.send(()).expect("the peer waits");
        for call in calls {
            assert_eq!(call.join().expect("no panic").response().text, "Hello");
        }
    });
    // One more, because the first admits ten calls at a time.
    assert!(peer.connection_count() <= 3, "{} connections", peer.connection_count());
}

#[test]
fn a_violation_of_the_protocol_is_a_protocol_error() {
    for broken in [frame(DATA, 0, 0, b"for no stream"), frame(HEADERS, 4, 1, &[0xff; 8]), vec![b'x'; 100]] {
        for began in [false, true] {
            let broken = broken.clone();
            let peer = RawServer::start(move |_, frames| {
                frames.handshake(&[])?;
                let stream = frames.read_request()?;
                if began {
                    frames.send(&head(stream, EVENT_STREAM))?;
                    frames.send(&frame(DATA, 0, stream, &event_frame("messageStart", r#"{"role":"assistant"}"#)))?;
                }
                frames.send(&broken)?;
                frames.read_to_end()
            });
            let streamed = model(&peer, json!({})).stream(&hello());
            let failure = streamed.outcome.failed(BEDROCK_E_PROTOCOL);
            failure.says(&["not valid HTTP/2"]);
            assert!(!failure.message.contains("other:") && !failure.retryable, "{failure:?}");
        }
    }
}

#[test]
fn an_endless_flood_of_frames_without_content_is_a_clear_error() {
    const UNKNOWN: u8 = 0x77;
    let without_content = |kind, payload: &[u8]| frame(kind, 0, 0, payload);
    for flood in
        [without_content(PING, &[7; 8]), without_content(WINDOW_UPDATE, &[0, 0, 0, 1]), without_content(UNKNOWN, &[])]
    {
        let flood = flood.repeat(1000);
        let peer = RawServer::start(move |_, frames| {
            frames.handshake(&[])?;
            let stream = frames.read_request()?;
            frames.send(&head(stream, EVENT_STREAM))?;
            loop {
                frames.send(&flood)?;
            }
        });
        let streamed = model(&peer, json!({})).stream(&hello());
        let failure = streamed.outcome.failed(BEDROCK_E_PROTOCOL);
        failure.says(&["more frames without content than any service needs"]);
        assert!(!failure.retryable, "{failure:?}");
    }
}

#[test]
fn as_many_frames_without_content_as_events_are_not_a_flood() {
    const EVENTS: usize = 6000;
    let event = event_frame("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Hello"}}"#);
    let peer = RawServer::start(move |_, frames| {
        frames.handshake(&[])?;
        let stream = frames.read_request()?;
        let window = frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]);
        let each = [frame(DATA, 0, stream, &event), window.repeat(2)].concat();
        let start = event_frame("messageStart", r#"{"role":"assistant"}"#);
        let stop = event_frame("messageStop", r#"{"stopReason":"end_turn"}"#);
        frames.send(&[head(stream, EVENT_STREAM), frame(DATA, 0, stream, &start)].concat())?;
        for _ in 0..EVENTS {
            frames.send(&each)?;
        }
        frames.send(&frame(DATA, END_STREAM, stream, &stop))?;
        frames.read_to_end()
    });
    let streamed = model(&peer, json!({})).stream(&hello());
    assert_eq!(streamed.outcome.response().text, "Hello".repeat(EVENTS));
}

#[test]
fn a_response_may_follow_a_hundred_interim_responses() {
    const INTERIM: [u8; 5] = [0x08, 3, b'1', b'0', b'3'];
    for (times, accepted) in [(100, true), (101, false)] {
        let peer = RawServer::start(move |_, frames| {
            frames.handshake(&[])?;
            let stream = frames.read_request()?;
            frames.send(&[frame(HEADERS, 4, stream, &INTERIM).repeat(times), response(stream, HELLO)].concat())?;
            frames.read_to_end()
        });
        let outcome = model(&peer, json!({})).generate(&hello());
        if accepted {
            assert_eq!(outcome.response().text, "Hello");
        } else {
            outcome.failed(BEDROCK_E_PROTOCOL).says(&["not valid HTTP/2", "too many interim responses"]);
        }
    }
}

#[test]
fn unread_streams_keep_no_more_than_their_window_however_small_the_frames() {
    const STREAMS: usize = 16;
    const WINDOW: usize = 64 << 10;
    let event = event_frame("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Hello"}}"#);
    let (sent, all_sent) = mpsc::channel();
    let peer = RawServer::start(move |_, frames| {
        frames.handshake(&[])?;
        let streams = (0..STREAMS).map(|_| frames.read_request()).collect::<Result<Vec<_>, _>>()?;
        for stream in &streams {
            frames.send(&head(*stream, EVENT_STREAM))?;
            frames.send(&frame(DATA, 0, *stream, &event_frame("messageStart", r#"{"role":"assistant"}"#)))?;
        }
        // As much as fits into the windows before anything is read.
        let bytes = event.iter().cycle().take(WINDOW - 1000);
        for piece in bytes.copied().collect::<Vec<u8>>().chunks(4096) {
            let piece: Vec<u8> = piece
                .iter()
                .flat_map(|byte| streams.iter().flat_map(|stream| frame(DATA, 0, *stream, &[*byte])))
                .collect();
            frames.send(&piece)?;
        }
        // The acknowledgement of a ping proves that everything was processed.
        frames.send(&frame(6, 0, 0, b"all sent"))?;
        loop {
            let mut head = [0; 9];
            std::io::Read::read_exact(&mut frames.stream, &mut head)?;
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            std::io::Read::read_exact(&mut frames.stream, &mut payload)?;
            if head[3] == 6 && payload == b"all sent" {
                let _ = sent.send(());
            }
        }
    });
    // Half of the read-ahead may be on the connection.
    let model = model(&peer, json!({"read_ahead": 2 * WINDOW}));
    let streams: Vec<_> = (0..STREAMS).map(|_| Pull::open(&model, &hello())).collect();
    for stream in &streams {
        assert!(matches!(stream.next(-1), Pulled::Event(_)));
    }
    let before = LIVE.load(Ordering::Relaxed);
    all_sent.recv_timeout(3 * PATIENCE).expect("the library continues to read");
    let held = LIVE.load(Ordering::Relaxed) - before;
    let most = (STREAMS * 2 * WINDOW) as i64 + (2 << 20);
    println!("{held} bytes are held for {STREAMS} streams");
    assert!(held < most, "{held} bytes are held for {STREAMS} streams, {most} at most");
}
