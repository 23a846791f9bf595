//! What `cargo bench` runs: builds the C program, starts the server, runs the clients in turn, prints the table.

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::callgrind::{self, Profile};
use crate::json;
use crate::peers;
use crate::report::{self, CALLBACK, Columns, DOORS, Goal, Row, Samples, Verdict};
use crate::usage::Usage;

/// Text events in a stream, and bytes of text in an event; the server's model ids say the first again.
pub const EVENTS: u64 = 1_000;
pub const TEXT: u64 = 20;
/// Bytes of text in a unary answer.
const UNARY_TEXT: u64 = crate::script::UNARY_TEXT.len() as u64;
/// Bytes of the image that a unary question shows; the names of its rows say it again.
const IMAGE: u64 = 4_000_000;
/// What the names of the functions that hash a body have in them, in lower case: signing hashes it, by either library.
const HASHING: &str = "sha256";
pub const BURST: &str = "burst-1000";
pub const PACED: &str = "paced-1000";
const STAMPED: &str = "stamped-1000";
/// Streams at once, twenty events a second each, and how many events each has.
pub const AT_ONCE: u64 = 1_000;
pub const STEADY: &str = "steady-100";
pub const STEADY_EVENTS: u64 = 100;

/// What clients count of their work.
pub const PER_EVENT: &str = "events";
const PER_CALL: &str = "calls";

/// Why counting instructions is skipped where it is.
const NO_VALGRIND: &str = "valgrind not found";

/// How much to run.
pub struct Plan {
    /// The library to measure, instead of the one that is shipped.
    pub library: Option<PathBuf>,
    /// Only what is about JSON, which needs no server.
    pub json_alone: bool,
    pub burst_rounds: u32,
    pub paced_rounds: u32,
    pub cold_rounds: u32,
    pub streams: u32,
    unary_calls: u32,
    /// Under callgrind a run of so many more streams, or calls, than the run it is compared with.
    pub counted_streams: u32,
    counted_calls: u32,
    counted_images: u32,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            library: env::var_os("BEDROCK_LIBRARY").map(PathBuf::from),
            json_alone: false,
            burst_rounds: 5,
            paced_rounds: 3,
            cold_rounds: 20,
            streams: 20,
            unary_calls: 500,
            counted_streams: 10,
            counted_calls: 100,
            counted_images: 4,
        }
    }
}

impl Plan {
    pub fn quick(&mut self) {
        (self.burst_rounds, self.paced_rounds, self.cold_rounds) = (2, 1, 5);
        (self.counted_streams, self.counted_calls, self.counted_images) = (2, 20, 1);
    }
}

/// Runs it all, or what is about JSON; whether every goal was measured and met.
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
    let me = env::current_exe()?;
    let library = find_library(plan, &me);
    let c_program = library.clone().and_then(|library| build_c_program("stream", &library, scratch));
    let authority = scratch.join("authority.pem");
    let server = Server::start(&me, &authority)?;
    introduce(&library);

    let raw_sdk = |more: &[&str]| Ok(Program::new(&me, &[&["raw-sdk"], more].concat()));
    let c = |more: &[&str]| c_program.as_ref().map(|file| Program::new(file, more)).map_err(Clone::clone);
    let callback = Bench {
        columns: &CALLBACK,
        clients: vec![raw_sdk(&["--runtime", "multi"]), raw_sdk(&["--runtime", "single"]), c(&[]), c(&["--response"])],
        url: &server.url,
    };
    let by_door = |url, more: &[&str]| {
        let runtimes = ["multi", "single"].map(|runtime| raw_sdk(&[&["--runtime", runtime], more].concat()));
        let doors = ["callback", "pull", "descriptor", "wakeup", "waitset"];
        let doors = doors.map(|door| c(&[&["--door", door], more].concat()));
        Bench { columns: &DOORS, clients: runtimes.into_iter().chain(doors).collect(), url }
    };
    let doors = by_door(&server.url, &[]);
    let over_http2 = by_door(&server.secure_url, &["--authority", &authority.to_string_lossy()]);
    let peers = peers::Setting { me: &me, server: &server, authority: &authority, c_program: &c_program, scratch };
    let file = scratch.join("callgrind.out");
    let goals = [
        compare_json(plan, &library, scratch)?,
        compare_callback(plan, &callback, &file),
        compare_doors(plan, &doors, &over_http2, &file),
        peers::compare(plan, &peers)?,
    ];
    Ok(goals.iter().all(|met| *met))
}

/// What JSON costs. Whether every goal was measured and met.
fn compare_json(plan: &Plan, library: &Result<PathBuf, String>, scratch: &Path) -> Result<bool, String> {
    let program = build_c_program("json", library.as_ref().map_err(Clone::clone)?, scratch)?;
    Ok(json::compare(&program, scratch, plan.burst_rounds))
}

/// What a callback costs, in detail. Whether every goal was measured and met.
fn compare_callback(plan: &Plan, bench: &Bench, file: &Path) -> bool {
    eprintln!("as fast as they come ...");
    let streams = plan.streams.to_string();
    let events = u64::from(plan.streams) * EVENTS;
    let burst = bench.rounds(plan.burst_rounds, &ALL, |program| {
        program.measure(&["--model", BURST, "--streams", &streams], PER_EVENT, events * TEXT)
    });
    eprintln!("one a millisecond ...");
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
    let counted_unary = bench.count(&WITHOUT_RESPONSE, |program| {
        let run = |calls: u32| program.count(&["--model", BURST, "--unary", &calls.to_string()], file);
        Ok(run(1 + plan.counted_calls)?.minus(&run(1)?))
    });
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
    let not_hashing = |image: &Profile| vec![image.total_without(HASHING) as f64 / per_image];
    let rows = [
        bench.row("burst: wall per event, us", &burst, |run| run.wall, Some(Goal::OfSdk(0.2))),
        bench.row("burst: CPU per event, us", &burst, Run::cpu, None),
        in_the_kernel(bench, "burst: of it in the kernel, %", &burst),
        bench.row("burst: context switches per event", &burst, |run| run.switches, Some(Goal::AtMost(0.02))),
        counted_row(bench, "burst: instructions per event", &counted_events, per_stream_event, Some(Goal::OfSdk(0.42))),
        bench.row("paced: wall per event, us", &paced, |run| run.wall, None),
        bench.row("paced: CPU per event, us", &paced, Run::cpu, None),
        in_the_kernel(bench, "paced: of it in the kernel, %", &paced),
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
            Some(Goal::OfSdk(1.0)),
        ),
        row(
            bench.columns,
            "an image of 4 MB: of them not SHA-256",
            &counted_image,
            not_hashing,
            Some(Goal::OfSdk(1.0)),
        ),
        bench.row("cold start to the first event: wall, us", &cold, |run| run.wall, None),
        bench.row("cold start to the first event: CPU, us", &cold, Run::cpu, None),
        counted_row(bench, "cold start to the first event: instructions", &counted_cold, 1.0, None),
    ];
    println!("\n{}", report::table(&CALLBACK, &rows));
    println!(
        "Times and switches: the best of the rounds, the worst in brackets. C : SDK compares the callback with the SDK"
    );
    println!("as documented; a goal has to be met without an assembled response and with one.");
    explain(&counted_events, &counted_unary, &counted_cold, per_stream_event, per_call);
    all_met(&rows)
}

/// What each door costs. Whether every goal was measured and met.
fn compare_doors(plan: &Plan, bench: &Bench, over_http2: &Bench, file: &Path) -> bool {
    eprintln!("every door: as fast as they come ...");
    let streams = plan.streams.to_string();
    let events = u64::from(plan.streams) * EVENTS;
    let burst = bench.rounds(plan.paced_rounds, &ALL, |program| {
        program.measure(&["--model", BURST, "--streams", &streams], PER_EVENT, events * TEXT)
    });
    eprintln!("every door: one a millisecond, with the time at which it was sent ...");
    let stamped = bench.rounds(plan.paced_rounds, &ALL, |program| {
        // The last of the events comes from the script, without a stamp.
        program.measure(&["--model", STAMPED, "--streams", "1"], PER_EVENT, EVENTS * TEXT)
    });
    eprintln!("{AT_ONCE} streams at once ...");
    let text = AT_ONCE * STEADY_EVENTS * TEXT;
    let [at_once, at_once_over_http2] = [bench, over_http2].map(|bench| {
        bench.rounds(plan.paced_rounds, &SERVE_MANY, |program| {
            program.measure(&["--model", STEADY, "--open", &AT_ONCE.to_string()], PER_EVENT, text)
        })
    });
    eprintln!("every door: counting instructions ...");
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
        bench.row("1,000 streams, 20 a second: CPU per event, us", &at_once, Run::cpu, Some(Goal::OfSdk(0.5))),
        bench.row("1,000 streams, 20 a second: switches per event", &at_once, |run| run.switches, None),
        over_http2.row(
            "the same over HTTP/2 and TLS: CPU per event, us",
            &at_once_over_http2,
            Run::cpu,
            Some(Goal::OfSdk(0.5)),
        ),
        over_http2.row(
            "the same over HTTP/2 and TLS: switches per event",
            &at_once_over_http2,
            |run| run.switches,
            None,
        ),
    ];
    println!("\n{}", report::table(&DOORS, &rows));
    all_met(&rows)
}

pub fn all_met(rows: &[Row]) -> bool {
    rows.iter().all(|row| matches!(row.verdict(), Verdict::NoGoal | Verdict::Met))
}

/// What was compared, on what.
fn introduce(library: &Result<PathBuf, String>) {
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

// ---- The clients ---------------------------------------------------------------------------------------------------

pub type PerClient<T> = Vec<Option<Result<T, String>>>;

/// Of the clients of a bench, those that can do something.
pub type Wanted = fn(client: usize) -> bool;

pub const ALL: Wanted = |_| true;
/// For what has no two ways about its response.
const WITHOUT_RESPONSE: Wanted = |client| client < 3;
/// One thread of a program serves many streams by descriptors, wakeups or a waiting set.
const SERVE_MANY: Wanted = |client| matches!(client, 0 | 1 | 4 | 5 | 6);

/// For what is the same by every door.
pub const BY_CALLBACK: Wanted = |client| client < 3;

pub struct Bench<'a> {
    pub columns: &'static Columns,
    pub clients: Vec<Result<Program, String>>,
    pub url: &'a str,
}

/// A client, and the arguments that make it one of the columns.
pub struct Program {
    file: PathBuf,
    args: Vec<String>,
}

/// What one unit of work (an event, a call, a whole program) took. Microseconds, except for the switches.
pub struct Run {
    pub wall: f64,
    user: f64,
    system: f64,
    pub switches: f64,
    /// From the server's write to the consumer, where the events tell when they were sent.
    p50: f64,
    p99: f64,
}

impl Run {
    pub fn cpu(&self) -> f64 {
        self.user + self.system
    }
}

/// A client that is about to be run.
pub struct Client<'a> {
    program: &'a Program,
    url: &'a str,
}

impl Bench<'_> {
    /// So many rounds, the clients taking turns within each, so that a slow moment of the machine hits all of them.
    pub fn rounds(
        &self,
        rounds: u32,
        wanted: &Wanted,
        run: impl Fn(&Client) -> Result<Run, Box<dyn Error>>,
    ) -> PerClient<Vec<Run>> {
        let mut all: PerClient<Vec<Run>> = self.nobody();
        for _ in 0..rounds {
            for (index, runs) in all.iter_mut().enumerate().filter(|(index, _)| wanted(*index)) {
                let runs = runs.get_or_insert_with(|| Ok(Vec::new()));
                let Ok(so_far) = runs else { continue };
                match self.with(index, &run) {
                    Ok(one) => so_far.push(one),
                    Err(why) => *runs = Err(why),
                }
            }
        }
        all
    }

    pub fn count(
        &self,
        wanted: &Wanted,
        count: impl Fn(&Client) -> Result<Profile, Box<dyn Error>>,
    ) -> PerClient<Profile> {
        let valgrind = callgrind::found();
        let mut all: PerClient<Profile> = self.nobody();
        for (index, profile) in all.iter_mut().enumerate().filter(|(index, _)| wanted(*index)) {
            *profile = Some(if valgrind { self.with(index, &count) } else { Err(NO_VALGRIND.to_owned()) });
        }
        all
    }

    fn with<T>(&self, index: usize, run: impl Fn(&Client) -> Result<T, Box<dyn Error>>) -> Result<T, String> {
        let program = self.clients[index].as_ref().map_err(Clone::clone)?;
        run(&Client { program, url: self.url }).map_err(|error| format!("{}: {error}", self.columns.names[index]))
    }

    fn nobody<T>(&self) -> PerClient<T> {
        self.clients.iter().map(|_| None).collect()
    }

    /// The instructions of so many streams more than one.
    pub fn count_events(&self, plan: &Plan, wanted: &Wanted, file: &Path) -> PerClient<Profile> {
        self.count(wanted, |program| {
            let run = |streams: u32| program.count(&["--model", BURST, "--streams", &streams.to_string()], file);
            Ok(run(1 + plan.counted_streams)?.minus(&run(1)?))
        })
    }

    pub fn row(
        &self,
        what: &'static str,
        runs: &PerClient<Vec<Run>>,
        figure: impl Fn(&Run) -> f64,
        goal: Option<Goal>,
    ) -> Row {
        row(self.columns, what, runs, |runs| runs.iter().map(&figure).collect(), goal)
    }
}

impl Program {
    pub fn new(file: &Path, args: &[&str]) -> Self {
        Self { file: file.to_owned(), args: args.iter().map(|arg| (*arg).to_owned()).collect() }
    }
}

impl Client<'_> {
    /// An environment that is the same for all clients and on all machines: no credentials, profiles or proxies of
    /// whoever runs this.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program.file);
        command.args(&self.program.args).args(["--url", self.url]).args(args).env_clear();
        command.envs(["PATH", "HOME"].into_iter().filter_map(|name| Some((name, env::var_os(name)?))));
        command.envs([
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]);
        command.stdin(Stdio::null());
        command
    }

    /// What the client says of its steady state, for each event or call of it; it must have seen all of the text.
    pub fn measure(&self, args: &[&str], per: &str, text: u64) -> Result<Run, Box<dyn Error>> {
        let output = self.command(args).output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{}: {}", output.status, said.trim_end()).into());
        }
        let line = String::from_utf8(output.stdout)?;
        let number = |name: &str| {
            line.split_whitespace()
                .find_map(|field| field.strip_prefix(name)?.strip_prefix('=')?.parse::<u64>().ok())
                .ok_or_else(|| format!("no {name} in {line:?}"))
        };
        if number("bytes")? != text {
            return Err(format!("{text} bytes of text were sent: {}", line.trim_end()).into());
        }
        let units = number(per)? as f64;
        let per_unit = |name: &str| number(name).map(|total| total as f64 / units);
        Ok(Run {
            wall: per_unit("wall_us")?,
            user: per_unit("user_us")?,
            system: per_unit("system_us")?,
            switches: per_unit("switches")?,
            p50: number("p50_ns")? as f64 / 1000.0,
            p99: number("p99_ns")? as f64 / 1000.0,
        })
    }

    /// What a whole program takes, from its start to its end.
    pub fn measure_whole(&self, args: &[&str]) -> Result<Run, Box<dyn Error>> {
        let started = Instant::now();
        let mut child = self.command(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let mut said = String::new();
        if let Some(mut stderr) = child.stderr.take() {
            stderr.read_to_string(&mut said)?;
        }
        let (status, usage) = Usage::of_child(child)?;
        let wall = started.elapsed();
        if !status.success() {
            return Err(format!("{status}: {}", said.trim_end()).into());
        }
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        Ok(Run {
            wall: micros(wall),
            user: micros(usage.user),
            system: micros(usage.system),
            switches: usage.switches as f64,
            p50: 0.0,
            p99: 0.0,
        })
    }

    pub fn count(&self, args: &[&str], file: &Path) -> Result<Profile, Box<dyn Error>> {
        Profile::record(&mut self.command(args), file)
    }
}

// ---- The rows ------------------------------------------------------------------------------------------------------

/// The kernel tells user from system time by sampling: only all rounds together say something about that.
fn in_the_kernel(bench: &Bench, what: &'static str, runs: &PerClient<Vec<Run>>) -> Row {
    let sum = |runs: &[Run], figure: fn(&Run) -> f64| runs.iter().map(figure).sum::<f64>();
    let share = |runs: &Vec<Run>| {
        let (user, system) = (sum(runs, |run| run.user), sum(runs, |run| run.system));
        if user + system > 0.0 { vec![100.0 * system / (user + system)] } else { Vec::new() }
    };
    Row { compared: false, ..row(bench.columns, what, runs, share, None) }
}

pub fn counted_row(
    bench: &Bench,
    what: &'static str,
    profiles: &PerClient<Profile>,
    units: f64,
    goal: Option<Goal>,
) -> Row {
    row(bench.columns, what, profiles, |profile| vec![profile.total() as f64 / units], goal)
}

fn row<T>(
    columns: &'static Columns,
    what: &'static str,
    results: &PerClient<T>,
    samples: impl Fn(&T) -> Vec<f64>,
    goal: Option<Goal>,
) -> Row {
    let figures = results.iter().map(|result| match result {
        Some(Ok(result)) => Samples(samples(result)),
        _ => Samples::default(),
    });
    let skipped = results.iter().map(|result| result.as_ref()?.as_ref().err().cloned());
    Row { what, goal, columns, samples: figures.collect(), skipped: skipped.collect(), compared: true }
}

// ---- What dominates ------------------------------------------------------------------------------------------------

/// Where the instructions go: by crate for all, by function for a streamed event in the C program.
fn explain(
    events: &PerClient<Profile>,
    unary: &PerClient<Profile>,
    cold: &PerClient<Profile>,
    per_event: f64,
    per_call: f64,
) {
    if !events.iter().flatten().any(Result::is_ok) {
        return;
    }
    println!("\nWhere the instructions go (each function's own, without those it calls)");
    for (what, profiles, units) in
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
            println!("  {what}, {name}: {:.0} = {}", total / units, main.join(", "));
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

// ---- The C program -------------------------------------------------------------------------------------------------

/// The shared library as it is shipped, which cargo links otherwise than the one it has just built for this bench.
fn find_library(plan: &Plan, me: &Path) -> Result<PathBuf, String> {
    if let Some(library) = &plan.library {
        return fs::canonicalize(library).map_err(|error| format!("{}: {error}", library.display()));
    }
    let target = me.ancestors().nth(3).ok_or("this bench does not lie in a target folder")?;
    let built = Command::new("make")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["--silent", "library"])
        .arg(format!("TARGET={}", target.display()))
        .status()
        .map_err(|error| format!("make: {error}"))?;
    let name = format!("{}bedrock{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    if built.success() { Ok(target.join("release").join(name)) } else { Err(format!("{name} does not build")) }
}

/// Compiles a program of `benches/c` against the header in `include` and this library.
fn build_c_program(name: &str, library: &Path, scratch: &Path) -> Result<PathBuf, String> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !home.join("include/bedrock.h").exists() {
        return Err("include/bedrock.h not found".to_owned());
    }
    // The program will look for the library by the name that is written in it, which may be another than its file's.
    let link = scratch.join(soname(library).unwrap_or_else(|| library.file_name().unwrap_or_default().to_owned()));
    if !link.exists() {
        std::os::unix::fs::symlink(library, &link).map_err(|error| format!("{}: {error}", link.display()))?;
    }

    let (mut include, mut rpath) = (OsString::from("-I"), OsString::from("-Wl,-rpath,"));
    include.push(home.join("include"));
    rpath.push(scratch);
    compile(name, scratch, &[include, library.into(), rpath])
}

/// Compiles a program of `benches/c`. `more` is what it is linked with, and where that is.
pub fn compile(name: &str, scratch: &Path, more: &[OsString]) -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/c").join(name).with_extension("c");
    let program = scratch.join(name);
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let output = Command::new(&compiler)
        .args(["-O2", "-Wall", "-Wextra", "-pthread", "-o"])
        .args([&program, &source])
        .args(more)
        .output()
        .map_err(|error| format!("{}: {error}", compiler.display()))?;
    io::stderr().write_all(&output.stderr).ok();
    if output.status.success() { Ok(program) } else { Err(format!("{name}.c does not compile")) }
}

/// The name a shared library gives itself, where readelf (which comes with every Linux linker) can tell.
fn soname(library: &Path) -> Option<OsString> {
    let output = Command::new("readelf").args(["-W", "-d"]).arg(library).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (_, rest) = text.lines().find(|line| line.contains("(SONAME)"))?.split_once('[')?;
    Some(rest.split_once(']')?.0.into())
}

// ---- The server ----------------------------------------------------------------------------------------------------

/// The server's process; it ends when this end of its stdin does, however this process ends.
pub struct Server {
    pub url: String,
    /// HTTP/2 over TLS.
    pub secure_url: String,
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Server {
    /// Whom to trust is in the file `authority` then.
    fn start(me: &Path, authority: &Path) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(me);
        command.args(["server", "--until-eof", "--authority"]).arg(authority);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or("the server has no stdout")?;
        let mut lines = BufReader::new(stdout).lines();
        let mut next = || lines.next().ok_or("the server does not say where it is")?.map_err(Box::<dyn Error>::from);
        Ok(Self { url: next()?, secure_url: next()?, stdin: child.stdin.take(), child })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}
