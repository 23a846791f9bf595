//! Sequences of calls of the C API from several threads, with handles that are valid, freed, of another type, NULL or
//! random: no bad access and no leak under AddressSanitizer, each call keeps the promises of the header, each release
//! function runs once, and no handle is left. The calls are those of tests/chaos/sequences. The fuzzer's bytes select
//! them, their handles and their texts.
#![no_main]

// The table of results is not used here.
#[allow(dead_code)]
#[path = "../../../tests/chaos/sequences/caller.rs"]
mod caller;
#[path = "../../../tests/chaos/sequences/calls.rs"]
mod calls;
mod clock;
#[path = "../../../tests/chaos/sequences/handles.rs"]
mod handles;
mod random;
mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bedrock::ffi::process::{bedrock_live_handles, bedrock_shutdown};
use bedrock::ffi::status::BEDROCK_OK;
use caller::{Caller, Shared};
use libfuzzer_sys::fuzz_target;
use random::Random;

const THREADS: usize = 3;
/// The approximate number of bytes that a call consumes.
const BYTES_PER_CALL: usize = 6;

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// Waits until the library's threads have ended: LeakSanitizer reports memory of threads that are about to end.
fn wait_for_threads(before: usize) {
    let until = Instant::now() + Duration::from_secs(12);
    while threads() > before {
        assert!(Instant::now() < until, "threads of the library are left");
        std::thread::sleep(Duration::from_micros(100));
    }
}

fuzz_target!(|bytes: &[u8]| {
    let before = threads();
    // Nothing listens on this port, so connections are refused at once.
    let closed_port = || "http://127.0.0.1:9".to_owned();
    let shared = Shared {
        urls: [closed_port(), closed_port()],
        handles: handles::Handles::default(),
        steps: AtomicUsize::new(bytes.len() / BYTES_PER_CALL),
        until: None,
    };
    let share = bytes.len().div_ceil(THREADS).max(1);
    let broken: Vec<String> = std::thread::scope(|scope| {
        let run = |bytes| {
            let mut caller = Caller::new(&shared, Random::of(bytes));
            caller.run();
            caller.violations
        };
        let running: Vec<_> = bytes.chunks(share).map(|bytes| scope.spawn(move || run(bytes))).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("no panic in a caller")).collect()
    });
    assert!(broken.is_empty(), "{broken:?}");

    shared.free_all();
    assert_eq!(bedrock_shutdown(10_000), BEDROCK_OK, "the library did not stop");
    wait_for_threads(before);
    assert_eq!(bedrock_live_handles(), 0, "handles are left");
    let (given, released) = (caller::GIVEN.load(Ordering::SeqCst), caller::RELEASED.load(Ordering::SeqCst));
    assert_eq!(given, released, "a release function did not run exactly once");
    assert_eq!(calls::LET.load(Ordering::SeqCst), 0, "a call that is forbidden in a wakeup or a log function succeeded");
});
