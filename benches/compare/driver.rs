//! Runs the comparison: builds the C program, starts the server, runs the clients in turn, prints the tables.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use crate::c_program::{build_c_program, find_library};
use crate::callgrind::Profile;
use crate::clients::{ALL, BY_CALLBACK, Bench, PerClient, Program, Run, SERVE_MANY, WITHOUT_RESPONSE};
use crate::json;
use crate::observer;
use crate::peers;
use crate::plan::{
    AT_ONCE, BURST, EVENTS, HASHING, IMAGE, PACED, PER_CALL, PER_EVENT, Plan, STAMPED, STEADY, STEADY_EVENTS, TEXT,
    UNARY_TEXT,
};
use crate::report::{self, CALLBACK, Goal, INTERFACES};
use crate::rows::{all_met, counted_row, in_the_kernel, row};
use crate::server_process::Server;

/// Runs the comparison, or its part about JSON. Returns whether every goal was measured and met.
pub fn run(plan: &Plan) -> Result<bool, Box<dyn Error>> {
    let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("compare-{}", std::process::id()));
    fs::create_dir_all(&scratch)?;
    let outcome = if plan.json_alone {
        let library = find_library(plan, &env::current_exe()?);
        compare_json(plan, &library, &scratch).map_err(Into::into)
    } else {
        compare(plan, &scratch)
    };
    let _ = fs::remove_dir_all(&scratch);
    outcome
}

fn compare(plan: &Plan, scratch: &Path) -> Result<bool, Box<dyn Error>> {
    let executable = env::current_exe()?;
    let library = find_library(plan, &executable);
    let c_program = library.clone().and_then(|library| build_c_program("stream", &library, scratch));
    let authority = scratch.join("authority.pem");
    let server = Server::start(&executable, &authority)?;
    print_versions(&library);

    let raw_sdk = |more: &[&str]| Ok(Program::new(&executable, &[&["raw-sdk"], more].concat()));
    let c = |more: &[&str]| c_program.as_ref().map(|file| Program::new(file, more)).map_err(Clone::clone);
    let callback = Bench {
        columns: &CALLBACK,
        clients: vec![raw_sdk(&["--runtime", "multi"]), raw_sdk(&["--runtime", "single"]), c(&[]), c(&["--response"])],
        url: &server.url,
    };
    let by_interface = |url, more: &[&str]| {
        let runtimes = ["multi", "single"].map(|runtime| raw_sdk(&[&["--runtime", runtime], more].concat()));
        let interfaces = ["callback", "pull", "descriptor", "wakeup", "waitset"];
        let interfaces = interfaces.map(|interface| c(&[&["--interface", interface], more].concat()));
        Bench { columns: &INTERFACES, clients: runtimes.into_iter().chain(interfaces).collect(), url }
    };
    let interfaces = by_interface(&server.url, &[]);
    let over_http2 = by_interface(&server.secure_url, &["--authority", &authority.to_string_lossy()]);
    let peers = peers::Setting {
        executable: &executable,
        server: &server,
        authority: &authority,
        c_program: &c_program,
        scratch,
    };
    let file = scratch.join("callgrind.out");
    let goals = [
        compare_json(plan, &library, scratch)?,
        compare_callback(plan, &callback, &file),
        compare_interfaces(plan, &interfaces, &over_http2, &file),
        peers::compare(plan, &peers)?,
        observer::compare(plan, &server, &authority, &c_program, &file),
    ];
    Ok(goals.iter().all(|met| *met))
}

/// Measures the cost of JSON. Returns whether every goal was measured and met.
fn compare_json(plan: &Plan, library: &Result<PathBuf, String>, scratch: &Path) -> Result<bool, String> {
    let program = build_c_program("json", library.as_ref().map_err(Clone::clone)?, scratch)?;
    Ok(json::compare(&program, scratch, plan.burst_rounds))
}

/// Measures the cost of a callback in detail. Returns whether every goal was measured and met.
fn compare_callback(plan: &Plan, bench: &Bench, file: &Path) -> bool {
    eprintln!("burst ...");
    let streams = plan.streams.to_string();
    let events = u64::from(plan.streams) * EVENTS;
    let burst = bench.rounds(plan.burst_rounds, &ALL, |program| {
        program.measure(&["--model", BURST, "--streams", &streams], PER_EVENT, events * TEXT)
    });
    eprintln!("paced ...");
    let paced = bench.rounds(plan.paced_rounds, &ALL, |program| {
        program.measure(&["--model", PACED, "--streams", "1"], PER_EVENT, EVENTS * TEXT)
    });
    eprintln!("unary calls ...");
    let calls = u64::from(plan.unary_calls);
    let unary = bench.rounds(plan.burst_rounds, &WITHOUT_RESPONSE, |program| {
        program.measure(&["--model", BURST, "--unary", &calls.to_string()], PER_CALL, calls * UNARY_TEXT)
    });
    eprintln!("cold starts ...");
    let cold = bench.rounds(plan.cold_rounds, &WITHOUT_RESPONSE, |program| {
        program.measure_whole(&["--model", PACED, "--first-event"])
    });
    eprintln!("counting instructions ...");
    let counted_events = bench.count_events(plan, &ALL, file);
    let counted_unary = bench.count_calls(plan, &WITHOUT_RESPONSE, file);
    let counted_image = bench.count(&WITHOUT_RESPONSE, |program| {
        let size = IMAGE.to_string();
        let run =
            |calls: u32| program.count(&["--model", BURST, "--unary", &calls.to_string(), "--image", &size], file);
        Ok(run(1 + plan.counted_images)?.minus(&run(1)?))
    });
    let counted_cold =
        bench.count(&WITHOUT_RESPONSE, |program| program.count(&["--model", PACED, "--first-event"], file));

    let per_stream_event = f64::from(plan.counted_streams) * EVENTS as f64;
    let per_call = f64::from(plan.counted_calls);
    let per_image = f64::from(plan.counted_images);
    let without_hashing = |image: &Profile| vec![image.total_without(HASHING) as f64 / per_image];
    let rows = [
        bench.row("burst: wall per event, us", &burst, |run| run.wall, Some(Goal::OfBase(0.2))),
        bench.row("burst: CPU per event, us", &burst, Run::cpu, None),
        in_the_kernel(bench, "burst: share of CPU in the kernel, %", &burst),
        bench.row("burst: context switches per event", &burst, |run| run.switches, Some(Goal::AtMost(0.02))),
        counted_row(
            bench,
            "burst: instructions per event",
            &counted_events,
            per_stream_event,
            Some(Goal::OfBase(0.42)),
        ),
        bench.row("paced: wall per event, us", &paced, |run| run.wall, None),
        bench.row("paced: CPU per event, us", &paced, Run::cpu, None),
        in_the_kernel(bench, "paced: share of CPU in the kernel, %", &paced),
        bench.row("paced: context switches per event", &paced, |run| run.switches, Some(Goal::AtMost(2.1))),
        bench.row("unary: wall per call, us", &unary, |run| run.wall, None),
        bench.row("unary: CPU per call, us", &unary, Run::cpu, None),
        bench.row("unary: context switches per call", &unary, |run| run.switches, None),
        counted_row(bench, "unary: instructions per call", &counted_unary, per_call, None),
        counted_row(
            bench,
            "an image of 4 MB: instructions per call",
            &counted_image,
            per_image,
            Some(Goal::OfBase(1.0)),
        ),
        row(
            bench.columns,
            "an image of 4 MB: without SHA-256",
            &counted_image,
            without_hashing,
            Some(Goal::OfBase(1.0)),
        ),
        bench.row("cold start to the first event: wall, us", &cold, |run| run.wall, None),
        bench.row("cold start to the first event: CPU, us", &cold, Run::cpu, None),
        counted_row(bench, "cold start to the first event: instructions", &counted_cold, 1.0, None),
    ];
    println!("\n{}", report::table(&CALLBACK, &rows));
    println!(
        "Times and switches: the best round, and the worst in brackets. C : SDK compares the callback with the SDK"
    );
    println!("as documented. A goal must be met without an assembled response and with one.");
    print_profiles(&counted_events, &counted_unary, &counted_cold, per_stream_event, per_call);
    all_met(&rows)
}

/// Measures the cost of each interface. Returns whether every goal was measured and met.
fn compare_interfaces(plan: &Plan, bench: &Bench, over_http2: &Bench, file: &Path) -> bool {
    eprintln!("every interface: burst ...");
    let streams = plan.streams.to_string();
    let events = u64::from(plan.streams) * EVENTS;
    let burst = bench.rounds(plan.paced_rounds, &ALL, |program| {
        program.measure(&["--model", BURST, "--streams", &streams], PER_EVENT, events * TEXT)
    });
    eprintln!("every interface: paced, with time stamps ...");
    let stamped = bench.rounds(plan.paced_rounds, &ALL, |program| {
        // The last event comes from the script, without a time stamp.
        program.measure(&["--model", STAMPED, "--streams", "1"], PER_EVENT, EVENTS * TEXT)
    });
    eprintln!("{AT_ONCE} streams at once ...");
    let text = AT_ONCE * STEADY_EVENTS * TEXT;
    let [at_once, at_once_over_http2] = [bench, over_http2].map(|bench| {
        bench.rounds(plan.paced_rounds, &SERVE_MANY, |program| {
            program.measure(&["--model", STEADY, "--open", &AT_ONCE.to_string()], PER_EVENT, text)
        })
    });
    eprintln!("every interface: counting instructions ...");
    let counted = bench.count_events(plan, &ALL, file);
    let counted_over_http2 = over_http2.count_events(plan, &BY_CALLBACK, file);
    let per_event = f64::from(plan.counted_streams) * EVENTS as f64;

    let rows = [
        counted_row(bench, "burst: instructions per event", &counted, per_event, Some(Goal::AtMost(4000.0))),
        counted_row(over_http2, "the same over HTTP/2 and TLS", &counted_over_http2, per_event, None),
        bench.row("burst: CPU per event, us", &burst, Run::cpu, None),
        bench.row("burst: context switches per event", &burst, |run| run.switches, None),
        bench.row("paced: CPU per event, us", &stamped, Run::cpu, None),
        bench.row("paced: context switches per event", &stamped, |run| run.switches, None),
        bench.row("paced: wire to consumer, p50, us", &stamped, |run| run.p50, None),
        bench.row("paced: wire to consumer, p99, us", &stamped, |run| run.p99, None),
        bench.row("1,000 streams, 20 a second: CPU per event, us", &at_once, Run::cpu, Some(Goal::OfBase(0.5))),
        bench.row("1,000 streams, 20 a second: switches per event", &at_once, |run| run.switches, None),
        over_http2.row(
            "the same over HTTP/2 and TLS: CPU per event, us",
            &at_once_over_http2,
            Run::cpu,
            Some(Goal::OfBase(0.5)),
        ),
        over_http2.row(
            "the same over HTTP/2 and TLS: switches per event",
            &at_once_over_http2,
            |run| run.switches,
            None,
        ),
    ];
    println!("\n{}", report::table(&INTERFACES, &rows));
    all_met(&rows)
}

/// Prints the versions that are compared, the CPU and the library.
fn print_versions(library: &Result<PathBuf, String>) {
    let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).unwrap_or_default();
    let version = |name: &str| {
        lock.split_once(&format!("\nname = \"{name}\"\nversion = \""))
            .and_then(|(_, rest)| rest.split_once('"'))
            .map_or("of unknown version", |(version, _)| version)
    };
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("CPU", |(_, name)| name);
    println!(
        "libbedrock {} against aws-sdk-bedrockruntime {} on tokio {}: {} x {cpu}",
        env!("CARGO_PKG_VERSION"),
        version("aws-sdk-bedrockruntime"),
        version("tokio"),
        thread::available_parallelism().map_or(1, usize::from),
    );
    if let Ok(library) = library {
        let size = fs::metadata(library).map_or(0, |metadata| metadata.len());
        println!("library: {} ({size} bytes)", library.display());
    }
}

/// Prints the instructions by crate for each client, and by function for a streamed event.
fn print_profiles(
    events: &PerClient<Profile>,
    unary: &PerClient<Profile>,
    cold: &PerClient<Profile>,
    per_event: f64,
    per_call: f64,
) {
    if !events.iter().flatten().any(Result::is_ok) {
        return;
    }
    println!("\nInstructions by crate (exclusive: without the functions that are called)");
    for (unit, profiles, units) in
        [("per event", events, per_event), ("per unary call", unary, per_call), ("cold start", cold, 1.0)]
    {
        for (client, name) in CALLBACK.names.iter().enumerate() {
            let Some(Ok(profile)) = &profiles[client] else { continue };
            let total = profile.total() as f64;
            let layers = profile.layers();
            let main: Vec<String> = layers
                .iter()
                .take_while(|(_, cost)| *cost as f64 >= total * 0.02)
                .take(10)
                .map(|(layer, cost)| format!("{layer} {:.0}%", 100.0 * *cost as f64 / total))
                .collect();
            println!("  {unit}, {name}: {:.0} = {}", total / units, main.join(", "));
        }
    }
    let (sdk, judged) = (CALLBACK.base, CALLBACK.judged);
    for client in [sdk, judged[0], judged[1]] {
        let Some(Ok(profile)) = &events[client] else { continue };
        let total = profile.total() as f64;
        println!("\nThe largest functions per event, {}", CALLBACK.names[client]);
        let functions = profile.functions();
        let most = if client == judged[0] { 25 } else { 10 };
        for (function, cost) in functions.iter().take(most).take_while(|(_, cost)| *cost as f64 >= total * 0.005) {
            let function: String = function.chars().take(100).collect();
            println!("  {:>7.0} {:>5.1}%  {function}", *cost as f64 / per_event, 100.0 * *cost as f64 / total);
        }
    }
}
