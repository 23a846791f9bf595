//! The library under conditions that nobody wishes for: connections that die, servers that attack, programs that call everything
//! in any order. README.md beside this file tells how to run each part by hand, and how to read what it prints.
//!
//! ```sh
//! cargo test --test chaos                                          # all three, some seconds each
//! cargo test --test chaos -- connections streams=100000 at_once=10000
//! cargo test --test chaos -- hostile only=flood
//! cargo test --test chaos -- sequences seed=7 minutes=60
//! ```
//!
//! It has no harness of libtest: it takes settings, and prints tables.

#[path = "../faults/clock.rs"]
mod clock;
mod connections;
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

/// A part, by the name that selects it. It returns what did not hold.
type Part = (&'static str, fn(&Settings) -> Vec<String>);

const PARTS: [Part; 3] = [("connections", connections::run), ("hostile", hostile::run), ("sequences", sequences::run)];

fn main() -> ExitCode {
    if hostile::client::is_client() {
        return ExitCode::SUCCESS;
    }
    let settings = match Settings::of(std::env::args().skip(1)) {
        Ok(settings) => settings,
        Err(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::FAILURE;
        }
    };
    let mut broken = Vec::new();
    for (name, part) in PARTS {
        if settings.selects(name) {
            let began = Instant::now();
            println!("\n== {name}, seed={}", settings.seed);
            broken.extend(part(&settings).into_iter().map(|what| format!("{name}: {what}")));
            println!("   {:.1} s", began.elapsed().as_secs_f64());
        }
    }
    if broken.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("\n{} things did not hold (seed={}):\n", broken.len(), settings.seed);
    broken.iter().for_each(|what| println!("- {what}"));
    ExitCode::FAILURE
}
