//! Connections that die between two calls: nobody is to see it.

use std::time::Duration;

use serde_json::json;

use crate::carrier::Carrier;
use crate::golden::golden;
use crate::harness::{Running, Turn};
use crate::interface::Interface;
use crate::support::capi::*;
use crate::support::{LocalBedrock, Reply};

/// Each call but the first finds a connection that the server has ended after the call before.
pub fn a_dead_connection_is_not_seen(carrier: Carrier) {
    let (running, _turn) = (Running::begin(), Turn::busy());
    let bedrock = carrier.start();
    let model = Model::new(&carrier.config(&bedrock));
    let request = Request::say("Hello?");
    for way in ["closed", "reset"] {
        let end = if way == "closed" { Reply::then_close } else { Reply::then_reset };
        for seen in [true, false] {
            for interface in Interface::STREAMS.into_iter().chain([Interface::Unary]) {
                let reply = if interface == Interface::Unary { Reply::text_response("Hello") } else { golden() };
                // A length of its own, so that the client has the whole answer before the connection ends.
                let before = bedrock.connection_count();
                bedrock.push(end(Reply::text_response("Hello")));
                assert_eq!(model.generate(&request).response().text, "Hello");
                if seen {
                    bedrock.wait_closed(before.max(1));
                }
                bedrock.push(reply);
                let run = interface.call(&model, &request, |_| ());
                assert_eq!(name(run.status), "BEDROCK_OK", "{way}, {interface:?}: {run:?}");
                let attempts = run.response.as_ref().expect("a response").attempts;
                assert!(attempts <= 2, "{way}, {interface:?}: {attempts} requests for one that works");
                assert_eq!(bedrock.unused_replies(), 0);
            }
        }
    }
    drop((model, request));
    running.end();
}

/// A 429 that says when to come again is tried again then, and not before.
pub fn retry_after_is_waited_for(carrier: Carrier) {
    let (running, _turn) = (Running::begin(), Turn::busy());
    let bedrock = carrier.start();
    let model = Model::new(&with(carrier.config(&bedrock), json!({"timeout": "5s", "retry": {"max_backoff": "2s"}})));
    let request = Request::say("Hello?");
    let throttled = |after: &str| Reply::error(429, "ThrottlingException", "Slow down").header("Retry-After", after);
    for interface in [Interface::Callback, Interface::Next, Interface::Fd, Interface::Unary] {
        bedrock.push(throttled("1"));
        bedrock.push(if interface == Interface::Unary { Reply::text_response("Hello") } else { golden() });
        let run = interface.call(&model, &request, |_| ());
        assert_eq!(name(run.status), "BEDROCK_OK", "{interface:?}: {run:?}");
        assert_eq!(run.response.as_ref().expect("a response").attempts, 2);
        assert!(run.took >= Duration::from_secs(1), "{interface:?} came again after {:?}", run.took);
        assert!(run.took < Duration::from_secs(4), "{interface:?} came again after {:?}", run.took);
    }
    drop((model, request));
    running.end();
}

/// Failures that pass are tried again with the same bytes.
pub fn throttled_calls_come_again(carrier: Carrier) {
    let (running, _turn) = (Running::begin(), Turn::busy());
    let bedrock: LocalBedrock = carrier.start();
    let model = Model::new(&carrier.config(&bedrock));
    let request = Request::say("Hello?");
    for interface in Interface::STREAMS.into_iter().chain([Interface::Unary]) {
        bedrock.push(Reply::error(429, "ThrottlingException", "Slow down"));
        bedrock.push(Reply::error(503, "ServiceUnavailableException", "busy"));
        bedrock.push(if interface == Interface::Unary { Reply::text_response("Hello") } else { golden() });
        let run = interface.call(&model, &request, |_| ());
        assert_eq!(name(run.status), "BEDROCK_OK", "{interface:?}: {run:?}");
        assert_eq!(run.response.as_ref().expect("a response").attempts, 3, "{interface:?}");
        let sent = bedrock.take_requests();
        assert!(sent.len() == 3 && sent.iter().all(|again| again.body == sent[0].body), "{interface:?}: {sent:?}");
    }
    drop((model, request));
    running.end();
}
