//! Runs a test in a process of its own, with a home and an environment of its own.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::capi::{MODEL_ID, Model, with};
use super::{LocalBedrock, Reply};

/// The variable that is set in the process that a test starts.
const CHILD: &str = "BEDROCK_TEST_CHILD";

/// Runs `body` in another process, which runs the test of this name with an empty home, in which `prepare` has written
/// what AWS's tools would. Shows the lines of the body with " calls".
#[track_caller]
pub fn with_home(test: &str, prepare: impl FnOnce(&Path), body: impl FnOnce(&Path)) {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(env!("CARGO_CRATE_NAME")).join(test);
    if std::env::var_os(CHILD).is_some() {
        return body(&home);
    }
    let _ = std::fs::remove_dir_all(&home);
    std::fs::create_dir_all(home.join(".aws/sso/cache")).expect("a home");
    prepare(&home);
    let mut child = Command::new(std::env::current_exe().expect("this program"));
    child.args([test, "--exact", "--nocapture", "--include-ignored"]).env_clear().env(CHILD, "1").env("HOME", &home);
    child.env("AWS_EC2_METADATA_DISABLED", "true").env("PATH", "/usr/bin:/bin");
    let run = child.output().expect("the test can be started again");
    let output = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
    assert!(run.status.success() && output.contains("1 passed"), "in a process of its own:\n{output}");
    output.lines().filter(|line| line.contains(" calls")).for_each(|line| println!("{line}"));
}

/// Replaces a file at once, as a program does that others read from.
pub fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).expect("a file");
    std::fs::rename(new, path).expect("a file");
}

/// Returns a service that replies "Hello" to every request.
pub fn bedrock() -> LocalBedrock {
    let bedrock = LocalBedrock::start();
    bedrock.respond_with(|_| Reply::text_response("Hello"));
    bedrock
}

/// Returns a model of this service whose calls are authorized by the environment, and have one attempt.
pub fn model(bedrock: &LocalBedrock) -> Model {
    model_with(bedrock, json!({}))
}

/// Returns such a model with these members in its config.
pub fn model_with(bedrock: &LocalBedrock, members: Value) -> Model {
    let config = json!({"model": MODEL_ID, "base_url": bedrock.url(), "retry": {"max_attempts": 1}});
    Model::new(&with(config, members))
}
