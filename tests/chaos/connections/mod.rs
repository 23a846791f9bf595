//! Many streams over faulty connections. Every stream ends in time: either complete with the right bytes, or with a
//! failure that the fault of a connection explains.

mod client;
mod fault;
mod response;
mod results;
mod server;
mod wire;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bedrock::ffi::process::{bedrock_live_handles, bedrock_shutdown};
use serde_json::json;

use crate::memory;
use crate::random::Random;
use crate::settings::Settings;
use crate::support::capi::*;
use crate::support::{Flaw, Tls};
use client::{Ended, Plan};
use fault::Shares;
use results::Results;
use server::{Conditions, Server};

/// A connection may record a stream this much later than the client has ended it.
const RECORD_DELAY: Duration = Duration::from_secs(2);

/// The defaults of a run.
#[derive(Clone, Copy)]
struct Defaults {
    http: &'static str,
    tls: bool,
    streams: usize,
    at_once: usize,
    /// Concurrent streams on one connection.
    room: u32,
    /// In seconds.
    first_event: f64,
    idle: f64,
}

const RUNS: [Defaults; 3] = [
    Defaults { http: "2", tls: true, streams: 3000, at_once: 500, room: 16, first_event: 6.0, idle: 5.0 },
    Defaults { http: "1.1", tls: false, streams: 1500, at_once: 100, room: 1, first_event: 3.0, idle: 3.0 },
    Defaults { http: "1.1", tls: true, streams: 300, at_once: 50, room: 1, first_event: 3.0, idle: 3.0 },
];

pub fn run(settings: &Settings) -> Vec<String> {
    let runs = if settings.is_plain() { &RUNS[..] } else { &RUNS[..1] };
    runs.iter().flat_map(|defaults| one(settings, defaults)).collect()
}

fn one(settings: &Settings, defaults: &Defaults) -> Vec<String> {
    let http: String = settings.get("http", defaults.http.to_owned());
    let tls = match settings.get("tls", if defaults.tls { "yes" } else { "no" }.to_owned()).as_str() {
        "yes" => Some(Tls::new(Flaw::Nothing, if http == "2" { &["h2"] } else { &["http/1.1"] })),
        _ => None,
    };
    let http2 = http == "2";
    // A flip in a frame of plain HTTP/2 can move an event to another stream without a trace.
    let flips = tls.is_some() || !http2;
    let conditions = Conditions {
        http2,
        tls: tls.clone(),
        shares: Shares::of(settings, flips),
        room: if http2 { settings.get("room", defaults.room) } else { 1 },
        life: settings.get("life", 200),
        pause: Duration::from_millis(settings.get("pause_ms", 10)),
        shut_every: settings.seconds("shut_every", 2.0),
    };
    let minutes: f64 = settings.get("minutes", 0.0);
    let total = settings.seconds("total", 20.0);
    let plan = Plan {
        streams: if minutes > 0.0 { usize::MAX } else { settings.get("streams", defaults.streams) },
        at_once: settings.get("at_once", defaults.at_once),
        until: (minutes > 0.0).then(|| Instant::now() + Duration::from_secs_f64(minutes * 60.0)),
        total,
    };
    let title = format!("HTTP/{http}{}", if tls.is_some() { ", TLS" } else { "" });
    let seconds = |key: &str, fallback: f64| format!("{}ms", settings.seconds(key, fallback).as_millis());
    let timeouts = json!({
        "connect": seconds("connect", 3.1), "first_event": seconds("first_event", defaults.first_event), "idle": seconds("idle", defaults.idle),
        "total": format!("{}ms", total.as_millis()),
    });
    let attempts: u32 = settings.get("attempts", 3);
    settings.reject_unknown();

    let handles = bedrock_live_handles();
    let room = conditions.room as usize;
    let server = Server::start(conditions, Random::new(settings.seed, 1));
    let config = json!({
        "model": MODEL_ID, "region": REGION, "api_key": ACCESS_KEY, "secret_key": SECRET_KEY,
        "base_url": format!("{}://{}", if tls.is_some() { "https" } else { "http" }, server.address),
        "http_version": http, "keep_answer": false, "timeouts": timeouts,
        "retry": {"max_attempts": attempts, "max_backoff": "500ms"},
    });
    let ca = tls.as_ref().map_or(json!({}), |tls| json!({"ca_file": tls.ca_file()}));
    let model = Model::new(&with(config, ca));

    memory::reset_peak();
    let (before, began) = (memory::resident(), Instant::now());
    let mut results = Results::default();
    let mut waiting: VecDeque<Ended> = VecDeque::new();
    client::run(&model, &plan, |ended, open| {
        results.count_needed(open, room, &server);
        waiting.push_back(ended);
        while waiting.front().is_some_and(|ended| ended.at.elapsed() > RECORD_DELAY) {
            results.check(waiting.pop_front().expect("the front of the queue"), &server);
        }
    });
    let took = began.elapsed();
    std::thread::sleep(waiting.back().map_or(Duration::ZERO, |last| RECORD_DELAY.saturating_sub(last.at.elapsed())));
    waiting.drain(..).for_each(|ended| results.check(ended, &server));
    let mut violations = results.report(&title, &server);
    let [before, peak] = [before, memory::peak()].map(|kib| kib / 1024);
    println!(
        "{:.1} s; memory of client and server together: {before} MiB before, {peak} MiB at most",
        took.as_secs_f64()
    );

    drop(model);
    let status = bedrock_shutdown(5000);
    if status != BEDROCK_OK {
        violations.push(format!("{title}: bedrock_shutdown returned {} after 5 s", name(status)));
    }
    let left = bedrock_live_handles() - handles;
    if left > 0 {
        violations.push(format!("{title}: {left} handles are left"));
    }
    violations
}
