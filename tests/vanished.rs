//! A peer that vanishes is detected within 30 seconds. A peer that is only silent is not given up.
//!
//! The peer runs in a network namespace of its own, at the other end of a pair of virtual network devices. It vanishes when its
//! packets are dropped: the devices stay up, and no side gets an error.

mod support;

use std::net::Ipv4Addr;
use std::process::Command;
use std::ptr::null_mut;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::json;

use support::capi::*;
use support::{Gate, LocalBedrock, Protocol, Reply, network_namespace};

const TEST: &str = "a_peer_that_vanishes_is_detected_within_30_seconds_and_one_that_is_silent_is_not_given_up";
const HERE: Ipv4Addr = Ipv4Addr::new(10, 213, 0, 1);
const THERE: Ipv4Addr = Ipv4Addr::new(10, 213, 0, 2);
/// The time within which a vanished peer is detected.
const LONGEST: Duration = Duration::from_secs(30);

#[test]
fn a_peer_that_vanishes_is_detected_within_30_seconds_and_one_that_is_silent_is_not_given_up() {
    if network_namespace::is_entered(TEST, &[]) {
        in_a_namespace();
    }
}

#[track_caller]
fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output().expect("ip");
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The other end: a thread in a network namespace of its own, which its servers inherit.
struct There {
    orders: mpsc::Sender<Box<dyn FnOnce() + Send>>,
}

impl There {
    fn new() -> There {
        let (orders, received) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let left = unsafe { libc::unshare(libc::CLONE_NEWNET) };
            assert_eq!(left, 0, "unshare: {}", std::io::Error::last_os_error());
            tell.send(unsafe { libc::gettid() }).expect("a test that waits");
            received.into_iter().for_each(|order| order());
        });
        let thread = told.recv().expect("a thread in a network namespace");
        ip("link add name here type veth peer name there");
        ip(&format!("link set there netns {thread}"));
        ip(&format!("addr add {HERE}/24 dev here"));
        ip("link set here up");
        ip("link set lo up");
        let there = There { orders };
        there.run(|| {
            ip(&format!("addr add {THERE}/24 dev there"));
            ip("link set there up");
        });
        there
    }

    fn run<T: Send + 'static>(&self, order: impl FnOnce() -> T + Send + 'static) -> T {
        let (tell, told) = mpsc::channel();
        let order = move || tell.send(order()).expect("a test that waits");
        self.orders.send(Box::new(order)).expect("a thread that takes orders");
        told.recv().expect("an order that was carried out")
    }

    fn server(&self, protocol: Protocol) -> LocalBedrock {
        self.run(move || LocalBedrock::with_protocol_at(THERE, protocol))
    }

    /// Drops all packets from there from now on.
    fn vanish(&self) {
        self.run(|| ip(&format!("route add blackhole {HERE}/32")));
    }
}

/// A model with the default timers.
fn model(bedrock: &LocalBedrock, version: &str) -> Model {
    let members = json!({"allow_http": true, "http_version": version, "retry": {"max_attempts": 1}});
    Model::at_with(bedrock, members)
}

fn hello() -> Request {
    Request::say("Hello?")
}

/// Opens a gate when it is dropped, so that a test that fails leaves no thread waiting.
struct OpensAtLast<'a>(&'a Gate);

impl Drop for OpensAtLast<'_> {
    fn drop(&mut self) {
        self.0.open();
    }
}

fn in_a_namespace() {
    let there = There::new();
    let versions = [("1.1", Protocol::Http1), ("2", Protocol::HTTP2)];
    let never = Gate::new();
    let late = Gate::new();
    std::thread::scope(|threads| {
        let _late = OpensAtLast(&late);
        let (tell, told) = mpsc::channel::<()>();
        let mut calls = Vec::new();
        let mut silent = Vec::new();
        let mut kept = Vec::new();
        for (version, protocol) in &versions {
            // In the middle of a stream.
            let bedrock = there.server(protocol.clone());
            bedrock.push(Reply::stream().message_start().text_delta(0, "Hel").wait_for(&never));
            let (tell_first, host) = (tell.clone(), bedrock.url());
            let call = threads.spawn(move || {
                let streamed = model(&bedrock, version).stream_with(&hello(), null_mut(), |event| {
                    if event.kind == BEDROCK_EVENT_TEXT {
                        tell_first.send(()).expect("a test that waits");
                    }
                    0
                });
                (streamed.outcome, Instant::now())
            });
            calls.push((format!("in the middle of a stream over HTTP/{version}"), host, call));

            // While the call waits for the first event, or for a response.
            for operation in ["ConverseStream", "Converse"] {
                let bedrock = there.server(protocol.clone());
                bedrock.push(Reply::hang());
                let (tell, host) = (tell.clone(), bedrock.url());
                let call = threads.spawn(move || {
                    let model = model(&bedrock, version);
                    std::thread::scope(|threads| {
                        let call = threads.spawn(|| (model.call(operation, &hello()), Instant::now()));
                        bedrock.wait_requests(1);
                        tell.send(()).expect("a test that waits");
                        call.join().expect("no panic")
                    })
                });
                calls.push((format!("{operation} without an answer over HTTP/{version}"), host, call));
            }

            // An idle connection that is used after its peer has vanished.
            let bedrock = there.server(protocol.clone());
            bedrock.push(Reply::text_response("Hello"));
            let used = model(&bedrock, version);
            assert_eq!(used.generate(&hello()).response().text, "Hello");
            kept.push((version, bedrock, used, "Hello?".to_owned()));

            // The same, with a request that is larger than the socket's buffer, and still being sent.
            let bedrock = there.server(protocol.clone());
            bedrock.push(Reply::text_response("Hello"));
            let used = model(&bedrock, version);
            assert_eq!(used.generate(&hello()).response().text, "Hello");
            kept.push((version, bedrock, used, "x".repeat(32 << 20)));

            // A peer that is silent for longer than the detection takes, and has not vanished.
            let bedrock = LocalBedrock::with_protocol(protocol.clone());
            bedrock.push(Reply::stream().message_start().wait_for(&late).text(0, &["Hello"]).message_stop("end_turn"));
            silent.push(threads.spawn(move || model(&bedrock, version).stream(&hello()).outcome));
        }
        calls.iter().for_each(|_| told.recv().expect("a call that has begun"));
        there.vanish();
        let vanished = Instant::now();
        for (version, bedrock, used, text) in kept {
            let (host, length) = (bedrock.url(), text.len());
            let call = threads.spawn(move || (used.generate(&Request::say(&text)), Instant::now()));
            calls.push((format!("{length} bytes over a kept connection of HTTP/{version}"), host, call));
        }
        let ended: Vec<_> =
            calls.into_iter().map(|(what, url, call)| (what, url, call.join().expect("no panic"))).collect();
        // The test is about the time that passes.
        std::thread::sleep((LONGEST + Duration::from_secs(2)).saturating_sub(vanished.elapsed()));
        late.open();
        for (what, url, (outcome, ended)) in ended {
            let took = ended - vanished;
            let message = outcome.failure.as_ref().map_or("", |failure| &failure.message);
            println!("{what}: found after {took:?}: {message}");
            let failure = outcome.failed(BEDROCK_E_TIMEOUT);
            failure.says(&["does not respond any more", url.trim_start_matches("http://")]);
            assert_eq!((failure.attempts, failure.retryable), (1, true), "{what}");
            assert!(took < LONGEST, "{what}: {took:?}");
        }
        for call in silent {
            assert_eq!(call.join().expect("no panic").response().text, "Hello");
        }
    });
}
