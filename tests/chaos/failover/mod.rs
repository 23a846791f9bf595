//! Calls with three targets, of which one at a time fails in random ways. Every call ends in time: with one response of
//! one target, or after content with a failure that the fault of its target explains, or by a timer.

mod endpoints;
mod fault;
mod results;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bedrock::ffi::process::{bedrock_live_handles, bedrock_shutdown};
use serde_json::json;

use crate::clock::{GRACE, Watched};
use crate::random::Random;
use crate::settings::Settings;
use crate::support::capi::*;
use endpoints::{COUNT, Endpoints, Plan, model_id};
use results::{Ended, Results};

pub fn run(settings: &Settings) -> Vec<String> {
    let calls: usize = settings.get("calls", 2000);
    let at_once: usize = settings.get("at_once", 24);
    let plan = Plan { seed: settings.seed, round: settings.get("round", 100) };
    let silence = settings.seconds("silence", 0.3);
    settings.reject_unknown();
    // Each target for as long as it may be silent, and a whole slow stream.
    let longest = silence * COUNT as u32 + Duration::from_secs(1);

    let (handles, began) = (bedrock_live_handles(), Instant::now());
    let mut endpoints = Endpoints::start(plan);
    let models = models(&endpoints, silence);
    let mut results = Results::new(plan);
    for first in (0..calls).step_by(plan.round) {
        endpoints.begin_round(first);
        let (next, ended) = (AtomicUsize::new(first), Mutex::new(Vec::new()));
        let end = (first + plan.round).min(calls);
        std::thread::scope(|scope| {
            for _ in 0..at_once {
                scope.spawn(|| {
                    loop {
                        let call = next.fetch_add(1, Ordering::Relaxed);
                        if call >= end {
                            return;
                        }
                        let done = make(call, plan.seed, &models, longest);
                        ended.lock().expect("no thread has panicked").push(done);
                    }
                });
            }
        });
        for ended in ended.into_inner().expect("no thread has panicked") {
            let received = endpoints.take_received(ended.call);
            results.check(&ended, received);
        }
    }
    let mut violations = results.report();
    println!("{calls} calls in {:.1} s", began.elapsed().as_secs_f64());
    drop(models);
    let status = bedrock_shutdown(5000);
    if status != BEDROCK_OK {
        violations.push(format!("bedrock_shutdown returned {} after 5 s", name(status)));
    }
    let left = bedrock_live_handles() - handles;
    if left > 0 {
        violations.push(format!("{left} handles are left"));
    }
    violations
}

/// Returns models whose targets are the endpoints: each is the first of two models, of which one hedges.
fn models(endpoints: &Endpoints, silence: Duration) -> Vec<Model> {
    let model = |number: usize| {
        let target = |place: usize| (number + place) % COUNT;
        let fallback = |place| json!({"model": model_id(target(place)), "base_url": endpoints.url(target(place))});
        let config = json!({
            "model": model_id(target(0)), "base_url": endpoints.url(target(0)),
            "region": REGION, "api_key": ACCESS_KEY, "secret_key": SECRET_KEY,
            "fallbacks": (1..COUNT).map(fallback).collect::<Vec<_>>(), "cooldown": "1ms",
            // At each target: a unary call has no other timer that a silent target would meet.
            "timeout": format!("{}ms", silence.as_millis()),
            "retry": {"max_attempts": 2, "max_backoff": "5ms"},
        });
        let hedge = if number < COUNT { json!({}) } else { json!({"hedge": {"after": "40ms"}}) };
        Model::new(&with(config, hedge))
    };
    (0..2 * COUNT).map(model).collect()
}

fn make(call: usize, seed: u64, models: &[Model], longest: Duration) -> Ended {
    let mut random = Random::new(seed, call as u64 * 2 + 1);
    let (model, streams) = (random.one_of(models), random.percent(50));
    let request = Request::say(&call.to_string());
    let watched = Watched::begin(format!("call {call}"));
    let (outcome, events) = match streams {
        true => {
            let Streamed { events, outcome } = model.stream(&request);
            (outcome, Some(events))
        }
        false => (model.generate(&request), None),
    };
    let is_late = outcome.took > longest + GRACE + watched.lateness();
    Ended { call, outcome, events, is_late }
}
