//! Hostile servers: a table of attacks. Each call ends in time, with an expected status, in bounded memory, without
//! delaying other calls, and without a secret in its error message.

mod attack;
pub mod client;
mod credentials;
mod events;
mod frames;
mod http1;
mod http2;
mod peer;
mod tls;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::clock::GRACE;
use crate::settings::Settings;
use crate::support::capi::*;
use crate::support::wire::Transport;
use crate::support::{Flaw, Tls};
use crate::table::Table;
use attack::{Attack, Call, Over};
use client::Results;
use peer::Peer;

/// The bearer token, which no message may contain.
const TOKEN: &str = "token-that-is-a-secret";
const SECRETS: [&str; 2] = [SECRET_KEY, TOKEN];
/// The text of a response to another request.
const WRONG: &str = "wrong";

/// A client that runs for this much longer than its limit hangs.
const HANG: Duration = Duration::from_secs(8);
/// How often an attack is made until its call ends as expected, and in time. A call that the library ends in another
/// way does so every time.
const TRIES: usize = 3;

pub fn run(settings: &Settings) -> Vec<String> {
    let only: String = settings.get("only", String::new());
    let jobs: usize = settings.get("jobs", 6);
    settings.reject_unknown();
    let attacks = [http1::attacks(), http2::attacks(), tls::attacks(), events::attacks(), credentials::attacks()];
    let attacks = attacks
        .into_iter()
        .flatten()
        .filter(|attack| attack.name.contains(&only) || attack.over.title().contains(&only) || only.is_empty());
    let (alone, together): (Vec<_>, Vec<_>) = attacks.partition(|attack| attack.alone);
    let server = Server::new();
    let mut results = Vec::new();
    for (attacks, jobs) in [(together, jobs), (alone, 1)] {
        let queue = Mutex::new(attacks.into_iter().enumerate().collect::<VecDeque<_>>());
        let done = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..jobs {
                scope.spawn(|| {
                    while let Some((at, attack)) = { lock(&queue).pop_front() } {
                        let result = server.make(&attack);
                        lock(&done).push((at, attack, result));
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(at, ..)| *at);
        results.extend(done.into_iter().map(|(_, attack, result)| (attack, result)));
    }
    report(&results)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The outcome of an attack.
struct Outcome {
    results: Result<Results, String>,
    requests: usize,
    connections: usize,
}

fn report(results: &[(Attack, Outcome)]) -> Vec<String> {
    let mut table = Table::new(&["attack", "over", "call", "statuses", "took", "memory", "others", ""]);
    let mut violations = Vec::new();
    for (attack, outcome) in results {
        let problems = problems(attack, outcome);
        let (ended, took, memory, others) = match &outcome.results {
            Ok(results) => {
                let statuses: std::collections::BTreeSet<_> =
                    results.statuses.iter().map(|status| short(*status)).collect();
                let ended = statuses.into_iter().collect::<Vec<_>>().join(", ");
                let others = format!("{} ms", results.others.as_millis());
                (
                    ended,
                    format!("{} ms", results.took.as_millis()),
                    format!("{:.1} MiB", results.kib as f64 / 1024.0),
                    others,
                )
            }
            Err(error) => (error.clone(), "-".into(), "-".into(), "-".into()),
        };
        let mark = if problems.is_empty() { "" } else { "<- violated" };
        let name = attack.name.clone();
        table.row([name, attack.over.title().into(), attack.call.title(), ended, took, memory, others, mark.into()]);
        let text = outcome.results.as_ref().ok().and_then(|results| results.texts.iter().find(|text| !text.is_empty()));
        let text = text.map(|text| format!("\n    {text}")).unwrap_or_default();
        let describe = |problem| format!("{} ({}): {problem}{text}", attack.name, attack.over.title());
        violations.extend(problems.into_iter().map(describe));
    }
    println!("\n{table}\n{} attacks", results.len());
    violations
}

fn short(status: bedrock_status) -> String {
    name(status).trim_start_matches("BEDROCK_").trim_start_matches("E_").to_owned()
}

/// Returns the violated assertions.
fn problems(attack: &Attack, outcome: &Outcome) -> Vec<String> {
    let results = match &outcome.results {
        Ok(results) => results,
        Err(error) => return vec![error.clone()],
    };
    let mut problems = Vec::new();
    let mut check = |holds: bool, what: String| {
        if !holds {
            problems.push(what);
        }
    };
    let allowed: Vec<String> = attack.ends.iter().map(|status| short(*status)).collect();
    for status in &results.statuses {
        check(attack.ends.contains(status), format!("{}, expected {}", short(*status), allowed.join(" or ")));
    }
    for text in &results.texts {
        check(!SECRETS.iter().any(|secret| text.contains(secret)), "the message contains a secret".to_owned());
        check(text != WRONG, "a response to another request".to_owned());
    }
    check(
        results.took <= attack.limit() + results.late,
        format!("took {:?}, limit {:?}", results.took, attack.limit()),
    );
    let memory = attack.memory();
    check(results.kib <= memory << 10, format!("took {} MiB of memory, limit {memory}", results.kib >> 10));
    check(
        results.others <= GRACE + results.late,
        format!("the call of another model took {:?} meanwhile", results.others),
    );
    let (requests, connections) = (outcome.requests, outcome.connections);
    check(requests <= attack.requests, format!("{requests} requests, limit {}", attack.requests));
    check(connections <= attack.connections, format!("{connections} connections, limit {}", attack.connections));
    problems
}

/// The server of all attacks.
struct Server {
    runtime: Runtime,
    http1: Tls,
    http2: Tls,
}

impl Server {
    fn new() -> Server {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let [http1, http2] = ["http/1.1", "h2"].map(|protocol| Tls::new(Flaw::Nothing, &[protocol]));
        Server { runtime: runtime.expect("a runtime"), http1, http2 }
    }

    /// Makes an attack, and repeats it if its call is late, or ends in another way on a machine that stood still.
    fn make(&self, attack: &Attack) -> Outcome {
        let mut tries = TRIES;
        loop {
            tries -= 1;
            let outcome = self.runtime.block_on(self.attack(attack));
            let is_spoilt = |results: &Results| {
                let late = results.took > attack.limit() + results.late || results.others > GRACE + results.late;
                late || (results.late > GRACE && !problems(attack, &outcome).is_empty())
            };
            if tries == 0 || !outcome.results.as_ref().is_ok_and(is_spoilt) {
                return outcome;
            }
        }
    }

    async fn attack(&self, attack: &Attack) -> Outcome {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (requests, connections) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let serving = async {
            // Every connection ends with the attack.
            let mut playing = tokio::task::JoinSet::new();
            loop {
                let (tcp, _) = listener.accept().await.expect("a connection");
                let _ = tcp.set_nodelay(true);
                let number = connections.fetch_add(1, Ordering::Relaxed);
                let (play, requests) = (attack.play.clone(), requests.clone());
                let tls = match attack.over {
                    Over::Tls => Some(self.http1.clone()),
                    Over::Http2Tls => Some(self.http2.clone()),
                    _ => None,
                };
                playing.spawn(async move {
                    let stream: Box<dyn Transport> = match tls {
                        None => Box::new(tcp),
                        Some(tls) => match tls.acceptor().accept(tcp).await {
                            Ok(stream) => Box::new(stream),
                            Err(_) => return,
                        },
                    };
                    // It is no error if the client closes the connection.
                    let _ = play(Peer::new(stream, requests, number)).await;
                });
            }
        };
        let results = tokio::select! {
            results = self.client(attack, address) => results,
            () = serving => unreachable!("it accepts for ever"),
        };
        let (requests, connections) = (requests.load(Ordering::Relaxed), connections.load(Ordering::Relaxed));
        Outcome { results, requests, connections }
    }

    /// Starts a client, which makes the calls.
    async fn client(&self, attack: &Attack, address: SocketAddr) -> Result<Results, String> {
        let order = json!({
            "config": self.config(attack, address), "call": call(attack.call), "count": count(attack.call),
            "total": attack.total.as_millis() as u64,
        });
        let mut client = Command::new(std::env::current_exe().expect("this program"));
        client.env_clear().env(client::ORDER, order.to_string()).env("HOME", env!("CARGO_TARGET_TMPDIR"));
        client.env("PATH", "/usr/bin:/bin").env("RUST_BACKTRACE", "0").env("AWS_EC2_METADATA_DISABLED", "true");
        let port = address.port().to_string();
        client.envs(attack.environment.iter().map(|(key, value)| (key, value.replace("{port}", &port))));
        let mut child = client.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("a client");
        // Reads with a timeout, to end a client that hangs.
        let pipe = std::os::fd::OwnedFd::from(child.stdout.take().expect("a pipe"));
        let mut pipe = tokio::net::unix::pipe::Receiver::from_owned_fd(pipe).expect("a pipe");
        let mut output = Vec::new();
        let limit = attack.limit() + HANG;
        let read = tokio::time::timeout(limit, pipe.read_to_end(&mut output)).await;
        if read.is_err() {
            child.kill().expect("a client that can be killed");
        }
        let status = child.wait().expect("a client that ends");
        match read {
            Ok(_) => Results::read(&output, status),
            Err(_) => Err(format!("the client hung for {limit:?}")),
        }
    }

    fn config(&self, attack: &Attack, address: SocketAddr) -> serde_json::Value {
        let scheme = if matches!(attack.over, Over::Http1 | Over::Http2) { "http" } else { "https" };
        let version = if matches!(attack.over, Over::Http2 | Over::Http2Tls) { "2" } else { "1.1" };
        let millis = |millis: u64| format!("{millis}ms");
        let total = attack.total.as_millis() as u64;
        let config = json!({
            "model": MODEL_ID, "region": REGION, "api_key": ACCESS_KEY, "secret_key": SECRET_KEY,
            "base_url": format!("{scheme}://{address}"), "http_version": version, "keep_answer": false,
            "max_answer": 8 << 20, "retry": {"max_attempts": 1},
            "timeouts": {
                "connect": millis(total * 2 / 3), "first_event": millis(total), "idle": millis(total), "total": millis(total),
            },
        });
        let ca = match attack.over {
            Over::Http2Tls => json!({"ca_file": self.http2.ca_file()}),
            Over::Tls | Over::RawTls => json!({"ca_file": self.http1.ca_file()}),
            _ => json!({}),
        };
        attack.config.iter().cloned().fold(with(config, ca), with)
    }
}

fn call(call: Call) -> &'static str {
    match call {
        Call::Stream | Call::Many(_) => "stream",
        Call::Unread => "unread",
        Call::Unary | Call::InTurn(_) => "unary",
        Call::Invoke => "invoke",
    }
}

fn count(call: Call) -> usize {
    match call {
        Call::InTurn(count) | Call::Many(count) => count,
        _ => 1,
    }
}
