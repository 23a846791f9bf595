//! What an observer of records costs: the same C program without one and with one.
//!
//! Instructions in user space are compared, over plain HTTP/1.1 and over HTTP/2 and TLS, which the service uses and
//! which have the goal. The program's observer does nothing, so that the cost is the library's alone.

use std::path::{Path, PathBuf};

use crate::callgrind::Profile;
use crate::clients::{ALL, Bench, Program};
use crate::plan::Plan;
use crate::report::{self, Columns, Goal};
use crate::rows::{all_met, counted_row, row};
use crate::server_process::Server;

const NAMES: &[&str] = &["no observer", "observer"];
const OBSERVED: Columns =
    Columns { names: NAMES, base: 0, of_base: "the call's without one", ratio: "with : without", judged: &[1] };
/// For what a program without an observer pays: a few instructions for each call, and none for an event.
const NOT_OBSERVED: Columns = Columns { judged: &[0], ..OBSERVED };

/// The parts of the names of functions that only a record needs.
const OF_RECORDS: [&str; 3] = ["bedrock::call::observation", "bedrock::call::record", "bedrock::runtime::feed"];

/// Counts and prints the table. Returns whether every goal was measured and met.
pub fn compare(plan: &Plan, server: &Server, authority: &Path, program: &Result<PathBuf, String>, file: &Path) -> bool {
    eprintln!("an observer: counting instructions ...");
    let authority = authority.to_string_lossy();
    let bench = |url, more: &[&str]| {
        let client = |options: &[&str]| {
            program.as_ref().map(|file| Program::new(file, &[options, more].concat())).map_err(Clone::clone)
        };
        Bench { columns: &OBSERVED, clients: vec![client(&[]), client(&["--observe"])], url }
    };
    let plain = bench(&server.url, &[]);
    let secure = bench(&server.secure_url, &["--authority", &authority]);
    let [calls, secure_calls] = [&plain, &secure].map(|bench| bench.count_calls(plan, &ALL, file));
    let [events, secure_events] = [&plain, &secure].map(|bench| bench.count_events(plan, &ALL, file));

    let per_call = f64::from(plan.counted_calls);
    let per_stream = f64::from(plan.counted_streams);
    let of_records = |profile: &Profile| {
        let functions = profile.functions().into_iter();
        let of_records = functions.filter(|(function, _)| OF_RECORDS.iter().any(|part| function.contains(part)));
        vec![of_records.map(|(_, cost)| cost as f64).sum::<f64>() / per_stream]
    };
    let most = Some(Goal::OfBase(1.03));
    let rows = [
        counted_row(&plain, "unary call over HTTP/1.1", &calls, per_call, None),
        counted_row(&secure, "unary call over HTTP/2 and TLS", &secure_calls, per_call, most),
        counted_row(&plain, "stream of 1,000 events over HTTP/1.1", &events, per_stream, None),
        counted_row(&secure, "stream of 1,000 events over HTTP/2 and TLS", &secure_events, per_stream, most),
        row(
            &NOT_OBSERVED,
            "the same stream, functions of records alone",
            &events,
            of_records,
            Some(Goal::AtMost(50.0)),
        ),
    ];
    println!("\n{}", report::table(&OBSERVED, &rows));
    println!("Instructions, counted by callgrind in user space.");
    all_met(&rows)
}
