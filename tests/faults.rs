//! What networks and services do to a call, done to it over loopback: through every door, over every carrier. Nothing hangs,
//! nothing is silent, each call ends in its time, and a table says with which status.
//!
//! ```sh
//! cargo test --test faults -- --nocapture     # shows the tables
//! ```

mod support;

#[path = "faults/answers.rs"]
mod answers;
#[path = "faults/carrier.rs"]
mod carrier;
#[path = "faults/clock.rs"]
mod clock;
#[path = "faults/door.rs"]
mod door;
#[path = "faults/fault.rs"]
mod fault;
#[path = "faults/golden.rs"]
mod golden;
#[path = "faults/harness.rs"]
mod harness;
#[path = "faults/table.rs"]
mod table;

use carrier::Carrier;
use harness::Harness;
use support::LocalBedrock;

#[test]
fn every_answer_that_is_none_fails_with_its_status() {
    let harness = Harness::over(Carrier::Http1, "answers that are none");
    let elsewhere = LocalBedrock::start();
    harness.run(answers::faults(&elsewhere));
    harness.run(answers::faults_of_http1());
    assert_eq!(elsewhere.connection_count(), 0, "credentials went to where a redirect pointed");
    harness.finish();
}
