//! Tests that need a network of their own: they run once more in a network namespace, where they may create links and
//! addresses.

use std::process::Command;

/// Set in the process inside the namespaces.
const CHILD: &str = "BEDROCK_TEST_CHILD";

/// Returns whether this process is inside its own user and network namespaces. If it is not, runs `test` once more in
/// such a process, and panics unless it passes there; the caller then returns. `besides` are further options of
/// `unshare`. Prints "skipped" if the machine does not permit namespaces.
#[track_caller]
pub fn is_entered(test: &str, besides: &[&str]) -> bool {
    if std::env::var_os(CHILD).is_some() {
        return true;
    }
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net"]).args(besides);
        command
    };
    match unshare().args(["ip", "link", "add", "name", "here", "type", "veth", "peer", "name", "there"]).output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            println!("skipped: no namespaces: {}", String::from_utf8_lossy(&output.stderr).trim());
            return false;
        }
        Err(error) => {
            println!("skipped: no unshare: {error}");
            return false;
        }
    }
    let mut child = unshare();
    child.arg(std::env::current_exe().expect("this program")).args([test, "--exact", "--nocapture"]);
    let run = child.env(CHILD, "1").env("AWS_EC2_METADATA_DISABLED", "true").output().expect("the test starts again");
    let output = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
    println!("{output}");
    assert!(run.status.success() && output.contains("1 passed"), "the test failed inside its namespaces");
    false
}
