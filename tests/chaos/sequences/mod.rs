//! Sequences: every function of the header that takes a handle, called in any order by several threads, with handles
//! that are valid, freed, of another type, NULL or made up.
//!
//! Assertions: no crash; each status is one of the header's; there is an error if and only if the status is below 0; no
//! call continues beyond its timer; each release function runs once; at the end no handle is left.

mod caller;
mod calls;
mod handles;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bedrock::ffi::process::{bedrock_live_handles, bedrock_shutdown};

use crate::random::Random;
use crate::settings::Settings;
use crate::support::capi::*;
use crate::support::stream::event_frame;
use crate::support::{Cut, LocalBedrock, Protocol, Reply};
use crate::table::Table;
use caller::{Caller, Seen, Shared};
use calls::CALLS;
use handles::Handles;

pub fn run(settings: &Settings) -> Vec<String> {
    let threads: usize = settings.get("threads", 4);
    let minutes: f64 = settings.get("minutes", 0.0);
    let steps: usize = if minutes > 0.0 { usize::MAX } else { settings.get("steps", 12_000) };
    settings.reject_unknown();
    let mut violations = missing();

    let before = bedrock_live_handles();
    let bedrock = [Protocol::Http1, Protocol::HTTP2].map(LocalBedrock::with_protocol);
    bedrock.iter().for_each(|bedrock| respond(bedrock, settings.seed));
    let shared = Shared {
        urls: [bedrock[0].url(), bedrock[1].url()],
        handles: Handles::default(),
        steps: AtomicUsize::new(steps),
        until: (minutes > 0.0).then(|| Instant::now() + Duration::from_secs_f64(minutes * 60.0)),
    };
    let mut callers: Vec<Caller> =
        (0..threads).map(|at| Caller::new(&shared, Random::new(settings.seed, at as u64))).collect();
    std::thread::scope(|scope| {
        let running: Vec<_> = callers.iter_mut().map(|caller| scope.spawn(|| caller.run())).collect();
        while !running.iter().all(|thread| thread.is_finished()) {
            std::thread::sleep(Duration::from_millis(20));
            // The server's log is not needed, and would fill the memory in a long run.
            bedrock.iter().for_each(|bedrock| drop(bedrock.take_requests()));
        }
    });

    shared.free_all();
    let status = bedrock_shutdown(5000);
    if status != BEDROCK_OK {
        violations.push(format!("bedrock_shutdown returned {} after 5 s", name(status)));
    }
    let left = bedrock_live_handles() - before;
    if left > 0 {
        violations.push(format!("{left} handles are left"));
    }
    let (given, released) = (caller::GIVEN.load(Ordering::SeqCst), caller::RELEASED.load(Ordering::SeqCst));
    if given != released {
        violations.push(format!("{given} release functions were passed, and {released} ran"));
    }
    let let_do = calls::LET.load(Ordering::Relaxed);
    if let_do > 0 {
        violations.push(format!("{let_do} times a wakeup, a log or an observer was let do what none of them may"));
    }

    // When they are dropped, they report violations connections, which are expected here.
    bedrock.into_iter().for_each(std::mem::forget);
    let mut seen: BTreeMap<&str, Seen> = BTreeMap::new();
    for caller in callers {
        caller.seen.into_iter().for_each(|(function, more)| seen.entry(function).or_default().add(more));
        violations.extend(caller.violations);
    }
    let mut table = Table::new(&["function", "calls", "longest", "statuses"]);
    for (function, seen) in &seen {
        let mut statuses: Vec<_> = seen.statuses.iter().collect();
        statuses.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let statuses =
            statuses.into_iter().map(|(status, count)| format!("{} {count}", status.replace("BEDROCK_", "")));
        let came = statuses.collect::<Vec<_>>().join(", ");
        table.row([(*function).to_owned(), seen.calls.to_string(), format!("{} ms", seen.longest.as_millis()), came]);
    }
    let calls = seen.values().map(|seen| seen.calls).sum::<usize>();
    println!("\n{table}\n{calls} calls by {threads} threads, {released} releases, {left} handles left");
    violations
}

/// Returns the functions of the header that take or return a handle and are not called here.
fn missing() -> Vec<String> {
    let header =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/include/bedrock.h")).expect("the header");
    let code = header.split("*/").map(|part| part.split("/*").next().unwrap_or_default()).collect::<String>();
    let names = code.split("bedrock_").skip(1).filter_map(|rest| {
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')?;
        rest[end..].starts_with('(').then(|| format!("bedrock_{}", &rest[..end]))
    });
    let pure = ["bedrock_json_", "bedrock_utf8_", "bedrock_version", "bedrock_status_name"];
    let names = names.filter(|name| !pure.iter().any(|pure| name.starts_with(pure)));
    let called = |name: &String| CALLS.iter().any(|call| call.name == name);
    let missing: std::collections::BTreeSet<String> = names.filter(|name| !called(name)).collect();
    missing.into_iter().map(|name| format!("{name} is in the header, and not among the calls")).collect()
}

/// Replies of all kinds: fast, slow, violations, and none.
fn respond(bedrock: &LocalBedrock, seed: u64) {
    let next = AtomicUsize::new(0);
    bedrock.respond_with(move |request| {
        let mut random = Random::new(seed, 1000 + next.fetch_add(1, Ordering::Relaxed) as u64);
        let streams = request.operation().ends_with("stream");
        match random.below(10) {
            0 => Reply::hang(),
            1 => Reply::error(429, "ThrottlingException", "later"),
            2 => Reply::close_before_headers(),
            3 if streams => Reply::stream().text_stream(&["a"; 20], "end_turn").paced(Duration::from_millis(5)),
            4 if streams => Reply::stream().text_stream(&["a", "b"], "end_turn").cut_at(150, Cut::Reset),
            5 if streams => {
                let delta = event_frame("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"on"}}"#);
                Reply::stream().message_start().then_forever(delta)
            }
            6 if streams => Reply::stream().message_start().exception("throttlingException", "{}"),
            _ if streams => {
                Reply::stream().tool_call(0, "t-1", "tool", &["{", "}"]).text_stream(&["a", "b"], "tool_use")
            }
            3 => Reply::error(400, "ValidationException", "no"),
            _ => Reply::text_response("Hello"),
        }
    });
}
