//! Tests that need a network of their own: they run once more, in namespaces where they may lay cables and give addresses.

use std::process::Command;

/// Set in the process that is started in the namespaces.
const CHILD: &str = "BEDROCK_TEST_CHILD";

/// Whether this process is in namespaces of its own: of users, of the network, and of what else `unshare` is told to make
/// `besides`. If it is not, `test` runs once more in such a process, and has to pass there. The test is then over here. Where
/// the machine permits no namespaces it says that it was skipped.
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
    let said = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned();
    println!("{said}");
    assert!(run.status.success() && said.contains("1 passed"), "in namespaces of its own");
    false
}
