//! Connections that are not established: refused, unreachable, unknown host, no response.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;

use crate::carrier::Carrier;
use crate::fault::{Expect, Fault};
use crate::support::capi::*;
use crate::support::server::RefusingPort;
use crate::support::{Flaw, LocalBedrock, Tls};

/// The connect timeout.
const CONNECT: Duration = Duration::from_millis(300);
/// The connect timeout of a call whose connect may wait for a resolver.
const RESOLVED: Duration = Duration::from_secs(3);

/// `refusing` is a port that refuses connections. `full` is an address whose backlog is full, so that no further
/// connection is established.
pub fn faults(carrier: Carrier, refusing: &RefusingPort, full: SocketAddr) -> Vec<Fault> {
    // Keys, because a token is sent over plain HTTP only to this machine.
    let at = |address: &str| {
        json!({
            "base_url": format!("{}://{address}", if carrier.is_tls() { "https" } else { "http" }),
            "allow_http": true,
            "bearer_token": null,
            "api_key": ACCESS_KEY,
            "secret_key": SECRET_KEY,
        })
    };
    let no_network = || Expect::fails(BEDROCK_E_NETWORK).says("base_url");
    let by_all = |fault: Fault, expect: Expect| {
        let reply = crate::golden::golden();
        fault.both(reply, expect)
    };
    vec![
        by_all(Fault::new("refused").elsewhere(at(&format!("127.0.0.1:{refusing}"))), no_network().says("efused")),
        by_all(
            // The kernel rejects TCP connections to the broadcast address without sending a packet.
            Fault::new("unreachable").elsewhere(at("255.255.255.255:9")),
            no_network().says("nreachable"),
        ),
        by_all(
            Fault::new("no such host").elsewhere(at("name.invalid")),
            // If the resolver does not respond, the connect timer ends the call.
            Expect { timer: Some(("connect", RESOLVED)), ..no_network().or(BEDROCK_E_TIMEOUT) },
        ),
        by_all(
            Fault::new("no response to connect").elsewhere(at(&full.to_string())),
            Expect::times_out("connect", CONNECT),
        ),
    ]
}

/// Servers with an untrustworthy certificate, a `silent` server, and a `plain` server without TLS.
pub fn faults_of_tls(flawed: &[(Flaw, LocalBedrock)], silent: SocketAddr, plain: &LocalBedrock) -> Vec<Fault> {
    let why = |flaw| match flaw {
        Flaw::WrongName => ("a certificate for another name", "for another name"),
        Flaw::Expired => ("an expired certificate", "expired at 2002-01-01T00:00:00Z. Check this machine's clock"),
        Flaw::NotYetValid => {
            ("a certificate not yet valid", "not valid before 3001-01-01T00:00:00Z. Check this machine's clock")
        }
        _ => ("an unknown authority", "set ca_file"),
    };
    let fault = |(flaw, bedrock): &(Flaw, LocalBedrock)| {
        let (row, says) = why(*flaw);
        let members = json!({"base_url": bedrock.url(), "ca_file": bedrock.tls().map(Tls::ca_file)});
        let expect = Expect::fails(BEDROCK_E_NETWORK).says("certificate").says(says);
        Fault::new(row).elsewhere(members).both(crate::golden::golden(), expect)
    };
    let at = |address: &str| json!({"base_url": format!("https://{address}")});
    let handshakes = [
        Fault::new("no response to the TLS handshake")
            .elsewhere(at(&silent.to_string()))
            .both(crate::golden::golden(), Expect::times_out("connect", CONNECT)),
        Fault::new("no TLS at all")
            .elsewhere(at(plain.url().trim_start_matches("http://")))
            .both(crate::golden::golden(), Expect::fails(BEDROCK_E_NETWORK).says("base_url")),
    ];
    flawed.iter().map(fault).chain(handshakes).collect()
}
