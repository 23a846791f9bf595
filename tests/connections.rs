//! Connections are reused, shared over HTTP/2, and closed when their peer is lost, without any help of the program.

mod support;

use std::ptr::null_mut;
use std::thread;
use std::time::{Duration, Instant};

use http::Version;
use serde_json::{Value, json};

use support::capi::*;
use support::pull::{Pull, Pulled};
use support::raw_server::{RawServer, SETTINGS, frame};
use support::{Auth, ClosedBy, Cut, Flaw, Gate, LocalBedrock, Protocol, Proxy, Reply, Tls};

fn hello() -> Request {
    Request::say("Hello?")
}

fn complete_stream() -> Reply {
    Reply::stream().text_stream(&["Hel", "lo"], "end_turn")
}

/// A model that calls without TLS, over HTTP/2 alone.
fn http2_model(bedrock: &LocalBedrock, members: Value) -> Model {
    Model::once_at(&bedrock.url(), with(json!({"http_version": "2"}), members))
}

/// Sends "Hello", as a stream or as a unary response.
fn reply_hello(request: &support::Request) -> Reply {
    match request.operation() {
        "converse" => Reply::text_response("Hello"),
        _ => complete_stream(),
    }
}

/// Checks that a unary call and a stream succeed at the first attempt.
#[track_caller]
fn check_calls(model: &Model) {
    let unary = model.generate(&hello());
    assert_eq!((unary.response().text.as_str(), unary.response().attempts), ("Hello", 1));
    let streamed = model.stream(&hello());
    assert_eq!((streamed.text().as_str(), streamed.outcome.response().attempts), ("Hello", 1));
}

// Reuse.

#[test]
fn an_idle_connection_that_its_peer_has_closed_is_not_reused() {
    let bedrock = LocalBedrock::start();
    let model = Model::once_at(&bedrock.url(), json!({}));
    for round in 1..=5 {
        bedrock.push(Reply::text_response("Hello").then_close());
        assert_eq!(model.generate(&hello()).response().attempts, 1);
        assert_eq!(bedrock.wait_closed(round), ClosedBy::Server);
    }
    assert_eq!(bedrock.requests().len(), 5);
}

#[test]
fn a_request_that_was_read_and_got_no_response_is_sent_again_only_as_an_attempt() {
    for (protocol, version) in [(Protocol::Http1, "1.1"), (Protocol::HTTP2, "2")] {
        for dead in [Reply::close_before_headers(), Reply::reset_before_headers()] {
            let bedrock = LocalBedrock::with_protocol(protocol.clone());
            let model = Model::once_at(&bedrock.url(), json!({"http_version": version}));
            let patient = model.with(json!({"retry": {"max_attempts": 3, "max_backoff": "1ms"}}));
            for reused in [false, true] {
                if reused {
                    bedrock.push(Reply::text_response("Hello"));
                    model.generate(&hello()).response();
                }
                bedrock.take_requests();
                bedrock.push(dead.clone());
                assert_eq!(model.stream(&hello()).outcome.failed(BEDROCK_E_NETWORK).attempts, 1);
                assert_eq!(bedrock.take_requests().len(), 1, "HTTP/{version}, reused: {reused}");
            }
            bedrock.push(Reply::text_response("Hello"));
            model.generate(&hello()).response();
            bedrock.take_requests();
            bedrock.push(dead);
            bedrock.push(Reply::text_response("Hello"));
            assert_eq!(patient.generate(&hello()).response().attempts, 2);
            let bodies: Vec<_> = bedrock.take_requests().iter().map(|request| request.body.clone()).collect();
            assert_eq!(bodies.len(), 2, "HTTP/{version}");
            assert_eq!(bodies[0], bodies[1]);
        }
    }
}

#[test]
fn a_connection_is_reused_after_every_response_with_an_unambiguous_end() {
    let bedrock = LocalBedrock::start();
    let model = Model::once_at(&bedrock.url(), json!({}));
    for reply in [
        Reply::text_response("Hello"),
        Reply::text_response("Hello").chunked().in_chunks_of(1),
        Reply::text_response("Hello").chunked().trailer("x-checksum", "1"),
        Reply::error(400, "ValidationException", "no"),
        Reply::empty(204),
    ] {
        bedrock.push(reply);
        model.generate(&hello());
    }
    assert_eq!((bedrock.requests().len(), bedrock.connection_count()), (5, 1));
    for reply in
        [Reply::text_response("Hello").until_close(), Reply::text_response("Hello").header("Connection", "close")]
    {
        bedrock.push(reply);
        assert_eq!(model.generate(&hello()).response().text, "Hello");
    }
    bedrock.push(Reply::text_response("Hello"));
    model.generate(&hello()).response();
    assert_eq!(bedrock.connection_count(), 3, "a connection that the service closes is not reused");
}

#[test]
fn derived_models_share_connections_even_if_their_timers_differ() {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(reply_hello);
    let model = Model::once_at(&bedrock.url(), json!({}));
    check_calls(&model);
    check_calls(&model.with(json!({"timeouts": {"connect": "7s", "idle": "9s"}})));
    assert_eq!(bedrock.connection_count(), 1);
}

// HTTP/2.

/// RFC 9113, 7.
const INTERNAL_ERROR: u32 = 2;

#[test]
fn http2_without_tls_is_used_if_the_config_sets_it() {
    let bedrock = LocalBedrock::with_protocol(Protocol::HTTP2);
    bedrock.auth(Auth::sigv4(ACCESS_KEY, SECRET_KEY, REGION));
    bedrock.respond_with(reply_hello);
    let model = http2_model(&bedrock, json!({}));
    check_calls(&model);
    check_calls(&model.with(json!({"timeouts": {"connect": "7s"}})));
    assert_eq!((bedrock.requests().len(), bedrock.connection_count()), (4, 1));
    bedrock.push(Reply::error(429, "ThrottlingException", "slow down"));
    model.generate(&hello()).failed(BEDROCK_E_THROTTLED);
    assert_eq!(bedrock.connection_count(), 1);
}

#[test]
fn a_long_response_over_http2_is_complete() {
    let bedrock = LocalBedrock::with_protocol(Protocol::HTTP2);
    let texts = vec!["x".repeat(10_000); 400];
    let texts: Vec<_> = texts.iter().map(String::as_str).collect();
    bedrock.push(Reply::stream().text_stream(&texts, "end_turn").in_chunks_of(50_000));
    assert_eq!(http2_model(&bedrock, json!({})).stream(&hello()).text().len(), 4_000_000);
}

/// Runs `streams` concurrent streams, each held at the gate after its first event, and returns the number of
/// connections.
#[track_caller]
fn connections_of(bedrock: &LocalBedrock, model: &Model, streams: usize) -> usize {
    let gate = Gate::new();
    for _ in 0..streams {
        bedrock.push(Reply::stream().message_start().wait_for(&gate).text(0, &["Hello"]).message_stop("end_turn"));
    }
    thread::scope(|scope| {
        let calls: Vec<_> = (0..streams).map(|_| scope.spawn(|| model.stream(&hello()))).collect();
        gate.wait_arrivals(streams);
        gate.open();
        for call in calls {
            assert_eq!(call.join().expect("no panic").text(), "Hello");
        }
    });
    bedrock.connection_count()
}

#[test]
fn concurrent_calls_share_one_http2_connection_from_the_first_call_on() {
    let bedrock = LocalBedrock::with_protocol(Protocol::HTTP2);
    assert_eq!(connections_of(&bedrock, &http2_model(&bedrock, json!({})), 20), 1);
}

#[test]
fn calls_beyond_the_stream_limit_of_an_http2_connection_open_another() {
    let bedrock = LocalBedrock::with_protocol(Protocol::Http2 { streams: 2 });
    bedrock.respond_with(reply_hello);
    let model = http2_model(&bedrock, json!({}));
    check_calls(&model);
    let gate = Gate::new();
    // One after the other: the first response on a connection shows how many streams it admits.
    let streams: Vec<_> = (0..5)
        .map(|_| {
            bedrock.push(Reply::stream().message_start().wait_for(&gate).text(0, &["Hello"]).message_stop("end_turn"));
            let stream = Pull::open(&model, &hello());
            assert!(matches!(stream.next(-1), Pulled::Event(_)));
            stream
        })
        .collect();
    assert_eq!(bedrock.connection_count(), 3);
    gate.open();
    for stream in streams {
        while let Pulled::Event(_) = stream.next(-1) {}
        assert!(matches!(stream.next(-1), Pulled::Done), "a stream over a further connection is complete");
    }
}

#[test]
fn an_unread_stream_does_not_delay_others_on_its_http2_connection() {
    let bedrock = LocalBedrock::with_protocol(Protocol::HTTP2);
    let model = http2_model(&bedrock, json!({}));
    let much = "x".repeat(100_000);
    bedrock.push(Reply::stream().text_stream(&[much.as_str(); 100], "end_turn"));
    let mut others = 0;
    let streamed = model.stream_with(&hello(), null_mut(), |event| {
        if event.kind == BEDROCK_EVENT_TEXT && others < 3 {
            others += 1;
            bedrock.push(Reply::text_response("Hello"));
            assert_eq!(model.generate(&hello()).response().text, "Hello");
        }
        0
    });
    assert_eq!((streamed.outcome.response().text.len(), others), (10_000_000, 3));
    assert_eq!(bedrock.connection_count(), 1);
}

/// A connect timeout with which a ping follows after a silence of 0.9 seconds, and has to be acknowledged within 1.5
/// seconds: three and five times this time.
const PINGING: &str = "300ms";

#[test]
fn a_dead_http2_peer_is_detected_by_pings_long_before_the_idle_timer() {
    let bedrock = LocalBedrock::with_protocol(Protocol::HTTP2);
    let patient = json!({"timeouts": {"connect": "30s", "idle": "1h", "first_event": "1h"}});
    let model = http2_model(&bedrock, patient);
    let pinging = model.with(json!({"timeouts": {"connect": PINGING}}));
    // A busy machine may need more than one connect.
    let connected = (0..10).any(|_| pinging.connect().is_ok());
    assert!(connected, "no connection within {PINGING}");
    bedrock.push(Reply::stream().message_start().then_unresponsive());
    let failure = pinging.stream(&hello()).outcome.failed(BEDROCK_E_TIMEOUT).clone();
    failure.says(&["does not respond any more", &format!("127.0.0.1:{}", bedrock.port())]);
    bedrock.respond_with(reply_hello);
    check_calls(&model);
    // Not the number of connections: a busy machine may have needed another connect.
    let used: Vec<_> = bedrock.requests().iter().map(|request| request.connection).collect();
    assert!(used[1] != used[0] && used[1..] == [used[1]; 2], "a dead connection is not reused: {used:?}");
}

#[test]
fn a_slow_http2_peer_that_acknowledges_pings_is_not_given_up() {
    // Longer than the silence and the time for an acknowledgement together.
    let pause = Duration::from_millis(2700);
    // A busy machine may be late with a connection or an acknowledgement. A library that is wrong gives up each time.
    let waited = (0..3).any(|_| {
        let bedrock = LocalBedrock::with_protocol(Protocol::HTTP2);
        let model = http2_model(&bedrock, json!({"timeouts": {"connect": PINGING}}));
        bedrock.push(Reply::stream().message_start().pause(pause).text(0, &["Hello"]).message_stop("end_turn"));
        model.stream(&hello()).text() == "Hello"
    });
    assert!(waited, "a peer that acknowledges pings was given up");
}

#[test]
fn after_goaway_running_streams_finish_and_new_calls_use_another_connection() {
    let bedrock = LocalBedrock::with_protocol(Protocol::HTTP2);
    let (goaway_sent, end) = (Gate::new(), Gate::new());
    let model = http2_model(&bedrock, json!({}));
    let reply = Reply::stream().message_start().graceful_shutdown().wait_for(&goaway_sent).text(0, &["Hel"]);
    bedrock.push(reply.wait_for(&end).text(1, &["lo"]).message_stop("end_turn"));
    let streamed = model.stream_with(&hello(), null_mut(), |event| {
        // The message start is written before GOAWAY, the text behind it: with the text, the library has read GOAWAY.
        match event.text.as_str() {
            _ if event.kind == BEDROCK_EVENT_MESSAGE_START => goaway_sent.open(),
            "Hel" => {
                bedrock.push(Reply::text_response("Hello"));
                assert_eq!(model.generate(&hello()).response().attempts, 1);
                end.open();
            }
            _ => {}
        }
        0
    });
    assert_eq!(streamed.outcome.response().text, "Hello");
    bedrock.respond_with(reply_hello);
    check_calls(&model);
    assert_eq!(bedrock.connection_count(), 2);
}

#[test]
fn a_stopped_call_does_not_close_its_http2_connection() {
    let bedrock = LocalBedrock::with_protocol(Protocol::HTTP2);
    let model = http2_model(&bedrock, json!({}));
    bedrock.push(Reply::stream().message_start().wait_for(&Gate::new()));
    model.stream_with(&hello(), null_mut(), |_| 1).outcome.stopped();
    bedrock.respond_with(reply_hello);
    check_calls(&model);
    assert_eq!(bedrock.connection_count(), 1);
}

#[test]
fn an_http2_stream_that_is_reset_is_truncated() {
    let bedrock = LocalBedrock::with_protocol(Protocol::HTTP2);
    let model = http2_model(&bedrock, json!({}));
    bedrock.push(complete_stream().cut_at(150, Cut::StreamReset(INTERNAL_ERROR)));
    model.stream(&hello()).outcome.failed(BEDROCK_E_TRUNCATED);
    bedrock.push(Reply::stream_reset_before_headers(INTERNAL_ERROR));
    assert_eq!(model.generate(&hello()).failed(BEDROCK_E_NETWORK).attempts, 1);
    assert_eq!(
        (bedrock.requests().len(), bedrock.connection_count()),
        (2, 1),
        "a reset stream does not close its connection"
    );
}

#[test]
fn an_endpoint_with_another_http_version_is_an_error_that_names_the_setting() {
    let sending = |bytes: Vec<u8>| {
        RawServer::start(move |_, frames| {
            frames.send(&bytes)?;
            std::io::copy(&mut frames.stream, &mut std::io::sink()).map(drop)
        })
    };
    let http1 = sending(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec());
    let http2 = sending(frame(SETTINGS, 0, 0, &[]));
    for (url, version) in [(http1.url(), "2"), (http2.url(), "1.1")] {
        let outcome = Model::once_at(&url, json!({"http_version": version})).generate(&hello());
        let failure = outcome.failed(BEDROCK_E_PROTOCOL);
        failure.says(&["not valid HTTP", "http_version", url.trim_start_matches("http://")]);
        assert!(!failure.retryable, "{failure:?}");
    }
}

// TLS.

fn over_tls(flaw: Flaw, protocols: &[&str]) -> LocalBedrock {
    LocalBedrock::with_protocol(Protocol::Tls(Tls::new(flaw, protocols)))
}

/// A model that calls over TLS, by a name, and trusts the CA of its ca_file.
fn tls_model(bedrock: &LocalBedrock, members: Value) -> Model {
    let ca_file = bedrock.tls().map(Tls::ca_file);
    Model::once_at(&format!("https://localhost:{}", bedrock.port()), with(json!({"ca_file": ca_file}), members))
}

#[test]
fn http2_is_used_if_the_endpoint_offers_it_and_the_config_allows_it() {
    let offering = |protocols: &[&str]| {
        let bedrock = over_tls(Flaw::Nothing, protocols);
        bedrock.respond_with(reply_hello);
        bedrock
    };
    let versions =
        |bedrock: &LocalBedrock| bedrock.take_requests().iter().map(|request| request.version).collect::<Vec<_>>();
    let both = offering(&["h2", "http/1.1"]);
    check_calls(&tls_model(&both, json!({})));
    check_calls(&tls_model(&both, json!({"http_version": "2"})));
    assert_eq!((versions(&both), both.connection_count()), (vec![Version::HTTP_2; 4], 2));
    check_calls(&tls_model(&both, json!({"http_version": "1.1"})));
    assert_eq!(versions(&both), [Version::HTTP_11; 2]);
    for old in [offering(&["http/1.1"]), offering(&[])] {
        for version in ["auto", "1.1"] {
            check_calls(&tls_model(&old, json!({"http_version": version})));
        }
        tls_model(&old, json!({"http_version": "2"})).generate(&hello()).failed(BEDROCK_E_NETWORK);
        assert_eq!(versions(&old), [Version::HTTP_11; 4]);
    }
}

#[test]
fn concurrent_calls_over_tls_share_the_connection_that_the_first_call_opens() {
    let bedrock = over_tls(Flaw::Nothing, &["h2"]);
    assert_eq!(connections_of(&bedrock, &tls_model(&bedrock, json!({})), 10), 1);
}

#[test]
fn a_certificate_has_to_be_for_this_host_and_from_a_trusted_ca() {
    for (flaw, says) in [
        (Flaw::WrongName, ["TLS", "another name", "base_url"]),
        (Flaw::UnknownAuthority, ["TLS", "UnknownIssuer", "set ca_file"]),
        (Flaw::IsAuthority, ["TLS", "CaUsedAsEndEntity", "the certificate of a CA"]),
    ] {
        let bedrock = over_tls(flaw, &["http/1.1"]);
        tls_model(&bedrock, json!({})).generate(&hello()).failed(BEDROCK_E_NETWORK).says(&says);
        assert!(bedrock.requests().is_empty());
    }
    let (plain, trusted) = (LocalBedrock::start(), Tls::new(Flaw::Nothing, &[]));
    let without_tls =
        Model::once_at(&format!("https://127.0.0.1:{}", plain.port()), json!({"ca_file": trusted.ca_file()}));
    without_tls.generate(&hello()).failed(BEDROCK_E_NETWORK).says(&["TLS"]);
    assert!(plain.requests().is_empty());
}

// Proxies.

#[test]
fn https_uses_a_tunnel_through_the_proxy() {
    let tls = Tls::new(Flaw::Nothing, &["h2"]).for_host("bedrock.example");
    let bedrock = LocalBedrock::with_protocol(Protocol::Tls(tls.clone()));
    bedrock.respond_with(reply_hello);
    let proxy = Proxy::to(bedrock.port());
    let url = format!("http://me:p%40ss@127.0.0.1:{}", proxy.port());
    let model = Model::once_at("https://bedrock.example:8443", json!({"ca_file": tls.ca_file(), "proxy": url}));
    check_calls(&model);
    let heads = proxy.heads();
    assert_eq!(heads.len(), 1, "{heads:?}");
    assert!(heads[0].starts_with("CONNECT bedrock.example:8443 HTTP/1.1\r\n"), "{heads:?}");
    assert!(heads[0].contains("\r\nhost: bedrock.example:8443\r\n"), "{heads:?}");
    assert!(heads[0].contains("\r\nproxy-authorization: Basic bWU6cEBzcw==\r\n"), "{heads:?}");
    for request in bedrock.requests() {
        assert_eq!((request.version, request.header("proxy-authorization")), (Version::HTTP_2, None));
    }
}

#[test]
fn a_proxy_is_reached_over_tls_if_its_url_begins_with_https() {
    let tls = Tls::new(Flaw::Nothing, &["http/1.1"]);
    let bedrock = LocalBedrock::with_protocol(Protocol::Tls(tls.for_host("bedrock.example")));
    bedrock.respond_with(reply_hello);
    let proxy = Proxy::over_tls(&tls, bedrock.port());
    let members = json!({"ca_file": tls.ca_file(), "proxy": format!("https://localhost:{}", proxy.port())});
    check_calls(&Model::once_at("https://bedrock.example", members));
    assert!(proxy.heads()[0].starts_with("CONNECT bedrock.example:443 HTTP/1.1\r\n"), "{:?}", proxy.heads());
}

#[test]
fn plain_http_requests_carry_the_whole_url_to_the_proxy() {
    let proxy = LocalBedrock::start();
    proxy.push(Reply::text_response("Hello"));
    proxy.push(Reply::text_response("Hello"));
    let url = format!("http://me:pass@127.0.0.1:{}", proxy.port());
    let members = json!({"allow_http": true, "proxy": url});
    let model = Model::once_at("http://bedrock.example:8080", members);
    for _ in 0..2 {
        assert_eq!(model.generate(&hello()).response().text, "Hello");
    }
    for request in proxy.requests() {
        assert!(request.target.starts_with("http://bedrock.example:8080/model/"), "{request:?}");
        assert_eq!(request.header("host"), Some("bedrock.example:8080"));
        assert_eq!(request.header("proxy-authorization"), Some("Basic bWU6cGFzcw=="));
    }
    assert_eq!(proxy.connection_count(), 1);
}

#[test]
fn an_error_of_a_proxy_is_in_the_message() {
    for (response, says) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 4\r\n\r\nwho?", &["407", "user", "proxy"][..]),
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", &["403", "bedrock.example"]),
        ("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", &["502", "bedrock.example"]),
        ("", &["tunnel", "closed"]),
    ] {
        let proxy = Proxy::refusing(response);
        let url = format!("http://127.0.0.1:{}", proxy.port());
        let failure = Model::once_at("https://bedrock.example", json!({"proxy": url})).generate(&hello());
        failure.failed(BEDROCK_E_NETWORK).says(says);
    }
}

// Retry-After.

/// A local Bedrock that replies with 429 and these headers first, and then with "Hello".
fn throttled(headers: &[(&str, &str)]) -> LocalBedrock {
    let bedrock = LocalBedrock::start();
    let error = Reply::error(429, "ThrottlingException", "slow down");
    bedrock.push(headers.iter().fold(error, |reply, (name, value)| reply.header(name, value)));
    bedrock.push(Reply::text_response("Hello"));
    bedrock
}

#[test]
fn retry_after_is_obeyed_in_seconds_and_as_a_date_by_the_services_clock() {
    let date = [("Date", "Wed, 21 Oct 2015 07:28:00 GMT"), ("Retry-After", "Wed, 21 Oct 2015 07:28:02 GMT")];
    for headers in [&[("Retry-After", "2")][..], &date] {
        let bedrock = throttled(headers);
        let began = Instant::now();
        let outcome = Model::once_at(&bedrock.url(), json!({"retry": {}})).generate(&hello());
        assert_eq!(outcome.response().attempts, 2);
        // Without Retry-After the second attempt follows within a second.
        assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    }
}

#[test]
fn retry_after_is_bounded_by_max_backoff() {
    let bedrock = throttled(&[("Retry-After", "3600")]);
    let outcome = Model::once_at(&bedrock.url(), json!({"retry": {"max_backoff": "10ms"}})).generate(&hello());
    assert_eq!(outcome.response().attempts, 2);
}

#[test]
fn a_retry_after_beyond_the_calls_timer_ends_the_call_at_once() {
    for operation in ["Converse", "ConverseStream"] {
        let bedrock = throttled(&[("Retry-After", "3600")]);
        let model = Model::once_at(&bedrock.url(), json!({"retry": {"max_backoff": "1h"}, "timeout": "1m"}));
        let began = Instant::now();
        let outcome = model.call(operation, &hello());
        let failure = outcome.failed(BEDROCK_E_THROTTLED);
        assert_eq!((failure.attempts, failure.more.retry_after, failure.http_status), (1, 3_600_000, 429));
        failure.says(&["asks to wait 1h"]);
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
}

#[test]
fn an_invalid_retry_after_is_ignored() {
    for value in ["soon", "-1", "", "99999999999999999999999", "Wed, 21 Oct 1015 07:28:00 GMT"] {
        let bedrock = throttled(&[("Retry-After", value)]);
        let outcome = Model::once_at(&bedrock.url(), json!({"retry": {"max_backoff": "10ms"}})).generate(&hello());
        assert_eq!(outcome.response().attempts, 2, "{value}");
    }
}
