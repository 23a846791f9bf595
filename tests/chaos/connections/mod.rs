//! Many streams over bad connections: which die, break, crawl or flip a bit. Every stream ends, in time, complete and right or
//! with a failure that its connection explains.

mod answer;
mod client;
mod fate;
mod server;
mod verdict;
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
use fate::Shares;
use server::{Conditions, Server};
use verdict::Verdict;

/// A connection may note a stream so much later than the client has given it up.
const NOTED: Duration = Duration::from_secs(2);

/// What runs in CI: HTTP's version, whether over TLS, streams, at once, streams a connection.
const PLAIN: [(&str, bool, usize, usize, u32); 3] =
    [("2", true, 3000, 500, 16), ("1.1", false, 1500, 100, 1), ("1.1", true, 300, 50, 1)];

pub fn run(settings: &Settings) -> Vec<String> {
    let [first, others @ ..] = PLAIN;
    let mut broken = one(settings, first);
    if settings.is_plain() {
        broken.extend(others.into_iter().flat_map(|run| one(settings, run)));
    }
    broken
}

fn one(settings: &Settings, (http, tls, streams, at_once, room): (&str, bool, usize, usize, u32)) -> Vec<String> {
    let http: String = settings.get("http", http.to_owned());
    let tls = match settings.get("tls", if tls { "yes" } else { "no" }.to_owned()).as_str() {
        "yes" => Some(Tls::new(Flaw::Nothing, if http == "2" { &["h2"] } else { &["http/1.1"] })),
        _ => None,
    };
    let http2 = http == "2";
    // A flip in a frame of plain HTTP/2 can move an event to another stream, and nobody could tell.
    let flips = tls.is_some() || !http2;
    let conditions = Conditions {
        http2,
        tls: tls.clone(),
        shares: Shares::of(settings, flips),
        room: if http2 { settings.get("room", room) } else { 1 },
        life: settings.get("life", 200),
        pause: Duration::from_millis(settings.get("pause_ms", 10)),
        shut_every: settings.seconds("shut_every", 2.0),
    };
    let minutes: f64 = settings.get("minutes", 0.0);
    let total = settings.seconds("total", 20.0);
    let plan = Plan {
        streams: if minutes > 0.0 { usize::MAX } else { settings.get("streams", streams) },
        at_once: settings.get("at_once", at_once),
        until: (minutes > 0.0).then(|| Instant::now() + Duration::from_secs_f64(minutes * 60.0)),
        total,
    };
    let title = format!("HTTP/{http}{}", if tls.is_some() { ", TLS" } else { "" });
    let seconds = |key: &str, fallback: f64| format!("{}ms", settings.seconds(key, fallback).as_millis());
    let timeouts = json!({
        "connect": seconds("connect", 3.1), "first_event": seconds("first_event", 6.0), "idle": seconds("idle", 5.0),
        "total": format!("{}ms", total.as_millis()),
    });
    let attempts: u32 = settings.get("attempts", 3);
    settings.all_known();

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

    memory::forget_peak();
    let (before, began) = (memory::resident(), Instant::now());
    let mut verdict = Verdict::default();
    let mut waiting: VecDeque<Ended> = VecDeque::new();
    client::run(&model, &plan, |ended| {
        waiting.push_back(ended);
        while waiting.front().is_some_and(|ended| ended.at.elapsed() > NOTED) {
            verdict.judge(waiting.pop_front().expect("it is there"), &server);
        }
    });
    let took = began.elapsed();
    std::thread::sleep(waiting.back().map_or(Duration::ZERO, |last| NOTED.saturating_sub(last.at.elapsed())));
    waiting.drain(..).for_each(|ended| verdict.judge(ended, &server));
    let mut broken = verdict.told(&title, &server, plan.at_once, room);
    let [before, peak] = [before, memory::peak()].map(|kib| kib / 1024);
    println!(
        "{:.1} s; memory of client and server together: {before} MiB before, {peak} MiB at most",
        took.as_secs_f64()
    );

    drop(model);
    let status = bedrock_shutdown(5000);
    if status != BEDROCK_OK {
        broken.push(format!("{title}: bedrock_shutdown returned {} after 5 s", name(status)));
    }
    let left = bedrock_live_handles() - handles;
    if left > 0 {
        broken.push(format!("{title}: {left} handles are left"));
    }
    broken
}
