//! A truncated response is never reported as complete: cut anywhere, in any way, with any framing.

mod support;

use std::collections::BTreeMap;

use serde_json::json;

use support::capi::*;
use support::{Cut, Gate, LocalBedrock, Reply, frames};

const REQUEST_ID: &str = "7e57ab1e-0000-4000-8000-000000000001";

/// The ways in which HTTP delimits a body.
type Framing = fn(Reply) -> Reply;

const CHUNKED: Framing = |reply| reply.chunked();
const CONTENT_LENGTH: Framing = |reply| reply.content_length();
const UNTIL_CLOSE: Framing = |reply| reply.until_close();
const TRAILER: Framing = |reply| reply.trailer("x-amzn-checked", "yes");

/// Returns a stream with everything that a response can hold: text, a tool call, usage.
fn complete_stream() -> Reply {
    Reply::stream()
        .message_start()
        .text(0, &["Hel", "lo, \u{1f30d}", " \"there\"\n"])
        .tool_call(1, "tooluse_1", "weather", &["{\"city\":", " \"Z\u{fc}rich\"}"])
        .message_stop("tool_use")
        .metadata(11, 7)
}

/// The complete stream, with which the cuts are compared.
struct Golden {
    reply: Reply,
    events: Vec<Event>,
    response: Response,
    /// The end of each frame.
    ends: Vec<usize>,
    /// The end of messageStop.
    stopped: usize,
}

impl Golden {
    fn new() -> Golden {
        let bedrock = LocalBedrock::start();
        let reply = complete_stream().request_id(REQUEST_ID);
        bedrock.push(reply.clone());
        let streamed = Model::at(&bedrock).stream(&Request::say("Hello?"));
        let response = streamed.outcome.response().clone();
        let ends = reply.piece_ends();
        Golden { stopped: ends[ends.len() - 2], events: streamed.events, response, ends, reply }
    }

    fn len(&self) -> usize {
        self.reply.body_len()
    }

    /// Returns the number of complete frames in the first `bytes`.
    fn complete_frames(&self, bytes: usize) -> usize {
        self.ends.iter().filter(|end| **end <= bytes).count()
    }

    /// Returns the first `bytes` of the stream, then the cut. A reset drops bytes that the client has not read: it
    /// waits until every complete frame has been delivered.
    fn cut(&self, bytes: usize, cut: Cut, framing: Framing, shown: &Gate) -> Reply {
        let body = self.reply.body_bytes();
        let mut reply = Reply::stream().request_id(REQUEST_ID);
        let mut begin = 0;
        for end in &self.ends {
            if cut == Cut::Reset && begin == self.ends[..self.complete_frames(bytes)].last().copied().unwrap_or(0) {
                reply = reply.wait_for(shown);
            }
            reply = reply.raw(body.slice(begin..*end));
            begin = *end;
        }
        framing(reply.wait_for(shown)).cut_at(bytes, cut)
    }
}

#[test]
fn a_complete_stream_is_ok_and_delivers_every_event_in_order_and_verbatim() {
    let Golden { reply, events, response, .. } = Golden::new();
    let shown: Vec<_> = events.iter().map(|event| (event.kind, event.block, event.text.as_str())).collect();
    assert_eq!(
        shown,
        [
            (BEDROCK_EVENT_MESSAGE_START, -1, "assistant"),
            (BEDROCK_EVENT_TEXT, 0, "Hel"),
            (BEDROCK_EVENT_TEXT, 0, "lo, \u{1f30d}"),
            (BEDROCK_EVENT_TEXT, 0, " \"there\"\n"),
            (BEDROCK_EVENT_BLOCK_STOP, 0, ""),
            (BEDROCK_EVENT_BLOCK_START, 1, ""),
            (BEDROCK_EVENT_TOOL_INPUT, 1, "{\"city\":"),
            (BEDROCK_EVENT_TOOL_INPUT, 1, " \"Z\u{fc}rich\"}"),
            (BEDROCK_EVENT_BLOCK_STOP, 1, "{\"city\": \"Z\u{fc}rich\"}"),
            (BEDROCK_EVENT_MESSAGE_STOP, -1, "tool_use"),
            (BEDROCK_EVENT_METADATA, -1, ""),
        ]
    );
    let sent: Vec<_> = frames(&reply.body_bytes()).iter().map(|frame| frame.text().to_owned()).collect();
    let payloads: Vec<_> = events.iter().map(|event| event.json.clone()).collect();
    assert_eq!(payloads, sent);
    for event in [&events[5], &events[8]] {
        assert_eq!((event.tool_id.as_str(), event.tool_name.as_str()), ("tooluse_1", "weather"));
    }

    assert_eq!(response.text, "Hello, \u{1f30d} \"there\"\n");
    assert_eq!((response.stop_reason.as_str(), response.finish_reason.as_str()), ("tool_use", "tool_calls"));
    let [call] = &response.tool_calls[..] else { panic!("one tool call: {response:?}") };
    assert_eq!((call.id.as_str(), call.name.as_str(), call.input_valid), ("tooluse_1", "weather", true));
    let input: serde_json::Value = serde_json::from_str(&call.input).expect("the input is JSON");
    assert_eq!(input, json!({"city": "Z\u{fc}rich"}));
    let usage = &response.usage;
    assert_eq!((usage.input_tokens, usage.output_tokens, usage.total_tokens, usage.latency_ms), (11, 7, 18, 17));
    assert_eq!((response.request_id.as_str(), response.attempts), (REQUEST_ID, 1));
}

#[test]
fn a_stream_is_the_same_however_its_bytes_are_split() {
    let golden = Golden::new();
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    let request = Request::say("Hello?");
    let sizes = (1..=64).chain([127, 128, 129, golden.len() - 1, golden.len()]);
    for size in sizes {
        bedrock.push(golden.reply.clone().in_chunks_of(size));
        let streamed = model.stream(&request);
        assert_eq!(streamed.events, golden.events, "in chunks of {size} bytes");
        assert_eq!(streamed.outcome.response(), &golden.response, "in chunks of {size} bytes");
    }
    bedrock.push(golden.reply.clone().in_one_chunk());
    assert_eq!(model.stream(&request).events, golden.events, "in one chunk");
}

#[test]
fn a_chunked_stream_cut_at_every_byte_is_never_ok_before_message_stop() {
    cut_at_every_byte("chunked", CHUNKED, &[Cut::CleanEnd, Cut::Close, Cut::Reset]);
}

#[test]
fn a_stream_with_a_content_length_cut_at_every_byte_is_never_ok_before_message_stop() {
    cut_at_every_byte("content-length", CONTENT_LENGTH, &[Cut::CleanEnd, Cut::Close, Cut::Reset]);
}

#[test]
fn a_stream_until_close_cut_at_every_byte_is_never_ok_before_message_stop() {
    cut_at_every_byte("until close", UNTIL_CLOSE, &[Cut::CleanEnd, Cut::Reset]);
}

#[test]
fn a_stream_with_a_trailer_cut_at_every_byte_is_never_ok_before_message_stop() {
    cut_at_every_byte("with a trailer", TRAILER, &[Cut::CleanEnd]);
}

/// Cuts the stream at every byte, 0 and its end included, and checks each end. Before messageStop every one is
/// BEDROCK_E_TRUNCATED. After it, it is BEDROCK_OK if nothing is missing: no frame is incomplete, and either the body
/// ended as its framing says, or metadata, which comes last, has arrived.
fn cut_at_every_byte(framing_name: &str, framing: Framing, cuts: &[Cut]) {
    let golden = Golden::new();
    for &cut in cuts {
        let bedrock = LocalBedrock::start();
        let model = Model::at(&bedrock);
        let request = Request::say("Hello?");
        let mut ends = BTreeMap::<String, Vec<usize>>::new();
        for bytes in 0..=golden.len() {
            let context = format!("{framing_name}, {cut:?} after {bytes} of {} bytes", golden.len());
            let expected = &golden.events[..golden.complete_frames(bytes)];
            let shown = Gate::new();
            if cut != Cut::Reset || expected.is_empty() {
                shown.open();
            }
            bedrock.push(golden.cut(bytes, cut, framing, &shown));

            let mut count = 0;
            let streamed = model.stream_with(&request, std::ptr::null_mut(), |_| {
                count += 1;
                if count == expected.len() {
                    shown.open();
                }
                0
            });

            assert_eq!(streamed.events, expected, "{context}");
            let outcome = &streamed.outcome;
            ends.entry(name(outcome.status)).or_default().push(bytes);
            let between_frames = bytes == 0 || golden.ends.contains(&bytes);
            let nothing_missing = between_frames && (cut == Cut::CleanEnd || bytes == golden.len());
            if bytes < golden.stopped || !nothing_missing {
                assert_eq!(name(outcome.status), "BEDROCK_E_TRUNCATED", "{context}: {outcome:?}");
                let failure = outcome.failed(BEDROCK_E_TRUNCATED);
                let when = if bytes < golden.stopped { "before messageStop" } else { "after messageStop" };
                failure.says(&["the response stream ended", when]);
                assert_eq!((failure.request_id.as_str(), failure.attempts), (REQUEST_ID, 1), "{context}");
                assert!(failure.retryable, "{context}");
                assert_eq!((failure.code.as_str(), failure.path.as_str()), ("", ""), "{context}");
            } else {
                assert_eq!(name(outcome.status), "BEDROCK_OK", "{context}: {outcome:?}");
                let response = outcome.response();
                assert_eq!(response.message, golden.response.message, "{context}");
                assert_eq!(response.stop_reason, "tool_use", "{context}");
                let usage = if bytes == golden.len() { 18 } else { -1 };
                assert_eq!(response.usage.total_tokens, usage, "{context}");
            }
        }
        assert_eq!(bedrock.requests().len(), golden.len() + 1, "one request for each call: a cut is not retried");
        assert_eq!(bedrock.problems(), [""; 0]);
        let counts: Vec<_> = ends.iter().map(|(status, at)| format!("{status} {}", at.len())).collect();
        println!("{framing_name:>16} {:>9}: {} cuts: {}", format!("{cut:?}"), golden.len() + 1, counts.join(", "));
        let first_ok = ends.get("BEDROCK_OK").and_then(|at| at.first());
        assert!(first_ok.is_some_and(|first| *first >= golden.stopped), "{framing_name}, {cut:?}: {first_ok:?}");
    }
}

#[test]
fn an_http_response_cut_at_every_byte_of_head_and_framing_is_never_ok_before_message_stop() {
    let golden = Golden::new();
    let mut response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\nx-amzn-RequestId: {REQUEST_ID}\r\n\
        Transfer-Encoding: chunked\r\n\r\n"
    )
    .into_bytes();
    let head = response.len();
    let (body, mut begin, mut stopped) = (golden.reply.body_bytes(), 0, 0);
    for &end in &golden.ends {
        response.extend_from_slice(format!("{:x}\r\n", end - begin).as_bytes());
        response.extend_from_slice(&body[begin..end]);
        if end == golden.stopped {
            stopped = response.len();
        }
        response.extend_from_slice(b"\r\n");
        begin = end;
    }
    let metadata = response.len() - "\r\n".len();
    response.extend_from_slice(b"0\r\n\r\n");

    let bedrock = LocalBedrock::start();
    let model = Model::at_with(&bedrock, json!({"retry": {"max_attempts": 1}}));
    let request = Request::say("Hello?");
    let mut counts = BTreeMap::<String, usize>::new();
    for bytes in 0..=response.len() {
        bedrock.push(Reply::not_http(response[..bytes].to_vec()));
        let Streamed { events, outcome } = model.stream(&request);
        assert_eq!(events, golden.events[..events.len()], "after {bytes} bytes");
        *counts.entry(name(outcome.status)).or_default() += 1;
        let expected = match bytes {
            _ if bytes < head => BEDROCK_E_NETWORK,
            // Between the two, only metadata is missing.
            _ if bytes < metadata => BEDROCK_E_TRUNCATED,
            _ => BEDROCK_OK,
        };
        assert_eq!(name(outcome.status), name(expected), "after {bytes} of {} bytes: {outcome:?}", response.len());
        if bytes < stopped {
            assert!(outcome.status < 0);
        }
        if let Some(failure) = outcome.failure {
            assert_eq!(failure.attempts, 1, "after {bytes} bytes");
            assert!(failure.retryable, "after {bytes} bytes: {failure:?}");
        }
    }
    println!("   HTTP response     Close: {} cuts: {counts:?}", response.len() + 1);
}

#[test]
fn an_incomplete_frame_after_metadata_is_truncation() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    for (rest, cut) in [(1, Cut::CleanEnd), (11, Cut::CleanEnd), (11, Cut::Close), (100, Cut::CleanEnd)] {
        let more = complete_stream().metadata(11, 7);
        let length = complete_stream().body_len() + rest;
        bedrock.push(more.cut_at(length, cut));
        let streamed = model.stream(&Request::say("Hello?"));
        assert_eq!(streamed.events.len(), complete_stream().piece_ends().len());
        let failure = streamed.outcome.failed(BEDROCK_E_TRUNCATED);
        assert!(!failure.message.contains("before its metadata"), "metadata had arrived: {:?}", failure.message);
    }
}

#[test]
fn a_response_is_complete_once_its_metadata_has_arrived_although_its_body_never_ends() {
    let bedrock = LocalBedrock::start();
    let length = complete_stream().body_len();
    bedrock.push(complete_stream().stall_after(length));
    let model = Model::at_with(&bedrock, json!({"timeouts": {"idle": "300ms"}}));
    let streamed = model.stream(&Request::say("Hello?"));
    assert_eq!(streamed.outcome.response().usage.total_tokens, 18);

    let stopped = complete_stream().piece_ends().len() - 2;
    bedrock.push(complete_stream().stall_after(complete_stream().piece_ends()[stopped]));
    model.stream(&Request::say("Hello?")).outcome.failed(BEDROCK_E_TIMEOUT);
}

#[test]
fn a_unary_response_cut_at_every_byte_is_never_ok() {
    let response = json!({
        "metrics": {"latencyMs": 17},
        "output": {"message": {"content": [{"text": "Hello, \u{1f30d}"}], "role": "assistant"}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3},
    })
    .to_string();
    let framings = [("content-length", CONTENT_LENGTH), ("chunked", CHUNKED), ("until close", UNTIL_CLOSE)];
    for (framing_name, framing) in framings {
        for cut in [Cut::CleanEnd, Cut::Close] {
            let bedrock = LocalBedrock::start();
            let model = Model::at(&bedrock);
            let request = Request::say("Hello?");
            // Without framing, every close is a regular end.
            let clean = cut == Cut::CleanEnd || framing_name == "until close";
            let mut counts = BTreeMap::<String, usize>::new();
            for bytes in 0..=response.len() {
                let context = format!("{framing_name}, {cut:?} after {bytes} of {} bytes", response.len());
                bedrock.push(framing(Reply::json(response.clone()).request_id(REQUEST_ID)).cut_at(bytes, cut));
                let outcome = model.generate(&request);
                *counts.entry(name(outcome.status)).or_default() += 1;
                let all = bytes == response.len() && (clean || framing_name == "content-length");
                if all {
                    assert_eq!(outcome.response().json, response, "{context}");
                    continue;
                }
                let expected = if clean { BEDROCK_E_PROTOCOL } else { BEDROCK_E_NETWORK };
                assert_eq!(name(outcome.status), name(expected), "{context}: {outcome:?}");
                let failure = outcome.failed(expected);
                assert_eq!(failure.request_id, REQUEST_ID, "{context}");
                assert_eq!((failure.attempts, failure.http_status), (1, 200), "{context}");
            }
            let framing_name = format!("unary, {framing_name}");
            println!("{framing_name:>21} {:>9}: {} cuts: {counts:?}", format!("{cut:?}"), response.len() + 1);
        }
    }
}
