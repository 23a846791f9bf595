//! A peer that vanishes is detected within 30 seconds. A peer that is only silent is not given up.
//!
//! The peer runs in a network namespace of its own, at the other end of a pair of virtual network devices. It vanishes
//! when its packets are dropped: the devices stay up, and no side gets an error.

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
const LOCAL: Ipv4Addr = Ipv4Addr::new(10, 213, 0, 1);
const REMOTE: Ipv4Addr = Ipv4Addr::new(10, 213, 0, 2);
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

/// The remote end: a thread in a network namespace of its own. Servers that the thread starts are in that namespace.
struct Remote {
    jobs: mpsc::Sender<Box<dyn FnOnce() + Send>>,
}

impl Remote {
    fn new() -> Remote {
        let (jobs, received) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        let (send_id, thread_id) = mpsc::channel();
        std::thread::spawn(move || {
            let status = unsafe { libc::unshare(libc::CLONE_NEWNET) };
            assert_eq!(status, 0, "unshare: {}", std::io::Error::last_os_error());
            send_id.send(unsafe { libc::gettid() }).expect("a test that waits");
            received.into_iter().for_each(|job| job());
        });
        let thread = thread_id.recv().expect("a thread in a network namespace");
        ip("link add name local type veth peer name remote");
        ip(&format!("link set remote netns {thread}"));
        ip(&format!("addr add {LOCAL}/24 dev local"));
        ip("link set local up");
        ip("link set lo up");
        let remote = Remote { jobs };
        remote.run(|| {
            ip(&format!("addr add {REMOTE}/24 dev remote"));
            ip("link set remote up");
        });
        remote
    }

    /// Runs `job` on the thread, and returns its result.
    fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (result, results) = mpsc::channel();
        let job = move || result.send(job()).expect("a test that waits");
        self.jobs.send(Box::new(job)).expect("a thread that receives jobs");
        results.recv().expect("a job that has ended")
    }

    fn server(&self, protocol: Protocol) -> LocalBedrock {
        self.run(move || LocalBedrock::with_protocol_at((REMOTE, 0), protocol))
    }

    /// Drops all further packets from the remote end.
    fn vanish(&self) {
        self.run(|| ip(&format!("route add blackhole {LOCAL}/32")));
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
struct OpensOnDrop<'a>(&'a Gate);

impl Drop for OpensOnDrop<'_> {
    fn drop(&mut self) {
        self.0.open();
    }
}

fn in_a_namespace() {
    let remote = Remote::new();
    let versions = [("1.1", Protocol::Http1), ("2", Protocol::HTTP2)];
    let never = Gate::new();
    let late = Gate::new();
    // More than the kernel buffers for a connection, which is 4 MiB by default.
    let large = "x".repeat(8 << 20);
    std::thread::scope(|threads| {
        let _late = OpensOnDrop(&late);
        let (begin, begun) = mpsc::channel::<()>();
        let mut calls = Vec::new();
        let mut silent = Vec::new();
        let mut idle = Vec::new();
        for (version, protocol) in &versions {
            // In the middle of a stream.
            let bedrock = remote.server(protocol.clone());
            bedrock.push(Reply::stream().message_start().text_delta(0, "Hel").wait_for(&never));
            let (first_event, host) = (begin.clone(), bedrock.url());
            let call = threads.spawn(move || {
                let streamed = model(&bedrock, version).stream_with(&hello(), null_mut(), |event| {
                    if event.kind == BEDROCK_EVENT_TEXT {
                        first_event.send(()).expect("a test that waits");
                    }
                    0
                });
                (streamed.outcome, Instant::now())
            });
            calls.push((format!("in the middle of a stream over HTTP/{version}"), host, call));

            // While the call waits for the first event, or for a response.
            for operation in ["ConverseStream", "Converse"] {
                let bedrock = remote.server(protocol.clone());
                bedrock.push(Reply::hang());
                let (begin, host) = (begin.clone(), bedrock.url());
                let call = threads.spawn(move || {
                    let model = model(&bedrock, version);
                    std::thread::scope(|threads| {
                        let call = threads.spawn(|| (model.call(operation, &hello()), Instant::now()));
                        bedrock.wait_requests(1);
                        begin.send(()).expect("a test that waits");
                        call.join().expect("no panic")
                    })
                });
                calls.push((format!("{operation} without a response over HTTP/{version}"), host, call));
            }

            // An idle connection that is used after its peer has vanished.
            let bedrock = remote.server(protocol.clone());
            bedrock.push(Reply::text_response("Hello"));
            let used = model(&bedrock, version);
            assert_eq!(used.generate(&hello()).response().text, "Hello");
            idle.push((version, bedrock, used, "a small request", hello()));

            // The same, with a request that is larger than the socket's buffer, and still being sent.
            let bedrock = remote.server(protocol.clone());
            bedrock.push(Reply::text_response("Hello"));
            let used = model(&bedrock, version);
            assert_eq!(used.generate(&hello()).response().text, "Hello");
            idle.push((version, bedrock, used, "a request of 8 MiB", Request::say(&large)));

            // A peer that is silent for longer than the detection takes, and has not vanished.
            let bedrock = LocalBedrock::with_protocol(protocol.clone());
            bedrock.push(Reply::stream().message_start().wait_for(&late).text(0, &["Hello"]).message_stop("end_turn"));
            silent.push(threads.spawn(move || model(&bedrock, version).stream(&hello()).outcome));
        }
        calls.iter().for_each(|_| begun.recv().expect("a call that has begun"));
        remote.vanish();
        let vanished = Instant::now();
        for (version, bedrock, used, what, request) in idle {
            let host = bedrock.url();
            let call = threads.spawn(move || (used.generate(&request), Instant::now()));
            calls.push((format!("{what} over an idle connection of HTTP/{version}"), host, call));
        }
        let ended: Vec<_> =
            calls.into_iter().map(|(what, url, call)| (what, url, call.join().expect("no panic"))).collect();
        // The silent peers have to be silent for longer than the detection takes.
        std::thread::sleep((LONGEST + Duration::from_secs(2)).saturating_sub(vanished.elapsed()));
        late.open();
        for (what, url, (outcome, ended)) in ended {
            let took = ended - vanished;
            let message = outcome.failure.as_ref().map_or("", |failure| &failure.message);
            println!("{what}: detected after {took:?}: {message}");
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
