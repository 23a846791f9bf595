//! Compares the cost of a streamed event in a C program with libbedrock, a program of the AWS SDK for Rust, and a C
//! program with libcurl.
//!
//!     cargo bench                                     the whole comparison, about seven minutes
//!     cargo bench --bench compare -- --quick          fewer rounds
//!     cargo bench --bench compare -- --check          exit status 1 if a goal is missed or not measured
//!     cargo bench --bench compare -- --json           only the table about JSON
//!     cargo bench --bench compare -- --library FILE   measure that libbedrock.so (also: BEDROCK_LIBRARY=FILE)
//!
//! The server and the client of the SDK can be run alone, for instance under a profiler:
//!
//!     cargo bench --bench compare -- server [--port N] [--authority FILE]
//!     cargo bench --bench compare -- raw-sdk [--runtime multi|single] --url URL [--authority FILE] [--model ID]
//!                                            --streams N | --open N | --unary N [--image BYTES] | --first-event
//!
//! They are this executable, which starts itself again, so `cargo bench` builds them. The driver compiles the C
//! programs. `README.md` in the folder above describes the measurements. All of it needs Linux, as the tests do.

mod c_program;
mod callgrind;
mod clients;
mod driver;
mod json;
mod observer;
mod peers;
mod plan;
mod raw_sdk;
mod report;
mod rows;
mod script;
mod server;
mod server_process;
#[path = "../../tests/support/mod.rs"]
mod support;
mod usage;

fn main() -> std::process::ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(true) => std::process::ExitCode::SUCCESS,
        Ok(false) => std::process::ExitCode::FAILURE,
        Err(error) => {
            eprintln!("compare: {error}");
            std::process::ExitCode::from(2)
        }
    }
}

/// Returns false if `--check` was given and a goal was missed or not measured.
fn run(args: impl Iterator<Item = String>) -> Result<bool, Box<dyn std::error::Error>> {
    // `cargo bench` appends --bench to the arguments, and `cargo test --all-targets` does not.
    let (bench, args): (Vec<String>, Vec<String>) = args.partition(|arg| arg == "--bench");
    let benching = !bench.is_empty();
    let mut args = args.into_iter().peekable();
    match args.peek().map(String::as_str) {
        None if !benching => {
            println!("compare: nothing to test; run it with `cargo bench`");
            Ok(true)
        }
        Some("server") => {
            let (mut port, mut authority, mut until_eof) = (0, None::<std::path::PathBuf>, false);
            args.next();
            while let Some(arg) = args.next() {
                match arg.as_str() {
                    "--port" => port = parse(&arg, args.next())?,
                    "--authority" => authority = Some(parse(&arg, args.next())?),
                    "--until-eof" => until_eof = true,
                    _ => return Err(unknown(&arg)),
                }
            }
            server::run(port, authority.as_deref(), until_eof)?;
            Ok(true)
        }
        Some("raw-sdk") => {
            let (mut url, mut model, mut single_thread, mut job) = (None, "burst-1000".to_owned(), false, None);
            let (mut authority, mut image) = (None::<std::path::PathBuf>, 0);
            args.next();
            while let Some(arg) = args.next() {
                match arg.as_str() {
                    "--url" => url = args.next(),
                    "--authority" => authority = Some(parse(&arg, args.next())?),
                    "--model" => model = parse(&arg, args.next())?,
                    "--runtime" => {
                        single_thread = match args.next().as_deref() {
                            Some("multi") => false,
                            Some("single") => true,
                            _ => return Err("--runtime is multi or single".into()),
                        }
                    }
                    "--streams" => job = Some(raw_sdk::Job::Streams(parse(&arg, args.next())?)),
                    "--open" => job = Some(raw_sdk::Job::Open(parse(&arg, args.next())?)),
                    "--unary" => job = Some(raw_sdk::Job::Unary(parse(&arg, args.next())?)),
                    "--image" => image = parse(&arg, args.next())?,
                    "--first-event" => job = Some(raw_sdk::Job::FirstEvent),
                    _ => return Err(unknown(&arg)),
                }
            }
            let url = url.ok_or("raw-sdk needs --url")?;
            let job = job.ok_or("raw-sdk needs --streams N, --open N, --unary N or --first-event")?;
            raw_sdk::run(&raw_sdk::Options { url, authority, model, single_thread, job, image })
                .map_err(|failure| failure.to_string())?;
            Ok(true)
        }
        _ => {
            let mut plan = plan::Plan::default();
            let mut check = false;
            while let Some(arg) = args.next() {
                match arg.as_str() {
                    "--quick" => plan.quick(),
                    "--check" => check = true,
                    "--json" => plan.json_alone = true,
                    "--library" => plan.library = Some(parse(&arg, args.next())?),
                    _ => return Err(unknown(&arg)),
                }
            }
            Ok(driver::run(&plan)? || !check)
        }
    }
}

fn parse<T: std::str::FromStr>(option: &str, value: Option<String>) -> Result<T, String> {
    value.and_then(|value| value.parse().ok()).ok_or_else(|| format!("{option} needs a value"))
}

fn unknown(arg: &str) -> Box<dyn std::error::Error> {
    format!("unknown argument {arg:?}; the head of benches/compare/main.rs lists them").into()
}
