//! The memory of one stream: at most 32 MiB for any network input, besides the response that is kept. An unread stream
//! takes no more than one batch and two socket buffers.
//!
//! Memory is measured in a client process that only makes the call: the test starts its own executable again.

use std::ffi::c_void;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::ptr::null_mut;
use std::time::Duration;

use bedrock::ffi::generate::{bedrock_event, bedrock_generate, bedrock_generate_stream};
use bedrock::ffi::response::{bedrock_response, bedrock_response_free, bedrock_response_json};
use bedrock::ffi::stream::bedrock_stream_response;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::carrier::Carrier;
use crate::damage::{prelude, raw_frame};
use crate::golden::golden;
use crate::harness::Turn;
use crate::support::capi::*;
use crate::support::pull::{Pull, Pulled, count_called_back, count_pulled};
use crate::support::stream::{event_frame, exception_frame};
use crate::support::{LocalBedrock, Reply};
use crate::unread::MOST_UNREAD;

/// The environment variable with the client's order: the config and the way to call.
const CLIENT: &str = "BEDROCK_FAULTS_CLIENT";
/// The prefix of lines that a client prints about its call.
const PREFIX: &str = "client: ";

/// The memory that one stream may take, besides the response so far, which bedrock_stream_response returns at any time.
const MOST_KIB: i64 = 32 << 10;
/// How long the server has to be blocked before the test goes on.
const BLOCKED_FOR: Duration = Duration::from_millis(400);

/// The ways in which the client reads.
const CALLBACK: &str = "callback";
const WAYS: [&str; 2] = [CALLBACK, "next"];
const NEVER: &str = "never";
/// The ways in which a response is kept.
const KEPT: [&str; 3] = ["called back", "pulled", "unary"];

/// Runs the client, in its own process. Returns false in the process of the test.
pub fn is_client() -> bool {
    let Ok(order) = std::env::var(CLIENT) else { return false };
    let order: Value = serde_json::from_str(&order).expect("an order is JSON");
    let model = Model::new(&order["config"]);
    let request = Request::say("Hello?");
    // The first call allocates what all calls share, so that it is not measured.
    assert_eq!(name(count_called_back(&model, &request).1), "BEDROCK_OK");
    let before = resident("VmRSS");
    std::fs::write("/proc/self/clear_refs", "5").expect("the peak can be reset");
    let (events, status) = match order["way"].as_str() {
        Some(CALLBACK) => count_called_back(&model, &request),
        Some("next") => count_pulled(&Pull::open(&model, &request)),
        Some(kept) if KEPT.contains(&kept) => {
            let (response, status) = keep(kept, &model, &request);
            let mut len = 0;
            assert!(!unsafe { bedrock_response_json(response, &mut len) }.is_null());
            bedrock_response_free(response);
            (len, status)
        }
        _ => {
            let stream = Pull::open(&model, &request);
            assert!(matches!(stream.next(-1), Pulled::Event(_)));
            println!("{PREFIX}begun");
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).expect("a line at the end");
            (1, BEDROCK_AGAIN)
        }
    };
    // Interfaces have different names for the status of a complete stream.
    let status = if status == BEDROCK_DONE { BEDROCK_OK } else { status };
    println!("{PREFIX}{} {events} {}", resident("VmHWM") - before, name(status));
    true
}

/// Makes a call whose response is kept.
fn keep(way: &str, model: &Model, request: &Request) -> (*mut bedrock_response, bedrock_status) {
    unsafe extern "C-unwind" fn proceed(_: *const bedrock_event, _: *mut c_void) -> i32 {
        0
    }
    let mut response = null_mut();
    let (handles, none) = ((model.handle(), request.handle()), null_mut());
    let status = unsafe {
        match way {
            "called back" => bedrock_generate_stream(
                handles.0,
                handles.1,
                none,
                Some(proceed),
                null_mut(),
                &mut response,
                null_mut(),
            ),
            "pulled" => {
                let stream = Pull::open(model, request);
                let (_, status) = count_pulled(&stream);
                // The second response shares the memory of the first.
                for _ in 0..2 {
                    bedrock_response_free(response);
                    assert_eq!(bedrock_stream_response(stream.handle(), &mut response, null_mut()), BEDROCK_OK);
                }
                bedrock_response_json(response, null_mut());
                return (response, status);
            }
            _ => bedrock_generate(handles.0, handles.1, none, &mut response, null_mut()),
        }
    };
    (response, status)
}

/// Returns the value of a line of /proc/self/status, in KiB.
fn resident(key: &str) -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).expect("the line is there");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// The measurement of one call.
struct Measurement {
    /// The peak of the client's memory during the call, minus its memory before the call.
    kib: i64,
    events: usize,
    status: String,
}

/// Starts `test` again as a client, which makes two calls: the first gets the golden stream, the second gets `reply`
/// and is measured.
fn measure(test: &str, carrier: Carrier, bedrock: &LocalBedrock, way: &str, reply: Reply) -> Measurement {
    bedrock.push(golden());
    bedrock.push(reply);
    let timeouts = json!({"first_event": "10m", "idle": "10m"});
    let config = with(carrier.config(bedrock), json!({"retry": {"max_attempts": 1}, "timeouts": timeouts}));
    let mut client = Command::new(std::env::current_exe().expect("this program"));
    client.args([test, "--exact", "--nocapture"]).env(CLIENT, json!({"config": config, "way": way}).to_string());
    let mut client = client.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a client");
    let mut lines = BufReader::new(client.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let mut next =
        || lines.find_map(|line| line.split_once(PREFIX).map(|(_, text)| text.to_owned())).expect("a client's line");
    let mut line = next();
    if line == "begun" {
        let written = bedrock.wait_blocked(bedrock.connection_count(), BLOCKED_FOR);
        assert!(written < MOST_UNREAD, "{written} bytes were sent to a reader that does not read");
        println!("    blocked after {} KiB", written >> 10);
        client.stdin.take().expect("a pipe").write_all(b"end\n").expect("the client waits");
        line = next();
    }
    assert!(client.wait().expect("a client that ends").success());
    let [kib, events, status] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
    Measurement { kib: kib.parse().expect("KiB"), events: events.parse().expect("events"), status: status.to_owned() }
}

/// Asserts the bound for many kinds of network input.
pub fn check_bound(test: &str, carrier: Carrier) {
    let _turn = Turn::busy();
    let bedrock = carrier.start();
    let begun = || Reply::stream().message_start();
    let largest = image_frame(24 << 20);
    let announced = [&prelude(24 << 20, 60)[..], &[7; 100]].concat();
    let lie = |length: u32| Reply::stream().message_start().raw(prelude(length, 60).to_vec()).raw(vec![7; 1 << 20]);
    let flags = raw_frame(&[1, b'a', 0].repeat((8 << 20) / 3), b"");
    // A description, the reply, the MiB that the response keeps, the number of events, and the terminal status.
    let stop = |reply: Reply| reply.message_stop("end_turn");
    let payload = json!({"message": "x".repeat(20 << 20)}).to_string();
    let exception = exception_frame("throttlingException", &payload);
    let cases = [
        ("an image of 24 MiB", stop(begun().raw(largest.clone())), 24, 3, "BEDROCK_OK"),
        ("a text of 4 MiB", stop(begun().raw(text_frame(4 << 20))), 0, 3, "BEDROCK_OK"),
        ("a text of 24 MiB", stop(begun().raw(text_frame(24 << 20))), 0, 1, "BEDROCK_E_PROTOCOL"),
        ("20 texts of 1 MiB", stop(many(text_frame(1 << 20), 20)), 20, 22, "BEDROCK_OK"),
        ("a frame of 24 MiB, cut", begun().raw(largest.slice(..largest.len() - 1)), 0, 1, "BEDROCK_E_TRUNCATED"),
        ("a frame of 24 MiB, announced", begun().raw(announced), 0, 1, "BEDROCK_E_TRUNCATED"),
        ("a frame of 256 MiB, announced", lie(256 << 20), 0, 1, "BEDROCK_E_PROTOCOL"),
        ("a frame of 4 GiB, announced", lie(u32::MAX), 0, 1, "BEDROCK_E_PROTOCOL"),
        ("8 MiB of tiny headers", begun().raw(flags), 0, 1, "BEDROCK_E_PROTOCOL"),
        ("a tool call of 3 MiB without stop", open_calls(1, 3), 3, 5, "BEDROCK_E_TRUNCATED"),
        ("60 tool calls of 4 MiB without stop", open_calls(60, 4), 4, 7, "BEDROCK_E_PROTOCOL"),
        ("200,000 tool calls without stop", begun().raw(many_open(200_000)), 4, OPEN, "BEDROCK_E_PROTOCOL"),
        ("200,000 halves of surrogate pairs", begun().raw(many_halves(200_000)), 4, HALVES, "BEDROCK_E_PROTOCOL"),
        ("an exception of 20 MiB", begun().raw(exception), 0, 1, "BEDROCK_E_THROTTLED"),
    ];
    let mut beyond = Vec::new();
    for (what, reply, kept_mib, events, status) in cases {
        for way in WAYS {
            let measured = measure(test, carrier, &bedrock, way, reply.clone());
            println!("{what:<36} {way:<10} {:>8} KiB  {} events, {}", measured.kib, measured.events, measured.status);
            assert_eq!((measured.events, measured.status.as_str()), (events, status), "{what}, {way}");
            // Without an output parameter for the response, a stream by callback keeps no response.
            let kept_kib = if way == CALLBACK { 0 } else { kept_mib << 10 };
            if measured.kib > MOST_KIB + kept_kib {
                beyond.push(format!("{what}, {way}: {} KiB", measured.kib));
            }
        }
    }
    for (what, frame) in [("small events", text_frame(200)), ("events of 64 KiB", text_frame(64 << 10))] {
        let measured = measure(test, carrier, &bedrock, NEVER, begun().then_forever(frame));
        println!("never read: {what:<20} {NEVER:<10} {:>8} KiB", measured.kib);
        if measured.kib > MOST_KIB {
            beyond.push(format!("{what}, never read: {} KiB", measured.kib));
        }
    }
    assert!(beyond.is_empty(), "more than {MOST_KIB} KiB: {beyond:#?}");
}

/// The number of events of small open tool calls until the limit, with messageStart.
const OPEN: usize = 1 + 17_273;
/// The number of events with halves of surrogate pairs until the limit, with messageStart.
const HALVES: usize = 1 + 69_632;

/// Tool calls that start and get `mib` MiB of input, and do not stop.
fn open_calls(calls: usize, mib: usize) -> Reply {
    let input = json!({"toolUse": {"input": "x".repeat(1 << 20)}});
    (0..calls).fold(Reply::stream().message_start(), |reply, block| {
        (0..mib).fold(reply.raw(call_frame(block)), |reply, _| {
            reply
                .raw(event_frame("contentBlockDelta", &json!({"contentBlockIndex": block, "delta": input}).to_string()))
        })
    })
}

fn call_frame(block: usize) -> Bytes {
    let start = json!({"contentBlockIndex": block, "start": {"toolUse": {"toolUseId": "1", "name": "f"}}});
    event_frame("contentBlockStart", &start.to_string())
}

fn many_open(calls: usize) -> Vec<u8> {
    (0..calls).flat_map(call_frame).collect()
}

fn many_halves(blocks: usize) -> Vec<u8> {
    let delta = |block| format!(r#"{{"contentBlockIndex":{block},"delta":{{"text":"\ud83d"}}}}"#);
    (0..blocks).flat_map(|block| event_frame("contentBlockDelta", &delta(block))).collect()
}

/// Asserts that a response that is kept takes at most one and a half times its size.
pub fn check_kept_response(test: &str, carrier: Carrier) {
    let _turn = Turn::busy();
    let bedrock = carrier.start();
    let long = many(text_frame(1 << 10), 64 << 10).message_stop("end_turn").metadata(1, 1);
    let text = "x".repeat(64 << 20);
    let response = json!({"output": {"message": {"role": "assistant", "content": [{"text": text}]}}}).to_string();
    let frames: Vec<_> = (0..50_000).map(call_frame).collect();
    let stopped = |block| event_frame("contentBlockStop", &json!({"contentBlockIndex": block}).to_string());
    let calls = frames.into_iter().enumerate().flat_map(|(block, frame)| [frame, stopped(block)]);
    let calls = Reply::stream().message_start().raw(calls.flatten().collect::<Vec<_>>());
    let calls = calls.message_stop("tool_use").metadata(1, 1);
    let cases = [
        ("a long text", long, &KEPT[..2]),
        ("very many tool calls", calls, &KEPT[..2]),
        ("JSON", Reply::json(response), &KEPT[2..]),
    ];
    let mut beyond = Vec::new();
    for (what, reply, ways) in cases {
        let bytes = reply.body_len();
        for way in ways {
            let measured = measure(test, carrier, &bedrock, way, reply.clone());
            assert_eq!(measured.status, "BEDROCK_OK", "{what}, {way}");
            println!(
                "{what:<20} {way:<12} {:>8} KiB for {} KiB, {} KiB of JSON",
                measured.kib,
                bytes >> 10,
                measured.events >> 10
            );
            if measured.kib > (bytes as i64 * 3 / 2) >> 10 {
                beyond.push(format!("{what}, {way}: {} KiB for {} KiB", measured.kib, bytes >> 10));
            }
        }
    }
    assert!(beyond.is_empty(), "more than one and a half times: {beyond:#?}");
}

fn many(frame: Bytes, count: usize) -> Reply {
    (0..count).fold(Reply::stream().message_start(), |reply, _| reply.raw(frame.clone()))
}

/// A text event whose frame has `bytes` bytes.
fn text_frame(bytes: usize) -> Bytes {
    delta_frame(bytes, |filler| json!({"text": filler}))
}

/// An image event whose frame has `bytes` bytes. Only images are that large.
fn image_frame(bytes: usize) -> Bytes {
    delta_frame(bytes, |filler| json!({"image": {"format": "png", "source": {"bytes": filler}}}))
}

fn delta_frame(bytes: usize, delta: impl Fn(String) -> Value) -> Bytes {
    let frame = |filler: usize| {
        let payload = json!({"contentBlockIndex": 0, "delta": delta("x".repeat(filler))}).to_string();
        event_frame("contentBlockDelta", &payload)
    };
    frame(bytes.saturating_sub(frame(0).len()))
}
