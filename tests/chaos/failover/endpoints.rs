//! Three endpoints, of which one at a time fails.

use std::collections::HashMap;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::fault::{Fault, OF_RESPONSES, whole};
use crate::random::Random;
use crate::support::{LocalBedrock, Protocol, Reply, Request};

pub const COUNT: usize = 3;
/// The percentage of rounds in which the failing endpoint does not listen.
const REFUSED: usize = 10;

/// What fails when. The number of a call determines all of it.
#[derive(Clone, Copy)]
pub struct Plan {
    pub seed: u64,
    /// The number of calls until another endpoint fails.
    pub round: usize,
}

/// What the endpoints have received of a call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Received {
    pub requests: usize,
    /// Whether the failing endpoint is among those that received it.
    pub met: bool,
}

pub struct Endpoints {
    plan: Plan,
    servers: [Option<LocalBedrock>; COUNT],
    ports: [u16; COUNT],
    received: Arc<Mutex<HashMap<usize, Received>>>,
}

impl Plan {
    /// Returns the endpoint that fails for this call, and how.
    pub fn failing(self, call: usize) -> (usize, Fault) {
        let mut random = Random::new(self.seed, (call / self.round) as u64 * 2 + 1);
        let endpoint = random.below(COUNT);
        let refuses = random.percent(REFUSED);
        let of_call = *Random::new(self.seed, call as u64 * 2).one_of(&OF_RESPONSES);
        (endpoint, if refuses { Fault::Refused } else { of_call })
    }

    /// Returns the reply of an endpoint.
    fn reply(self, endpoint: usize, call: usize, streams: bool) -> (Reply, bool) {
        let texts = texts(endpoint, call);
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        match self.failing(call) {
            (failing, fault) if failing == endpoint => {
                (fault.reply(streams, &texts, &mut Random::new(self.seed, call as u64 * 2)), true)
            }
            _ => (whole(streams, &texts), false),
        }
    }
}

/// Returns free ports that no outgoing connection gets: while an endpoint does not listen, a connection to its port
/// could otherwise begin there and connect to itself.
fn free_ports(seed: u64) -> [u16; COUNT] {
    let mut random = Random::new(seed, 0);
    let mut ports = std::iter::repeat_with(|| 20_000 + random.below(12_000) as u16)
        .filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    let mut found = [0; COUNT];
    for place in 0..COUNT {
        found[place] = ports.find(|port| !found.contains(port)).expect("ports without end");
    }
    found
}

/// Returns the texts of an endpoint's response to a call. No other endpoint or call has them.
pub fn texts(endpoint: usize, call: usize) -> Vec<String> {
    (0..3 + call % 6).map(|part| format!("{endpoint}/{call}/{part} ")).collect()
}

/// Returns the model id at an endpoint.
pub fn model_id(endpoint: usize) -> String {
    format!("model-{endpoint}")
}

/// Returns the number of the call, which is the text of its message.
fn call_of(request: &Request) -> usize {
    let body = request.json();
    let text = body["messages"][0]["content"][0]["text"].as_str().expect("a text");
    text.parse().expect("the number of a call")
}

impl Endpoints {
    pub fn start(plan: Plan) -> Endpoints {
        let mut endpoints = Endpoints {
            plan,
            servers: [const { None }; COUNT],
            ports: free_ports(plan.seed),
            received: Arc::default(),
        };
        (0..COUNT).for_each(|endpoint| endpoints.listen(endpoint));
        endpoints
    }

    pub fn url(&self, endpoint: usize) -> String {
        format!("http://127.0.0.1:{}", self.ports[endpoint])
    }

    /// Prepares for the calls of a round, of which this is one: its failing endpoint may have to stop listening.
    pub fn begin_round(&mut self, call: usize) {
        let (failing, fault) = self.plan.failing(call);
        for endpoint in 0..COUNT {
            if endpoint == failing && fault == Fault::Refused {
                self.servers[endpoint] = None;
            } else if self.servers[endpoint].is_none() {
                self.listen(endpoint);
            }
            self.servers[endpoint].iter().for_each(LocalBedrock::forget_requests);
        }
    }

    fn listen(&mut self, endpoint: usize) {
        let server = LocalBedrock::with_protocol_at((Ipv4Addr::LOCALHOST, self.ports[endpoint]), Protocol::Http1);
        let (plan, received) = (self.plan, self.received.clone());
        server.respond_with(move |request| {
            let call = call_of(request);
            let (reply, met) = plan.reply(endpoint, call, request.operation() == "converse-stream");
            let mut received = lock(&received);
            let received = received.entry(call).or_default();
            received.requests += 1;
            received.met |= met;
            reply
        });
        self.servers[endpoint] = Some(server);
    }

    /// Returns and forgets what was received of a call that has ended.
    pub fn take_received(&self, call: usize) -> Received {
        lock(&self.received).remove(&call).unwrap_or_default()
    }
}

fn lock(received: &Mutex<HashMap<usize, Received>>) -> MutexGuard<'_, HashMap<usize, Received>> {
    received.lock().unwrap_or_else(PoisonError::into_inner)
}
