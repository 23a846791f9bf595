//! The clock of the harness: the delays of this machine, and a watch for calls that hang.
//!
//! A call has to end within its limit plus [`GRACE`]. On a busy machine even a thread that only sleeps for a few
//! milliseconds wakes up late. Such delays, measured during the call, are added to its limit.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::support::PATIENCE;

/// How much later than its limit a call may end.
pub const GRACE: Duration = Duration::from_millis(250);

const TICK: Duration = Duration::from_millis(5);
/// Wakeups that are late by more than this are counted.
const TOLERANCE: Duration = Duration::from_millis(2);

static CLOCK: LazyLock<Mutex<Clock>> = LazyLock::new(|| {
    std::thread::Builder::new().name("clock".into()).spawn(tick).expect("a thread");
    Mutex::default()
});

#[derive(Default)]
struct Clock {
    late: VecDeque<(Instant, Duration)>,
    ticked: Option<Instant>,
    /// Running calls by number: the begin, and a description.
    calls: BTreeMap<u64, (Instant, String)>,
    last: u64,
}

fn clock() -> MutexGuard<'static, Clock> {
    CLOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tick() {
    loop {
        let began = Instant::now();
        std::thread::sleep(TICK);
        let (now, late) = (Instant::now(), began.elapsed().saturating_sub(TICK));
        let mut clock = clock();
        clock.ticked = Some(now);
        if late > TOLERANCE {
            clock.late.push_back((now, late));
        }
        while clock.late.front().is_some_and(|(at, _)| now - *at > 2 * PATIENCE) {
            clock.late.pop_front();
        }
        if let Some((began, call)) = clock.calls.values().find(|(began, _)| now - *began > 2 * PATIENCE) {
            // Only the end of the process can end a call that hangs.
            eprintln!("{call} hangs: it began {:?} ago", began.elapsed());
            std::process::abort();
        }
    }
}

/// A call that is watched until the value is dropped.
pub struct Watched {
    number: u64,
    began: Instant,
}

impl Watched {
    pub fn begin(call: String) -> Watched {
        let began = Instant::now();
        let mut clock = clock();
        clock.last += 1;
        let number = clock.last;
        clock.calls.insert(number, (began, call));
        Watched { number, began }
    }

    /// Returns the sum of this machine's delays since the call began.
    pub fn lateness(&self) -> Duration {
        let clock = clock();
        let now = Instant::now();
        let past = clock.late.iter().filter(|(at, _)| *at >= self.began).map(|(_, late)| *late).sum::<Duration>();
        past + clock.ticked.map_or(Duration::ZERO, |ticked| (now - ticked).saturating_sub(TICK + TOLERANCE))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        clock().calls.remove(&self.number);
    }
}
