//! No connection comes to stand: refused, unreachable, no such name, no answer.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;

use crate::carrier::Carrier;
use crate::fault::{Expect, Fault};
use crate::support::capi::*;
use crate::support::{Flaw, LocalBedrock, Tls};

/// How long a connection is waited for.
const CONNECT: Duration = Duration::from_millis(300);

/// `full` is an address on which no further connection comes to stand.
pub fn faults(carrier: Carrier, full: SocketAddr) -> Vec<Fault> {
    // A token goes over http to nobody but this machine.
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
    let everywhere = |fault: Fault, expect: Expect| {
        let reply = crate::golden::golden();
        fault.both(reply, expect)
    };
    vec![
        everywhere(
            Fault::new("refused").elsewhere(at(&format!("127.0.0.1:{}", LocalBedrock::refusing_port()))),
            no_network().says("efused"),
        ),
        everywhere(
            // The broadcast address, to which no TCP connection can be made: known without leaving this machine.
            Fault::new("unreachable").elsewhere(at("255.255.255.255:9")),
            no_network().says("nreachable"),
        ),
        everywhere(
            Fault::new("no such host").elsewhere(at("name.invalid")),
            // Where the resolver itself does not answer, the connect timer ends it.
            no_network().or(BEDROCK_E_TIMEOUT),
        ),
        everywhere(
            Fault::new("no answer to connect").elsewhere(at(&full.to_string())),
            Expect::times_out("connect", CONNECT),
        ),
    ]
}

/// Servers whose certificate is not to be trusted, or that do not speak TLS: one is `silent`, one `plain`.
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
    let shaken = [
        Fault::new("no answer to the TLS handshake")
            .elsewhere(at(&silent.to_string()))
            .both(crate::golden::golden(), Expect::times_out("connect", CONNECT)),
        Fault::new("no TLS at all")
            .elsewhere(at(plain.url().trim_start_matches("http://")))
            .both(crate::golden::golden(), Expect::fails(BEDROCK_E_NETWORK).says("base_url")),
    ];
    flawed.iter().map(fault).chain(shaken).collect()
}
