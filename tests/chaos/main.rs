//! The library under bad conditions: connections that fail, targets that fail, hostile servers, programs that call
//! every function in any order. README.md beside this file describes how to run each part by hand, and its output.
//!
//! ```sh
//! cargo test --test chaos                                          # all four, some seconds each
//! cargo test --test chaos -- connections streams=100000 at_once=10000
//! cargo test --test chaos -- failover calls=100000
//! cargo test --test chaos -- hostile only=flood
//! cargo test --test chaos -- sequences seed=7 minutes=60
//! ```
//!
//! This target does not use the libtest harness: it reads settings and prints tables.

#[path = "../faults/clock.rs"]
mod clock;
mod connections;
mod failover;
mod hostile;
mod memory;
mod random;
mod sequences;
mod settings;
#[path = "../support/mod.rs"]
mod support;
mod table;

use std::process::ExitCode;
use std::time::Instant;

use settings::Settings;

/// A part: the name that selects it, and a function that returns the violated assertions.
type Part = (&'static str, fn(&Settings) -> Vec<String>);

const PARTS: [Part; 4] = [
    ("connections", connections::run),
    ("failover", failover::run),
    ("hostile", hostile::run),
    ("sequences", sequences::run),
];

fn main() -> ExitCode {
    if hostile::client::is_client() {
        return ExitCode::SUCCESS;
    }
    let settings = match Settings::of(std::env::args().skip(1)) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let mut violations = Vec::new();
    for (name, part) in PARTS {
        if settings.selects(name) {
            let began = Instant::now();
            println!("\n== {name}, seed={}", settings.seed);
            violations.extend(part(&settings).into_iter().map(|what| format!("{name}: {what}")));
            println!("   {:.1} s", began.elapsed().as_secs_f64());
        }
    }
    if violations.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("\n{} violated assertions (seed={}):\n", violations.len(), settings.seed);
    violations.iter().for_each(|what| println!("- {what}"));
    ExitCode::FAILURE
}
