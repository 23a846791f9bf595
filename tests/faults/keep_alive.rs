//! Connections that are lost between two calls, and retries. The program sees no failure.

use std::time::Duration;

use serde_json::json;

use crate::carrier::Carrier;
use crate::golden::golden;
use crate::harness::{Running, Turn, until_in_time};
use crate::interface::Interface;
use crate::support::capi::*;
use crate::support::{LocalBedrock, Reply};

/// When a call ends at the latest that is retried after a second.
const LATEST: Duration = Duration::from_secs(4);

/// Each call finds an idle connection that the server has closed or reset.
pub fn check_dead_connections(carrier: Carrier) {
    let (running, _turn) = (Running::begin(), Turn::busy());
    let bedrock = carrier.start();
    // A slow handshake starts no second connection beside it, which would be used in place of the one that is lost.
    let model = Model::new(&with(carrier.config(&bedrock), json!({"timeouts": {"connect": "60s"}})));
    let request = Request::say("Hello?");
    for way in ["closed", "reset"] {
        let end = if way == "closed" { Reply::then_close } else { Reply::then_reset };
        for seen in [true, false] {
            for interface in Interface::STREAMS.into_iter().chain([Interface::Unary]) {
                let reply = if interface == Interface::Unary { Reply::text_response("Hello") } else { golden() };
                // Unary, with a content-length, so that the client has the complete response before the connection
                // ends.
                bedrock.push(end(Reply::text_response("Hello")));
                assert_eq!(model.generate(&request).response().text, "Hello");
                if seen {
                    bedrock.wait_closed(bedrock.last_request().connection);
                }
                bedrock.push(reply);
                let run = interface.call(&model, &request, |_| ());
                assert_eq!(name(run.status), "BEDROCK_OK", "{way}, {interface:?}: {run:?}");
                let attempts = run.response.as_ref().expect("a response").attempts;
                assert!(attempts <= 2, "{way}, {interface:?}: {attempts} attempts");
                assert_eq!(bedrock.unused_replies(), 0);
            }
        }
    }
    drop((model, request));
    running.end();
}

/// A 429 with Retry-After is retried after that time, and not before.
pub fn check_retry_after(carrier: Carrier) {
    let (running, _turn) = (Running::begin(), Turn::busy());
    let bedrock = carrier.start();
    let model = Model::new(&with(carrier.config(&bedrock), json!({"timeout": "60s", "retry": {"max_backoff": "2s"}})));
    let request = Request::say("Hello?");
    let throttled = |after: &str| Reply::error(429, "ThrottlingException", "Slow down").header("Retry-After", after);
    for interface in [Interface::Callback, Interface::Next, Interface::Fd, Interface::Unary] {
        let call = || {
            bedrock.push(throttled("1"));
            bedrock.push(if interface == Interface::Unary { Reply::text_response("Hello") } else { golden() });
            let run = interface.call(&model, &request, |_| ());
            assert_eq!(name(run.status), "BEDROCK_OK", "{interface:?}: {run:?}");
            assert_eq!(run.response.as_ref().expect("a response").attempts, 2);
            assert!(run.took >= Duration::from_secs(1), "{interface:?} retried after {:?}", run.took);
            run.took
        };
        let took = until_in_time(call, |took| *took < LATEST);
        assert!(took < LATEST, "{interface:?} retried after {took:?}");
    }
    drop((model, request));
    running.end();
}

/// Transient errors are retried with the same bytes.
pub fn check_retries(carrier: Carrier) {
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
