//! The clients are the programs that make calls. Runs them, and computes their costs per event or call.

use std::env;
use std::error::Error;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::callgrind::{self, Profile};
use crate::plan::{BURST, Plan};
use crate::report::Columns;
use crate::usage::Usage;

/// The reason that is printed if instructions are not counted.
const NO_VALGRIND: &str = "valgrind not found";

pub type PerClient<T> = Vec<Option<Result<T, String>>>;

/// Selects clients of a bench by their index.
pub type ClientFilter = fn(client: usize) -> bool;

pub const ALL: ClientFilter = |_| true;

/// For measurements that do not depend on the assembled response.
pub const WITHOUT_RESPONSE: ClientFilter = |client| client < 3;

/// For many streams in one thread: by descriptors, wakeups or a waiting set.
pub const SERVE_MANY: ClientFilter = |client| matches!(client, 0 | 1 | 4 | 5 | 6);

/// For measurements that are the same for each interface.
pub const BY_CALLBACK: ClientFilter = |client| client < 3;

pub struct Bench<'a> {
    pub columns: &'static Columns,
    pub clients: Vec<Result<Program, String>>,
    pub url: &'a str,
}

/// A client, and the arguments of its column.
pub struct Program {
    file: PathBuf,
    args: Vec<String>,
}

/// The cost of one unit of work: an event, a call or a program. Times are in microseconds.
pub struct Run {
    pub wall: f64,
    pub user: f64,
    pub system: f64,
    pub switches: f64,
    /// Latency from the server's write to the consumer. It is 0 if the events carry no time stamps.
    pub p50: f64,
    pub p99: f64,
}

impl Run {
    pub fn cpu(&self) -> f64 {
        self.user + self.system
    }
}

/// A client and the URL of its server.
pub struct Client<'a> {
    program: &'a Program,
    url: &'a str,
}

impl Bench<'_> {
    /// Runs rounds in which the clients take turns, so that load on the machine affects all of them.
    pub fn rounds(
        &self,
        rounds: u32,
        wanted: &ClientFilter,
        run: impl Fn(&Client) -> Result<Run, Box<dyn Error>>,
    ) -> PerClient<Vec<Run>> {
        let mut all: PerClient<Vec<Run>> = self.none();
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
        wanted: &ClientFilter,
        count: impl Fn(&Client) -> Result<Profile, Box<dyn Error>>,
    ) -> PerClient<Profile> {
        let valgrind = callgrind::found();
        let mut all: PerClient<Profile> = self.none();
        for (index, profile) in all.iter_mut().enumerate().filter(|(index, _)| wanted(*index)) {
            *profile = Some(if valgrind { self.with(index, &count) } else { Err(NO_VALGRIND.to_owned()) });
        }
        all
    }

    fn with<T>(&self, index: usize, run: impl Fn(&Client) -> Result<T, Box<dyn Error>>) -> Result<T, String> {
        let program = self.clients[index].as_ref().map_err(Clone::clone)?;
        run(&Client { program, url: self.url }).map_err(|error| format!("{}: {error}", self.columns.names[index]))
    }

    fn none<T>(&self) -> PerClient<T> {
        self.clients.iter().map(|_| None).collect()
    }

    /// Counts the instructions of `plan.counted_streams` streams, without those of the start and the first stream.
    pub fn count_events(&self, plan: &Plan, wanted: &ClientFilter, file: &Path) -> PerClient<Profile> {
        self.count(wanted, |program| {
            let run = |streams: u32| program.count(&["--model", BURST, "--streams", &streams.to_string()], file);
            Ok(run(1 + plan.counted_streams)?.minus(&run(1)?))
        })
    }

    /// Counts the instructions of `plan.counted_calls` unary calls, without those of the start and the first call.
    pub fn count_calls(&self, plan: &Plan, wanted: &ClientFilter, file: &Path) -> PerClient<Profile> {
        self.count(wanted, |program| {
            let run = |calls: u32| program.count(&["--model", BURST, "--unary", &calls.to_string()], file);
            Ok(run(1 + plan.counted_calls)?.minus(&run(1)?))
        })
    }
}

impl Program {
    pub fn new(file: &Path, args: &[&str]) -> Self {
        Self { file: file.to_owned(), args: args.iter().map(|arg| (*arg).to_owned()).collect() }
    }
}

impl Client<'_> {
    /// Returns a command whose environment is the same for all clients and on all machines: it has no credentials,
    /// profiles or proxies of the user.
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

    /// Runs the client, and returns the cost of each event or call in its steady state. Fails if the client has not
    /// received `text` bytes of text.
    pub fn measure(&self, args: &[&str], per: &str, text: u64) -> Result<Run, Box<dyn Error>> {
        let output = self.command(args).output()?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{}: {}", output.status, stderr.trim_end()).into());
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

    /// Measures a program from its start to its end.
    pub fn measure_whole(&self, args: &[&str]) -> Result<Run, Box<dyn Error>> {
        let started = Instant::now();
        let mut child = self.command(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let mut stderr = String::new();
        if let Some(mut pipe) = child.stderr.take() {
            pipe.read_to_string(&mut stderr)?;
        }
        let (status, usage) = Usage::of_child(child)?;
        let wall = started.elapsed();
        if !status.success() {
            return Err(format!("{status}: {}", stderr.trim_end()).into());
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
