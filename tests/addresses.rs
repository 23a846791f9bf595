//! A host with several addresses is reached although some of them do not respond.
//!
//! The test runs in network and mount namespaces of its own. There it defines the addresses of names, and packets to
//! some addresses are dropped.

mod support;

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use support::capi::*;
use support::{LocalBedrock, Protocol, Reply, network_namespace};

const TEST: &str = "an_address_that_does_not_respond_delays_a_connect_by_a_quarter_of_a_second_at_most";
/// The time within which a call ends whose first address does not respond.
const LATEST: Duration = Duration::from_millis(1500);
const LIVE: Ipv4Addr = Ipv4Addr::new(10, 8, 0, 1);
const NAMES: &str = "127.0.0.1 localhost\n\
                     2001:db8::1 both.test\n10.8.0.1 both.test\n\
                     10.9.0.1 two.test\n10.8.0.1 two.test\n";

#[test]
fn an_address_that_does_not_respond_delays_a_connect_by_a_quarter_of_a_second_at_most() {
    if network_namespace::is_entered(TEST, &["--mount"]) {
        in_a_namespace();
    }
}

/// Runs a command, which has to succeed.
#[track_caller]
fn run(command: &str) {
    let mut words = command.split(' ');
    let output = Command::new(words.next().expect("a program")).args(words).output().expect("it starts");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

fn in_a_namespace() {
    let hosts = Path::new(env!("CARGO_TARGET_TMPDIR")).join("addresses.hosts");
    std::fs::write(&hosts, NAMES).expect("a file of names");
    run(&format!("mount --bind {} /etc/hosts", hosts.display()));
    run("ip link set lo up");
    run(&format!("ip addr add {LIVE}/32 dev lo"));
    run("ip link add nowhere type veth peer name nobody");
    run("ip link set nowhere up");
    run("ip link set nobody up");
    run("ip addr add 10.9.0.2/24 dev nowhere");
    run("ip -6 addr add 2001:db8::2/64 dev nowhere nodad");
    // The system prefers IPv6, whose packets are dropped.
    let addresses: Vec<SocketAddr> = ("both.test", 0).to_socket_addrs().expect("the file is read").collect();
    assert!(addresses.len() == 2 && addresses[0].is_ipv6(), "{addresses:?}");
    assert!(calls("both.test", 1)[0] > Duration::from_millis(200), "the dead address was not tried");
    // Each connect begins with another address. So one of these has to try a second address.
    let took = calls("two.test", 2);
    assert!(took.iter().any(|took| *took > Duration::from_millis(200)), "the dead address was not tried: {took:?}");
}

/// Makes so many calls, each over a new connection, and returns how long each took. Repeats all of them if one is late,
/// as it may be on a busy machine.
fn calls(name: &str, calls: usize) -> Vec<Duration> {
    let is_in_time = |took: &Vec<Duration>| took.iter().all(|took| *took < LATEST);
    let mut tries = (0..3).map(|_| try_calls(name, calls));
    tries.find(is_in_time).unwrap_or_else(|| panic!("{name}: a call takes {LATEST:?}, where the timer is 3.1 s"))
}

fn try_calls(name: &str, calls: usize) -> Vec<Duration> {
    let bedrock = LocalBedrock::with_protocol_at((LIVE, 0), Protocol::Http1);
    bedrock.respond_with(|_| Reply::text_response("Hello").header("Connection", "close"));
    let url = format!("http://{name}:{}", bedrock.port());
    let members = json!({"base_url": url, "allow_http": true, "retry": {"max_attempts": 1}});
    let model = Model::at_with(&bedrock, members);
    let call = |_| {
        let began = Instant::now();
        assert_eq!(model.generate(&Request::say("Hello?")).response().text, "Hello");
        began.elapsed()
    };
    let took: Vec<_> = (0..calls).map(call).collect();
    println!("{name}: {took:?}");
    took
}
