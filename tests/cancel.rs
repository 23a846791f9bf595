//! The program ends a call: by a cancel, from any thread and at any time, or by the result of its callback. Both close
//! the connection, so that the service stops generating tokens, which cost money.

mod support;

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread;

use bedrock::ffi::cancel::{bedrock_cancel, bedrock_cancel_fire, bedrock_cancel_free};
use serde_json::json;

use support::capi::*;
use support::{ClosedBy, Gate, LocalBedrock, Reply};

/// Returns messageStart and a text delta, then nothing until the gate opens, then the rest.
fn held_stream(gate: &Gate) -> Reply {
    Reply::stream()
        .message_start()
        .text_delta(0, "Hel")
        .wait_for(gate)
        .text(0, &["lo"])
        .message_stop("end_turn")
        .metadata(11, 2)
}

/// Returns a complete response in one packet: all of its events arrive at once.
fn stream_at_once() -> Reply {
    Reply::stream()
        .message_start()
        .text(0, &["Hel", "lo"])
        .tool_call(1, "tooluse_1", "weather", &["{\"city\":", "\"Bern\"}"])
        .message_stop("tool_use")
        .metadata(11, 2)
        .in_one_chunk()
        .content_length()
}

// Cancelling.

#[test]
fn a_call_with_a_fired_cancel_sends_nothing() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    let cancel = Cancel::new();
    cancel.fire();
    cancel.fire();
    let request = Request::say("Hello?");
    for _ in 0..2 {
        let unary = model.generate_with(&request, cancel.handle());
        let streamed = model.stream_with(&request, cancel.handle(), |_| 0);
        for outcome in [unary, streamed.outcome] {
            let failure = outcome.failed(BEDROCK_E_CANCELLED);
            assert_eq!((failure.attempts, failure.retryable), (0, false));
        }
        assert_eq!(streamed.events, []);
    }
    assert_eq!(bedrock.connection_count(), 0, "nothing was sent");
}

#[test]
fn a_cancel_ends_a_unary_call_that_waits_for_the_head() {
    let bedrock = LocalBedrock::start();
    bedrock.push(Reply::hang());
    let (model, cancel) = (Model::at(&bedrock), Cancel::new());
    thread::scope(|threads| {
        let call = threads.spawn(|| model.generate_with(&Request::say("Hello?"), cancel.handle()));
        bedrock.wait_requests(1);
        cancel.fire();
        let outcome = call.join().expect("no panic");
        assert_eq!(outcome.failed(BEDROCK_E_CANCELLED).attempts, 1);
    });
    assert_eq!(bedrock.wait_closed(1), ClosedBy::Client);
}

#[test]
fn a_cancel_ends_a_unary_call_in_the_middle_of_the_body() {
    let bedrock = LocalBedrock::start();
    let gate = Gate::new();
    bedrock.push(Reply::json("{\"output\":").chunked().wait_for(&gate).raw("{}}"));
    let (model, cancel) = (Model::at(&bedrock), Cancel::new());
    thread::scope(|threads| {
        let call = threads.spawn(|| model.generate_with(&Request::say("Hello?"), cancel.handle()));
        gate.wait_arrivals(1);
        cancel.fire();
        call.join().expect("no panic").failed(BEDROCK_E_CANCELLED);
    });
    assert_eq!(bedrock.wait_closed(1), ClosedBy::Client);
}

#[test]
fn a_cancel_ends_a_stream_that_waits_for_the_head() {
    let bedrock = LocalBedrock::start();
    bedrock.push(Reply::hang());
    let (model, cancel) = (Model::at(&bedrock), Cancel::new());
    thread::scope(|threads| {
        let call = threads.spawn(|| model.stream_with(&Request::say("Hello?"), cancel.handle(), |_| 0));
        bedrock.wait_requests(1);
        cancel.fire();
        let streamed = call.join().expect("no panic");
        streamed.outcome.failed(BEDROCK_E_CANCELLED);
        assert_eq!(streamed.events, []);
    });
    assert_eq!(bedrock.wait_closed(1), ClosedBy::Client);
}

#[test]
fn a_cancel_from_another_thread_ends_a_stream_between_events() {
    let bedrock = LocalBedrock::start();
    bedrock.push(held_stream(&Gate::new()).request_id("the-cancelled-one"));
    let (model, cancel) = (Model::at(&bedrock), Cancel::new());
    let (tell, shown) = std::sync::mpsc::channel();
    thread::scope(|threads| {
        let call = threads.spawn(|| {
            let tell = tell;
            let mut text = String::new();
            let streamed = model.stream_with(&Request::say("Hello?"), cancel.handle(), |event| {
                text += if event.kind == BEDROCK_EVENT_TEXT { &event.text } else { "" };
                if text == "Hel" {
                    tell.send(()).expect("the receiver exists");
                }
                0
            });
            (text, streamed)
        });
        shown.recv().expect("the text is shown");
        cancel.fire();
        let (text, streamed) = call.join().expect("no panic");
        assert_eq!(text, "Hel");
        assert_eq!(streamed.outcome.failed(BEDROCK_E_CANCELLED).attempts, 1);
    });
    assert_eq!(bedrock.wait_closed(1), ClosedBy::Client);
}

#[test]
fn a_cancel_from_inside_on_event_ends_the_stream_with_that_event() {
    let bedrock = LocalBedrock::start();
    bedrock.push(held_stream(&Gate::new()));
    let (model, cancel) = (Model::at(&bedrock), Cancel::new());
    let streamed = model.stream_with(&Request::say("Hello?"), cancel.handle(), |event| {
        if event.kind == BEDROCK_EVENT_TEXT {
            cancel.fire();
        }
        0
    });
    streamed.outcome.failed(BEDROCK_E_CANCELLED);
    assert_eq!(streamed.text(), "Hel");
    assert_eq!(bedrock.wait_closed(1), ClosedBy::Client);
}

#[test]
fn no_event_is_passed_on_after_a_cancel_even_if_all_of_them_have_arrived() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    let request = Request::say("Hello?");
    let events = frames_of(&stream_at_once());
    for last in 1..=events {
        bedrock.push(stream_at_once());
        let (cancel, mut count) = (Cancel::new(), 0);
        let streamed = model.stream_with(&request, cancel.handle(), |_| {
            count += 1;
            if count == last {
                cancel.fire();
            }
            0
        });
        assert_eq!(streamed.events.len(), last, "events after a cancel at event {last} of {events}");
        streamed.outcome.failed(BEDROCK_E_CANCELLED);
    }
}

#[test]
fn on_event_may_cancel_and_stop_at_once() {
    let bedrock = LocalBedrock::start();
    bedrock.push(held_stream(&Gate::new()));
    let (model, cancel) = (Model::at(&bedrock), Cancel::new());
    let streamed = model.stream_with(&Request::say("Hello?"), cancel.handle(), |_| {
        cancel.fire();
        1
    });
    // It asked for both, and only one took effect.
    assert!([BEDROCK_STOPPED, BEDROCK_E_CANCELLED].contains(&streamed.outcome.status), "{streamed:?}");
    assert_eq!(streamed.events.len(), 1);
    assert_eq!(bedrock.wait_closed(1), ClosedBy::Client);
}

#[test]
fn a_cancel_ends_a_stream_with_a_slow_callback_and_a_blocked_server() {
    let bedrock = LocalBedrock::start();
    let event = support::stream::event_frame("contentBlockDelta", &json!({"x": "x".repeat(64 << 10)}).to_string());
    bedrock.push(Reply::stream().message_start().then_forever(event));
    let (model, cancel) = (Model::at(&bedrock), Cancel::new());
    let streamed = model.stream_with(&Request::say("Hello?"), cancel.handle(), |event| {
        if event.kind == BEDROCK_EVENT_MESSAGE_START {
            bedrock.wait_blocked(1, std::time::Duration::from_millis(100));
            cancel.fire();
            // The connection is closed while this callback still runs.
            assert_eq!(bedrock.wait_closed(1), ClosedBy::Client);
        }
        0
    });
    streamed.outcome.failed(BEDROCK_E_CANCELLED);
    assert_eq!(streamed.events.len(), 1, "no event after the cancel");
}

#[test]
fn a_cancel_ends_a_call_during_its_backoff() {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| Reply::error(503, "ServiceUnavailableException", "busy"));
    let retry = json!({"max_attempts": 1000, "max_backoff": "1h"});
    let (model, cancel) = (Model::at_with(&bedrock, json!({"retry": retry})), Cancel::new());
    thread::scope(|threads| {
        let call = threads.spawn(|| model.generate_with(&Request::say("Hello?"), cancel.handle()));
        bedrock.wait_requests(2);
        cancel.fire();
        let outcome = call.join().expect("no panic");
        assert!(outcome.failed(BEDROCK_E_CANCELLED).attempts >= 2, "{outcome:?}");
    });
}

#[test]
fn a_cancel_ends_a_call_that_waits_for_a_permit_and_nothing_of_it_is_sent() {
    let bedrock = LocalBedrock::start();
    let gate = Gate::new();
    bedrock.push(Reply::text_response("first").head_waits_for(&gate));
    bedrock.push(Reply::text_response("second"));
    let model = Model::at_with(&bedrock, json!({"max_concurrency": 1}));
    let cancel = Cancel::new();
    thread::scope(|threads| {
        let first = threads.spawn(|| model.generate(&Request::say("first")));
        gate.wait_arrivals(1);
        let waiting = threads.spawn(|| model.generate_with(&Request::say("never"), cancel.handle()));
        cancel.fire();
        assert_eq!(waiting.join().expect("no panic").failed(BEDROCK_E_CANCELLED).attempts, 0);
        gate.open();
        assert_eq!(first.join().expect("no panic").response().text, "first");
    });
    assert_eq!(model.generate(&Request::say("second")).response().text, "second");
    let sent: Vec<_> = bedrock.requests().iter().map(|request| request.text().contains("never")).collect();
    assert_eq!(sent, [false, false]);
}

#[test]
fn one_cancel_ends_many_calls_and_all_later_ones() {
    const CALLS: usize = 8;
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| Reply::hang());
    let (model, cancel) = (Model::at(&bedrock), Cancel::new());
    let request = Request::say("Hello?");
    thread::scope(|threads| {
        let calls: Vec<_> = (0..CALLS)
            .map(|call| {
                let (model, request, cancel) = (&model, &request, &cancel);
                threads.spawn(move || match call % 2 {
                    0 => model.generate_with(request, cancel.handle()),
                    _ => model.stream_with(request, cancel.handle(), |_| 0).outcome,
                })
            })
            .collect();
        bedrock.wait_requests(CALLS);
        cancel.fire();
        for call in calls {
            call.join().expect("no panic").failed(BEDROCK_E_CANCELLED);
        }
    });
    (1..=CALLS).for_each(|connection| assert_eq!(bedrock.wait_closed(connection), ClosedBy::Client));
    model.generate_with(&request, cancel.handle()).failed(BEDROCK_E_CANCELLED);
    assert_eq!(bedrock.requests().len(), CALLS);
}

#[test]
fn a_cancel_ends_the_calls_it_was_given_to_and_no_others() {
    let bedrock = LocalBedrock::start();
    let gate = Gate::new();
    bedrock.respond_with({
        let gate = gate.clone();
        move |request| match request.text().contains("doomed") {
            true => Reply::hang(),
            false => held_stream(&gate),
        }
    });
    let (model, cancel, other) = (Model::at(&bedrock), Cancel::new(), Cancel::new());
    thread::scope(|threads| {
        let doomed = threads.spawn(|| model.stream_with(&Request::say("doomed"), cancel.handle(), |_| 0));
        let alone = threads.spawn(|| model.stream(&Request::say("alone")));
        let others = threads.spawn(|| model.stream_with(&Request::say("another's"), other.handle(), |_| 0));
        bedrock.wait_requests(3);
        cancel.fire();
        doomed.join().expect("no panic").outcome.failed(BEDROCK_E_CANCELLED);
        gate.open();
        assert_eq!(alone.join().expect("no panic").outcome.response().text, "Hello");
        assert_eq!(others.join().expect("no panic").outcome.response().text, "Hello");
    });
}

#[test]
fn a_cancel_that_is_not_fired_changes_nothing_and_serves_many_calls_one_after_the_other() {
    let bedrock = LocalBedrock::start();
    let (model, cancel) = (Model::at(&bedrock), Cancel::new());
    let request = Request::say("Hello?");
    for _ in 0..3 {
        bedrock.push(stream_at_once());
        assert_eq!(model.stream_with(&request, cancel.handle(), |_| 0).outcome.response().text, "Hello");
        bedrock.push(Reply::text_response("Hi"));
        assert_eq!(model.generate_with(&request, cancel.handle()).response().text, "Hi");
    }
    cancel.fire();
    model.generate_with(&request, cancel.handle()).failed(BEDROCK_E_CANCELLED);
}

#[test]
fn a_call_goes_on_when_its_cancel_is_freed_and_can_no_longer_be_cancelled_by_it() {
    let bedrock = LocalBedrock::start();
    let gate = Gate::new();
    bedrock.push(held_stream(&gate));
    let (model, cancel) = (Model::at(&bedrock), Cancel::new());
    let stale = AtomicPtr::new(cancel.handle());
    thread::scope(|threads| {
        let call = threads.spawn(|| model.stream_with(&Request::say("Hello?"), stale.load(Ordering::Relaxed), |_| 0));
        gate.wait_arrivals(1);
        drop(cancel);
        bedrock_cancel_fire(stale.load(Ordering::Relaxed));
        gate.open();
        assert_eq!(call.join().expect("no panic").outcome.response().text, "Hello");
    });
}

#[test]
fn on_event_may_free_the_cancel_of_its_own_call() {
    let bedrock = LocalBedrock::start();
    bedrock.push(stream_at_once());
    let model = Model::at(&bedrock);
    let mut cancel = Some(Cancel::new());
    let handle = cancel.as_ref().expect("just made").handle();
    let streamed = model.stream_with(&Request::say("Hello?"), handle, |_| {
        drop(cancel.take());
        bedrock_cancel_fire(handle);
        0
    });
    assert_eq!(streamed.outcome.response().text, "Hello");
}

#[test]
fn a_freed_cancel_is_a_bad_handle_and_firing_it_does_nothing() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    let stale = Cancel::new().handle();
    bedrock_cancel_fire(stale);
    bedrock_cancel_free(stale);
    bedrock_cancel_fire(null_mut());
    // The slot of the freed cancel may be used again: the stale handle still does not name the new cancel.
    let fresh = Cancel::new();
    bedrock_cancel_fire(stale);
    let request = Request::say("Hello?");
    model.generate_with(&request, stale).failed(BEDROCK_E_BAD_HANDLE);
    model.stream_with(&request, stale, |_| 0).outcome.failed(BEDROCK_E_BAD_HANDLE);
    model.generate_with(&request, model.handle().cast()).failed(BEDROCK_E_BAD_HANDLE);
    assert_eq!(bedrock.connection_count(), 0, "nothing was sent");

    bedrock.push(Reply::text_response("Hi"));
    assert_eq!(model.generate_with(&request, fresh.handle()).response().text, "Hi");
}

#[test]
fn a_call_after_a_cancelled_one_works() {
    let bedrock = LocalBedrock::start();
    bedrock.push(held_stream(&Gate::new()));
    bedrock.push(stream_at_once());
    let (model, cancel) = (Model::at(&bedrock), Cancel::new());
    let request = Request::say("Hello?");
    let streamed = model.stream_with(&request, cancel.handle(), |_| {
        cancel.fire();
        0
    });
    streamed.outcome.failed(BEDROCK_E_CANCELLED);
    assert_eq!(model.stream(&request).outcome.response().text, "Hello");
}

// From a signal handler.

static FOR_THE_HANDLER: AtomicPtr<bedrock_cancel> = AtomicPtr::new(null_mut());

extern "C" fn fire_in_handler(_: libc::c_int) {
    bedrock_cancel_fire(FOR_THE_HANDLER.load(Ordering::Relaxed));
}

/// Makes SIGUSR1 fire `cancel`. One test of a process may use it.
fn fire_on_sigusr1(cancel: &Cancel) {
    FOR_THE_HANDLER.store(cancel.handle(), Ordering::Relaxed);
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = fire_in_handler as extern "C" fn(libc::c_int) as usize;
    let installed = unsafe { libc::sigaction(libc::SIGUSR1, &action, null_mut()) };
    assert_eq!(installed, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn a_cancel_may_be_fired_in_a_signal_handler() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    let request = Request::say("Hello?");

    // On a thread that sleeps inside the call, as with Ctrl-C in a terminal.
    let cancel = Cancel::new();
    fire_on_sigusr1(&cancel);
    bedrock.push(Reply::hang());
    thread::scope(|threads| {
        let (sender, receiver) = std::sync::mpsc::channel();
        let (model, request, cancel) = (&model, &request, &cancel);
        let call = threads.spawn(move || {
            sender.send(unsafe { libc::pthread_self() }).expect("the receiver exists");
            model.generate_with(request, cancel.handle())
        });
        let thread = receiver.recv().expect("the thread sends its id");
        bedrock.wait_requests(1);
        assert_eq!(unsafe { libc::pthread_kill(thread, libc::SIGUSR1) }, 0);
        call.join().expect("no panic").failed(BEDROCK_E_CANCELLED);
    });
    assert_eq!(bedrock.wait_closed(1), ClosedBy::Client);

    // During the callback; errno does not change.
    let cancel = Cancel::new();
    fire_on_sigusr1(&cancel);
    bedrock.push(held_stream(&Gate::new()));
    let streamed = model.stream_with(&request, cancel.handle(), |event| {
        if event.kind == BEDROCK_EVENT_TEXT {
            let errno = unsafe { libc::__errno_location() };
            unsafe {
                *errno = 4711;
                libc::raise(libc::SIGUSR1);
                assert_eq!(*errno, 4711);
            }
        }
        0
    });
    streamed.outcome.failed(BEDROCK_E_CANCELLED);
    assert_eq!(streamed.text(), "Hel");
    assert_eq!(bedrock.wait_closed(2), ClosedBy::Client);
}

// Stopping.

#[test]
fn a_callback_that_returns_nonzero_ends_the_call_at_once_and_closes_the_connection() {
    let bedrock = LocalBedrock::start();
    for result in [1, -1, i32::MIN] {
        bedrock.push(held_stream(&Gate::new()).request_id("the-stopped-one"));
        let model = Model::at(&bedrock);
        let streamed = model.stream_with(&Request::say("Hello?"), null_mut(), |event| match event.kind {
            BEDROCK_EVENT_TEXT => result,
            _ => 0,
        });
        let response = streamed.outcome.stopped();
        assert!(!response.complete);
        assert_eq!((response.text.as_str(), response.stop_reason.as_str()), ("Hel", ""));
        assert_eq!(response.usage.total_tokens, -1);
        assert_eq!((response.request_id.as_str(), response.attempts), ("the-stopped-one", 1));
        assert_eq!(bedrock.wait_closed(bedrock.connection_count()), ClosedBy::Client);
    }
}

#[test]
fn a_stop_at_any_event_passes_on_no_further_event_and_returns_the_part_that_had_arrived() {
    let bedrock = LocalBedrock::start();
    let model = Model::at(&bedrock);
    let request = Request::say("Hello?");
    let events = frames_of(&stream_at_once());
    for last in 1..=events {
        bedrock.push(stream_at_once());
        let mut count = 0;
        let streamed = model.stream_with(&request, null_mut(), |_| {
            count += 1;
            i32::from(count == last)
        });
        let response = streamed.outcome.stopped();
        assert_eq!(streamed.events.len(), last);
        assert!(!response.complete, "stopped at event {last} of {events}");
        assert_eq!(response.text, streamed.text(), "stopped at event {last} of {events}");
        let of = |kind| streamed.events.iter().filter(move |event| event.kind == kind);
        assert_eq!(
            response.tool_calls.len(),
            of(BEDROCK_EVENT_BLOCK_START).count(),
            "stopped at event {last} of {events}"
        );
        // The tool call is there as far as it has arrived; its input counts once it is complete JSON.
        let input: String = of(BEDROCK_EVENT_TOOL_INPUT).map(|event| event.text.as_str()).collect();
        for call in &response.tool_calls {
            assert_eq!((call.id.as_str(), call.name.as_str(), &call.input), ("tooluse_1", "weather", &input));
            assert_eq!(call.input_valid, input.ends_with('}'), "stopped at event {last} of {events}");
        }
    }
}

#[test]
fn a_stop_leaves_the_model_usable() {
    let bedrock = LocalBedrock::start();
    bedrock.push(held_stream(&Gate::new()));
    bedrock.push(stream_at_once());
    let model = Model::at_with(&bedrock, json!({"max_concurrency": 1}));
    let request = Request::say("Hello?");
    model.stream_with(&request, null_mut(), |_| 1).outcome.stopped();
    assert_eq!(model.stream(&request).outcome.response().text, "Hello");
}

#[test]
fn a_stop_returns_no_response_if_out_is_null() {
    use bedrock::ffi::generate::{bedrock_event, bedrock_generate_stream};
    unsafe extern "C-unwind" fn stop(_: *const bedrock_event, _: *mut std::ffi::c_void) -> i32 {
        1
    }
    let bedrock = LocalBedrock::start();
    bedrock.push(held_stream(&Gate::new()));
    let (model, request) = (Model::at(&bedrock), Request::say("Hello?"));
    let status = unsafe {
        let (no_out, no_err) = (null_mut(), null_mut());
        bedrock_generate_stream(model.handle(), request.handle(), null_mut(), Some(stop), null_mut(), no_out, no_err)
    };
    assert_eq!(name(status), "BEDROCK_STOPPED");
    assert_eq!(bedrock.wait_closed(1), ClosedBy::Client);
}

fn frames_of(reply: &Reply) -> usize {
    support::frames(&reply.body_bytes()).len()
}
