//! A connection that is made ahead of a call is the one that the call uses.

mod support;

use std::net::TcpListener;
use std::path::Path;
use std::ptr::null_mut;
use std::thread;
use std::time::{Duration, Instant};

use http::Version;
use serde_json::{Value, json};

use support::capi::*;
use support::pull::{Pull, Pulled};
use support::{Flaw, Forwarder, Gate, LocalBedrock, Protocol, Proxy, Reply, Tls};

fn hello() -> Request {
    Request::say("Hello?")
}

fn over_tls(bedrock: &LocalBedrock, members: Value) -> Model {
    let ca_file = bedrock.tls().map(Tls::ca_file);
    Model::once_at(&format!("https://localhost:{}", bedrock.port()), with(json!({"ca_file": ca_file}), members))
}

fn serving(protocol: Protocol) -> LocalBedrock {
    let bedrock = LocalBedrock::with_protocol(protocol);
    bedrock.respond_with(|_| Reply::text_response("Hello"));
    bedrock
}

/// Connects several times, and then calls: over one connection, on which nothing but the call was sent.
#[track_caller]
fn the_call_uses_the_connection(bedrock: &LocalBedrock, model: &Model, version: Version) {
    for _ in 0..3 {
        model.connect().expect("a connection");
    }
    assert!(bedrock.requests().is_empty(), "connecting sends no request");
    let outcome = model.generate(&hello());
    assert_eq!((outcome.response().text.as_str(), outcome.response().attempts), ("Hello", 1));
    let requests = bedrock.take_requests();
    assert_eq!(requests.iter().map(|request| request.version).collect::<Vec<_>>(), [version]);
    assert_eq!(bedrock.connection_count(), 1, "one connection for all");
}

#[test]
fn the_first_call_after_connecting_opens_no_connection() {
    let plain = serving(Protocol::Http1);
    the_call_uses_the_connection(&plain, &Model::once_at(&plain.url(), json!({})), Version::HTTP_11);
    let prior = serving(Protocol::Http2 { streams: 100 });
    the_call_uses_the_connection(&prior, &Model::once_at(&prior.url(), json!({"http_version": "2"})), Version::HTTP_2);
    for (protocol, version) in [("http/1.1", Version::HTTP_11), ("h2", Version::HTTP_2)] {
        let tls = serving(Protocol::Tls(Tls::new(Flaw::Nothing, &[protocol])));
        the_call_uses_the_connection(&tls, &over_tls(&tls, json!({})), version);
    }
}

#[test]
fn a_derived_model_uses_the_connection_too() {
    let bedrock = serving(Protocol::Tls(Tls::new(Flaw::Nothing, &["h2"])));
    let base = over_tls(&bedrock, json!({}));
    base.connect().expect("a connection");
    base.with(json!({"timeout": "10s"})).generate(&hello()).response();
    assert_eq!(bedrock.connection_count(), 1);
}

#[test]
fn connecting_goes_through_the_proxy_that_calls_go_through() {
    let tls = Tls::new(Flaw::Nothing, &["h2"]).for_host("bedrock.example");
    let bedrock = serving(Protocol::Tls(tls.clone()));
    let proxy = Proxy::to(bedrock.port());
    let members = json!({"ca_file": tls.ca_file(), "proxy": format!("http://127.0.0.1:{}", proxy.port())});
    let model = Model::once_at("https://bedrock.example:8443", members);
    the_call_uses_the_connection(&bedrock, &model, Version::HTTP_2);
    assert_eq!(proxy.heads().len(), 1, "{:?}", proxy.heads());
}

#[test]
fn a_connection_that_its_peer_has_closed_is_replaced() {
    let bedrock = LocalBedrock::start();
    let model = Model::once_at(&bedrock.url(), json!({}));
    bedrock.push(Reply::text_response("Hello").then_close());
    model.generate(&hello()).response();
    bedrock.wait_closed(1);
    model.connect().expect("a connection");
    bedrock.push(Reply::text_response("Hello"));
    model.generate(&hello()).response();
    assert_eq!(bedrock.connection_count(), 2);
}

#[test]
fn connecting_fails_as_a_call_does() {
    let closed = LocalBedrock::refusing_port();
    let unreachable = Model::once_at(&format!("http://127.0.0.1:{closed}"), json!({}));
    let (connecting, calling) = (unreachable.connect().expect_err("no server listens"), unreachable.generate(&hello()));
    assert_eq!(name(connecting.status), "BEDROCK_E_NETWORK");
    assert_eq!(connecting.status, calling.failed(BEDROCK_E_NETWORK).status);
    connecting.says(&["connecting"]);

    let nowhere = Model::once_at("https://nowhere.invalid", json!({}));
    nowhere.connect().expect_err("there is no such host").is(BEDROCK_E_NETWORK).says(&["connecting"]);

    let untrusted = LocalBedrock::with_protocol(Protocol::Tls(Tls::new(Flaw::UnknownAuthority, &["h2"])));
    let failure = over_tls(&untrusted, json!({})).connect().expect_err("its authority is unknown");
    failure.is(BEDROCK_E_NETWORK).says(&["TLS", "UnknownIssuer", "ca_file"]);
}

/// A model whose service accepts TCP connections and never responds to a TLS handshake.
fn silent_model() -> (TcpListener, Model) {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let patient = json!({"timeouts": {"connect": "60s"}, "timeout": "60s"});
    (silent, Model::once_at(&format!("https://127.0.0.1:{port}"), patient))
}

#[test]
fn connecting_takes_no_longer_than_its_limit_and_ends_when_it_is_cancelled() {
    let (_silent, model) = silent_model();
    let began = Instant::now();
    let late = model.connect_with(null_mut(), 200).expect_err("the server does not respond");
    late.is(BEDROCK_E_TIMEOUT).says(&["connecting", "200ms", "timeout_ms"]);
    assert!((Duration::from_millis(200)..Duration::from_secs(30)).contains(&began.elapsed()));
    model.connect_with(null_mut(), 0).expect_err("the server does not respond at once").is(BEDROCK_E_TIMEOUT);

    let cancel = Cancel::new();
    let (other, model) = silent_model();
    thread::scope(|scope| {
        scope.spawn(|| {
            let _held = other.accept().expect("a connection");
            cancel.fire();
        });
        model.connect_with(cancel.handle(), -1).expect_err("it was cancelled").is(BEDROCK_E_CANCELLED);
    });
    model.connect_with(cancel.handle(), -1).expect_err("it was cancelled before").is(BEDROCK_E_CANCELLED);
}

#[test]
fn the_connect_timer_ends_it_without_another_limit() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let model = Model::once_at(&format!("https://127.0.0.1:{port}"), json!({"timeouts": {"connect": "100ms"}}));
    model
        .connect()
        .expect_err("the server does not respond")
        .is(BEDROCK_E_TIMEOUT)
        .says(&["100ms", "timeouts.connect"]);
}

#[test]
fn a_script_and_a_replay_are_always_ready() {
    let scripted = Model::new(&json!({"model": "any", "transport": {"replies": ["Hello"]}}));
    scripted.connect_with(null_mut(), 0).expect("nothing to connect");
    assert_eq!(scripted.generate(&hello()).response().text, "Hello", "no reply was used up");
}

#[test]
fn connecting_leaves_no_trace_in_a_recording() {
    let bedrock = serving(Protocol::Http1);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("connecting.json");
    let _ = std::fs::remove_file(&file);
    let model = Model::once_at(&bedrock.url(), json!({"transport": {"record": file}}));
    model.connect().expect("a connection");
    model.generate(&hello()).response();
    assert_eq!(bedrock.connection_count(), 1);
    let recording: Value = serde_json::from_slice(&std::fs::read(&file).expect("a recording")).expect("JSON");
    assert_eq!(recording["interactions"].as_array().map(Vec::len), Some(1), "{recording}");
}

#[test]
fn connecting_without_credentials_is_an_error() {
    let bedrock = LocalBedrock::start();
    let config = json!({"model": MODEL_ID, "base_url": bedrock.url(), "profile": "no-such-profile"});
    let failure = Model::new(&config).connect().expect_err("there are no credentials");
    failure.is(BEDROCK_E_CREDENTIALS).says(&["connecting", "no-such-profile"]);
    assert_eq!((failure.attempts, bedrock.connection_count()), (0, 0));
}

// Connects that hang.

/// A connect timeout with which a connect is slow after a second: on a busy machine, many at once take a part of that.
const CONNECT: &str = "12s";
const LESS_THAN_CONNECT: Duration = Duration::from_secs(10);

/// Makes calls at once through a forwarder, and returns how long each took.
#[track_caller]
fn all_succeed(calls: usize, model: &Model) -> Vec<Duration> {
    let began = Instant::now();
    let mut took: Vec<_> = thread::scope(|scope| {
        let call = || {
            assert_eq!(model.generate(&hello()).response().text, "Hello");
            began.elapsed()
        };
        let calls: Vec<_> = (0..calls).map(|_| scope.spawn(call)).collect();
        calls.into_iter().map(|call| call.join().expect("a call that works")).collect()
    });
    took.sort();
    took
}

#[test]
fn a_connect_that_hangs_delays_no_call_and_is_replaced_by_few_others() {
    for (protocols, needed) in [(&["h2"][..], 2), (&["http/1.1"], 200)] {
        let bedrock = serving(Protocol::Tls(Tls::new(Flaw::Nothing, protocols)));
        let forwarder = Forwarder::to(bedrock.port(), |number| number == 1);
        let ca_file = bedrock.tls().map(Tls::ca_file);
        let model = Model::once_at(
            &format!("https://localhost:{}", forwarder.port()),
            json!({"ca_file": ca_file, "timeouts": {"connect": CONNECT}}),
        );
        let took = all_succeed(200, &model);
        let (median, longest, connections) = (took[100], took[199], forwarder.connection_count());
        println!("{protocols:?}: median {median:?}, longest {longest:?}, {connections} connections");
        assert!(connections <= needed + 2, "{connections} connections");
        assert!(longest < LESS_THAN_CONNECT, "{longest:?}");
    }
}

#[test]
fn a_single_call_is_not_delayed_by_a_connect_that_hangs() {
    let check = |protocol: &str| {
        let bedrock = serving(Protocol::Tls(Tls::new(Flaw::Nothing, &[protocol])));
        let forwarder = Forwarder::to(bedrock.port(), |number| number <= 2);
        let ca_file = bedrock.tls().map(Tls::ca_file);
        let model = Model::once_at(
            &format!("https://localhost:{}", forwarder.port()),
            json!({"ca_file": ca_file, "timeouts": {"connect": CONNECT}}),
        );
        let took = all_succeed(1, &model);
        assert!((3..=4).contains(&forwarder.connection_count()), "{}", forwarder.connection_count());
        assert!(took[0] < LESS_THAN_CONNECT, "{took:?}");
    };
    // Both at once, because each takes as long as its slow connects.
    thread::scope(|scope| {
        for protocol in ["h2", "http/1.1"] {
            scope.spawn(move || check(protocol));
        }
    });
}

#[test]
fn an_endpoint_that_never_responds_gets_a_few_connects_and_not_one_for_each_call() {
    let connections_of_fifty_calls = || {
        let forwarder = Forwarder::to(0, |_| true);
        let tls = Tls::new(Flaw::Nothing, &[]);
        let members = json!({"ca_file": tls.ca_file(), "timeouts": {"connect": "1s"}});
        let model = Model::once_at(&format!("https://localhost:{}", forwarder.port()), members);
        thread::scope(|scope| {
            let calls: Vec<_> = (0..50).map(|_| scope.spawn(|| model.generate(&hello()))).collect();
            for call in calls {
                let outcome = call.join().expect("no panic");
                let says = ["no connection to localhost:", "within 1s (timeouts.connect)"];
                outcome.failed(BEDROCK_E_TIMEOUT).says(&says);
            }
        });
        forwarder.connection_count()
    };
    // A call that a busy machine starts late may need connects of its own, after those of the others.
    let tries: Vec<_> = (0..3).map(|_| connections_of_fifty_calls()).take_while(|few| *few > 4).collect();
    assert!(tries.len() < 3, "{tries:?} connections");
}

#[test]
fn many_streams_need_tens_of_connections_even_if_some_connects_hang() {
    const STREAMS: usize = 1000;
    let bedrock = LocalBedrock::with_protocol(Protocol::Tls(Tls::new(Flaw::Nothing, &["h2"])));
    let forwarder = Forwarder::to(bedrock.port(), |number| number % 5 == 1);
    let ca_file = bedrock.tls().map(Tls::ca_file);
    let members = json!({"ca_file": ca_file, "timeout": "60s", "timeouts": {"connect": CONNECT}});
    let model = Model::once_at(&format!("https://localhost:{}", forwarder.port()), members);
    let gate = Gate::new();
    let held = gate.clone();
    bedrock.respond_with(move |_| {
        Reply::stream().message_start().wait_for(&held).text(0, &["Hello"]).message_stop("end_turn")
    });
    let streams: Vec<_> = (0..STREAMS).map(|_| Pull::open(&model, &hello())).collect();
    gate.wait_arrivals(STREAMS);
    let connections = forwarder.connection_count();
    gate.open();
    for stream in streams {
        while let Pulled::Event(_) = stream.next(-1) {}
        assert!(matches!(stream.next(-1), Pulled::Done));
    }
    println!("{STREAMS} streams over {connections} connections");
    assert!(connections <= 10 + 5, "{connections} connections");
}

#[test]
fn a_connect_whose_call_was_cancelled_serves_the_next_call() {
    let bedrock = serving(Protocol::Tls(Tls::new(Flaw::Nothing, &["h2"])));
    let ca_file = bedrock.tls().map(Tls::ca_file);
    let forwarder = Forwarder::to(bedrock.port(), |_| false);
    let model = Model::once_at(&format!("https://localhost:{}", forwarder.port()), json!({"ca_file": ca_file}));
    let began = Instant::now();
    let _ = model.connect_with(null_mut(), 0);
    while forwarder.connection_count() == 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "no connect was begun");
        let _ = model.connect_with(null_mut(), 1);
    }
    model.generate(&hello()).response();
    assert_eq!(forwarder.connection_count(), 1);
}
