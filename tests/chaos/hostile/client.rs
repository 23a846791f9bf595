//! The client: one call of an attack, in its own process, so that the memory is the library's alone, and a crash is
//! detected.
//!
//! Meanwhile the client calls another model, because an attack on one call must not affect others.

use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::clock::Watched;
use crate::memory;
use crate::support::capi::*;
use crate::support::pull::{Pull, Pulled};

/// The environment variable with the client's order.
pub const ORDER: &str = "BEDROCK_CHAOS_CLIENT";
/// The prefix of the line with the results.
const PREFIX: &str = "client: ";

/// The results of the calls.
#[derive(Debug)]
pub struct Results {
    pub statuses: Vec<bedrock_status>,
    /// The error message of each call that failed, and the text of each other call.
    pub texts: Vec<String>,
    pub took: Duration,
    /// The delays of the machine during the calls.
    pub late: Duration,
    /// The peak of the client's memory in KiB.
    pub kib: i64,
    /// The longest call of the other model during the calls.
    pub others: Duration,
}

impl Results {
    /// Parses the output of a client. The error describes how a client died.
    pub fn read(output: &[u8], status: ExitStatus) -> Result<Results, String> {
        let text = String::from_utf8_lossy(output);
        let line = text.lines().find_map(|line| line.split_once(PREFIX).map(|(_, results)| results.to_owned()));
        let results: Value = match (status.success(), line) {
            (true, Some(line)) => serde_json::from_str(&line).expect("a line of JSON"),
            _ => return Err(format!("the client died: {status}")),
        };
        let millis = |key: &str| Duration::from_millis(results[key].as_u64().expect("milliseconds"));
        let list = |key: &str| results[key].as_array().expect("a list").clone();
        Ok(Results {
            statuses: list("statuses")
                .iter()
                .map(|status| status.as_i64().expect("a status") as bedrock_status)
                .collect(),
            texts: list("texts").iter().map(|text| text.as_str().expect("a text").to_owned()).collect(),
            took: millis("took"),
            late: millis("late"),
            kib: results["kib"].as_i64().expect("KiB"),
            others: millis("others"),
        })
    }
}

/// Runs the client. Returns false in the process that makes the attacks.
pub fn is_client() -> bool {
    let Ok(order) = std::env::var(ORDER) else { return false };
    let order: Value = serde_json::from_str(&order).expect("an order is JSON");
    let other = Model::new(&json!({"model": "m", "transport": {"replies": ["Hello"], "repeat": true}}));
    let request = Request::say("Hello?");
    // The first call allocates the library's threads and tables, so that they are not measured.
    assert_eq!(name(other.generate(&request).status), "BEDROCK_OK");
    let model = Model::new(&order["config"]);
    let done = AtomicBool::new(false);
    let (ends, took, late, kib, others) = std::thread::scope(|scope| {
        let others = scope.spawn(|| {
            let mut longest = Duration::ZERO;
            while !done.load(Ordering::Relaxed) {
                let called = other.generate(&request);
                assert_eq!(name(called.status), "BEDROCK_OK", "a call of another model");
                longest = longest.max(called.took);
                std::thread::sleep(Duration::from_millis(3));
            }
            longest
        });
        memory::reset_peak();
        let before = memory::resident();
        let watched = Watched::begin("the call".to_owned());
        let began = Instant::now();
        let ends = call(&model, &order);
        let (took, late) = (began.elapsed(), watched.lateness());
        let kib = memory::peak() - before;
        done.store(true, Ordering::Relaxed);
        (ends, took, late, kib, others.join().expect("successful calls of the other model"))
    });
    let (statuses, texts): (Vec<_>, Vec<_>) = ends.into_iter().unzip();
    let results = json!({
        "statuses": statuses, "texts": texts,
        "took": took.as_millis() as u64, "late": late.as_millis() as u64, "kib": kib,
        "others": others.as_millis() as u64,
    });
    println!("{PREFIX}{results}");
    true
}

/// Makes the calls. Returns the status of each, and its error message or its text.
fn call(model: &Model, order: &Value) -> Vec<(bedrock_status, String)> {
    let request = Request::say("Hello?");
    let unary = |outcome: Outcome| {
        let text = outcome.response.map(|response| response.text).unwrap_or_default();
        (outcome.status, outcome.failure.map_or(text, |failure| failure.message))
    };
    let count = order["count"].as_u64().expect("a count") as usize;
    match order["call"].as_str().expect("a call") {
        "stream" => {
            let streams: Vec<Pull> = (0..count).map(|_| Pull::open(model, &request)).collect();
            streams.iter().map(read).collect()
        }
        "unread" => {
            let stream = Pull::open(model, &request);
            match stream.next(-1) {
                Pulled::Event(_) => {}
                other => panic!("no first event: {other:?}"),
            }
            // Waits until the total timer has ended the stream.
            std::thread::sleep(Duration::from_millis(order["total"].as_u64().expect("milliseconds")));
            vec![read(&stream)]
        }
        "invoke" => vec![unary(model.call("InvokeModel", &Request::json(r#"{"body": {"a": 1}}"#)))],
        _ => (0..count).map(|_| unary(model.generate(&request))).collect(),
    }
}

/// Reads a stream to its end.
fn read(stream: &Pull) -> (bedrock_status, String) {
    loop {
        match stream.next(-1) {
            Pulled::Event(_) => {}
            Pulled::Done => return (BEDROCK_OK, String::new()),
            Pulled::Failed(failure) => return (failure.status, failure.message),
            Pulled::Again => panic!("BEDROCK_AGAIN without a time limit"),
        }
    }
}
