//! Hostile servers: a table of attacks. Whatever a server does, a call ends in its time, with a status that fits, in bounded
//! memory, without harm to other calls, and without telling a secret.

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
use client::Told;
use peer::Peer;

/// What no message may hold.
const TOKEN: &str = "token-that-nobody-may-see";
const SECRETS: [&str; 2] = [SECRET_KEY, TOKEN];
/// The text of an answer that is for another request.
const WRONG: &str = "wrong";

/// A client that has not ended by then hangs.
const HANGS: Duration = Duration::from_secs(20);
/// How often an attack is made until the call ends in its time. A library that is late is late every time.
const TRIES: usize = 3;

pub fn run(settings: &Settings) -> Vec<String> {
    let only: String = settings.get("only", String::new());
    let jobs: usize = settings.get("jobs", 6);
    settings.all_known();
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

/// What came of an attack.
struct Outcome {
    told: Result<Told, String>,
    requests: usize,
    connections: usize,
}

fn report(results: &[(Attack, Outcome)]) -> Vec<String> {
    let mut table = Table::new(&["attack", "over", "call", "came of it", "took", "memory", "others", ""]);
    let mut broken = Vec::new();
    for (attack, outcome) in results {
        let problems = problems(attack, outcome);
        let (came, took, memory, others) = match &outcome.told {
            Ok(told) => {
                let statuses: std::collections::BTreeSet<_> =
                    told.statuses.iter().map(|status| short(*status)).collect();
                let came = statuses.into_iter().collect::<Vec<_>>().join(", ");
                let others = format!("{} ms", told.others.as_millis());
                (came, format!("{} ms", told.took.as_millis()), format!("{:.1} MiB", told.kib as f64 / 1024.0), others)
            }
            Err(died) => (died.clone(), "-".into(), "-".into(), "-".into()),
        };
        let mark = if problems.is_empty() { "" } else { "<- does not hold" };
        let name = attack.name.clone();
        table.row([name, attack.over.title().into(), attack.call.title(), came, took, memory, others, mark.into()]);
        let said = outcome.told.as_ref().ok().and_then(|told| told.texts.iter().find(|text| !text.is_empty()));
        let said = said.map(|text| format!("\n    {text}")).unwrap_or_default();
        let tell = |problem| format!("{} ({}): {problem}{said}", attack.name, attack.over.title());
        broken.extend(problems.into_iter().map(tell));
    }
    println!("\n{table}\n{} attacks", results.len());
    broken
}

fn short(status: bedrock_status) -> String {
    name(status).trim_start_matches("BEDROCK_").trim_start_matches("E_").to_owned()
}

/// What did not hold.
fn problems(attack: &Attack, outcome: &Outcome) -> Vec<String> {
    let told = match &outcome.told {
        Ok(told) => told,
        Err(died) => return vec![died.clone()],
    };
    let mut problems = Vec::new();
    let mut hold = |holds: bool, what: String| {
        if !holds {
            problems.push(what);
        }
    };
    let allowed: Vec<String> = attack.ends.iter().map(|status| short(*status)).collect();
    for status in &told.statuses {
        hold(attack.ends.contains(status), format!("{}, where {} has to be", short(*status), allowed.join(" or ")));
    }
    for text in &told.texts {
        hold(!SECRETS.iter().any(|secret| text.contains(secret)), "the message holds a secret".to_owned());
        hold(text != WRONG, "the answer is not this request's".to_owned());
    }
    hold(told.took <= attack.limit() + told.late, format!("took {:?}, and had {:?}", told.took, attack.limit()));
    let memory = attack.memory();
    hold(told.kib <= memory << 10, format!("took {} MiB, and may take {memory}", told.kib >> 10));
    hold(told.others <= GRACE + told.late, format!("the call of another model took {:?} meanwhile", told.others));
    let (requests, connections) = (outcome.requests, outcome.connections);
    hold(requests <= attack.requests, format!("{requests} requests, where {} have to be", attack.requests));
    hold(connections <= attack.connections, format!("{connections} connections, where {} may be", attack.connections));
    problems
}

/// The servers' side of all attacks.
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

    /// Makes an attack, more than once where its call is only late.
    fn make(&self, attack: &Attack) -> Outcome {
        let mut tries = TRIES;
        loop {
            tries -= 1;
            let outcome = self.runtime.block_on(self.attack(attack));
            let late = |told: &Told| told.took > attack.limit() + told.late || told.others > GRACE + told.late;
            if tries == 0 || !outcome.told.as_ref().is_ok_and(late) {
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
                    // That the client leaves is no failure of the attack.
                    let _ = play(Peer::new(stream, requests, number)).await;
                });
            }
        };
        let told = tokio::select! {
            told = self.client(attack, address) => told,
            () = serving => unreachable!("it accepts for ever"),
        };
        let (requests, connections) = (requests.load(Ordering::Relaxed), connections.load(Ordering::Relaxed));
        Outcome { told, requests, connections }
    }

    /// Has a client make the calls.
    async fn client(&self, attack: &Attack, address: SocketAddr) -> Result<Told, String> {
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
        // Read here and not by a thread: a client that hangs is ended.
        let pipe = std::os::fd::OwnedFd::from(child.stdout.take().expect("a pipe"));
        let mut pipe = tokio::net::unix::pipe::Receiver::from_owned_fd(pipe).expect("a pipe");
        let mut output = Vec::new();
        let read = tokio::time::timeout(HANGS, pipe.read_to_end(&mut output)).await;
        if read.is_err() {
            child.kill().expect("it can be ended");
        }
        let status = child.wait().expect("it ends");
        match read {
            Ok(_) => Told::read(&output, status),
            Err(_) => Err(format!("the client hung for {HANGS:?}")),
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
                "connect": millis(total - 100), "first_event": millis(total), "idle": millis(total), "total": millis(total),
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
        Call::Unary | Call::Twice => "unary",
        Call::Invoke => "invoke",
    }
}

fn count(call: Call) -> usize {
    match call {
        Call::Twice => 2,
        Call::Many(count) => count,
        _ => 1,
    }
}
