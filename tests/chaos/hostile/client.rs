//! The client: one call of an attack, in a process of its own, so that its memory is the library's, and a crash is seen.
//!
//! While the call runs, another model is called as well: an attack on one call is none on the others.

use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::clock::Watched;
use crate::memory;
use crate::support::capi::*;
use crate::support::pull::{Pull, Pulled};

/// Set in the client, to what it is to do.
pub const ORDER: &str = "BEDROCK_CHAOS_CLIENT";
/// What it has to tell begins so.
const TELLS: &str = "client tells: ";

/// What became of a call.
#[derive(Debug)]
pub struct Told {
    pub statuses: Vec<bedrock_status>,
    /// The error's message of each call that failed, and the text of each other.
    pub texts: Vec<String>,
    pub took: Duration,
    /// How late the machine was meanwhile.
    pub late: Duration,
    /// How much memory the client took at most, in KiB.
    pub kib: i64,
    /// The longest call of another model meanwhile.
    pub others: Duration,
}

impl Told {
    /// Reads what a client has printed. Err is how it died.
    pub fn read(output: &[u8], status: ExitStatus) -> Result<Told, String> {
        let text = String::from_utf8_lossy(output);
        let line = text.lines().find_map(|line| line.split_once(TELLS).map(|(_, told)| told.to_owned()));
        let told: Value = match (status.success(), line) {
            (true, Some(line)) => serde_json::from_str(&line).expect("a client tells JSON"),
            _ => return Err(format!("the client died: {status}")),
        };
        let millis = |key: &str| Duration::from_millis(told[key].as_u64().expect("milliseconds"));
        let list = |key: &str| told[key].as_array().expect("a list").clone();
        Ok(Told {
            statuses: list("statuses")
                .iter()
                .map(|status| status.as_i64().expect("a status") as bedrock_status)
                .collect(),
            texts: list("texts").iter().map(|text| text.as_str().expect("a text").to_owned()).collect(),
            took: millis("took"),
            late: millis("late"),
            kib: told["kib"].as_i64().expect("KiB"),
            others: millis("others"),
        })
    }
}

/// Does what the order says. False in the process that gives orders.
pub fn is_client() -> bool {
    let Ok(order) = std::env::var(ORDER) else { return false };
    let order: Value = serde_json::from_str(&order).expect("an order is JSON");
    let other = Model::new(&json!({"model": "m", "transport": {"replies": ["Hello"], "repeat": true}}));
    let request = Request::say("Hello?");
    // The library's own threads and tables are no memory of the attack's.
    assert_eq!(name(other.generate(&request).status), "BEDROCK_OK");
    let model = Model::new(&order["config"]);
    let done = AtomicBool::new(false);
    let (ends, took, late, kib, others) = std::thread::scope(|scope| {
        let others = scope.spawn(|| {
            let mut longest = Duration::ZERO;
            while !done.load(Ordering::Relaxed) {
                let called = other.generate(&request);
                assert_eq!(name(called.status), "BEDROCK_OK", "a call that has nothing to do with it");
                longest = longest.max(called.took);
                std::thread::sleep(Duration::from_millis(3));
            }
            longest
        });
        memory::forget_peak();
        let before = memory::resident();
        let watched = Watched::begin("the call".to_owned());
        let began = Instant::now();
        let ends = call(&model, &order);
        let (took, late) = (began.elapsed(), watched.lateness());
        let kib = memory::peak() - before;
        done.store(true, Ordering::Relaxed);
        (ends, took, late, kib, others.join().expect("the other calls went well"))
    });
    let (statuses, texts): (Vec<_>, Vec<_>) = ends.into_iter().unzip();
    let told = json!({
        "statuses": statuses, "texts": texts,
        "took": took.as_millis() as u64, "late": late.as_millis() as u64, "kib": kib,
        "others": others.as_millis() as u64,
    });
    println!("{TELLS}{told}");
    true
}

/// Makes the calls. Returns the status of each, and its message or its text.
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
                other => panic!("no event to begin with: {other:?}"),
            }
            // Nobody reads for as long as the stream may go on at all.
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
