//! A command that prints credentials serves all calls of a model, and does not outlive the library.
//!
//! A test of this file runs in a process of its own, with an environment of its own: it starts itself again.

mod support;

use std::ffi::{CStr, c_char, c_void};
use std::path::Path;
use std::ptr::null_mut;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bedrock::ffi::process::{BEDROCK_LOG_DEBUG, BEDROCK_LOG_OFF, bedrock_set_log, bedrock_shutdown};
use serde_json::json;
use support::PATIENCE;
use support::capi::*;
use support::own_home::{bedrock, model, model_with, replace, with_home};

/// Writes its process id and those of a child and of a grandchild, waits for a file, ends both, and prints keys.
const COMMAND: &str = r#"#!/bin/sh
sh -c 'sleep 600 & echo $! >> "$HOME/processes"; echo $$ >> "$HOME/processes"; wait' > /dev/null 2>&1 &
echo $$ >> "$HOME/processes"
until test -e "$HOME/finish"; do sleep 0.01; done
echo run >> "$HOME/runs"
kill $(grep -vx $$ "$HOME/processes")
echo '{"Version": 1, "AccessKeyId": "AKIAPRINTED", "SecretAccessKey": "s"}'
"#;

fn prepare(home: &Path) {
    replace(&home.join("command"), COMMAND);
    replace(&home.join(".aws/config"), "[default]\ncredential_process = sh \"$HOME/command\"\n");
}

/// Waits until `look` returns something.
#[track_caller]
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits for the command and returns its processes.
fn processes(home: &Path) -> Vec<u32> {
    wait_for("the command does not run", || {
        let text = std::fs::read_to_string(home.join("processes")).unwrap_or_default();
        let complete = text.rfind('\n').map_or("", |end| &text[..end]);
        let processes: Vec<_> = complete.lines().map(|line| line.parse().expect("a process id")).collect();
        (processes.len() == 3).then_some(processes)
    })
}

/// Returns whether a process runs. One that has ended may still have to be reaped by its new parent.
fn runs(process: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Starts a call, cancels it as soon as the command runs, and returns the processes of the command.
fn cancel_a_call(model: &Model, home: &Path) -> Vec<u32> {
    let cancel = Cancel::new();
    std::thread::scope(|scope| {
        let call = scope.spawn(|| model.generate_with(&Request::say("Hello?"), cancel.handle()).status);
        let processes = processes(home);
        cancel.fire();
        assert_eq!(call.join().expect("the call ends"), BEDROCK_E_CANCELLED);
        processes
    })
}

#[test]
fn a_command_outlives_the_call_that_started_it_and_serves_the_next_one() {
    const TEST: &str = "a_command_outlives_the_call_that_started_it_and_serves_the_next_one";
    with_home(TEST, prepare, |home| {
        let bedrock = bedrock();
        let model = model(&bedrock);
        let processes = cancel_a_call(&model, home);
        assert!(processes.iter().all(|process| runs(*process)), "the command goes on");
        assert_eq!(bedrock.take_requests().len(), 0);
        replace(&home.join("finish"), "");
        assert_eq!(model.generate(&Request::say("Hello?")).response().text, "Hello");
        let ran = std::fs::read_to_string(home.join("runs")).expect("the command has finished");
        assert_eq!(ran.lines().count(), 1);
    });
}

#[test]
fn a_command_that_outlives_its_call_is_killed_with_all_its_processes_by_shutdown() {
    const TEST: &str = "a_command_that_outlives_its_call_is_killed_with_all_its_processes_by_shutdown";
    with_home(TEST, prepare, |home| {
        let bedrock = bedrock();
        let model = model(&bedrock);
        let processes = cancel_a_call(&model, home);
        drop(model);
        assert!(processes.iter().all(|process| runs(*process)), "the command goes on");
        assert_eq!(bedrock_shutdown(-1), BEDROCK_OK);
        for process in processes {
            wait_for("the process lives on", || (!runs(process)).then_some(()));
        }
        assert!(!home.join("runs").exists(), "the command was killed before it printed keys");
    });
}

static LOG: Mutex<String> = Mutex::new(String::new());

extern "C-unwind" fn note(_level: i32, _target: *const c_char, message: *const c_char, _len: usize, _: *mut c_void) {
    LOG.lock().expect("the log").push_str(&unsafe { CStr::from_ptr(message) }.to_string_lossy());
}

#[test]
fn what_a_failing_command_prints_is_in_the_error_and_not_in_the_log() {
    const TEST: &str = "what_a_failing_command_prints_is_in_the_error_and_not_in_the_log";
    const CONFIG: &str = "[default]\ncredential_process = echo the-secret >&2; exit 3\n[profile role]\n\
                          role_arn = arn:aws:iam::123456789012:role/r\nsource_profile = default\n";
    let prepare = |home: &Path| replace(&home.join(".aws/config"), CONFIG);
    with_home(TEST, prepare, |_| {
        assert_eq!(bedrock_set_log(BEDROCK_LOG_DEBUG, Some(note), null_mut(), None), BEDROCK_OK);
        let bedrock = bedrock();
        for model in [model(&bedrock), model_with(&bedrock, json!({"profile": "role"}))] {
            let outcome = model.generate(&Request::say("Hello?"));
            outcome.failed(BEDROCK_E_CREDENTIALS).says(&[
                "credential_process of the profile \"default\" failed",
                "exit status: 3",
                "It printed: the-secret. Run the command by hand",
            ]);
        }
        assert_eq!(bedrock_shutdown(-1), BEDROCK_OK);
        bedrock_set_log(BEDROCK_LOG_OFF, None, null_mut(), None);
        let log = LOG.lock().expect("the log");
        assert_eq!(log.matches("exit status: 3").count(), 2, "{log}");
        assert!(!log.contains("the-secret"), "{log}");
    });
}
