//! How far the library reads ahead of a program that does not read: the bytes that a server has written, without those
//! that the kernel still buffers.

mod support;

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};

use support::capi::*;
use support::pull::{Pull, Pulled, WakeupCounter, readable};
use support::stream::event_frame;
use support::{LocalBedrock, PATIENCE, Protocol, Reply};

/// How long the server must be blocked before the test assumes that it stays so.
const HELD_UP: Duration = Duration::from_millis(300);
/// A frame of HTTP/2, which is always read completely, and the head of the response.
const OVER: u64 = 17 << 10;

/// Returns one event with a text of this length.
fn text(length: usize) -> Bytes {
    let payload = json!({"contentBlockIndex": 0, "delta": {"text": "x".repeat(length)}}).to_string();
    event_frame("contentBlockDelta", &payload)
}

fn model(bedrock: &LocalBedrock, protocol: &Protocol, members: Value) -> Model {
    let version = if matches!(protocol, Protocol::Http1) { "1.1" } else { "2" };
    // A connect that takes long starts no second connection.
    let timeouts = json!({"connect": "60s", "first_event": "10m", "idle": "10m"});
    let plain = with(config(bedrock), json!({"http_version": version, "timeouts": timeouts}));
    Model::new(&with(plain, members))
}

/// Returns how many of the bytes that the server has written are in this process, and not in the kernel. Waits until
/// these are `least` bytes.
fn taken(bedrock: &LocalBedrock, least: u64) -> u64 {
    let sample = || {
        let written = bedrock.connection(1).written;
        let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
        let held: u64 = table.lines().skip(1).filter_map(|line| held_by_kernel(line, bedrock.port())).sum();
        (written, held)
    };
    let began = Instant::now();
    loop {
        bedrock.wait_blocked(1, HELD_UP);
        // Bytes that move meanwhile would be counted twice, or not at all. On a busy machine they move late.
        let (first, second) = (sample(), sample());
        let taken = first.0.saturating_sub(first.1);
        if (first == second && taken >= least) || began.elapsed() > PATIENCE {
            return taken;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Returns the bytes that a socket of that port has still to send, or that a socket connected to it has not read.
fn held_by_kernel(line: &str, port: u16) -> Option<u64> {
    let fields: Vec<_> = line.split_whitespace().collect();
    let is_port = |address: &str| address.ends_with(&format!(":{port:04X}"));
    let (unsent, unread) = fields.get(4)?.split_once(':')?;
    let held = if is_port(fields[1]) {
        unsent
    } else if is_port(fields[2]) {
        unread
    } else {
        return None;
    };
    u64::from_str_radix(held, 16).ok()
}

/// Returns how much is read of a stream of `frame`s while the program reads none of it. Waits until these are `least`
/// bytes.
fn taken_of(protocol: &Protocol, members: Value, derived: Value, frame: Bytes, least: u64) -> u64 {
    let bedrock = LocalBedrock::with_protocol(protocol.clone());
    let model = model(&bedrock, protocol, members).with(derived);
    // One write for many events, as of a busy server.
    let portion = frame.repeat((64 << 10) / frame.len() + 1);
    bedrock.push(Reply::stream().message_start().then_forever(portion));
    let stream = Pull::open(&model, &Request::say("Hello?"));
    let taken = taken(&bedrock, least);
    // The blocked rest arrives when it is read.
    for _ in 0..100 {
        assert!(matches!(stream.next(-1), Pulled::Event(_)));
    }
    taken
}

#[test]
fn an_unread_stream_reads_no_more_than_its_read_ahead() {
    for (protocol, version) in [(Protocol::Http1, "HTTP/1.1"), (Protocol::HTTP2, "HTTP/2")] {
        for (members, most) in [
            (json!({"read_ahead": "32KiB"}), 32 << 10),
            (json!({"read_ahead": 65536}), 64 << 10),
            (json!({}), 256 << 10),
            (json!({"read_ahead": "1MiB"}), 1 << 20),
        ] {
            for length in [20, 1000] {
                let least = most / 8;
                let taken = taken_of(&protocol, members.clone(), json!({}), text(length), least);
                println!("{version}, {members}, texts of {length} bytes: {} KiB taken", taken >> 10);
                assert!(
                    taken <= most + OVER,
                    "{version}, {members}, texts of {length} bytes: {taken} bytes were taken"
                );
                assert!(taken >= least, "{version}, {members}: {taken} bytes are too few to keep a reader busy");
            }
        }
    }
}

#[test]
fn a_derived_model_may_read_less_far_ahead() {
    let (most, less) = (json!({"read_ahead": "1MiB"}), json!({"read_ahead": "64KiB"}));
    let taken = taken_of(&Protocol::Http1, most, less, text(20), 8 << 10);
    assert!(taken <= 192 << 10, "{taken} bytes were taken");
}

#[test]
fn an_event_that_is_longer_than_the_read_ahead_is_delivered_completely() {
    for protocol in [Protocol::Http1, Protocol::HTTP2] {
        let bedrock = LocalBedrock::with_protocol(protocol.clone());
        let model = model(&bedrock, &protocol, json!({"read_ahead": "16KiB"}));
        let reply = (0..4).fold(Reply::stream().message_start(), |reply, _| reply.raw(text(1 << 20)));
        bedrock.push(reply.message_stop("end_turn").metadata(1, 2));
        let stream = Pull::open(&model, &Request::say("Hello?"));
        let mut length = 0;
        while let Pulled::Event(event) = stream.next(-1) {
            length += event.text.len();
        }
        assert_eq!(length, (4 << 20) + "assistant".len() + "end_turn".len());
        assert!(stream.response().complete);
    }
}

/// Returns events of a mebibyte each, which is more than the read-ahead.
fn large_events(protocol: &Protocol) -> (LocalBedrock, Pull) {
    let bedrock = LocalBedrock::with_protocol(protocol.clone());
    let model = model(&bedrock, protocol, json!({"read_ahead": "16KiB"}));
    let reply = (0..4).fold(Reply::stream().message_start(), |reply, _| reply.raw(text(1 << 20)));
    bedrock.push(reply.message_stop("end_turn").metadata(1, 2));
    (bedrock, Pull::open(&model, &Request::say("Hello?")))
}

/// Takes one event each time the descriptor is readable. Returns how many there were.
fn poll_for_each_event(stream: &Pull) -> usize {
    let fd = stream.fd();
    let mut events = 0;
    loop {
        assert!(readable(fd, PATIENCE.as_millis() as i32), "after {events} events the stream stood still");
        match stream.next(0) {
            Pulled::Event(_) => events += 1,
            Pulled::Done => return events,
            other => panic!("{other:?} after {events} events, where the descriptor was readable"),
        }
    }
}

#[test]
fn a_program_that_polls_before_each_event_gets_all_of_them_however_long_they_are() {
    for protocol in [Protocol::Http1, Protocol::HTTP2] {
        let (_bedrock, stream) = large_events(&protocol);
        assert_eq!(poll_for_each_event(&stream), 7);
    }
}

#[test]
fn a_program_that_begins_to_wait_while_it_still_reads_a_long_event_is_notified_of_the_next() {
    for protocol in [Protocol::Http1, Protocol::HTTP2] {
        let until_the_first_long_one = |stream: &Pull| {
            while !matches!(stream.next(-1), Pulled::Event(event) if event.text.len() == 1 << 20) {}
        };
        let (_bedrock, stream) = large_events(&protocol);
        until_the_first_long_one(&stream);
        assert_eq!(poll_for_each_event(&stream), 5);

        let (_bedrock, stream) = large_events(&protocol);
        until_the_first_long_one(&stream);
        let wakeups = WakeupCounter::default();
        stream.set_wakeup(&wakeups);
        assert_eq!(wakeups.wait(0), 1);
        assert!(matches!(stream.next(0), Pulled::Event(_)));
    }
}
