//! The library as its users see it: C programs, `tests/c`, compiled against the header and the shared library, run, and
//! run again under valgrind, where a definite leak or an invalid access is a failure.
//!
//! Each program is about one subject and says at its top which. It prints nothing unless a check fails.
//!
//! `tests/sanitizers` has them run under a sanitizer instead, with a library that was built for that.

mod support;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use support::{Gate, LocalBedrock, Reply, Request};

/// How long a program may run, also under valgrind and sanitizers.
const PATIENCE: Duration = Duration::from_secs(300);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder with the library under the name it is loaded by, for programs to be linked with and to find it at run time.
fn library() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let built = match sanitizer() {
            Some(sanitizer) => sanitizer.library.clone(),
            None => std::env::current_exe().expect("this test's path").with_file_name("libbedrock.so"),
        };
        assert!(built.is_file(), "cargo did not build {}", built.display());
        let name = sanitizer().map_or("c_programs", |sanitizer| &sanitizer.name);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(folder.join("home")).expect("a scratch folder under target/tmp");
        for name in ["libbedrock.so.0", "libbedrock.so"] {
            let link = folder.join(name);
            let _ = std::fs::remove_file(&link);
            std::os::unix::fs::symlink(&built, &link).expect("a symbolic link");
        }
        folder
    })
}

/// The sanitizer that `tests/sanitizers` chose: "thread" or "address", a library that is built with it, and its
/// runtime.
struct Sanitizer {
    name: String,
    library: PathBuf,
    runtime: PathBuf,
}

fn sanitizer() -> Option<&'static Sanitizer> {
    static SANITIZER: OnceLock<Option<Sanitizer>> = OnceLock::new();
    let read = || {
        let name = std::env::var("BEDROCK_SANITIZER").ok()?;
        let path = |variable| std::env::var_os(variable).map(PathBuf::from);
        Some(Sanitizer { name, library: path("BEDROCK_SANITIZED")?, runtime: path("BEDROCK_SANITIZER_RUNTIME")? })
    };
    SANITIZER.get_or_init(read).as_ref()
}

/// Whether a tool is installed. A line with "skipped" is printed if not.
fn has(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_err() {
        println!("skipped: {tool} not found");
    }
    found.is_ok()
}

/// A C program of `tests/c`, compiled.
struct Program {
    name: &'static str,
    path: PathBuf,
}

/// How a program is to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    Plain,
    /// Twenty times slower or more: programs that repeat something get a number to repeat it less often.
    Valgrind,
    /// The same, and what is possibly lost is a failure too, but for what `bedrock.supp` is about.
    Suppressed,
}

/// Both, or plainly alone where a sanitizer takes valgrind's place, or valgrind is not installed.
fn runs() -> &'static [Run] {
    if sanitizer().is_some() || !has("valgrind") { &[Run::Plain] } else { &[Run::Plain, Run::Valgrind] }
}

impl Program {
    /// Compiles `tests/c/NAME.c` and links it with the library.
    fn c(name: &'static str) -> Option<Program> {
        Program::compile("cc", &["-std=c99"], name, "c", &["-lbedrock"])
    }

    fn compile(
        compiler: &str,
        flags: &[&str],
        name: &'static str,
        extension: &str,
        libraries: &[&str],
    ) -> Option<Program> {
        if !has(compiler) {
            return None;
        }
        let path = library().join(name);
        let object = path.with_extension("o");
        let mut compile = Command::new(compiler);
        compile
            .args(flags)
            .args(["-c", "-g", "-O1", "-Wall", "-Wextra", "-pedantic", "-Werror", "-I"])
            .arg(root().join("include"))
            .arg(root().join("tests/c").join(name).with_extension(extension))
            .arg("-o")
            .arg(&object);
        let mut link = Command::new(compiler);
        link.arg(&object);
        if let Some(Sanitizer { name, runtime, .. }) = sanitizer() {
            // The runtime of AddressSanitizer has that of UndefinedBehaviorSanitizer in it.
            let checks = if name == "address" { "address,undefined" } else { name };
            compile.args([&format!("-fsanitize={checks}"), "-fno-omit-frame-pointer", "-DSANITIZED=1"]);
            // Not the compiler's own runtime, but the one that the library was made for.
            link.arg("-Wl,--whole-archive").arg(runtime).args(["-Wl,--no-whole-archive", "-Wl,--export-dynamic"]);
        }
        link.arg("-o")
            .arg(&path)
            .arg("-L")
            .arg(library())
            .args(libraries)
            .args(["-lpthread", "-ldl", "-lm"])
            .arg(format!("-Wl,-rpath,{}", library().display()));
        for mut step in [compile, link] {
            let output = step.output().expect("the compiler can be run");
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && errors.is_empty(), "{name}: {errors}");
        }
        Some(Program { name, path })
    }

    /// Runs the program plainly, then under valgrind. It is to succeed, and to print nothing.
    fn run(&self, arguments: &[&str]) {
        runs().iter().for_each(|run| self.run_as(*run, arguments));
    }

    fn run_as(&self, run: Run, arguments: &[&str]) {
        assert_eq!(self.output_of(run, arguments), "", "{} ({run:?})", self.name);
    }

    /// The output of the program, which has to succeed.
    fn output_of(&self, run: Run, arguments: &[&str]) -> String {
        self.outcome(run, arguments).unwrap_or_else(|complaint| panic!("{} ({run:?}): {complaint}", self.name))
    }

    /// The output of the program. If it fails or prints to stderr, how it ended and all its output.
    fn outcome(&self, run: Run, arguments: &[&str]) -> Result<String, String> {
        let mut command = match run {
            Run::Plain => Command::new(&self.path),
            _ if sanitizer().is_some() || !has("valgrind") => return Ok(String::new()),
            run => {
                let mut valgrind = Command::new("valgrind");
                valgrind.args(["--quiet", "--error-exitcode=9", "--leak-check=full"]);
                match run {
                    Run::Suppressed => {
                        valgrind.arg(format!("--suppressions={}", root().join("bedrock.supp").display()))
                    }
                    _ => valgrind.args(["--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"]),
                };
                // Otherwise one thread of a program may starve the others for seconds.
                valgrind.arg("--fair-sched=yes").arg(&self.path);
                valgrind
            }
        };
        // The environment of this machine must not matter: no credentials, no config, no proxy.
        command
            .args(arguments)
            .env_clear()
            .env("HOME", library().join("home"))
            .env("AWS_EC2_METADATA_DISABLED", "true");
        let passed = |name: &str| name == "PATH" || name.ends_with("SAN_OPTIONS");
        command.envs(std::env::vars().filter(|(name, _)| passed(name))).current_dir(library());

        // Files, because a pipe that is not read while the program runs would block it.
        let output = |kind: &str| library().join(format!("{}.{run:?}.{kind}", self.name));
        let create = |path: PathBuf| std::fs::File::create(path).expect("a file for the program's output");
        command.stdin(Stdio::null()).stdout(create(output("out"))).stderr(create(output("err")));
        let mut child = command.spawn().expect("the program can be run");
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match child.try_wait().expect("the program can be waited for") {
                Some(status) => break Ok(status),
                None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
                None => {
                    let _ = child.kill();
                    let _ = child.wait();
                    break Err(format!("still ran after {PATIENCE:?}"));
                }
            }
        };
        let read = |kind| String::from_utf8_lossy(&std::fs::read(output(kind)).unwrap_or_default()).into_owned();
        let (out, err) = (read("out"), read("err"));
        let good = status.as_ref().is_ok_and(|status| status.success()) && err.is_empty();
        if good { Ok(out) } else { Err(format!("{status:?}\n{out}{err}")) }
    }
}

/// Runs a program that needs no service.
fn run(name: &'static str) {
    if let Some(program) = Program::c(name) {
        program.run(&[]);
    }
}

/// Runs a program with the URL of a service that responds as `respond` does.
fn run_with(name: &'static str, respond: impl Fn(&Request) -> Reply + Send + Sync + Clone + 'static) {
    run_each(name, runs(), respond);
}

fn run_each(name: &'static str, runs: &[Run], respond: impl Fn(&Request) -> Reply + Send + Sync + Clone + 'static) {
    let Some(program) = Program::c(name) else { return };
    for &run in runs {
        let bedrock = LocalBedrock::start();
        bedrock.respond_with(respond.clone());
        program.run_as(run, &[&bedrock.url()]);
        assert_eq!(bedrock.problems(), Vec::<String>::new(), "{name} ({run:?})");
    }
}

/// "one two ... ten", a word in each event, for every operation.
fn count_to_ten(request: &Request) -> Reply {
    let words = ["one ", "two ", "three ", "four ", "five ", "six ", "seven ", "eight ", "nine ", "ten"];
    match request.operation() {
        "converse" => Reply::text_response(&words.concat()),
        _ => Reply::stream().text_stream(&words, "end_turn").paced(Duration::from_millis(1)),
    }
}

/// The service of `tests/c/operations.c`.
fn any_operation(request: &Request) -> Reply {
    let chunk = |reply: Reply, text: &str| {
        reply.event("chunk", &format!(r#"{{"bytes":"{}"}}"#, base64_simd::STANDARD.encode_to_string(text)))
    };
    if request.target.contains("refused") || request.text().contains("refused") {
        return Reply::error(400, "ValidationException", "This is refused");
    }
    match request.operation() {
        "converse" => Reply::text_response("Hello."),
        "converse-stream" => Reply::stream().text_stream(&["Hel", "lo."], "end_turn"),
        "apply" => Reply::json(r#"{"action": "NONE"}"#),
        "count-tokens" => Reply::json(r#"{"inputTokens": 12}"#),
        "invoke" if request.path() == "/guardrail-checks/invoke" => Reply::json(r#"{"results": {}}"#),
        "invoke" => Reply::json(r#"{"embedding": [0.5, -1e-3]}"#),
        "invoke-with-response-stream" => {
            let metrics = concat!(
                r#"{"amazon-bedrock-invocationMetrics": {"inputTokenCount": 3, "outputTokenCount": 2,"#,
                r#" "invocationLatency": 40, "firstByteLatency": 20}}"#
            );
            chunk(chunk(Reply::stream(), r#"{"completion": "Hello"}"#), metrics)
        }
        "async-invoke" if request.method == "GET" => Reply::json(r#"{"asyncInvokeSummaries": []}"#),
        "async-invoke" => {
            Reply::json(r#"{"invocationArn": "arn:aws:bedrock:us-east-1:123456789012:async-invoke/abc"}"#)
        }
        _ => Reply::json(r#"{"status": "Completed"}"#),
    }
}

/// The service of `tests/c/pull.h`: the response to "stream NAME" is the events of "one two three". Each of them, and
/// the end, waits for a call "pass NAME".
fn event_by_event() -> impl Fn(&Request) -> Reply + Send + Sync + Clone + 'static {
    let gates = Arc::new(Mutex::new(HashMap::<String, Gate>::new()));
    move |request| {
        let text = request.json()["messages"][0]["content"][0]["text"].as_str().unwrap_or_default().to_owned();
        let (what, name) = text.split_once(' ').unwrap_or((&text, ""));
        let gate = gates.lock().expect("no test panics here").entry(name.to_owned()).or_default().clone();
        if what == "pass" {
            gate.let_pass(1);
            return Reply::text_response("passed");
        }
        let mut reply = Reply::stream().wait_for(&gate).message_start();
        for word in ["one ", "two ", "three"] {
            reply = reply.wait_for(&gate).text_delta(0, word);
        }
        reply = reply.wait_for(&gate).block_stop(0).wait_for(&gate).message_stop("end_turn");
        reply.wait_for(&gate).metadata(1, 3).wait_for(&gate)
    }
}

#[test]
fn attach() {
    run_with("attach", |request| Reply::text_response(request.text()));
}

#[test]
fn bad_input() {
    let Some(program) = Program::c("bad_input") else { return };
    std::fs::write(library().join("no.pem"), "This is no certificate.\n").expect("a file in the scratch folder");
    for &run in runs() {
        let bedrock = LocalBedrock::start();
        bedrock.respond_with(|_| Reply::text_response("Good."));
        program.run_as(run, &[&bedrock.url()]);
        let sent: Vec<_> = bedrock.requests().iter().map(|request| request.text().to_owned()).collect();
        let good = r#"{"messages":[{"role":"user","content":[{"text":"The one good call."}]}]}"#;
        assert_eq!(sent, [good], "bad input was sent");
    }
}

#[test]
fn callbacks() {
    run("callbacks");
}

#[test]
fn conversation() {
    run_with("conversation", |request| Reply::text_response(&format!("{} {}", request.path(), request.text())));
}

#[test]
fn leaks_of_the_program_are_reported_although_bedrock_supp_is_used() {
    let Some(program) = Program::c("lost") else { return };
    if sanitizer().is_some() || !has("valgrind") {
        return;
    }
    let complaint = program.outcome(Run::Suppressed, &[]).expect_err("a program that loses memory is a failure");
    for kind in ["50 bytes in 1 blocks are possibly lost", "100 bytes in 1 blocks are definitely lost"] {
        assert!(complaint.contains(kind), "{complaint}");
    }
}

#[test]
fn cxx() {
    if let Some(program) = Program::compile("c++", &["-std=c++11"], "cxx", "cc", &["-lbedrock"]) {
        program.run(&[]);
    }
}

#[test]
fn descriptor() {
    run_with("descriptor", event_by_event());
}

#[test]
fn fork() {
    let Some(program) = Program::c("fork") else { return };
    // What looks for leaks takes what the parent's threads held for the child's, when it exits.
    let plain_end = if sanitizer().is_some_and(|sanitizer| sanitizer.name == "address") { "kill" } else { "exit" };
    for (run, forks, end) in [(Run::Plain, "50", plain_end), (Run::Valgrind, "2", "kill")] {
        let bedrock = LocalBedrock::start();
        bedrock.respond_with(count_to_ten);
        program.run_as(run, &[&bedrock.url(), forks, end]);
    }
}

#[test]
fn handles() {
    let Some(program) = Program::c("handles") else { return };
    program.run_as(Run::Plain, &["100000"]);
    program.run_as(Run::Valgrind, &["1000"]);
}

#[test]
fn json() {
    let Some(program) = Program::c("json") else { return };
    // It says what it skips.
    print!("{}", program.output_of(Run::Plain, &["1000000"]));
    program.output_of(Run::Valgrind, &["20000"]);
}

/// One and a half times the base64 of the image. Under a sanitizer memory is not the library's alone.
#[test]
fn large() {
    let Some(program) = Program::c("large") else { return };
    let most = if sanitizer().is_some() { 0 } else { (4 << 20) / 3 * 4 * 3 / 2 / 1024 };
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| Reply::text_response("Seen."));
    program.run_as(Run::Plain, &[&bedrock.url(), &most.to_string()]);
}

#[test]
fn log() {
    run_with("log", |request| match request.connection % 2 {
        1 => Reply::text_response("responses are private as well").then_close(),
        _ => Reply::error(403, "AccessDeniedException", "The security token included in the request is invalid."),
    });
}

/// As many streams at once as MANY says, 1,000 where it does not.
#[test]
fn many() {
    let Some(program) = Program::c("many") else { return };
    let streams = std::env::var("MANY").unwrap_or_else(|_| "1000".to_owned());
    let bedrock = LocalBedrock::start();
    let gate = Gate::new();
    bedrock.respond_with(move |request| {
        if request.operation() == "converse" {
            gate.open();
            return Reply::text_response("All together now.");
        }
        let begun = Reply::stream().message_start();
        let begun = ["0 ", "1 ", "2 ", "3 "].iter().fold(begun, |reply, word| reply.text_delta(0, word));
        let ended = begun.wait_for(&gate).text(0, &["4 ", "5 "]);
        ended.message_stop("end_turn").metadata(3, 6)
    });
    print!("{}", program.output_of(Run::Plain, &[&bedrock.url(), &streams, "report"]));
}

#[test]
fn observers() {
    let Some(program) = Program::c("observers") else { return };
    program.run_as(Run::Plain, &["3000"]);
    program.run_as(Run::Valgrind, &["100"]);
}

#[test]
fn operations() {
    run_each("operations", &[Run::Plain, Run::Suppressed], any_operation);
}

#[test]
fn process() {
    run("process");
}

#[test]
fn races() {
    let Some(program) = Program::c("races") else { return };
    program.run_as(Run::Plain, &["20000"]);
    program.run_as(Run::Valgrind, &["300"]);
}

#[test]
fn tool_loop() {
    run("run");
}

#[test]
fn tool_loop_races() {
    let Some(program) = Program::c("run_races") else { return };
    program.run_as(Run::Plain, &["2000"]);
    program.run_as(Run::Valgrind, &["60"]);
}

#[test]
fn tool_loop_forks() {
    let Some(program) = Program::c("run_forks") else { return };
    program.run_as(Run::Plain, &["30"]);
    program.run_as(Run::Valgrind, &["2"]);
}

#[test]
fn sigpipe() {
    run("sigpipe");
}

#[test]
fn stream() {
    run_with("stream", event_by_event());
}

#[test]
fn threads() {
    run_with("threads", count_to_ten);
}

#[test]
fn unload() {
    if let Some(program) = Program::compile("cc", &["-std=c99"], "unload", "c", &[]) {
        let library = library().join("libbedrock.so.0");
        let library = library.to_str().expect("a path in UTF-8");
        program.run_as(Run::Plain, &[library]);
        program.run_as(Run::Suppressed, &[library]);
    }
}

#[test]
fn wakeup() {
    run_with("wakeup", event_by_event());
}

#[test]
fn waitset() {
    run_with("waitset", event_by_event());
}

/// A sanitizer sees what happens in the library, and its report is a failure as those of the other programs would be.
#[test]
#[ignore = "tests/sanitizers runs it"]
fn wrong() {
    let (Some(sanitizer), Some(program)) = (sanitizer(), Program::c("wrong")) else {
        println!("skipped: wrong.c is for tests/sanitizers");
        return;
    };
    let caught: &[(&str, &str)] = match &*sanitizer.name {
        "thread" => &[("race", "ThreadSanitizer: data race")],
        _ => &[
            ("freed", "AddressSanitizer: heap-use-after-free"),
            ("leak", "LeakSanitizer: detected memory leaks"),
            ("overflow", "runtime error: signed integer overflow"),
        ],
    };
    for (deed, report) in caught {
        let outcome = program.outcome(Run::Plain, &[deed]);
        let report_of_run = outcome.as_ref().expect_err("a program that does wrong is a failure");
        let in_library = ["leak", "overflow"].contains(deed) || report_of_run.contains("bedrock::ffi");
        assert!(report_of_run.contains(report) && in_library, "{deed}: {report_of_run}");
    }
    assert_eq!(program.output_of(Run::Plain, &["nothing"]), "");
}
