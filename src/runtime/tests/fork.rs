//! Tests of the locks that a fork holds.

use super::super::fork::{ForkLock, Rank};
use std::path::Path;

static FIRST: ForkLock<()> = ForkLock::new(Rank::NamePool, ());
static SECOND: ForkLock<()> = ForkLock::new(Rank::Handles, ());

#[test]
fn a_lock_that_is_taken_out_of_order_panics_in_a_debug_build() {
    drop((FIRST.lock(), SECOND.lock()));
    let against_the_order = std::thread::spawn(|| {
        let _second = SECOND.lock();
        drop(FIRST.lock());
    });
    assert_eq!(against_the_order.join().is_err(), cfg!(debug_assertions));
    drop((FIRST.lock(), SECOND.lock()));
}

#[test]
fn every_static_lock_is_a_fork_lock() {
    let mut found = Vec::new();
    each_source(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut |path, text| {
        let product = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let statics =
            product.lines().filter(|line| line.trim_start().trim_start_matches("pub ").starts_with("static "));
        let locks = statics.filter(|line| ["Mutex<", "RwLock<"].iter().any(|lock| line.contains(lock)));
        found.extend(locks.map(|line| format!("{}: {line}", path.display())));
    });
    assert!(found.is_empty(), "a fork can leave these locked in the child; make each a ForkLock: {found:#?}");
}

fn each_source(folder: &Path, look: &mut impl FnMut(&Path, &str)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            each_source(&path, look);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            look(&path, &std::fs::read_to_string(&path).unwrap());
        }
    }
}
