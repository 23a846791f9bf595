//! Against what a C programmer would take instead: libcurl, with the frames split and checked by hand (`c/curl.c`).
//!
//! libcurl signs (`CURLOPT_AWS_SIGV4`) and does HTTP and TLS, with OpenSSL on most systems. Over HTTPS, as the service
//! speaks, and over plain HTTP/1.1. It is built where pkg-config finds libcurl's development files; without them its
//! column says "skipped".

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::c_program::compile;
use crate::clients::{ALL, Bench, Program, Run, Wanted};
use crate::plan::{AT_ONCE, BURST, EVENTS, PACED, PER_EVENT, Plan, STEADY, STEADY_EVENTS, TEXT};
use crate::report::{self, Columns, Goal};
use crate::rows::{all_met, counted_row};
use crate::server_process::Server;

const PEERS: Columns = Columns {
    names: &["SDK, one thread", "libcurl", "C, callback", "C, waiting set"],
    base: 1,
    ratio: "C : libcurl",
    judged: &[2, 3],
};

/// One stream after the other needs no waiting set.
const ONE_BY_ONE: Wanted = |client| client < 3;
/// Many at once do.
const AT_THE_SAME_TIME: Wanted = |client| client != 2;

/// The certificates of a system that has some: a program that starts reads all of them, whichever it needs.
const TRUST_STORE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// A stream that is left at its first event needs no more.
const FIRST: &str = "burst-1";

/// Who and where everybody is.
pub struct Setting<'a> {
    pub me: &'a Path,
    pub server: &'a Server,
    /// Whom to trust.
    pub authority: &'a Path,
    pub c_program: &'a Result<PathBuf, String>,
    pub scratch: &'a Path,
}

/// Runs them, and prints the table. Whether every goal was measured and met.
pub fn compare(plan: &Plan, setting: &Setting<'_>) -> Result<bool, Box<dyn Error>> {
    let curl = build(setting.scratch);
    let trusted = trust_store(setting)?;
    let bench = |url, more: &[&str]| {
        let program = |file: &Result<PathBuf, String>, own: &[&str]| {
            file.as_ref().map(|file| Program::new(file, &[own, more].concat())).map_err(Clone::clone)
        };
        let clients = vec![
            Ok(Program::new(setting.me, &[&["raw-sdk", "--runtime", "single"], more].concat())),
            program(&curl, &[]),
            program(setting.c_program, &[]),
            program(setting.c_program, &["--interface", "waitset"]),
        ];
        Bench { columns: &PEERS, clients, url }
    };
    let plain = bench(&setting.server.url, &[]);
    let secure = bench(&setting.server.secure_url, &["--authority", &setting.authority.to_string_lossy()]);
    let cold = bench(&setting.server.secure_url, &["--authority", &trusted.to_string_lossy()]);

    eprintln!("libcurl: as fast as they come ...");
    let streams = plan.streams.to_string();
    let events = u64::from(plan.streams) * EVENTS;
    let [burst, secure_burst] = [&plain, &secure].map(|bench| {
        bench.rounds(plan.burst_rounds, &ONE_BY_ONE, |program| {
            program.measure(&["--model", BURST, "--streams", &streams], PER_EVENT, events * TEXT)
        })
    });
    eprintln!("libcurl: one a millisecond ...");
    let paced = plain.rounds(plan.paced_rounds, &ALL, |program| {
        program.measure(&["--model", PACED, "--streams", "1"], PER_EVENT, EVENTS * TEXT)
    });
    eprintln!("libcurl: {AT_ONCE} streams at once ...");
    let at_once = secure.rounds(plan.paced_rounds, &AT_THE_SAME_TIME, |program| {
        let text = AT_ONCE * STEADY_EVENTS * TEXT;
        program.measure(&["--model", STEADY, "--open", &AT_ONCE.to_string()], PER_EVENT, text)
    });
    eprintln!("libcurl: cold starts over HTTPS ...");
    let start = ["--model", FIRST, "--first-event"];
    let colds = cold.rounds(plan.cold_rounds, &ONE_BY_ONE, |program| program.measure_whole(&start));
    eprintln!("libcurl: counting instructions ...");
    let file = setting.scratch.join("callgrind.out");
    let [counted, secure_counted] = [&plain, &secure].map(|bench| bench.count_events(plan, &ONE_BY_ONE, &file));
    let counted_cold = cold.count(&ONE_BY_ONE, |program| program.count(&start, &file));
    let per_event = f64::from(plan.counted_streams) * EVENTS as f64;

    let rows = [
        counted_row(&plain, "burst over HTTP/1.1: instructions", &counted, per_event, Some(Goal::AtMost(2000.0))),
        plain.row("the same: CPU, us", &burst, Run::cpu, None),
        counted_row(
            &secure,
            "burst over HTTP/2 and TLS: instructions",
            &secure_counted,
            per_event,
            Some(Goal::AtMost(3500.0)),
        ),
        secure.row("the same: CPU, us", &secure_burst, Run::cpu, None),
        plain.row("one a millisecond, HTTP/1.1: CPU, us", &paced, Run::cpu, None),
        plain.row("the same: context switches", &paced, |run| run.switches, None),
        secure.row("1,000 streams, HTTP/2 and TLS: CPU, us", &at_once, Run::cpu, Some(Goal::OfLibcurl(1.0))),
        secure.row("the same: context switches", &at_once, |run| run.switches, None),
        counted_row(&cold, "cold start over HTTPS: instructions", &counted_cold, 1.0, Some(Goal::OfLibcurl(0.5))),
        cold.row("the same: CPU, us", &colds, Run::cpu, None),
        cold.row("the same: wall, us", &colds, |run| run.wall, None),
    ];
    println!("\n{}", report::table(&PEERS, &rows));
    println!(
        "All but the cold start is for each event. A cold start ends with the first event, and reads the system's trust store."
    );
    Ok(all_met(&rows))
}

/// The system's certificates, where it has them in one file, and that of the server.
fn trust_store(setting: &Setting<'_>) -> Result<PathBuf, Box<dyn Error>> {
    let mut all = fs::read(TRUST_STORE).unwrap_or_default();
    all.extend(fs::read(setting.authority)?);
    let file = setting.scratch.join("trusted.pem");
    fs::write(&file, all)?;
    Ok(file)
}

/// Compiles `c/curl.c` where there is a libcurl to compile against.
fn build(scratch: &Path) -> Result<PathBuf, String> {
    let skipped = || "libcurl's development files not found (libcurl4-openssl-dev)".to_owned();
    let asked = Command::new("pkg-config").args(["--cflags", "--libs", "libcurl"]).output().map_err(|_| skipped())?;
    if !asked.status.success() {
        return Err(skipped());
    }
    let flags = String::from_utf8_lossy(&asked.stdout).split_whitespace().map(OsString::from).collect::<Vec<_>>();
    compile("curl", scratch, &flags)
}
