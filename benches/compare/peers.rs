//! The comparison with libcurl, which a C programmer would use instead. The program `c/curl.c` splits and checks frames
//! by hand.
//!
//! libcurl signs (`CURLOPT_AWS_SIGV4`) and implements HTTP and TLS, with OpenSSL on most systems. Measured are HTTPS,
//! which the service uses, and plain HTTP/1.1. If pkg-config does not find libcurl's development files, its column says
//! "skipped".

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::c_program::compile;
use crate::clients::{ALL, Bench, ClientFilter, Program, Run};
use crate::plan::{AT_ONCE, BURST, EVENTS, PACED, PER_EVENT, Plan, STEADY, STEADY_EVENTS, TEXT};
use crate::report::{self, Columns, Goal};
use crate::rows::{all_met, counted_row};
use crate::server_process::Server;

const PEERS: Columns = Columns {
    names: &["SDK, one thread", "libcurl", "C, callback", "C, waiting set"],
    base: 1,
    of_base: "libcurl's",
    ratio: "C : libcurl",
    judged: &[2, 3],
};

/// For streams one after the other, which need no waiting set.
const ONE_BY_ONE: ClientFilter = |client| client < 3;
/// For many streams at once, which one thread cannot serve by callbacks.
const AT_THE_SAME_TIME: ClientFilter = |client| client != 2;

/// The system's trust store. A program reads all of it at its start.
const TRUST_STORE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The model id of a cold start, which reads one event.
const FIRST: &str = "burst-1";

/// The programs, the server and the folder of the driver.
pub struct Setting<'a> {
    pub executable: &'a Path,
    pub server: &'a Server,
    /// The server's certificate authority.
    pub authority: &'a Path,
    pub c_program: &'a Result<PathBuf, String>,
    pub scratch: &'a Path,
}

/// Runs the programs and prints the table. Returns whether every goal was measured and met.
pub fn compare(plan: &Plan, setting: &Setting<'_>) -> Result<bool, Box<dyn Error>> {
    let curl = build(setting.scratch);
    let trusted = trust_store(setting)?;
    let bench = |url, more: &[&str]| {
        let program = |file: &Result<PathBuf, String>, options: &[&str]| {
            file.as_ref().map(|file| Program::new(file, &[options, more].concat())).map_err(Clone::clone)
        };
        let clients = vec![
            Ok(Program::new(setting.executable, &[&["raw-sdk", "--runtime", "single"], more].concat())),
            program(&curl, &[]),
            program(setting.c_program, &[]),
            program(setting.c_program, &["--interface", "waitset"]),
        ];
        Bench { columns: &PEERS, clients, url }
    };
    let plain = bench(&setting.server.url, &[]);
    let secure = bench(&setting.server.secure_url, &["--authority", &setting.authority.to_string_lossy()]);
    let cold = bench(&setting.server.secure_url, &["--authority", &trusted.to_string_lossy()]);

    eprintln!("libcurl: burst ...");
    let streams = plan.streams.to_string();
    let events = u64::from(plan.streams) * EVENTS;
    let [burst, secure_burst] = [&plain, &secure].map(|bench| {
        bench.rounds(plan.burst_rounds, &ONE_BY_ONE, |program| {
            program.measure(&["--model", BURST, "--streams", &streams], PER_EVENT, events * TEXT)
        })
    });
    eprintln!("libcurl: paced ...");
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
        plain.row("paced over HTTP/1.1: CPU, us", &paced, Run::cpu, None),
        plain.row("the same: context switches", &paced, |run| run.switches, None),
        secure.row("1,000 streams over HTTP/2 and TLS: CPU, us", &at_once, Run::cpu, Some(Goal::OfBase(1.0))),
        secure.row("the same: context switches", &at_once, |run| run.switches, None),
        counted_row(&cold, "cold start over HTTPS: instructions", &counted_cold, 1.0, Some(Goal::OfBase(0.5))),
        cold.row("the same: CPU, us", &colds, Run::cpu, None),
        cold.row("the same: wall, us", &colds, |run| run.wall, None),
    ];
    println!("\n{}", report::table(&PEERS, &rows));
    println!(
        "All rows but the cold start are per event. A cold start ends with the first event and reads the whole trust store."
    );
    Ok(all_met(&rows))
}

/// Writes the certificates of the system, if they are in one file, and the server's authority into one file.
fn trust_store(setting: &Setting<'_>) -> Result<PathBuf, Box<dyn Error>> {
    let mut all = fs::read(TRUST_STORE).unwrap_or_default();
    all.extend(fs::read(setting.authority)?);
    let file = setting.scratch.join("trusted.pem");
    fs::write(&file, all)?;
    Ok(file)
}

/// Compiles `c/curl.c`, if libcurl's development files are installed.
fn build(scratch: &Path) -> Result<PathBuf, String> {
    let skipped = || "libcurl's development files not found (libcurl4-openssl-dev)".to_owned();
    let found = Command::new("pkg-config").args(["--cflags", "--libs", "libcurl"]).output().map_err(|_| skipped())?;
    if !found.status.success() {
        return Err(skipped());
    }
    let flags = String::from_utf8_lossy(&found.stdout).split_whitespace().map(OsString::from).collect::<Vec<_>>();
    compile("curl", scratch, &flags)
}
