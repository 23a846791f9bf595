//! No wait is unlimited: each timer ends its call, and the error names the timer and its setting.

mod support;

use std::ptr::null_mut;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use support::capi::*;
use support::stream::event_frame;
use support::{ClosedBy, FullPort, Gate, LocalBedrock, PATIENCE, Reply};

/// Timers so long that a test fails if one of them ends a call.
const FAR_OFF: &str = "10m";

/// Returns a model with these timers; all others are long. It has made a call, so that no timer runs out during the
/// work of a first call; its connection is the server's first.
#[track_caller]
fn model_with_timeouts(bedrock: &LocalBedrock, timeouts: Value) -> Model {
    let far_off = json!({"first_event": FAR_OFF, "idle": FAR_OFF, "total": FAR_OFF});
    warm(bedrock).with(json!({"timeouts": with(far_off, timeouts)}))
}

/// Returns a model that has made a call.
#[track_caller]
fn warm(bedrock: &LocalBedrock) -> Model {
    let model = Model::at(bedrock);
    bedrock.push(Reply::text_response("Hello"));
    assert_eq!(model.generate(&Request::say("Hello?")).response().text, "Hello");
    bedrock.take_requests();
    model
}

/// Asserts that `call` ends with BEDROCK_E_TIMEOUT, by the timer of this name with this setting, long before the long
/// timers.
#[track_caller]
fn ends_by(timer: &str, setting: &str, call: impl FnOnce() -> Outcome) -> Failure {
    let began = Instant::now();
    let outcome = call();
    let failure = outcome.failed(BEDROCK_E_TIMEOUT).clone();
    failure.says(&[setting, &format!("timeouts.{timer}")]);
    assert!(failure.retryable, "{failure:?}");
    assert!(began.elapsed() < PATIENCE, "it took {:?}", began.elapsed());
    failure
}

#[test]
fn the_first_event_timer_ends_a_stream_whose_head_never_comes() {
    let bedrock = LocalBedrock::start();
    let model = model_with_timeouts(&bedrock, json!({"first_event": "2s"}));
    bedrock.push(Reply::hang());
    let failure = ends_by("first_event", "2s", || model.stream(&Request::say("Hello?")).outcome);
    assert_eq!((failure.attempts, failure.http_status), (1, 0));
    assert_eq!(bedrock.wait_closed(1), ClosedBy::Client);
}

#[test]
fn the_first_event_timer_ends_a_stream_whose_head_drips() {
    let bedrock = LocalBedrock::start();
    let model = model_with_timeouts(&bedrock, json!({"first_event": "2s"}));
    bedrock.push(Reply::stream().text_stream(&["Hello"], "end_turn").head_drip(Duration::from_millis(100)));
    ends_by("first_event", "2s", || model.stream(&Request::say("Hello?")).outcome);
    assert_eq!(bedrock.wait_closed(1), ClosedBy::Client);
}

#[test]
fn the_first_event_timer_ends_a_stream_whose_head_comes_and_no_event() {
    let bedrock = LocalBedrock::start();
    let model = model_with_timeouts(&bedrock, json!({"first_event": "2s"}));
    bedrock.push(Reply::stream().request_id("the-silent-one").stall_after(0));
    let failure = ends_by("first_event", "2s", || model.stream(&Request::say("Hello?")).outcome);
    assert_eq!((failure.attempts, failure.request_id.as_str()), (1, "the-silent-one"));
    assert_eq!(bedrock.wait_closed(1), ClosedBy::Client);
}

#[test]
fn the_first_event_timer_counts_from_the_call_and_through_its_retries() {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| Reply::error(503, "ServiceUnavailableException", "busy"));
    let timeouts = json!({"connect": FAR_OFF, "first_event": "2s", "idle": FAR_OFF});
    let retry = json!({"max_attempts": 1000, "max_backoff": "20s"});
    let model = warm(&bedrock).with(json!({"timeouts": timeouts, "retry": retry}));
    let failure = ends_by("first_event", "2s", || model.stream(&Request::say("Hello?")).outcome);
    assert!(failure.attempts >= 1, "{failure:?}");
    // The last of them may have been on its way when the timer ended the call.
    let seen = bedrock.requests().len();
    assert!((seen..=seen + 1).contains(&(failure.attempts as usize)), "{seen} requests seen; {failure:?}");
}

#[test]
fn the_idle_timer_ends_a_stream_that_stalls_after_an_event() {
    let bedrock = LocalBedrock::start();
    let model = model_with_timeouts(&bedrock, json!({"idle": "150ms"}));
    let reply = Reply::stream().message_start().text_delta(0, "Hel").text_delta(0, "lo");
    let stalled = reply.piece_ends()[1];
    // Between two writes a busy machine may pause for longer than the timer.
    bedrock.push(reply.request_id("the-stalled-one").stall_after(stalled).in_one_write());
    let mut text = String::new();
    let failure = ends_by("idle", "150ms", || {
        let streamed = model.stream(&Request::say("Hello?"));
        text = streamed.text();
        streamed.outcome
    });
    assert_eq!(text, "Hel", "what had come was shown");
    assert_eq!((failure.attempts, failure.request_id.as_str()), (1, "the-stalled-one"));
    assert_eq!(bedrock.wait_closed(1), ClosedBy::Client);
    assert_eq!(bedrock.requests().len(), 1, "after an event nothing is tried again");
}

#[test]
fn bytes_that_drip_inside_a_frame_do_not_reset_the_idle_timer() {
    let bedrock = LocalBedrock::start();
    let model = model_with_timeouts(&bedrock, json!({"idle": "400ms"}));
    // In total it takes far longer than the idle timer, but no single pause does.
    let mut reply = Reply::stream().message_start();
    let long = json!({"contentBlockIndex": 0, "delta": {"text": "drip".repeat(100)}}).to_string();
    for byte in &event_frame("contentBlockDelta", &long) {
        reply = reply.raw(vec![*byte]).pause(Duration::from_millis(20));
    }
    bedrock.push(reply.message_stop("end_turn").metadata(1, 1));
    let mut events = Vec::new();
    ends_by("idle", "400ms", || {
        let streamed = model.stream(&Request::say("Hello?"));
        events = streamed.events;
        streamed.outcome
    });
    assert_eq!(events.iter().map(|event| event.kind).collect::<Vec<_>>(), [BEDROCK_EVENT_MESSAGE_START]);
    assert_eq!(bedrock.wait_closed(1), ClosedBy::Client);
}

#[test]
fn bytes_that_drip_inside_the_first_frame_do_not_reset_the_first_event_timer() {
    let bedrock = LocalBedrock::start();
    let model = model_with_timeouts(&bedrock, json!({"first_event": "2s"}));
    let reply = Reply::stream().text_stream(&["Hello"], "end_turn");
    bedrock.push(reply.in_chunks_of(1).paced(Duration::from_millis(50)));
    let failure = ends_by("first_event", "2s", || {
        let streamed = model.stream(&Request::say("Hello?"));
        assert_eq!(streamed.events, []);
        streamed.outcome
    });
    assert_eq!(failure.attempts, 1);
}

#[test]
fn each_event_resets_the_idle_timer() {
    let bedrock = LocalBedrock::start();
    let model = model_with_timeouts(&bedrock, json!({"idle": "3s"}));
    // Longer than the idle timer as a whole, and each pause a tenth of it.
    let words = [" and on"; 14];
    bedrock.push(Reply::stream().text_stream(&words, "end_turn").paced(Duration::from_millis(300)));
    let began = Instant::now();
    let streamed = model.stream(&Request::say("Hello?"));
    assert_eq!(streamed.outcome.response().text, words.concat());
    assert!(began.elapsed() > Duration::from_secs(3), "the stream was too fast to show anything");
}

#[test]
fn the_total_timer_ends_a_stream_that_goes_on_and_on() {
    let bedrock = LocalBedrock::start();
    let model = model_with_timeouts(&bedrock, json!({"total": "2s"}));
    let words = [" and on"; 1000];
    bedrock.push(Reply::stream().text_stream(&words, "end_turn").paced(Duration::from_millis(20)));
    let failure = ends_by("total", "2s", || model.stream(&Request::say("Hello?")).outcome);
    assert!(!names_timeout(&failure), "\"timeout\" does not set the total of a stream: {failure:?}");
    assert_eq!(bedrock.wait_closed(1), ClosedBy::Client);
}

#[test]
fn the_total_timer_ends_a_stream_that_never_pauses() {
    let bedrock = LocalBedrock::start();
    let model = model_with_timeouts(&bedrock, json!({"total": "2s"}));
    let word = event_frame("contentBlockDelta", &json!({"contentBlockIndex": 0, "delta": {"text": "on"}}).to_string());
    bedrock.push(Reply::stream().message_start().then_forever(word));
    ends_by("total", "2s", || model.stream(&Request::say("Hello?")).outcome);
    assert_eq!(bedrock.wait_closed(1), ClosedBy::Client);
}

#[test]
fn the_total_timer_ends_a_stream_that_is_not_read() {
    let bedrock = LocalBedrock::start();
    let model = model_with_timeouts(&bedrock, json!({"total": "2s"}));
    bedrock.push(Reply::stream().message_start().then_forever(long_text_event(64 << 10)));
    let closed = &mut None;
    ends_by("total", "2s", || {
        let wait = |_: &Event| {
            // This thread does not end the call: it stays in here until the connection is closed.
            closed.get_or_insert_with(|| bedrock.wait_closed(1));
            0
        };
        model.stream_with(&Request::say("Hello?"), null_mut(), wait).outcome
    });
    assert_eq!(*closed, Some(ClosedBy::Client));
}

#[test]
fn the_timeout_ends_a_unary_call_whose_response_never_comes() {
    let bedrock = LocalBedrock::start();
    let model = warm(&bedrock).with(json!({"timeout": "2s"}));
    bedrock.push(Reply::hang());
    let failure = ends_by("total", "2s", || model.generate(&Request::say("Hello?")));
    assert!(names_timeout(&failure), "it was \"timeout\" that was set: {failure:?}");
    assert_eq!(failure.attempts, 1);
    assert_eq!(bedrock.wait_closed(1), ClosedBy::Client);
}

#[test]
fn the_timeout_ends_a_unary_call_whose_response_stalls_or_drips() {
    let stalls = Reply::text_response("Hello").stall_after(20);
    let drips = Reply::text_response("Hello").in_chunks_of(1).paced(Duration::from_millis(50));
    // Both at once, because each takes as long as the timer.
    std::thread::scope(|threads| {
        for reply in [stalls, drips] {
            threads.spawn(|| {
                let bedrock = LocalBedrock::start();
                let model = warm(&bedrock).with(json!({"timeout": "2s"}));
                bedrock.push(reply);
                ends_by("total", "2s", || model.generate(&Request::say("Hello?")));
                assert_eq!(bedrock.wait_closed(1), ClosedBy::Client);
            });
        }
    });
}

#[test]
fn the_timeout_alone_sets_first_event_and_idle() {
    let silent = LocalBedrock::start();
    let model = Model::at_with(&silent, json!({"timeout": "150ms"}));
    silent.push(Reply::hang());
    ends_by("first_event", "150ms", || model.stream(&Request::say("Hello?")).outcome);
    // Another server: on a busy machine, the first call ends before it has taken its reply.
    let stalling = LocalBedrock::start();
    let model = warm(&stalling).with(json!({"timeout": "2s"}));
    stalling.push(Reply::stream().message_start().text_delta(0, "Hel").wait_for(&Gate::new()));
    ends_by("idle", "2s", || model.stream(&Request::say("Hello?")).outcome);
}

#[test]
fn a_derived_model_can_set_the_deadline_of_one_call() {
    let bedrock = LocalBedrock::start();
    let model = model_with_timeouts(&bedrock, json!({}));
    bedrock.push(Reply::hang());
    bedrock.push(Reply::hang());
    let hasty = model.with(json!({"timeouts": {"first_event": "150ms"}}));
    ends_by("first_event", "150ms", || hasty.stream(&Request::say("Hello?")).outcome);
    let hasty = model.with(json!({"timeouts": {"total": "150ms"}}));
    ends_by("total", "150ms", || hasty.generate(&Request::say("Hello?")));
}

#[test]
fn the_time_that_on_event_takes_is_not_idle_time() {
    let bedrock = LocalBedrock::start();
    let model = model_with_timeouts(&bedrock, json!({"idle": "2s"}));
    // More than the library and two sockets buffer: while on_event does not return, the server is blocked.
    let mut reply = Reply::stream().message_start();
    for _ in 0..256 {
        reply = reply.raw(long_text_event(64 << 10));
    }
    bedrock.push(reply.message_stop("end_turn").metadata(1, 1));
    let mut held_up = 0;
    let streamed = model.stream_with(&Request::say("Hello?"), null_mut(), |event| {
        if event.kind == BEDROCK_EVENT_MESSAGE_START {
            held_up = bedrock.wait_blocked(1, Duration::from_millis(2500));
        }
        0
    });
    assert_eq!(streamed.outcome.response().text.len(), 256 * (64 << 10));
    assert!(held_up < 12 << 20, "the server was held up only after {held_up} bytes");
}

#[test]
fn a_very_long_event_resets_the_idle_timer_as_any_other_does() {
    let bedrock = LocalBedrock::start();
    let model = model_with_timeouts(&bedrock, json!({"idle": "3s", "first_event": "3s"}));
    let pause = Duration::from_millis(700);
    // The first event is a long one; from each to the next it is far less than the timer, and from the first to the
    // last more.
    let long = long_text_event(2 << 20);
    let reply = (0..5).fold(Reply::stream(), |reply, _| reply.raw(long.clone()).pause(pause)).raw(long_text_event(1));
    bedrock.push(reply.message_stop("end_turn").metadata(1, 1));
    let streamed = model.stream(&Request::say("Hello?"));
    assert_eq!(streamed.outcome.response().text.len(), (10 << 20) + 1);
}

#[test]
fn the_time_that_a_program_takes_for_a_very_long_event_is_not_idle_time() {
    let bedrock = LocalBedrock::start();
    let model = model_with_timeouts(&bedrock, json!({"idle": "2500ms"}));
    let next = Gate::new();
    // Behind the long event there is the beginning of another, which is not read while the program has the first.
    let (begin, rest) = (long_text_event(512 << 10), long_text_event(100));
    let begun = Reply::stream().message_start().raw(begin).raw(rest.slice(..50));
    bedrock.push(begun.wait_for(&next).raw(rest.slice(50..)).message_stop("end_turn").metadata(1, 1));
    let streamed = model.stream_with(&Request::say("Hello?"), null_mut(), |event| {
        if event.text.len() == 512 << 10 {
            std::thread::sleep(Duration::from_secs(3));
            let opens = next.clone();
            // The rest comes a while after the program has begun to wait, and well within the timer.
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(300));
                opens.open();
            });
        }
        0
    });
    assert_eq!(streamed.outcome.response().text.len(), (512 << 10) + 100);
}

#[test]
fn on_event_may_take_longer_than_any_timer_once_the_response_has_arrived() {
    let bedrock = LocalBedrock::start();
    let model = model_with_timeouts(&bedrock, json!({"idle": "2s", "total": "2s"}));
    bedrock.push(Reply::stream().text_stream(&["Hel", "lo"], "end_turn").in_one_chunk().content_length());
    let streamed = model.stream_with(&Request::say("Hello?"), null_mut(), |event| {
        if event.kind == BEDROCK_EVENT_MESSAGE_START {
            std::thread::sleep(Duration::from_millis(2500));
        }
        0
    });
    assert_eq!(streamed.outcome.response().text, "Hello");
}

#[test]
fn a_refused_connection_is_a_network_error() {
    let port = LocalBedrock::refusing_port();
    let bedrock = LocalBedrock::start();
    let model = Model::at_with(&bedrock, json!({"base_url": format!("http://127.0.0.1:{port}")}));
    for outcome in [model.generate(&Request::say("Hello?")), model.stream(&Request::say("Hello?")).outcome] {
        let failure = outcome.failed(BEDROCK_E_NETWORK);
        failure.says(&["efused", "base_url"]);
        assert!(failure.retryable);
        assert_eq!((failure.http_status, failure.code.as_str(), failure.request_id.as_str()), (0, "", ""));
    }
}

#[test]
fn the_connect_timer_ends_a_call_whose_connection_is_never_established() {
    let full = FullPort::new();
    let bedrock = LocalBedrock::start();
    let timeouts = json!({"connect": "200ms", "first_event": FAR_OFF, "idle": FAR_OFF, "total": FAR_OFF});
    let members =
        json!({"base_url": format!("http://{}", full.address()), "timeouts": timeouts, "retry": {"max_attempts": 1}});
    let model = Model::at_with(&bedrock, members);
    ends_by("connect", "200ms", || model.stream(&Request::say("Hello?")).outcome);
    ends_by("connect", "200ms", || model.generate(&Request::say("Hello?")));
}

#[test]
fn the_wait_for_a_permit_of_max_concurrency_counts_for_the_timers() {
    let bedrock = LocalBedrock::start();
    let gate = Gate::new();
    bedrock.push(Reply::text_response("at last").head_waits_for(&gate));
    let model = Model::at_with(&bedrock, json!({"max_concurrency": 1}));
    let hasty = model.with(json!({"timeout": "150ms"}));
    std::thread::scope(|threads| {
        let first = threads.spawn(|| model.generate(&Request::say("Hello?")));
        gate.wait_arrivals(1);
        let failure = ends_by("first_event", "150ms", || hasty.stream(&Request::say("Me too?")).outcome);
        assert_eq!(failure.attempts, 0, "nothing was sent");
        failure.says(&["waited 150ms for a permit (max_concurrency is 1) and was never sent"]);
        let failure = ends_by("total", "150ms", || hasty.generate(&Request::say("Me too?")));
        assert_eq!(failure.attempts, 0, "nothing was sent");
        failure.says(&["waited 150ms for a permit (max_concurrency is 1) and was never sent"]);
        gate.open();
        assert_eq!(first.join().expect("no panic").response().text, "at last");
    });
    assert_eq!(bedrock.requests().len(), 1);
}

#[test]
fn the_error_of_a_call_that_gets_no_permit_says_that_it_was_never_sent() {
    let bedrock = LocalBedrock::start();
    let gate = Gate::new();
    for _ in 0..2 {
        bedrock.push(Reply::text_response("at last").head_waits_for(&gate));
    }
    let model = Model::at_with(&bedrock, json!({"max_concurrency": 2}));
    let hasty = model.with(json!({"timeouts": {"queue": "150ms"}}));
    std::thread::scope(|threads| {
        let first: Vec<_> = (0..2).map(|_| threads.spawn(|| model.generate(&Request::say("Hello?")))).collect();
        gate.wait_arrivals(2);
        let many: Vec<_> = (0..20)
            .map(|call| {
                let operation = ["Converse", "ConverseStream"][call % 2];
                let hasty = &hasty;
                threads.spawn(move || hasty.call(operation, &Request::say("Me too?")))
            })
            .collect();
        for call in many {
            let failure = ends_by("queue", "150ms", || call.join().expect("no panic"));
            failure.says(&["waited 150ms for a permit (max_concurrency is 2) and was never sent"]);
            failure.says(&["Raise max_concurrency or timeouts.queue"]);
            assert_eq!((failure.attempts, failure.http_status), (0, 0));
        }
        gate.open();
        for call in first {
            assert_eq!(call.join().expect("no panic").response().text, "at last");
        }
    });
    assert_eq!(bedrock.requests().len(), 2);
}

#[test]
fn with_a_queue_timer_the_other_timers_begin_when_the_call_has_its_permit() {
    // The wait for its permit takes longer than its other timers allow.
    let waiting = Duration::from_secs(3);
    let check = |operation: &str, reply: Reply| {
        let bedrock = LocalBedrock::start();
        let gate = Gate::new();
        bedrock.push(Reply::text_response("at last").head_waits_for(&gate));
        bedrock.push(reply);
        let model = Model::at_with(&bedrock, json!({"max_concurrency": 1}));
        let patient = model.with(json!({"timeout": "2500ms", "timeouts": {"queue": FAR_OFF}}));
        std::thread::scope(|threads| {
            let first = threads.spawn(|| model.generate(&Request::say("Hello?")));
            gate.wait_arrivals(1);
            let began = Instant::now();
            let second = threads.spawn(|| patient.call(operation, &Request::say("Me too?")));
            // The test measures the time that passes.
            std::thread::sleep(waiting);
            gate.open();
            assert_eq!(first.join().expect("no panic").response().text, "at last");
            assert_eq!(second.join().expect("no panic").response().text, "Hello", "{operation}");
            assert!(began.elapsed() >= waiting);
        });
        assert_eq!(bedrock.requests().len(), 2);
    };
    // Both at once, because each takes as long as the wait.
    std::thread::scope(|threads| {
        threads.spawn(|| check("Converse", Reply::text_response("Hello")));
        threads.spawn(|| check("ConverseStream", Reply::stream().text_stream(&["Hello"], "end_turn")));
    });
}

/// Returns whether the message names the setting "timeout".
fn names_timeout(failure: &Failure) -> bool {
    failure.message.split(|c: char| !c.is_alphanumeric()).any(|word| word == "timeout")
}

fn long_text_event(bytes: usize) -> bytes::Bytes {
    event_frame("contentBlockDelta", &json!({"contentBlockIndex": 0, "delta": {"text": "x".repeat(bytes)}}).to_string())
}
