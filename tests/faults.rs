//! Faults of networks and services, injected over loopback: by every interface, over every carrier. No call hangs or
//! fails silently, each ends in time, and a table lists the terminal statuses.
//!
//! ```sh
//! cargo test --test faults -- --nocapture     # shows the tables
//! ```

mod support;

#[path = "faults/carrier.rs"]
mod carrier;
#[path = "faults/clock.rs"]
mod clock;
#[path = "faults/connecting.rs"]
mod connecting;
#[path = "faults/cuts.rs"]
mod cuts;
#[path = "faults/damage.rs"]
mod damage;
#[path = "faults/endless.rs"]
mod endless;
#[path = "faults/exceptions.rs"]
mod exceptions;
#[path = "faults/fault.rs"]
mod fault;
#[path = "faults/golden.rs"]
mod golden;
#[path = "faults/harness.rs"]
mod harness;
#[path = "faults/interface.rs"]
mod interface;
#[path = "faults/keep_alive.rs"]
mod keep_alive;
#[path = "faults/memory.rs"]
mod memory;
#[path = "faults/order.rs"]
mod order;
#[path = "faults/responses.rs"]
mod responses;
#[path = "faults/stalls.rs"]
mod stalls;
#[path = "faults/table.rs"]
mod table;
#[path = "faults/unread.rs"]
mod unread;

use std::net::{Ipv4Addr, TcpListener};

use carrier::Carrier;
use harness::Harness;
use support::{Flaw, FullPort, LocalBedrock, Protocol, Tls};

const CARRIERS: [Carrier; 4] = [Carrier::Http1, Carrier::Tls, Carrier::Http2, Carrier::PriorKnowledge];

/// The faults of single calls.
#[track_caller]
fn each_fault(carrier: Carrier) {
    let harness = Harness::over(carrier, "each fault");
    let (elsewhere, refusing, full) = (LocalBedrock::start(), LocalBedrock::refusing_port(), FullPort::new());
    // The kernel accepts connections, and no program responds on them.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let flawed = [Flaw::WrongName, Flaw::Expired, Flaw::NotYetValid, Flaw::UnknownAuthority];
    let flawed =
        flawed.map(|flaw| (flaw, LocalBedrock::with_protocol(Protocol::Tls(Tls::new(flaw, &["h2", "http/1.1"])))));
    let mut faults = connecting::faults(carrier, &refusing, full.address());
    if carrier.is_tls() {
        faults.extend(connecting::faults_of_tls(&flawed, silent.local_addr().expect("an address"), &elsewhere));
    }
    if !carrier.is_http2() {
        faults.extend(responses::faults_of_http1());
    }
    faults.extend(responses::faults(carrier, &elsewhere));
    faults.extend(stalls::faults());
    faults.extend(order::faults());
    faults.extend(endless::faults());
    faults.extend(damage::false_lengths(carrier));
    faults.extend(damage::oversized_headers());
    harness.run(faults);
    assert_eq!(elsewhere.requests().len(), 0, "credentials were sent to the target of a redirect");
    for (flaw, bedrock) in &flawed {
        assert_eq!(bedrock.requests().len(), 0, "credentials were sent to a server with {flaw:?}");
    }
    harness.finish();
}

/// The faults that are injected at every byte, bit or position.
#[track_caller]
fn every_byte(carrier: Carrier) {
    let harness = Harness::over(carrier, "at every byte");
    let mut faults = cuts::faults(carrier);
    faults.extend(cuts::unary_faults(carrier));
    faults.extend(damage::flips(carrier));
    faults.extend(exceptions::faults(carrier));
    harness.run(faults);
    harness.finish();
}

#[test]
fn each_fault_has_its_status_by_every_interface() {
    each_fault(Carrier::Http1);
}

#[test]
fn each_fault_has_its_status_over_tls() {
    each_fault(Carrier::Tls);
}

#[test]
fn each_fault_has_its_status_over_http2() {
    each_fault(Carrier::Http2);
}

#[test]
fn each_fault_has_its_status_over_http2_by_prior_knowledge() {
    each_fault(Carrier::PriorKnowledge);
}

#[test]
fn a_fault_at_any_byte_has_its_status_by_every_interface() {
    every_byte(Carrier::Http1);
}

#[test]
fn a_fault_at_any_byte_has_its_status_over_tls() {
    every_byte(Carrier::Tls);
}

#[test]
fn a_fault_at_any_byte_has_its_status_over_http2() {
    every_byte(Carrier::Http2);
}

#[test]
fn a_fault_at_any_byte_has_its_status_over_http2_by_prior_knowledge() {
    every_byte(Carrier::PriorKnowledge);
}

#[test]
fn a_connection_that_was_lost_between_two_calls_causes_no_failure() {
    CARRIERS.into_iter().for_each(keep_alive::check_dead_connections);
}

#[test]
fn a_throttled_call_is_retried_with_the_same_bytes() {
    CARRIERS.into_iter().for_each(keep_alive::check_retries);
}

#[test]
fn a_throttled_call_is_retried_after_retry_after() {
    keep_alive::check_retry_after(Carrier::Http1);
}

#[test]
fn a_reader_that_stops_reading_stops_the_server() {
    CARRIERS.into_iter().for_each(unread::check_back_pressure);
}

#[test]
fn readers_that_stop_reading_delay_no_other_call() {
    CARRIERS.into_iter().for_each(|carrier| unread::check_other_calls(carrier, 4));
}

/// More streams than it takes to fill the limit of a connection on buffered small frames.
#[test]
fn many_readers_that_stop_reading_delay_no_other_call_on_their_connection() {
    unread::check_other_calls(Carrier::PriorKnowledge, 48);
}

#[test]
fn no_wire_input_takes_more_than_32_mib() {
    if !memory::is_client() {
        memory::check_bound("no_wire_input_takes_more_than_32_mib", Carrier::Http1);
    }
}

#[test]
fn a_response_that_is_kept_takes_at_most_one_and_a_half_times_its_size() {
    if !memory::is_client() {
        memory::check_kept_response(
            "a_response_that_is_kept_takes_at_most_one_and_a_half_times_its_size",
            Carrier::Http1,
        );
    }
}
